"""The bases that a BED file lists."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from endotype.cohort.coverage_files import bed_intervals
from endotype.errors import InputError, Problem, visible
from endotype.variants.intervals import Intervals, union


def read_bed(path: str | Path, lengths: Mapping[str, int] | None = None) -> dict[str, Intervals]:
    """The bases of a BED file by contig, as the 1-based inclusive :func:`union` of its lines.

    Args:
        path: plain, gzip or bgzip.
        lengths: of contigs in bp; an interval that ends after its contig is an error. Others aren't checked.

    Raises:
        InputError: see :func:`endotype.cohort.coverage_files.bed_intervals`; or past the end of a contig.
    """
    starts: dict[str, array[int]] = {}
    ends: dict[str, array[int]] = {}
    for line, chrom, start, end in bed_intervals(path):
        if lengths and end > lengths.get(chrom, end):
            found = f"{visible(chrom)} up to {end:,}"
            expected = f"at most {lengths[chrom]:,}, the length of the contig"
            raise InputError(Problem(str(path), line, "", found, expected))
        starts.setdefault(chrom, array("q")).append(start + 1)
        ends.setdefault(chrom, array("q")).append(end)
    return {chrom: _bases(np.array(starts[chrom]), np.array(ends[chrom])) for chrom in starts}


def _bases(start: np.ndarray, end: np.ndarray) -> Intervals:
    """Without intervals of no width, which mark a place between two bases."""
    return union(start[end >= start], end[end >= start])
