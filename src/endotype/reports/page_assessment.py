"""The assessment of the subtypes on the cohort's page: names, hard warnings, outcomes, added value."""

from __future__ import annotations

import math
from pathlib import Path

from endotype.files import read_json
from endotype.reports.inputs import Cohort, Row
from endotype.reports.language import N_, _, known
from endotype.reports.text import number, p_value, percent, plain, subtype_words, words

FOLDER = "../subtypes"

MODELS = {
    "standard": N_("standard of care"),
    "standard_and_subtype": N_("standard of care and subtype"),
    "standard_and_axes": N_("standard of care and continuous axes"),
    "all": N_("all three"),
}
"""Models whose concordance is given, in the order of the page."""

DIFFERENCES = {
    "subtype": N_("subtype, beyond the standard of care"),
    "continuous": N_("continuous axes, beyond the standard of care"),
    "subtype_beyond_continuous": N_("subtype, beyond the standard of care and continuous axes"),
}


def assessment_chapter(results: Path, cohort: Cohort) -> Row | None:
    """What ``subtypes/assessment.json`` says, in words and numbers as the page shows them.

    Returns:
        ``names``: subtype -> name; ``warnings``: sentences; ``audit``: rows of ``confounder source measure
        value n p``; ``outcomes``; ``notes``; ``checklist``: counts by status, or None; None where the run has
        no assessment.
    """
    path = results / "subtypes/assessment.json"
    if not path.is_file():
        return None
    found = plain(read_json(path))
    return {
        "names": {n["subtype"]: _without_id(n["name"], n["subtype"]) for n in found["names"]},
        "warnings": [known(sentence) for sentence in found["warnings"]],
        "audit": _audit(found["audit"]),
        "audit_reason": None if found["audit"].get("confounders") else _known(found["audit"].get("reason")),
        "outcomes": [_outcome(name, o, cohort) for name, o in sorted(found["outcomes"].items())],
        "notes": [known(note) for note in found["notes"]],
        "n_assessed": found["patients"]["assessed"],
        "checklist": _checklist(results),
    }


def _without_id(name: str, subtype: str) -> str:
    return subtype_words(name).removeprefix(f"{subtype}: ")


def _known(text: str | None) -> str | None:
    return None if text is None else known(text)


def _audit(audit: Row) -> list[Row]:
    """One row a confounder, the strongest first; those that weren't assessed last, with the reason."""
    rows = []
    for c in audit.get("confounders") or []:
        assessed = c["status"] == "assessed"
        if c["kind"] == "category":
            measure, value = "Cramér's V²", c["cramers_v"] ** 2 if assessed else None
        else:
            measure, value = "η²", c["eta_squared"] if assessed else None
        rows.append(
            {
                "confounder": words(c["confounder"]),
                "source": words(c["source"]),
                "n": c["n"],
                "measure": measure,
                "value": value,
                "p": _p(c["p"]) if assessed else None,
                "reason": None if assessed else _known(c["reason"]),
            }
        )
    return sorted(rows, key=lambda r: (r["value"] is None, -(r["value"] or 0), r["confounder"]))


def _outcome(name: str, outcome: Row, cohort: Cohort) -> Row:
    survival, added = outcome["survival"], outcome["added_value"]
    columns = cohort.dictionary["outcomes"].get(name, {})
    unit = cohort.dictionary["columns"].get(columns.get("time"), {}).get("unit")
    return {
        "outcome": words(name),
        "unit": plain(unit) or "",
        "reason": _reason(survival),
        "n": survival.get("n"),
        "events": survival.get("events"),
        "horizon": survival.get("horizon"),
        "subtypes": _survival_rows(survival),
        "adjusted_for": [words(a) for a in survival.get("adjusted", {}).get("adjusted_for") or []],
        "adjusted_reason": _reason(survival.get("adjusted", {"status": "not_assessed", "reason": None})),
        "added_reason": _reason(added),
        "standard": [words(term) for term in added.get("standard_of_care") or []],
        "models": _models(added),
        "differences": _differences(added),
        "bootstrap": added.get("bootstrap", {}).get("used"),
        "treatment": _treatment(outcome.get("treatment", {})),
    }


def _reason(part: Row) -> str | None:
    """Why a part wasn't assessed; None when it was."""
    if part.get("status") == "assessed":
        return None
    return known(part.get("reason") or N_("the run gave no reason"))


def _survival_rows(survival: Row) -> list[Row]:
    adjusted = survival.get("adjusted") or {}
    reference = adjusted.get("reference")
    ratios = {r["term"]: r for r in adjusted.get("hazard_ratios") or []}
    rows = []
    for s in survival.get("subtypes") or []:
        ratio = ratios.get(f"subtype={s['subtype']}")
        rows.append(
            {
                "subtype": s["subtype"],
                "n": s["n"],
                "events": s["events"],
                "reason": _reason(s),
                "median": _interval(s.get("median"), _("not reached")),
                "at_horizon": _interval(s.get("at_horizon"), _("not known so late"), share=True),
                "ratio": _("1 (reference)") if s["subtype"] == reference else _ratio(ratio),
            }
        )
    return rows


def _interval(estimate: Row | None, missing: str, share: bool = False) -> str:
    if estimate is None or estimate.get("estimate") is None:
        return missing
    shown = percent if share else number
    low, high = estimate.get("low"), estimate.get("high")
    if low is None and high is None:
        return shown(estimate["estimate"], 3)
    return _(
        "{estimate} ({low} to {high})",
        estimate=shown(estimate["estimate"], 3),
        low=shown(low, 3),
        high=shown(high, 3),
    )


def _ratio(ratio: Row | None) -> str:
    if ratio is None or ratio.get("hazard_ratio") is None:
        return "–"
    return _(
        "{estimate} ({low} to {high})",
        estimate=number(ratio["hazard_ratio"]),
        low=number(ratio["low"]),
        high=number(ratio["high"]),
    )


def _models(added: Row) -> list[str]:
    models = added.get("models") or {}
    return [
        f"{_(words_of)} {number(models[name]['corrected'])}"
        for name, words_of in MODELS.items()
        if name in models
    ]


def _differences(added: Row) -> list[Row]:
    found = added.get("differences") or {}
    rows = []
    for name, words_of in DIFFERENCES.items():
        if name not in found:
            continue
        entry = found[name]
        ratio = entry.get("likelihood_ratio") or {}
        estimate = {"estimate": entry["corrected"], "low": entry["low"], "high": entry["high"]}
        rows.append({"what": _(words_of), "difference": _interval(estimate, "–"), "p": _p(ratio.get("p"))})
    return rows


def _treatment(treatment: Row) -> str:
    """One sentence: the p-value of the interaction, or why there is none."""
    if treatment.get("status") != "assessed":
        return _("Treatment by subtype: not assessed, because {reason}.", reason=_reason(treatment))
    p = (treatment.get("interaction") or {}).get("p")
    return _("Treatment by subtype: p of the interaction {p}; see subtypes/assessment.json.", p=_p(p))


def _p(p: float | None) -> str:
    if p is None:
        return "–"
    return p_value(-math.log10(p)) if p > 0 else "< 10⁻³⁰⁰"


def _checklist(results: Path) -> Row | None:
    path = results / "subtypes/checklist.json"
    if not path.is_file() or not (results / "subtypes/checklist.md").is_file():
        return None
    return {"counts": plain(read_json(path)["counts"]), "file": f"{FOLDER}/checklist.md"}
