"""Cohorts without groups that look like the real one: same correlations, same margins, same holes.

A single latent gradient, or any correlation between features, makes a mixture fit better with two groups
than with one although there are none. The gain is therefore compared with the gain on simulated cohorts: a
latent vector with the features' correlation is drawn along its principal axes (John et al. 2020, "M3C"),
with gaussian or with uniform scores (Tibshirani, Walther & Hastie 2001). Of binary features it is cut at
the observed rates, of categories the level that stands out most is taken, and of counts it becomes the
observed value of the same rank. What confounders do to a patient's odds and means stays with the patient.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm, rankdata

from endotype.subtypes.kernels import BINARY, CATEGORY, COUNT
from endotype.subtypes.mixture import Data, fit_from

Shape = Literal["gaussian", "uniform"]
SHAPES: tuple[Shape, ...] = ("gaussian", "uniform")

CALIBRATIONS = 20
"""Rounds in which the levels of a category are brought to their observed shares."""


def simulate(data: Data, factor: np.ndarray, shape: Shape, rng: np.random.Generator) -> Data:
    """One cohort of one group.

    Args:
        data: the real cohort, which gives size, margins and missing pattern.
        factor: of :func:`latent_factor`.
        shape: law of the scores along the principal axes, each of variance 1.
        rng: source of the draws.
    """
    n, p = data.x.shape
    scores = rng.standard_normal((n, p)) if shape == "gaussian" else rng.uniform(-(3**0.5), 3**0.5, (n, p))
    latent = scores @ factor.T
    x = latent.copy()
    rate = fit_from(data, np.ones((n, 1)), 1, strength=0.0)[1].location[0] if n else np.zeros(p)
    for j in np.flatnonzero(data.kind == BINARY):
        x[:, j] = _upper_rank(latent[:, j]) <= expit(logit(rate[j]) + data.shift[:, j])
    for j in np.flatnonzero(data.kind == COUNT):
        x[:, j] = _counts(latent[:, j], data.x[:, j], data.seen[:, j], data.shift[:, j])
    for block in np.unique(data.block[data.kind == CATEGORY]):
        columns = np.flatnonzero(data.block == block)
        x[:, columns] = _levels(latent[:, columns], rate[columns])
    return data.with_values(x)


def _upper_rank(latent: np.ndarray) -> np.ndarray:
    """(rank - 1/2) / n, from the largest; shape (n,)."""
    return (rankdata(-latent, "ordinal") - 0.5) / len(latent)


def _counts(latent: np.ndarray, x: np.ndarray, seen: np.ndarray, shift: np.ndarray) -> np.ndarray:
    if not seen.any():
        return np.zeros(len(latent))
    observed = np.sort(x[seen] * np.exp(-shift[seen]))
    place = np.minimum((1 - _upper_rank(latent)) * len(observed), len(observed) - 1).astype(int)
    return np.rint(observed[place] * np.exp(shift))


def _levels(latent: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """One 1 in each row, in about the shares ``rate`` (levels,) of the columns."""
    offset = norm.ppf(np.clip(rate, 1e-6, 1 - 1e-6))
    for _ in range(CALIBRATIONS):
        share = np.bincount((latent + offset).argmax(axis=1), minlength=len(rate)) / max(len(latent), 1)
        offset = offset + 0.5 * (np.log(np.maximum(rate, 1e-6)) - np.log(np.maximum(share, 1e-3)))
    return np.eye(len(rate))[(latent + offset).argmax(axis=1)]


def latent_factor(data: Data) -> np.ndarray:
    """L of shape (p, p) with L Lᵀ the nearest correlation matrix of the features' latent normals."""
    values, vectors = np.linalg.eigh(latent_correlation(data))
    factor = vectors * np.sqrt(np.clip(values, 0, None))
    return factor / np.sqrt((factor**2).sum(axis=1, keepdims=True))


def latent_correlation(data: Data) -> np.ndarray:
    """Correlations of the normals behind the features, from patients in whom both were seen; shape (p, p).

    Pearson for two numbers (counts as standardised log(1 + x)), biserial for a number and a binary feature,
    tetrachoric by the formula of Bonett & Price (2005, J Educ Behav Stat 30:213) for two binary ones. A level
    of a category counts as binary. 0 where it can't be told: under three patients, or a constant feature.
    """
    binary = np.isin(data.kind, (BINARY, CATEGORY))
    x = np.where(data.kind == COUNT, data.points, data.x)
    seen = data.seen.astype(float)
    number = seen.T @ seen
    # Entry (a, b) is the mean of feature a over patients in whom b was seen too.
    mean = (x.T @ seen) / np.maximum(number, 1)
    variance = np.maximum((x**2).T @ seen / np.maximum(number, 1) - mean**2, 0.0)
    product = x.T @ x
    known = (number >= 3) & (np.minimum(variance, variance.T) > 1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (product / number - mean * mean.T) / np.sqrt(variance * variance.T)
        attenuation = np.sqrt(mean * (1 - mean)) / norm.pdf(norm.ppf(mean))
        r = np.where(binary[:, None], r * attenuation, r)
        r = np.where(binary, r * attenuation.T, r)
        r = np.clip(r, -0.99, 0.99)
        two = binary[:, None] & binary
        r = np.where(two, _tetrachoric(product, mean * number, mean, number), r)
    r = np.where(known, r, 0.0)
    np.fill_diagonal(r, 1)
    return r


def _tetrachoric(both: np.ndarray, ones: np.ndarray, rate: np.ndarray, number: np.ndarray) -> np.ndarray:
    n11, n10, n01 = both, ones - both, ones.T - both
    odds_ratio = (n11 + 0.5) * (number - n11 - n10 - n01 + 0.5) / ((n10 + 0.5) * (n01 + 0.5))
    least = np.minimum(np.minimum(rate, rate.T), np.minimum(1 - rate, 1 - rate.T))
    power = (1 - np.abs(rate - rate.T) / 5 - (0.5 - least) ** 2) / 2
    return np.cos(np.pi / (1 + odds_ratio**power))
