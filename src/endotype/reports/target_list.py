"""What can be acted on: the ranked targets of a patient, each tied to the finding it rests on."""

from __future__ import annotations

from collections.abc import Mapping

from endotype.reports.claims import (
    CONFIDENCE_WORDS,
    Claim,
    Confidence,
    Evidence,
    Input,
    Value,
    claim_id,
    weaker,
)
from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.language import N_, _, known
from endotype.reports.text import reasons_listed, words

FILE = "targets/targets.parquet"
_BY_TIER = {"1": "established", "R1": "established", "2": "likely", "3": "uncertain", "4": "uncertain"}
_LINK_WORDS = {
    "carried_variant": N_("a carried variant"),
    "tumour_variant": N_("a finding of the tumour"),
    "subtype": N_("the patient's subtype"),
    "association": N_("an association of this cohort"),
}
_PROBABILITY = N_("probability of a rank from 1 to 3")
_COHORT_LINKS = ("subtype", "association")
_SOURCE_KINDS = ("moalmanac", "civic", "dgidb")
"""Kinds of knowledge that name targets, besides the target table."""


def target_section(
    record: PatientRecord, cohort: Cohort, variants: Row, variant_claims: Mapping[str, Claim]
) -> tuple[Row, list[Claim]]:
    """The targets chapter and its claims.

    Args:
        record: the patient.
        cohort: what all patients share.
        variants: the variants chapter, whose findings targets refer to.
        variant_claims: claims of that chapter by variant id. A target is never surer than its variant.
    """
    knowledge = cohort.config["knowledge"]
    given = {source["kind"] for source in knowledge.get("sources") or []}
    if knowledge["targets"] is None and not given.intersection(_SOURCE_KINDS):
        return _section("not_assessed", _("Not assessed: the run was given no table of targets.")), []
    if not record.targets and record.target_summary is not None:
        summary = record.target_summary
        status = "not_assessed" if summary["status"] == "not_assessed" else "absent"
        return _section(status, known(summary["statement"])) | _looked_at(summary), []
    if not record.targets:
        failed = record.quality is not None and record.quality["verdict"] == "fail"
        if failed or variants["status"] == "not_assessed":
            statement = _("Not assessed: there are no usable genotypes to match with the target table.")
            return _section("not_assessed", statement), []
        statement = _("Nothing in the target table fits what was found in this patient.")
        return _section("absent", statement), []
    items: list[Row] = []
    claims: list[Claim] = []
    for row in sorted(record.targets, key=lambda r: r["rank"]):
        variant_claim = variant_claims.get(row["variant_id"] or "")
        claim = _claim(row, record, cohort, variant_claim, {c.id for c in claims})
        claims.append(claim)
        shown = {name: row[name] for name in _SHOWN} | {name: row.get(name) for name in _MORE_SHOWN}
        items.append({"claim": claim.id, **shown, "tier": str(row["tier"])})
    contraindicated = sum(item["action"] == "contraindicated" for item in items)
    druggable = sum(item["action"] == "druggable" for item in items)
    said = [_("Entries of the sources of targets that fit this patient: {n}", n=len(items))]
    if contraindicated:
        said.append(_("warnings against an intervention among them: {n}", n=contraindicated))
    if druggable:
        said.append(
            _("genes whose product a drug acts on, which is nothing to act on by itself: {n}", n=druggable)
        )
    section = _section("present", _("{sentence}.", sentence=reasons_listed(said))) | {"items": items}
    return section | _looked_at(record.target_summary), claims


def _looked_at(summary: Row | None) -> Row:
    """What was looked at for targets, and what wasn't; null where the run doesn't say."""
    return {name: summary and summary[name] for name in ("looked_at", "not_assessed")}


_SHOWN = [
    *["gene", "intervention", "action", "score", "rank", "rank_low", "rank_high", "probability_top3"],
    *["link", "variant_id", "detail", "source", "source_version", "source_record"],
]
_MORE_SHOWN = [
    *["level", "direction", "alteration", "alteration_match", "disease", "disease_match", "safety"],
    *["n_evidence", "sources", "stable_without_source"],
]
"""Columns that results of version 0.1 don't have: null there."""


def _section(status: str, statement: str) -> Row:
    return {"status": status, "statement": statement, "items": []} | _looked_at(None)


def _claim(
    row: Row, record: PatientRecord, cohort: Cohort, variant_claim: Claim | None, taken: set[str]
) -> Claim:
    tier = str(row["tier"])
    word = _BY_TIER.get(tier, CONFIDENCE_WORDS[2])
    limits = [_("The entry is quoted from its source; it isn't advice for this patient.")]
    if row.get("disease_match") == "other":
        limits.append(_("The evidence is about another disease: {disease}.", disease=row["disease"]))
    if row.get("disease_match") == "not_stated" and row.get("disease"):
        limits.append(
            _(
                "The evidence is about {disease}; the patient's disease isn't stated.",
                disease=row["disease"],
            )
        )
    if row.get("safety"):
        limits.append(known(row["safety"]))
    if row["link"] in _COHORT_LINKS:
        word = weaker(word, "likely" if row["link"] == "subtype" else "uncertain")
        limits.append(
            _(
                "It rests on the patient's {link} in this cohort, not on a variant known to respond.",
                link=words(row["link"]),
            )
        )
    claim = Claim(
        id=_target_id(row, record.patient, taken),
        subject=record.patient,
        type="target",
        text=_("{entry}, here through {link}.", entry=_said(row), link=_(_LINK_WORDS[row["link"]])),
        value=Value(f"{row['action']}, tier {tier}"),
        confidence=Confidence(word, row["probability_top3"], _PROBABILITY),
        evidence=(_evidence(row, cohort),),
        input=(Input(FILE, f"{record.patient} {row['gene']} {row['intervention']}"),),
        limits=tuple(limits),
    )
    if variant_claim is None and row["link"] == "carried_variant":
        return claim.at_most("uncertain", _("The variant behind it isn't one that this report lists."))
    if variant_claim is None:
        return claim
    word = variant_claim.confidence.word
    return claim.at_most(word, _("The variant behind it is {word}.", word=words(word)))


def _said(row: Row) -> str:
    if row["action"] == "druggable":
        return f"{row['gene']}: {row['intervention']}"
    return _(
        "{intervention} is listed as {action} for {gene} (tier {tier})",
        intervention=row["intervention"],
        action=words(row["action"]),
        gene=row["gene"],
        tier=row["tier"],
    )


def _evidence(row: Row, cohort: Cohort) -> Evidence:
    """The source of the entry, with its hash where it is one of the knowledge store."""
    if row["source"] in cohort.knowledge.get("sources", {}):
        return cohort.evidence(row["source"], row["source_record"])
    return Evidence(row["source"] or N_("target table"), row["source_version"], None, row["source_record"])


def _target_id(row: Row, patient: str, taken: set[str]) -> str:
    """The id of an entry; the table may name one gene and intervention several times."""
    names = ("gene", "intervention", "action", "tier", "link", "source", "source_record")
    key = "\0".join(str(row[name]) for name in names)
    candidates = (claim_id("target", patient, key + "\0" * repeat) for repeat in range(len(taken) + 1))
    return next(candidate for candidate in candidates if candidate not in taken)
