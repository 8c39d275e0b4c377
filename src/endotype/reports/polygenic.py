"""The patient's polygenic scores: where they lie in the cohort, or why a score wasn't assessed.

A score of which too little is in the cohort's variants was left out by the subtypes stage
(``subtypes.views``, ``min_match``) and has no value here. There is no risk in this chapter: a place among
people of one cohort says nothing of how often a disease comes up.
"""

from __future__ import annotations

from endotype.reports.claims import Claim, Confidence, Input, Value, claim_id
from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.language import N_, _, known, ngettext, sentences
from endotype.reports.text import clean, percentile, words

FILE = "subtypes/features.parquet"
MIN_PEOPLE = 20
"""Fewest people with a value for a percentile to be told."""

_NOT_A_RISK = N_("A place among the people of this cohort is not a risk, and no forecast.")
_ANCESTRY = N_(
    "A score is shifted between ancestries and tells less outside the one that it was made in; "
    "the percentile is not adjusted for ancestry."
)


def polygenic_section(record: PatientRecord, cohort: Cohort) -> tuple[Row, list[Claim]]:
    """The chapter of polygenic scores and its claims.

    Items have ``claim name trait status reason value percentile n match``. ``status`` is ``present``,
    ``missing`` (no usable genotypes of this person) or ``not_assessed`` (the score, for everybody).
    """
    if not cohort.scores:
        return _section("not_assessed", _("Not assessed: the run was given no polygenic scores."), []), []
    items, claims = [], []
    for score in cohort.scores:
        item = _item(score, record, cohort)
        if item["status"] == "present":
            claim = _claim(item, score, record)
            item["claim"] = claim.id
            claims.append(claim)
        items.append(item)
    n = len(claims)
    if not n:
        statement = _("Not assessed: there are no usable genotypes of this person.")
        if all(item["status"] == "not_assessed" for item in items):
            statement = _("Not assessed: too little of each score is in the variants of this cohort.")
        return _section("not_assessed", statement, items), []
    statement = ngettext(
        "{assessed} of {n:,} polygenic score could be assessed.",
        "{assessed} of {n:,} polygenic scores could be assessed.",
        len(items),
        assessed=n,
    )
    return _section("present", sentences(statement, _(_NOT_A_RISK)), items), claims


def _section(status: str, statement: str, items: list[Row]) -> Row:
    return {"status": status, "statement": statement, "caveat": _(_ANCESTRY), "items": items}


def _item(score: Row, record: PatientRecord, cohort: Cohort) -> Row:
    value = None if score["reason"] else (record.features or {}).get(clean(score["feature"]))
    place = None if value is None else cohort.percentile(score["feature"], float(value))
    n = place[1] if place else 0
    few = value is not None and n < MIN_PEOPLE
    reason = score["reason"] and known(score["reason"])
    if reason is None and value is None:
        reason = _("no usable genotypes of this person")
    elif few:
        reason = _("fewer than {n} people have a value, so there is no percentile", n=MIN_PEOPLE)
    return {
        "claim": None,
        "name": score["name"],
        "trait": None,
        "status": "not_assessed" if score["reason"] else "missing" if value is None else "present",
        "reason": reason,
        "value": None if value is None else float(value),
        "percentile": None if place is None or few else place[0],
        "n": None if place is None else n,
        "match": score["match"],
    }


def _claim(item: Row, score: Row, record: PatientRecord) -> Claim:
    place, n = item["percentile"], item["n"] or 0
    said = (
        _("no percentile, since {reason}", reason=item["reason"])
        if place is None
        else _("{place} percentile", place=percentile(place))
    )
    ancestry = (record.assignment or {}).get("ancestry")
    outside = None
    if ancestry:
        outside = _("Ancestry against that of the cohort's model: {ancestry}.", ancestry=words(ancestry))
    return Claim(
        id=claim_id("polygenic_score", record.patient, score["feature"]),
        subject=record.patient,
        type="polygenic_score",
        text=_(
            "Polygenic score {name}: {place} among {n:,} people of this cohort.",
            name=item["name"],
            place=said,
            n=n,
        ),
        value=Value(place, f"percentile among {n:,} people of this cohort"),
        confidence=Confidence("uncertain", None, N_("a place in this cohort only")),
        input=(Input(FILE, f"{record.patient} {score['feature']}"),),
        limits=(
            _("{sentence}.", sentence=known(str(item["match"]))),
            _(_NOT_A_RISK),
            sentences(_(_ANCESTRY), outside),
        ),
    )
