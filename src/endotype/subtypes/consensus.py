"""Consensus clustering: how often two patients fall into one group when the cohort is resampled.

Monti et al. 2003 (Mach Learn 52:91): patients are drawn without replacement, clustered, and M_ij is the share
of the resamples with both i and j in which they were in one group. M near 0 or 1 everywhere means that groups
do not depend on who happens to be in the study. It does not say that there are groups: a gradient or noise
also gives stable halves, so judge it against a null reference. Engines: :mod:`.consensus_engines`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from endotype.subtypes import consensus_kernels as kernels

SHARE = 0.8
"""Of the patients in a resample."""

_DRAW, _CLUSTER = 1, 2

Engine = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""Rows, int64 (m,), and a stream of its own -> groups of these patients, int (m,), -1 for "set aside"."""


@dataclass(frozen=True)
class Consensus:
    """What resampling found about every pair of patients.

    Attributes:
        matrix: float64 (n, n), symmetric; NaN for pairs that were never sampled together.
        together: int32 (n, n), resamples in which both were in one group.
        sampled: int32 (n, n), resamples in which both had a group.
    """

    matrix: np.ndarray
    together: np.ndarray
    sampled: np.ndarray

    @property
    def n_unseen(self) -> int:
        """Pairs of different patients that were never sampled together."""
        return int((self.sampled[np.triu_indices(len(self.sampled), 1)] == 0).sum())


def resampled_rows(n: int, resamples: int, seed: int, share: float = SHARE) -> np.ndarray:
    """Patients of each resample, int64 (resamples, floor(share n)), ascending.

    Every resample has a random stream of its own, so that the first hundred of a thousand are the hundred.

    Raises:
        ValueError: no resamples, or fewer than two patients in one.
    """
    size = int(np.floor(share * n))
    if resamples < 1 or not 2 <= size <= n:
        raise ValueError(f"{resamples} resamples of {size} among {n} patients; at least 1 of 2 to {n}")
    rows = np.empty((resamples, size), np.int64)
    for r in range(resamples):
        rows[r] = np.sort(np.random.default_rng([seed, _DRAW, r]).choice(n, size, replace=False))
    return rows


def consensus(n: int, cluster: Engine, resamples: int, seed: int, share: float = SHARE) -> Consensus:
    """Resample, cluster with any engine, count.

    Args:
        n: patients.
        cluster: the engine; the same rows and stream must give the same groups.
        resamples: how many.
        seed: of the draws and of the engine's streams.
        share: of the patients in a resample.

    Raises:
        ValueError: see :func:`resampled_rows`; or the engine gave another number of labels than of rows.
    """
    labels = np.full((n, resamples), -1, np.int16)
    for r, rows in enumerate(resampled_rows(n, resamples, seed, share)):
        found = np.asarray(cluster(rows, np.random.default_rng([seed, _CLUSTER, r])))
        if found.shape != rows.shape:
            raise ValueError(f"{found.shape} labels of {len(rows)} patients")
        labels[rows, r] = found
    return count(labels)


def count(labels: np.ndarray) -> Consensus:
    """Consensus of groupings that are there already.

    Args:
        labels: int (n, groupings), -1 for "not in this one"; numbers are names within a grouping only.

    Raises:
        ValueError: a label beyond the range of int16, or no grouping.
    """
    if labels.ndim != 2 or 0 in labels.shape:
        raise ValueError(f"labels of shape {labels.shape}; expected patients x groupings")
    top = int(labels.max())
    if top > np.iinfo(np.int16).max:
        raise ValueError(f"label {top} is too large")
    packed = kernels.pack_labels(np.ascontiguousarray(labels, np.int16), max(top, 0).bit_length())
    together, sampled = (np.empty((len(labels), len(labels)), np.int32) for _ in range(2))
    kernels.count_pairs(packed, together, sampled)
    matrix = np.full(together.shape, np.nan)
    np.divide(together, sampled, out=matrix, where=sampled > 0)
    return Consensus(matrix, together, sampled)


def pairs(matrix: np.ndarray) -> np.ndarray:
    """Consensus of each pair of different patients that was sampled together, float64 (pairs,)."""
    values = matrix[np.triu_indices(len(matrix), 1)]
    return values[np.isfinite(values)]


def pac(matrix: np.ndarray, low: float = 0.1, high: float = 0.9) -> float:
    """Proportion of ambiguous clustering (Senbabaoglu et al. 2014): CDF(high) - CDF(low) of the pairs.

    0 for groups that never change; it falls with k on noise too. NaN without pairs.
    """
    values = pairs(matrix)
    return float(((values > low) & (values <= high)).mean()) if len(values) else float("nan")


def cdf(matrix: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Share of the pairs whose consensus is at most ``at``, float64 of the shape of ``at``."""
    values = np.sort(pairs(matrix))
    return np.searchsorted(values, at, side="right") / max(len(values), 1)


def cdf_area(matrix: np.ndarray) -> float:
    """Area under :func:`cdf` from 0 to 1, which is one less the mean consensus of the pairs."""
    values = pairs(matrix)
    return float(1 - values.mean()) if len(values) else float("nan")


def delta_area(areas: Sequence[float]) -> list[float]:
    """Gain of area from one number of groups to the next, relative; the first is the area (Monti 2003)."""
    return [
        area if i == 0 else (area - areas[i - 1]) / areas[i - 1] if areas[i - 1] else float("nan")
        for i, area in enumerate(areas)
    ]


def item_consensus(matrix: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean consensus of each patient with the other members of each group.

    Args:
        matrix: float64 (n, n), NaN where not known; those pairs are left out of the mean.
        labels: int64 (n,), -1 for patients set aside, who are members of no group.

    Returns:
        float64 (n, k); NaN where there is no other member.
    """
    known = np.isfinite(matrix)
    np.fill_diagonal(known, False)
    member = labels[:, None] == np.arange(int(labels.max(initial=-1)) + 1)
    # one group after the other, by numpy's own sums: the bits do not depend on BLAS threads
    total = np.stack([np.where(known & m, matrix, 0.0).sum(axis=1) for m in member.T], axis=1)
    number = np.stack([(known & m).sum(axis=1) for m in member.T], axis=1)
    return np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0)


def cluster_consensus(matrix: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean consensus of the pairs within each group, float64 (k,); NaN for a group of one."""
    groups = int(labels.max(initial=-1)) + 1
    found = np.full(groups, np.nan)
    for c in range(groups):
        rows = np.flatnonzero(labels == c)
        values = pairs(matrix[np.ix_(rows, rows)])
        if len(values):
            found[c] = values.mean()
    return found


def consensus_labels(matrix: np.ndarray, k: int) -> np.ndarray:
    """Final groups: average linkage on one less the consensus, cut into k.

    Args:
        matrix: float64 (n, n), symmetric, complete.
        k: groups.

    Returns:
        int64 (n,), numbered by size, the largest first; of equal ones the one with the earlier patient.

    Raises:
        ValueError: k is not between 1 and n; or a pair was never sampled together (take more resamples).
    """
    n = len(matrix)
    if not 1 <= k <= n:
        raise ValueError(f"{k} groups of {n} patients")
    if not np.isfinite(matrix).all():
        missing = int((~np.isfinite(matrix[np.triu_indices(n, 1)])).sum())
        raise ValueError(f"{missing} pairs of patients were never sampled together: take more resamples")
    first, second, _ = kernels.average_linkage(1.0 - matrix)
    return by_size(kernels.cut(first, second, k))


def by_size(labels: np.ndarray) -> np.ndarray:
    """The same groups numbered by size, the largest first, of equal ones the earlier seen; -1 stays."""
    inside = labels >= 0
    names, first, sizes = np.unique(labels[inside], return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    out = np.full(labels.shape, -1, np.int64)
    out[inside] = rank[np.searchsorted(names, labels[inside])]
    return out
