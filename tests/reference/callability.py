"""Blocks, intervals and depth as a reader would write them down: base by base, with sets. Slow on purpose."""

from __future__ import annotations

from collections.abc import Iterable

Block = tuple[int, int, int | None, int | None]
"""Start, end (1-based, inclusive), depth, quality."""


def covered_by(blocks: Iterable[Block], low: int, high: int) -> tuple[bool, int, int]:
    """Whether every base of ``low .. high`` is in a block; the least known depth and quality, or -1."""
    touching = [b for b in blocks if b[0] <= high and b[1] >= low]
    bases = {base for start, end, _, _ in touching for base in range(start, end + 1)}
    depth = min((d for _, _, d, _ in touching if d is not None), default=-1)
    quality = min((q for _, _, _, q in touching if q is not None), default=-1)
    if depth == 0 or not set(range(low, high + 1)) <= bases:
        return False, -1, -1
    return True, depth, quality


def bases(intervals: Iterable[tuple[int, int]]) -> set[int]:
    """The bases of 1-based inclusive intervals."""
    return {base for start, end in intervals for base in range(start, end + 1)}


def coding_bases(gff: str, gene_id: str) -> set[int]:
    """The coding bases of one gene of a GFF3 text: CDS lines of its protein-coding transcripts."""
    rows = [line.split("\t") for line in gff.splitlines() if line and line[0] != "#"]
    coding = [
        cells[8].split(";")[0].removeprefix("ID=")
        for cells in rows
        if f"Parent=gene:{gene_id};" in cells[8] + ";" and "biotype=protein_coding" in cells[8]
    ]
    return bases(
        (int(cells[3]), int(cells[4]))
        for cells in rows
        if cells[2] == "CDS" and cells[8].removeprefix("Parent=") in coding
    )


def usable_depth(reads: Iterable, contig: str, position: int) -> int:
    """Usable reads over a 1-based position: each read's aligned pairs, one by one."""
    depth = 0
    for read in reads:
        bad = (
            read.is_unmapped
            or read.is_secondary
            or read.is_supplementary
            or read.is_duplicate
            or read.is_qcfail
        )
        if bad or read.reference_name != contig or read.mapping_quality < 20:
            continue
        for in_read, in_contig in read.get_aligned_pairs(matches_only=True):
            if in_contig == position - 1:
                depth += read.query_qualities[in_read] >= 20 and read.query_sequence[in_read] in "ACGT"
    return depth
