"""Numba kernels of the association tests: arrays in, arrays out.

Both kernels give, for each variant, the efficient score ``U`` of its dosage and the information ``V`` of that
score, after the covariates have been taken out, in the people whose genotype was called. Leaving a person
out takes her terms out of the sums, and one elimination of the covariates repairs the rest, so dropping is
exact for a linear model and costs next to nothing.

Threads share the variants, never the sum of one variant: the bytes do not depend on their number.
"""

from __future__ import annotations

import numba
import numpy as np

N_MISSING, ALLELES, N_MISSING_CASES, ALLELES_CASES = range(4)
"""Columns of the counts."""

SCORE, INFORMATION, RAW_INFORMATION, RESIDUAL_SS, ESTIMATE, LIKELIHOOD_RATIO = range(6)
"""Columns of the sums. ``RAW_INFORMATION`` is ``V`` before the covariates were taken out; ``RESIDUAL_SS`` is
of linear models only, the last two of Cox models."""

N_COUNTS, N_SUMS = 4, 6

COX_SCREEN = 2.0
"""From this standardised score on a Cox model's likelihood is climbed: see :func:`_cox_row`."""

_SINGULAR = 1e-9
_MAX_LOG_HAZARD_RATIO = 15.0


@numba.njit(cache=True, parallel=True)
def score_packed(
    packed: np.ndarray,
    place: np.ndarray,
    basis: np.ndarray,
    weighted_basis: np.ndarray,
    weight: np.ndarray,
    residual: np.ndarray,
    case: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score and information of packed genotypes in a (generalised) linear model.

    Args:
        packed: uint8 (n_variants, ceil(n_people / 4)), PLINK 1 rows.
        place: int64 (n_people,), the row of each person in the model, -1 for people who are not in it.
        basis: float64 (n, k), covariates and intercept with ``basis' diag(weight) basis = I``.
        weighted_basis: ``weight[:, None] * basis``.
        weight: float64 (n,), variance of the trait under the null model (all ones for a linear model).
        residual: float64 (n,), trait minus its null expectation, orthogonal to ``basis``.
        case: uint8 (n,), 1 for a case.

    Returns:
        counts int64 (n_variants, 4), sums float64 (n_variants, 6), rank int64 (n_variants,): the number of
        covariates that can be told apart among the called.
    """
    n_variants, n = packed.shape[0], basis.shape[0]
    counts = np.zeros((n_variants, N_COUNTS), np.int64)
    sums = np.zeros((n_variants, N_SUMS))
    rank = np.zeros(n_variants, np.int64)
    total = _sum_of_squares(residual)
    padded = np.full(4 * packed.shape[1], -1, np.int64)  # the last byte has room for people who are not
    padded[: place.shape[0]] = place
    for v in numba.prange(n_variants):
        carriers = np.empty(n + 1, np.int64)
        dosage = np.empty(n + 1)
        missing = np.empty(n + 1, np.int64)
        n_carriers, n_missing = _read_row(packed[v], padded, carriers, dosage, missing)
        _count(carriers[:n_carriers], dosage, missing[:n_missing], case, counts[v])
        rank[v] = _score_row(
            carriers[:n_carriers],
            dosage,
            missing[:n_missing],
            basis,
            weighted_basis,
            weight,
            residual,
            total,
            sums[v],
        )
    return counts, sums, rank


@numba.njit(cache=True, parallel=True)
def score_dense(
    dosages: np.ndarray,
    basis: np.ndarray,
    weighted_basis: np.ndarray,
    weight: np.ndarray,
    residual: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`score_packed` for complete float64 dosages (n_tests, n), such as burdens; sums and rank."""
    n_tests, n = dosages.shape
    sums = np.zeros((n_tests, N_SUMS))
    rank = np.zeros(n_tests, np.int64)
    total = _sum_of_squares(residual)
    everyone = np.arange(n)
    nobody = np.empty(0, np.int64)
    for v in numba.prange(n_tests):
        rank[v] = _score_row(
            everyone, dosages[v], nobody, basis, weighted_basis, weight, residual, total, sums[v]
        )
    return sums, rank


@numba.njit(cache=True, parallel=True)
def cox_score_packed(
    packed: np.ndarray,
    place: np.ndarray,
    covariates: np.ndarray,
    hazard: np.ndarray,
    event: np.ndarray,
    tie_end: np.ndarray,
    information: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score and information of packed genotypes in a Cox model, Breslow's rule for ties.

    Args:
        packed: as in :func:`score_packed`.
        place: int64 (n_people,), the row of each person when times **descend**, -1 when not in the model.
        covariates: float64 (n, k), standardised, times descending.
        hazard: float64 (n,), ``exp(covariates @ coefficients)`` of the null model.
        event: uint8 (n,), 1 where the event was seen.
        tie_end: int64, the row after the last one of each distinct time.
        information: float64 (k, k), of the covariates in the null model.

    Returns:
        As :func:`score_packed`; cases are people with the event. ``ESTIMATE`` and ``LIKELIHOOD_RATIO``
        are NaN where the score is below :data:`COX_SCREEN`.
    """
    n_variants, n = packed.shape[0], covariates.shape[0]
    counts = np.zeros((n_variants, N_COUNTS), np.int64)
    sums = np.zeros((n_variants, N_SUMS))
    rank = np.zeros(n_variants, np.int64)
    padded = np.full(4 * packed.shape[1], -1, np.int64)  # the last byte has room for people who are not
    padded[: place.shape[0]] = place
    for v in numba.prange(n_variants):
        carriers = np.empty(n + 1, np.int64)
        dosage = np.empty(n + 1)
        missing = np.empty(n + 1, np.int64)
        n_carriers, n_missing = _read_row(packed[v], padded, carriers, dosage, missing)
        _count(carriers[:n_carriers], dosage, missing[:n_missing], event, counts[v])
        spread = np.zeros(n)
        for c in range(n_carriers):
            spread[carriers[c]] = dosage[c]
        called = np.ones(n, np.bool_)
        for m in range(n_missing):
            called[missing[m]] = False
        rank[v] = _cox_row(
            spread, called, n_missing > 0, covariates, hazard, event, tie_end, information, sums[v]
        )
    return counts, sums, rank


@numba.njit(cache=True, parallel=True)
def cox_score_dense(
    dosages: np.ndarray,
    covariates: np.ndarray,
    hazard: np.ndarray,
    event: np.ndarray,
    tie_end: np.ndarray,
    information: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`cox_score_packed` for complete float64 dosages (n_tests, n), times descending."""
    n_tests, n = dosages.shape
    sums = np.zeros((n_tests, N_SUMS))
    rank = np.zeros(n_tests, np.int64)
    called = np.ones(n, np.bool_)
    for v in numba.prange(n_tests):
        rank[v] = _cox_row(
            dosages[v], called, False, covariates, hazard, event, tie_end, information, sums[v]
        )
    return sums, rank


@numba.njit(cache=True)
def _sum_of_squares(values: np.ndarray) -> float:
    # A loop of its own: numba would split np.sum among the threads of a parallel function.
    total = 0.0
    for value in values:
        total += value * value
    return total


@numba.njit(cache=True)
def _read_row(
    row: np.ndarray, place: np.ndarray, carriers: np.ndarray, dosage: np.ndarray, missing: np.ndarray
) -> tuple[int, int]:
    """List the carriers of one variant with their dosages, and the missing; return how many of each.

    The lists have one element more than there are people in the model; ``place`` has four for each byte.
    """
    n_carriers = n_missing = 0
    for b in range(row.shape[0]):
        byte = row[b]
        if byte == 0xFF:  # four homozygous reference calls: most of a genome
            continue
        for slot in range(4):
            code = (byte >> (2 * slot)) & 3
            at = place[4 * b + slot]
            # Written always and counted when it holds: a branch that nobody can predict costs more.
            carriers[n_carriers] = missing[n_missing] = at
            dosage[n_carriers] = 2.0 if code == 0 else 1.0
            n_carriers += (at >= 0) & ((code == 0) | (code == 2))
            n_missing += (at >= 0) & (code == 1)
    return n_carriers, n_missing


@numba.njit(cache=True)
def _count(
    carriers: np.ndarray, dosage: np.ndarray, missing: np.ndarray, case: np.ndarray, counts: np.ndarray
) -> None:
    for c in range(carriers.shape[0]):
        copies = int(dosage[c])
        counts[ALLELES] += copies
        counts[ALLELES_CASES] += copies * case[carriers[c]]
    counts[N_MISSING] = missing.shape[0]
    for m in range(missing.shape[0]):
        counts[N_MISSING_CASES] += case[missing[m]]


@numba.njit(cache=True)
def _score_row(
    carriers: np.ndarray,
    dosage: np.ndarray,
    missing: np.ndarray,
    basis: np.ndarray,
    weighted_basis: np.ndarray,
    weight: np.ndarray,
    residual: np.ndarray,
    total: float,
    sums: np.ndarray,
) -> int:
    k = basis.shape[1]
    cross = np.zeros(k)  # covariates' W g
    score = 0.0
    raw = 0.0
    for c in range(carriers.shape[0]):
        i = carriers[c]
        g = dosage[c]
        score += g * residual[i]
        raw += g * g * weight[i]
        for j in range(k):
            cross[j] += g * weighted_basis[i, j]
    rank = k
    if missing.shape[0] > 0:
        among_called = np.eye(k)
        lost_score = np.zeros(k)
        for m in range(missing.shape[0]):
            i = missing[m]
            total -= residual[i] * residual[i]
            for j in range(k):
                lost_score[j] -= basis[i, j] * residual[i]
                for q in range(j + 1):
                    among_called[j, q] -= weighted_basis[i, j] * basis[i, q]
        rank = _eliminate(among_called, np.ones(k), cross, lost_score)
        for j in range(k):
            score -= cross[j] * lost_score[j]
            total -= lost_score[j] * lost_score[j]
    information = raw
    for j in range(k):
        information -= cross[j] * cross[j]
    sums[SCORE] = score
    sums[INFORMATION] = information
    sums[RAW_INFORMATION] = raw
    sums[RESIDUAL_SS] = total
    return rank


@numba.njit(cache=True)
def _cox_row(
    dosage: np.ndarray,
    called: np.ndarray,
    any_missing: bool,
    covariates: np.ndarray,
    hazard: np.ndarray,
    event: np.ndarray,
    tie_end: np.ndarray,
    information: np.ndarray,
    sums: np.ndarray,
) -> int:
    """Score and information, and the likelihood ratio where the score is large.

    Walks from the last time to the first; the risk set only grows, so its sums are running sums.

    The information is that of the risk sets which occurred. When the few carriers of a rare allele have early
    events it is small for the same reason that the score is large, and the tail of z is far too heavy (16
    carriers of 374 people: p < 1e-5 fifteen times too often). The likelihood ratio keeps its level.
    """
    k = covariates.shape[1]
    risk = risk_g = risk_gg = 0.0  # sums of hazard x (1, g, g^2) over the risk set
    risk_x = np.zeros(k)
    risk_gx = np.zeros(k)
    risk_xx = np.zeros((k, k))
    score = 0.0
    raw = 0.0
    score_x = np.zeros(k)
    cross = np.zeros(k)
    among_called = np.zeros((k, k)) if any_missing else information.copy()
    event_x = np.zeros(k)
    start = 0
    for t in range(tie_end.shape[0]):
        n_events = 0
        event_g = 0.0
        event_x[:] = 0.0
        for i in range(start, tie_end[t]):
            if not called[i]:
                continue
            h = hazard[i]
            g = dosage[i]
            risk += h
            risk_g += h * g
            risk_gg += h * g * g
            for j in range(k):
                risk_x[j] += h * covariates[i, j]
            if g != 0.0:
                for j in range(k):
                    risk_gx[j] += h * g * covariates[i, j]
            if any_missing:
                for j in range(k):
                    for q in range(j + 1):
                        risk_xx[j, q] += h * covariates[i, j] * covariates[i, q]
            if event[i]:
                n_events += 1
                event_g += g
                for j in range(k):
                    event_x[j] += covariates[i, j]
        start = tie_end[t]
        if n_events == 0:
            continue
        mean_g = risk_g / risk
        score += event_g - n_events * mean_g
        raw += n_events * (risk_gg / risk - mean_g * mean_g)
        for j in range(k):
            mean_x = risk_x[j] / risk
            score_x[j] += event_x[j] - n_events * mean_x
            cross[j] += n_events * (risk_gx[j] / risk - mean_g * mean_x)
            if any_missing:
                for q in range(j + 1):
                    among_called[j, q] += n_events * (risk_xx[j, q] / risk - mean_x * risk_x[q] / risk)
    if not any_missing:
        score_x[:] = 0.0  # the null model's own equation; what is left of it is rounding
    scale = np.empty(k)
    for j in range(k):
        scale[j] = information[j, j]
    rank = _eliminate(among_called, scale, cross, score_x)
    left = raw
    for j in range(k):
        score -= cross[j] * score_x[j]
        left -= cross[j] * cross[j]
    sums[SCORE] = score
    sums[INFORMATION] = left
    sums[RAW_INFORMATION] = raw
    sums[ESTIMATE] = sums[LIKELIHOOD_RATIO] = np.nan
    if left > _SINGULAR * raw and score * score >= COX_SCREEN * COX_SCREEN * left:
        for j in range(k - 1, -1, -1):  # cross becomes the coefficients of the dosage on the covariates
            for q in range(j + 1, k):
                cross[j] -= among_called[q, j] * cross[q]
            cross[j] = cross[j] / among_called[j, j] if among_called[j, j] > 0 else 0.0
        adjusted = np.zeros(dosage.shape[0])
        for i in range(dosage.shape[0]):
            adjusted[i] = dosage[i]
            for j in range(k):
                adjusted[i] -= cross[j] * covariates[i, j]
        sums[ESTIMATE], sums[LIKELIHOOD_RATIO] = _cox_line(adjusted, called, hazard, event, tie_end)
    return rank


@numba.njit(cache=True)
def _cox_line(
    dosage: np.ndarray, called: np.ndarray, hazard: np.ndarray, event: np.ndarray, tie_end: np.ndarray
) -> tuple[float, float]:
    """Climb the partial likelihood along one direction; the estimate and twice the gain.

    The direction is the dosage with the covariates taken out, the least favourable one, so that the gain is
    that of a joint fit to second order. The estimate is NaN when it has no bound: no carrier had the event.
    """
    estimate = step = 0.0
    reached = start_likelihood = -np.inf
    for iteration in range(60):
        risk = risk_g = risk_gg = 0.0
        likelihood = score = information = 0.0
        start = 0
        for t in range(tie_end.shape[0]):
            n_events = 0
            for i in range(start, tie_end[t]):
                if not called[i]:
                    continue
                g = dosage[i]
                h = hazard[i] * np.exp((estimate + step) * g)
                risk += h
                risk_g += h * g
                risk_gg += h * g * g
                if event[i]:
                    n_events += 1
                    score += g
                    likelihood += (estimate + step) * g
            start = tie_end[t]
            if n_events > 0:
                mean = risk_g / risk
                score -= n_events * mean
                information += n_events * (risk_gg / risk - mean * mean)
                likelihood -= n_events * np.log(risk)
        if iteration == 0:
            start_likelihood = likelihood
        if likelihood < reached - 1e-12 * abs(reached):
            step /= 2
            continue
        estimate += step
        reached = likelihood
        if score * score <= 1e-12 * information:
            return estimate, 2 * (reached - start_likelihood)
        if abs(estimate) > _MAX_LOG_HAZARD_RATIO or information <= 0:
            break
        step = min(1.0, max(-1.0, score / information))
    return np.nan, 2 * (reached - start_likelihood)


@numba.njit(cache=True)
def _eliminate(matrix: np.ndarray, scale: np.ndarray, first: np.ndarray, second: np.ndarray) -> int:
    """Replace both vectors by ``inv(L) vector``, ``L L'`` being the matrix; return the rank of the matrix.

    Only the lower triangle is read. A pivot below 1e-9 of ``scale`` belongs to a covariate that the people
    left cannot tell from the others (all of one site are missing): it is passed over, as a generalised
    inverse would.
    """
    k = matrix.shape[0]
    rank = 0
    for j in range(k):
        pivot = matrix[j, j]
        for q in range(j):
            pivot -= matrix[j, q] * matrix[j, q]
        if pivot <= _SINGULAR * scale[j]:
            for i in range(j, k):
                matrix[i, j] = 0.0
            first[j] = 0.0
            second[j] = 0.0
            continue
        rank += 1
        root = np.sqrt(pivot)
        for i in range(j + 1, k):
            value = matrix[i, j]
            for q in range(j):
                value -= matrix[i, q] * matrix[j, q]
            matrix[i, j] = value / root
        matrix[j, j] = root
        for q in range(j):
            first[j] -= matrix[j, q] * first[q]
            second[j] -= matrix[j, q] * second[q]
        first[j] /= root
        second[j] /= root
    return rank
