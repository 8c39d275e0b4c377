"""Patients on two axes: principal components of the model values, missing values left out.

Probabilistic principal components (Tipping & Bishop 1999, J R Stat Soc B 61:611) with missing values (Ilin &
Raiko 2010, J Mach Learn Res 11:1957): x = m + W z + noise, z standard normal, fitted by EM to the values that
were *seen*. With complete data these are the ordinary principal components. The axes are frozen: a
later patient is placed by what was seen of them, and has no part in where the axes lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

N_AXES = 2
MAX_STEPS, TOLERANCE = 100, 1e-5
_TINY = 1e-9


@dataclass(frozen=True)
class Embedding:
    """Frozen axes.

    Attributes:
        mean, scale: of each feature, shape (p,); values are centred and divided by ``scale``.
        weights: W, shape (p, q).
        noise: variance around the axes.
        axes: orthonormal directions, shape (p, q), widest first; the largest loading is positive.
        share: of the variation of the seen values that each axis takes up, shape (q,).
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    noise: float
    axes: np.ndarray
    share: np.ndarray

    def project(self, values: np.ndarray) -> np.ndarray:
        """Scores, shape (n, q), NaN for a patient without any value.

        A value that wasn't seen is taken to be what is expected of it given those that were.

        Args:
            values: model values, shape (n, p), NaN where missing.
        """
        with threadpool_limits(1):
            seen = np.isfinite(values)
            if self.axes.shape[1] == 0:
                return np.empty((len(values), 0))
            rest = np.where(seen, values / self.scale - self.mean, 0.0)
            hidden, _ = _expected(rest, seen, self.weights, self.noise)
            filled = np.where(seen, rest, hidden @ self.weights.T)
            return np.where(seen.any(axis=1)[:, None], filled @ self.axes, np.nan)

    def to_json(self) -> dict[str, Any]:
        """All that :meth:`project` needs."""
        return {
            "mean": self.mean.tolist(), "scale": self.scale.tolist(), "weights": self.weights.tolist(),
            "noise": self.noise, "axes": self.axes.tolist(), "share": self.share.tolist(),
        }  # fmt: skip

    @classmethod
    def of_json(cls, content: dict[str, Any]) -> Embedding:
        """From :meth:`to_json`."""
        arrays = {
            name: np.array(content[name], float) for name in ("mean", "scale", "weights", "axes", "share")
        }
        return cls(noise=float(content["noise"]), **arrays)


def fit_embedding(values: np.ndarray, n_axes: int = N_AXES) -> Embedding:
    """Axes of the model values of the patients that the model was fitted to.

    Args:
        values: shape (n, p), NaN where missing. A feature whose standard deviation is above 1 (a count) is
            divided by it; others keep the spread that the model gave them. One that is nowhere seen has no
            weight.
        n_axes: how many; fewer where there are fewer features or patients.

    Returns:
        The frozen axes. One BLAS thread, so that bytes don't depend on the machine.
    """
    with threadpool_limits(1):
        seen = np.isfinite(values)
        n, p = values.shape
        q = max(min(n_axes, p, n - 1), 0)
        count = np.maximum(seen.sum(axis=0), 1)
        mean = np.where(seen, values, 0.0).sum(axis=0) / count
        deviation = np.sqrt((np.where(seen, values - mean, 0.0) ** 2).sum(axis=0) / count)
        scale = np.where(deviation > 1.0, deviation, 1.0)
        known, mean = np.where(seen, values / scale, 0.0), mean / scale
        if q == 0:
            none = np.empty((p, 0))
            return Embedding(mean, scale, none, 1.0, none, np.empty(0))
        weights, noise = _start(np.where(seen, known - mean, 0.0), q)
        if not seen.all():
            mean, weights, noise = _refine(known, seen, mean, weights, noise)
        axes = np.linalg.svd(weights, full_matrices=False)[0]
        axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(q)] < 0, -1.0, 1.0)
        rest = np.where(seen, known - mean, 0.0)
        share = _shares(rest, seen, weights, noise, axes)
    return Embedding(mean, scale, weights, noise, axes, share)


def _start(rest: np.ndarray, q: int) -> tuple[np.ndarray, float]:
    """Maximum likelihood for complete data (Tipping & Bishop, equations 7 and 8)."""
    n, p = rest.shape
    _, singular, directions = np.linalg.svd(rest, full_matrices=False)
    variance = singular**2 / n
    left = p - q
    noise = max(float(variance[q:].sum()) / left if left else 0.0, _TINY)
    return directions[:q].T * np.sqrt(np.maximum(variance[:q] - noise, _TINY)), noise


def _expected(
    rest: np.ndarray, seen: np.ndarray, weights: np.ndarray, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of z given the seen values, shape (n, q), and its covariance, shape (n, q, q)."""
    q = weights.shape[1]
    outer = (weights[:, :, None] * weights[:, None, :]).reshape(len(weights), q * q)
    precision = (seen.astype(float) @ outer).reshape(-1, q, q) + noise * np.eye(q)
    inverse = np.linalg.inv(precision)
    return np.einsum("nab,nb->na", inverse, rest @ weights), noise * inverse


def _refine(
    known: np.ndarray, seen: np.ndarray, mean: np.ndarray, weights: np.ndarray, noise: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """EM over the seen values until the weights stand still, or :data:`MAX_STEPS`: enough for a picture."""
    q = weights.shape[1]
    mask = seen.astype(float)
    count = np.maximum(mask.sum(axis=0), 1)
    for _ in range(MAX_STEPS):
        rest = np.where(seen, known - mean, 0.0)
        hidden, spread = _expected(rest, seen, weights, noise)
        mean = np.where(seen, known - hidden @ weights.T, 0.0).sum(axis=0) / count
        rest = np.where(seen, known - mean, 0.0)
        second = (spread + hidden[:, :, None] * hidden[:, None, :]).reshape(-1, q * q)
        moment = (mask.T @ second).reshape(-1, q, q) + _TINY * np.eye(q)
        new = np.linalg.solve(moment, (rest.T @ hidden)[:, :, None])[:, :, 0]
        residual = np.where(seen, rest - hidden @ new.T, 0.0)
        scatter = np.einsum("pa,pab,pb->", new, (mask.T @ spread.reshape(-1, q * q)).reshape(-1, q, q), new)
        noise = max((float((residual**2).sum()) + float(scatter)) / mask.sum(), _TINY)
        moved = float(np.abs(new - weights).max())
        weights = new
        if moved < TOLERANCE * max(float(np.abs(weights).max()), _TINY):
            break
    return mean, weights, noise


def _shares(
    rest: np.ndarray, seen: np.ndarray, weights: np.ndarray, noise: float, axes: np.ndarray
) -> np.ndarray:
    """1 - residual / total sum of squares of the seen values, axis by axis."""
    hidden, _ = _expected(rest, seen, weights, noise)
    scores = np.where(seen, rest, hidden @ weights.T) @ axes
    total = float((rest**2).sum())
    left, shares = total, []
    for i in range(axes.shape[1]):
        fitted = np.where(seen, scores[:, : i + 1] @ axes[:, : i + 1].T, 0.0)
        after = float(((rest - fitted) ** 2).sum())
        shares.append((left - after) / total if total > 0 else 0.0)
        left = after
    return np.array(shares)
