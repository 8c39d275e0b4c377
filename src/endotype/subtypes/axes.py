"""Continuous axes of a cohort that is not divided: a smooth gradient is a result of its own.

Features are centred and scaled, their correlation is taken over patients in whom both were seen, and its
principal axes are kept as long as they carry more than the same axes of data without correlation (parallel
analysis; Horn 1965, Psychometrika 30:179). Loadings are the axes times the root of their variance. A
patient's scores are the regression (Thomson) scores of the factor model x = Λ z + e over the features that
were seen,

    z = (I + Λ' Ψ⁻¹ Λ)⁻¹ Λ' Ψ⁻¹ x,    Ψ = 1 - communality,

so that nothing is imputed, and a patient with little data has scores near 0 and a large standard error.
Binary features are taken as numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from endotype.subtypes.dip import dip_test
from endotype.subtypes.mixture import Data

MAX_AXES = 5
PARALLEL_DRAWS, PARALLEL_QUANTILE = 40, 0.95
MIN_UNIQUENESS = 0.05
"""Least share of a feature's variance that is its own; without it a score could rest on one feature."""

MIN_FEATURES, MIN_PATIENTS = 3, 20
DIP_DRAWS = 999


@dataclass(frozen=True)
class Axes:
    """Frozen axes ``A1``, ``A2`` ..., of decreasing variance.

    Attributes:
        centre, scale: of the features, shape (p,); scale 0 leaves a feature out.
        loadings: correlation of each feature with each axis, shape (p, m); the greatest is positive.
        explained: share of the variance of the features, shape (m,).
        chance: share that the axis has in data without correlation, 95 % quantile, shape (m,).
        dip, dip_p: of the scores of the cohort; a small p says that they have more than one mode; shape (m,).
    """

    centre: np.ndarray
    scale: np.ndarray
    loadings: np.ndarray
    explained: np.ndarray
    chance: np.ndarray
    dip: np.ndarray
    dip_p: np.ndarray

    @property
    def names(self) -> list[str]:
        """``A1``, ``A2`` ..."""
        return [f"A{a + 1}" for a in range(self.loadings.shape[1])]

    def project(self, x: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores of patients and their standard errors, each of shape (n, m); needs no cohort.

        Args:
            x: values as the mixture has them, shape (n, p); anything where missing.
            seen: bool, shape (n, p).

        Returns:
            Scores, near mean 0 and variance at most 1 in the cohort, and the root of the variance that is
            left of a standard normal axis; 0 and 1 for a patient without any value.
        """
        weights = self._weights()
        m = self.loadings.shape[1]
        scores, errors = np.zeros((len(x), m)), np.ones((len(x), m))
        for i in range(len(x)):
            use = seen[i] & (self.scale > 0)
            z = (x[i, use] - self.centre[use]) / self.scale[use]
            left = np.linalg.inv(np.eye(m) + weights[use].T @ self.loadings[use])
            scores[i] = left @ (weights[use].T @ z)
            errors[i] = np.sqrt(np.diag(left))
        return scores, errors

    def _weights(self) -> np.ndarray:
        uniqueness = np.maximum(1 - (self.loadings**2).sum(axis=1), MIN_UNIQUENESS)
        return self.loadings / uniqueness[:, None]

    def to_dict(self) -> dict[str, Any]:
        """For JSON; :meth:`from_dict` reads it back to the same bits."""
        return {name: getattr(self, name).tolist() for name in self.__dataclass_fields__}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Axes:
        """From :meth:`to_dict`."""
        arrays = {name: np.array(stored[name], float) for name in cls.__dataclass_fields__}
        return cls(**arrays)


def find_axes(data: Data, rng: np.random.Generator) -> Axes | None:
    """The axes of a cohort that stand out of chance, or None.

    Args:
        data: the patients, as the mixture has them.
        rng: for the parallel analysis and the dip test.
    """
    if data.n < MIN_PATIENTS or data.x.shape[1] < MIN_FEATURES:
        return None
    centre, variance = data.moments()
    scale = np.sqrt(variance)
    used = np.flatnonzero(scale > 0)
    if len(used) < MIN_FEATURES:
        return None
    seen = data.seen[:, used]
    z = np.where(seen, (data.x[:, used] - centre[used]) / scale[used], 0.0)
    values, vectors = _principal(z, seen)
    chance = np.quantile([_shuffled(z, seen, rng) for _ in range(PARALLEL_DRAWS)], PARALLEL_QUANTILE, axis=0)
    kept = 0
    while kept < min(MAX_AXES, len(used)) and values[kept] > chance[kept]:
        kept += 1
    if not kept:
        return None
    loadings = np.zeros((data.x.shape[1], kept))
    loadings[used] = vectors[:, :kept] * np.sqrt(values[:kept])
    strongest = loadings[np.abs(loadings).argmax(axis=0), np.arange(kept)]
    loadings *= np.sign(strongest)
    p = len(used)
    axes = Axes(
        centre, scale, loadings, values[:kept] / p, chance[:kept] / p, np.full(kept, np.nan), np.ones(kept)
    )
    scores, _ = axes.project(data.x, data.seen)
    tests = [dip_test(column, DIP_DRAWS, rng) for column in scores.T]
    dip, dip_p = (np.array(part) for part in zip(*tests, strict=True))
    return Axes(centre, scale, loadings, axes.explained, axes.chance, dip, dip_p)


def _principal(z: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues from the largest, and eigenvectors in columns, of the pairwise correlation of ``z``."""
    s = seen.astype(float)
    squares = (z**2).T @ s
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = (z.T @ z) / np.sqrt(squares * squares.T)
    correlation = np.clip(np.nan_to_num(correlation), -1, 1)
    np.fill_diagonal(correlation, 1)
    values, vectors = np.linalg.eigh(correlation)
    return np.clip(values[::-1], 0, None), vectors[:, ::-1]


def _shuffled(z: np.ndarray, seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Eigenvalues after each feature's values went to other patients, where they have been seen."""
    other = z.copy()
    for j in range(z.shape[1]):
        rows = np.flatnonzero(seen[:, j])
        other[rows, j] = z[rng.permutation(rows), j]
    return _principal(other, seen)[0]
