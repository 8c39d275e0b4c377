"""The mixture model, one number at a time: the slow twin of :mod:`endotype.subtypes.kernels`.

Missing values are NaN here, and every sum is written out.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import nbinom, poisson

from endotype.subtypes.kernels import BINARY, CATEGORY, GAUSSIAN


def log_value(x: float, kind: int, location: float, variance: float, shift: float = 0.0) -> float:
    """log density or probability of one value in one group."""
    if kind == GAUSSIAN:
        density = math.exp(-((x - location) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
        return math.log(density)
    if kind == BINARY:
        odds = location / (1 - location) * math.exp(shift)
        return math.log(odds / (1 + odds) if x == 1 else 1 / (1 + odds))
    if kind == CATEGORY:
        return math.log(location) if x == 1 else 0.0
    mean, dispersion = location * math.exp(shift), (variance - location) / location**2
    if dispersion < 1e-8:
        return float(poisson.logpmf(x, mean))
    return float(nbinom.logpmf(x, 1 / dispersion, 1 / (1 + dispersion * mean)))


def log_density(
    row: np.ndarray,
    kind: np.ndarray,
    location: np.ndarray,
    variance: np.ndarray,
    shift: np.ndarray | None = None,
) -> float:
    """log f_k(x) of one patient in one group, over the values that are there."""
    total = 0.0
    for j, x in enumerate(row):
        if not math.isnan(x):
            total += log_value(x, kind[j], location[j], variance[j], 0.0 if shift is None else shift[j])
    return total


def posteriors(
    values: np.ndarray,
    kind: np.ndarray,
    weights: np.ndarray,
    location: np.ndarray,
    variance: np.ndarray,
    shift: np.ndarray | None = None,
) -> tuple[np.ndarray, float]:
    """Bayes' rule for each patient, and the log likelihood of all."""
    result = np.zeros((len(values), len(weights)))
    likelihood = 0.0
    for i, row in enumerate(values):
        moved = None if shift is None else shift[i]
        joint = [
            w * math.exp(log_density(row, kind, location[c], variance[c], moved))
            for c, w in enumerate(weights)
        ]
        likelihood += math.log(sum(joint))
        for c, value in enumerate(joint):
            result[i, c] = value / sum(joint)
    return result, likelihood


def maximise(
    values: np.ndarray,
    kind: np.ndarray,
    posterior: np.ndarray,
    centre: np.ndarray,
    spread: np.ndarray,
    strength: float,
    floor: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted means and variances; ``strength`` pseudo-patients are as ``centre`` and ``spread`` say.

    Gaussian, binary and category columns without shifts only.
    """
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
            variance[c, j] = max(square / mass, floor) if kind[j] == GAUSSIAN else mean * (1 - mean)
    return np.array(shares) / sum(shares), location, variance


def em(
    values: np.ndarray,
    kind: np.ndarray,
    posterior: np.ndarray,
    strength: float,
    floor: float,
    iterations: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """A fixed number of iterations; weights, location, variance and log likelihood."""
    centre = np.array([np.nanmean(column) for column in values.T])
    spread = np.array([np.nanvar(column) for column in values.T])
    for _ in range(iterations):
        parameters = maximise(values, kind, posterior, centre, spread, strength, floor)
        posterior, likelihood = posteriors(values, kind, *parameters)
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
