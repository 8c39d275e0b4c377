"""Which subtype a patient was called to, how surely, and what the call rests on."""

from __future__ import annotations

import numpy as np

from endotype.reports.claims import Claim, Confidence, Evidence, Input, Value, claim_id
from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.language import N_, _
from endotype.reports.text import number, probability, subtype_words

FILE = "subtypes/assignments.parquet"
SHOWN_FEATURES = 8
"""How many features a report shows: those on which the subtype differs most from the cohort."""

UNSEEN = ("insufficient_data", "failed_qc", "out_of_reference")
"""Reasons for which nothing may be said of the patient's place among the subtypes."""

_CARRIER = N_("carries a rare damaging or protein-changing variant in a gene of this mechanism")
_LIMIT = N_("A subtype is a statistical group of this cohort, not a diagnosis, and not validated elsewhere.")


def subtype_section(record: PatientRecord, cohort: Cohort) -> tuple[Row, list[Claim]]:
    """The subtype chapter and its claims."""
    row = record.assignment
    if row is None:
        statement = _("Not assessed: the patient wasn't given to the subtype model.")
        return _section("not_assessed", statement), []
    called = row["call"] == "called"
    reason = None if called else row["reason"]
    unseen = reason in UNSEEN
    if unseen:
        # The model gives numbers even then; showing them would invite to read them as a call.
        told = {name: row[name] for name in ("call", "information", "ancestry", "unusable")}
        row = dict.fromkeys(row) | told
    posteriors = sorted(
        (
            {"subtype": name[2:], "posterior": p}
            for name, p in row.items()
            if name.startswith("p_") and p is not None
        ),
        key=lambda entry: (-entry["posterior"], entry["subtype"]),
    )
    shown = (
        row["subtype"]
        if called
        else (posteriors[0]["subtype"] if reason == "ambiguous" and posteriors else None)
    )
    statement = _called_sentence(row, cohort) if called else _no_call_sentence(row, reason, record, cohort)
    section = _section("present" if called else "not_assessed" if unseen else "absent", statement) | {
        "call": row["call"],
        "subtype": row["subtype"],
        "name": cohort.subtype_names.get(row["subtype"]) if called else None,
        "reason": reason,
        "posterior": row["posterior"],
        "second_subtype": row["second_subtype"],
        "second_posterior": row["second_posterior"],
        "typicality": row["typicality"],
        "typicality_limit": cohort.config["subtypes"]["typicality_alpha"],
        "posterior_limit": cohort.config["subtypes"]["call_probability"],
        "information": row["information"],
        "information_limit": cohort.config["subtypes"]["min_information"],
        "ancestry": row["ancestry"],
        "unusable": row["unusable"],
        "warnings": cohort.subtype_warnings if called else [],
        "n_in_subtype": cohort.subtype_sizes.get(row["subtype"]) if called else None,
        "posteriors": sorted(posteriors, key=lambda entry: entry["subtype"]),
        "compared_with": shown,
        "features": _features(record, cohort, shown),
        "survival": _survival(cohort, row["subtype"]) if called else [],
        # A place would invite to read a call from it where none may be made.
        "position": None if unseen or cohort.positions is None else cohort.positions.of(record.patient),
    }
    if unseen:
        return section, []
    claim = Claim(
        id=claim_id("subtype", record.patient, "call"),
        subject=record.patient,
        type="subtype",
        text=statement,
        confidence=_confidence(row, reason),
        value=Value(row["subtype"] if called else "no call"),
        evidence=(
            Evidence(
                "subtypes/model.json",
                sha256=cohort.model_sha256,
                record=row["subtype"],
                rule=N_("highest posterior probability, typicality"),
            ),
        ),
        input=(Input(FILE, record.patient),),
        limits=(_(_LIMIT),),
        alternatives=_alternatives(posteriors, row["subtype"] if called else None),
    )
    section["claim"] = claim.id
    return section, [claim]


def _alternatives(posteriors: list[Row], called: str | None) -> tuple[str, ...]:
    """The subtypes that come next, at most two, with their posterior probability."""
    others = [entry for entry in posteriors if entry["subtype"] != called][:2]
    return tuple(
        _(
            "{subtype}, posterior probability {probability}",
            subtype=o["subtype"],
            probability=probability(o["posterior"]),
        )
        for o in others
    )


def _section(status: str, statement: str) -> Row:
    empty = [
        "call",
        "subtype",
        "name",
        "reason",
        "posterior",
        "second_subtype",
        "second_posterior",
        "typicality",
    ]
    empty += ["typicality_limit", "posterior_limit", "information", "information_limit", "ancestry"]
    empty += ["unusable", "n_in_subtype", "compared_with", "claim", "position"]
    lists: Row = {"posteriors": [], "features": [], "survival": [], "warnings": []}
    return {"status": status, "statement": statement, **dict.fromkeys(empty), **lists}


def _confidence(row: Row, reason: str | None) -> Confidence:
    if reason == "no_subtypes":
        return Confidence("not supported", None, N_("no division of the cohort was supported"))
    if reason == "atypical":
        return Confidence("not supported", row["typicality"], N_("typicality"))
    return Confidence("uncertain" if reason else "likely", row["posterior"], N_("posterior probability"))


def _called_sentence(row: Row, cohort: Cohort) -> str:
    size = cohort.subtype_sizes.get(row["subtype"], 0)
    name = cohort.subtype_names.get(row["subtype"]) or ""
    described = row["subtype"]
    if ": " in name:
        described = _("{subtype} ({name})", subtype=described, name=subtype_words(name).split(": ", 1)[1])
    return _(
        "Subtype {subtype}, posterior probability {probability}; {size:,} of {n:,} people of the cohort were "
        "called to it.",
        subtype=described,
        probability=probability(row["posterior"]),
        size=size,
        n=len(cohort.people),
    )


def _no_call_sentence(row: Row, reason: str | None, record: PatientRecord, cohort: Cohort) -> str:
    values = list((record.features or {}).values())
    limits = cohort.config["subtypes"]
    return _(
        _NO_CALL.get(reason or "", NO_REASON),
        known=sum(value is not None for value in values),
        n=len(values),
        posterior=_("unknown") if row["posterior"] is None else probability(row["posterior"]),
        share=_("an unknown part") if row["information"] is None else f"{row['information']:.0%}",
        typicality=_("unknown") if row["typicality"] is None else number(row["typicality"], 2),
        lowest_posterior=limits["call_probability"],
        lowest_typicality=limits["typicality_alpha"],
        lowest_share=limits["min_information"],
    )


_NO_CALL = {
    "ambiguous": N_(
        "No call: the highest posterior probability, {posterior}, is under the limit of {lowest_posterior}."
    ),
    "atypical": N_(
        "No call: the patient is unlike the members of every subtype (typicality {typicality}, limit "
        "{lowest_typicality})."
    ),
    "unclassified": N_("No call: the patient is most like those who have no class."),
    "no_subtypes": N_("No call: the data of this cohort don't support a division into subtypes."),
    "insufficient_data": N_(
        "Not assessed: {known} of {n} features are known, which hold {share} of what tells the subtypes "
        "apart; the limit is {lowest_share:.0%}."
    ),
    "out_of_reference": N_(
        "Not assessed: the patient's ancestry is outside the range of the people that the model was made "
        "with."
    ),
    "failed_qc": N_("Not assessed: the genotypes failed quality control."),
}
NO_REASON = N_("No call; the model gave no reason.")


def _features(record: PatientRecord, cohort: Cohort, subtype: str | None) -> list[Row]:
    """The patient's features, those first on which the subtype differs most from the cohort."""
    if record.features is None:
        return []
    profile = {row["feature"]: row for row in cohort.profile.get(subtype or "", [])}
    names = sorted(profile, key=lambda name: -abs(profile[name]["standardised_difference"] or 0))
    names = names or list(record.features)
    return [_feature(name, record, cohort, profile.get(name), subtype) for name in names[:SHOWN_FEATURES]]


def _feature(
    name: str, record: PatientRecord, cohort: Cohort, profile: Row | None, subtype: str | None
) -> Row:
    assert record.features is not None
    value = record.features.get(name)
    column = cohort.dictionary["columns"].get(name, {})
    values = cohort.distributions.get(name)
    place = cohort.percentile(name, float(value)) if isinstance(value, int | float) else None
    return {
        "feature": name,
        "description": column.get("description") or (_(_CARRIER) if name.startswith("carrier:") else None),
        "unit": column.get("unit") or None,
        "value": None if value is None else float(value),
        "status": "present" if value is not None else "missing",
        "percentile": place[0] if place else None,
        "n": int(values.size) if values is not None else 0,
        "quantiles": cohort.quantiles.get(name),
        "is_rate": _is_rate(values),
        "subtype_half": cohort.subtype_halves.get((subtype or "", name)),
        "subtype_mean": profile["mean_or_rate"] if profile else None,
        "cohort_mean": profile["cohort_mean_or_rate"] if profile else None,
        "standardised_difference": profile["standardised_difference"] if profile else None,
    }


def _is_rate(values: np.ndarray | None) -> bool:
    """Whether a feature is yes or no, so that its mean is a rate."""
    return values is not None and values.size > 0 and bool(np.isin(values, (0.0, 1.0)).all())


def _survival(cohort: Cohort, subtype: str | None) -> list[Row]:
    """Survival of the patient's subtype beside that of the whole cohort, for each outcome."""
    rows = []
    for outcome, estimates in cohort.survival.items():
        group = next((e for e in estimates if e.group == subtype), None)
        everyone = next((e for e in estimates if e.group is None), None)
        if group is None or everyone is None or group.estimate is None:
            continue
        time_column = cohort.dictionary["outcomes"][outcome]["time"]
        rows.append(
            {
                "outcome": outcome,
                "time": group.time,
                "unit": cohort.dictionary["columns"][time_column].get("unit") or None,
                "n": group.n,
                "events": group.events,
                "estimate": group.estimate,
                "low": group.low,
                "high": group.high,
                "cohort_estimate": everyone.estimate,
                "cohort_n": everyone.n,
            }
        )
    return rows
