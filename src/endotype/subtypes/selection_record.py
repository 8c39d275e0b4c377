"""What ``selection.json`` says: every number of groups that was tried, the one that was chosen and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from endotype.message import N_
from endotype.subtypes.adjustment import design_matrix
from endotype.subtypes.axes import Axes
from endotype.subtypes.consensus_fit import adjusted_rand
from endotype.subtypes.model import SubtypeModel
from endotype.subtypes.outcome import compare_outcomes
from endotype.subtypes.selection import Settings
from endotype.subtypes.training import Cohort, outcomes_of

if TYPE_CHECKING:
    from endotype.subtypes.discover import Discovery


def record_selection(
    found: Discovery,
    cohort: Cohort,
    dictionary: Mapping[str, Any],
    published: pd.Series | None,
    settings: Settings,
) -> dict[str, Any]:
    """Of subtypes that were looked for.

    Args:
        found: what was found.
        cohort: training patients.
        dictionary: ``dictionary.json``.
        published: classes of the training patients that somebody else gave, for comparison.
        settings: config section ``subtypes``.
    """
    model, selection = found.model, found.selection
    chosen = next(c for c in selection.candidates if c.k == model.mixture.k)
    solutions = {
        name: _spread(labels, found.kept, len(cohort.features))
        for name, labels in selection.solutions.items()
    }
    own = selection.chosen
    if own is not None:
        # The mixture that is kept, with its groups in the order of their names.
        solutions[own] = found.labels
    outcomes = compare_outcomes(
        outcomes_of(cohort.clinical, dictionary),
        solutions,
        own,
        settings.outcome_permutations,
        settings.seed,
        model.subtypes or None,
    )
    return _common(model, cohort, found.labels, found.left_out, settings) | {
        "mode": "discovered",
        "engine": settings.engine,
        "k": chosen.k,
        "reason": _reason(found),
        "n_patients": model.n_training,
        "n_set_aside": int((found.labels < 0).sum()),
        "candidates": [asdict(c) for c in selection.candidates],
        "axes": None if selection.axes is None else _axes(selection.axes, model.transform.columns),
        "published": None if published is None else _published(published, found.labels, model.subtypes),
        "outcomes": outcomes,
    }


def record_labels(
    model: SubtypeModel,
    cohort: Cohort,
    dictionary: Mapping[str, Any],
    codes: np.ndarray,
    left_out: dict[str, str],
    settings: Settings,
) -> dict[str, Any]:
    """Of published classes that were learnt; nothing was chosen, so one division is tested by outcome."""
    outcomes = compare_outcomes(
        outcomes_of(cohort.clinical, dictionary),
        {"published classes": codes},
        "published classes",
        settings.outcome_permutations,
        settings.seed,
        list(model.names),
    )
    return _common(model, cohort, codes, left_out, settings) | {
        "mode": "learnt",
        "engine": "classifier",
        "k": model.mixture.k,
        "reason": N_("{k!s} published classes were learnt; no number of groups was chosen").format(
            k=model.mixture.k
        ),
        "n_patients": model.n_training,
        "n_set_aside": 0,
        "candidates": [],
        "axes": None,
        "published": None,
        "outcomes": outcomes,
    }


def _common(
    model: SubtypeModel,
    cohort: Cohort,
    labels: np.ndarray,
    left_out: dict[str, str],
    settings: Settings,
) -> dict[str, Any]:
    used = [f.name for f in model.transform.features]
    n_columns = len(model.transform.columns)
    notes = []
    if n_columns > model.n_training:
        notes.append(
            f"There are more columns ({n_columns}) than patients ({model.n_training}): groups rest on little."
        )
    return {
        "settings": asdict(settings),
        "features": {"used": used, "left_out": left_out},
        "columns": model.transform.columns,
        "notes": notes,
        "subtypes": [
            {"subtype": name, "n": int((labels == g).sum()), "share": float(model.mixture.weights[g])}
            for g, name in enumerate(model.subtypes)
        ],
        "confounding": _confounding(model, cohort, labels),
    }


def _reason(found: Discovery) -> str:
    k, tried = found.model.mixture.k, found.selection.candidates
    if k > 1:
        rule = N_("{k!s} groups: the largest number of those that passed every test")
        if found.selection.chosen in (None, f"mixture k={k}"):
            rule = N_("{k!s} groups: the lowest BIC of those that passed every test")
        return rule.format(k=k)
    if len(tried) == 1:
        few = N_("no groups were looked for: there are {patients!s} patients and {features!s} features")
        return few.format(patients=found.model.n_training, features=len(found.model.transform.features))
    if found.selection.axes is not None:
        return N_("no number of groups above one passed every test; the cohort varies along continuous axes")
    return N_("no number of groups above one passed every test")


def _spread(labels: np.ndarray, kept: np.ndarray, n: int) -> np.ndarray:
    full = np.full(n, -1, np.int64)
    full[kept] = labels
    return full


def _axes(axes: Axes, columns: list[str]) -> list[dict[str, Any]]:
    """Each axis with the columns that load on it, the strongest first."""
    found = []
    for a, name in enumerate(axes.names):
        order = np.argsort(-np.abs(axes.loadings[:, a]), kind="stable")
        found.append(
            {
                "axis": name,
                "explained": float(axes.explained[a]),
                "chance": float(axes.chance[a]),
                "dip": float(axes.dip[a]),
                "dip_p": float(axes.dip_p[a]),
                "loadings": {columns[j]: float(axes.loadings[j, a]) for j in order},
            }
        )
    return found


def _published(published: pd.Series, labels: np.ndarray, names: list[str]) -> dict[str, Any]:
    """How the subtypes lie across classes that somebody else gave."""
    known = published.notna().to_numpy(bool) & (labels >= 0)
    if not names:
        return {"status": "not_assessed", "reason": "there are no subtypes to compare"}
    if not known.any():
        return {"status": "not_assessed", "reason": "no training patient has a published class"}
    classes, codes = np.unique(published[known].astype(str).to_numpy(object), return_inverse=True)
    table = np.zeros((len(classes), len(names)), int)
    np.add.at(table, (codes, labels[known]), 1)
    return {
        "status": "assessed",
        "column": str(published.name),
        "n": int(known.sum()),
        "adjusted_rand_index": adjusted_rand(labels[known], codes),
        "counts": {
            str(c): dict(zip(names, map(int, row), strict=True))
            for c, row in zip(classes, table, strict=True)
        },
    }


def _confounding(model: SubtypeModel, cohort: Cohort, labels: np.ndarray) -> dict[str, float | None]:
    """Share of each confounder's variance that lies between subtypes (eta squared); null without subtypes."""
    confounders, k = model.transform.confounders, len(model.subtypes)
    design = design_matrix(confounders, cohort.clinical, cohort.ancestry, cohort.features)
    result: dict[str, float | None] = {}
    for confounder, column in zip(confounders, design.T, strict=True):
        seen = np.isfinite(column) & (labels >= 0)
        x, groups = column[seen], labels[seen]
        total = float(((x - x.mean()) ** 2).sum()) if x.size else 0.0
        between = sum(
            float((groups == g).sum() * (x[groups == g].mean() - x.mean()) ** 2)
            for g in range(k)
            if (groups == g).any()
        )
        result[confounder.name] = between / total if k and total > 0 else None
    return result
