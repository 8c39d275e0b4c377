"""Whether outcome differs between subtypes. Looked at after they are chosen, never to choose them.

Whoever tries many divisions finds one that seems to separate survival: the best of twelve on pure noise has
p <= 0.05 in four cohorts of ten. So the p-value is corrected for every division that was tried, method, k and
view, and for every outcome, by the permutation distribution of the best of them (max-T; Westfall & Young
1993, *Resampling-based multiple testing*):

    T_j   = -log10 of the chi-square p-value of the log-rank statistic of division and outcome j
    p_adj = (1 + #{b: max_j T_j^b >= T_j}) / (B + 1)

A permutation gives each patient the labels of another one in all divisions at once, so that divisions stay as
alike as they are; outcomes of a patient stay together too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from endotype.subtypes.outcome_kernels import permuted_statistics

MIN_EVENTS = 5
BLOCK = 10_000_000
"""Numbers of permuted positions that are held at a time."""

TIE = 1e-9
"""A permutation that equals the observed order must not lose to rounding."""


@dataclass(frozen=True)
class Outcome:
    """One time to event, float64 with NaN where missing, each of shape (n,).

    Attributes:
        time: when observation ended.
        event: 1 if with the event, else 0.
        entry: when observation began; who has none, or one that is not before the time, is left out. None:
            everybody from the beginning.
    """

    time: np.ndarray
    event: np.ndarray
    entry: np.ndarray | None = None

    def seen(self) -> np.ndarray:
        """Patients that have the outcome, bool, shape (n,)."""
        seen = np.isfinite(self.time) & np.isfinite(self.event)
        if self.entry is not None:
            with np.errstate(invalid="ignore"):
                seen &= self.entry < self.time
        return seen

    def scores(self) -> np.ndarray:
        """:func:`log_rank_scores` of those patients and NaN of others, shape (n,)."""
        seen = self.seen()
        scores = np.full(len(seen), np.nan)
        entry = None if self.entry is None else self.entry[seen]
        scores[seen] = log_rank_scores(self.time[seen], self.event[seen], entry)
        return scores


def log_rank_scores(time: np.ndarray, event: np.ndarray, entry: np.ndarray | None = None) -> np.ndarray:
    """Each patient's event less the expected number of events, shape (n,).

    These are the martingale residuals event_i - H(time_i) with H the Nelson-Aalen estimate of all patients;
    summed over a group they are the log-rank test's observed minus expected (Peto & Peto 1972, JRSS A
    135:185). Who enters late is at risk, and adds to H, from ``entry`` (n,) on only.
    """
    times, place = np.unique(time, return_inverse=True)
    events = np.bincount(place, weights=event.astype(float), minlength=len(times))
    leaving = np.bincount(place, minlength=len(times))
    at_risk = len(time) - np.concatenate([[0], np.cumsum(leaving)[:-1]])
    if entry is None:
        return event - np.cumsum(events / at_risk)[place]
    before = np.searchsorted(times, entry, "right")
    at_risk = at_risk - (len(time) - np.searchsorted(np.sort(entry), times, "left"))
    hazard = np.append(0.0, np.cumsum(events / at_risk))
    return event - (hazard[place + 1] - hazard[before])


def compare_outcomes(
    outcomes: dict[str, Outcome],
    solutions: dict[str, np.ndarray],
    chosen: str | None,
    permutations: int,
    seed: int,
    names: list[str] | None = None,
) -> dict[str, dict[str, Any]]:
    """Log-rank test of the chosen division by each outcome, corrected for all that was tried.

    Args:
        outcomes: by name.
        solutions: every division that was tried, by name of method, view and k: groups from 0, -1 for
            patients that have none, int64, shape (n,).
        chosen: the division that is reported, one of ``solutions``; None if there are no subtypes.
        permutations: how many.
        seed: of the permutations.
        names: of the groups of the chosen division; ``S1``, ``S2`` ... if None.

    Returns:
        For each outcome a dict for ``selection.json``: ``status`` is ``assessed`` or ``not_assessed`` with a
        reason; ``p`` is the permutation p-value of the chosen division alone, ``p_adjusted`` the one to
        report, ``p_chi_square`` the usual approximation, ``n_tried`` the number of tests in the correction
        and ``tried`` the log of this outcome's divisions, in the order of ``solutions``. With ``names``
        ``subtypes`` has patients, events and expected events of each group.
    """
    events = {name: int(outcome.event[outcome.seen()].sum()) for name, outcome in outcomes.items()}
    if chosen is None:
        reason = "there are no subtypes to compare"
        return {name: {"status": "not_assessed", "reason": reason} for name in outcomes}
    tested = [name for name in outcomes if events[name] >= MIN_EVENTS]
    result: dict[str, dict[str, Any]] = {
        name: {
            "status": "not_assessed",
            "reason": f"{events[name]} events, fewer than {MIN_EVENTS}",
        }
        for name in outcomes
        if name not in tested
    }
    if not tested:
        return result
    labels = np.ascontiguousarray(np.stack(list(solutions.values()), axis=1).astype(np.int64))
    scores = np.stack([outcomes[name].scores() for name in tested])
    statistic, freedom, raw, adjusted = _test(scores, labels, permutations, seed)
    for index, name in enumerate(tested):
        tried = [
            {
                "solution": solution,
                "groups": int(freedom[index, j]) + 1,
                "statistic": float(statistic[index, j]),
                "p_chi_square": float(chi2.sf(statistic[index, j], max(freedom[index, j], 1))),
                "p": float(raw[index, j]),
                "p_adjusted": float(adjusted[index, j]),
            }
            for j, solution in enumerate(solutions)
        ]
        own = next(row for row in tried if row["solution"] == chosen)
        counted = np.isfinite(scores[index]) & (solutions[chosen] >= 0)
        result[name] = {
            "status": "assessed",
            "test": "log-rank, permutation",
            "n": int(counted.sum()),
            "events": int(outcomes[name].event[counted].sum()),
            **{key: own[key] for key in ("statistic", "groups", "p_chi_square", "p", "p_adjusted")},
            "permutations": permutations,
            "n_tried": len(tested) * len(solutions),
            "tried": tried,
            "subtypes": _groups(outcomes[name], scores[index], solutions[chosen], counted, names),
        }
    return {name: result[name] for name in outcomes}


def _test(
    scores: np.ndarray, labels: np.ndarray, permutations: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Statistic, degrees of freedom, raw and adjusted p, each (outcomes, divisions)."""
    n, k = len(labels), int(labels.max(initial=0)) + 1
    identity = np.arange(n)[None]
    statistic, freedom = (
        np.concatenate(parts)
        for parts in zip(*(permuted_statistics(s, labels, k, identity) for s in scores), strict=True)
    )
    observed = _height(statistic, freedom)
    rng = np.random.default_rng([seed, 7])
    alone, best = np.zeros(observed.shape), np.zeros(observed.shape)
    done = 0
    while done < permutations:
        now = min(max(BLOCK // max(n, 1), 1), permutations - done)
        orders = np.stack([rng.permutation(n) for _ in range(now)])
        heights = np.stack([_height(*permuted_statistics(s, labels, k, orders)) for s in scores], axis=1)
        alone += (heights >= observed - TIE).sum(axis=0)
        most = heights.max(axis=(1, 2))
        best += (most[:, None, None] >= observed - TIE).sum(axis=0)
        done += now
    raw, adjusted = ((1 + part) / (1 + permutations) for part in (alone, best))
    return statistic, freedom, raw, adjusted


def _height(statistic: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """-log10 of the chi-square p-value; 0 without groups to compare."""
    heights = -chi2.logsf(statistic, np.maximum(freedom, 1)) / np.log(10)
    return np.where(freedom > 0, heights, 0.0)


def _groups(
    outcome: Outcome, scores: np.ndarray, labels: np.ndarray, counted: np.ndarray, names: list[str] | None
) -> list[dict[str, Any]]:
    names = names or [f"S{g + 1}" for g in range(int(labels.max()) + 1)]
    rows = []
    for group, name in enumerate(names):
        members = counted & (labels == group)
        events = float(outcome.event[members].sum())
        rows.append(
            {
                "subtype": name,
                "n": int(members.sum()),
                "events": int(events),
                "expected_events": events - float(scores[members].sum()),
            }
        )
    return rows


def compare_outcome(
    time: np.ndarray,
    event: np.ndarray,
    labels: np.ndarray,
    names: list[str],
    permutations: int,
    seed: int,
    entry: np.ndarray | None = None,
) -> dict[str, Any]:
    """:func:`compare_outcomes` of one outcome and one division into groups that are named ``names``."""
    chosen = "chosen" if len(names) > 1 else None
    outcome = Outcome(time, event, entry)
    return compare_outcomes({"": outcome}, {"chosen": labels}, chosen, permutations, seed, names)[""]
