"""Whether the difference between treatments differs by subtype: prediction, not prognosis.

Patients of a cohort were not allotted to treatments by chance, so that no hazard ratio here is the effect of
a treatment. An interaction says that a trial could look at the subtype; it says nothing about a patient.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from endotype.message import N_
from endotype.subtypes.follow_up import FollowUp
from endotype.subtypes.hazards import (
    Term,
    code_groups,
    code_term,
    design_of,
    fit_hazards,
    independent_terms,
    likelihood_ratio,
)

MIN_ARM_PEOPLE, MIN_ARM_EVENTS = 10, 5
"""People and events that a subtype needs under each treatment."""

MAX_TREATMENTS = 10


def treatment_interaction(
    follow_up: FollowUp,
    labels: np.ndarray,
    names: list[str],
    standard: list[Term],
    treatment: pd.Series,
) -> dict[str, Any]:
    """Likelihood-ratio test of treatment x subtype, and the hazard ratio of treatments in each subtype.

    Args:
        follow_up: of the patients of ``labels``.
        labels: int64 (n,), 0 to k - 1, or -1 for patients without a subtype.
        names: of the k subtypes.
        standard: terms of the standard of care, of the n patients; all models hold them.
        treatment: of the n patients; taken as a category.

    Returns:
        ``status``, ``reason``; ``arms``: people and events of each subtype and treatment; ``interaction``;
        ``subtypes``: hazard ratios against the ``reference`` treatment. Subtypes with too few in an arm take
        no part and are listed with the reason.
    """
    if len(names) < 2:
        return {"status": "not_assessed", "reason": N_("there are no subtypes to compare")}
    words = pd.Series([None if pd.isna(v) else str(v) for v in treatment], dtype="object")
    terms = [t for t in standard if t.name != treatment.name]
    complete = np.isfinite(design_of(terms, len(labels))).all(axis=1) & words.notna().to_numpy(bool)
    used = follow_up.used & (labels >= 0) & complete
    result: dict[str, Any] = {
        "treatment": str(treatment.name),
        "n": int(used.sum()),
        "n_incomplete": int((follow_up.used & (labels >= 0) & ~complete).sum()),
        "left_out": follow_up.left_out,
    }
    levels = sorted(words[used].unique())
    if not 2 <= len(levels) <= MAX_TREATMENTS:
        reason = N_("{n!s} treatments, expected 2 to {most!s}").format(n=len(levels), most=MAX_TREATMENTS)
        return result | {"status": "not_assessed", "reason": reason}
    arms, usable, too_few = _arms(follow_up, labels, names, words, used, levels)
    result |= {"arms": arms, "too_few": too_few}
    if len(usable) < 2:
        reason = (
            f"fewer than two subtypes have {MIN_ARM_PEOPLE} people and {MIN_ARM_EVENTS} events under each "
            "treatment"
        )
        return result | {"status": "not_assessed", "reason": reason}
    used = used & np.isin(labels, usable)
    survival, n = follow_up.survival.rows(used[follow_up.used]), int(used.sum())
    groups = np.searchsorted(usable, labels[used])
    kept = [names[g] for g in usable]
    arm = code_term("treatment", words[used].reset_index(drop=True))
    subtype = code_groups("subtype", groups, kept)
    base, _ = independent_terms([*(t.rows(used) for t in terms), subtype, arm], n)
    products = [
        Term("product", (f"{s}:{a}",), (subtype.values[:, i] * arm.values[:, j])[:, None])
        for i, s in enumerate(subtype.columns)
        for j, a in enumerate(arm.columns)
    ]
    larger, _ = independent_terms([*base, *products], n)
    df = design_of(larger, n).shape[1] - design_of(base, n).shape[1]
    test = likelihood_ratio(
        fit_hazards(survival, design_of(larger, n)), fit_hazards(survival, design_of(base, n)), df
    )
    within = [
        Term("within", (f"{name}:{a}",), ((groups == g) * arm.values[:, j])[:, None])
        for g, name in enumerate(kept)
        for j, a in enumerate(arm.columns)
    ]
    single, _ = independent_terms([*(t for t in base if t.name != "treatment"), *within], n)
    fit = fit_hazards(survival, design_of(single, n))
    place = {column: j for j, column in enumerate(c for t in single for c in t.columns)}
    ratios = [
        {"subtype": name, "term": a} | fit.ratio(place[f"{name}:{a}"])
        for name in kept
        for a in arm.columns
        if f"{name}:{a}" in place
    ]
    return result | {
        "status": "assessed",
        "reason": None,
        "reference": arm.reference,
        "interaction": {"test": "likelihood_ratio"} | test,
        "subtypes": ratios,
    }


def _arms(
    follow_up: FollowUp,
    labels: np.ndarray,
    names: list[str],
    words: pd.Series,
    used: np.ndarray,
    levels: list[str],
) -> tuple[list[dict[str, Any]], list[int], list[str]]:
    """People and events of each subtype and treatment; numbers of those with enough; names of the others."""
    event = np.zeros(len(labels), bool)
    event[follow_up.used] = follow_up.survival.event
    arms, usable = [], []
    for g, name in enumerate(names):
        members = used & (labels == g)
        counts = [(members & (words == level).to_numpy(bool)) for level in levels]
        for level, at in zip(levels, counts, strict=True):
            arms.append(
                {"subtype": name, "treatment": level, "n": int(at.sum()), "events": int(event[at].sum())}
            )
        if all(at.sum() >= MIN_ARM_PEOPLE and event[at].sum() >= MIN_ARM_EVENTS for at in counts):
            usable.append(g)
    return arms, usable, [name for g, name in enumerate(names) if g not in usable]
