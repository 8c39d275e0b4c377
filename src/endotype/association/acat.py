"""Combining p-values by Cauchy's distribution: ACAT, and the set tests ACAT-V and ACAT-O.

Liu et al., Am J Hum Genet 104:410 (2019). The tail of a sum of Cauchy variables hardly depends on how they
are correlated, so p-values of the same people can be combined without permutations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from endotype.association.set_scores import ULTRA_RARE, SetScores
from endotype.association.skat import SetResult, burden
from endotype.association.tails import neg_log10_p_normal

LARGEST_P = 0.999
"""A p-value above this counts as this (as in REGENIE): 1 itself would outweigh any other p-value."""

_LN10 = math.log(10.0)
_SMALL = 1e-8


def cauchy_combination(neg_log10_p: np.ndarray, weights: np.ndarray | None = None) -> float:
    """-log10 of the combined p-value, without underflow.

    Args:
        neg_log10_p: float64 (m,); NaN is left out, and its weight with it.
        weights: float64 (m,), not negative; equal without.

    Returns:
        NaN when nothing is left to combine.
    """
    values = np.asarray(neg_log10_p, float)
    shares = np.ones(len(values)) if weights is None else np.asarray(weights, float)
    use = np.isfinite(values) & (shares > 0)
    if not use.any():
        return math.nan
    values, shares = values[use], shares[use] / shares[use].sum()
    log_p = np.minimum(-values * _LN10, math.log(LARGEST_P))
    # Each term is cot(pi p), 1 / (pi p) for a small one. All are taken times the smallest p.
    smallest = float(log_p.min())
    p = np.exp(log_p)
    with np.errstate(all="ignore"):
        terms = np.where(
            p < _SMALL, np.exp(smallest - log_p) / math.pi, math.exp(smallest) / np.tan(math.pi * p)
        )
    scaled = float(np.sum(shares * terms))
    if scaled > 0 and smallest - math.log(scaled) < math.log(_SMALL):
        return -(smallest - math.log(math.pi * scaled)) / _LN10
    # The angle whose cotangent is the sum: no digits are lost at either end.
    return -math.log10(math.atan2(math.exp(smallest), scaled) / math.pi)


def acat_v(scores: SetScores, weights: np.ndarray, ultra_rare: int = ULTRA_RARE) -> SetResult:
    """ACAT-V: the Cauchy combination of the p-values of the variants; ``method`` is ``cauchy``.

    A variant counts ``w^2 f (1 - f)``, f its minor allele frequency. Variants of at most ``ultra_rare``
    minor alleles, whose own p-values are worth little, enter as one burden with the means of their weights
    and frequencies.
    """
    variance = np.diag(scores.information)
    use = variance > 0
    rare = use & (scores.count <= ultra_rare)
    common = use & ~rare
    p = list(neg_log10_p_normal(scores.z[common]))
    shares = list(weights[common] ** 2 * scores.frequency[common] * (1 - scores.frequency[common]))
    if rare.any():
        frequency, weight = float(scores.frequency[rare].mean()), float(weights[rare].mean())
        p.append(burden(scores.take(rare), weights[rare]).neg_log10_p)
        shares.append(weight**2 * frequency * (1 - frequency))
    combined = cauchy_combination(np.array(p), np.array(shares))
    return SetResult("acatv", combined, "" if math.isnan(combined) else "cauchy")


def acat_o(results: Sequence[SetResult]) -> SetResult:
    """ACAT-O: the Cauchy combination of burden, SKAT and ACAT-V tests of one set, each with equal weight.

    Liu et al. combine the three tests under two sets of weights, beta(1, 25) and beta(1, 1).
    """
    combined = cauchy_combination(np.array([r.neg_log10_p for r in results]))
    return SetResult("acato", combined, "" if math.isnan(combined) else "cauchy")
