"""Quality of a patient's genotypes: each measure with its limit, who is related, and whether the sex fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from endotype.reports.claims import Claim, Confidence, Input, Value, claim_id
from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.text import number, percent, words

FILE = "variants/sample_qc.parquet"


@dataclass(frozen=True)
class _Metric:
    """A measure of ``sample_qc.parquet``: how it is called, what it says, and which setting limits it."""

    column: str
    label: str
    explanation: str
    limit: str = ""
    bound: str = ""
    flagged_by: str = ""


_METRICS = [
    _Metric(
        "call_rate",
        "Call rate",
        "Share of the cohort's variant sites with a usable genotype.",
        "min_call_rate",
        "≥",
    ),
    _Metric(
        "contamination",
        "Contamination",
        "Estimated share of reads from another person's DNA.",
        "max_contamination",
        "≤",
    ),
    _Metric(
        "het_rate",
        "Heterozygosity",
        "Share of heterozygous genotypes. High: perhaps contamination. Low: related parents, or lost calls.",
        flagged_by="heteroz",
    ),
    _Metric("mean_depth", "Mean depth", "Average number of reads at a genotype."),
    _Metric(
        "mean_genotype_quality", "Mean genotype quality", "Average confidence of a genotype, Phred scale."
    ),
    _Metric(
        "ti_tv",
        "Transitions / transversions",
        "Ratio of substitution types; far from the cohort's suggests false calls.",
    ),
    _Metric(
        "n_singleton", "Alleles seen in nobody else", "Many more than in other people suggest false calls."
    ),
]


def quality_section(record: PatientRecord, cohort: Cohort) -> tuple[Row, list[Claim]]:
    """The quality chapter and its claims; without genotypes, a chapter that says so."""
    relatives = [_relative(row) for row in record.relatives]
    compared = record.quality is not None and cohort.ancestry.get("relatedness_assessed", True)
    relatives_status = "present" if relatives else "absent" if compared else "not_assessed"
    declared = record.person["sex"]
    if record.quality is None:
        section: Row = {
            "status": "not_assessed",
            "verdict": None,
            "statement": "Not assessed: there are no germline genotypes of this person in the run.",
            "reasons": [],
            "metrics": [],
            "relatives_status": relatives_status,
            "relatives": relatives,
            "sex": {"declared": declared, "inferred": None, "verdict": "not assessed"},
            "in_statistics": False,
            "claims": [],
        }
        return section, []
    row = record.quality
    reasons = [part for part in (row["reasons"] or "").split("; ") if part]
    claims = [_verdict_claim(record, row, reasons), *_identity_claims(record, row)]
    section = {
        "status": "assessed",
        "verdict": row["verdict"],
        "statement": claims[0].text,
        "reasons": reasons,
        "metrics": [_measure(metric, row, cohort, reasons) for metric in _METRICS],
        "relatives_status": relatives_status,
        "relatives": relatives,
        "sex": {
            "declared": declared,
            "inferred": row["inferred_sex"],
            "verdict": _sex_verdict(declared, row),
        },
        "in_statistics": bool(row["in_statistics"]),
        "claims": [claim.id for claim in claims],
    }
    return section, claims


def _verdict_claim(record: PatientRecord, row: Row, reasons: list[str]) -> Claim:
    because = f": {'; '.join(reasons)}" if reasons else ""
    text = {
        "pass": "The genotypes passed every quality check.",
        "warn": f"The genotypes passed with remarks{because}.",
        "fail": f"The genotypes failed quality control{because}. Nothing in them is more than uncertain.",
    }[row["verdict"]]
    return Claim(
        id=claim_id("quality", record.patient, "verdict"),
        subject=record.patient,
        type="quality",
        text=text,
        value=Value(row["verdict"]),
        confidence=Confidence("established", row["call_rate"], "call rate"),
        input=(Input(FILE, record.patient),),
    )


def _identity_claims(record: PatientRecord, row: Row) -> list[Claim]:
    """Claims that put in doubt whose sample this is."""
    claims = []
    declared = record.person["sex"]
    if _sex_verdict(declared, row) == "fail":
        claims.append(
            Claim(
                id=claim_id("identity", record.patient, "sex"),
                subject=record.patient,
                type="identity",
                text=f"The declared sex is {declared}; the genotypes look {row['inferred_sex']}.",
                value=Value(row["inferred_sex"]),
                confidence=Confidence("likely", row["x_het_rate"], "heterozygosity on X"),
                input=(Input(FILE, record.patient),),
                limits=("A sample swap, a clerical error or a sex chromosome variation can explain this.",),
            )
        )
    for relative in record.relatives:
        if relative["relationship"] == "duplicate":
            claims.append(
                Claim(
                    id=claim_id("identity", record.patient, f"duplicate {relative['patient']}"),
                    subject=record.patient,
                    type="identity",
                    text=f"The genotypes are the same as those of {relative['patient']}.",
                    value=Value(relative["kinship"], "kinship coefficient"),
                    confidence=Confidence("likely", relative["kinship"], "kinship coefficient"),
                    input=(Input("variants/relatedness.parquet", f"{record.patient} {relative['patient']}"),),
                    limits=(
                        "One sample under two names, and identical twins, can't be told apart by genotypes.",
                    ),
                )
            )
    return claims


def _measure(metric: _Metric, row: Row, cohort: Cohort, reasons: list[str]) -> Row:
    value = row.get(metric.column)
    limit = cohort.config["sample_qc"][metric.limit] if metric.limit else None
    verdict = "no limit"
    threshold = ""
    if limit is not None:
        threshold = f"{metric.bound} {percent(limit)}"
        verdict = "pass" if value is not None and _LIMITS[metric.bound](value, limit) else "fail"
    elif metric.flagged_by:
        deviations = number(float(cohort.config["sample_qc"]["outlier_mads"]))
        threshold = f"within {deviations} median absolute deviations"
        verdict = "flagged" if any(metric.flagged_by in reason.lower() for reason in reasons) else "pass"
    return {
        "name": metric.column,
        "label": metric.label,
        "value": value,
        "threshold": threshold,
        "verdict": "not assessed" if value is None else verdict,
        "cohort_median": cohort.quality_medians.get(metric.column),
        "explanation": metric.explanation,
    }


_LIMITS: dict[str, Callable[[float, float], bool]] = {
    "≥": lambda value, limit: value >= limit,
    "≤": lambda value, limit: value <= limit,
}


def _sex_verdict(declared: str, row: Row) -> str:
    inferred = row["inferred_sex"]
    if inferred not in ("male", "female") or declared not in ("male", "female"):
        return "not assessed"
    return "pass" if inferred == declared else "fail"


def _relative(row: Row) -> Row:
    return {
        "patient": row["patient"],
        "relationship": words(row["relationship"]),
        "kinship": row["kinship"],
        "declared": words(row["declared"]) if row["declared"] else "not declared",
    }
