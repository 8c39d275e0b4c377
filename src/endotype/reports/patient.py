"""One patient's report: the chapters, the claims behind them, and the check against the published schema."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator

from endotype.files import read_json
from endotype.reports.associations import association_section
from endotype.reports.changes import changes_section, report_status
from endotype.reports.claims import Claim
from endotype.reports.clinical import clinical_section
from endotype.reports.consent import consent_of
from endotype.reports.findings import findings_section
from endotype.reports.gaps import gaps
from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.key_findings import key_findings
from endotype.reports.language import N_, _
from endotype.reports.methods import methods_section, run_identity
from endotype.reports.polygenic import polygenic_section
from endotype.reports.quality import quality_section
from endotype.reports.secondary import secondary_section, set_aside, withhold
from endotype.reports.subtype_call import subtype_section
from endotype.reports.target_list import target_section
from endotype.reports.text import plain
from endotype.reports.tumours import tumour_section

SCHEMA_VERSION = "1.2"
SCHEMA_PATH = Path(__file__).parents[3] / "workflow/schemas/report.schema.json"

_FAILED_QC = N_("The genotypes failed quality control.")


def patient_report(record: PatientRecord, cohort: Cohort) -> Row:
    """The report of one patient as plain data that :data:`SCHEMA_PATH` describes.

    When the genotypes failed quality control, nothing read from them is more than *uncertain*.
    """
    settings = cohort.config["reports"]
    consent = consent_of(settings.get("consent") or {}, record.consent)
    to_secondary = consent["secondary_findings"]
    record = withhold(record, cohort, to_secondary)
    quality, quality_claims = quality_section(record, cohort)
    failed = quality["verdict"] == "fail"
    variants, variant_claims = findings_section(record, cohort, set_aside(record, cohort, to_secondary))
    secondary, secondary_claims = secondary_section(record, cohort, to_secondary)
    variant_claims = _lowered([*variant_claims, *secondary_claims], failed)
    by_variant = {claim.input[0].key: claim for claim in variant_claims}
    targets, target_claims = target_section(record, cohort, variants, by_variant)
    subtype, subtype_claims = subtype_section(record, cohort)
    associations, association_claims = association_section(record, cohort)
    scores, score_claims = polygenic_section(record, cohort)
    claims = [
        *quality_claims,
        *variant_claims,
        *_lowered(target_claims, failed),
        *subtype_claims,
        *_lowered(association_claims, failed),
        *score_claims,
    ]
    sections = {
        "variants": variants,
        "tumours": tumour_section(record, cohort),
        "targets": targets,
        "subtype": subtype,
        "associations": associations,
        "clinical": clinical_section(record, cohort),
        "quality": quality,
        "secondary_findings": secondary,
        "polygenic_scores": scores,
    }
    run = run_identity(cohort)
    sections["changes"] = changes_section(record, cohort, claims, sections, run)
    report = {
        "schema_version": SCHEMA_VERSION,
        "status": report_status(settings.get("status", "preliminary"), sections["changes"]),
        "patient": {
            "id": record.patient,
            "sex_declared": record.person["sex"],
            "sex_inferred": quality["sex"]["inferred"],
            "status": record.person["status"],
            "in_genotypes": bool(record.person["in_genotypes"]),
            "in_clinical": bool(record.person["in_clinical"]),
            "n_tumours": len(record.tumours),
            "sample": "; ".join(row["sample"] for row in _samples(record)) or None,
            **{f"consent_{purpose}": word for purpose, word in consent.items()},
        },
        "run": run,
        "key_findings": key_findings(claims, sections),
        **sections,
        "not_assessed": gaps(record, cohort, sections),
        "methods": methods_section(cohort),
        "claims": [claim.as_dict() for claim in claims],
    }
    report = plain(report)
    validate_report(report)
    return report


def validate_report(report: Row) -> None:
    """Check a report against the published schema, and that every reference to a claim leads somewhere.

    Raises:
        ValueError: it doesn't fit; the text names the first place and what is wrong there.
    """
    error = next(_validator().iter_errors(report), None)
    if error is not None:
        raise ValueError(f"report of {report['patient']['id']}: {error.json_path}: {error.message}")
    ids = [claim["id"] for claim in report["claims"]]
    if len(set(ids)) != len(ids):
        raise ValueError(f"report of {report['patient']['id']}: two claims share an id")
    dangling = sorted(set(claim_references(report)) - set(ids))
    if dangling:
        raise ValueError(f"report of {report['patient']['id']}: no claim {dangling[0]}")


def claim_references(report: Row) -> list[str]:
    """Every claim id that a chapter of a report refers to."""
    found = [item["claim"] for item in report["key_findings"]["items"]]
    for name in _CLAIMING:
        found += [item["claim"] for item in report[name]["items"] if item["claim"] is not None]
    found += [item["claim"] for item in report["changes"]["items"] if item["claim"] is not None]
    found += report["quality"]["claims"]
    return found + [report["subtype"]["claim"]] * (report["subtype"]["claim"] is not None)


_CLAIMING = ("variants", "secondary_findings", "targets", "associations", "polygenic_scores")


def _samples(record: PatientRecord) -> list[Row]:
    """The patient's germline samples, each once."""
    rows = record.samples
    return [row for i, row in enumerate(rows) if row["sample"] not in {r["sample"] for r in rows[:i]}]


def _lowered(claims: list[Claim], failed: bool) -> list[Claim]:
    return [claim.at_most("uncertain", _(_FAILED_QC)) for claim in claims] if failed else claims


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(read_json(SCHEMA_PATH))
