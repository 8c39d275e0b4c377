"""How an outcome differs between subtypes: curves, medians, restricted means, hazard ratios.

Effects with intervals, looked at after the subtypes are chosen. Whether there is any difference is the
permutation test's to say (:mod:`endotype.subtypes.outcome`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from endotype.message import N_
from endotype.subtypes.follow_up import FollowUp
from endotype.subtypes.hazards import (
    SurvivalData,
    Term,
    code_groups,
    design_of,
    fit_hazards,
    independent_terms,
    likelihood_ratio,
)
from endotype.subtypes.kaplan_meier import (
    NORMAL_975,
    kaplan_meier,
    log_log_interval,
    median_survival,
    restricted_mean,
    risk_and_events,
    survival_at,
)
from endotype.subtypes.proportionality import proportional_hazards

MIN_PEOPLE = 5
"""People followed that a subtype needs to be described."""

MIN_AT_RISK = 5
"""People at risk in every subtype up to the horizon that is chosen when none is given."""

MIN_EVENTS = 10
"""Events, in all subtypes together, that a regression needs."""


def compare_survival(
    follow_up: FollowUp,
    labels: np.ndarray,
    names: list[str],
    standard: list[Term],
    horizon: float | None = None,
) -> dict[str, Any]:
    """Describe and compare the subtypes by one outcome.

    Args:
        follow_up: of the patients of ``labels``.
        labels: int64 (n,), 0 to k - 1, or -1 for patients without a subtype.
        names: of the k subtypes.
        standard: terms of the standard of care, of the n patients.
        horizon: up to which the restricted mean is taken; ``None``: the last time at which
            :data:`MIN_AT_RISK` people are at risk in every subtype.

    Returns:
        ``status`` and ``reason``; people left out by reason; ``horizon`` and whether it was ``given`` or
        ``chosen``; ``subtypes``, a record each; ``unadjusted`` and ``adjusted`` regressions.
    """
    kept = follow_up.used & (labels >= 0)
    survival, groups = follow_up.survival.rows(kept[follow_up.used]), labels[kept]
    base: dict[str, Any] = {
        "n": survival.n,
        "events": int(survival.event.sum()),
        "left_out": follow_up.left_out,
        "late_entry": survival.entry is not None,
    }
    if len(names) < 2:
        return base | {"status": "not_assessed", "reason": N_("there are no subtypes to compare")}
    sizes = np.bincount(groups, minlength=len(names))
    if (sizes >= MIN_PEOPLE).sum() < 2:
        reason = N_("fewer than two subtypes have {n!s} people followed").format(n=MIN_PEOPLE)
        return base | {"status": "not_assessed", "reason": reason}
    parts = {g: survival.rows(groups == g) for g in range(len(names)) if sizes[g] >= MIN_PEOPLE}
    until = horizon if horizon is not None else common_horizon(list(parts.values()))
    base |= {"horizon": until, "horizon_source": "given" if horizon is not None else "chosen"}
    others = {g: survival.rows(groups != g) for g in parts}
    records = [
        _describe(names[g], parts.get(g), others.get(g), int(sizes[g]), until) for g in range(len(names))
    ]
    return base | {
        "status": "assessed",
        "reason": None,
        "subtypes": records,
        "unadjusted": regress(survival, groups, names, []),
        "adjusted": regress(survival, groups, names, [t.rows(kept) for t in standard])
        if standard
        else {"status": "not_assessed", "reason": N_("no column of the standard of care is named")},
    }


def common_horizon(parts: list[SurvivalData]) -> float:
    """The last recorded time at which every part has :data:`MIN_AT_RISK` people at risk, or all it ever has.

    Where there is none, the shortest of the parts' longest times.
    """
    times = np.unique(np.concatenate([p.time for p in parts]))
    enough = np.ones(len(times), bool)
    for part in parts:
        at_risk, _ = risk_and_events(part.time, part.event, times, part.entry)
        enough &= at_risk >= min(MIN_AT_RISK, part.n)
    return float(times[enough][-1]) if enough.any() else float(min(p.time.max() for p in parts))


def _describe(
    name: str, part: SurvivalData | None, others: SurvivalData | None, n: int, horizon: float
) -> dict[str, Any]:
    if part is None or others is None:
        reason = N_("{n!s} people followed, fewer than {least!s}").format(n=n, least=MIN_PEOPLE)
        return {"subtype": name, "n": n, "status": "not_assessed", "reason": reason}
    base: dict[str, Any] = {"subtype": name, "n": n, "events": int(part.event.sum())}
    if starts_thin(part, horizon) or starts_thin(others, horizon):
        reason = N_(
            "with late entry, fewer than {n!s} people are at risk at the time of an early event"
        ).format(n=MIN_AT_RISK)
        return base | {"status": "not_assessed", "reason": reason}
    times, curve, greenwood = kaplan_meier(part.time, part.event, part.entry)
    median, median_low, median_high = median_survival(times, curve, greenwood)
    record: dict[str, Any] = base | {
        "status": "assessed",
        "reason": None,
        "median": {"estimate": median, "low": median_low, "high": median_high},
        "at_horizon": at_horizon(part, horizon),
    }
    own = restricted_mean(part.time, part.event, horizon, part.entry)
    rest = restricted_mean(others.time, others.event, horizon, others.entry)
    record["restricted_mean"] = None if own is None else _normal(own[0], own[1])
    record["restricted_mean_difference"] = (
        None if own is None or rest is None else _normal(own[0] - rest[0], float(np.hypot(own[1], rest[1])))
    )
    if own is None or rest is None:
        record["reason"] = "follow-up ends before the horizon: no restricted mean"
    return record


def starts_thin(part: SurvivalData, horizon: float) -> bool:
    """Whether a curve of people who enter late rests, at some event up to the horizon, on very few of them.

    One event among two at risk halves the curve for good, though everybody else is yet to enter, and the
    errors don't say so.
    """
    if part.entry is None:
        return False
    at = np.unique(part.time[part.event & (part.time <= horizon)])
    at_risk, _ = risk_and_events(part.time, part.event, at, part.entry)
    later = part.n - np.searchsorted(np.sort(part.entry), at, "left")
    return bool(((at_risk < MIN_AT_RISK) & (later > 0)).any())


def at_horizon(part: SurvivalData, horizon: float) -> dict[str, float | None]:
    """Survival at a time, log-log interval; null where nobody was followed so long, or too few at first."""
    times, curve, greenwood = kaplan_meier(part.time, part.event, part.entry)
    if starts_thin(part, horizon) or len(times) == 0 or (times[-1] < horizon and curve[-1] > 0):
        return {"estimate": None, "low": None, "high": None}
    estimate = survival_at(times, curve, horizon)
    step = int(np.searchsorted(times, horizon, side="right")) - 1
    interval = log_log_interval(estimate, float(greenwood[step])) if step >= 0 else None
    low, high = interval or (None, None)
    return {"estimate": estimate, "low": low, "high": high}


def regress(
    survival: SurvivalData, groups: np.ndarray, names: list[str], standard: list[Term]
) -> dict[str, Any]:
    """Hazard ratios of the subtypes against the first, with and without the standard of care.

    Patients with a term of the standard missing are left out. The test of the subtypes is the likelihood
    ratio; of proportional hazards, :func:`~endotype.subtypes.proportionality.proportional_hazards`.
    """
    complete = np.isfinite(design_of(standard, survival.n)).all(axis=1)
    survival, groups = survival.rows(complete), groups[complete]
    events = int(survival.event.sum())
    result: dict[str, Any] = {
        "n": survival.n,
        "events": events,
        "n_incomplete": int((~complete).sum()),
        "reference": names[0],
    }
    if events < MIN_EVENTS:
        reason = N_("{n!s} events, fewer than {least!s}").format(n=events, least=MIN_EVENTS)
        return result | {"status": "not_assessed", "reason": reason}
    terms, dropped = independent_terms([t.rows(complete) for t in standard], survival.n)
    subtype = code_groups("subtype", groups, names)
    both, lost = independent_terms([*terms, subtype], survival.n)
    if not both or both[-1].name != "subtype" or (groups == 0).sum() == 0:
        return result | {
            "status": "not_assessed",
            "reason": N_("the subtypes can't be told from the standard of care, or the first has nobody"),
        }
    design = design_of(both, survival.n)
    fit = fit_hazards(survival, design)
    without = fit_hazards(survival, design_of(both[:-1], survival.n))
    place = {column: j for j, column in enumerate(c for t in both for c in t.columns)}
    own = [place[c] for c in both[-1].columns]
    tests = {"subtype": own, "all": list(range(design.shape[1]))}
    return result | {
        "status": "assessed",
        "reason": None if fit.converged else N_("the iteration did not settle: no finite estimate"),
        "adjusted_for": [c for t in both[:-1] for c in t.columns],
        "dropped": dropped + [c for c in lost if c not in dropped],
        "events_per_coefficient": events / design.shape[1],
        "hazard_ratios": [{"term": c} | fit.ratio(j) for c, j in place.items()],
        "subtype_test": {"test": "likelihood_ratio"} | likelihood_ratio(fit, without, len(own)),
        "proportional_hazards": proportional_hazards(survival, design, fit, tests),
    }


def _normal(estimate: float, error: float) -> dict[str, float]:
    return {
        "estimate": estimate,
        "low": estimate - NORMAL_975 * error,
        "high": estimate + NORMAL_975 * error,
        "se": error,
    }
