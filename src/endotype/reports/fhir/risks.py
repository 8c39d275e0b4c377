"""RiskAssessments: polygenic scores, and how the patient's subtype fared in this cohort."""

from __future__ import annotations

from endotype.reports.fhir import codes
from endotype.reports.fhir.codes import Element, concept
from endotype.reports.fhir.parts import Draft, Row, claim_identifier, evidence
from endotype.reports.language import N_, _, known
from endotype.reports.text import number, words

_NO_PREDICTION = N_("An average of a group of people, not a prediction for this patient.")
_UCUM_TIMES = {"years": "a", "months": "mo", "weeks": "wk", "days": "d"}


def is_risk(claim: Row) -> bool:
    """Whether a claim is about risk: those of polygenic scores, whatever the report calls them."""
    return "polygenic" in claim["type"] or "score" in claim["type"]


def add_score(draft: Draft, claim: Row) -> None:
    """A polygenic score: the claim's sentence, with what it is a risk of where the report says so."""
    item = draft.items.get(claim["id"], {})
    outcome = item.get("trait") or item.get("label") or item.get("name") or item.get("score") or claim["type"]
    confidence = claim["confidence"]
    kind = known(confidence["kind"])
    if confidence["value"] is not None:
        kind += f" {number(confidence['value'])}"
    sure = _("Confidence: {word} ({kind}).", word=words(confidence["word"]), kind=kind)
    resource = {
        "resourceType": "RiskAssessment",
        "extension": list(evidence(claim)),
        "identifier": claim_identifier(claim),
        "status": draft.status,
        "method": concept(_("polygenic score")),
        "subject": draft.subject,
        "prediction": [{"outcome": concept(str(outcome)), "rationale": claim["text"]}],
        "note": [{"text": text} for text in (sure, *claim["limits"], _(_NO_PREDICTION))],
    }
    draft.stated[claim["id"]] = draft.add("Score", claim["id"], _filled(resource))


def add_survival(draft: Draft, section: Row) -> None:
    """How often the event came up in the patient's subtype by one time, Kaplan-Meier, beside the cohort."""
    for row in section.get("survival", []):
        if row["estimate"] is None:
            continue
        unit = row.get("unit")
        when: Element = {"value": row["time"]} | ({"unit": unit} if unit else {})
        if unit in _UCUM_TIMES:
            when |= {"system": codes.UCUM, "code": _UCUM_TIMES[unit]}
        cohort = ""
        if row["cohort_estimate"] is not None:
            cohort = _("; whole cohort {number}", number=number(row["cohort_estimate"]))
        rationale = _(
            "Kaplan-Meier estimate of no event by that time in subtype {subtype}: {estimate} (95 % interval "
            "{low} to {high}), {n} people, {events} events{cohort} ({cohort_n} people).",
            subtype=section["subtype"],
            estimate=number(row["estimate"]),
            low=number(row["low"]),
            high=number(row["high"]),
            n=row["n"],
            events=row["events"],
            cohort=cohort,
            cohort_n=row["cohort_n"],
        )
        prediction = {
            "outcome": concept(_("{outcome}: event", outcome=row["outcome"])),
            # FHIR counts this probability in per cent.
            "probabilityDecimal": round(100 * (1 - row["estimate"]), 6),
            "whenRange": {"high": when},
            "rationale": rationale,
        }
        resource = {
            "resourceType": "RiskAssessment",
            "status": draft.status,
            "method": concept(_("Kaplan-Meier estimate of the subtype in this cohort")),
            "subject": draft.subject,
            "basis": [draft.subtype] if draft.subtype else [],
            "prediction": [prediction],
            "note": [{"text": _(_NO_PREDICTION)}],
        }
        draft.add("Survival", row["outcome"], _filled(resource))


def _filled(resource: Element) -> Element:
    return {name: value for name, value in resource.items() if value}
