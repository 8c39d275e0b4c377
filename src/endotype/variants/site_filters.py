"""Which sites are trusted: FILTER, QUAL, hard limits of INFO values, call rate, too many heterozygotes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

GATK: dict[str, dict[str, dict[str, float]]] = {
    "snv": {
        "QD": {"min": 2}, "QUAL": {"min": 30}, "SOR": {"max": 3}, "FS": {"max": 60}, "MQ": {"min": 40},
        "MQRankSum": {"min": -12.5}, "ReadPosRankSum": {"min": -8},
    },
    "indel": {"QD": {"min": 2}, "QUAL": {"min": 30}, "FS": {"max": 200}, "ReadPosRankSum": {"min": -20}},
}  # fmt: skip
"""The hard filters GATK's documentation recommends where too few samples are there to train a model."""

HardFilters = Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True)
class Filters:
    """Which calls and sites are trusted (config section ``variants``)."""

    pass_filters: tuple[str, ...] = ("PASS",)
    min_quality: float = 0
    min_genotype_quality: float = 20
    min_depth: float = 10
    min_allele_balance: float = 0.2
    min_call_rate: float = 0.9
    min_hwe_p: float = 1e-10
    hard_filters: HardFilters = field(default_factory=dict)

    def info_keys(self) -> list[str]:
        """INFO fields that the hard filters look at."""
        return sorted({key for limits in self.hard_filters.values() for key in limits} - {"QUAL"})


def hard_filters(choice: str | HardFilters | None) -> HardFilters:
    """The limits that a configuration means: ``gatk``, limits of its own, or none."""
    if choice == "gatk":
        return GATK
    return choice if isinstance(choice, Mapping) else {}


def site_faults(
    table: pd.DataFrame,
    quality: np.ndarray,
    excess_heterozygotes: np.ndarray,
    info: Mapping[str, np.ndarray],
    filters: Filters,
) -> np.ndarray:
    """Why each site is left out, the first reason that holds; empty for those that are kept.

    Args:
        table: columns ``ref alt site_filter n_called call_rate alt_count``.
        quality: QUAL, NaN where missing; a value that is missing holds nothing against a site.
        excess_heterozygotes: -log10 p of the one-sided test.
        info: INFO value of each site for :meth:`Filters.info_keys`, NaN where missing.
    """
    allowed = {*filters.pass_filters, "PASS"}
    checks = [
        ("site_filter", [not set(names.split(";")) <= allowed for names in table["site_filter"]]),
        ("low_quality", quality < filters.min_quality),
    ]
    snv = ((table["ref"].str.len() == 1) & (table["alt"].str.len() == 1)).to_numpy(bool)
    for kind, limits in filters.hard_filters.items():
        concerned = snv if kind == "snv" else ~snv
        for key, limit in limits.items():
            values = quality if key == "QUAL" else info[key]
            below = values < limit.get("min", -np.inf)
            above = values > limit.get("max", np.inf)
            checks.append((f"hard_filter_{key}", concerned & (below | above)))
    checks += [
        ("no_calls", (table["n_called"] == 0).to_numpy(bool)),
        ("low_call_rate", (table["call_rate"] < filters.min_call_rate).to_numpy(bool)),
        ("not_carried", (table["alt_count"] == 0).to_numpy(bool)),
        # Too few heterozygotes is what mixed ancestry gives; too many is what mismapped reads give.
        ("heterozygote_excess", excess_heterozygotes > -np.log10(max(filters.min_hwe_p, 1e-300))),
    ]
    reasons = np.full(len(table), "", object)
    for reason, failed in reversed(checks):
        reasons[np.asarray(failed, bool)] = reason
    return reasons
