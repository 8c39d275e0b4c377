"""The CSI index of a BCF: where in the file the records of a place stand.

A position belongs to nested bins, the smallest of 2^14 bp, and the index lists for each bin the parts of the
file that hold its records (CSI specification 1). Offsets are virtual: block in the file, place in the block.
"""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path

from endotype.variants.bgzf import BgzfWriter

MIN_SHIFT, DEPTH = 14, 5

_COUNTS = ((1 << 3 * (DEPTH + 1)) - 1) // 7 + 1  # the bin in which htslib keeps how many records there are


class IndexBuilder:
    """Collects records in file order; one instance per file."""

    def __init__(self, n_contigs: int) -> None:
        self._bins: list[dict[int, list[list[int]]]] = [{} for _ in range(n_contigs)]
        self._lowest: list[dict[int, int]] = [{} for _ in range(n_contigs)]
        self._spans: list[list[int]] = [[] for _ in range(n_contigs)]

    def add(self, rid: int, start: int, end: int, before: int, after: int) -> None:
        """One record: 0-based half-open interval on contig ``rid``, virtual offsets around it."""
        number = bin_of(start, end, MIN_SHIFT, DEPTH)
        chunks = self._bins[rid].setdefault(number, [])
        if chunks and chunks[-1][1] == before:
            chunks[-1][1] = after
        else:
            chunks.append([before, after])
        windows = self._lowest[rid]
        for window in range(start >> MIN_SHIFT, (max(end, start + 1) - 1 >> MIN_SHIFT) + 1):
            windows.setdefault(window, before)
        span = self._spans[rid]
        if span:
            span[1], span[2] = after, span[2] + 1
        else:
            span += [before, after, 1]

    def to_bytes(self) -> bytes:
        """The index file, compressed."""
        parts = [b"CSI\1", struct.pack("<3i", MIN_SHIFT, DEPTH, 0), struct.pack("<i", len(self._bins))]
        for bins, windows, span in zip(self._bins, self._lowest, self._spans, strict=True):
            parts.append(struct.pack("<i", len(bins) + bool(span)))
            for number in sorted(bins):
                chunks = bins[number]
                parts.append(struct.pack("<IQi", number, _lowest_offset(number, windows), len(chunks)))
                parts += [struct.pack("<QQ", *chunk) for chunk in chunks]
            if span:
                parts.append(struct.pack("<IQi", _COUNTS, 0, 2))
                parts.append(struct.pack("<4Q", span[0], span[1], span[2], 0))
        parts.append(struct.pack("<Q", 0))
        return _compressed(b"".join(parts))


def bin_of(start: int, end: int, min_shift: int, depth: int) -> int:
    """The smallest bin that holds a 0-based half-open interval."""
    last = max(end, start + 1) - 1
    shift, first = min_shift, ((1 << 3 * depth) - 1) // 7
    for level in range(depth, 0, -1):
        if start >> shift == last >> shift:
            return first + (start >> shift)
        shift += 3
        first -= 1 << 3 * (level - 1)
    return 0


def first_offset(index: str | Path, rid: int, start: int, end: int) -> int | None:
    """Virtual offset from which the records of ``start .. end`` (1-based, included) can be read on.

    ``None`` when there are none. Records before ``start`` may come first.
    """
    with gzip.open(index) as stream:
        data = stream.read()
    if data[:4] != b"CSI\1":
        raise ValueError(f"{index} is not a CSI index")
    min_shift, depth, extra = struct.unpack_from("<3i", data, 4)
    at = 16 + extra
    n_contigs = struct.unpack_from("<i", data, at)[0]
    at += 4
    if not 0 <= rid < n_contigs:
        return None
    wanted = _overlapping_bins(start - 1, end, min_shift, depth)
    chunks: list[tuple[int, int]] = []
    lowest: dict[int, int] = {}
    for contig in range(n_contigs):
        n_bins = struct.unpack_from("<i", data, at)[0]
        at += 4
        for _ in range(n_bins):
            number, offset, n_chunks = struct.unpack_from("<IQi", data, at)
            at += 16
            if contig == rid and number in wanted:
                flat = struct.unpack_from(f"<{2 * n_chunks}Q", data, at)
                chunks += zip(flat[::2], flat[1::2], strict=True)
                lowest[number] = offset
            at += 16 * n_chunks
        if contig == rid:
            break
    floor = _floor(start - 1, lowest, min_shift, depth)
    return min((begin for begin, stop in chunks if stop > floor), default=None)


def _overlapping_bins(start: int, end: int, min_shift: int, depth: int) -> set[int]:
    wanted, first, shift = {0}, 1, min_shift + 3 * depth
    last = min(max(end, start + 1) - 1, (1 << shift) - 1)
    for level in range(1, depth + 1):
        shift -= 3
        wanted |= set(range(first + (start >> shift), first + (last >> shift) + 1))
        first += 1 << 3 * level
    return wanted


def _floor(start: int, lowest: dict[int, int], min_shift: int, depth: int) -> int:
    """No record that reaches ``start`` stands before this offset: from the smallest bin around it."""
    number = bin_of(start, start + 1, min_shift, depth)
    while True:
        if number in lowest:
            return lowest[number]
        if number == 0:
            return 0
        number = (number - 1) >> 3


def _lowest_offset(number: int, windows: dict[int, int]) -> int:
    """Offset of the first record that overlaps the first 16 kb window of a bin (or the next that has any)."""
    first, level = 0, 0
    while number >= first + (1 << 3 * level):
        first += 1 << 3 * level
        level += 1
    window = (number - first) << 3 * (DEPTH - level)
    stop = window + (1 << 3 * (DEPTH - level))
    while window < stop and window not in windows:
        window += 1
    return windows.get(window, 0)


def _compressed(data: bytes) -> bytes:
    out = io.BytesIO()
    writer = BgzfWriter(out)
    writer.write(data)
    writer.close()
    return out.getvalue()


def record_counts(index: str | Path, contigs: dict[int, str]) -> dict[str, int] | None:
    """How many records the index of a VCF or BCF counts on each contig that has any.

    Args:
        index: .csi or .tbi.
        contigs: names by number, for an index that doesn't hold them (that of a BCF).

    Returns:
        ``None`` when the index doesn't count records.
    """
    with gzip.open(index) as stream:
        data = stream.read()
    if data[:4] == b"TBI\1":
        n_contigs, at = struct.unpack_from("<i", data, 4)[0], 8
        depth, names, at = DEPTH, *_tabix_names(data, at)
    elif data[:4] == b"CSI\1":
        _, depth, extra = struct.unpack_from("<3i", data, 4)
        names = _tabix_names(data, 16)[0] if extra >= 28 else []
        n_contigs, at = struct.unpack_from("<i", data, 16 + extra)[0], 20 + extra
    else:
        raise ValueError(f"{index} is neither a CSI nor a TBI index")
    tbi = data[:4] == b"TBI\1"
    special = ((1 << 3 * (depth + 1)) - 1) // 7 + 1
    counts: dict[str, int] = {}
    counted = True
    for contig in range(n_contigs):
        n_bins = struct.unpack_from("<i", data, at)[0]
        at += 4
        found = None
        for _ in range(n_bins):
            number, n_chunks = struct.unpack_from("<I", data, at)[0], 0
            at += 4 if tbi else 12
            n_chunks = struct.unpack_from("<i", data, at)[0]
            at += 4
            if number == special and n_chunks == 2:
                found = struct.unpack_from("<Q", data, at + 16)[0]
            at += 16 * n_chunks
        if tbi:
            at += 4 + 8 * struct.unpack_from("<i", data, at)[0]
        if n_bins and found is None:
            counted = False
        if found:
            counts[names[contig] if names else contigs[contig]] = int(found)
    return counts if counted else None


def _tabix_names(data: bytes, at: int) -> tuple[list[str], int]:
    """Contig names of a tabix header that begins at its format field, and where what follows begins."""
    length = struct.unpack_from("<i", data, at + 24)[0]
    names = data[at + 28 : at + 28 + length].split(b"\0")[:-1]
    return [name.decode("utf-8", "replace") for name in names], at + 28 + length
