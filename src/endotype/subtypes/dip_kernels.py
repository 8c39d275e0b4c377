"""Inner loop of the dip test: arrays in, numbers out, one thread."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def dip(x: np.ndarray) -> float:
    """Largest distance of the empirical law of ``x`` from the nearest unimodal one; at least 1 / (2 n).

    Algorithm AS 217 (Hartigan 1985, Appl Stat 34:320): between ``low`` and ``high`` the greatest convex
    minorant and the least concave majorant are compared; where they are furthest apart is the next, narrower
    mode, until what lies outside of it is further from convex or concave than that.

    Args:
        x: float64, sorted, shape (n,).
    """
    n = x.shape[0]
    if n < 2 or x[0] == x[n - 1]:
        return 0.5 / max(n, 1)
    convex, concave = _hull_links(x)
    low, high = 0, n - 1
    best = 1.0
    left = np.empty(n, np.int64)
    right = np.empty(n, np.int64)
    while True:
        # Corners of the minorant from high down to low, and of the majorant from low up to high.
        left[0] = high
        n_left = 1
        while left[n_left - 1] > low:
            left[n_left] = convex[left[n_left - 1]]
            n_left += 1
        right[0] = low
        n_right = 1
        while right[n_right - 1] < high:
            right[n_right] = concave[right[n_right - 1]]
            n_right += 1
        gap, g, h = _widest_gap(x, left, n_left, right, n_right)
        if gap < best:
            break
        for a in range(g, n_left - 1):
            best = max(best, _above_chord(x, left[a + 1], left[a]))
        for a in range(h, n_right - 1):
            best = max(best, _below_chord(x, right[a], right[a + 1]))
        if low == left[g] and high == right[h]:
            break
        low, high = left[g], right[h]
    return best / (2 * n)


@numba.njit(cache=True, nogil=True)
def _hull_links(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each point the previous corner of the minorant, and the next corner of the majorant."""
    n = x.shape[0]
    convex = np.zeros(n, np.int64)
    for j in range(1, n):
        convex[j] = j - 1
        while True:
            a = convex[j]
            b = convex[a]
            if a == 0 or (x[j] - x[a]) * (a - b) < (x[a] - x[b]) * (j - a):
                break
            convex[j] = b
    concave = np.full(n, n - 1, np.int64)
    for j in range(n - 2, -1, -1):
        concave[j] = j + 1
        while True:
            a = concave[j]
            b = concave[a]
            if a == n - 1 or (x[j] - x[a]) * (a - b) < (x[a] - x[b]) * (j - a):
                break
            concave[j] = b
    return convex, concave


@numba.njit(cache=True, nogil=True)
def _widest_gap(
    x: np.ndarray, left: np.ndarray, n_left: int, right: np.ndarray, n_right: int
) -> tuple[float, int, int]:
    """Greatest distance between majorant and minorant, and the corners of both that enclose it."""
    g, h = n_left - 1, n_right - 1
    if n_left == 2 and n_right == 2:
        return 1.0, g, h
    a, b = n_left - 2, 1
    gap = 0.0
    while True:
        corner_left, corner_right = left[a], right[b]
        if corner_left > corner_right:
            before = left[a + 1]
            slope = (corner_left - before) / (x[corner_left] - x[before])
            distance = (corner_right - before + 1) - (x[corner_right] - x[before]) * slope
            b += 1
            if distance >= gap:
                gap, g, h = distance, a + 1, b - 1
        else:
            before = right[b - 1]
            slope = (corner_right - before) / (x[corner_right] - x[before])
            distance = (x[corner_left] - x[before]) * slope - (corner_left - before - 1)
            a -= 1
            if distance >= gap:
                gap, g, h = distance, a + 1, b
        a, b = max(a, 0), min(b, n_right - 1)
        if left[a] == right[b]:
            return gap, g, h


@numba.njit(cache=True, nogil=True)
def _above_chord(x: np.ndarray, begin: int, end: int) -> float:
    """How far the empirical law rises over the chord of two corners of the minorant, in patients."""
    most = 1.0
    if end - begin > 1 and x[end] != x[begin]:
        slope = (end - begin) / (x[end] - x[begin])
        for i in range(begin, end + 1):
            most = max(most, (i - begin + 1) - (x[i] - x[begin]) * slope)
    return most


@numba.njit(cache=True, nogil=True)
def _below_chord(x: np.ndarray, begin: int, end: int) -> float:
    """How far the empirical law falls under the chord of two corners of the majorant, in patients."""
    most = 1.0
    if end - begin > 1 and x[end] != x[begin]:
        slope = (end - begin) / (x[end] - x[begin])
        for i in range(begin, end + 1):
            most = max(most, (x[i] - x[begin]) * slope - (i - begin - 1))
    return most


@numba.njit(cache=True, nogil=True)
def dips(samples: np.ndarray) -> np.ndarray:
    """:func:`dip` of each row of ``samples`` (B, n), in any order; shape (B,)."""
    out = np.empty(samples.shape[0])
    for b in range(samples.shape[0]):
        out[b] = dip(np.sort(samples[b]))
    return out
