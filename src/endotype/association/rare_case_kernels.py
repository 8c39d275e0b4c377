"""Numba kernels of the tests that stay true when cases or carriers are few: arrays in, arrays out.

Each takes packed PLINK rows, the numbers of the rows that are wanted, and a fitted null model; the covariates
come as ``basis``, shape (k, n), with ``basis diag(weight) basis' = I`` at the null, so that the null's
information needs no sums. The dosage is the last coefficient, counted in copies of the rarer allele while the
kernel works, and a person without a genotype has weight 0.

Threads share the variants, never the sum of one variant: the bytes do not depend on their number. Nothing is
re-ordered or fused by the compiler, so that every processor gives the same.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from endotype.association.kernels import _read_row
from endotype.association.panel_sums import PANEL, add_dots

FITTED, SEPARATED, NO_CONVERGENCE, DEPENDENT = range(4)
"""How the climb ended: at a maximum; nowhere, because the maximum is at infinity; nowhere, because steps did
not help; not begun, because the dosage is a combination of the covariates."""

BETA, SE, LIKELIHOOD_RATIO = range(3)
"""Columns of a fit."""

SCORE, INFORMATION, BEYOND, MIRROR = range(4)
"""Columns of a saddlepoint: the score of the effect allele and its variance, and the normal deviates whose
tails are as large as those beyond the score and beyond its mirror image on the other side."""

SPLIT = 0.02
"""Largest share of the information that people without the rarer allele may carry to be summed by a quadratic
formula, which costs nothing, instead of one by one: see :func:`_line`."""

MAX_ITERATIONS = 60
MAX_STEP = 5.0
CERTAIN = 30.0
_TILE = 256
_SINGULAR = 1e-9
# The numpy error model everywhere: a check for a division by zero keeps a loop out of the vector unit.
_LOG2E = 1.4426950408889634
_LN2 = 0.6931471805599453
_SHIFT = 6755399441055744.0  # 1.5 * 2^52


@numba.njit(cache=True, error_model="numpy", parallel=True)
def wald_packed(
    packed: np.ndarray,
    rows: np.ndarray,
    place: np.ndarray,
    basis: np.ndarray,
    predictor: np.ndarray,
    case: np.ndarray,
    impute: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Maximum likelihood of the dosage and the covariates, together.

    Args:
        packed: uint8 (n_variants, ceil(n_people / 4)), PLINK 1 rows.
        rows: int64 (m,), which of them.
        place: int64 (n_people,), the row of each person in the model, -1 for people who are not in it.
        basis: float64 (k, n).
        predictor: float64 (n,), log odds under the null.
        case: float64 (n,), 1 for a case.
        impute: give people without a genotype the mean dosage of the called, instead of leaving them out.

    Returns:
        fits float64 (m, 3), :data:`BETA`, :data:`SE`, :data:`LIKELIHOOD_RATIO` (NaN: not asked for); outcome
        int8 (m,).
    """
    m, n = rows.shape[0], predictor.shape[0]
    fits = np.full((m, 3), np.nan)
    outcome = np.empty(m, np.int8)
    padded = _padded(place, packed.shape[1])
    for v in numba.prange(m):
        dosage, called = np.zeros(n), np.ones(n)
        sign, n_missing, n_carriers = _load(packed[rows[v]], padded, dosage, called, impute)
        if n_carriers == 0:
            outcome[v] = DEPENDENT
        elif _one_side_only(dosage, called, case):
            outcome[v] = SEPARATED
        else:
            outcome[v] = _climb_plain(basis, dosage, called, n_missing == 0, case, predictor.copy(), fits[v])
        fits[v, BETA] *= sign
    return fits, outcome


@numba.njit(cache=True, error_model="numpy", parallel=True)
def firth_packed(
    packed: np.ndarray,
    rows: np.ndarray,
    place: np.ndarray,
    basis: np.ndarray,
    weight: np.ndarray,
    predictor: np.ndarray,
    case: np.ndarray,
    approximate: bool,
    impute: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Firth's penalised likelihood of the dosage.

    Exactly, with the covariates free: the likelihood ratio compares with the maximum at ``beta = 0``, both
    penalised by the whole information. Approximately, along the dosage with its covariates taken out (by the
    weights of the null), the rest an offset; the exact climb starts there.

    Args:
        packed: as in :func:`wald_packed`.
        rows: as in :func:`wald_packed`.
        place: as in :func:`wald_packed`.
        basis: float64 (k, n), with ``basis diag(weight) basis' = I``.
        weight: float64 (n,), of the null.
        predictor: float64 (n,), log odds of the penalised null.
        case: float64 (n,), 1 for a case.
        approximate: see above.
        impute: as in :func:`wald_packed`.

    Returns:
        As :func:`wald_packed`.
    """
    m, n, k = rows.shape[0], predictor.shape[0], basis.shape[0]
    fits = np.full((m, 3), np.nan)
    outcome = np.empty(m, np.int8)
    padded = _padded(place, packed.shape[1])
    risk, spread, everyone = np.empty(n), np.empty(n), np.ones(n)
    _logistic_pass(predictor, case, everyone, risk, spread)
    gradient, information = np.zeros(k + 1), np.zeros((k + 1, k + 1))
    _gradient(basis, 0 * everyone, case - risk, gradient)
    _information(basis, 0 * everyone, spread, information)
    for v in numba.prange(m):
        dosage, called = np.zeros(n), np.ones(n)
        sign, n_missing, _ = _load(packed[rows[v]], padded, dosage, called, impute)
        step, members, tilted = np.zeros(k + 1), np.empty(n, np.int64), np.empty(n)
        _, raw, left = _take_out(basis, weight, case, risk, dosage, called, n_missing, step[:k])
        if not left > _SINGULAR * raw:
            outcome[v] = DEPENDENT
            continue
        size, rest_score, rest = _line(
            basis, spread, case, risk, dosage, called, step[:k], gradient, information, members, tilted
        )
        line, bottom = np.zeros(3), np.zeros(3)
        outcome[v] = _climb_line(predictor, case, members[:size], tilted[:size], rest_score, rest, line)
        if not approximate:
            current = predictor.copy()
            outcome[v] = _climb_penalised(basis, dosage, called, case, current, False, 0.0, 1e-6, bottom)
            if outcome[v] == FITTED:
                step[k] = -1.0
                _move(basis, dosage, step, -line[BETA], current)
                outcome[v] = _climb_penalised(
                    basis, dosage, called, case, current, True, float(line[BETA]), 1e-9, line
                )
                line[LIKELIHOOD_RATIO] = max(0.0, 2 * (line[LIKELIHOOD_RATIO] - bottom[LIKELIHOOD_RATIO]))
        fits[v] = line
        fits[v, BETA] *= sign
    return fits, outcome


@numba.njit(cache=True, error_model="numpy", parallel=True)
def saddlepoint_packed(
    packed: np.ndarray,
    rows: np.ndarray,
    place: np.ndarray,
    basis: np.ndarray,
    weight: np.ndarray,
    expected: np.ndarray,
    predictor: np.ndarray,
    seen: np.ndarray,
    poisson: bool,
    switch: float,
    impute: bool,
) -> np.ndarray:
    """Saddlepoint tails of the score of the dosage, its covariates taken out.

    Args:
        packed: as in :func:`wald_packed`.
        rows: as in :func:`wald_packed`.
        place: as in :func:`wald_packed`.
        basis: float64 (k, n), with ``basis diag(weight) basis' = I``.
        weight: float64 (n,), variance of ``seen``: ``expected (1 - expected)``, or ``expected`` for counts.
        expected: float64 (n,), expectation of ``seen``.
        predictor: float64 (n,), its log odds; not read for counts.
        seen: float64 (n,), 1 for a case or an event.
        poisson: whether ``seen`` is a Poisson count instead of a Bernoulli variable.
        switch: standardised score below which the tails are normal.
        impute: as in :func:`wald_packed`.

    Returns:
        float64 (m, 4), columns :data:`SCORE`, :data:`INFORMATION`, :data:`BEYOND`, :data:`MIRROR`; a tail
        that is empty has an infinite deviate, NaN stands where the dosage is a combination of the
        covariates.
    """
    m, n = rows.shape[0], expected.shape[0]
    tails = np.full((m, 4), np.nan)
    padded = _padded(place, packed.shape[1])
    for v in numba.prange(m):
        dosage, called = np.zeros(n), np.ones(n)
        sign, n_missing, _ = _load(packed[rows[v]], padded, dosage, called, impute)
        _tails(dosage, called, n_missing, basis, weight, expected, predictor, seen, poisson, switch, tails[v])
        tails[v, SCORE] *= sign
    return tails


@numba.njit(cache=True, error_model="numpy", parallel=True)
def saddlepoint_dense(
    dosages: np.ndarray,
    basis: np.ndarray,
    weight: np.ndarray,
    expected: np.ndarray,
    predictor: np.ndarray,
    seen: np.ndarray,
    poisson: bool,
    switch: float,
) -> np.ndarray:
    """As :func:`saddlepoint_packed` for complete float64 dosages (m, n), such as burdens."""
    m, n = dosages.shape
    tails = np.full((m, 4), np.nan)
    for v in numba.prange(m):
        _tails(dosages[v], np.ones(n), 0, basis, weight, expected, predictor, seen, poisson, switch, tails[v])
    return tails


@numba.njit(cache=True, error_model="numpy")
def _tails(
    dosage: np.ndarray,
    called: np.ndarray,
    n_missing: int,
    basis: np.ndarray,
    weight: np.ndarray,
    expected: np.ndarray,
    predictor: np.ndarray,
    seen: np.ndarray,
    poisson: bool,
    switch: float,
    tails: np.ndarray,
) -> None:
    """One row of :func:`saddlepoint_packed`; the dosage is 0 for those who are not called."""
    k, n = basis.shape
    slope = np.zeros(k)
    score, raw, left = _take_out(basis, weight, seen, expected, dosage, called, n_missing, slope)
    tails[SCORE], tails[INFORMATION] = score, left
    if not left > _SINGULAR * raw:
        return
    if score * score < switch * switch * left:
        tails[BEYOND] = score / math.sqrt(left)
        tails[MIRROR] = -tails[BEYOND]
        return
    members, tilted = np.empty(n, np.int64), np.empty(n)
    size, _, rest = _line(
        basis, weight, seen, expected, dosage, called, slope, slope * 0, np.eye(k + 1), members, tilted
    )
    chosen = members[:size]
    g, mu, eta = tilted[:size], expected[chosen], predictor[chosen]
    tails[BEYOND] = _deviate(score, left, g, mu, eta, rest, poisson)
    tails[MIRROR] = _deviate(-score, left, g, mu, eta, rest, poisson)


# The genotype of one variant.


@numba.njit(cache=True, error_model="numpy")
def _padded(place: np.ndarray, n_bytes: int) -> np.ndarray:
    padded = np.full(4 * n_bytes, -1, np.int64)  # the last byte has room for people who are not
    padded[: place.shape[0]] = place
    return padded


@numba.njit(cache=True, error_model="numpy")
def _load(
    row: np.ndarray, place: np.ndarray, dosage: np.ndarray, called: np.ndarray, impute: bool
) -> tuple[float, int, int]:
    """Fill in copies of the rarer allele and who is called (1 or 0); ``impute``: all are, with the mean.

    Returns the sign that turns an effect of the rarer allele into one of the effect allele, the number of
    people without a genotype and that of carriers of the rarer allele.
    """
    n = dosage.shape[0]
    carriers = np.empty(n + 1, np.int64)
    copies = np.empty(n + 1)
    missing = np.empty(n + 1, np.int64)
    n_carriers, n_missing = _read_row(row, place, carriers, copies, missing)
    alleles = 0.0
    for c in range(n_carriers):
        dosage[carriers[c]] = copies[c]
        alleles += copies[c]
    for i in range(n_missing):
        called[missing[i]] = 0.0
    sign = 1.0
    if alleles > n - n_missing:
        sign, alleles, n_carriers = -1.0, 2.0 * (n - n_missing) - alleles, 0
        for i in range(n):
            dosage[i] = called[i] * (2.0 - dosage[i])
            n_carriers += dosage[i] > 0
    if impute and n_missing < n:
        for i in range(n_missing):
            dosage[missing[i]] = alleles / (n - n_missing)
            called[missing[i]] = 1.0
        n_missing = 0
    return sign, n_missing, n_carriers


@numba.njit(cache=True, error_model="numpy")
def _one_side_only(dosage: np.ndarray, called: np.ndarray, case: np.ndarray) -> bool:
    """Whether a threshold of the dosage parts the cases from the controls, ties allowed."""
    low_case = low_control = 3.0
    high_case = high_control = -1.0
    for i in range(dosage.shape[0]):
        if called[i] == 0.0:
            continue
        if case[i] == 1.0:
            low_case, high_case = min(low_case, dosage[i]), max(high_case, dosage[i])
        else:
            low_control, high_control = min(low_control, dosage[i]), max(high_control, dosage[i])
    return high_case <= low_control or high_control <= low_case


@numba.njit(cache=True, error_model="numpy")
def _take_out(
    basis: np.ndarray,
    weight: np.ndarray,
    seen: np.ndarray,
    expected: np.ndarray,
    dosage: np.ndarray,
    called: np.ndarray,
    n_missing: int,
    slope: np.ndarray,
) -> tuple[float, float, float]:
    """Regress the dosage on the covariates among the called; weights of the null.

    ``slope`` becomes the coefficients. Returns the score of what is left, the information of the whole dosage
    and of what is left.
    """
    k, n = basis.shape
    raw = 0.0
    score = 0.0
    for i in range(n):
        g = dosage[i]
        if g != 0.0:
            raw += g * g * weight[i]
            score += g * (seen[i] - expected[i])
            for j in range(k):
                slope[j] += g * weight[i] * basis[j, i]
    cross = slope.copy()
    if n_missing > 0:
        among = np.eye(k)
        lower = np.empty((k, k))
        lost = np.zeros(k)
        for i in range(n):
            if called[i] == 0.0:
                for j in range(k):
                    lost[j] -= basis[j, i] * (seen[i] - expected[i])
                    for q in range(j + 1):
                        among[j, q] -= weight[i] * basis[j, i] * basis[q, i]
        _factor(among, k, lower)
        _solve(lower, slope)
        for j in range(k):
            score -= slope[j] * lost[j]
    left = raw
    for j in range(k):
        left -= slope[j] * cross[j]
    return score, raw, left


@numba.njit(cache=True, error_model="numpy")
def _line(
    basis: np.ndarray,
    weight: np.ndarray,
    seen: np.ndarray,
    expected: np.ndarray,
    dosage: np.ndarray,
    called: np.ndarray,
    slope: np.ndarray,
    gradient: np.ndarray,
    information: np.ndarray,
    members: np.ndarray,
    tilted: np.ndarray,
) -> tuple[int, float, float]:
    """The dosage with its covariates taken out, of those whose own term counts.

    Carriers of a rare allele have nearly all of its information. The others then differ from what their
    covariates make expected by very little, and their log-likelihood is its second-order expansion: exact
    sums of the first and second order, O(carriers k^2). Where they have more than :data:`SPLIT` of the
    information, everyone is listed.

    Args beside the obvious: ``gradient`` = ``basis @ (seen - expected)`` and ``information`` =
    ``basis diag(weight) basis'`` over everyone, (k,) and at least (k, k); ``members``, ``tilted``: filled in.

    Returns:
        How many are listed; the score and the information of all others.
    """
    k, n = basis.shape
    score = total = 0.0
    for j in range(k):
        score -= slope[j] * gradient[j]
        for q in range(k):
            total += slope[j] * slope[q] * information[max(j, q), min(j, q)]
    size = 0
    for i in range(n):
        if dosage[i] == 0.0 and called[i] == 1.0:
            continue
        fitted = 0.0
        for j in range(k):
            fitted += slope[j] * basis[j, i]
        score += fitted * (seen[i] - expected[i])  # out of the sum over everyone
        total -= fitted * fitted * weight[i]
        if called[i] == 1.0:
            members[size] = i
            tilted[size] = dosage[i] - fitted
            size += 1
    mine = 0.0
    for c in range(size):
        mine += tilted[c] * tilted[c] * weight[members[c]]
    if total <= SPLIT * mine:
        return size, score, max(0.0, total)
    fitted_all = np.zeros(n)
    for j in range(k):
        for i in range(n):
            fitted_all[i] += slope[j] * basis[j, i]
    size = 0
    for i in range(n):
        if called[i] == 1.0:
            members[size] = i
            tilted[size] = dosage[i] - fitted_all[i]
            size += 1
    return size, 0.0, 0.0


# Climbing likelihoods.


@numba.njit(cache=True, error_model="numpy")
def _climb_plain(
    basis: np.ndarray,
    dosage: np.ndarray,
    called: np.ndarray,
    complete: bool,
    case: np.ndarray,
    predictor: np.ndarray,
    fit: np.ndarray,
) -> int:
    """Newton's method; the covariates' information is that of the null until the end is near.

    A step then costs O(n k) and not O(n k^2), and the last ones, with the true information, are exact.
    """
    k, n = basis.shape
    risk, weight, residual = np.empty(n), np.empty(n), np.empty(n)
    information, lower = np.zeros((k + 1, k + 1)), np.empty((k + 1, k + 1))
    step = np.zeros(k + 1)
    beta = 0.0
    reached = -np.inf
    before = np.inf
    exact = not complete
    for iteration in range(MAX_ITERATIONS):
        likelihood = _logistic_pass(predictor, case, called, risk, weight)
        if likelihood < reached - 1e-12 * abs(reached):
            for j in range(k + 1):
                step[j] *= 0.5
            beta -= float(step[k])
            _move(basis, dosage, step, -1.0, predictor)
            exact = True
            continue
        reached = likelihood
        if abs(beta) > CERTAIN:
            return SEPARATED
        for i in range(n):
            residual[i] = called[i] * (case[i] - risk[i])
        if exact:
            _information(basis, dosage, weight, information)
        elif iteration == 0:
            for j in range(k):
                information[j, j] = 1.0
            _last_row(basis, dosage, weight, information)
        else:
            _last_row(basis, dosage, weight, information)
        _gradient(basis, dosage, residual, step)
        slope = step.copy()
        _factor(information, k, lower)
        if lower[k, k] == 0.0:
            return DEPENDENT if iteration == 0 else SEPARATED
        _solve(lower, step)
        decrement = 0.0
        for j in range(k + 1):
            decrement += step[j] * slope[j]
        if exact and decrement < 1e-9:
            fit[BETA] = beta + step[k]
            fit[SE] = 1 / lower[k, k]
            # On the way to infinity every step of Newton's method is about 1, however flat the likelihood.
            return SEPARATED if abs(step[k]) > 0.01 else FITTED
        exact = exact or decrement < 1e-7 or decrement > 0.1 * before
        before = decrement
        if abs(step[k]) > MAX_STEP:
            shrink = MAX_STEP / abs(step[k])
            for j in range(k + 1):
                step[j] *= shrink
        beta += float(step[k])
        _move(basis, dosage, step, 1.0, predictor)
    return NO_CONVERGENCE


@numba.njit(cache=True, error_model="numpy")
def _climb_penalised(
    basis: np.ndarray,
    dosage: np.ndarray,
    called: np.ndarray,
    case: np.ndarray,
    predictor: np.ndarray,
    with_dosage: bool,
    beta: float,
    tolerance: float,
    fit: np.ndarray,
) -> int:
    """Climb log-likelihood + log det(information) / 2; ``predictor``, which has ``beta`` in it, follows.

    The score of person i is ``case - risk + h (1/2 - risk)``, h her leverage: with h fixed that is a logistic
    likelihood whose weights are ``w (1 + h)``. Taking these in the row of the dosage is what keeps two
    carriers from oscillating; a step that does not raise the penalised likelihood is halved.
    """
    k, n = basis.shape
    size = k + 1 if with_dosage else k
    risk, weight, leverage = np.empty(n), np.empty(n), np.empty(n)
    information, lower = np.zeros((k + 1, k + 1)), np.empty((k + 1, k + 1))
    curvature, root = np.zeros((k + 1, k + 1)), np.empty((k + 1, k + 1))
    slope, step = np.zeros(k + 1), np.zeros(k + 1)
    newton, before = np.zeros(k + 1), np.zeros(k + 1)
    accelerated = False
    reached = -np.inf
    for _ in range(MAX_ITERATIONS):
        value = _logistic_pass(predictor, case, called, risk, weight)
        _information(basis, dosage, weight, information)
        value += 0.5 * _factor(information, k, lower)
        if lower[k, k] == 0.0 and reached == -np.inf:
            return DEPENDENT
        if lower[k, k] == 0.0 or not value >= reached - 1e-11 * abs(reached):
            _move(basis, dosage, step, -1.0, predictor)
            beta -= float(step[k])
            # What the method itself proposed climbs if it is short enough; an accelerated step need not.
            for j in range(k + 1):
                step[j] = min(1.0, MAX_STEP / abs(newton[k])) * newton[j] if accelerated else 0.5 * step[j]
            accelerated = False
            _move(basis, dosage, step, 1.0, predictor)
            beta += float(step[k])
            continue
        reached = value
        _leverages(basis, dosage, weight, lower, leverage)
        for i in range(n):
            risk[i] = called[i] * (case[i] - risk[i] + leverage[i] * (0.5 - risk[i]))
            weight[i] *= 1 + leverage[i]
        _gradient(basis, dosage, risk, slope)
        curvature[:] = information
        _last_row(basis, dosage, weight, curvature)
        _factor(curvature, k, root)
        if root[k, k] == 0.0:
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
        if decrement < tolerance:
            fit[BETA] = beta + step[k]
            fit[SE] = 1 / lower[k, k]
            fit[LIKELIHOOD_RATIO] = reached + decrement / 2
            return FITTED
        if abs(step[k]) > MAX_STEP:
            shrink = MAX_STEP / abs(step[k])
            for j in range(k + 1):
                step[j] *= shrink
        beta += float(step[k])
        _move(basis, dosage, step, 1.0, predictor)
    return NO_CONVERGENCE


@numba.njit(cache=True, error_model="numpy")
def _accelerate(newton: np.ndarray, before: np.ndarray, scale: float, step: np.ndarray) -> bool:
    """Anderson's (1965) acceleration of depth one.

    The leverages follow the coefficients, which the curvature does not know, so that plain steps shrink by a
    steady ratio, mostly of 10, seldom near 1. Two of them in a row say where they lead. ``step`` holds the
    last step made and becomes the next; ``newton`` and ``before`` are what the method proposes now and
    proposed then. Returns whether the two differ.
    """
    size = newton.shape[0]
    along = norm = total = 0.0
    for j in range(size):
        unit = scale if j == size - 1 else 1.0  # the covariates are scaled to information 1
        change = newton[j] - before[j]
        along += unit * change * newton[j]
        norm += unit * change * change
        total += unit * before[j] * before[j]
    share = along / norm if norm > 0 and total > 0 else 0.0
    if abs(share) > 50.0:
        share = 0.0
    for j in range(size):
        step[j] = newton[j] - share * (step[j] + newton[j] - before[j])
    return share != 0.0


@numba.njit(cache=True, error_model="numpy")
def _climb_line(
    predictor: np.ndarray,
    case: np.ndarray,
    members: np.ndarray,
    tilted: np.ndarray,
    rest_score: float,
    rest_information: float,
    fit: np.ndarray,
) -> int:
    """As :func:`_climb_penalised` along one direction, from ``predictor`` as an offset."""
    size = members.shape[0]
    offset, y, everyone = predictor[members], case[members], np.ones(size)
    weight, risk = np.empty(size), np.empty(size)
    beta = step = 0.0
    reached = start = -np.inf
    for iteration in range(MAX_ITERATIONS):
        trial = beta + step
        value = _logistic_pass(offset + trial * tilted, y, everyone, risk, weight)
        information = rest_information
        for c in range(size):
            information += tilted[c] * tilted[c] * weight[c]
        value += trial * rest_score - 0.5 * trial * trial * rest_information + 0.5 * math.log(information)
        if iteration == 0:
            start = value
        elif not value >= reached - 1e-12 * abs(reached):
            step *= 0.5
            continue
        reached = value
        beta = trial
        score = rest_score - beta * rest_information
        curvature = rest_information
        for c in range(size):
            g = tilted[c]
            h = g * g * weight[c] / information
            score += g * (y[c] - risk[c] + h * (0.5 - risk[c]))
            curvature += g * g * weight[c] * (1 + h)
        step = score / curvature
        if score * step < 1e-12:
            fit[BETA] = beta + step
            fit[SE] = 1 / math.sqrt(information)
            fit[LIKELIHOOD_RATIO] = max(0.0, 2 * (reached + score * step / 2 - start))
            return FITTED
        step = min(MAX_STEP, max(-MAX_STEP, step))
    return NO_CONVERGENCE


# Sums over people, in the vector unit.


@numba.njit(cache=True, error_model="numpy")
def _exp(x: float) -> float:
    """exp for x <= 0, as a polynomial that the compiler can spread over a vector; relative error < 1e-14."""
    x = -708.0 if x < -708.0 else x
    shifted = x * _LOG2E + _SHIFT  # the last bits of it are the nearest whole number
    r = x - (shifted - _SHIFT) * _LN2
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    exponent = (np.float64(shifted).view(np.int64) + 1023) << 52
    return p * np.int64(exponent).view(np.float64)


@numba.njit(cache=True, error_model="numpy")
def _logistic_pass(
    predictor: np.ndarray, case: np.ndarray, called: np.ndarray, risk: np.ndarray, weight: np.ndarray
) -> float:
    """Fill in risk and weight of everyone called (weight 0: not called); return the log-likelihood."""
    n = predictor.shape[0]
    likelihood = 0.0
    terms, factors = np.empty(_TILE), np.empty(_TILE)
    for start in range(0, n, _TILE):
        # Slices, whose indices cannot be negative, and no sum across people: the loop fits the vector unit.
        width = min(_TILE, n - start)
        eta, y, here = (
            predictor[start : start + width],
            case[start : start + width],
            called[start : start + width],
        )
        p, w = risk[start : start + width], weight[start : start + width]
        for i in range(width):
            e = _exp(-abs(eta[i]))
            q = 1 / (1 + e)
            factors[i] = 1 + here[i] * e
            terms[i] = here[i] * (y[i] * eta[i] - max(eta[i], 0.0))
            p[i] = q if eta[i] >= 0 else e * q
            w[i] = here[i] * e * q * q
        for i in range(width, _TILE):
            factors[i], terms[i] = 1.0, 0.0
        half = _TILE // 2
        while half > 0:  # in pairs; of factors between 1 and 2 one logarithm serves them all
            for i in range(half):
                factors[i] *= factors[half + i]
                terms[i] += terms[half + i]
            half //= 2
        likelihood += terms[0] - math.log(factors[0])
    return likelihood


@numba.njit(cache=True, error_model="numpy")
def _information(basis: np.ndarray, dosage: np.ndarray, weight: np.ndarray, out: np.ndarray) -> None:
    """``X diag(weight) X'`` of covariates and dosage, lower triangle, in tiles that stay in the cache."""
    k, n = basis.shape
    lanes = _lanes((k + 1) * (k + 4))
    scaled = np.empty(_TILE)
    out[:] = 0.0
    for start in range(0, n, _TILE):
        width = min(_TILE, n - start)
        blocks = width // PANEL
        w = weight[start : start + width]
        for j in range(k + 1):
            row = dosage[start : start + width] if j == k else basis[j, start : start + width]
            for i in range(width):
                scaled[i] = w[i] * row[i]
            at = j * (k + 4)
            most = min(j + 1, k)
            for q in range(0, most, 4):
                a, last = q * n + start, (k - 1) * n + start
                four = (a, min(a + n, last), min(a + 2 * n, last), min(a + 3 * n, last))
                add_dots(lanes, at + q, scaled, 0, basis, four, blocks)
            for q in range(most):
                out[j, q] += _rest(scaled, basis[q, start : start + width], blocks)
            if j == k:
                # The last four covariates may have spilled over into the rows up to k + 2.
                add_dots(lanes, at + k + 3, scaled, 0, dosage, (start,), blocks)
                out[k, k] += _rest(scaled, row, blocks)
    for j in range(k + 1):
        for q in range(j + 1):
            out[j, q] += _sum_of_lanes(lanes[j * (k + 4) + (k + 3 if q == k else q)])


@numba.njit(cache=True, error_model="numpy")
def _lanes(n: int) -> np.ndarray:
    """Zeros, float64 (n, 16)."""
    return np.zeros((n, PANEL))


@numba.njit(cache=True, error_model="numpy")
def _sum_of_lanes(row: np.ndarray) -> float:
    total = 0.0
    for lane in range(PANEL):
        total += row[lane]
    return total


@numba.njit(cache=True, error_model="numpy")
def _rest(left: np.ndarray, right: np.ndarray, blocks: int) -> float:
    """The part of a dot product that whole rows of 16 leave over."""
    total = 0.0
    for i in range(blocks * PANEL, right.shape[0]):
        total += left[i] * right[i]
    return total


@numba.njit(cache=True, error_model="numpy")
def _dots(basis: np.ndarray, dosage: np.ndarray, vector: np.ndarray, out: np.ndarray) -> None:
    """Dot products of a vector (n,) with every row of the covariates, and last with the dosage."""
    k, n = basis.shape
    lanes = _lanes(k + 4)
    blocks = n // PANEL
    last = (k - 1) * n
    for q in range(0, k, 4):
        four = (q * n, min((q + 1) * n, last), min((q + 2) * n, last), min((q + 3) * n, last))
        add_dots(lanes, q, vector, 0, basis, four, blocks)
    for j in range(k):
        out[j] = _sum_of_lanes(lanes[j]) + _rest(vector, basis[j], blocks)
    lanes[k, :] = 0.0
    add_dots(lanes, k, vector, 0, dosage, (0,), blocks)
    out[k] = _sum_of_lanes(lanes[k]) + _rest(vector, dosage, blocks)


@numba.njit(cache=True, error_model="numpy")
def _last_row(basis: np.ndarray, dosage: np.ndarray, weight: np.ndarray, out: np.ndarray) -> None:
    """Only the dosage's row of :func:`_information`."""
    _dots(basis, dosage, dosage * weight, out[basis.shape[0]])


@numba.njit(cache=True, error_model="numpy")
def _gradient(basis: np.ndarray, dosage: np.ndarray, residual: np.ndarray, out: np.ndarray) -> None:
    _dots(basis, dosage, residual, out)


@numba.njit(cache=True, error_model="numpy")
def _move(
    basis: np.ndarray, dosage: np.ndarray, step: np.ndarray, sign: float, predictor: np.ndarray
) -> None:
    k, n = basis.shape
    for start in range(0, n, _TILE):
        width = min(_TILE, n - start)
        eta = predictor[start : start + width]
        for j in range(k + 1):
            row = dosage[start : start + width] if j == k else basis[j, start : start + width]
            by = sign * step[j]
            for i in range(width):
                eta[i] += by * row[i]


@numba.njit(cache=True, error_model="numpy")
def _leverages(
    basis: np.ndarray, dosage: np.ndarray, weight: np.ndarray, lower: np.ndarray, leverage: np.ndarray
) -> None:
    """``weight * diag(X' inv(L L') X)``: forward substitution for a tile of people at once."""
    k, n = basis.shape
    solved = np.empty((k + 1, _TILE))
    for start in range(0, n, _TILE):
        width = min(_TILE, n - start)
        total = leverage[start : start + width]
        total[:] = 0.0
        for j in range(k + 1):
            mine = solved[j]
            if lower[j, j] == 0.0:
                mine[:] = 0.0
                continue
            row = dosage[start : start + width] if j == k else basis[j, start : start + width]
            for i in range(width):
                mine[i] = row[i]
            q = 0
            while q + 4 <= j:
                z0, z1, z2, z3 = solved[q], solved[q + 1], solved[q + 2], solved[q + 3]
                l0, l1, l2, l3 = lower[j, q], lower[j, q + 1], lower[j, q + 2], lower[j, q + 3]
                for i in range(width):
                    mine[i] -= l0 * z0[i] + l1 * z1[i] + l2 * z2[i] + l3 * z3[i]
                q += 4
            while q < j:
                z0 = solved[q]
                l0 = lower[j, q]
                for i in range(width):
                    mine[i] -= l0 * z0[i]
                q += 1
            pivot = 1 / lower[j, j]
            for i in range(width):
                mine[i] *= pivot
                total[i] += mine[i] * mine[i]
        for i in range(width):
            total[i] *= weight[start + i]


@numba.njit(cache=True, error_model="numpy")
def _factor(matrix: np.ndarray, n_scaled: int, lower: np.ndarray) -> float:
    """Cholesky factor of a lower triangle; return the log determinant.

    A pivot below 1e-9 belongs to a column that these people cannot tell from those before it (all of one site
    are missing): its column of the factor is 0 and it is left out of the determinant, as in a generalised
    inverse. The first ``n_scaled`` columns have information near 1, the others are measured by their own.
    """
    size = matrix.shape[0]
    log_determinant = 0.0
    for j in range(size):
        pivot = matrix[j, j]
        for q in range(j):
            pivot -= lower[j, q] * lower[j, q]
        if not pivot > _SINGULAR * (1.0 if j < n_scaled else matrix[j, j]):
            for i in range(j, size):
                lower[i, j] = 0.0
            continue
        root = math.sqrt(pivot)
        log_determinant += math.log(pivot)
        lower[j, j] = root
        for i in range(j + 1, size):
            value = matrix[i, j]
            for q in range(j):
                value -= lower[i, q] * lower[j, q]
            lower[i, j] = value / root
    return log_determinant


@numba.njit(cache=True, error_model="numpy")
def _solve(lower: np.ndarray, vector: np.ndarray) -> None:
    """Replace a vector by ``inv(L L') vector``; coordinates without a pivot become 0."""
    size = lower.shape[0]
    for j in range(size):
        if lower[j, j] == 0.0:
            vector[j] = 0.0
            continue
        for q in range(j):
            vector[j] -= lower[j, q] * vector[q]
        vector[j] /= lower[j, j]
    for j in range(size - 1, -1, -1):
        if lower[j, j] == 0.0:
            continue
        for q in range(j + 1, size):
            vector[j] -= lower[q, j] * vector[q]
        vector[j] /= lower[j, j]


# Saddlepoints.


@numba.njit(cache=True, error_model="numpy")
def _cumulants(
    t: float, tilted: np.ndarray, expected: np.ndarray, predictor: np.ndarray, rest: float, poisson: bool
) -> tuple[float, float, float]:
    """The cumulant generating function of a score at t with two derivatives; ``rest`` is normal.

    Of Bernoulli variables with log odds eta it is a sum of ``log(1 + exp(eta + g t))``, up to what does not
    depend on t or is linear in it: a logistic log-likelihood without cases.
    """
    size = tilted.shape[0]
    value, first, second = 0.5 * rest * t * t, rest * t, rest
    if poisson:
        for c in range(size):
            g, mu = tilted[c], expected[c]
            e = math.exp(min(g * t, 700.0))
            value += mu * (e - 1 - g * t)
            first += mu * g * (e - 1)
            second += mu * g * g * e
        return value, first, second
    nobody, everyone = np.zeros(size), np.ones(size)
    risk, weight = np.empty(size), np.empty(size)
    value += _logistic_pass(predictor, nobody, everyone, risk, weight)
    value -= _logistic_pass(predictor + t * tilted, nobody, everyone, risk, weight)
    for c in range(size):
        g = tilted[c]
        value -= t * g * expected[c]
        first += g * (risk[c] - expected[c])
        second += g * g * weight[c]
    return value, first, second


@numba.njit(cache=True, error_model="numpy")
def _deviate(
    score: float,
    variance: float,
    tilted: np.ndarray,
    expected: np.ndarray,
    predictor: np.ndarray,
    rest: float,
    poisson: bool,
) -> float:
    """The standard normal deviate with the tail of the score, signed as the score is.

    Barndorff-Nielsen's ``r* = w + log(v / w) / w`` of Lugannani and Rice's expansion.
    """
    side = 1.0 if score > 0 else -1.0
    if score * score < 1e-4 * variance:
        return score / math.sqrt(variance)  # r* is 0 / 0 here, and the normal is as good
    if rest == 0.0:
        edge = all_there = 0.0  # the largest score on this side, and the log-probability of just that
        for c in range(tilted.shape[0]):
            mu = expected[c]
            g = side * tilted[c]
            edge += (np.inf if poisson and g > 0 else max(g, 0.0) * (not poisson)) - g * mu
            all_there += -mu if poisson else (math.log(mu) if g > 0 else math.log1p(-mu))
        if side * score > edge + 1e-9 * abs(edge):
            return side * np.inf
        if side * score > edge - 1e-9 * abs(edge):
            return side * _deviate_of_log(all_there)
    low, high = 0.0, np.inf
    t = abs(score) / variance
    for _ in range(200):
        _, first, second = _cumulants(side * t, tilted, expected, predictor, rest, poisson)
        short = side * (score - first)
        if abs(short) < 1e-11 * abs(score) or (high < np.inf and high - low <= 1e-14 * high):
            break
        if short > 0:
            low = t
        else:
            high = t
        t += short / second if second > 0 else np.inf
        if high == np.inf:
            t = min(t, 4 * low)
        elif not low < t < high:
            t = 0.5 * (low + high)
    value, _, second = _cumulants(side * t, tilted, expected, predictor, rest, poisson)
    w = math.sqrt(max(0.0, 2 * (t * abs(score) - value)))
    v = t * math.sqrt(second)
    if w == 0.0 or v == 0.0:
        return score / math.sqrt(variance)
    return side * (w + math.log(v / w) / w)


@numba.njit(cache=True, error_model="numpy")
def _deviate_of_log(log_tail: float) -> float:
    """z with log P(Z > z) = ``log_tail`` <= log(1/2), by Newton steps on the log of the tail."""
    z = math.sqrt(max(0.0, -2 * log_tail))
    for _ in range(50):
        # The hazard of the normal, by its continued fraction where erfc has no digits left.
        if z < 20:
            tail = 0.5 * math.erfc(z / math.sqrt(2.0))
            log_here = math.log(tail)
            hazard = math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi) / tail
        else:
            hazard = z + 1 / (z + 2 / (z + 3 / (z + 4 / z)))
            log_here = -0.5 * z * z - 0.5 * math.log(2 * math.pi) - math.log(hazard)
        change = (log_here - log_tail) / hazard
        z += change
        if abs(change) < 1e-13 * (1 + abs(z)):
            break
    return z
