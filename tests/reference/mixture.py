"""The mixture model, one number at a time: the slow twin of :mod:`endotype.subtypes.kernels`.

Missing values are NaN here, and every sum is written out.
"""

from __future__ import annotations

import math

import numpy as np


def log_density(row: np.ndarray, binary: np.ndarray, location: np.ndarray, variance: np.ndarray) -> float:
    """log f_k(x) of one patient in one group, over the values that are there."""
    total = 0.0
    for j, x in enumerate(row):
        if math.isnan(x):
            continue
        if binary[j]:
            total += math.log(location[j] if x == 1 else 1 - location[j])
        else:
            total += math.log(
                math.exp(-((x - location[j]) ** 2) / (2 * variance[j])) / math.sqrt(2 * math.pi * variance[j])
            )
    return total


def posteriors(
    values: np.ndarray, binary: np.ndarray, weights: np.ndarray, location: np.ndarray, variance: np.ndarray
) -> tuple[np.ndarray, float]:
    """Bayes' rule for each patient, and the log likelihood of all."""
    result = np.zeros((len(values), len(weights)))
    likelihood = 0.0
    for i, row in enumerate(values):
        joint = [
            w * math.exp(log_density(row, binary, location[c], variance[c])) for c, w in enumerate(weights)
        ]
        likelihood += math.log(sum(joint))
        for c, value in enumerate(joint):
            result[i, c] = value / sum(joint)
    return result, likelihood


def maximise(
    values: np.ndarray,
    binary: np.ndarray,
    posterior: np.ndarray,
    centre: np.ndarray,
    spread: np.ndarray,
    strength: float,
    floor: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted means and variances; ``strength`` pseudo-patients are as ``centre`` and ``spread`` say."""
    n, p = values.shape
    k = posterior.shape[1]
    shares = [sum(posterior[i, c] for i in range(n)) + strength for c in range(k)]
    location, variance = np.zeros((k, p)), np.zeros((k, p))
    for c in range(k):
        for j in range(p):
            seen = [i for i in range(n) if not math.isnan(values[i, j])]
            mass = sum(posterior[i, c] for i in seen) + strength
            mean = (sum(posterior[i, c] * values[i, j] for i in seen) + strength * centre[j]) / mass
            square = sum(posterior[i, c] * (values[i, j] - mean) ** 2 for i in seen)
            square += strength * (spread[j] + (centre[j] - mean) ** 2)
            location[c, j] = mean
            variance[c, j] = mean * (1 - mean) if binary[j] else max(square / mass, floor)
    return np.array(shares) / sum(shares), location, variance


def em(
    values: np.ndarray,
    binary: np.ndarray,
    posterior: np.ndarray,
    strength: float,
    floor: float,
    iterations: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """A fixed number of iterations; weights, location, variance and log likelihood."""
    centre = np.array([np.nanmean(column) for column in values.T])
    spread = np.array([np.nanvar(column) for column in values.T])
    for _ in range(iterations):
        parameters = maximise(values, binary, posterior, centre, spread, strength, floor)
        posterior, likelihood = posteriors(values, binary, *parameters)
    return *parameters, likelihood


def log_rank_observed_minus_expected(
    time: np.ndarray, event: np.ndarray, labels: np.ndarray, group: int, entry: np.ndarray | None = None
) -> float:
    """The log-rank test's O - E of one group, from the 2 x 2 table at each time of an event."""
    total = 0.0
    for t in sorted(set(time[event == 1])):
        at_risk = time >= t
        if entry is not None:
            at_risk &= entry < t
        deaths = int(((time == t) & (event == 1)).sum())
        deaths_here = int(((time == t) & (event == 1) & (labels == group)).sum())
        total += deaths_here - deaths * (at_risk & (labels == group)).sum() / at_risk.sum()
    return total
