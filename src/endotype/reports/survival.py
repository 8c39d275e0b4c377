"""Survival of the subtypes in the cohort, as the reports draw it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from endotype.subtypes.kaplan_meier import kaplan_meier, log_log_interval

MIN_PEOPLE = 5
"""A curve of fewer people than this isn't drawn: it would describe persons, not a group."""


@dataclass(frozen=True)
class GroupSurvival:
    """The Kaplan-Meier estimate of one group.

    Attributes:
        group: subtype, or ``None`` for all people together.
        n: people with both time and event recorded, and, where there is one, an entry before the time.
        events: how many of them had the event.
        time: where the estimate is read off: the median time recorded in the whole cohort.
        estimate: probability of no event before ``time``, with its 95 % interval ``low`` to ``high``
            (log-log transformed). The estimate is ``None`` where nobody was observed so long; the interval
            also where the formula has none, before the first event and when all have had it.
        curve_times, curve: the steps, shape (n_steps,); 1 before the first of them.
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
        outcomes: outcome -> ``{"time": column, "event": column}``, and ``"entry"`` where people entered late.
        groups: group of each grouped patient, indexed by patient.

    Returns:
        Outcome -> estimates, all people first, then groups by name; none of fewer than :data:`MIN_PEOPLE`.
    """
    found: dict[str, list[GroupSurvival]] = {}
    for outcome, columns in sorted(outcomes.items()):
        observed = clinical[list(columns.values())].set_axis(list(columns), axis=1)
        observed = observed.dropna().astype("float64")
        observed = observed[observed["time"] >= 0]
        if "entry" in observed:
            observed = observed[observed["entry"] < observed["time"]]
        if len(observed) < MIN_PEOPLE:
            continue
        horizon = float(observed["time"].median())
        membership = groups.reindex(observed.index)
        parts: list[tuple[str | None, pd.DataFrame]] = [(None, observed)]
        parts += [(str(g), observed[membership == g]) for g in sorted(groups.unique())]
        found[outcome] = [_estimate(g, part, horizon) for g, part in parts if len(part) >= MIN_PEOPLE]
    return found


def _estimate(group: str | None, observed: pd.DataFrame, horizon: float) -> GroupSurvival:
    time = observed["time"].to_numpy(float)
    entry = observed["entry"].to_numpy(float) if "entry" in observed else None
    times, survival, greenwood = kaplan_meier(time, observed["event"].to_numpy(bool), entry)
    estimate, interval = None, None
    if times[-1] >= horizon:
        step = int(np.searchsorted(times, horizon, side="right")) - 1
        estimate = float(survival[step]) if step >= 0 else 1.0
        interval = log_log_interval(estimate, float(greenwood[step])) if step >= 0 else None
    return GroupSurvival(
        group=group,
        n=len(observed),
        events=int(observed["event"].sum()),
        time=horizon,
        estimate=estimate,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        curve_times=times,
        curve=survival,
    )
