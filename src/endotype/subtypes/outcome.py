"""Whether outcome differs between subtypes. Looked at after they are chosen, never to choose them."""

from __future__ import annotations

from typing import Any

import numpy as np

MIN_EVENTS = 5


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


def statistic(scores: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Log-rank statistic standardised by its permutation variance, near chi-square with k - 1 df.

    Args:
        scores: of :func:`log_rank_scores`; they sum to 0. Shape (n,), or (B, n) for B permutations.
        labels: group of each patient, 0 to k - 1; shape (n,).
        k: number of groups.
    """
    n = scores.shape[-1]
    total = np.zeros(scores.shape[:-1])
    for group in range(k):
        members = labels == group
        if members.any():
            total = total + scores[..., members].sum(axis=-1) ** 2 / members.sum()
    return total * (n - 1) / (scores**2).sum(axis=-1)


def compare_outcome(
    time: np.ndarray,
    event: np.ndarray,
    labels: np.ndarray,
    names: list[str],
    permutations: int,
    seed: int,
    entry: np.ndarray | None = None,
) -> dict[str, Any]:
    """Permutation log-rank test of one outcome; p = (1 + #{permuted >= observed}) / (permutations + 1).

    Args:
        time, event: float64 with NaN where missing, shape (n,); event 0 or 1.
        labels: group of each patient, 0 to k - 1; shape (n,).
        names: of the k groups.
        permutations: how many.
        seed: of the permutations.
        entry: float64 (n,), when observation began; who has none, or one that is not before her time, is
            left out. None: everybody from the beginning.

    Returns:
        A dict for ``selection.json``; ``status`` is ``assessed`` or ``not_assessed`` with a reason.
    """
    seen = np.isfinite(time) & np.isfinite(event)
    if entry is not None:
        with np.errstate(invalid="ignore"):
            seen &= entry < time
        entry = entry[seen]
    time, event, labels = time[seen], event[seen], labels[seen]
    if len(names) < 2:
        return {"status": "not_assessed", "reason": "there are no subtypes to compare"}
    if event.sum() < MIN_EVENTS:
        return {"status": "not_assessed", "reason": f"{int(event.sum())} events, fewer than {MIN_EVENTS}"}
    scores = log_rank_scores(time, event, entry)
    observed = float(statistic(scores, labels, len(names)))
    rng = np.random.default_rng([seed, 7])
    exceeding = 0
    for _ in range(permutations):
        # The margin keeps a permutation that equals the observed order from losing to rounding.
        exceeding += bool(statistic(rng.permutation(scores), labels, len(names)) >= observed * (1 - 1e-12))
    groups = []
    for index, name in enumerate(names):
        members = labels == index
        expected = float(event[members].sum() - scores[members].sum())
        groups.append(
            {
                "subtype": name,
                "n": int(members.sum()),
                "events": int(event[members].sum()),
                "expected_events": expected,
            }
        )
    return {
        "status": "assessed",
        "test": "log-rank, permutation",
        "n": len(time),
        "events": int(event.sum()),
        "statistic": observed,
        "permutations": permutations,
        "p": (1 + exceeding) / (1 + permutations),
        "subtypes": groups,
    }
