"""The variants stage's algorithms as a reader would write them from the formula. Slow on purpose."""

from __future__ import annotations

from math import comb, log10

import numpy as np


def dosage_of(alleles: list[int | None], haploid: bool) -> tuple[int, int]:
    """(alternate allele count, ploidy) of one call; (-1, 0) is missing. Haploid calls count as two."""
    called = [a for a in alleles if a is not None]
    if not called or len(called) > 2:
        return -1, 0
    half_call = len(called) < len(alleles)
    if half_call and not (haploid and len(called) == 1):
        return -1, 0
    alternate = sum(a > 0 for a in called)
    if len(called) == 1:
        return 2 * alternate, 1
    return alternate, 1 if haploid and alternate != 1 else 2


def hardy_weinberg(n_hom_ref: int, n_het: int, n_hom_alt: int) -> tuple[float, float]:
    """-log10 of the exact two-sided p-value and of the p-value for too many heterozygotes.

    Counts arrangements with whole numbers: P(h) is proportional to n! / (a! h! b!) * 2^h.
    """
    n = n_hom_ref + n_het + n_hom_alt
    rare = 2 * min(n_hom_ref, n_hom_alt) + n_het
    if rare == 0:
        return 0.0, 0.0
    ways = {
        het: comb(n, het) * comb(n - het, (rare - het) // 2) * 2**het for het in range(rare % 2, rare + 1, 2)
    }
    total = sum(ways.values())
    two_sided = sum(w for w in ways.values() if w <= ways[n_het])
    excess = sum(w for het, w in ways.items() if het >= n_het)

    def neg_log10(part: int) -> float:
        # Ratios of huge whole numbers are taken by their logarithms.
        return _log10(total) - _log10(part)

    return neg_log10(two_sided), neg_log10(excess)


def _log10(value: int) -> float:
    digits = max(0, value.bit_length() - 1000)
    return log10(value >> digits) + digits * log10(2)


def king_kinship(a: np.ndarray, b: np.ndarray) -> float:
    """KING-robust kinship of two people from their dosages (-1 missing)."""
    both = (a >= 0) & (b >= 0)
    a, b = a[both], b[both]
    het_het = int(((a == 1) & (b == 1)).sum())
    ibs0 = int(((a == 0) & (b == 2)).sum() + ((a == 2) & (b == 0)).sum())
    het_a, het_b = int((a == 1).sum()), int((b == 1).sum())
    smaller = min(het_a, het_b)
    if smaller == 0:
        return float("nan")
    return (het_het - 2 * ibs0) / (2 * smaller) + 0.5 - (het_a + het_b) / (4 * smaller)


def principal_components(dosage: np.ndarray, k: int) -> np.ndarray:
    """Unit-variance scores of the first k components by singular value decomposition; no missing calls."""
    p = dosage.mean(axis=1, keepdims=True) / 2
    Z = (dosage - 2 * p) / np.sqrt(2 * p * (1 - p))
    _, _, vt = np.linalg.svd(Z, full_matrices=False)
    return vt[:k].T * np.sqrt(dosage.shape[1])
