"""Numba kernels of the tests of variant sets: genotypes as sparse rows, scores, and SKAT-O's integral.

None of them is parallel: sets are shared among threads, and the bytes of one set depend on that set alone.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from endotype.association import mixture_kernels

_ALL_TWO = 0xFF
"""A byte of four people who are homozygous for allele 2; of allele 1 it is 0."""


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
    m, row_bytes = packed.shape
    start = np.zeros(m + 1, np.int64)
    alleles = np.zeros(m, np.int64)
    called = np.zeros(m, np.int64)
    padded = np.full(4 * row_bytes, -1, np.int64)  # the last byte has room for people who are not
    padded[: place.shape[0]] = place
    n = 0
    for i in range(place.shape[0]):
        n += place[i] >= 0
    for j in range(m):
        counts = np.zeros(4, np.int64)
        for b in range(row_bytes):
            byte = packed[j, b]
            if byte == _ALL_TWO:  # four homozygotes of allele 2: most of a genome
                continue
            for slot in range(4):
                counts[(byte >> (2 * slot)) & 3] += padded[4 * b + slot] >= 0
        alleles[j] = 2 * counts[0] + counts[2]
        called[j] = n - counts[1]
        # All who carry the rarer allele, and the missing unless nobody does.
        homozygotes = called[j] - counts[0] - counts[2] if alleles[j] > called[j] else counts[0]
        carriers = counts[2] + homozygotes
        start[j + 1] = start[j] + (carriers + counts[1] if carriers > 0 else 0)
    person = np.empty(start[m] + 1, np.int64)  # one more: what is written beyond the last is not counted
    dosage = np.empty(start[m] + 1, np.float64)
    for j in range(m):
        if start[j + 1] == start[j]:
            continue
        flipped = alleles[j] > called[j]
        copies = np.array([2.0, alleles[j] / called[j], 1.0, 0.0])
        if flipped:
            copies = 2 - copies
        empty = 0 if flipped else _ALL_TWO
        at = start[j]
        for b in range(row_bytes):
            byte = packed[j, b]
            if byte == empty:
                continue
            for slot in range(4):
                i = padded[4 * b + slot]
                person[at] = i
                dosage[at] = copies[(byte >> (2 * slot)) & 3]
                at += (i >= 0) & (dosage[at] > 0)
    return start, person[: start[m]], dosage[: start[m]], alleles, called


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
def envelope_edges(intercept: np.ndarray, slope: np.ndarray, floor: float, longest: float) -> np.ndarray:
    """Where SKAT-O's integral over z is cut: at the kinks of its bound, and so often that no piece is long.

    The bound is the lowest of the lines ``intercept - slope z^2`` (slopes positive). The edges ascend from 0
    to the z at which it falls to ``floor``.
    """
    edges = [0.0]
    line = 0
    for r in range(1, slope.shape[0]):
        lower = intercept[r] < intercept[line]
        if lower or (intercept[r] == intercept[line] and slope[r] > slope[line]):
            line = r
    while True:
        end = math.sqrt(max(0.0, (intercept[line] - floor) / slope[line]))
        following = -1
        for r in range(slope.shape[0]):
            if slope[r] > slope[line]:
                x = (intercept[r] - intercept[line]) / (slope[r] - slope[line])
                if x < end * end:
                    end, following = math.sqrt(max(0.0, x)), r
        begin = edges[-1]
        n = math.ceil((end - begin) / longest)
        for k in range(1, n + 1):
            edges.append(begin + (end - begin) * k / n)
        if following < 0:
            return np.array(edges)
        line = following


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


@numba.njit(cache=True, nogil=True)
def score_saddle(adjusted: np.ndarray, risk: np.ndarray, score: float) -> tuple[float, float, float, int]:
    """Saddle point of a binary trait's score.

    The cumulant generating function of ``sum adjusted (case - risk)`` is
    ``K(t) = sum log(1 - risk + risk exp(adjusted t)) - t sum adjusted risk``.

    Returns:
        The t with ``K'(t) = score``, K and K'' there, and 0; or 1 as the last when there is none.
    """
    low, high = 0.0, 0.0
    t = 0.0
    bounded = False
    for _ in range(200):
        value, first, second = 0.0, 0.0, 0.0
        for i in range(adjusted.shape[0]):
            g, mu = adjusted[i], risk[i]
            x = g * t
            if x > 0:  # the larger of the two terms is taken out of the logarithm
                e = math.exp(-x)
                down = mu + (1 - mu) * e
                value += x + math.log(down) - x * mu
                share = mu / down
            else:
                e = math.exp(x)
                down = 1 - mu + mu * e
                value += math.log(down) - x * mu
                share = mu * e / down
            first += g * (share - mu)
            second += g * g * share * (1 - share)
        if abs(first - score) <= 1e-10 * abs(score):
            return t, value, second, 0
        if (first > score) == (score > 0):
            bounded = True
        if first > score:
            high = t
        else:
            low = t
        if second <= 0 and not bounded:
            break
        # So far out that nobody's outcome is open any more, K'' is 0: a step inwards, if there is a bound.
        step = t + (score - first) / second if second > 0 else math.inf
        if bounded:
            t = step if low < step < high else 0.5 * (low + high)
        elif t == 0:
            t = step
        else:  # no bound yet: go on, but no further than twice as far
            t = step if abs(step) < 2 * abs(t) else 2 * t
        if abs(t) > 1e6:
            break
    return t, value, second, 1
