"""What the numba kernels of this stage share: columns of counts and sums, reading a row, an elimination."""

from __future__ import annotations

import numba
import numpy as np

N_MISSING, ALLELES, N_MISSING_CASES, ALLELES_CASES = range(4)
"""Columns of the counts."""

SCORE, INFORMATION, RAW_INFORMATION, RESIDUAL_SS = range(4)
"""Columns of the sums: the efficient score ``U`` of a dosage, the information ``V`` of that score after the
covariates were taken out, and before; the sum of squares of the residual, of linear models only."""

N_COUNTS, N_SUMS = 4, 4

_SINGULAR = 1e-9


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
