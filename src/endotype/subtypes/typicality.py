"""How unlike the members of a group a patient is, seen from several sides.

``shape``: of gaussian features, the squared Mahalanobis distance with a covariance of a few common factors
and noise (probabilistic principal components of residuals within groups, Tipping & Bishop 1999), so that
features that move together count once and a broken pattern counts much. ``finding``: of binary features and
categories, the -log chance of the patient's rarest one; a sum over hundreds of features would drown the one
finding that no member has. ``pattern``: the standardised -log likelihood of all features. ``posterior``:
-log probability of the group. :mod:`endotype.subtypes.conformal` puts them on one scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endotype.subtypes import typicality_kernels as kernels
from endotype.subtypes.kernels import BINARY, CATEGORY, GAUSSIAN
from endotype.subtypes.mixture import Data, Mixture

MAX_FACTORS = 10
COLUMNS_PER_FACTOR, PATIENTS_PER_FACTOR = 4, 15
"""Gaussian columns and training patients that each factor needs."""

SHAPE, FINDING, PATTERN, POSTERIOR = "shape", "finding", "pattern", "posterior"


@dataclass(frozen=True)
class Factors:
    """Common factors of the gaussian columns' residuals, which are (x - group mean) / sd within groups.

    Attributes:
        variance: within groups, averaged over them, shape (g,); a small group's own is too uncertain.
        loadings: orthonormal rows, shape (d, g).
        strength: variance of each factor beyond the noise, shape (d,).
        noise: variance of what remains, per column.
    """

    variance: np.ndarray
    loadings: np.ndarray
    strength: np.ndarray
    noise: float


def fit_factors(mixture: Mixture, data: Data, labels: np.ndarray) -> Factors:
    """Factors from training patients and their groups; BLAS must be held to one thread by the caller.

    Missing values enter as the group's mean. The number of factors is set by the sizes alone.
    """
    columns = np.flatnonzero(mixture.kind == GAUSSIAN)
    g, n = len(columns), data.n
    variance = np.zeros(g)
    for share, own in zip(mixture.weights, mixture.variance[:, columns], strict=True):
        variance += share * own
    d = min(MAX_FACTORS, g // COLUMNS_PER_FACTOR, n // PATIENTS_PER_FACTOR)
    if g == 0 or n == 0:
        return Factors(variance, np.empty((0, g)), np.empty(0), 1.0)
    location = mixture.location[labels][:, columns]
    residual = np.where(data.seen[:, columns], (data.x[:, columns] - location) / np.sqrt(variance), 0.0)
    total = float((residual**2).sum() / n)
    if d == 0 or total == 0.0:
        return Factors(variance, np.empty((0, g)), np.empty(0), max(total / g, 1e-6))
    # The smaller of the two cross products has all that is needed.
    if g <= n:
        values, vectors = np.linalg.eigh(residual.T @ residual / n)
        loadings = vectors[:, ::-1][:, :d].T
    else:
        values, vectors = np.linalg.eigh(residual @ residual.T / n)
        loadings = (residual.T @ vectors[:, ::-1][:, :d]).T
        loadings /= np.maximum(np.linalg.norm(loadings, axis=1, keepdims=True), 1e-300)
    top = np.maximum(values[::-1][:d], 0.0)
    noise = max((total - float(top.sum())) / max(g - d, 1), 1e-6)
    signs = np.sign(loadings[np.arange(d), np.abs(loadings).argmax(axis=1)])
    loadings = np.ascontiguousarray(loadings * signs[:, None])
    return Factors(variance, loadings, np.maximum(top - noise, 1e-6), noise)


def component_names(mixture: Mixture) -> tuple[str, ...]:
    """The sides that a model's features allow, in the order of :func:`scores`."""
    kinds = set(mixture.kind.tolist())
    wanted = [(SHAPE, {GAUSSIAN}), (FINDING, {BINARY, CATEGORY})]
    return (*(name for name, needed in wanted if kinds & needed), PATTERN, POSTERIOR)


def scores(mixture: Mixture, factors: Factors, data: Data, posterior: np.ndarray) -> dict[str, np.ndarray]:
    """The score of each side, larger for the more unlike; each of shape (n, k)."""
    result: dict[str, np.ndarray] = {}
    gaussian = np.flatnonzero(mixture.kind == GAUSSIAN)
    if gaussian.size:
        distance = kernels.factor_distance(
            np.ascontiguousarray(data.x[:, gaussian]),
            np.ascontiguousarray(data.seen[:, gaussian]),
            np.ascontiguousarray(mixture.location[:, gaussian]),
            factors.variance,
            factors.loadings,
            factors.strength,
            factors.noise,
        )
        result[SHAPE] = normal_score(distance, data.seen[:, gaussian].sum(axis=1))
    named = np.flatnonzero(np.isin(mixture.kind, (BINARY, CATEGORY)))
    if named.size:
        result[FINDING] = kernels.rarest(
            np.ascontiguousarray(data.x[:, named]),
            np.ascontiguousarray(data.seen[:, named]),
            np.ascontiguousarray(data.shift[:, named]),
            mixture.kind[named] == CATEGORY,
            np.ascontiguousarray(mixture.location[:, named]),
        )
    result[PATTERN] = mixture.strangeness(data)
    result[POSTERIOR] = -np.log(np.maximum(posterior, 1e-300))
    return result


def normal_score(distance: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """A chi-squared distance (n, k) of ``columns`` (n,) degrees of freedom as a standard normal score.

    The cube root of Wilson & Hilferty (1931), so that patients with few and many values seen compare; 0 with
    none.
    """
    freedom = np.maximum(columns, 1)[:, None]
    ninth = 2 / (9 * freedom)
    return np.where(columns[:, None] > 0, (np.cbrt(distance / freedom) - (1 - ninth)) / np.sqrt(ninth), 0.0)
