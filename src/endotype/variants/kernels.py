"""Numba kernels of the variants stage. Arrays in, arrays out; slow twins stand in ``tests/reference/``."""

from __future__ import annotations

import math

import numba
import numpy as np

HOM_REF, HET, HOM_ALT, MISSING_CALL = 0, 1, 2, 3
"""Columns of every table of genotype counts."""


@numba.njit(cache=True)
def decode_calls(
    alleles: np.ndarray,
    haploid: np.ndarray,
    quality: np.ndarray,
    depth: np.ndarray,
    min_quality: float,
    min_depth: float,
    dosage: np.ndarray,
    ploidy: np.ndarray,
) -> int:
    """Alternate allele counts of one biallelic variant.

    Args:
        alleles: int16 (n, width), allele numbers; -1 missing, -2 past the ploidy of the call.
        haploid: bool (n,), people who carry one copy of this site.
        quality: float32 (n,) GQ, NaN where not given; a call that has none is not judged by it.
        depth: float32 (n,) DP, likewise. A haploid call needs half the depth.
        min_quality: calls below become missing.
        min_depth: calls below become missing.
        dosage: int8 (n,), filled: 0, 1, 2 or -1. Haploid calls count as two, as PLINK 1 does.
        ploidy: int8 (n,), filled: number of alleles of the call, 0 where missing.

    Returns:
        How many calls were made missing by quality or depth.

    A half call (``./1``) is missing, except where one copy is all there is: there the allele that was
    called is the call (``0/.`` of males on X, as several callers write it).
    """
    masked = 0
    for i in range(alleles.shape[0]):
        called = 0
        missing = 0
        alternate = 0
        for j in range(alleles.shape[1]):
            a = alleles[i, j]
            if a == -1:
                missing += 1
            elif a >= 0:
                called += 1
                alternate += a > 0
        dosage[i] = -1
        ploidy[i] = 0
        if called == 0 or called > 2 or (missing > 0 and not (haploid[i] and called == 1)):
            continue
        one_copy = called == 1 or (haploid[i] and alternate != 1)
        if quality[i] < min_quality or depth[i] < (min_depth / 2 if one_copy else min_depth):
            masked += 1
            continue
        dosage[i] = 2 * alternate if called == 1 else alternate
        ploidy[i] = 1 if one_copy else 2
    return masked


@numba.njit(cache=True)
def count_genotypes(packed: np.ndarray, n_people: int) -> np.ndarray:
    """Genotype counts of each person over a block of packed variants, int64 (n_people, 4).

    Columns: homozygous reference, heterozygous, homozygous alternate, missing.
    """
    counts = np.zeros((n_people, 4), np.int64)
    column = np.array([HOM_ALT, MISSING_CALL, HET, HOM_REF])
    for v in range(packed.shape[0]):
        for i in range(n_people):
            counts[i, column[(packed[v, i >> 2] >> ((i & 3) << 1)) & 3]] += 1
    return counts


@numba.njit(cache=True)
def log_factorials(n: int) -> np.ndarray:
    """log(0!) .. log(n!), float64 (n + 1,)."""
    table = np.zeros(n + 1)
    for i in range(2, n + 1):
        table[i] = table[i - 1] + math.log(i)
    return table


@numba.njit(cache=True)
def hardy_weinberg(
    n_hom_ref: np.ndarray, n_het: np.ndarray, n_hom_alt: np.ndarray, lf: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Exact test of Hardy-Weinberg proportions (Wigginton, Cutler, Abecasis 2005).

    Args:
        n_hom_ref, n_het, n_hom_alt: int64 (m,), genotype counts.
        lf: :func:`log_factorials` up to at least twice the number of people.

    Returns:
        -log10 of the two-sided p-value, and of the one-sided p-value for too many heterozygotes
        (float64 (m,) each). Both are 0 for a variant without both alleles.
    """
    m = n_het.shape[0]
    two_sided = np.zeros(m)
    excess = np.zeros(m)
    for v in range(m):
        n = n_hom_ref[v] + n_het[v] + n_hom_alt[v]
        rare = 2 * min(n_hom_ref[v], n_hom_alt[v]) + n_het[v]
        if rare == 0:
            continue
        observed = _log_het_probability(n, rare, n_het[v], lf)
        both = 0.0
        above = 0.0
        for het in range(rare % 2, rare + 1, 2):
            lp = _log_het_probability(n, rare, het, lf)
            # Sums are relative to the observed term, so that tiny p-values do not underflow.
            if lp <= observed + 1e-9:
                both += math.exp(lp - observed)
            if het >= n_het[v]:
                above += math.exp(lp - observed)
        two_sided[v] = max(0.0, -(observed + math.log(both)) / math.log(10))
        excess[v] = max(0.0, -(observed + math.log(above)) / math.log(10))
    return two_sided, excess


@numba.njit(cache=True)
def _log_het_probability(n: int, rare: int, het: int, lf: np.ndarray) -> float:
    """log P(het heterozygotes | n people, rare copies of the rarer allele)."""
    hom_rare = (rare - het) // 2
    hom_common = n - het - hom_rare
    multinomial = lf[n] - lf[hom_rare] - lf[het] - lf[hom_common]
    return multinomial + het * math.log(2.0) + lf[rare] + lf[2 * n - rare] - lf[2 * n]
