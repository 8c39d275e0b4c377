"""Depth of the reads of a BAM or CRAM file that a variant could be called from."""

from __future__ import annotations

import numpy as np
import pysam

MIN_MAPPING_QUALITY = 20
MIN_BASE_QUALITY = 20
"""Phred-scaled; reads and bases below these are not counted (an error of 1 in 100)."""

_UNUSED = pysam.FUNMAP | pysam.FSECONDARY | pysam.FQCFAIL | pysam.FDUP | pysam.FSUPPLEMENTARY


def read_depth(alignment: pysam.AlignmentFile, chrom: str, start: int, end: int) -> np.ndarray:
    """Usable reads over each base from ``start`` to ``end`` (1-based, inclusive), int64 (end - start + 1,).

    Not counted: reads that are unmapped, secondary, supplementary, duplicates, failed quality control, or of
    mapping quality below 20; bases of quality below 20, and N. Where mates overlap both count, as in
    ``samtools depth`` without ``-s``.
    """
    counts = alignment.count_coverage(
        chrom, start - 1, end, quality_threshold=MIN_BASE_QUALITY, read_callback=_is_usable
    )
    depth = np.zeros(end - start + 1, np.int64)
    for of_base in counts:
        depth += np.frombuffer(of_base, np.dtype(of_base.typecode)).astype(np.int64)
    return depth


def _is_usable(read: pysam.AlignedSegment) -> bool:
    return not read.flag & _UNUSED and read.mapping_quality >= MIN_MAPPING_QUALITY
