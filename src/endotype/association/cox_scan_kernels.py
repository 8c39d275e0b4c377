"""Numba kernels of Cox scores of packed genotypes: one thread, without Python's lock.

Words, panels and sums over carriers are those of :mod:`endotype.association.packed_scan_kernels`; slots and
risk sets those of :mod:`endotype.association.cox_kernels`. People are in the order of the store; ``position``
below is a number 1..D, the sums over the risk set at time ``position - 1`` being those from that position up.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from endotype.association.cox_kernels import square_of_means
from endotype.association.kernels import (
    ALLELES,
    INFORMATION,
    N_MISSING,
    RAW_INFORMATION,
    SCORE,
    _eliminate,
)
from endotype.association.packed_scan_kernels import _list_carriers, _list_missing
from endotype.association.panel_sums import PANEL, add_scaled_rows

_FOUR = 4


@numba.njit(cache=True, nogil=True)
def score_complete(
    words: np.ndarray,
    member: np.ndarray,
    chosen: np.ndarray,
    counts: np.ndarray,
    products: np.ndarray,
    k: int,
    hazard: np.ndarray,
    event: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    panels: np.ndarray,
    squares: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Score and information of variants that everyone is called for, or gets the mean of the called for.

    Args:
        words: uint64 (n_variants, n_words).
        member: uint64 (n_words,), the lower of a person's two bits set for the people in the model.
        chosen: int64, variants.
        counts: int64 (n_variants, 4).
        products: float64 (n_panels, n_variants, 16), sums over carriers of the rows of ``panels``.
        k: covariates.
        hazard, event, first, last: as in :func:`square_of_means`.
        panels: float64 (n_panels, 32 n_words, 16), columns: k covariates', residual, expected events.
        squares: as in :func:`square_of_means`.
        sums: float64 (n_variants, n_sums), written.
    """
    n = words.shape[1] * 32
    people, dosage, lost = np.empty(n + 3, np.int64), np.empty(n + 3), np.empty(n + 1, np.int64)
    room = np.zeros((2, squares.shape[1]))
    touched = np.zeros((squares.shape[1] >> 6) + 1, np.uint64)
    n_members = 0
    for w in range(member.shape[0]):
        left = member[w]
        while left:
            n_members += 1
            left &= left - np.uint64(1)
    own = np.empty((panels.shape[0], PANEL))
    for v in chosen:
        size = _list_carriers(words[v], member, people, dosage)
        for p in range(panels.shape[0]):
            for j in range(PANEL):
                own[p, j] = products[p, v, j]
        n_missing = counts[v, N_MISSING]
        if n_missing > 0:
            _list_missing(words[v], member, lost)
            mean = counts[v, ALLELES] / max(n_members - n_missing, 1)
            square = mean * mean
            for m in range(n_missing):
                i = lost[m]
                for j in range(k + 2):
                    value = panels[j // PANEL, i, j % PANEL]
                    own[j // PANEL, j % PANEL] += (square if j == k + 1 else mean) * value
                people[size + m], dosage[size + m] = i, mean
            size += n_missing
        raw = own[(k + 1) // PANEL, (k + 1) % PANEL] - square_of_means(
            people[:size], dosage, hazard, event, first, last, squares, room, touched
        )
        information = raw
        for j in range(k):
            information -= own[j // PANEL, j % PANEL] ** 2
        sums[v, SCORE] = own[k // PANEL, k % PANEL]
        sums[v, INFORMATION] = information
        sums[v, RAW_INFORMATION] = raw


@numba.njit(cache=True, nogil=True)
def score_among_called(
    words: np.ndarray,
    member: np.ndarray,
    chosen: np.ndarray,
    counts: np.ndarray,
    k: int,
    hazard: np.ndarray,
    event: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    columns: np.ndarray,
    efron: bool,
    risk: np.ndarray,
    tied: np.ndarray,
    n_events: np.ndarray,
    risk_x: np.ndarray,
    tied_x: np.ndarray,
    risk_xx: np.ndarray,
    tied_xx: np.ndarray,
    event_x: np.ndarray,
    sums: np.ndarray,
    rank: np.ndarray,
) -> None:
    """Score and information of variants in the risk sets of those who are called.

    One walk over the times of events. The sums of the covariates over a risk set are those of everybody less
    those of the few without a genotype.

    Args:
        words, member, chosen, counts, k, hazard, event, first, last: as in :func:`score_complete`.
        columns: float64 (n_panels, 32 n_words, 16), covariates scaled to information 1, then zeros.
        efron: the rule for ties.
        risk, tied: float64 (D + 1,), by position: sum of the hazard over the risk set, and over the tied.
        n_events: int64 (D + 1,).
        risk_x, tied_x: float64 (n_panels, D + 1, 16), likewise of hazard times covariates.
        risk_xx, tied_xx: float64 (n_triangle_panels, D + 1, 16), likewise of hazard times products of two
            covariates, the lower triangle row by row.
        event_x: float64 (n_panels, 16), sum of the covariates of people with the event.
        sums: float64 (n_variants, n_sums), written.
        rank: int64 (n_variants,), written: covariates that can be told apart.
    """
    n = words.shape[1] * 32
    n_times, n_panels, n_triangle = risk.shape[0] - 1, columns.shape[0], risk_xx.shape[0]
    stride, height = columns.shape[1], risk_x.shape[1]
    people, dosage, lost = np.empty(n + 3, np.int64), np.empty(n + 3), np.empty(n + 1, np.int64)
    enter, own = np.zeros((4, n_times + 1)), np.zeros((2, n_times + 1))
    gone_events = np.zeros(n_times + 1, np.int64)
    heads, follow = np.zeros((2, n_times + 1), np.int64), np.zeros((2, n + 1), np.int64)
    without, means = np.zeros((n_panels, PANEL)), np.zeros((n_panels, _FOUR, PANEL))
    tied_here = np.zeros((n_panels, PANEL))
    among = np.zeros((n_panels, k, PANEL))
    triangle = np.zeros((n_triangle, PANEL))
    cross, score_x = np.zeros((n_panels, PANEL)), np.zeros((n_panels, PANEL))
    along, waiting, inverses = np.zeros((2, _FOUR)), np.zeros(_FOUR, np.int64), np.zeros(_FOUR)
    matrix, first_vector, second_vector, scale = np.empty((k, k)), np.empty(k), np.empty(k), np.ones(k)
    for v in chosen:
        size = _list_carriers(words[v], member, people, dosage)
        n_missing = counts[v, N_MISSING]
        _list_missing(words[v], member, lost)
        # enter: hazard and tied hazard of the missing, hazard x dosage and its tied part of carriers.
        enter[:] = 0.0
        gone_events[:] = 0
        heads[:] = 0
        for m in range(n_missing):
            i = lost[m]
            p, q = last[i], first[i]
            if p == 0:
                continue
            enter[0, p] += hazard[i]
            enter[0, q] -= hazard[i]
            if event[i]:
                enter[1, p] += hazard[i]
                gone_events[p] += 1
            follow[0, m + 1], heads[0, p] = heads[0, p], m + 1
            follow[1, m + 1], heads[1, q] = heads[1, q], m + 1
        for c in range(size):
            i = people[c]
            p, q = last[i], first[i]
            if p == 0:
                continue
            value = dosage[c] * hazard[i]
            enter[2, p] += value
            enter[2, q] -= value
            if event[i]:
                enter[3, p] += value
        own[:] = 0.0
        without[:], means[:], among[:] = 0.0, 0.0, 0.0
        triangle[:], cross[:], score_x[:] = 0.0, 0.0, 0.0
        lost_hazard = risk_g = square = 0.0
        held = n_waiting = 0
        for p in range(n_times, 0, -1):
            lost_hazard += enter[0, p]
            risk_g += enter[2, p]
            for side in range(2):
                m = heads[side, p]
                while m > 0:
                    i = lost[m - 1]
                    h = hazard[i] if side == 0 else -hazard[i]
                    for b in range(n_panels):
                        add_scaled_rows(without, b, columns, (b * stride + i,), (h,))
                    m = follow[side, m]
            d = n_events[p] - gone_events[p]
            if d == 0:
                continue
            some_tied = efron and d > 1
            # The means of d slots lie in the plane of two vectors, the sums over the risk set and over the
            # tied, and so do their squares: two rows say as much as d.
            at_risk, at_event = risk[p] - lost_hazard, tied[p] - enter[1, p]
            all_inverse = all_shared = one = mixed = two = 0.0
            for r in range(d if some_tied else 1):
                share = r / d
                inverse = 1.0 / (at_risk - share * at_event)
                all_inverse += inverse
                all_shared += share * inverse
                one += inverse * inverse
                mixed += share * inverse * inverse
                two += share * share * inverse * inverse
            if not some_tied:
                all_inverse *= d
                one *= d
            root = math.sqrt(one)
            slant = -mixed / root
            along[0, held], along[1, held] = root * risk_g + slant * enter[3, p], -all_inverse / root
            square += along[0, held] ** 2
            along[0, held] *= -1
            for b in range(n_panels):
                for j in range(PANEL):
                    means[b, held, j] = root * (risk_x[b, p, j] - without[b, j])
            held += 1
            if some_tied:
                tied_here[:] = 0.0
                m = heads[0, p] if gone_events[p] > 0 else 0
                while m > 0:
                    i = lost[m - 1]
                    if event[i]:
                        for b in range(n_panels):
                            add_scaled_rows(tied_here, b, columns, (b * stride + i,), (hazard[i],))
                    m = follow[0, m]
                for b in range(n_panels):
                    for j in range(PANEL):
                        tied_here[b, j] = tied_x[b, p, j] - tied_here[b, j]
                        means[b, held - 1, j] += slant * tied_here[b, j]
                if held == _FOUR:
                    _subtract_products(means, along, among, cross, score_x)
                    held = 0
                upright = math.sqrt(two - slant * slant)
                along[0, held] = -upright * enter[3, p]
                along[1, held] = (all_shared + all_inverse * slant / root) / upright
                square += along[0, held] ** 2
                for b in range(n_panels):
                    for j in range(PANEL):
                        means[b, held, j] = upright * tied_here[b, j]
                held += 1
            if held == _FOUR:
                _subtract_products(means, along, among, cross, score_x)
                held = 0
            own[0, p], own[1, p] = all_inverse, all_shared
            waiting[n_waiting], inverses[n_waiting] = p, all_inverse
            n_waiting += 1
            if n_waiting == _FOUR:
                _add_four(triangle, risk_xx, waiting, inverses)
                n_waiting = 0
            if some_tied:
                for b in range(n_triangle):
                    add_scaled_rows(triangle, b, tied_xx, (b * height + p,), (-all_shared,))
        if held > 0:
            means[:, held:] = 0.0
            along[:, held:] = 0.0
            _subtract_products(means, along, among, cross, score_x)
        inverses[n_waiting:] = 0.0
        _add_four(triangle, risk_xx, waiting, inverses)
        for p in range(n_times):
            own[0, p + 1] += own[0, p]
        for m in range(n_missing):
            i = lost[m]
            weight = hazard[i] * (own[0, last[i]] - own[0, first[i]] - (own[1, last[i]] if event[i] else 0.0))
            for j in range(k):
                x = weight * columns[j // PANEL, i, j % PANEL]
                for b in range(j // PANEL + 1):
                    add_scaled_rows(among, b * k + j, columns, (b * stride + i,), (-x,))
            if event[i]:
                for b in range(n_panels):
                    add_scaled_rows(score_x, b, columns, (b * stride + i,), (-1.0,))
        score = 0.0
        raw = -square
        for c in range(size):
            i = people[c]
            g = dosage[c]
            weight = hazard[i] * (own[0, last[i]] - own[0, first[i]] - (own[1, last[i]] if event[i] else 0.0))
            score += g * (event[i] - weight)
            raw += g * g * weight
            for b in range(n_panels):
                add_scaled_rows(cross, b, columns, (b * stride + i,), (g * weight,))
        at = 0
        for j in range(k):
            for q in range(j + 1):
                matrix[j, q] = among[q // PANEL, j, q % PANEL] + triangle[at // PANEL, at % PANEL]
                at += 1
            first_vector[j] = cross[j // PANEL, j % PANEL]
            second_vector[j] = score_x[j // PANEL, j % PANEL] + event_x[j // PANEL, j % PANEL]
        rank[v] = _eliminate(matrix, scale, first_vector, second_vector)
        information = raw
        for j in range(k):
            score -= first_vector[j] * second_vector[j]
            information -= first_vector[j] * first_vector[j]
        sums[v, SCORE] = score
        sums[v, INFORMATION] = information
        sums[v, RAW_INFORMATION] = raw


@numba.njit(cache=True)
def _subtract_products(
    means: np.ndarray, along: np.ndarray, among: np.ndarray, cross: np.ndarray, score_x: np.ndarray
) -> None:
    """Take ``m m'`` of four means (n_panels, 4, 16) from ``among`` (n_panels, k, 16), lower triangle.

    ``cross`` and ``score_x`` (n_panels, 16) get the means times the rows of ``along`` (2, 4). Four at a time,
    because one load and store of a target then serves them all.
    """
    for b in range(means.shape[0]):
        rows = (b * _FOUR, b * _FOUR + 1, b * _FOUR + 2, b * _FOUR + 3)
        add_scaled_rows(cross, b, means, rows, (along[0, 0], along[0, 1], along[0, 2], along[0, 3]))
        add_scaled_rows(score_x, b, means, rows, (along[1, 0], along[1, 1], along[1, 2], along[1, 3]))
    k = among.shape[1]
    for j in range(k):
        panel, slot = j // PANEL, j % PANEL
        factors = (
            -means[panel, 0, slot],
            -means[panel, 1, slot],
            -means[panel, 2, slot],
            -means[panel, 3, slot],
        )
        for b in range(panel + 1):
            rows = (b * _FOUR, b * _FOUR + 1, b * _FOUR + 2, b * _FOUR + 3)
            add_scaled_rows(among, b * k + j, means, rows, factors)


@numba.njit(cache=True)
def _add_four(total: np.ndarray, rows: np.ndarray, which: np.ndarray, factors: np.ndarray) -> None:
    """``total[b] += sum of factors * rows[b, which]`` for four rows."""
    four = (factors[0], factors[1], factors[2], factors[3])
    for b in range(total.shape[0]):
        at = b * rows.shape[1]
        add_scaled_rows(total, b, rows, (at + which[0], at + which[1], at + which[2], at + which[3]), four)
