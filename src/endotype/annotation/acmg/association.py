"""PS4: the allele is more frequent among the cohort's own cases than among its controls.

Richards et al. 2015 ask for an odds ratio above 5 whose confidence interval leaves 1 out. A scan tests very
many variants, so the p-value must reach genome-wide significance too, and enough cases must carry the
allele.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from endotype.annotation.acmg.criteria import Finding, met, not_evaluable, not_met

if TYPE_CHECKING:
    from endotype.annotation.acmg.candidate import Candidate, Context

_Z95 = 1.959963984540054


class VariantTest(NamedTuple):
    """One variant's row of ``association/{trait}.parquet``; ``row`` is its 1-based number."""

    other_allele: str
    effect_allele: str
    beta: float | None
    se: float | None
    neg_log10_p: float | None
    status: str
    n_cases: int | None
    eaf_cases: float | None
    row: int


@dataclass(frozen=True)
class Association:
    """A binary trait's result, by variant."""

    trait: str
    tested: Mapping[str, VariantTest]


_WITH_RESULT = ("OK", "FIRTH", "SPA")
"""Statuses of an association result that stand for a test that was made."""


def ps4(v: Candidate, c: Context) -> Finding:
    """More frequent among cases: by the cohort's own test of the disease."""
    if c.association is None:
        return not_evaluable("PS4", "No association result of a binary trait is named as the gene's disease.")
    trait = c.association.trait
    source = f"association/{trait}"
    t = c.association.tested.get(v.variant_id)
    if t is None:
        return not_evaluable("PS4", f"The variant was not tested for {trait}.", None, source)
    if (
        t.status not in _WITH_RESULT
        or t.beta is None
        or t.se is None
        or t.neg_log10_p is None
        or not t.se > 0
    ):
        return not_evaluable("PS4", f"The test for {trait} gave no result ({t.status}).", None, source, t.row)
    if t.n_cases is None or t.eaf_cases is None:
        return not_evaluable("PS4", f"The test for {trait} counts no cases.", None, source, t.row)
    sign = 1 if t.effect_allele == v.alt else -1
    frequency = t.eaf_cases if sign > 0 else 1 - t.eaf_cases
    alleles = round(2 * t.n_cases * frequency)
    s = c.settings
    low, odds, high = (math.exp(min(sign * t.beta + z * t.se, 700.0)) for z in (-_Z95, 0.0, _Z95))
    p = 10.0**-t.neg_log10_p
    numbers: dict[str, object] = {
        "odds_ratio": odds, "ci_low": low, "ci_high": high, "neg_log10_p": t.neg_log10_p,
        "alleles_in_cases": alleles, "cases": t.n_cases,
    }  # fmt: skip
    text = f"Odds ratio {odds:.3g} (95 % CI {low:.3g} to {high:.3g}, p {p:.2g}) for {trait}"
    if odds > s.ps4_odds_ratio and low > 1 and p <= s.ps4_max_p and alleles >= s.ps4_min_alleles:
        return met("PS4", "strong", f"{text}.", numbers, source, t.row)
    if alleles < s.ps4_min_alleles:
        reason = f"{text}: only {alleles} alleles among cases, {s.ps4_min_alleles} are needed."
    else:
        reason = f"{text}: an odds ratio above {s.ps4_odds_ratio:g} at p up to {s.ps4_max_p:g} is needed."
    return not_met("PS4", reason, numbers, source, t.row)
