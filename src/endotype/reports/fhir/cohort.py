"""What rests on the cohort: subtype, associated loci, quality of the genotypes, and what wasn't assessed."""

from __future__ import annotations

from endotype.reports.fhir import codes
from endotype.reports.fhir.codes import Element, concept, own
from endotype.reports.fhir.parts import Draft, Row, missing, number, observation, words
from endotype.reports.fhir.variants import gene
from endotype.reports.language import N_, _, known
from endotype.reports.text import words as spelled

SUBTYPE_CODES = f"{codes.OWN}CodeSystem/subtype"

_WHY_ABSENT = {
    "no_subtypes": "not-applicable",
    "insufficient_data": "not-performed",
    "failed_qc": "not-performed",
}
"""Ambiguous and atypical patients were assessed: their subtype is unknown."""


COPIES = N_("copies of the allele associated in this cohort")


def add_subtype(draft: Draft, section: Row) -> None:
    """The subtype call; without a call a reason in place of the value."""
    claim = draft.claims.get(section.get("claim") or "")
    called = section.get("call") == "called" and section.get("subtype")
    if called:
        name = section["subtype"]
        coding = name if name.isalnum() else None
        value = {
            "valueCodeableConcept": concept(
                _("subtype {name} of this cohort", name=name), SUBTYPE_CODES, coding
            )
        }
    else:
        kind = "not-performed" if section["status"] == "not_assessed" else "unknown"
        kind = _WHY_ABSENT.get(section.get("reason") or "", kind)
        value = {"dataAbsentReason": codes.absent(section["statement"], kind)}
    components = [
        number(own("posterior-probability"), section.get("posterior")),
        number(own("posterior-limit"), section.get("posterior_limit")),
        words(own("second-subtype"), section.get("second_subtype")),
        number(own("second-posterior-probability"), section.get("second_posterior")),
        number(own("typicality"), section.get("typicality")),
        number(own("typicality-limit"), section.get("typicality_limit")),
        number(own("people-in-subtype"), section.get("n_in_subtype")),
        *[
            number(
                own("posterior-of", _("posterior probability of {subtype}", subtype=row["subtype"])),
                row["posterior"],
            )
            for row in section.get("posteriors", [])
        ],
    ]
    draft.subtype = observation(
        draft, "Subtype", "call", own("subtype"), claim=claim, value=value, components=components
    )


def add_association(draft: Draft, item: Row) -> None:
    """A locus of the cohort that the patient carries: an average over people, no prediction."""
    observation(
        draft,
        "Association",
        item["claim"],
        own("cohort-association", _(COPIES)),
        claim=draft.claims.get(item["claim"]),
        value={"valueInteger": item["alleles"]},
        components=[
            words(own("trait"), item["trait"]),
            words(own("locus"), f"{item['kind']} {item['id']}"),
            words(own("effect-allele"), item.get("effect_allele")),
            words(own("effect"), item["effect"]),
            number(own("neg-log10-p"), item.get("neg_log10_p")),
            number(own("effect-allele-frequency"), item.get("eaf")),
            number(own("people-tested"), item.get("n")),
            *gene(item),
        ],
    )


def add_locus_without_genotype(draft: Draft, row: Row) -> None:
    """A locus of the cohort at which the patient has no usable genotype."""
    observation(
        draft,
        "AssociationNoCall",
        f"{row['trait']}\0{row['id']}",
        own("cohort-association", _(COPIES)),
        value={"dataAbsentReason": codes.absent(_("No usable genotype at this locus."))},
        components=[words(own("trait"), row["trait"]), words(own("locus"), row["id"])],
    )


def add_quality(draft: Draft, section: Row) -> None:
    """Claims about the sample; the measures go with the one on quality, each with limit and verdict."""
    for claim_id in section.get("claims", []):
        claim = draft.claims[claim_id]
        of_quality = claim["type"] == "quality"
        observation(
            draft,
            "Quality",
            claim_id,
            own(claim["type"], _("quality of the genotypes") if of_quality else spelled(claim["type"])),
            claim=claim,
            value={"valueString": _verdict(section) or claim["text"]} if of_quality else None,
            components=[_metric(row) for row in section.get("metrics", [])] if of_quality else [],
        )


def _verdict(section: Row) -> str | None:
    return section.get("verdict") and spelled(section["verdict"])


def _metric(row: Row) -> Element:
    code = own("quality-measure", row["label"])
    part = number(code, row["value"]) or missing(code, _("Not assessed."), "not-performed")
    part["interpretation"] = [concept(spelled(row["verdict"]))]
    return part | ({"referenceRange": [{"text": row["threshold"]}]} if row.get("threshold") else {})


def add_gap(draft: Draft, row: Row) -> None:
    """A topic that the report says nothing about, and why."""
    observation(
        draft,
        "NotAssessed",
        row["topic"],
        own("not-assessed", known(row["topic"])),
        value={"dataAbsentReason": codes.absent(row["reason"], "not-performed")},
    )


def add_other_claim(draft: Draft, claim: Row) -> None:
    """A claim of a kind that has no form of its own here: its sentence, confidence and evidence."""
    observation(
        draft,
        "Statement",
        claim["id"],
        own("statement", spelled(claim["type"])),
        claim=claim,
        value={"valueString": claim["text"]},
    )
