"""What sets each subtype apart from all other patients: effects with intervals, tests, one FDR over all.

A feature that the subtypes were found from must differ between them, whatever the cohort: its p-value
describes the subtype and is no independent evidence for it. The column ``used`` says which ones are so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from endotype.subtypes.agreement import contingency, cramers_v, pearson_chi2
from endotype.subtypes.kaplan_meier import NORMAL_975
from endotype.subtypes.multiplicity import benjamini_hochberg

MIN_PATIENTS = 5
"""Patients with a value that both the subtype and the others need."""

MIN_CARRIERS = 3
"""Patients who have, and who don't have, a yes/no finding, that a test of it needs."""

MIN_EXPECTED = 5.0
"""Expected count of a cell under which the chi-square test of a category is by permutation."""

MAX_EXACT = 50
"""Patients up to whom the rank-sum test may be exact; it is where one side has 8 or fewer and nobody ties."""

PERMUTATIONS = 999

SMALLEST_P = 1e-300
"""Smaller p-values are given as this, not as 0."""

Kind = Literal["number", "binary", "category"]

COLUMN_TYPES = {
    "subtype": "str",
    "name": "str",
    "group": "str",
    "kind": "str",
    "level": "str",
    "n_inside": "int64",
    "n_outside": "int64",
    "value_inside": "float64",
    "value_outside": "float64",
    "effect": "str",
    "estimate": "float64",
    "low": "float64",
    "high": "float64",
    "superiority": "float64",
    "size": "float64",
    "test": "str",
    "p": "float64",
    "q": "float64",
    "used": "bool",
    "status": "str",
    "reason": "str",
}
"""Columns of ``characterisation.parquet``."""


@dataclass(frozen=True)
class Trait:
    """Something that was recorded of n patients.

    Attributes:
        name: of the column.
        group: where it is from, such as the view of a feature, ``gene``, ``pathway`` or ``clinical``.
        kind: ``number`` (also a count), ``binary`` (0 and 1) or ``category`` (number of the level).
        values: float64 (n,), NaN where missing.
        used: whether the subtypes were found from it, or from something it is part of.
        levels: of a category.
    """

    name: str
    group: str
    kind: Kind
    values: np.ndarray
    used: bool
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contrast:
    """One comparison; ``None`` is "not computed"."""

    effect: str
    estimate: float | None
    low: float | None
    high: float | None
    superiority: float | None
    size: float | None
    test: str
    p: float


def characterise(labels: np.ndarray, names: list[str], traits: list[Trait], seed: int = 1) -> pd.DataFrame:
    """Compare each subtype with all other patients who have one.

    Args:
        labels: int64 (n,), 0 to k - 1, or -1 for patients without a subtype, who are left out.
        names: of the k subtypes; with fewer than two there are no rows.
        traits: what to compare them in.
        seed: of permutations, where a category's levels are rare.

    Returns:
        :data:`COLUMN_TYPES`, one row per subtype and trait. ``effect`` names the estimate: ``odds_ratio``,
        ``standardised_mean_difference`` or ``cramers_v``. ``size`` is comparable between traits: Cohen's h of
        a yes/no, the standardised difference of a number. ``q`` is over all rows.
    """
    rows: list[dict[str, object]] = []
    for index, subtype in enumerate(names if len(names) > 1 else []):
        for number, trait in enumerate(traits):
            seen = (labels >= 0) & np.isfinite(trait.values)
            inside = trait.values[seen & (labels == index)]
            outside = trait.values[seen & (labels != index)]
            rng = np.random.default_rng([seed, 43, index, number])
            rows.append({"subtype": subtype} | _row(trait, inside, outside, rng))
    table = pd.DataFrame(rows, columns=list(COLUMN_TYPES))
    table["q"] = benjamini_hochberg(table["p"].to_numpy(dtype=float, na_value=np.nan))
    for column in ("level", "reason", "effect", "test"):
        table[column] = table[column].astype("object").where(table[column].notna(), None)
    return table.astype(COLUMN_TYPES)


def _row(
    trait: Trait, inside: np.ndarray, outside: np.ndarray, rng: np.random.Generator
) -> dict[str, object]:
    row: dict[str, object] = {
        "name": trait.name,
        "group": trait.group,
        "kind": trait.kind,
        "n_inside": len(inside),
        "n_outside": len(outside),
        "used": trait.used,
    }
    if trait.kind == "category":
        row |= _most_different(trait, inside, outside)
    elif len(inside) and len(outside):
        row |= {"value_inside": float(inside.mean()), "value_outside": float(outside.mean())}
    reason = _no_test(trait, inside, outside)
    if reason:
        return row | {"status": "not_assessed", "reason": reason}
    compare: dict[Kind, Callable[[], Contrast]] = {
        "binary": lambda: compare_shares(inside, outside),
        "number": lambda: compare_numbers(inside, outside),
        "category": lambda: compare_levels(inside, outside, len(trait.levels), rng),
    }
    found = compare[trait.kind]()
    return row | {"status": "assessed", **vars(found), "p": max(found.p, SMALLEST_P)}


def _no_test(trait: Trait, inside: np.ndarray, outside: np.ndarray) -> str:
    if min(len(inside), len(outside)) < MIN_PATIENTS:
        return f"recorded in {len(inside)} patients of the subtype and {len(outside)} others"
    both = np.concatenate([inside, outside])
    if both.min() == both.max():
        return "the same in every patient with a subtype"
    if trait.kind == "binary" and min(both.sum(), len(both) - both.sum()) < MIN_CARRIERS:
        return f"{int(both.sum())} of {len(both)} patients have it, too few on one side"
    return ""


def _most_different(trait: Trait, inside: np.ndarray, outside: np.ndarray) -> dict[str, object]:
    """The level whose share differs most, and its shares."""
    if not (len(inside) and len(outside)):
        return {}
    shares = [
        (float((inside == level).mean()), float((outside == level).mean()))
        for level in range(len(trait.levels))
    ]
    at = max(range(len(shares)), key=lambda level: (abs(shares[level][0] - shares[level][1]), -level))
    return {"level": trait.levels[at], "value_inside": shares[at][0], "value_outside": shares[at][1]}


def compare_shares(inside: np.ndarray, outside: np.ndarray) -> Contrast:
    """A yes/no: odds ratio with Woolf's interval (1955, Ann Hum Genet 19:251), Fisher's exact test, mid-p.

    Where a cell of the table is empty a half is added to each (Haldane 1956). Cohen's h is the difference of
    2 arcsin sqrt(share).
    """
    a, c = float(inside.sum()), float(outside.sum())
    b, d = len(inside) - a, len(outside) - c
    p = fisher_mid_p(int(a), int(b), int(c), int(d))
    h = 2 * (np.arcsin(np.sqrt(inside.mean())) - np.arcsin(np.sqrt(outside.mean())))
    if min(a, b, c, d) == 0:
        a, b, c, d = a + 0.5, b + 0.5, c + 0.5, d + 0.5
    log_ratio, error = np.log(a * d / (b * c)), np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    low, high = log_ratio - NORMAL_975 * error, log_ratio + NORMAL_975 * error
    return Contrast(
        "odds_ratio",
        float(np.exp(log_ratio)),
        float(np.exp(low)),
        float(np.exp(high)),
        None,
        float(h),
        "fisher_mid_p",
        p,
    )


def fisher_mid_p(a: int, b: int, c: int, d: int) -> float:
    """Two-sided Fisher test of the table ((a, b), (c, d)), counting half of the observed table.

    Sum of the probabilities of all tables with the same margins that are at most as probable as the observed
    one, less half of its own (Hirji 2006, *Exact Analysis of Discrete Data*).
    """
    total, members, carriers = a + b + c + d, a + b, a + c
    possible = np.arange(max(0, carriers - (c + d)), min(members, carriers) + 1)
    probability = stats.hypergeom.pmf(possible, total, members, carriers)
    own = float(probability[a - possible[0]])
    # The margin keeps tables that are as probable as the observed one from falling out by rounding.
    return min(float(probability[probability <= own * (1 + 1e-9)].sum()) - own / 2, 1.0)


def compare_numbers(inside: np.ndarray, outside: np.ndarray) -> Contrast:
    """A number: Hedges' g with its interval, probability of superiority, Wilcoxon's rank-sum test.

    g = J (mean inside - mean outside) / pooled standard deviation, J = 1 - 3 / (4 df - 1), with variance
    (n + m) / (n m) + g^2 / (2 (n + m)) (Hedges & Olkin 1985, *Statistical Methods for Meta-Analysis*). The
    probability of superiority is that of a member having more than another patient, ties counted half.
    """
    n, m = len(inside), len(outside)
    method = "auto" if n + m <= MAX_EXACT else "asymptotic"
    test = stats.mannwhitneyu(inside, outside, alternative="two-sided", method=method)
    superiority = float(test.statistic) / (n * m)
    df = n + m - 2
    pooled = np.sqrt((n * inside.var() + m * outside.var()) / df)
    g = low = high = None
    if pooled > 0:
        g = float((1 - 3 / (4 * df - 1)) * (inside.mean() - outside.mean()) / pooled)
        error = float(np.sqrt((n + m) / (n * m) + g * g / (2 * (n + m))))
        low, high = g - NORMAL_975 * error, g + NORMAL_975 * error
    return Contrast(
        "standardised_mean_difference", g, low, high, superiority, g, "wilcoxon_rank_sum", float(test.pvalue)
    )


def compare_levels(
    inside: np.ndarray, outside: np.ndarray, n_levels: int, rng: np.random.Generator
) -> Contrast:
    """A category: Cramér's V corrected for bias, Pearson's chi-square test.

    Where a cell is expected to hold fewer than :data:`MIN_EXPECTED` the p-value is by permutation of the
    patients, (1 + #{permuted >= observed}) / (permutations + 1).
    """
    levels = np.concatenate([inside, outside]).astype(np.int64)
    member = np.repeat([0, 1], [len(inside), len(outside)])
    table = contingency(member, levels)
    observed = pearson_chi2(table)
    used = table.sum(axis=0) > 0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0)[used] / table.sum()
    if expected.min() >= MIN_EXPECTED:
        test, p = "chi_square", float(stats.chi2.sf(observed, int(used.sum()) - 1))
    else:
        exceeding = sum(
            pearson_chi2(contingency(rng.permutation(member), levels)) >= observed * (1 - 1e-12)
            for _ in range(PERMUTATIONS)
        )
        test, p = "chi_square_permutation", (1 + exceeding) / (1 + PERMUTATIONS)
    v = cramers_v(table)
    return Contrast("cramers_v", float(v) if np.isfinite(v) else None, None, None, None, None, test, p)
