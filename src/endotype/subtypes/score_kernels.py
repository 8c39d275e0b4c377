"""Inner loops of polygenic scores: arrays in, arrays out.

A thread has people of its own, and each person's sums are taken in the order of the variants: the same bytes
on any number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

_PEOPLE = 512


@numba.njit(cache=True)
def count_genotypes(dosages: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Usable people with 0, 1 and 2 copies, int64 (n_variants, 3); dosages as in :func:`add_effects`."""
    n_variants, n_people = dosages.shape
    counts = np.zeros((n_variants, 3), np.int64)
    for v in range(n_variants):
        for i in range(n_people):
            if usable[i] and dosages[v, i] >= 0:
                counts[v, dosages[v, i]] += 1
    return counts


@numba.njit(cache=True, parallel=True)
def add_effects(
    dosages: np.ndarray,
    first: np.ndarray,
    score: np.ndarray,
    effect: np.ndarray,
    size: np.ndarray,
    total: np.ndarray,
    n_missing: np.ndarray,
    missing_size: np.ndarray,
) -> None:
    """Add what a block of variants gives to each score of each person.

    Args:
        dosages: int8 (n_variants, n_people), -1 missing.
        first: int64 (n_variants + 1,): entries ``first[v]`` to ``first[v + 1]`` are of variant v.
        score: int64 (n_entries,), the score that an entry adds to.
        effect: (n_entries, 4), what 0, 1, 2 copies and a missing call add.
        size: (n_entries,), the absolute weight.
        total: float64 (n_scores, n_people), added to.
        n_missing: int64 (n_scores, n_people), entries that were missing, added to.
        missing_size: float64 (n_scores, n_people), their absolute weights, added to.
    """
    n_variants, n_people = dosages.shape
    for part in numba.prange((n_people + _PEOPLE - 1) // _PEOPLE):
        begin, end = part * _PEOPLE, min((part + 1) * _PEOPLE, n_people)
        for v in range(n_variants):
            for e in range(first[v], first[v + 1]):
                s = score[e]
                for i in range(begin, end):
                    d = dosages[v, i]
                    if d >= 0:
                        total[s, i] += effect[e, d]
                    else:
                        total[s, i] += effect[e, 3]
                        n_missing[s, i] += 1
                        missing_size[s, i] += size[e]
