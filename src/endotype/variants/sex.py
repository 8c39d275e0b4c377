"""Sex by the genotypes and the depth of X and Y, and what doesn't fit either sex.

Heterozygotes on X outside the pseudoautosomal regions are compared with what is expected of a person of the
same ancestry: allele frequencies are predicted for each person from the ancestry axes (Hao, Song, Storey
2016, doi:10.1093/bioinformatics/btv641). With one frequency for all, women of a mixed cohort have too few
heterozygotes and some look like men.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from endotype.message import N_
from endotype.variants.plink import GenotypeStore
from endotype.variants.sample_metrics import X_CLASS, ratio, variant_classes

MIN_X_VARIANTS = 50
"""Common X variants needed to tell the sex."""

MAX_X_VARIANTS = 20_000
"""Of more, so many evenly spread ones are taken: F is then as sure as it will get."""

CLEARLY_MALE_MIN_F = 0.95
"""Without a Y chromosome to look at, a male must have hardly any heterozygote."""

MIN_Y_CALL_RATE = 0.5
"""A Y chromosome is there when so many of its variants could be called."""

X_DEPTH = {"male": (0.3, 0.7), "female": (0.75, 1.3)}
"""Depth of X relative to the autosomes that fits one copy and two."""

Y_DEPTH = {"male": (0.1, 0.8), "female": (0.0, 0.1)}
"""Depth of Y relative to the autosomes that fits one copy and none."""

MIN_FREQUENCY = 0.05
BLOCK = 1024


@dataclass(frozen=True)
class SexLimits:
    """Inbreeding on X that tells the sexes apart; between the two limits it isn't told."""

    max_female_f: float = 0.6
    min_male_f: float = 0.8


def x_heterozygosity(
    store: GenotypeStore, kept: pd.DataFrame, assembly: str, fit: np.ndarray, scores: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Heterozygous rate and inbreeding coefficient over common X variants outside the PAR.

    Args:
        store: genotypes.
        kept: the rows of ``variant_qc.parquet`` of the store.
        assembly: names the pseudoautosomal regions.
        fit: bool (n_people,), by whom frequencies are estimated.
        scores: ancestry axes (n_people, k); without them everybody has the frequencies of the cohort.

    Returns:
        float64 (n_people,) each; NaN for everybody when there are fewer than ``MIN_X_VARIANTS``.
    """
    n = store.n_people
    common = kept["alt_freq"].between(MIN_FREQUENCY, 1 - MIN_FREQUENCY).to_numpy(bool)
    variants = np.flatnonzero((variant_classes(kept, assembly) == X_CLASS) & common)
    if len(variants) < MIN_X_VARIANTS or not fit.any():
        return np.full(n, np.nan), np.full(n, np.nan)
    if len(variants) > MAX_X_VARIANTS:
        variants = variants[np.linspace(0, len(variants) - 1, MAX_X_VARIANTS).astype(np.int64)]
    axes = np.ones((n, 1)) if scores is None else np.column_stack([np.ones(n), np.nan_to_num(scores)])
    slopes = np.linalg.pinv(axes[fit])
    expected, observed, called = np.zeros(n), np.zeros(n), np.zeros(n)
    for start in range(0, len(variants), BLOCK):
        dosage = store.dosages(variants[start : start + BLOCK])
        there = dosage >= 0
        mean = np.where(there, dosage, 0)[:, fit].sum(axis=1) / np.maximum(there[:, fit].sum(axis=1), 1)
        filled = np.where(there, dosage, mean[:, None])[:, fit]
        p = np.clip((filled @ slopes.T) @ axes.T / 2, 0.01, 0.99)
        expected += np.where(there, 2 * p * (1 - p), 0.0).sum(axis=0)
        observed += (dosage == 1).sum(axis=0)
        called += there.sum(axis=0)
    return ratio(observed, called), 1 - ratio(observed, expected)


def infer_sex(
    inbreeding: float,
    y_call_rate: float,
    x_depth: float = np.nan,
    y_depth: float = np.nan,
    limits: SexLimits | None = None,
) -> tuple[str, str]:
    """Sex by X heterozygosity, whether Y could be called, and the depth of both.

    Args:
        inbreeding: F on X.
        y_call_rate: share of Y variants called; NaN where the cohort has none.
        x_depth, y_depth: mean depth relative to the autosomes; NaN where not known.
        limits: of F.

    Returns:
        ``male``, ``female``, ``ambiguous`` or ``not_assessed``, and the words that say why. Nothing is
        guessed: what fits neither sex, or contradicts itself, is ``ambiguous``.
    """
    limits = limits or SexLimits()
    if np.isnan(inbreeding):
        return "not_assessed", N_("fewer than {n!s} common variants on X").format(n=MIN_X_VARIANTS)
    seen = N_("F on X is {f:.2f}").format(f=inbreeding)
    if not np.isnan(y_call_rate):
        seen = N_("{seen}, {percent:.0f} % of Y variants could be called").format(
            seen=seen, percent=100 * y_call_rate
        )
    if not np.isnan(x_depth):
        seen = N_("{seen}, the depth of X is {x:.2f} and of Y {y:.2f} of the autosomes'").format(
            seen=seen, x=x_depth, y=np.nan_to_num(y_depth)
        )
    return _sex(inbreeding, y_call_rate, x_depth, y_depth, limits, seen)


def _sex(
    inbreeding: float, y_call_rate: float, x_depth: float, y_depth: float, limits: SexLimits, seen: str
) -> tuple[str, str]:
    if limits.max_female_f <= inbreeding < limits.min_male_f:
        return "ambiguous", N_("{seen}: too few heterozygotes for a female, too many for a male").format(
            seen=seen
        )
    one_x = inbreeding >= limits.min_male_f
    if (one_x and x_depth > X_DEPTH["female"][0]) or (not one_x and x_depth < X_DEPTH["male"][1]):
        return "ambiguous", N_("{seen}: heterozygotes and depth of X contradict each other").format(seen=seen)
    if np.isnan(y_call_rate):
        if one_x and inbreeding < CLEARLY_MALE_MIN_F:
            return "ambiguous", N_("{seen}: some heterozygotes on X, and no Y variants to look at").format(
                seen=seen
            )
        return ("male" if one_x else "female"), N_("{seen}, no Y variants to look at").format(seen=seen)
    has_y = y_call_rate >= MIN_Y_CALL_RATE
    if has_y and y_depth < Y_DEPTH["male"][0]:
        return "ambiguous", N_("{seen}: Y is called, but hardly covered").format(seen=seen)
    if one_x == has_y:
        return ("male" if one_x else "female"), seen
    if has_y:
        return "ambiguous", N_("{seen}: two X and a Y, as in XXY or in a mixture of two people").format(
            seen=seen
        )
    return "ambiguous", N_("{seen}: one X and no Y, as in X0 or where X or Y was lost").format(seen=seen)
