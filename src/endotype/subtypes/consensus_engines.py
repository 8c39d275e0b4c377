"""Engines of consensus clustering: average linkage, k-means, spectral groups of a network, the mixture.

Average linkage and k-means run all resamples in one compiled loop, over all numbers of groups; the others are
functions for :func:`endotype.subtypes.consensus.consensus`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from endotype.subtypes import consensus_kernels as kernels
from endotype.subtypes.consensus import SHARE, Consensus, Engine, count, resampled_rows
from endotype.subtypes.mixture import Data, fit
from endotype.subtypes.similarity import spectral_groups

KMEANS_RESTARTS, KMEANS_ITERATIONS = 10, 100

_STARTS = 3


def hierarchical_consensus(
    distances: np.ndarray, ks: Sequence[int], resamples: int, seed: int, share: float = SHARE
) -> dict[int, Consensus]:
    """Consensus of average linkage, for each number of groups from the same trees.

    Args:
        distances: float64 (n, n), symmetric, finite, e.g. :func:`correlation_distances`.
        ks: numbers of groups.
        resamples, seed, share: see :func:`endotype.subtypes.consensus.consensus`.

    Raises:
        ValueError: a distance is not finite; more groups than patients in a resample.
    """
    return hierarchical_on(distances, ks, resampled_rows(len(distances), resamples, seed, share))


def hierarchical_on(distances: np.ndarray, ks: Sequence[int], rows: np.ndarray) -> dict[int, Consensus]:
    """:func:`hierarchical_consensus` on given resamples, ``rows`` int64 (resamples, m)."""
    if not np.isfinite(distances).all():
        raise ValueError("a distance is not finite")
    _require_groups(ks, rows)
    labels = _nobody(ks, len(distances), rows)
    kernels.hierarchical_resamples(
        np.ascontiguousarray(distances, np.float64), rows, np.asarray(ks, np.int64), labels
    )
    return {k: count(found) for k, found in zip(ks, labels, strict=True)}


def kmeans_consensus(
    values: np.ndarray,
    ks: Sequence[int],
    resamples: int,
    seed: int,
    share: float = SHARE,
    restarts: int = KMEANS_RESTARTS,
) -> dict[int, Consensus]:
    """Consensus of k-means, the best of ``restarts`` in each resample: one start alone is often not the best.

    Args:
        values: float64 (n, p), complete.
        ks: numbers of groups.
        resamples, seed, share: see :func:`endotype.subtypes.consensus.consensus`.
        restarts: from k-means++ centres.

    Raises:
        ValueError: a value is missing; more groups than patients in a resample.
    """
    if not np.isfinite(values).all():
        raise ValueError("k-means takes complete values")
    rows = resampled_rows(len(values), resamples, seed, share)
    _require_groups(ks, rows)
    shape = (max(restarts, 1), sum(ks))
    uniforms = np.stack([np.random.default_rng([seed, _STARTS, r]).random(shape) for r in range(resamples)])
    labels = _nobody(ks, len(values), rows)
    x = np.ascontiguousarray(values, np.float64)
    kernels.kmeans_resamples(x, rows, np.asarray(ks, np.int64), uniforms, KMEANS_ITERATIONS, labels)
    return {k: count(found) for k, found in zip(ks, labels, strict=True)}


def spectral_engine(network: np.ndarray, k: int) -> Engine:
    """Spectral groups of the part of a network, float64 (n, n), that was drawn."""
    return lambda rows, rng: spectral_groups(network[np.ix_(rows, rows)], k)


def mixture_engine(data: Data, k: int, restarts: int) -> Engine:
    """The mixture of :mod:`endotype.subtypes.mixture`, fitted to the patients drawn."""

    def cluster(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        drawn = data.rows(rows)
        return fit(drawn, k, rng, restarts).labels(drawn)

    return cluster


def correlation_distances(values: np.ndarray) -> np.ndarray:
    """One less Pearson's correlation of the features of two patients, float64 (n, n), from complete (n, p).

    Raises:
        ValueError: a patient has the same value everywhere, so that a correlation does not exist.
    """
    centred = values - values.mean(axis=1, keepdims=True)
    norm = np.sqrt(np.einsum("ij,ij->i", centred, centred))
    if not (norm > 0).all():
        raise ValueError(f"{int((norm == 0).sum())} patients have the same value in all features")
    unit = centred / norm[:, None]
    with threadpool_limits(limits=1, user_api="blas"):
        found = 1 - np.clip(unit @ unit.T, -1, 1)
    np.fill_diagonal(found, 0.0)
    return (found + found.T) / 2


def _require_groups(ks: Sequence[int], rows: np.ndarray) -> None:
    if not ks or min(ks) < 1 or max(ks) > rows.shape[1]:
        raise ValueError(f"{list(ks)} groups of the {rows.shape[1]} patients of a resample")


def _nobody(ks: Sequence[int], n: int, rows: np.ndarray) -> np.ndarray:
    """Room for the labels of each number of groups; nobody is sampled yet."""
    return np.full((len(ks), n, len(rows)), -1, np.int16)
