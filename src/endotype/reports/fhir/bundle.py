"""``report.json`` as an HL7 FHIR R4 bundle of the type ``collection``, after the Genomics Reporting guide.

Every claim of the report is stated by exactly one resource that has the claim's id as identifier. Ids are
UUIDs of version 5, so that the same report gives the same bytes; there is no clock in a bundle. The patient
is the pseudonymous id and the declared sex, nothing else. Values of the clinical table aren't sent back.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import Any

from endotype import visible
from endotype.reports.fhir import codes
from endotype.reports.fhir.codes import Element, concept, loinc
from endotype.reports.fhir.cohort import (
    add_association,
    add_gap,
    add_locus_without_genotype,
    add_other_claim,
    add_quality,
    add_subtype,
)
from endotype.reports.fhir.ids import resource_id, url_of
from endotype.reports.fhir.parts import Draft, Row
from endotype.reports.fhir.risks import add_score, add_survival, is_risk
from endotype.reports.fhir.therapies import add_target
from endotype.reports.fhir.tumours import add_tumour
from endotype.reports.fhir.variants import add_joint_change, add_no_call, add_variant
from endotype.reports.language import N_, _, language_tag, sentences
from endotype.reports.text import plain, words

RESEARCH_USE = N_("For research use. Nothing in this report replaces the judgement of a qualified person.")
STATUSES = ("preliminary", "final", "amended", "corrected")
_SECONDARY = "secondary_findings"


def fhir_bundle(report: Row) -> dict[str, Any]:
    """The bundle of one patient's report.

    Args:
        report: the content of ``report.json``. A chapter that isn't there adds nothing.

    Returns:
        The bundle as plain data, for :func:`endotype.files.write_json`.

    Raises:
        ValueError: a claim is about another patient, or would be stated twice, or by nothing.
    """
    with _collector_paused():
        return _bundle_of(plain(dict(report)))


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """A bundle is one tree without cycles; collecting while it grows would walk it over and over."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _bundle_of(report: Row) -> dict[str, Any]:
    draft = _draft(report)
    _add_patient_and_device(draft, report)
    _add_variants(draft, report)
    for tumour in _items(report, "tumours"):
        add_tumour(draft, tumour)
    if "subtype" in report:
        add_subtype(draft, report["subtype"])
        add_survival(draft, report["subtype"])
    for item in _items(report, "targets"):
        add_target(draft, item)
    for item in _items(report, "associations"):
        add_association(draft, item)
    for row in report.get("associations", {}).get("no_call", []):
        add_locus_without_genotype(draft, row)
    add_quality(draft, report.get("quality", {}))
    for row in report.get("not_assessed", []):
        add_gap(draft, row)
    for claim in report["claims"]:
        if claim["id"] not in draft.stated:
            (add_score if is_risk(claim) else add_other_claim)(draft, claim)
    _check_claims(draft)
    return _bundle(draft, report)


def _draft(report: Row) -> Draft:
    run = report.get("run", {})
    claims = {claim["id"]: claim for claim in report["claims"]}
    patient = report["patient"]["id"]
    for claim in report["claims"]:
        if claim.get("subject", patient) != patient:
            raise ValueError(f"report of {patient}: claim {claim['id']} is about another patient")
    items: dict[str, Row] = {
        item["claim"]: item
        for section in report.values()
        if isinstance(section, dict)
        for item in section.get("items", [])
        if isinstance(item, dict) and item.get("claim")
    }
    return Draft(
        patient=patient,
        status=_status(report),
        assembly=run.get("assembly") or "not stated",
        knowledge={row["source"]: row for row in run.get("knowledge", [])},
        simulated=bool(run.get("simulated")),
        claims=claims,
        items=items,
    )


def _status(report: Row) -> str:
    """The status that the report gives itself; without one it is preliminary, since nobody has signed it."""
    status = report.get("status")
    if isinstance(status, dict):
        status = status.get("status")
    return status if status in STATUSES else "preliminary"


def _items(report: Row, section: str) -> list[Row]:
    return report.get(section, {}).get("items", [])


def _add_patient_and_device(draft: Draft, report: Row) -> None:
    sex = report["patient"].get("sex_declared")
    draft.add(
        "Patient",
        "",
        {
            "resourceType": "Patient",
            "identifier": [{"system": codes.PATIENT_IDS, "value": draft.patient}],
            "gender": sex if sex in ("male", "female") else "unknown",
        },
    )
    version = report.get("run", {}).get("endotype_version")
    device = {
        "resourceType": "Device",
        "deviceName": [{"name": "Endotype", "type": "model-name"}],
        "version": [{"value": version}] if version else [],
    }
    draft.add("Device", "", {name: value for name, value in device.items() if value})


def _add_variants(draft: Draft, report: Row) -> None:
    section = report.get("variants", {})
    for item in section.get("items", []):
        add_variant(draft, item)
    for item in _items(report, _SECONDARY):
        if "variant_id" in item and (item["variant_id"], "germline") not in draft.variants:
            add_variant(draft, item, secondary=True)
    for row in section.get("no_call", []):
        add_no_call(draft, row)
    for change in section.get("joint_changes", []):
        add_joint_change(draft, change)


def _check_claims(draft: Draft) -> None:
    """Every claim once: a statement that is lost, or told twice, is worse than no bundle.

    Raises:
        ValueError: it isn't so.
    """
    systems = (
        entry["value"]
        for resource in draft.resources.values()
        if resource["resourceType"] in ("Observation", "RiskAssessment")
        for entry in resource.get("identifier", [])
        if entry["system"] == codes.CLAIM_IDS
    )
    stated = sorted(systems)
    if stated != sorted(draft.claims):
        raise ValueError(f"report of {draft.patient}: the bundle's claims aren't those of the report")


def _bundle(draft: Draft, report: Row) -> dict[str, Any]:
    security = [{"system": codes.ACT_REASON, "code": "HRESCH"}]
    if draft.simulated:
        security.append({"system": codes.ACT_REASON, "code": "HTEST"})
    head = _diagnostic_report(draft, report)
    identity = resource_id("Bundle", draft.patient, "")
    resources = [resource | {"language": language_tag()} for resource in (head, *draft.resources.values())]
    return {
        "resourceType": "Bundle",
        "id": identity,
        "meta": {"security": security},
        "language": language_tag(),
        "type": "collection",
        "identifier": {"system": codes.BUNDLE_IDS, "value": draft.patient},
        "entry": [{"fullUrl": url_of(resource["id"]), "resource": resource} for resource in resources],
    }


def _diagnostic_report(draft: Draft, report: Row) -> Element:
    risks = [
        {"url": f"{codes.PROFILE}genomic-risk-assessment", "valueReference": reference}
        for reference in draft.of_type("RiskAssessment")
    ]
    built = {
        "resourceType": "DiagnosticReport",
        "id": resource_id("DiagnosticReport", draft.patient, ""),
        "meta": {"profile": [f"{codes.PROFILE}genomic-report"]},
        "extension": [*risks, *[_note(kind, text) for kind, text in _notes(report)]],
        "status": draft.status,
        "category": [concept(None, codes.SERVICE, "GE")],
        "code": loinc("51969-4", "genetic analysis report"),
        "subject": draft.subject,
        "specimen": list(draft.of_type("Specimen")),
        "result": list(draft.of_type("Observation")),
        "conclusion": _conclusion(draft, report),
    }
    return {name: value for name, value in built.items() if value}


def _conclusion(draft: Draft, report: Row) -> str:
    """The key findings in their order, or the sentence that stands in their place."""
    section = report.get("key_findings", {})
    lines = [section.get("statement")]
    for item in section.get("items", []):
        claim = draft.claims[item["claim"]]
        word = words(claim["confidence"]["word"]).capitalize()
        lines.append(_("{name}: {text}", name=word, text=claim["text"]))
    if section.get("n_more"):
        lines.append(_("{n} more are in the report.", n=section["n_more"]))
    return sentences(*lines)


def _notes(report: Row) -> list[tuple[str, str]]:
    """What a reader must know of the whole report: its limits, what each chapter says, how it was made."""
    notes = [("test-disclaimer", _(RESEARCH_USE))]
    run = report.get("run", {})
    if run.get("simulated"):
        notes.append(("test-disclaimer", _("The patients of this run are simulated.")))
    for name, section in sorted(report.items()):
        if name != "key_findings" and isinstance(section, dict) and section.get("statement"):
            notes.append(("", _("{name}: {text}", name=_title(name), text=section["statement"])))
    if run:
        made = _(
            "Run {name}; configuration sha256 {sha256}.",
            name=run.get("name"),
            sha256=run.get("config_sha256"),
        )
        notes.append(("test-methodology", made))
    for source in run.get("knowledge", []):
        parts = [source["source"], source.get("file"), source.get("version"), source.get("sha256")]
        said = ", ".join(part for part in parts if part)
        notes.append(("test-methodology", _("Source: {source}", source=said)))
    notes += [("test-methodology", text) for text in report.get("methods", {}).get("statements", [])]
    return notes


def _title(name: str) -> str:
    """The name of a chapter as it stands in ``report.json``, or as the language of the report has it."""
    title = words(name)
    return name if title == visible.words(name) else title


def _note(kind: str, text: str) -> Element:
    """A note of the guide's kind, with its type where one of the guide's fits."""
    annotation: Element = {"text": text}
    if kind:
        code = concept(None, codes.ANNOTATION_TYPES, kind)
        annotation["extension"] = [{"url": f"{codes.PROFILE}annotation-code", "valueCodeableConcept": code}]
    return {"url": f"{codes.PROFILE}genomic-report-note", "valueAnnotation": annotation}
