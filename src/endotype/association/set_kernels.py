"""Numba kernels of the tests of variant sets: genotypes as sparse rows, scores, and SKAT-O's integral.

None of them is parallel: sets are shared among threads, and the bytes of one set depend on that set alone.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from endotype.association import mixture_kernels

_ALLELES_OF_CODE = np.array([2.0, np.nan, 1.0, 0.0])
"""Copies of allele 1 by the two bits of a PLINK 1 call."""


@numba.njit(cache=True, nogil=True)
def read_set(
    packed: np.ndarray, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Dosages of the rarer allele as sparse rows; a missing call is the mean of the called.

    Args:
        packed: uint8 (m, ceil(n_people / 4)), PLINK 1 rows.
        place: int64 (n_people,), the row of each person in the model, -1 for people who are not in it.

    Returns:
        ``start`` int64 (m + 1,), ``person`` int64 (nnz,) and ``dosage`` float64 (nnz,): variant j is carried
        by ``person[start[j]:start[j + 1]]``. ``alleles`` int64 (m,), copies of allele 1, and ``called`` int64
        (m,), people with a genotype.
    """
    m = packed.shape[0]
    start = np.zeros(m + 1, np.int64)
    alleles = np.zeros(m, np.int64)
    called = np.zeros(m, np.int64)
    n_people = place.shape[0]
    for j in range(m):
        n = np.zeros(4, np.int64)
        for i in range(n_people):
            if place[i] >= 0:
                n[(packed[j, i >> 2] >> (2 * (i & 3))) & 3] += 1
        alleles[j] = 2 * n[0] + n[2]
        called[j] = n[0] + n[2] + n[3]
        # All who carry the rarer allele, and the missing unless their mean is 0.
        homozygotes = n[3] if alleles[j] > called[j] else n[0]
        carriers = n[2] + homozygotes
        start[j + 1] = start[j] + carriers + (n[1] if carriers > 0 else 0)
    person = np.empty(start[m], np.int64)
    dosage = np.empty(start[m], np.float64)
    for j in range(m):
        if start[j + 1] == start[j]:
            continue
        flipped = alleles[j] > called[j]
        mean = alleles[j] / called[j]
        at = start[j]
        for i in range(n_people):
            if place[i] < 0:
                continue
            code = (packed[j, i >> 2] >> (2 * (i & 3))) & 3
            copies = mean if code == 1 else _ALLELES_OF_CODE[code]
            if flipped:
                copies = 2 - copies
            if copies > 0:
                person[at] = place[i]
                dosage[at] = copies
                at += 1
    return start, person, dosage, alleles, called


@numba.njit(cache=True, nogil=True)
def collapse_rows(
    start: np.ndarray, person: np.ndarray, dosage: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """One sparse row with each person's largest dosage over all rows; persons ascending."""
    most = np.zeros(n)
    for at in range(start[-1]):
        most[person[at]] = max(most[person[at]], dosage[at])
    carriers = np.flatnonzero(most)
    return carriers, most[carriers]


@numba.njit(cache=True, nogil=True)
def score_rows(
    start: np.ndarray,
    person: np.ndarray,
    dosage: np.ndarray,
    weighted_basis: np.ndarray,
    weight: np.ndarray,
    residual: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of the variants of a set, their joint information, and their covariances with the covariates.

    Args:
        start: with ``person`` and ``dosage``, sparse rows as from :func:`read_set`.
        person: see ``start``.
        dosage: see ``start``.
        weighted_basis: float64 (n, k), ``weight[:, None] * basis`` with ``basis' diag(weight) basis = I``.
        weight: float64 (n,), variance of the trait under the null model.
        residual: float64 (n,), trait minus its null expectation.

    Returns:
        score (m,) ``G'r``; information (m, m) ``G'WG - cross cross'``; cross (m, k) ``G'W basis``.
    """
    m, k = start.shape[0] - 1, weighted_basis.shape[1]
    score = np.zeros(m)
    cross = np.zeros((m, k))
    information = np.zeros((m, m))
    spread = np.zeros(residual.shape[0])
    for j in range(m):
        for at in range(start[j], start[j + 1]):
            i, g = person[at], dosage[at]
            score[j] += g * residual[i]
            spread[i] = g * weight[i]
            for c in range(k):
                cross[j, c] += g * weighted_basis[i, c]
        for other in range(j + 1):
            total = 0.0
            for at in range(start[other], start[other + 1]):
                total += dosage[at] * spread[person[at]]
            for c in range(k):
                total -= cross[j, c] * cross[other, c]
            information[j, other] = total
            information[other, j] = total
        for at in range(start[j], start[j + 1]):
            spread[person[at]] = 0.0
    return score, information, cross


@numba.njit(cache=True, nogil=True)
def skat_o_tail(
    eigenvalues: np.ndarray,
    shrink: float,
    intercept: np.ndarray,
    slope: np.ndarray,
    edges: np.ndarray,
    nodes: np.ndarray,
    node_weights: np.ndarray,
    log_scale: float,
    tolerance: float,
) -> tuple[float, int]:
    """Probability that some statistic of SKAT-O's grid is as extreme as the smallest p-value seen.

    The integral over ``x = z^2``, a chi-square of 1 df, of the tail of the mixture beyond
    ``min(intercept - slope x)``, moved towards the mixture's mean by the factor ``shrink``; Gauss and
    Legendre's rule between the ``edges`` of z, normal tail beyond the last one.

    Args:
        eigenvalues: float64 (m,), of the kernel without its burden part; may be empty.
        shrink: ratio of standard deviations, without and with the covariance of the two parts.
        intercept: float64 (r,), of the line of each rho.
        slope: float64 (r,), see ``intercept``.
        edges: float64, ascending from 0; beyond the last one the bound is below 0.
        nodes: float64 (p,), on (-1, 1).
        node_weights: float64 (p,), see ``nodes``.
        log_scale: natural logarithm that is taken out of the result, against underflow.
        tolerance: relative, of each tail.

    Returns:
        The probability over ``exp(log_scale)``, and how many tails did not converge.
    """
    mean = eigenvalues.sum()
    last = edges[-1]
    total = 2 * math.exp(_log_normal_tail(last) - log_scale)
    failures = 0
    for e in range(edges.shape[0] - 2, -1, -1):
        half = 0.5 * (edges[e + 1] - edges[e])
        middle = 0.5 * (edges[e + 1] + edges[e])
        for p in range(nodes.shape[0]):
            z = middle + half * nodes[p]
            bound = np.inf
            for r in range(intercept.shape[0]):
                bound = min(bound, intercept[r] - slope[r] * z * z)
            bound = (bound - mean) * shrink + mean
            log_tail = 0.0
            if bound > 0:
                if eigenvalues.shape[0] == 0:
                    continue
                found, upper, _, code = mixture_kernels.invert(eigenvalues, bound, tolerance)
                failures += code != mixture_kernels.CONVERGED
                log_tail = found if upper else math.log1p(-min(math.exp(found), 1 - 1e-16))
            density = log_tail - 0.5 * z * z - 0.5 * math.log(0.5 * math.pi)
            total += node_weights[p] * half * math.exp(density - log_scale)
    return total, failures


@numba.njit(cache=True, nogil=True)
def _log_normal_tail(z: float) -> float:
    """Natural logarithm of ``P(N > z)``, z >= 0."""
    if z < 25:
        return math.log(0.5 * math.erfc(z / math.sqrt(2.0)))
    square = 1 / (z * z)
    series = 1 - square * (1 - 3 * square * (1 - 5 * square * (1 - 7 * square)))
    return -0.5 * z * z - math.log(z * math.sqrt(2 * math.pi)) + math.log(series)
