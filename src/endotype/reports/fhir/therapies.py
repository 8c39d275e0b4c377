"""Entries of target tables as the guide's TherapeuticImplication."""

from __future__ import annotations

from endotype.reports.fhir import codes
from endotype.reports.fhir.codes import Element, answer, concept, guide, loinc, own
from endotype.reports.fhir.parts import Draft, Row, coded, number, observation, span, words
from endotype.reports.fhir.variants import add_bare_variant
from endotype.reports.language import _, known
from endotype.reports.text import words as spelled

_DIRECTIONS = {
    "sensitivity": codes.RESPONSIVE,
    "sensitive": codes.RESPONSIVE,
    "resistance": codes.RESISTANT,
    "resistant": codes.RESISTANT,
}
"""What a source says of the response. "Indicated" alone says nothing of it and gets no such code."""


def add_target(draft: Draft, item: Row) -> None:
    """Add one entry: the intervention in the words of its source, never an order to give it."""
    claim = draft.claims.get(item["claim"])
    components = [
        coded(guide("therapeutic-implication"), _implication(item)),
        coded(loinc("51963-7", "medication assessed"), concept(item["intervention"])),
        coded(loinc("93044-6", "level of evidence"), _level(item)),
        coded(guide("knowledge-base"), concept(_source(item)) if _source(item) else None),
        coded(
            loinc("81259-4", "treatment context"), concept(item["disease"]) if item.get("disease") else None
        ),
        words(own("gene"), item["gene"]),
        words(own("listed-as"), spelled(item["action"])),
        words(own("linked-through"), spelled(item["link"])),
        words(own("link-detail"), known(item.get("detail") or "")),
        words(own("disease-match"), spelled(item.get("disease_match") or "")),
        words(own("alteration-match"), spelled(item.get("alteration_match") or "")),
        number(own("rank"), item.get("rank")),
        span(own("rank-interval"), item.get("rank_low"), item.get("rank_high")),
        number(own("target-score"), item.get("score")),
    ]
    observation(
        draft,
        "Target",
        item["claim"],
        guide("therapeutic-implication"),
        claim=claim,
        profile="therapeutic-implication",
        derived_from=[_basis(draft, item)],
        components=components,
    )


def _implication(item: Row) -> Element:
    """Resistance and response by the source's word; a warning without one stays a warning in words."""
    pair = _DIRECTIONS.get((item.get("direction") or "").strip().casefold())
    if pair is not None:
        return answer(pair)
    if item["action"] == "contraindicated":
        return concept(_("contraindicated: resistance or harm"))
    return concept(spelled(item["action"]))


def _level(item: Row) -> Element:
    tier = item["tier"]
    level = item.get("level")
    text = _("tier {tier}", tier=tier)
    if level:
        text = _("tier {tier}, level {level} of the source", tier=tier, level=level)
    return concept(text, codes.OWN_TIERS, tier if tier.isalnum() else None)


def _source(item: Row) -> str:
    parts = [item.get("source"), item.get("source_version"), item.get("source_record")]
    return ", ".join(part for part in parts if part)


def _basis(draft: Draft, item: Row) -> Element:
    """What the entry is derived from: the variant, the subtype, or words where neither has a resource."""
    variant_id = item.get("variant_id")
    if variant_id:
        origins = ("somatic", "germline") if item["link"] == "tumour_variant" else ("germline", "somatic")
        for origin in origins:
            if reference := draft.variants.get((variant_id, origin)):
                return reference
        if item["link"] == "carried_variant" and (reference := add_bare_variant(draft, variant_id)):
            return reference
    if item["link"] == "subtype" and draft.subtype is not None:
        return draft.subtype
    return {"display": known(item.get("detail") or "") or variant_id or spelled(item["link"])}
