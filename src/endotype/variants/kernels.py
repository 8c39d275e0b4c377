"""Numba kernels of the variants stage. Arrays in, arrays out; slow twins stand in ``tests/reference/``."""

from __future__ import annotations

import math

import numba
import numpy as np

HOM_REF, HET, HOM_ALT, MISSING_CALL = 0, 1, 2, 3
"""Columns of every table of genotype counts."""


@numba.njit(cache=True)
def count_genotypes(packed: np.ndarray, n_people: int) -> np.ndarray:
    """Genotype counts of each person over a block of packed variants, int64 (n_people, 4).

    Columns: homozygous reference, heterozygous, homozygous alternate, missing.
    """
    counts = np.zeros((1, n_people, 4), np.int64)
    count_by_class(packed, np.zeros(packed.shape[0], np.int8), counts)
    return counts[0]


@numba.njit(cache=True)
def count_by_class(packed: np.ndarray, kind: np.ndarray, counts: np.ndarray) -> None:
    """Add the genotypes of each person over packed variants to a table, by class of variant.

    Args:
        packed: uint8 (m, ceil(n / 4)), rows of a PLINK 1 file.
        kind: int8 (m,), class of each variant; a negative one is passed over.
        counts: int64 (n_classes, n, 4), added to; columns as in :func:`count_genotypes`.
    """
    n = counts.shape[1]
    # The two bits as they stand in the file: homozygous alternate, missing, heterozygous, reference.
    raw = np.zeros((counts.shape[0], n, 4), np.int64)
    for v in range(packed.shape[0]):
        if kind[v] < 0:
            continue
        row, table = packed[v], raw[kind[v]]
        for i in range(n):
            table[i, (row[i >> 2] >> ((i & 3) << 1)) & 3] += 1
    counts[:, :, HOM_ALT] += raw[:, :, 0]
    counts[:, :, MISSING_CALL] += raw[:, :, 1]
    counts[:, :, HET] += raw[:, :, 2]
    counts[:, :, HOM_REF] += raw[:, :, 3]


@numba.njit(cache=True)
def sum_over_missing(packed: np.ndarray, weight: np.ndarray, totals: np.ndarray) -> None:
    """Add to ``totals`` (float64 (n,)) each person's sum of ``weight`` (float64 (m,)) over missing calls."""
    for v in range(packed.shape[0]):
        for byte in range(packed.shape[1]):
            bits = packed[v, byte]
            # A missing call is 01: the low bit set and the high bit clear.
            if bits & ~(bits >> 1) & 0x55 == 0:
                continue
            for k in range(4):
                i = 4 * byte + k
                if i < totals.shape[0] and (bits >> (2 * k)) & 3 == 1:
                    totals[i] += weight[v]


@numba.njit(cache=True)
def count_carriers(packed: np.ndarray, n_people: int) -> np.ndarray:
    """Genotype counts of each packed variant, int64 (m, 4); columns as in :func:`count_genotypes`."""
    # All 256 bytes' counts, so that a row takes one look-up for four people.
    table = np.zeros((256, 4), np.int64)
    column = np.array([HOM_ALT, MISSING_CALL, HET, HOM_REF])
    for byte in range(256):
        for k in range(4):
            table[byte, column[(byte >> (2 * k)) & 3]] += 1
    counts = np.zeros((packed.shape[0], 4), np.int64)
    whole = n_people // 4
    for v in range(packed.shape[0]):
        hom_ref = het = hom_alt = 0
        for byte in range(whole):
            b = packed[v, byte]
            hom_ref += table[b, HOM_REF]
            het += table[b, HET]
            hom_alt += table[b, HOM_ALT]
        for i in range(4 * whole, n_people):
            code = (packed[v, whole] >> ((i & 3) << 1)) & 3
            hom_ref += code == 3
            het += code == 2
            hom_alt += code == 0
        counts[v, HOM_REF], counts[v, HET], counts[v, HOM_ALT] = hom_ref, het, hom_alt
        counts[v, MISSING_CALL] = n_people - hom_ref - het - hom_alt
    return counts


@numba.njit(cache=True)
def log_factorials(n: int) -> np.ndarray:
    """log(0!) .. log(n!), float64 (n + 1,)."""
    table = np.zeros(n + 1)
    for i in range(2, n + 1):
        table[i] = math.lgamma(i + 1.0)
    return table


TIE = 1e-9
"""Probabilities whose logarithms differ by less are equal: more than rounding, less than any true gap."""

NEGLIGIBLE = 1e-17
"""Terms of a tail below this share of its sum are left out; they fall faster than geometrically."""


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
        n, rare = _alleles(n_hom_ref[v], n_het[v], n_hom_alt[v])
        if rare == 0:
            continue
        observed, down, up, _ = _hwe_tails(n, rare, n_het[v], lf)
        two_sided[v] = max(0.0, -(observed + math.log(1.0 + down + up)) / math.log(10))
        if n_het[v] <= _peak(n, rare):
            excess[v] = -math.log1p(-min(math.exp(observed) * down, 1.0 - 1e-16)) / math.log(10)
        else:
            excess[v] = max(0.0, -(observed + math.log(1.0 + up)) / math.log(10))
    return two_sided, excess


@numba.njit(cache=True)
def hardy_weinberg_mid_p(
    n_hom_ref: np.ndarray, n_het: np.ndarray, n_hom_alt: np.ndarray, lf: np.ndarray
) -> np.ndarray:
    """-log10 of the two-sided mid-p (Graffelman & Moreno 2013, doi:10.1515/sagmb-2012-0039), float64 (m,).

    What is as probable as the observation counts half, which takes the conservatism of the exact test away.
    The arguments are those of :func:`hardy_weinberg`; a variant without both alleles has p = 0.5.
    """
    mid_p = np.full(n_het.shape[0], math.log10(2.0))
    for v in range(n_het.shape[0]):
        n, rare = _alleles(n_hom_ref[v], n_het[v], n_hom_alt[v])
        if rare > 0:
            observed, down, up, ties = _hwe_tails(n, rare, n_het[v], lf)
            mid_p[v] = max(0.0, -(observed + math.log(1.0 + down + up - 0.5 * ties)) / math.log(10))
    return mid_p


@numba.njit(cache=True)
def _alleles(n_hom_ref: int, n_het: int, n_hom_alt: int) -> tuple[int, int]:
    """Number of people, and of copies of the rarer allele."""
    return n_hom_ref + n_het + n_hom_alt, 2 * min(n_hom_ref, n_hom_alt) + n_het


@numba.njit(cache=True)
def _hwe_tails(n: int, rare: int, n_het: int, lf: np.ndarray) -> tuple[float, float, float, int]:
    """What is no more probable than the observed number of heterozygotes, given the allele counts.

    Returns:
        log P(observed); then, relative to it so that tiny p-values do not underflow, the sums of the terms
        with fewer and with more heterozygotes that are no more probable; and how many terms, the observed
        one among them, are as probable.

    The distribution has one peak. On the observed side of it these terms are all those further out; on the
    other side they begin where a bisection finds the same height. Both are summed outwards by the ratio of
    neighbours until what is added is negligible.
    """
    observed = _log_het_probability(n, rare, n_het, lf)
    peak = _peak(n, rare)
    is_peak = _log_het_probability(n, rare, peak, lf) <= observed + TIE
    down = _tail(n, rare, n_het, -1) if is_peak or n_het < peak else 0.0
    up = _tail(n, rare, n_het, 1) if is_peak or n_het > peak else 0.0
    ties = 1
    if is_peak:
        for beside in (n_het - 2, n_het + 2):
            if 0 <= beside <= rare:
                ties += abs(_log_het_probability(n, rare, beside, lf) - observed) <= TIE
        return observed, down, up, ties
    # One step outside the range stands for probability zero.
    low, high = (peak, rare + 2) if n_het < peak else (rare % 2 - 2, peak)
    while high - low > 2:
        middle = low + 2 * ((high - low) // 4)
        if (_log_het_probability(n, rare, middle, lf) <= observed + TIE) == (n_het < peak):
            high = middle
        else:
            low = middle
    far = high if n_het < peak else low
    if 0 <= far <= rare:
        difference = _log_het_probability(n, rare, far, lf) - observed
        ties += abs(difference) <= TIE
        beyond = math.exp(difference) * (1.0 + _tail(n, rare, far, 1 if n_het < peak else -1))
        if n_het < peak:
            up = beyond
        else:
            down = beyond
    return observed, down, up, ties


@numba.njit(cache=True)
def _peak(n: int, rare: int) -> int:
    """The most probable number of heterozygotes."""
    het = int(rare * (2.0 * n - rare) / (2.0 * n))
    het -= (het - rare) % 2
    while het + 2 <= rare:
        hom_rare = (rare - het) // 2
        if 4.0 * hom_rare * (n - het - hom_rare) <= (het + 2.0) * (het + 1.0):
            break
        het += 2
    while het >= 2:
        hom_rare = (rare - het) // 2
        if het * (het - 1.0) <= 4.0 * (hom_rare + 1.0) * (n - het - hom_rare + 1.0):
            break
        het -= 2
    return het


@numba.njit(cache=True)
def _tail(n: int, rare: int, het: int, direction: int) -> float:
    """Sum of the terms beyond ``het`` going outwards, relative to the term at ``het``."""
    total = 0.0
    term = 1.0
    hom_rare = (rare - het) // 2
    hom_common = n - het - hom_rare
    while True:
        if direction < 0:
            if het < 2:
                break
            term *= het * (het - 1.0) / (4.0 * (hom_rare + 1.0) * (hom_common + 1.0))
            het -= 2
            hom_rare += 1
            hom_common += 1
        else:
            if hom_rare < 1:
                break
            term *= 4.0 * hom_rare * hom_common / ((het + 2.0) * (het + 1.0))
            het += 2
            hom_rare -= 1
            hom_common -= 1
        total += term
        if term < NEGLIGIBLE * total:
            break
    return total


@numba.njit(cache=True)
def _log_het_probability(n: int, rare: int, het: int, lf: np.ndarray) -> float:
    """log P(het heterozygotes | n people, rare copies of the rarer allele)."""
    hom_rare = (rare - het) // 2
    hom_common = n - het - hom_rare
    multinomial = lf[n] - lf[hom_rare] - lf[het] - lf[hom_common]
    return multinomial + het * math.log(2.0) + lf[rare] + lf[2 * n - rare] - lf[2 * n]
