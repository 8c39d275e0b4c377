"""Numba kernels of the Cox model: partial likelihood, and scores of dosages at its null.

D times of events ascend; a person is at risk at the times ``first <= t < last``. A sum over risk sets is a
running sum from the last time to the first, in which a person comes in at ``last`` and, if she entered late,
goes out at ``first``. At a time with d events Efron's rule has d *slots*: slot r sees the risk set without
the share r / d of the tied events. Breslow's rule has one slot that counts d times. S0, Sx, Sg are sums of
the relative hazard h, of h x and of h g over a slot.

What is linear in the dosage g is a sum over carriers of one row of numbers a person; only the sum over slots
of (Sg / S0)^2, part of the information, is not: :func:`square_of_means`.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from endotype.association.kernels import INFORMATION, N_SUMS, RAW_INFORMATION, SCORE
from endotype.association.packed_scan_kernels import trailing_zeros
from endotype.association.rare_case_kernels import _gradient, _information

SPARSE_TIMES = 8
"""With fewer carriers than one in so many times of events, only times at which a carrier comes or goes are
visited."""


@numba.njit(cache=True, error_model="numpy")
def find_slots(
    hazard: np.ndarray,
    called: np.ndarray,
    event: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    n_times: int,
    efron: bool,
    weight: np.ndarray,
    at: np.ndarray,
    share: np.ndarray,
    inverse: np.ndarray,
    times: np.ndarray,
) -> tuple[int, float]:
    """The slots of the called, and what each of them is expected to contribute.

    Args:
        hazard: float64 (n,), relative hazard.
        called: float64 (n,), 1 for those who take part, else 0.
        event, first, last, n_times, efron: of :class:`~endotype.association.cox_risk_sets.RiskSets`.
        weight: float64 (n,), written: expected events, the hazard times the sum of 1 / S0 over her slots.
        at: int64 (at least n_events,), written: the time of each slot, descending.
        share: float64, as ``at``, written: share of the tied events that is taken off.
        inverse: float64, as ``at``, written: 1 / S0.
        times: float64, as ``at``, written: how often the slot counts.

    Returns:
        Number of slots; sum of log S0 over the slots.
    """
    n = hazard.shape[0]
    enter, tied, n_events = np.zeros(n_times + 1), np.zeros(n_times + 1), np.zeros(n_times + 1, np.int64)
    for i in range(n):
        if called[i] == 0.0:
            continue
        enter[last[i]] += hazard[i]
        if first[i] > 0:
            enter[first[i]] -= hazard[i]
        if event[i]:
            tied[last[i]] += hazard[i]
            n_events[last[i]] += 1
    until, own = np.zeros(n_times + 1), np.zeros(n_times + 1)
    n_slots = 0
    risk = log_risk = 0.0
    for p in range(n_times, 0, -1):
        risk += enter[p]
        d = n_events[p]
        if d == 0:
            continue
        for r in range(d if efron else 1):
            s = r / d
            size = risk - s * tied[p]
            many = 1.0 if efron else float(d)
            at[n_slots], share[n_slots], inverse[n_slots], times[n_slots] = p - 1, s, 1 / size, many
            log_risk += many * math.log(size)
            until[p] += many / size
            own[p] += s / size
            n_slots += 1
    for p in range(n_times):
        until[p + 1] += until[p]
    for i in range(n):
        weight[i] = 0.0
        if called[i] != 0.0:
            weight[i] = hazard[i] * (until[last[i]] - until[first[i]] - (own[last[i]] if event[i] else 0.0))
    return n_slots, log_risk


@numba.njit(cache=True, error_model="numpy")
def slot_sums(
    values: np.ndarray,
    event: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    n_times: int,
    at: np.ndarray,
    share: np.ndarray,
    out: np.ndarray,
) -> None:
    """Sum of ``values`` (n,), 0 for people who take no part, over each slot."""
    enter, tied = np.zeros(n_times + 1), np.zeros(n_times + 1)
    for i in range(values.shape[0]):
        enter[last[i]] += values[i]
        if first[i] > 0:
            enter[first[i]] -= values[i]
        if event[i]:
            tied[last[i]] += values[i]
    total = 0.0
    s = 0
    for p in range(n_times, 0, -1):
        total += enter[p]
        while s < at.shape[0] and at[s] == p - 1:
            out[s] = total - share[s] * tied[p]
            s += 1


@numba.njit(cache=True, error_model="numpy")
def partial_likelihood(
    columns: np.ndarray,
    coefficients: np.ndarray,
    event: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    n_times: int,
    efron: bool,
) -> tuple[float, np.ndarray, np.ndarray]:
    """Log partial likelihood, gradient (k,) and information (k, k) of covariates (k, n), of everyone."""
    k, n = columns.shape
    predictor = np.zeros(n)
    for j in range(k):
        for i in range(n):
            predictor[i] += coefficients[j] * columns[j, i]
    top = -np.inf  # a factor that cancels; without it the hazards may overflow
    for i in range(n):
        top = max(top, predictor[i])
    hazard, weight, called = np.empty(n), np.empty(n), np.ones(n)
    n_events = 0
    likelihood = 0.0
    for i in range(n):
        predictor[i] -= top
        hazard[i] = math.exp(predictor[i])
        if event[i]:
            n_events += 1
            likelihood += predictor[i]
    at, share = np.empty(n_events, np.int64), np.empty(n_events)
    inverse, many = np.empty(n_events), np.empty(n_events)
    n_slots, log_risk = find_slots(
        hazard, called, event, first, last, n_times, efron, weight, at, share, inverse, many
    )
    means = np.empty((k, n_slots))
    values = np.empty(n)
    for j in range(k):
        for i in range(n):
            values[i] = hazard[i] * columns[j, i]
        slot_sums(values, event, first, last, n_times, at[:n_slots], share, means[j])
        for s in range(n_slots):
            means[j, s] *= inverse[s]
    full, minus = np.zeros((k + 1, k + 1)), np.zeros((k + 1, k + 1))
    _information(columns, np.zeros(n), weight, full)
    _information(means, np.zeros(n_slots), many[:n_slots], minus)
    for i in range(n):
        values[i] = event[i] - weight[i]
    gradient = np.zeros(k + 1)
    _gradient(columns, np.zeros(n), values, gradient)
    information = np.empty((k, k))
    for j in range(k):
        for q in range(j + 1):
            information[j, q] = information[q, j] = full[j, q] - minus[j, q]
    return likelihood - log_risk, gradient[:k], information


@numba.njit(cache=True, nogil=True)
def square_of_means(
    people: np.ndarray,
    dosage: np.ndarray,
    hazard: np.ndarray,
    event: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    squares: np.ndarray,
    room: np.ndarray,
    touched: np.ndarray,
) -> float:
    """Sum over all slots of (Sg / S0)^2.

    Args:
        people: int64, those with a dosage that is not 0.
        dosage: float64, as ``people``.
        hazard, event, first, last: float64, uint8 and int64 (n,).
        squares: float64 (4, D + 1): for position p the sum over the slots of its time of 1 / S0^2, of
            s / S0^2 and of s^2 / S0^2, s being the share; and the sum of the first over all positions
            up to p.
        room: float64 (2, D + 1), zeros, and zeros again afterwards.
        touched: uint64 (D // 64 + 1,), likewise.
    """
    enter, tied = room[0], room[1]
    n_times = squares.shape[1] - 1
    one = np.uint64(1)
    sparse = people.shape[0] * SPARSE_TIMES < n_times
    for c in range(people.shape[0]):
        i = people[c]
        p, q = last[i], first[i]
        if p == 0:
            continue
        value = dosage[c] * hazard[i]
        enter[p] += value
        enter[q] -= value  # position 0 is never read
        if event[i]:
            tied[p] += value
        if sparse:
            touched[p >> 6] |= one << np.uint64(p & 63)
            touched[q >> 6] |= one << np.uint64(q & 63)
    total = run = 0.0
    if not sparse:
        for p in range(n_times, 0, -1):
            run += enter[p]
            total += run * run * squares[0, p] + tied[p] * (tied[p] * squares[2, p] - 2 * run * squares[1, p])
            enter[p] = tied[p] = 0.0
        enter[0] = 0.0
        return total
    above = 0  # the last position that was touched; nothing changes between it and the next one
    for w in range(touched.shape[0] - 1, -1, -1):
        left = touched[w]
        touched[w] = np.uint64(0)
        while left:
            low = left  # its highest bit: all below it are filled in, and counted
            for shift in (1, 2, 4, 8, 16, 32):
                low |= low >> np.uint64(shift)
            bit = np.int64(63) if low == ~np.uint64(0) else np.int64(trailing_zeros(~low)) - 1
            left ^= one << np.uint64(bit)
            p = int(64 * w + bit)
            total += run * run * (squares[3, above] - squares[3, p])
            run += enter[p]
            total += tied[p] * (tied[p] * squares[2, p] - 2 * run * squares[1, p])
            enter[p] = tied[p] = 0.0
            above = p
    return total + run * run * squares[3, above]


@numba.njit(cache=True, parallel=True)
def score_dense(
    dosages: np.ndarray,
    rows: np.ndarray,
    hazard: np.ndarray,
    event: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    squares: np.ndarray,
) -> np.ndarray:
    """Score and information of complete float64 dosages (n_tests, n), such as burdens.

    Args:
        dosages: see above.
        rows, squares: of :class:`~endotype.association.cox_scan.CoxRows`.
        hazard, event, first, last: float64, uint8 and int64 (n,).

    Returns:
        float64 (n_tests, n_sums).
    """
    n_tests, n = dosages.shape
    k = rows.shape[0] - 2
    sums = np.zeros((n_tests, N_SUMS))
    everyone = np.arange(n)
    for v in numba.prange(n_tests):
        score = raw = 0.0
        for i in range(n):
            score += dosages[v, i] * rows[k, i]
            raw += dosages[v, i] * dosages[v, i] * rows[k + 1, i]
        room = np.zeros((2, squares.shape[1]))
        touched = np.zeros((squares.shape[1] >> 6) + 1, np.uint64)
        raw -= square_of_means(everyone, dosages[v], hazard, event, first, last, squares, room, touched)
        information = raw
        for j in range(k):
            cross = 0.0
            for i in range(n):
                cross += dosages[v, i] * rows[j, i]
            information -= cross * cross
        sums[v, SCORE] = score
        sums[v, INFORMATION] = information
        sums[v, RAW_INFORMATION] = raw
    return sums
