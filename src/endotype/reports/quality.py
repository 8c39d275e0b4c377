"""Quality of a patient's genotypes: each measure with its limit, who is related, and whether the sex fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from endotype.reports.claims import Claim, Confidence, Input, Value, claim_id
from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.language import N_, _, known, sentences
from endotype.reports.text import CALL_RATE, number, percent, reasons_listed, words

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
        N_("Call rate"),
        N_("Share of the cohort's variant sites with a usable genotype."),
        "min_call_rate",
        "≥",
    ),
    _Metric(
        "contamination",
        N_("Contamination"),
        N_("Estimated share of reads from another person's DNA."),
        "max_contamination",
        "≤",
    ),
    _Metric(
        "het_rate",
        N_("Heterozygosity"),
        N_(
            "Share of heterozygous genotypes. High: perhaps contamination. Low: related parents, or lost "
            "calls."
        ),
        flagged_by="heteroz",
    ),
    _Metric("mean_depth", N_("Mean depth"), N_("Average number of reads at a genotype.")),
    _Metric(
        "mean_genotype_quality",
        N_("Mean genotype quality"),
        N_("Average confidence of a genotype, Phred scale."),
    ),
    _Metric(
        "ti_tv",
        N_("Transitions / transversions"),
        N_("Ratio of substitution types; far from the cohort's suggests false calls."),
    ),
    _Metric(
        "n_singleton",
        N_("Alleles seen in nobody else"),
        N_("Many more than in other people suggest false calls."),
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
            "statement": _("Not assessed: there are no germline genotypes of this person in the run."),
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
    because = reasons_listed(map(known, reasons))
    if row["verdict"] == "pass":
        text = _("The genotypes passed every quality check.")
    elif row["verdict"] == "warn":
        text = _("The genotypes passed with remarks.")
        if reasons:
            text = _("The genotypes passed with remarks: {reasons}.", reasons=because)
    else:
        text = _("The genotypes failed quality control.")
        if reasons:
            text = _("The genotypes failed quality control: {reasons}.", reasons=because)
        text = sentences(text, _("Nothing in them is more than uncertain."))
    return Claim(
        id=claim_id("quality", record.patient, "verdict"),
        subject=record.patient,
        type="quality",
        text=text,
        value=Value(row["verdict"]),
        confidence=Confidence("established", row["call_rate"], CALL_RATE),
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
                text=_(
                    "The declared sex is {declared}; the genotypes look {inferred}.",
                    declared=words(declared),
                    inferred=words(row["inferred_sex"]),
                ),
                value=Value(row["inferred_sex"]),
                confidence=Confidence("likely", row["x_het_rate"], N_("heterozygosity on X")),
                input=(Input(FILE, record.patient),),
                limits=(
                    _("A sample swap, a clerical error or a sex chromosome variation can explain this."),
                ),
            )
        )
    for relative in record.relatives:
        if relative["relationship"] == "duplicate":
            claims.append(
                Claim(
                    id=claim_id("identity", record.patient, f"duplicate {relative['patient']}"),
                    subject=record.patient,
                    type="identity",
                    text=_("The genotypes are the same as those of {person}.", person=relative["patient"]),
                    value=Value(relative["kinship"], "kinship coefficient"),
                    confidence=Confidence("likely", relative["kinship"], N_("kinship coefficient")),
                    input=(Input("variants/relatedness.parquet", f"{record.patient} {relative['patient']}"),),
                    limits=(
                        _(
                            "One sample under two names, and identical twins, can't be told apart by "
                            "genotypes."
                        ),
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
        threshold = _("within {n} median absolute deviations", n=deviations)
        verdict = "flagged" if any(metric.flagged_by in reason.lower() for reason in reasons) else "pass"
    return {
        "name": metric.column,
        "label": _(metric.label),
        "value": value,
        "threshold": threshold,
        "verdict": "not assessed" if value is None else verdict,
        "cohort_median": cohort.quality_medians.get(metric.column),
        "explanation": _(metric.explanation),
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
        "declared": words(row["declared"]) if row["declared"] else _("not declared"),
    }
