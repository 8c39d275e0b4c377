"""Numba kernel of Harrell's concordance: pairs counted with a tree of ranks, in O(n log n)."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True)
def count_pairs(
    rank: np.ndarray,
    n_ranks: int,
    event: np.ndarray,
    by_time: np.ndarray,
    time: np.ndarray,
    by_entry: np.ndarray,
    entry: np.ndarray,
) -> tuple[int, int, int]:
    """Pairs of a person with an event and one who is still followed after it.

    Times descend. The tree holds those who are followed beyond the present time, by rank of their risk; who
    enters at it or after goes out again. People of the same time come in after its events were counted,
    but for the censored, who are known to have outlived it.

    Args:
        rank: int64 (n,), dense rank of the risk, from 1.
        n_ranks: number of distinct risks.
        event: uint8 (n,).
        by_time: int64 (n,), people by descending time.
        time: float64 (n,).
        by_entry: int64 (n,), people by descending entry.
        entry: float64 (n,), before ``time``.

    Returns:
        Pairs in which the one with the event had the higher risk, the lower risk, the same risk.
    """
    n = rank.shape[0]
    tree = np.zeros(n_ranks + 1, np.int64)
    inside = np.zeros(n, np.uint8)
    present = higher = lower = same = 0
    start = left = 0
    while start < n:
        now = time[by_time[start]]
        stop = start
        while stop < n and time[by_time[stop]] == now:
            stop += 1
        for q in range(start, stop):
            i = by_time[q]
            if not event[i]:
                _add(tree, rank[i], 1)
                inside[i] = 1
                present += 1
        while left < n and entry[by_entry[left]] >= now:
            i = by_entry[left]
            if inside[i]:
                _add(tree, rank[i], -1)
                inside[i] = 0
                present -= 1
            left += 1
        for q in range(start, stop):
            i = by_time[q]
            if event[i]:
                below = _up_to(tree, rank[i] - 1)
                until = _up_to(tree, rank[i])
                higher += below
                same += until - below
                lower += present - until
        for q in range(start, stop):
            i = by_time[q]
            if event[i]:
                _add(tree, rank[i], 1)
                inside[i] = 1
                present += 1
        start = stop
    return higher, lower, same


@numba.njit(cache=True)
def _add(tree: np.ndarray, place: int, number: int) -> None:
    while place < tree.shape[0]:
        tree[place] += number
        place += place & -place


@numba.njit(cache=True)
def _up_to(tree: np.ndarray, place: int) -> int:
    total = 0
    while place > 0:
        total += tree[place]
        place -= place & -place
    return total
