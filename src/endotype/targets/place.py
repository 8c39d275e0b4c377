"""The places of all patients' targets at once, with all sources or without one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endotype.targets.score import HARMONIC_LIMIT

ABSENT = 10**6
"""Place of the tier of a target that no evidence speaks for."""


@dataclass(frozen=True)
class Places:
    """Of each target, shape (g,): place of its tier, score, and rank among its patient's targets.

    A target without evidence has tier :data:`ABSENT` and rank 0. ``used`` says which rows of evidence, shape
    (e,), are of their target's tier.
    """

    tier: np.ndarray
    score: np.ndarray
    rank: np.ndarray
    used: np.ndarray


def place(
    target: np.ndarray, patient: np.ndarray, tier: np.ndarray, strength: np.ndarray, rows: np.ndarray
) -> Places:
    """Rank the targets of every patient: tier, then score, then number of the target.

    A target's tier is the best of its rows, and only rows of that tier enter its score.

    Args:
        target: number of the target of each row, int, shape (e,).
        patient: number of the patient of each target, ascending, int, shape (g,).
        tier: place of the tier of each row, shape (e,).
        strength: of each row, shape (e,).
        rows: which rows are there, bool, shape (e,).
    """
    n = len(patient)
    best = np.full(n, ABSENT)
    np.minimum.at(best, target[rows], tier[rows])
    used = rows & (tier == best[target])
    t, s = target[used], strength[used]
    order = np.lexsort((-s, t))
    t, s = t[order], s[order]
    first = np.searchsorted(t, t)
    # Added in order, as harmonic_score does it.
    score = np.bincount(t, s / (np.arange(len(t)) - first + 1.0) ** 2, n) / HARMONIC_LIMIT
    order = np.lexsort((np.arange(n), -score, best, patient))
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n) - np.searchsorted(patient, patient[order]) + 1
    return Places(best, score, np.where(best == ABSENT, 0, rank), used)


def without_each_source(
    target: np.ndarray,
    patient: np.ndarray,
    tier: np.ndarray,
    strength: np.ndarray,
    source: np.ndarray,
    n: int,
) -> np.ndarray:
    """Ranks without each source, shape (n sources, g); 0 where a target is gone.

    ``source`` is the number of the source of each row, 0 to ``n`` - 1; other arguments as in :func:`place`.
    """
    ranks = np.empty((n, len(patient)), np.int64)
    for s in range(n):
        ranks[s] = place(target, patient, tier, strength, source != s).rank
    return ranks
