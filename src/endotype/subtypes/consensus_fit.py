"""A mixture of k groups that another seed finds too.

The likelihood of a mixture has many maxima, and one run of EM, or the best of twenty, lands in another one
with another seed. So the cohort is resampled many times, patients are grouped by how often they are put
together (average linkage of the consensus matrix), and EM goes on from these groups to the nearest maximum:
that mixture is the one that is kept and frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import average, fcluster
from scipy.spatial.distance import squareform

from endotype.subtypes.agreement import adjusted_rand_index
from endotype.subtypes.consensus import pac
from endotype.subtypes.mixture import Data, Mixture, fit_from
from endotype.subtypes.resampling import consensus_matrix, resampled_labels

EXTRA_CUTS = 100
"""How many branches more than k are cut off in search of k groups that aren't a few odd patients."""


@dataclass(frozen=True)
class Consensus:
    """How often patients were put together.

    Attributes:
        patients: positions of the patients it was computed for, int64, shape (m,).
        matrix: float32, shape (m, m), of :func:`~endotype.subtypes.resampling.consensus_matrix`.
        pac: proportion of ambiguous pairs.
        reproducibility: adjusted Rand index between the groups, after EM, of the first and of the second
            half of the resamples.
    """

    patients: np.ndarray
    matrix: np.ndarray
    pac: float
    reproducibility: float


def consensus_fit(
    data: Data,
    patients: np.ndarray,
    k: int,
    resamples: int,
    restarts: int,
    smallest: int,
    stream: Callable[[int], np.random.Generator],
    threads: int = 1,
) -> tuple[Mixture, Consensus]:
    """The mixture that the resamples agree on, fitted to all patients.

    Args:
        data: all patients.
        patients: positions of those that are resampled, shape (m,); m² numbers are held in memory.
        k: number of groups, 2 or more.
        resamples: how many; at least 2.
        restarts: of EM in each.
        smallest: least number of patients of a group of the consensus, of ``patients``.
        stream: random numbers of each resample.
        threads: fits at a time; the result doesn't depend on it.
    """
    part = data.rows(patients)
    labels = resampled_labels(part, k, resamples, restarts, stream, threads)
    matrix = consensus_matrix(labels)
    halves = [
        _refit(data, part, consensus_groups(consensus_matrix(half), k, smallest), k).labels(data)
        for half in (labels[: resamples // 2], labels[resamples // 2 :])
    ]
    mixture = _refit(data, part, consensus_groups(matrix, k, smallest), k)
    return mixture, Consensus(patients, matrix, pac(matrix), adjusted_rand(*halves))


def consensus_groups(matrix: np.ndarray, k: int, smallest: int) -> np.ndarray:
    """k groups by average linkage of 1 - consensus, int64, shape (n,).

    Cut at k branches, a tree often gives single odd patients. It is cut further until k branches have at
    least ``smallest`` patients; the patients of other branches then join the group they are most often put
    together with. If no cut gives that, the k largest branches of the cut at k are taken.
    """
    tree = average(squareform(1 - matrix.astype(float), checks=False))
    cuts = range(k, min(k + EXTRA_CUTS, len(matrix)) + 1)
    for branches in cuts:
        labels = fcluster(tree, branches, "maxclust") - 1
        sizes = np.bincount(labels)
        if (sizes >= smallest).sum() >= k:
            break
    else:
        labels = fcluster(tree, k, "maxclust") - 1
        sizes = np.bincount(labels)
    kept = np.argsort(-sizes, kind="stable")[:k]
    affinity = np.stack([matrix[:, labels == branch].mean(axis=1, dtype=float) for branch in kept], axis=1)
    groups = affinity.argmax(axis=1)
    for group, branch in enumerate(kept):
        groups[labels == branch] = group
    return groups


def _refit(data: Data, part: Data, groups: np.ndarray, k: int) -> Mixture:
    mixture = fit_from(part, np.eye(k)[groups])[1]
    return mixture if part.n == data.n else fit_from(data, mixture.posterior(data))[1]


def adjusted_rand(labels: np.ndarray, others: np.ndarray) -> float:
    """:func:`adjusted_rand_index` of two divisions of the same patients; 1 if both are whole.

    Args:
        labels, others: groups from 0, int, shape (n,).
    """
    index = adjusted_rand_index(labels, others)
    return 1.0 if np.isnan(index) else index
