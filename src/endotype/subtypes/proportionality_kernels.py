"""Numba kernel of the test of proportional hazards: covariances of the columns at each time of an event."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True)
def residual_sums(
    columns: np.ndarray,
    hazard: np.ndarray,
    event: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    n_times: int,
    efron: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Schoenfeld residuals and covariances, summed over the events of each time.

    Args:
        columns: float64 (c, n).
        hazard: float64 (n,), relative hazard.
        event, first, last, n_times, efron: of :class:`~endotype.association.cox_risk_sets.RiskSets`.

    Returns:
        float64 (D, c), the columns of those with the event less their means in the risk set; float64
        (D, c, c), covariances in the risk set; int64 (D,), events.
    """
    c, n = columns.shape
    residual = np.zeros((n_times, c))
    covariance = np.zeros((n_times, c, c))
    number = np.zeros(n_times, np.int64)
    # Moments of order 0, 1 and 2 of who comes in at a time, from the last to the first, and of the tied.
    enter = np.zeros((n_times + 1, 1 + c + c * c))
    tied = np.zeros((n_times + 1, 1 + c + c * c))
    moments = np.empty(1 + c + c * c)
    for i in range(n):
        if last[i] == 0:
            continue
        moments[0] = hazard[i]
        for j in range(c):
            moments[1 + j] = hazard[i] * columns[j, i]
            for q in range(c):
                moments[1 + c + j * c + q] = moments[1 + j] * columns[q, i]
        enter[last[i]] += moments
        enter[first[i]] -= moments  # position 0 is never read
        if event[i]:
            tied[last[i]] += moments
            number[last[i] - 1] += 1
            for j in range(c):
                residual[last[i] - 1, j] += columns[j, i]
    risk = np.zeros(1 + c + c * c)
    for p in range(n_times - 1, -1, -1):
        risk += enter[p + 1]
        d = number[p]
        for r in range(d):
            share = r / d if efron else 0.0
            slot = (risk - share * tied[p + 1]) / (risk[0] - share * tied[p + 1, 0])
            for j in range(c):
                residual[p, j] -= slot[1 + j]
                for q in range(c):
                    covariance[p, j, q] += slot[1 + c + j * c + q] - slot[1 + j] * slot[1 + q]
    return residual, covariance, number
