"""Survival of the subtypes in the cohort, estimated with lifelines (Kaplan & Meier 1958, JASA 53:457)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from lifelines import KaplanMeierFitter

from endotype.reports.text import plain

MIN_PEOPLE = 5
"""A curve of fewer people than this isn't drawn: it would describe persons, not a group."""


@dataclass(frozen=True)
class GroupSurvival:
    """The Kaplan-Meier estimate of one group.

    Attributes:
        group: subtype, or ``None`` for all people together.
        n: people with both time and event recorded.
        events: how many of them had the event.
        time: where the estimate is read off: the median time recorded in the whole cohort.
        estimate: probability of no event before ``time``, with its 95 % interval ``low`` to ``high``
            (log-log transformed); ``None`` where nobody was observed so long.
        curve_times, curve: the steps, shape (n_steps,).
    """

    group: str | None
    n: int
    events: int
    time: float
    estimate: float | None
    low: float | None
    high: float | None
    curve_times: np.ndarray
    curve: np.ndarray


def survival_by_group(
    clinical: pd.DataFrame, outcomes: dict[str, dict[str, str]], groups: pd.Series
) -> dict[str, list[GroupSurvival]]:
    """Survival of all people and of each group, for every time-to-event outcome.

    Args:
        clinical: one row a patient, indexed by patient.
        outcomes: outcome -> ``{"time": column, "event": column}``.
        groups: group of each grouped patient, indexed by patient.

    Returns:
        Outcome -> estimates, all people first, then groups by name; none of fewer than :data:`MIN_PEOPLE`.
    """
    found: dict[str, list[GroupSurvival]] = {}
    for outcome, columns in sorted(outcomes.items()):
        observed = clinical[[columns["time"], columns["event"]]].set_axis(["time", "event"], axis=1)
        observed = observed.dropna().astype("float64")
        observed = observed[observed["time"] >= 0]
        if len(observed) < MIN_PEOPLE:
            continue
        horizon = float(observed["time"].median())
        membership = groups.reindex(observed.index)
        parts: list[tuple[str | None, pd.DataFrame]] = [(None, observed)]
        parts += [(str(g), observed[membership == g]) for g in sorted(groups.unique())]
        found[outcome] = [_estimate(g, part, horizon) for g, part in parts if len(part) >= MIN_PEOPLE]
    return found


def _estimate(group: str | None, observed: pd.DataFrame, horizon: float) -> GroupSurvival:
    fit = KaplanMeierFitter().fit(observed["time"], observed["event"])
    interval = fit.confidence_interval_.loc[:horizon].iloc[-1]
    seen: dict[str, Any] = {"estimate": None, "low": None, "high": None}
    if observed["time"].max() >= horizon:
        estimate = float(fit.survival_function_at_times(horizon).iloc[0])
        low, high = (float(edge) for edge in interval)
        seen = (
            {"estimate": estimate, "low": low, "high": high}
            if not math.isnan(low)
            else seen | {"estimate": estimate}
        )
    return GroupSurvival(
        group=group,
        n=len(observed),
        events=int(observed["event"].sum()),
        time=horizon,
        **plain(seen),
        curve_times=fit.survival_function_.index.to_numpy(float),
        curve=fit.survival_function_.iloc[:, 0].to_numpy(float),
    )
