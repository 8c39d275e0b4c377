"""Numba kernels of Firth's penalised Cox regression: arrays in, arrays out.

Covariates are the rows of ``columns``, scaled to information 1 at the null; the dosage is the last
coefficient, counted in copies of the rarer allele while the kernel works. Slots are those of
:mod:`endotype.association.cox_kernels`.

Threads share the variants, never the sum of one variant: the bytes do not depend on their number.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from endotype.association.cox_kernels import find_slots, slot_sums
from endotype.association.rare_case_kernels import (
    _SINGULAR,
    BETA,
    DEPENDENT,
    FITTED,
    LIKELIHOOD_RATIO,
    MAX_ITERATIONS,
    MAX_STEP,
    NO_CONVERGENCE,
    SE,
    _accelerate,
    _factor,
    _gradient,
    _information,
    _leverages,
    _load,
    _move,
    _padded,
    _solve,
)


@numba.njit(cache=True, error_model="numpy", parallel=True)
def cox_firth_packed(
    packed: np.ndarray,
    rows: np.ndarray,
    place: np.ndarray,
    columns: np.ndarray,
    sums: np.ndarray,
    predictor: np.ndarray,
    event: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    n_times: int,
    efron: bool,
    approximate: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Firth's penalised partial likelihood of the dosage.

    Exactly, with the covariates free: the likelihood ratio compares with the maximum at ``beta = 0``, both
    penalised by the whole information. Approximately, along the dosage with its covariates taken out, the
    rest an offset.

    Args:
        packed: uint8 (n_variants, ceil(n_people / 4)), PLINK 1 rows.
        rows: int64 (m,), which of them.
        place: int64 (n_people,), the row of each person in the model, -1 for people who are not in it.
        columns: float64 (k, n), covariates with information I at the null.
        sums: float64 (at least k, n), ``rows`` of :class:`~endotype.association.cox_scan.CoxRows`.
        predictor: float64 (n,), log relative hazard at the null.
        event, first, last, n_times, efron: of :class:`~endotype.association.cox_risk_sets.RiskSets`.
        approximate: see above.

    Returns:
        fits float64 (m, 3), :data:`BETA`, :data:`SE`, :data:`LIKELIHOOD_RATIO`; outcome int8 (m,).
    """
    m, n = rows.shape[0], predictor.shape[0]
    fits = np.full((m, 3), np.nan)
    outcome = np.empty(m, np.int8)
    padded = _padded(place, packed.shape[1])
    for v in numba.prange(m):
        dosage, called = np.zeros(n), np.ones(n)
        sign, _, _ = _load(packed[rows[v]], padded, dosage, called, False)
        outcome[v] = _fit(
            columns, sums, dosage, called, predictor, event, first, last, n_times, efron, approximate, fits[v]
        )
        fits[v, BETA] *= sign
    return fits, outcome


@numba.njit(cache=True, error_model="numpy", parallel=True)
def cox_firth_dense(
    dosages: np.ndarray,
    columns: np.ndarray,
    sums: np.ndarray,
    predictor: np.ndarray,
    event: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    n_times: int,
    efron: bool,
    approximate: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`cox_firth_packed` for complete float64 dosages (m, n), such as burdens."""
    m, n = dosages.shape
    fits = np.full((m, 3), np.nan)
    outcome = np.empty(m, np.int8)
    for v in numba.prange(m):
        outcome[v] = _fit(
            columns,
            sums,
            dosages[v].copy(),
            np.ones(n),
            predictor,
            event,
            first,
            last,
            n_times,
            efron,
            approximate,
            fits[v],
        )
    return fits, outcome


@numba.njit(cache=True, error_model="numpy")
def _fit(
    columns: np.ndarray,
    rows: np.ndarray,
    dosage: np.ndarray,
    called: np.ndarray,
    predictor: np.ndarray,
    event: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    n_times: int,
    efron: bool,
    approximate: bool,
    fit: np.ndarray,
) -> int:
    """One row of :func:`cox_firth_packed`; ``dosage`` is spoilt."""
    current = predictor.copy()
    top, bottom, unused = np.zeros(3), np.zeros(3), np.zeros(3)
    if approximate:
        if not _take_out(columns, rows, dosage, called):
            return DEPENDENT
        outcome = _climb(
            columns[:0], dosage, called, current, event, first, last, n_times, efron, True, bottom, top
        )
    else:
        outcome = _climb(
            columns, dosage, called, current, event, first, last, n_times, efron, False, unused, bottom
        )
        if outcome == FITTED:
            outcome = _climb(
                columns, dosage, called, current, event, first, last, n_times, efron, True, unused, top
            )
    if outcome == FITTED:
        fit[BETA] = top[BETA]
        fit[SE] = top[SE]
        fit[LIKELIHOOD_RATIO] = max(0.0, 2 * (top[LIKELIHOOD_RATIO] - bottom[LIKELIHOOD_RATIO]))
    return outcome


@numba.njit(cache=True, error_model="numpy")
def _take_out(columns: np.ndarray, rows: np.ndarray, dosage: np.ndarray, called: np.ndarray) -> bool:
    """Leave of the dosage what the covariates do not explain, by their information at the null.

    The coefficients are those of everybody, the mean of the called standing in for the others: they choose
    the direction of the climb, which then leaves the others out. Returns whether anything is left.
    """
    k, n = columns.shape
    total = size = 0.0
    for i in range(n):
        total += dosage[i]
        size += called[i]
    for i in range(n):
        if called[i] == 0.0:
            dosage[i] = total / size if size > 0 else 0.0
    slope = np.zeros(k)
    before = np.var(dosage)
    for i in range(n):
        if dosage[i] != 0.0:
            for j in range(k):
                slope[j] += dosage[i] * rows[j, i]
    for j in range(k):
        for i in range(n):
            dosage[i] -= slope[j] * columns[j, i]
    return bool(np.var(dosage) > _SINGULAR * before)


@numba.njit(cache=True, error_model="numpy")
def _moments(
    columns: np.ndarray,
    dosage: np.ndarray,
    called: np.ndarray,
    predictor: np.ndarray,
    event: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    n_times: int,
    efron: bool,
    weight: np.ndarray,
    information: np.ndarray,
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Log-likelihood, ``weight`` and ``information`` of covariates and dosage among the called.

    Returns:
        The log-likelihood; the hazard, 0 for those who are not called; means of the covariates (k, slots)
        and of the dosage; times of the slots; their shares, 1 / S0 and how often they count (3, slots).
    """
    k, n = columns.shape
    top = -np.inf
    n_events = 0
    for i in range(n):
        if called[i] != 0.0:
            top = max(top, predictor[i])
            n_events += event[i]
    hazard, values = np.zeros(n), np.empty(n)
    likelihood = 0.0
    for i in range(n):
        if called[i] != 0.0:
            hazard[i] = math.exp(predictor[i] - top)
            if event[i]:
                likelihood += predictor[i] - top
    at, share = np.empty(n_events, np.int64), np.empty(n_events)
    inverse, many = np.empty(n_events), np.empty(n_events)
    n_slots, log_risk = find_slots(
        hazard, called, event, first, last, n_times, efron, weight, at, share, inverse, many
    )
    means, mean_g = np.empty((k, n_slots)), np.empty(n_slots)
    for j in range(k + 1):
        row, out = (dosage, mean_g) if j == k else (columns[j], means[j])
        for i in range(n):
            values[i] = hazard[i] * row[i]
        slot_sums(values, event, first, last, n_times, at[:n_slots], share, out)
        for s in range(n_slots):
            out[s] *= inverse[s]
    minus = np.zeros((k + 1, k + 1))
    _information(columns, dosage, weight, information)
    _information(means, mean_g, many[:n_slots], minus)
    for j in range(k + 1):
        for q in range(j + 1):
            information[j, q] -= minus[j, q]
    slots = np.empty((3, n_slots))
    slots[0], slots[1], slots[2] = share[:n_slots], inverse[:n_slots], many[:n_slots]
    return likelihood - log_risk, hazard, means, mean_g, at[:n_slots], slots


@numba.njit(cache=True, error_model="numpy")
def _climb(
    columns: np.ndarray,
    dosage: np.ndarray,
    called: np.ndarray,
    predictor: np.ndarray,
    event: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    n_times: int,
    efron: bool,
    with_dosage: bool,
    origin: np.ndarray,
    fit: np.ndarray,
) -> int:
    """Climb log-likelihood + log det(information) / 2 by Newton's method; ``predictor`` follows.

    ``origin`` and ``fit`` take the likelihood ratio's two ends in their last place: where the climb began and
    where it ended.

    The penalty's part of the gradient is half the trace of the inverse information times its derivative:
    third central moments within the slots, contracted to the distance ``q = (x - mean)' inv(information)
    (x - mean)``. Multiplied out, it needs no sum of more than one product of two covariates a person.
    """
    k, n = columns.shape
    size = k + 1
    information, lower = np.zeros((size, size)), np.empty((size, size))
    root, inverted = np.empty((size, size)), np.empty((size, size))
    slope, extra, step = np.zeros(size), np.zeros(size), np.zeros(size)
    newton, before = np.zeros(size), np.zeros(size)
    weight, far, residual, pulled = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    until, own = np.zeros(n_times + 1), np.zeros(n_times + 1)
    beta = 0.0
    reached = base = -np.inf
    accelerated = False
    for _ in range(MAX_ITERATIONS):
        value, hazard, means, mean_g, at, slots = _moments(
            columns, dosage, called, predictor, event, first, last, n_times, efron, weight, information
        )
        share, inverse, many = slots[0], slots[1], slots[2]
        n_slots = at.shape[0]
        value += 0.5 * _factor(information, k, lower)
        if lower[k, k] == 0.0 and reached == -np.inf:
            return DEPENDENT
        if lower[k, k] == 0.0 or not value >= reached - 1e-11 * abs(reached):
            _move(columns, dosage, step, -1.0, predictor)
            beta -= float(step[k])
            # What the method itself proposed climbs if it is short enough; an accelerated step need not.
            for j in range(size):
                step[j] = min(1.0, MAX_STEP / abs(newton[k])) * newton[j] if accelerated else 0.5 * step[j]
            accelerated = False
            _move(columns, dosage, step, 1.0, predictor)
            beta += float(step[k])
            continue
        if base == -np.inf:
            base = float(value)
        reached = float(value)

        for j in range(size):
            inverted[j] = 0.0
            inverted[j, j] = 1.0
            _solve(lower, inverted[j])
        _leverages(columns, dosage, hazard, lower, far)  # hazard x' inv(information) x
        slot_far, middle, turned = np.empty(n_slots), np.zeros(n_slots), np.empty(n_slots)
        slot_sums(far, event, first, last, n_times, at, share, slot_far)
        pulled[:] = 0.0
        for j in range(size):
            turned[:] = 0.0
            for q in range(size):
                by = inverted[j, q]
                mean = mean_g if q == k else means[q]
                for s in range(n_slots):
                    turned[s] += by * mean[s]
            mean = mean_g if j == k else means[j]
            until[:] = 0.0
            own[:] = 0.0
            for s in range(n_slots):
                middle[s] += mean[s] * turned[s]
                until[at[s] + 1] += many[s] * turned[s] * inverse[s]
                own[at[s] + 1] += share[s] * turned[s] * inverse[s]
            for p in range(n_times):
                until[p + 1] += until[p]
            row = dosage if j == k else columns[j]
            for i in range(n):
                pulled[i] += row[i] * (until[last[i]] - until[first[i]] - (own[last[i]] if event[i] else 0.0))
        for i in range(n):
            residual[i] = 0.0
            if called[i] != 0.0:
                leverage = far[i] * weight[i] / hazard[i]
                residual[i] = event[i] - weight[i] + 0.5 * leverage - hazard[i] * pulled[i]
        for s in range(n_slots):
            middle[s] = many[s] * (middle[s] - 0.5 * slot_far[s] * inverse[s])
        _gradient(columns, dosage, residual, slope)
        _gradient(means, mean_g, middle, extra)
        for j in range(size):
            slope[j] += extra[j]

        root[:] = lower
        before[:] = newton
        newton[:] = slope
        if not with_dosage:  # a unit row and column leave the dosage where it is
            for j in range(k):
                root[k, j] = 0.0
            root[k, k] = 1.0
            newton[k] = slope[k] = 0.0
        _solve(root, newton)
        decrement = 0.0
        for j in range(size):
            decrement += newton[j] * slope[j]
        accelerated = _accelerate(newton, before, float(information[k, k]), step)
        if decrement < 1e-9:
            fit[BETA] = beta + step[k]
            fit[SE] = 1 / lower[k, k]
            fit[LIKELIHOOD_RATIO] = reached + decrement / 2
            origin[LIKELIHOOD_RATIO] = base
            return FITTED
        if abs(step[k]) > MAX_STEP:
            shrink = MAX_STEP / abs(step[k])
            for j in range(size):
                step[j] *= shrink
        beta += float(step[k])
        _move(columns, dosage, step, 1.0, predictor)
    return NO_CONVERGENCE
