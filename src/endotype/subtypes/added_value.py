"""Whether subtypes say more about an outcome than the standard of care does, and more than smooth axes do.

Cox models on the same patients: the standard of care alone; with the subtype; with as many continuous axes
of the same features as the subtype has coefficients; and with both. A subtype that adds less than the axes do
has cut a gradient into pieces (Dennis et al. 2019, Lancet Diabetes Endocrinol 7:442).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from endotype.message import N_
from endotype.subtypes.concordance import concordance
from endotype.subtypes.follow_up import FollowUp
from endotype.subtypes.hazards import (
    RESAMPLE_RIDGE,
    SurvivalData,
    Term,
    code_groups,
    design_of,
    fit_hazards,
    independent_terms,
    likelihood_ratio,
)
from endotype.subtypes.survival_comparison import MIN_EVENTS, at_horizon

FOLDS = 5
CALIBRATION_GROUPS, MIN_CALIBRATION_GROUP = 5, 20
"""Groups of predicted survival, and patients that each of them needs; with fewer patients, fewer groups."""

COMPARISONS = {
    "subtype": ("standard_and_subtype", "standard"),
    "continuous": ("standard_and_axes", "standard"),
    "continuous_against_subtype": ("standard_and_axes", "standard_and_subtype"),
    "subtype_beyond_continuous": ("all", "standard_and_axes"),
}
"""Differences in concordance that are given: name -> (larger or first model, other model)."""

NESTED = ("subtype", "continuous", "subtype_beyond_continuous")


def continuous_axes(values: np.ndarray, number: int) -> Term:
    """Principal components of the features as the model sees them.

    Args:
        values: float64 (n, p) model values, NaN where missing: the mean is then taken.
        number: of components; fewer when there are fewer features that vary.

    Returns:
        A term with the columns ``axis_1`` and so on; the sign is that of the largest loading.
    """
    centred = values - np.nanmean(np.where(np.isfinite(values).any(axis=0), values, 0.0), axis=0)
    spread = np.nanstd(np.where(np.isfinite(values).any(axis=0), values, 0.0), axis=0)
    scaled = np.where(np.isfinite(centred), centred, 0.0)[:, spread > 0] / spread[spread > 0]
    number = min(number, *scaled.shape)
    _, loadings = np.linalg.eigh(scaled.T @ scaled)
    chosen = loadings[:, ::-1][:, :number]
    signs = np.sign(chosen[np.abs(chosen).argmax(axis=0), np.arange(number)]) if number else np.empty(0)
    return Term("axes", tuple(f"axis_{i + 1}" for i in range(number)), scaled @ (chosen * signs))


def added_value(
    follow_up: FollowUp,
    labels: np.ndarray,
    names: list[str],
    standard: list[Term],
    axes: Term,
    horizon: float,
    bootstrap: int = 500,
    seed: int = 1,
) -> dict[str, Any]:
    """Compare the models by concordance, likelihood and calibration.

    Optimism: of each model the mean, over bootstrap samples, of its concordance in the sample it was fitted
    to less that in all patients (Harrell, Lee & Mark 1996, Stat Med 15:361); it is taken off. The interval of
    a difference holds 95 % of the differences in bootstrap samples, moved by the optimism of the difference
    (Noma et al. 2021, Stat Med 40:5691).

    Args:
        follow_up: of the patients of ``labels``.
        labels: int64 (n,), 0 to k - 1, or -1 for patients without a subtype.
        names: of the k subtypes.
        standard: terms of the standard of care, of the n patients; none: nothing is adjusted for.
        axes: of :func:`continuous_axes`.
        horizon: at which predicted survival is compared with what was observed.
        bootstrap: number of samples.
        seed: of samples and folds.
    """
    if len(names) < 2:
        return {"status": "not_assessed", "reason": N_("there are no subtypes to compare")}
    kept = follow_up.used & (labels >= 0)
    complete = np.isfinite(design_of(standard, len(labels))).all(axis=1)
    used = kept & complete
    survival = follow_up.survival.rows(used[follow_up.used])
    result: dict[str, Any] = {
        "n": survival.n,
        "events": int(survival.event.sum()),
        "n_incomplete": int((kept & ~complete).sum()),
        "left_out": follow_up.left_out,
        "standard_of_care": [t.name for t in standard],
        "horizon": horizon,
    }
    if result["events"] < MIN_EVENTS:
        reason = N_("{n!s} events, fewer than {least!s}").format(n=result["events"], least=MIN_EVENTS)
        return result | {"status": "not_assessed", "reason": reason}
    models, dropped = _designs(survival.n, labels[used], names, [t.rows(used) for t in standard], axes, used)
    width = {name: design.shape[1] for name, design in models.items()}
    if width["standard_and_subtype"] == width["standard"]:
        reason = N_("the subtypes can't be told from the standard of care in these patients")
        return result | {"status": "not_assessed", "reason": reason}
    fits = {name: fit_hazards(survival, design) for name, design in models.items()}
    tests = {
        name: likelihood_ratio(fits[a], fits[b], width[a] - width[b])
        for name, (a, b) in COMPARISONS.items()
        if name in NESTED
    }
    measured = _bootstrap(survival, models, bootstrap, seed)
    return result | {
        "status": "assessed",
        "reason": None,
        "dropped": dropped,
        "models": {
            name: measured["models"][name]
            | {"coefficients": width[name], "events_per_coefficient": _share(result["events"], width[name])}
            for name in models
        },
        "differences": {
            name: measured["differences"][name] | {"likelihood_ratio": tests.get(name)}
            for name in COMPARISONS
        },
        "bootstrap": {"samples": bootstrap, "used": measured["used"]},
        "calibration": {
            name: calibration(survival, models[name], horizon, seed)
            | {"slope": measured["models"][name]["slope"]}
            for name in ("standard", "standard_and_subtype")
            if width[name]
        },
    }


def _designs(
    n: int,
    groups: np.ndarray,
    names: list[str],
    standard: list[Term],
    axes: Term,
    used: np.ndarray,
) -> tuple[dict[str, np.ndarray], list[str]]:
    subtype, smooth = code_groups("subtype", groups, names), axes.rows(used)
    parts = {
        "standard": standard,
        "standard_and_subtype": [*standard, subtype],
        "standard_and_axes": [*standard, smooth],
        "all": [*standard, smooth, subtype],
    }
    designs, dropped = {}, []
    for name, terms in parts.items():
        independent, lost = independent_terms(terms, n)
        designs[name] = design_of(independent, n)
        dropped += [c for c in lost if c not in dropped]
    return designs, dropped


def _bootstrap(
    survival: SurvivalData, models: dict[str, np.ndarray], samples: int, seed: int
) -> dict[str, Any]:
    """Concordance of every model with its optimism; differences with intervals; mean calibration slopes."""
    names = list(models)
    apparent = np.array([_index(survival, models[m], survival, models[m])[0] for m in names])
    inside, outside, slopes = [], [], []
    for b in range(samples):
        index = np.sort(np.random.default_rng([seed, 44, b]).integers(0, survival.n, survival.n))
        sample = survival.rows(index)
        if len(np.unique(sample.time[sample.event])) < 2:
            continue
        scores = [_index(sample, models[m][index], survival, models[m]) for m in names]
        inside.append([s[0] for s in scores])
        outside.append([s[1] for s in scores])
        slopes.append([s[2] for s in scores])
    enough = len(inside) >= max(0.8 * samples, 20)
    own, other = (np.array(v, float).reshape(-1, len(names)) for v in (inside, outside))
    optimism = (own - other).mean(axis=0) if enough else np.full(len(names), np.nan)
    slope = np.array(slopes, float).mean(axis=0) if enough else np.full(len(names), np.nan)
    result: dict[str, Any] = {"used": len(inside), "models": {}, "differences": {}}
    for j, name in enumerate(names):
        result["models"][name] = {
            "apparent": _number(apparent[j]),
            "optimism": _number(optimism[j]),
            "corrected": _number(apparent[j] - optimism[j]),
            "slope": _number(slope[j]),
        }
    for name, (first, second) in COMPARISONS.items():
        i, j = names.index(first), names.index(second)
        shift = optimism[i] - optimism[j]
        low, high = np.percentile(own[:, i] - own[:, j], [2.5, 97.5]) - shift if enough else (np.nan, np.nan)
        result["differences"][name] = {
            "apparent": _number(apparent[i] - apparent[j]),
            "corrected": _number(apparent[i] - apparent[j] - shift),
            "low": _number(low),
            "high": _number(high),
        }
    return result


def _index(
    fitted: SurvivalData, columns: np.ndarray, everybody: SurvivalData, all_columns: np.ndarray
) -> tuple[float, float, float]:
    """Concordance in the people fitted and in all people, and the slope of the predictor in all people."""
    if not columns.shape[1]:
        return 0.5, 0.5, np.nan
    fit = fit_hazards(fitted, columns, RESAMPLE_RIDGE)
    predictor = fit.predict(all_columns)
    slope = fit_hazards(everybody, predictor[:, None], RESAMPLE_RIDGE).coefficients[0]
    return (
        concordance(fitted.time, fitted.event, fit.predictor, fitted.entry).index,
        concordance(everybody.time, everybody.event, predictor, everybody.entry).index,
        float(slope),
    )


def calibration(survival: SurvivalData, design: np.ndarray, horizon: float, seed: int) -> dict[str, Any]:
    """Predicted survival of patients who took no part in the fit, beside the product-limit estimate.

    Each fold is predicted by a model of the others. ``mean_predicted`` and ``observed`` are of all patients,
    ``groups`` of patients alike in prediction, from the lowest predicted survival to the highest.
    """
    order = np.random.default_rng([seed, 45]).permutation(survival.n)
    predicted = np.empty(survival.n)
    for fold in range(FOLDS):
        held = np.sort(order[fold::FOLDS])
        rest = np.setdiff1d(order, held)
        if not survival.event[rest].any():
            return {"status": "not_assessed", "reason": N_("a part of the patients has no events")}
        fit = fit_hazards(survival.rows(rest), design[rest], RESAMPLE_RIDGE)
        predicted[held] = fit.survival(design[held], horizon)
    number = max(min(CALIBRATION_GROUPS, survival.n // MIN_CALIBRATION_GROUP), 1)
    edges = np.unique(np.quantile(predicted, np.arange(1, number) / number))
    place = np.searchsorted(edges, predicted, side="right")
    groups = []
    for g in np.unique(place):
        members = place == g
        part = survival.rows(members)
        groups.append(
            {
                "n": int(members.sum()),
                "events": int(part.event.sum()),
                "mean_predicted": float(predicted[members].mean()),
                "observed": at_horizon(part, horizon),
            }
        )
    return {
        "status": "assessed",
        "reason": None,
        "folds": FOLDS,
        "mean_predicted": float(predicted.mean()),
        "observed": at_horizon(survival, horizon),
        "groups": groups,
    }


def _share(events: int, coefficients: int) -> float | None:
    return events / coefficients if coefficients else None


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
