"""Plausible values for what a patient lacks, so that a classifier can average over them.

A classifier that needs every column is asked many times, with values drawn from what the patient's group
would have; the mean of its answers is the posterior given what was seen alone. Draws come from the
class-conditional mixture: a group by its posterior given the values seen, then each missing value by its law
in that group. The draws are points of a fixed Weyl sequence, not random numbers: a frozen model answers the
same for ever.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist

import numpy as np

from endotype.subtypes.kernels import BINARY, CATEGORY, COUNT, GAUSSIAN
from endotype.subtypes.mixture import Data, Mixture

DRAWS = 64
"""Draws per patient with missing values."""

TRAINING_DRAWS = 4
"""Draws per training patient with missing values; each weighs a quarter of a patient."""


@lru_cache(maxsize=8)
def uniforms(draws: int, columns: int) -> np.ndarray:
    """Points of a Weyl sequence in (0, 1), shape (draws, columns).

    Column j steps by the fractional part of the square root of the j-th prime, as independent columns need.
    """
    steps = np.sqrt(np.array(_primes(columns), float)) % 1.0
    points = (0.5 + np.arange(1, draws + 1)[:, None] * steps) % 1.0
    return np.clip(points, 1e-9, 1 - 1e-9)


def completed(mixture: Mixture, data: Data, weights: np.ndarray, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Values (n draws, p) with every hole filled, patient by patient, and the group each draw came from.

    Args:
        mixture: laws of the columns within groups.
        data: patients; values that were seen stay as they are.
        weights: chance of each group for each patient, shape (n, k), rows summing to 1.
        draws: per patient.
    """
    n, p = data.x.shape
    points = uniforms(draws, p + 1)
    values = np.repeat(data.x, draws, axis=0)
    groups = np.empty((n, draws), np.int64)
    bounds = np.cumsum(weights, axis=1)
    for d in range(draws):
        groups[:, d] = np.minimum((bounds < points[d, 0]).sum(axis=1), mixture.k - 1)
    group = groups.ravel()
    for j in np.flatnonzero(~data.seen.all(axis=0)):
        if data.kind[j] == CATEGORY:
            continue
        for i in np.flatnonzero(~data.seen[:, j]):
            rows = slice(i * draws, (i + 1) * draws)
            location, variance = mixture.location[group[rows], j], mixture.variance[group[rows], j]
            values[rows, j] = _draw(int(data.kind[j]), location, variance, points[:, j + 1], data.shift[i, j])
    for block in np.unique(data.block[data.kind == CATEGORY]):
        levels = np.flatnonzero((data.block == block) & (data.kind == CATEGORY))
        for i in np.flatnonzero(~data.seen[:, levels[0]]):
            rows = slice(i * draws, (i + 1) * draws)
            chances = np.cumsum(mixture.location[group[rows]][:, levels], axis=1)
            level = (chances < points[:, [levels[0] + 1]]).sum(axis=1)
            chosen = np.minimum(level, len(levels) - 1)
            values[rows, levels] = (chosen[:, None] == np.arange(len(levels))).astype(float)
    return values, group


def _draw(
    kind: int, location: np.ndarray, variance: np.ndarray, point: np.ndarray, shift: float
) -> np.ndarray:
    if kind == GAUSSIAN:
        return location + np.sqrt(variance) * _normal(tuple(point.tolist()))
    if kind == BINARY:
        odds = np.log(location) - np.log1p(-location) + shift
        return (point < 1 / (1 + np.exp(-odds))).astype(float)
    assert kind == COUNT
    # A count enters the classifier as a logarithm; its normal quantile is near enough there.
    return np.maximum(np.round(location + np.sqrt(variance) * _normal(tuple(point.tolist()))), 0.0)


@lru_cache(maxsize=4096)
def _normal(points: tuple[float, ...]) -> np.ndarray:
    inverse = NormalDist().inv_cdf
    return np.array([inverse(u) for u in points])


def _primes(count: int) -> list[int]:
    """The first primes."""
    limit = max(20, int(count * (np.log(count + 2) + np.log(np.log(count + 3)) + 2)))
    sieve = np.ones(limit + 1, bool)
    sieve[:2] = False
    for i in range(2, int(limit**0.5) + 1):
        if sieve[i]:
            sieve[i * i :: i] = False
    return np.flatnonzero(sieve)[:count].tolist()
