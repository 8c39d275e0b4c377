"""Consensus clustering, one pair at a time: the slow twin of :mod:`endotype.subtypes.consensus`."""

from __future__ import annotations

import math

import numpy as np


def consensus_matrix(labels: np.ndarray) -> np.ndarray:
    """Share of the groupings with both patients in which they are together; labels (n, groupings)."""
    n = len(labels)
    matrix = np.full((n, n), math.nan)
    for i in range(n):
        for j in range(n):
            both = [(a, b) for a, b in zip(labels[i], labels[j], strict=True) if a >= 0 and b >= 0]
            if both:
                matrix[i, j] = sum(a == b for a, b in both) / len(both)
    return matrix


def average_linkage_groups(distance: np.ndarray, k: int) -> list[set[int]]:
    """Merge the two groups of least mean distance between members until k are left."""
    groups = [{i} for i in range(len(distance))]
    while len(groups) > k:
        apart = {
            (a, b): sum(distance[i, j] for i in groups[a] for j in groups[b])
            / (len(groups[a]) * len(groups[b]))
            for a in range(len(groups))
            for b in range(a + 1, len(groups))
        }
        a, b = min(apart, key=lambda pair: apart[pair])
        groups[a] |= groups.pop(b)
    return groups


def pac(matrix: np.ndarray, low: float, high: float) -> float:
    """Share of pairs with low < consensus <= high."""
    values = [matrix[i, j] for i in range(len(matrix)) for j in range(i) if not math.isnan(matrix[i, j])]
    return sum(low < value <= high for value in values) / len(values)
