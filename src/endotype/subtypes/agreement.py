"""How far two groupings agree, and how far a grouping goes with a measure: indices without a p-value."""

from __future__ import annotations

import numpy as np


def contingency(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Counts of every pair of groups; ``a`` and ``b`` are int64 (n,) from 0. Shape (groups of a, of b)."""
    rows, columns = int(a.max(initial=-1)) + 1, int(b.max(initial=-1)) + 1
    return np.bincount(a * columns + b, minlength=rows * columns).reshape(rows, columns)


def adjusted_rand_index(a: np.ndarray, b: np.ndarray) -> float:
    """:func:`rand_of_table` of two groupings, int64 (n,) from 0."""
    return rand_of_table(contingency(a, b))


def rand_of_table(table: np.ndarray) -> float:
    """Pairs that two groupings put together, corrected for chance (Hubert & Arabie 1985, J Classif 2:193).

    0 is what chance gives, 1 is the same grouping. NaN where both groupings leave nothing to agree on.

    Args:
        table: of :func:`contingency`.
    """
    table = table.astype(float)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    n = table.sum()
    together, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    if n < 2:
        return float("nan")
    expected, most = rows * columns / (n * (n - 1) / 2), (rows + columns) / 2
    return (together - expected) / (most - expected) if most > expected else float("nan")


def eta_squared(values: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Share of the variance of ``values`` (n,) that lies between k groups; NaN for a constant."""
    centred = values - values.mean()
    total = float((centred**2).sum())
    if not total > 1e-24 * max(float((values**2).sum()), 1e-300):
        return float("nan")
    size = np.bincount(labels, minlength=k)
    sums = np.bincount(labels, weights=centred, minlength=k)
    between = float((sums[size > 0] ** 2 / size[size > 0]).sum())
    return min(between / total, 1.0)


def pearson_chi2(table: np.ndarray) -> float:
    """Pearson's chi-square of a table of counts; rows and columns without anybody don't matter."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0].astype(float)
    if table.size == 0:
        return 0.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    return float(((table - expected) ** 2 / expected).sum())


def cramers_v(table: np.ndarray) -> float:
    """Cramér's V of a table of counts, corrected for bias (Bergsma 2013, J Korean Stat Soc 42:323).

    sqrt(f / min(r' - 1, c' - 1)) with f = max(0, chi2 / n - (r - 1)(c - 1) / (n - 1)),
    r' = r - (r - 1)^2 / (n - 1), and c' alike. NaN where a side has one group only.
    """
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    rows, columns = table.shape
    n = int(table.sum())
    if min(rows, columns) < 2 or n < 3:
        return float("nan")
    excess = max(0.0, pearson_chi2(table) / n - (rows - 1) * (columns - 1) / (n - 1))
    most = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return float(np.sqrt(excess / most)) if most > 0 else float("nan")


def standardised_difference(inside: np.ndarray, outside: np.ndarray) -> float:
    """Difference of means over the root of the mean variance (Austin 2009, Stat Med 28:3083).

    Of values 0 and 1 it is the standardised difference of two shares. NaN without two people on a side, or
    without variance.
    """
    if len(inside) < 2 or len(outside) < 2:
        return float("nan")
    spread = np.sqrt((inside.var() + outside.var()) / 2)
    return float((inside.mean() - outside.mean()) / spread) if spread > 0 else float("nan")
