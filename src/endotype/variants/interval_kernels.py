"""Numba kernels over intervals. Arrays in, arrays out; slow twins stand in ``tests/reference/``."""

from __future__ import annotations

import numba
import numpy as np

UNKNOWN = -1
"""A depth or quality that the file doesn't give."""


@numba.njit(cache=True, nogil=True)
def covering(
    offsets: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    reach: np.ndarray,
    depth: np.ndarray,
    quality: np.ndarray,
    low: int,
    high: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whether every base from ``low`` to ``high`` lies in blocks of each patient.

    Args:
        offsets: int64 (n + 1,), the blocks of patient ``p`` are ``offsets[p] .. offsets[p + 1] - 1``.
        start, end: int32 (m,), 1-based and inclusive; starts ascend within a patient.
        reach: int32 (m,), the largest end so far within the patient.
        depth, quality: int32 (m,), ``UNKNOWN`` where the file gives none.
        low, high: 1-based and inclusive.

    Returns:
        covered bool (n,); depth and quality int32 (n,), the smallest that is known of the blocks that
        overlap, ``UNKNOWN`` where none is, and where the interval is not covered. A block of depth 0 is
        where no read was seen; it covers nothing.
    """
    n = len(offsets) - 1
    covered = np.zeros(n, np.bool_)
    least_depth = np.full(n, UNKNOWN, np.int32)
    least_quality = np.full(n, UNKNOWN, np.int32)
    for p in range(n):
        first, stop = offsets[p], offsets[p + 1]
        at = first + np.searchsorted(reach[first:stop], low)
        needed = low  # the first base that no block was found for
        d, q = UNKNOWN, UNKNOWN
        while at < stop and start[at] <= high and start[at] <= needed:
            if end[at] >= low:
                if depth[at] != UNKNOWN and (d == UNKNOWN or depth[at] < d):
                    d = depth[at]
                if quality[at] != UNKNOWN and (q == UNKNOWN or quality[at] < q):
                    q = quality[at]
                needed = max(needed, end[at] + 1)
            at += 1
        if needed > high and d != 0:
            covered[p] = True
            least_depth[p] = d
            least_quality[p] = q
    return covered, least_depth, least_quality
