"""The measures of a person's genotypes: what each means, how the cohort fares, and who is flagged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from endotype.reports.language import N_, _, known
from endotype.reports.text import clean, number, percent, words

Row = dict[str, Any]

CHAPTERS = {
    "reads": N_("Calls and reads"),
    "genotypes": N_("Genotypes"),
    "sex": N_("Sex"),
    "relatedness": N_("Relatedness"),
    "ancestry": N_("Ancestry"),
    "roh": N_("Runs of homozygosity"),
    "other": N_("Other measures"),
}
"""Chapters of the page that measures belong to, in their order."""


@dataclass(frozen=True)
class Metric:
    """A measure of ``sample_metrics.parquet``.

    Attributes:
        name: in the table.
        label: in words.
        chapter: where on the page it stands.
        meaning: what it is and what it tells, for the reader.
        unit: behind the label of the axis.
        share: the value is a share of 0 to 1, shown in percent.
        limit_by: what a limit allows for where it differs between people.
        pooled: the values of all people are comparable, so that their median means something.
    """

    name: str
    label: str
    chapter: str
    meaning: str
    unit: str = ""
    share: bool = False
    limit_by: str = "ancestry"
    pooled: bool = True

    @property
    def axis(self) -> str:
        """Label of the axis."""
        unit = "%" if self.share else self.unit
        return f"{self.label} ({unit})" if unit else self.label

    def shown(self, value: float | None) -> str:
        """A value as the page shows it."""
        if not self.share:
            return number(value)
        return percent(value, 4 if value is not None and value >= 0.1 else 3)

    def limit(self, lower: float | None, upper: float | None) -> str:
        """The limits of one person in words; empty without any."""
        if lower is not None and upper is not None:
            return _("{low} to {high}", low=self.shown(lower), high=self.shown(upper))
        if lower is not None:
            return f"≥ {self.shown(lower)}"
        return "" if upper is None else f"≤ {self.shown(upper)}"


METRICS = [
    Metric(
        "call_rate",
        N_("Call rate"),
        "reads",
        N_(
            "Share of the kept autosomal variants at which the person has a usable genotype. Low: too "
            "little or poor DNA, or another capture kit."
        ),
        share=True,
    ),
    Metric(
        "mean_depth",
        N_("Mean depth"),
        "reads",
        N_("Average number of reads at the person's autosomal genotypes."),
        N_("reads"),
    ),
    Metric(
        "mean_genotype_quality",
        N_("Mean genotype quality"),
        "reads",
        N_("Average confidence of the person's autosomal genotypes."),
        N_("Phred scale"),
    ),
    Metric(
        "contamination",
        N_("Contamination"),
        "reads",
        N_(
            "Estimated share of reads from someone else: reference reads at homozygous alternate "
            "genotypes, for what the population's frequencies lead one to expect (CHARR, Lu and others "
            "2023)."
        ),
        share=True,
    ),
    Metric(
        "het_rate",
        N_("Heterozygosity"),
        "genotypes",
        N_(
            "Share of autosomal genotypes that are heterozygous. High: contamination or a mix of "
            "ancestries. Low: related parents, or heterozygotes that were lost."
        ),
        share=True,
    ),
    Metric(
        "inbreeding",
        N_("Inbreeding coefficient F"),
        "genotypes",
        N_(
            "1 − observed / expected heterozygotes on autosomes. Clearly below 0: contamination; above:"
            " related parents, or an ancestry apart from the cohort's."
        ),
    ),
    Metric(
        "het_hom",
        N_("Heterozygous / homozygous alternate"),
        "genotypes",
        N_("Ratio of the two kinds of genotypes that carry the alternate allele; depends on ancestry."),
        N_("ratio"),
    ),
    Metric(
        "ti_tv",
        N_("Transitions / transversions"),
        "genotypes",
        N_(
            "Ratio of the two kinds of substitutions carried: about 2.0 to 2.1 in a whole genome, 2.8 "
            "to 3 in an exome. False calls pull it towards 0.5."
        ),
        N_("ratio"),
    ),
    Metric(
        "n_snv",
        N_("Substitutions carried"),
        "genotypes",
        N_("Number of autosomal single-base variants."),
    ),
    Metric(
        "n_singleton",
        N_("Alleles seen in nobody else"),
        "genotypes",
        N_(
            "Number of autosomal variants that only this person carries. Many: false calls, "
            "contamination, or an ancestry apart from the cohort's."
        ),
    ),
    Metric(
        "indel_ratio",
        N_("Insertions / deletions"),
        "genotypes",
        N_("Ratio of insertions to deletions carried."),
        N_("ratio"),
    ),
    Metric(
        "sex",
        N_("Sex"),
        "sex",
        N_(
            "The declared sex against heterozygosity on X and what was read of X and Y, outside the "
            "pseudoautosomal regions. A mismatch: a swapped sample, a clerical error, or a sex "
            "chromosome variation."
        ),
        limit_by="sex",
        pooled=False,
    ),
    Metric(
        "x_depth_ratio",
        N_("Depth of X / autosomes"),
        "sex",
        N_("About 1 with two X chromosomes, about 0.5 with one."),
        N_("ratio"),
        limit_by="sex",
        pooled=False,
    ),
    Metric(
        "y_depth_ratio",
        N_("Depth of Y / autosomes"),
        "sex",
        N_("About 0.5 with one Y chromosome, about 0 without."),
        N_("ratio"),
        limit_by="sex",
        pooled=False,
    ),
    Metric(
        "relatedness",
        N_("Relatedness"),
        "relatedness",
        N_(
            "Kinship of every pair (KING-robust, Manichaikul and others 2010), against the pedigree "
            "where there is one. The same genome twice: a duplicate, a swap, or identical twins."
        ),
        pooled=False,
    ),
    Metric(
        "mendelian_errors",
        N_("Mendelian errors"),
        "relatedness",
        N_(
            "Share of a child's genotypes that the declared parents can't have handed down: false "
            "calls, new mutations, or parents who aren't those declared."
        ),
        share=True,
    ),
    Metric(
        "ancestry",
        N_("Nearest population"),
        "ancestry",
        N_("Probability of the reference population that the person is assigned to."),
        N_("probability"),
    ),
    Metric(
        "roh",
        N_("Genome in runs of homozygosity"),
        "roh",
        N_(
            "Share of the autosomes covered by variants that lies in long runs without heterozygotes. "
            "1.6 % is expected of second cousins' children, 6.3 % of first cousins'."
        ),
        share=True,
    ),
]
"""The measures that are known, in the order of the page. Others are shown by their names."""

_KNOWN = {metric.name: metric for metric in METRICS}
VERDICTS = ("pass", "warn", "fail", "not_assessed")


def metrics_of(table: pd.DataFrame) -> list[Metric]:
    """The measures of a table in the current language, in the order of the page, unknown ones last."""
    names = set(table["metric"])
    others = [Metric(name, words(name).capitalize(), "other", "") for name in sorted(names - _KNOWN.keys())]
    return [_translated(metric) for metric in METRICS if metric.name in names] + others


def _translated(metric: Metric) -> Metric:
    unit = metric.unit and _(metric.unit)
    return replace(metric, label=_(metric.label), meaning=_(metric.meaning), unit=unit)


def summary(metric: Metric, rows: pd.DataFrame) -> Row:
    """How the cohort fares in one measure.

    Args:
        metric: the measure.
        rows: its rows of ``sample_metrics.parquet``.

    Returns:
        ``metric label n`` and the number of people by verdict; ``min q1 median q3 max`` of all values, null
        without any; ``lower upper``, each the smallest and largest limit or null, of those who don't fail
        (the limit of whoever fails may be another); ``not_assessed``: why, and for how many, most first.
    """
    values = rows["value"].dropna().to_numpy(float)
    points = np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).tolist() if values.size else [None] * 5
    verdicts = rows["verdict"].value_counts()
    held = rows[rows["verdict"] != "fail"] if (rows["verdict"] != "fail").any() else rows
    why = rows.loc[rows["verdict"] == "not_assessed", "explanation"].fillna("").value_counts()
    reasons = sorted(
        ((known(clean(str(text))), int(n)) for text, n in why.items()), key=lambda r: (-r[1], r[0])
    )
    return {
        "metric": metric.name,
        "label": metric.label,
        "n": len(rows),
        **{f"n_{verdict}": int(verdicts.get(verdict, 0)) for verdict in VERDICTS},
        **dict(zip(("min", "q1", "median", "q3", "max"), points, strict=True)),
        "lower": _limits(held["lower"]),
        "upper": _limits(held["upper"]),
        "not_assessed": [{"reason": text, "n": n} for text, n in reasons],
    }


def flagged(table: pd.DataFrame, sample_qc: pd.DataFrame) -> list[Row]:
    """Everybody who warns or fails, failures first: ``patient verdict in_statistics reasons measures``.

    ``measures`` are the measures that flagged the person, as rows of
    ``metric label value limit verdict explanation``, ``value`` and ``limit`` as text.
    """
    rank = {metric.name: i for i, metric in enumerate(metrics_of(table))}
    measures = {metric.name: metric for metric in metrics_of(table)}
    found = table[table["verdict"].isin(["warn", "fail"])]
    found = found.assign(_later=found["verdict"] != "fail", _rank=found["metric"].map(rank))
    found = found.sort_values(["patient", "_later", "_rank"], kind="stable")
    by_patient: dict[str, list[Row]] = {}
    for row in found.to_dict("records"):
        metric = measures[row["metric"]]
        by_patient.setdefault(row["patient"], []).append(
            {
                "metric": metric.name,
                "label": metric.label,
                "value": metric.shown(_number(row["value"])) if _number(row["value"]) is not None else "",
                "limit": metric.limit(_number(row["lower"]), _number(row["upper"])),
                "verdict": row["verdict"],
                "explanation": known(clean(str(row["explanation"] or ""))),
            }
        )
    people = sample_qc[sample_qc["verdict"].isin(["warn", "fail"]) | sample_qc["patient"].isin(by_patient)]
    people = people.assign(_first=people["verdict"] != "fail").sort_values(["_first", "patient"])
    return [
        {
            "patient": row["patient"],
            "verdict": row["verdict"],
            "in_statistics": bool(row["in_statistics"]),
            "reasons": known(clean(str(row["reasons"] or ""))),
            "measures": by_patient.get(row["patient"], []),
        }
        for row in people.to_dict("records")
    ]


def _limits(column: pd.Series) -> list[float] | None:
    limits = column.dropna().to_numpy(float)
    return [float(limits.min()), float(limits.max())] if limits.size else None


def _number(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(value)  # type: ignore[arg-type, call-overload]
