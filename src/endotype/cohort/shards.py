"""Cutting the genome into fixed windows, so that the jobs of a run are known before it starts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple

from endotype.ids import ID_PATTERN


class Shard(NamedTuple):
    """One window of one contig, 1-based and inclusive. ``name`` is safe as a file name."""

    name: str
    chrom: str
    start: int
    end: int


def shards(contigs: Iterable[tuple[str, int]], size: int) -> list[Shard]:
    """Windows of ``size`` bp that cover every contig from 1 to its length, in the order of the contigs.

    The windows depend on the contigs alone, never on the variants, so that one more patient does not move
    a single boundary.

    Args:
        contigs: name and length in bp; a length below 1 gives no window.
        size: width of a window in bp, at least 1.

    Raises:
        ValueError: ``size`` is below 1.
    """
    if size < 1:
        raise ValueError(f"shard size {size}: expected at least 1 bp")
    return [
        Shard(f"{_file_name(chrom)}_{start}_{end}", chrom, start, end)
        for chrom, length in contigs
        for start in range(1, length + 1, size)
        for end in [min(start + size - 1, length)]
    ]


def _file_name(contig: str) -> str:
    """The contig's name, or, where a file can't be called so, a readable part of it and a hash."""
    if ID_PATTERN.fullmatch(contig):
        return contig
    readable = re.sub(r"[^A-Za-z0-9.-]+", "-", contig).strip("-.")[:32] or "contig"
    return f"{readable}-{hashlib.sha256(contig.encode()).hexdigest()[:8]}"
