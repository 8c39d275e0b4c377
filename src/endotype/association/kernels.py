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

SCORE, INFORMATION, RAW_INFORMATION, RESIDUAL_SS = range(4)
"""Columns of the sums. ``RAW_INFORMATION`` is ``V`` before the covariates were taken out; ``RESIDUAL_SS`` is
of linear models only."""

N_COUNTS, N_SUMS = 4, 4

_SINGULAR = 1e-9


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
        counts int64 (n_variants, 4), sums float64 (n_variants, 4), rank int64 (n_variants,): the number of
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
