"""How different the populations of a cohort are: pairwise Fst.

Hudson's estimator as a ratio of averages, which doesn't depend on sample sizes (Bhatia et al. 2013,
doi:10.1101/gr.154831.113), with the standard error of a block jackknife; both from scikit-allel.
"""

from __future__ import annotations

from itertools import combinations

import allel
import numpy as np

from endotype.variants.plink import GenotypeStore

MIN_PEOPLE = 10
"""Fewer people say little of a population's frequencies."""

BLOCKS = 20
"""Parts of the genome that are left out in turn for the standard error."""


def pairwise_fst(
    store: GenotypeStore, variants: np.ndarray, populations: np.ndarray, use: np.ndarray
) -> list[dict[str, object]]:
    """Fst of each pair of populations over some variants.

    Args:
        variants: indices, in genome order; independent ones, since errors are taken by blocks.
        populations: str (n_people,), empty where it isn't known.
        use: bool (n_people,), unrelated people who passed.

    Returns:
        Rows ``a b n_a n_b n_variants fst se`` by name; ``se`` is ``None`` with fewer than 2 variants a block.
    """
    people = {
        str(name): np.flatnonzero(use & (populations == name)) for name in np.unique(populations) if str(name)
    }
    counts = {
        name: _allele_counts(store, variants, who) for name, who in people.items() if len(who) >= MIN_PEOPLE
    }
    rows: list[dict[str, object]] = []
    for a, b in combinations(sorted(counts), 2):
        both = (counts[a].sum(axis=1) > 1) & (counts[b].sum(axis=1) > 1)
        numerator, denominator = allel.hudson_fst(counts[a][both], counts[b][both])
        total = float(denominator.sum())
        if total <= 0:
            continue
        size = int(both.sum()) // BLOCKS
        error = None
        if size >= 2:
            error = float(allel.average_hudson_fst(counts[a][both], counts[b][both], size)[1])
        rows.append(
            {
                "a": a,
                "b": b,
                "n_a": len(people[a]),
                "n_b": len(people[b]),
                "n_variants": int(both.sum()),
                "fst": float(numerator.sum()) / total,
                "se": error,
            }
        )
    return rows


def _allele_counts(store: GenotypeStore, variants: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Copies of REF and ALT among some people, int64 (n_variants, 2)."""
    counts = np.zeros((len(variants), 2), np.int64)
    for start in range(0, len(variants), 1024):
        dosage = store.dosages(variants[start : start + 1024])[:, people].astype(np.int64)
        called = dosage >= 0
        alternate = np.where(called, dosage, 0).sum(axis=1)
        counts[start : start + 1024, 1] = alternate
        counts[start : start + 1024, 0] = 2 * called.sum(axis=1) - alternate
    return counts
