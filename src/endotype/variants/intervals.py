"""Sets of bases as sorted, disjoint intervals: 1-based, both ends included, int64 arrays."""

from __future__ import annotations

import numpy as np

Intervals = tuple[np.ndarray, np.ndarray]
"""Start and end."""


def union(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bases of any intervals as the fewest disjoint ones: start and end int64 (k,), ascending."""
    if not len(start):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order = np.argsort(start, kind="stable")
    start, end = start[order].astype(np.int64), end[order].astype(np.int64)
    reach = np.maximum.accumulate(end)
    first = np.flatnonzero(np.r_[True, start[1:] > reach[:-1] + 1])
    return start[first], reach[np.r_[first[1:] - 1, len(reach) - 1]]


def bases_within(low: np.ndarray, high: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """How many bases of each query ``low .. high`` (m,) lie in a :func:`union`, int64 (m,)."""
    if not len(start):
        return np.zeros(len(low), np.int64)
    before = np.r_[0, np.cumsum(end - start + 1)]

    def up_to(position: np.ndarray) -> np.ndarray:
        """Bases of the union at or before each position."""
        n = np.searchsorted(start, position, side="right")
        last = np.maximum(n - 1, 0)
        return before[n] - np.where(n > 0, np.maximum(end[last] - position, 0), 0)

    return up_to(high) - up_to(low - 1)
