"""The first page of a report: at most ten claims, and the sentence for when there is nothing to report."""

from __future__ import annotations

from collections.abc import Iterable

from endotype.reports.claims import CONFIDENCE_WORDS, Claim
from endotype.reports.inputs import Row
from endotype.reports.language import N_, _, sentences

MAX_FINDINGS = 10
_MAX_PER_TYPE = 4

NOTHING_FOUND = N_(
    "No reportable variant was found. This doesn't exclude a genetic cause: see what was not assessed."
)
UNRELIABLE = N_(
    "No reportable variant was found, but the genotypes failed quality control. "
    "This is not a negative result."
)
NOT_SECONDARY = N_("Genes of the list of secondary findings were not looked at.")
REST = N_("The findings below rest on other evidence.")
NOT_LOOKED = N_("The patient's germline variants weren't assessed. This is not a negative result.")
IN_TUMOURS = N_("The mutations of the tumour stand under Tumours.")


def key_findings(claims: Iterable[Claim], sections: Row) -> Row:
    """The claims that a reader must see, in the order to read them.

    Doubts about the sample come first, then pathogenic variants, targets, the subtype, and predicted damage.
    ``n_more`` counts such claims that had no room. ``statement`` is set when no variant is reportable.
    """
    ranked = sorted(
        ((place, claim) for claim in claims if (place := _place(claim, sections)) is not None),
        key=lambda pair: pair[0],
    )
    shown: list[Row] = []
    per_type: dict[str, int] = {}
    for place, claim in ranked:
        kind = f"{claim.type} {place[0]}"
        per_type[kind] = per_type.get(kind, 0) + 1
        if len(shown) < MAX_FINDINGS and per_type[kind] <= _MAX_PER_TYPE:
            shown.append({"claim": claim.id, "section": _section_of(claim, sections)})
    said = []
    if sections["variants"]["status"] == "not_assessed":
        said = [NOT_LOOKED]
        if sections["tumours"]["status"] != "not_assessed":
            said.append(IN_TUMOURS)
    elif sections["variants"]["counts"]["reportable"] == 0 and not sections["secondary_findings"]["items"]:
        said = [UNRELIABLE if sections["quality"]["verdict"] == "fail" else NOTHING_FOUND]
        if (
            sections["secondary_findings"]["list"]
            and sections["secondary_findings"]["status"] == "not_assessed"
        ):
            said.append(NOT_SECONDARY)
        targets = sections["targets"]["items"]
        if targets and all(target["link"] != "carried_variant" for target in targets):
            said.append(REST)
    statement = sentences(*map(_, said)) or None
    return {"statement": statement, "items": shown, "n_more": len(ranked) - len(shown)}


_SECTIONS = {
    "quality": "quality",
    "identity": "quality",
    "variant": "variants",
    "target": "targets",
    "subtype": "subtype",
}


def _section_of(claim: Claim, sections: Row) -> str:
    secondary = {item["claim"] for item in sections["secondary_findings"]["items"]}
    return "secondary_findings" if claim.id in secondary else _SECTIONS[claim.type]


def _place(claim: Claim, sections: Row) -> tuple[int, int, int] | None:
    """(group, confidence, order) that a first page is sorted by; ``None`` when it isn't a key finding.

    Targets keep the order of their ranks, so that a warning stays before an indication.
    """
    if claim.type == "quality":
        return None if sections["quality"]["verdict"] == "pass" else (0, 0, 0)
    if claim.type == "identity":
        return (0, 1, 0)
    if claim.type == "variant":
        order, item = _find(claim, sections[_section_of(claim, sections)])
        group = {"pathogenic": 1, "classified_pathogenic": 1, "predicted_damaging": 4}.get(item["group"])
        return None if group is None else (group, CONFIDENCE_WORDS.index(claim.confidence.word), order)
    if claim.type == "target":
        order, item = _find(claim, sections["targets"])
        return None if item["action"] == "druggable" else (2, 0, order)
    if claim.type == "subtype":
        # A cohort that isn't divided says nothing of this patient.
        return (5 if sections["subtype"]["reason"] == "no_subtypes" else 3, 0, 0)
    return None


def _find(claim: Claim, section: Row) -> tuple[int, Row]:
    return next((i, item) for i, item in enumerate(section["items"]) if item["claim"] == claim.id)
