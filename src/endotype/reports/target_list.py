"""What can be acted on: the ranked targets of a patient, each tied to the finding it rests on."""

from __future__ import annotations

from collections.abc import Mapping

from endotype.reports.claims import CONFIDENCE_WORDS, Claim, Confidence, Evidence, Input, claim_id, weaker
from endotype.reports.inputs import Cohort, PatientRecord, Row

FILE = "targets/targets.parquet"
_BY_TIER = {"1": "established", "R1": "established", "2": "likely", "3": "uncertain", "4": "uncertain"}
_LINK_WORDS = {
    "carried_variant": "a carried variant",
    "subtype": "the patient's subtype",
    "association": "an association of this cohort",
}
_COHORT_LINKS = ("subtype", "association")


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
    if cohort.config["knowledge"]["targets"] is None:
        return _section("not_assessed", "Not assessed: the run was given no table of targets."), []
    if not record.targets:
        failed = record.quality is not None and record.quality["verdict"] == "fail"
        if failed or variants["status"] == "not_assessed":
            statement = "Not assessed: there are no usable genotypes to match with the target table."
            return _section("not_assessed", statement), []
        statement = "Nothing in the target table fits what was found in this patient."
        return _section("absent", statement), []
    items: list[Row] = []
    claims: list[Claim] = []
    for row in sorted(record.targets, key=lambda r: r["rank"]):
        claim = _claim(row, record, variant_claims.get(row["variant_id"] or ""), {c.id for c in claims})
        claims.append(claim)
        items.append({"claim": claim.id, **{name: row[name] for name in _SHOWN}, "tier": str(row["tier"])})
    contraindicated = sum(item["action"] == "contraindicated" for item in items)
    statement = f"Entries of the target table that fit this patient: {len(items)}"
    statement += f"; warnings against an intervention among them: {contraindicated}" * bool(contraindicated)
    return _section("present", f"{statement}.") | {"items": items}, claims


_SHOWN = [
    *["gene", "intervention", "action", "score", "rank", "rank_low", "rank_high", "probability_top3"],
    *["link", "variant_id", "detail", "source", "source_version", "source_record"],
]


def _section(status: str, statement: str) -> Row:
    return {"status": status, "statement": statement, "items": []}


def _claim(row: Row, record: PatientRecord, variant_claim: Claim | None, taken: set[str]) -> Claim:
    tier = str(row["tier"])
    word = _BY_TIER.get(tier, CONFIDENCE_WORDS[2])
    limits = ["The entry is quoted from the target table; it isn't advice for this patient."]
    if row["link"] in _COHORT_LINKS:
        word = weaker(word, "likely" if row["link"] == "subtype" else "uncertain")
        limits.append(
            f"It rests on the patient's {row['link']} in this cohort, not on a variant known to respond."
        )
    claim = Claim(
        id=_target_id(row, record.patient, taken),
        subject=record.patient,
        type="target",
        text=f"{row['intervention']} is listed as {row['action']} for {row['gene']} (tier {tier}), "
        f"here through {_LINK_WORDS[row['link']]}.",
        confidence=Confidence(word, row["probability_top3"], "probability of a rank from 1 to 3"),
        evidence=(
            Evidence(row["source"] or "target table", row["source_version"], None, row["source_record"]),
        ),
        input=(Input(FILE, f"{record.patient} {row['gene']} {row['intervention']}"),),
        limits=tuple(limits),
    )
    if variant_claim is None and row["link"] == "carried_variant":
        return claim.at_most("uncertain", "The variant behind it isn't one that this report lists.")
    if variant_claim is None:
        return claim
    limit = f"The variant behind it is {variant_claim.confidence.word}."
    return claim.at_most(variant_claim.confidence.word, limit)


def _target_id(row: Row, patient: str, taken: set[str]) -> str:
    """The id of an entry; the table may name one gene and intervention several times."""
    names = ("gene", "intervention", "action", "tier", "link", "source", "source_record")
    key = "\0".join(str(row[name]) for name in names)
    candidates = (claim_id("target", patient, key + "\0" * repeat) for repeat in range(len(taken) + 1))
    return next(candidate for candidate in candidates if candidate not in taken)
