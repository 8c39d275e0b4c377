"""Whether test statistics are inflated: genomic control at several quantiles, by frequency, in the tail."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats

QUANTILES = (0.5, 0.1, 0.01, 0.001)
"""Upper tail areas at which lambda is taken; 0.5 is the median."""

FREQUENCY_BINS = (0.0, 0.001, 0.01, 0.05, 0.5)
"""Limits of minor allele frequency; each bin holds what is above its lower limit up to its upper one."""

TAILS = (0.05, 1e-2, 1e-3, 1e-4, 1e-5)
"""P-values at which observed and expected numbers are compared."""

MIN_BEYOND = 10
"""A quantile with fewer tests beyond it is not estimated: its error would be larger than what it shows."""

_STANDARD = 1000


def chi_square(neg_log10_p: np.ndarray) -> np.ndarray:
    """Chi-square with one degree of freedom of each -log10 p, without underflow; NaN stays NaN.

    ``z = -quantile(p / 2)`` of the normal distribution, from log p.
    """
    log_half_p = -np.asarray(neg_log10_p, float) * np.log(10) - np.log(2)
    return special.ndtri_exp(np.minimum(log_half_p, -np.log(2))) ** 2


def genomic_inflation(neg_log10_p: np.ndarray, tail: float = 0.5) -> float | None:
    """Genomic control's lambda at a quantile (Devlin and Roeder 1999).

    The observed chi-square with a share ``tail`` of all tests beyond it, over the expected one. The median
    says whether all tests are inflated, far quantiles whether the strongest are.

    Args:
        neg_log10_p: float64 (m,); NaN is no test.
        tail: share of tests beyond the quantile.

    Returns:
        Lambda; None without tests, or with fewer than :data:`MIN_BEYOND` beyond a quantile that is not the
        median.
    """
    tested = np.asarray(neg_log10_p, float)
    tested = tested[~np.isnan(tested)]
    if tested.size == 0 or (tail != 0.5 and tested.size * tail < MIN_BEYOND):
        return None
    observed = chi_square(np.quantile(tested, 1 - tail, keepdims=True))[0]
    return float(observed / stats.chi2.isf(tail, 1))


def lambda_1000(inflation: float | None, n_cases: int, n_controls: int) -> float | None:
    """Lambda as it would be with 1,000 cases and 1,000 controls (Freedman et al. 2004).

    Inflation by structure or relatedness grows with the sample; this makes studies of different size
    comparable: ``1 + (lambda - 1) (1 / n_cases + 1 / n_controls) / (1 / 1000 + 1 / 1000)``.
    """
    if inflation is None or n_cases <= 0 or n_controls <= 0:
        return None
    return 1 + (inflation - 1) * (1 / n_cases + 1 / n_controls) * _STANDARD / 2


def inflation_report(results: pd.DataFrame) -> dict[str, Any]:
    """All diagnostics of one trait.

    Args:
        results: columns ``eaf neg_log10_p``, and ``n_cases n_controls`` of a binary trait.

    Returns:
        ``n_tests``, ``lambda`` (median), ``lambda_1000`` (null for a quantitative trait), ``by_quantile``
        (``tail lambda``), ``by_frequency`` (``above up_to n_tests lambda``: minor allele frequency) and
        ``by_p`` (``p observed expected low high``: numbers of tests with at most this p; low to high is what
        95 % of sets of as many *independent* uniform p-values give, so linkage alone leaves it at times). A
        lambda that could not be estimated is null.
    """
    neg_log10_p = results["neg_log10_p"].to_numpy("float64", na_value=np.nan)
    tested = ~np.isnan(neg_log10_p)
    values = neg_log10_p[tested]
    eaf = results["eaf"].to_numpy("float64", na_value=np.nan)[tested]
    minor = np.minimum(eaf, 1 - eaf)
    median = genomic_inflation(values)
    per_1000 = None
    if {"n_cases", "n_controls"} <= set(results.columns) and len(values):
        cases, controls = (results.loc[tested, c].median() for c in ("n_cases", "n_controls"))
        if pd.notna(cases) and pd.notna(controls):
            per_1000 = lambda_1000(median, int(cases), int(controls))
    by_frequency: list[dict[str, Any]] = []
    for low, high in itertools.pairwise(FREQUENCY_BINS):
        inside = values[(minor > low) & (minor <= high)]
        found = genomic_inflation(inside) if inside.size >= 2 * MIN_BEYOND else None
        by_frequency.append({"above": low, "up_to": high, "n_tests": int(inside.size), "lambda": found})
    by_p: list[dict[str, Any]] = []
    for p in TAILS:
        # 1e-12 of -log10 p is rounding: a p of exactly the limit counts.
        observed = int((values >= -np.log10(p) - 1e-12).sum())
        low_count, high_count = stats.binom.ppf([0.025, 0.975], len(values), p) if len(values) else (0, 0)
        by_p.append(
            {
                "p": p,
                "observed": observed,
                "expected": len(values) * p,
                "low": int(low_count),
                "high": int(high_count),
            }
        )
    return {
        "n_tests": len(values),
        "lambda": median,
        "lambda_1000": per_1000,
        "by_quantile": [{"tail": tail, "lambda": genomic_inflation(values, tail)} for tail in QUANTILES],
        "by_frequency": by_frequency,
        "by_p": by_p,
    }
