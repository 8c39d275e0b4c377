"""The dip from its definition, by linear programmes; twin of :mod:`endotype.subtypes.dip_kernels`."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog


def dip(values: np.ndarray) -> float:
    """Least sup |F - F_n| over laws F convex up to a mode and concave after it, which may have an atom there.

    For each mode at a value the unknowns are F at every value, just before and at the mode, and the distance.
    F is a line between values, so that the distance is reached at one of them, from the left or the right.
    """
    x, counts = np.unique(values, return_counts=True)
    if len(x) == 1:
        return 0.5 / len(values)
    at = np.cumsum(counts) / len(values)
    before = at - counts / len(values)
    return min(_with_mode(x, before, at, mode) for mode in range(len(x)))


def _with_mode(x: np.ndarray, before: np.ndarray, at: np.ndarray, mode: int) -> float:
    m = len(x)
    # Unknowns: F(x_i-) and F(x_i), equal but for the mode, and d.
    rows: list[np.ndarray] = []
    limits: list[float] = []
    equal: list[np.ndarray] = []

    def unit(*places: tuple[int, float]) -> np.ndarray:
        row = np.zeros(2 * m + 1)
        for place, value in places:
            row[place] += value
        return row

    for i in range(m):
        for place, target in ((i, before[i]), (m + i, at[i])):
            rows += [unit((place, 1), (2 * m, -1)), unit((place, -1), (2 * m, -1))]
            limits += [target, -target]
        if i == mode:
            rows.append(unit((i, 1), (m + i, -1)))
            limits.append(0.0)
        else:
            equal.append(unit((i, 1), (m + i, -1)))
    slopes = [unit((m + i, -1 / (x[i + 1] - x[i])), (i + 1, 1 / (x[i + 1] - x[i]))) for i in range(m - 1)]
    for i, slope in enumerate(slopes):
        rows.append(-slope)
        limits.append(0.0)
        if i + 1 < m - 1 and i + 1 != mode:
            change = slopes[i + 1] - slope
            rows.append(-change if i + 1 < mode else change)
            limits.append(0.0)
    found = linprog(
        unit((2 * m, 1)),
        A_ub=np.array(rows),
        b_ub=limits,
        A_eq=np.array(equal) if equal else None,
        b_eq=np.zeros(len(equal)) if equal else None,
        bounds=[(0, 1)] * (2 * m) + [(0, None)],
    )
    return float(found.fun)
