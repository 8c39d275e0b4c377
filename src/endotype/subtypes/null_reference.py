"""Cohorts without groups that look like the real one: same correlations, same rates, same holes.

A single latent gradient, or any correlation between features, makes a mixture fit better with two groups
than with one although there are none. The gain is therefore compared with the gain on simulated cohorts: a
latent vector with the features' correlation is drawn along its principal axes (John et al. 2020, "M3C"),
with gaussian or with uniform scores (Tibshirani, Walther & Hastie 2001), and cut at the observed rates for
binary features.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.stats import norm

from endotype.subtypes.mixture import Data

Shape = Literal["gaussian", "uniform"]
SHAPES: tuple[Shape, ...] = ("gaussian", "uniform")


def simulate(data: Data, factor: np.ndarray, shape: Shape, rng: np.random.Generator) -> Data:
    """One cohort of one group.

    Args:
        data: the real cohort, which gives size, rates and missing pattern.
        factor: of :func:`latent_factor`.
        shape: law of the scores along the principal axes, each of variance 1.
        rng: source of the draws.
    """
    n, p = data.x.shape
    scores = rng.standard_normal((n, p)) if shape == "gaussian" else rng.uniform(-(3**0.5), 3**0.5, (n, p))
    latent = scores @ factor.T
    rate, _ = data.moments()
    x = latent.copy()
    for j in np.flatnonzero(data.binary):
        x[:, j] = latent[:, j] > np.quantile(latent[:, j], 1 - rate[j])
    return data.with_values(x)


def latent_factor(data: Data) -> np.ndarray:
    """L of shape (p, p) with L Lᵀ the nearest correlation matrix of the features' latent normals."""
    values, vectors = np.linalg.eigh(latent_correlation(data))
    factor = vectors * np.sqrt(np.clip(values, 0, None))
    return factor / np.sqrt((factor**2).sum(axis=1, keepdims=True))


def latent_correlation(data: Data) -> np.ndarray:
    """Correlations of the normals behind the features, from patients in whom both were seen; shape (p, p).

    Pearson for two gaussian features, biserial for a gaussian and a binary one, tetrachoric by the formula of
    Bonett & Price (2005, J Educ Behav Stat 30:213) for two binary ones. 0 where it can't be told.
    """
    p = data.x.shape[1]
    result = np.eye(p)
    for a in range(p):
        for b in range(a):
            both = data.seen[:, a] & data.seen[:, b]
            result[a, b] = result[b, a] = _pair(
                data.x[both, a], data.x[both, b], bool(data.binary[a]), bool(data.binary[b])
            )
    return result


def _pair(u: np.ndarray, v: np.ndarray, u_binary: bool, v_binary: bool) -> float:
    if len(u) < 3 or u.std() == 0 or v.std() == 0:
        return 0.0
    if u_binary and v_binary:
        return _tetrachoric(u, v)
    r = float(((u - u.mean()) * (v - v.mean())).mean() / (u.std() * v.std()))
    for values, binary in ((u, u_binary), (v, v_binary)):
        if binary:
            rate = float(values.mean())
            r *= (rate * (1 - rate)) ** 0.5 / float(norm.pdf(norm.ppf(rate)))
    return float(np.clip(r, -0.99, 0.99))


def _tetrachoric(u: np.ndarray, v: np.ndarray) -> float:
    n11, n10 = float((u * v).sum()), float((u * (1 - v)).sum())
    n01, n00 = float(((1 - u) * v).sum()), float(((1 - u) * (1 - v)).sum())
    odds_ratio = (n11 + 0.5) * (n00 + 0.5) / ((n10 + 0.5) * (n01 + 0.5))
    p1, p2 = float(u.mean()), float(v.mean())
    least = min(p1, 1 - p1, p2, 1 - p2)
    power = (1 - abs(p1 - p2) / 5 - (0.5 - least) ** 2) / 2
    return float(np.cos(np.pi / (1 + odds_ratio**power)))
