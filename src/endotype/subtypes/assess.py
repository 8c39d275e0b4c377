"""Subtypes under scrutiny: audit, characterisation, names, outcome, added value, reporting checklist.

All of it is about the patients who have a subtype and are in the statistics of the cohort, and none of it
changes a subtype: they were found before, without outcomes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from endotype.message import N_
from endotype.subtypes.added_value import added_value, continuous_axes
from endotype.subtypes.audit import Limits, audit, audit_columns
from endotype.subtypes.characterise import characterise
from endotype.subtypes.follow_up import read_follow_up
from endotype.subtypes.hazards import Term, code_term
from endotype.subtypes.names import NameRule, name_subtypes
from endotype.subtypes.survival_comparison import common_horizon, compare_survival
from endotype.subtypes.traits import Subjects, find_traits
from endotype.subtypes.treatment import treatment_interaction

NOTES = (
    N_("A subtype is a statistical group of this cohort. It is neither a disease nor a cause."),
    N_(
        "Features marked as used helped to find the subtypes. Their p-values describe the subtypes and are "
        "no independent evidence for them."
    ),
    N_("Hazard ratios compare patients of a cohort; they are not effects of a subtype or of a treatment."),
)


@dataclass(frozen=True)
class AssessmentSettings:
    """What the user chose.

    Attributes:
        standard_of_care: columns of the clinical table that say what is known without subtypes.
        treatment: a column of the clinical table, or ``None``.
        audit_ari, audit_eta_squared: limits of a hard warning.
        horizon: in the unit of the outcomes' times; ``None``: chosen for each outcome.
        bootstrap: samples behind intervals of the added value.
        permutations: of the audit.
        seed: of everything random.
    """

    standard_of_care: tuple[str, ...] = ()
    treatment: str | None = None
    audit_ari: float = 0.1
    audit_eta_squared: float = 0.25
    horizon: float | None = None
    bootstrap: int = 500
    permutations: int = 999
    seed: int = 1


def assess(
    subjects: Subjects,
    info: list[dict[str, Any]],
    used: set[str],
    names: list[str],
    calls: pd.DataFrame,
    in_statistics: np.ndarray,
    dictionary: dict[str, Any],
    settings: AssessmentSettings,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Assess the subtypes of a cohort; pure but for the seed in ``settings``.

    Args:
        subjects: tables of n patients.
        info: ``features.json``.
        used: names of the features that the subtypes were found from.
        names: of the k subtypes; none: the cohort is not divided.
        calls: assignments, indexed like the tables.
        in_statistics: bool (n,).
        dictionary: ``dictionary.json``.
        settings: what the user chose.

    Returns:
        The content of ``assessment.json``, and of ``characterisation.parquet``.
    """
    number = {name: float(i) for i, name in enumerate(names)}
    labels = calls["subtype"].map(number).fillna(-1.0).to_numpy(dtype=float).astype(np.int64)
    labels[~in_statistics] = -1
    columns = audit_columns(
        dictionary,
        subjects.clinical,
        subjects.ancestry,
        subjects.people,
        subjects.burden,
        subjects.removed,
    )
    limits = Limits(settings.audit_ari, settings.audit_eta_squared)
    audited = audit(labels, names, columns, limits, settings.permutations, settings.seed)
    traits, counted = find_traits(subjects, info, used, labels, dictionary)
    table = characterise(labels, names, traits, settings.seed)
    own = {f["name"] for f in info}
    views = {str(f["view"]) for f in info}
    features = table[(table["name"].isin(own) & table["group"].isin(views)).to_numpy(bool)]
    standard = [code_term(c, subjects.clinical[c]) for c in settings.standard_of_care]
    axes = continuous_axes(subjects.values, max(len(names) - 1, 1))
    outcomes = {
        name: _outcome(subjects.clinical, chosen, labels, names, standard, axes, settings)
        for name, chosen in sorted(dictionary.get("outcomes", {}).items())
    }
    values = subjects.features[[f["name"] for f in info]][in_statistics]
    record = {
        "format": 1,
        "patients": _patients(calls, labels, in_statistics, names),
        "names": name_subtypes(names, features),
        "name_rule": asdict(NameRule()),
        "audit": audited,
        "warnings": [w["sentence"] for w in audited["warnings"]],
        "outcomes": outcomes,
        "characterisation": counted
        | {
            "n_rows": len(table),
            "n_tests": int(table["p"].notna().sum()),
            "fdr": "Benjamini-Hochberg, all rows",
        },
        "features": {
            "n": len(info),
            "n_used": len(used),
            "missing_share": float(values.isna().to_numpy().mean()) if values.size else None,
            "also_standard_of_care": [c for c in settings.standard_of_care if _is_feature(c, used)],
        },
        "settings": asdict(settings) | {"standard_of_care": list(settings.standard_of_care)},
        "notes": list(NOTES),
    }
    return record, table


def _is_feature(column: str, used: set[str]) -> bool:
    return any(f == column or f.startswith(f"{column}=") for f in used)


def _outcome(
    clinical: pd.DataFrame,
    columns: dict[str, str],
    labels: np.ndarray,
    names: list[str],
    standard: list[Term],
    axes: Term,
    settings: AssessmentSettings,
) -> dict[str, Any]:
    follow_up = read_follow_up(clinical, columns, labels >= 0)
    horizon = settings.horizon
    survival = compare_survival(follow_up, labels, names, standard, horizon)
    until = survival.get("horizon")
    if until is None:
        until = horizon if horizon is not None else 0.0
        if follow_up.survival.n and horizon is None:
            until = common_horizon([follow_up.survival])
    result = {
        "survival": survival,
        "added_value": added_value(
            follow_up, labels, names, standard, axes, until, settings.bootstrap, settings.seed
        ),
        "treatment": {"status": "not_assessed", "reason": N_("no treatment column is named")},
    }
    if settings.treatment is not None:
        result["treatment"] = treatment_interaction(
            follow_up, labels, names, standard, clinical[settings.treatment]
        )
    return result


def _patients(
    calls: pd.DataFrame, labels: np.ndarray, in_statistics: np.ndarray, names: list[str]
) -> dict[str, Any]:
    """How many are assessed; everybody else has one reason: n = assessed + the sum of ``left_out``."""
    reasons = calls["reason"].fillna("").to_numpy(dtype=object)
    no_call = {str(r): int((reasons == r).sum()) for r in sorted(set(reasons) - {""})}
    left_out = {
        f"no call: {r}": int(((reasons == r) & (labels < 0)).sum()) for r in sorted(set(reasons) - {""})
    }
    if apart := int(((reasons == "") & (labels < 0) & ~in_statistics).sum()):
        left_out["called, but not in the statistics of the cohort"] = apart
    return {
        "n": len(calls),
        "assessed": int((labels >= 0).sum()),
        "no_call": no_call,
        "left_out": left_out,
        "subtypes": [{"subtype": s, "n": int((labels == g).sum())} for g, s in enumerate(names)],
    }
