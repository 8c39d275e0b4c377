"""A wide view reduced to a few principal components, frozen, with missing values left out.

A patient's features are taken as x = W z + noise (probabilistic principal components, Tipping & Bishop 1999,
JRSS B 61:611). The components of a patient are the posterior mean of z given the features that were seen, so
a new patient needs neither the cohort nor complete data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_COMPONENTS = 20
_SWEEPS = 20


@dataclass(frozen=True)
class Projection:
    """Loadings of a view.

    Attributes:
        view: whose features.
        features: their names, in the order of ``loadings``.
        loadings: W, shape (p, d), of standardised features.
        noise: variance of what the components don't explain, above 0.
        scale: standard deviation of each component over the training patients, shape (d,).
        explained: share of the view's variance that each component explains, shape (d,).
    """

    view: str
    features: tuple[str, ...]
    loadings: np.ndarray
    noise: float
    scale: np.ndarray
    explained: np.ndarray

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the components."""
        return tuple(f"{self.view}:component {i + 1}" for i in range(self.loadings.shape[1]))

    def values(self, x: np.ndarray) -> np.ndarray:
        """Components of patients, shape (n, d); NaN where no feature was seen.

        Each patient is solved alone.

        Args:
            x: standardised features with NaN where missing, shape (n, p).
        """
        return _posterior_means(x, self.loadings, self.noise) / self.scale


def fit_projection(view: str, features: tuple[str, ...], x: np.ndarray, components: int) -> Projection | None:
    """Learn the components of a view; None when there is nothing to learn from.

    Args:
        view, features: names.
        x: standardised features with NaN where missing, shape (n, p).
        components: how many; -1 takes those whose variance is above that of noise alone (the edge of
            Marchenko & Pastur 1967), two at least and :data:`MAX_COMPONENTS` at most.
    """
    p = x.shape[1]
    some = np.isfinite(x).any(axis=1)
    x = x[some]
    seen = np.isfinite(x)
    limit = min(len(x) - 1, p - 1)
    if limit < 1:
        return None
    filled = np.where(seen, x, 0.0)
    d = min(MAX_COMPONENTS if components < 0 else components, limit)
    # Missing values start at the mean and follow the components until they agree.
    for _ in range(_SWEEPS if not seen.all() else 1):
        scores, loadings, values = _principal(filled, d)
        updated = np.where(seen, x, scores @ loadings.T)
        moved = np.abs(updated - filled).max()
        filled = updated
        if moved < 1e-6:
            break
    scores, loadings, values = _principal(filled, d)
    if components < 0:
        edge = (1 + (p / len(x)) ** 0.5) ** 2 * float(values.sum()) / p
        d = min(max(int((values > edge).sum()), 2), d)
    total = float(values.sum())
    noise = max((total - float(values[:d].sum())) / (p - d), 1e-3 * total / p)
    loadings = loadings[:, :d] * np.sqrt(np.maximum(values[:d] - noise, 1e-12))
    # A sign that rounding can't turn: the largest loading is positive.
    at = np.argmax(np.abs(np.round(loadings, 8)), axis=0)
    loadings = loadings * np.sign(loadings[at, np.arange(d)])
    means = _posterior_means(x, loadings, noise)
    return Projection(view, features, loadings, noise, means.std(axis=0), values[:d] / total)


def _principal(x: np.ndarray, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores (n, d), orthonormal loadings (p, d), and all variances along the axes, falling."""
    n, p = x.shape
    if p <= n:
        values, vectors = np.linalg.eigh(x.T @ x / n)
        values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
        return x @ vectors[:, :d], vectors[:, :d], values
    values, vectors = np.linalg.eigh(x @ x.T / n)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    loadings = x.T @ vectors[:, :d] / np.sqrt(np.maximum(values[:d] * n, 1e-300))
    return x @ loadings, loadings, values


def _posterior_means(x: np.ndarray, loadings: np.ndarray, noise: float) -> np.ndarray:
    d = loadings.shape[1]
    out = np.full((len(x), d), np.nan)
    for i, row in enumerate(x):
        at = np.flatnonzero(np.isfinite(row))
        if at.size:
            W = loadings[at]
            out[i] = np.linalg.solve(W.T @ W + noise * np.eye(d), W.T @ row[at])
    return out
