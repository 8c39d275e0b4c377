"""The permutation test of outcomes, one division and one permutation at a time."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import chi2


def standardised_log_rank(scores: np.ndarray, labels: np.ndarray) -> tuple[float, int]:
    """Between-group sum of squares over the variance of the scores, and groups less one."""
    used = [(s, g) for s, g in zip(scores, labels, strict=True) if not math.isnan(s) and g >= 0]
    mean = sum(s for s, _ in used) / len(used)
    groups = sorted({g for _, g in used})
    if len(groups) < 2:
        return 0.0, 0
    between = 0.0
    for group in groups:
        members = [s for s, g in used if g == group]
        between += len(members) * (sum(members) / len(members) - mean) ** 2
    return between / (sum((s - mean) ** 2 for s, _ in used) / (len(used) - 1)), len(groups) - 1


def best_of_all(
    scores: list[np.ndarray], divisions: list[np.ndarray], permutations: int, seed: int
) -> list[list[float]]:
    """Adjusted p-value of each outcome and division."""

    def height(s: np.ndarray, labels: np.ndarray) -> float:
        statistic, freedom = standardised_log_rank(s, labels)
        return -math.log10(chi2.sf(statistic, freedom)) if freedom else 0.0

    rng = np.random.default_rng([seed, 7])
    best = []
    for _ in range(permutations):
        order = rng.permutation(len(divisions[0]))
        best.append(max(height(s, labels[order]) for s in scores for labels in divisions))
    return [
        [(1 + sum(b >= height(s, labels) - 1e-9 for b in best)) / (1 + permutations) for labels in divisions]
        for s in scores
    ]
