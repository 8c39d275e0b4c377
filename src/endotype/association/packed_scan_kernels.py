"""Numba kernels of the packed scan: arrays in, arrays out, one thread, without Python's lock.

A variant's sums over people are ``sum_i g_i row_i`` with one row of numbers a person: covariates, traits,
weight. Rows are cut into panels of 16 columns. A rare variant adds up the rows of its carriers. A common one
looks up, for each two people, the sum of their rows in a table of the 16 ways that their four bits can be:
    half
of the additions of a matrix product, and of the multiplications none. The tables of 32 people just fit into
the first cache. (The method of the Four Russians, Arlazarov et al. 1970; for genotypes Liberty & Zucker 2009,
the "mailman" algorithm.)

Which way a variant goes depends on its own carriers only, and in either way its sums are added up in the
order of the file's people. So its bits depend neither on the variants beside it nor on the number of
threads, which a product of matrices by BLAS would not promise.

Genotypes come as rows of 64-bit words, 32 people a word, people beyond the last homozygous reference (ones).
Codes of PLINK 1: 0 two alternate alleles, 1 missing, 2 one, 3 none.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numba.cpython.unsafe import numbers

from endotype.association.kernels import (
    ALLELES,
    ALLELES_CASES,
    INFORMATION,
    N_COUNTS,
    N_MISSING,
    N_MISSING_CASES,
    RAW_INFORMATION,
    RESIDUAL_SS,
    SCORE,
)
from endotype.association.panel_sums import (
    OUTER,
    PANEL,
    add_products,
    add_rows,
    add_scaled_rows,
    add_scaled_squares,
    multiply_rows,
    subtract_outer,
)

PEOPLE_PER_WORD = 32
WORDS_PER_LINE = 8
"""Words of a cache line."""

trailing_zeros: Any = numbers.trailing_zeros

_LOW = np.uint64(0x5555555555555555)  # the lower bit of each person
_ALL_REFERENCE = np.uint64(0xFFFFFFFFFFFFFFFF)
_ONE, _TWO, _FOUR, _FIFTEEN = np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(15)
_PAIRS, _NIBBLES = np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
_BYTES, _TOP_BYTE = np.uint64(0x0101010101010101), np.uint64(56)
_SINGULAR = 1e-9


@numba.njit(cache=True)
def _bits(word: Any) -> Any:
    """Number of ones; LLVM knows the idiom and makes it one instruction."""
    word = word - ((word >> _ONE) & _LOW)
    word = (word & _PAIRS) + ((word >> _TWO) & _PAIRS)
    word = (word + (word >> _FOUR)) & _NIBBLES
    return np.int64((word * _BYTES) >> _TOP_BYTE)


@numba.njit(cache=True, nogil=True)
def count_genotypes(
    words: np.ndarray, member: np.ndarray, case: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the genotypes of each variant among the members of a model.

    Args:
        words: uint64 (n_variants, n_words).
        member: uint64 (n_words,), the lower of a person's two bits set for the people in the model.
        case: as ``member``, for the cases.

    Returns:
        counts int64 (n_variants, 4); n_carriers int64 (n_variants,), people with an alternate allele;
        squares int64 (n_variants,), sum of the squared dosages.
    """
    n_variants, n_words = words.shape
    counts = np.zeros((n_variants, N_COUNTS), np.int64)
    n_carriers = np.zeros(n_variants, np.int64)
    squares = np.zeros(n_variants, np.int64)
    for v in range(n_variants):
        n_one = n_two = n_missing = one_cases = two_cases = missing_cases = 0
        for w in range(n_words):
            word = words[v, w]
            if word == _ALL_REFERENCE:
                continue
            upper = word >> _ONE
            one, two, missing = (
                upper & ~word & member[w],
                ~upper & ~word & member[w],
                word & ~upper & member[w],
            )
            n_one += _bits(one)
            n_two += _bits(two)
            n_missing += _bits(missing)
            one_cases += _bits(one & case[w])
            two_cases += _bits(two & case[w])
            missing_cases += _bits(missing & case[w])
        counts[v, N_MISSING] = n_missing
        counts[v, ALLELES] = n_one + 2 * n_two
        counts[v, N_MISSING_CASES] = missing_cases
        counts[v, ALLELES_CASES] = one_cases + 2 * two_cases
        n_carriers[v] = n_one + n_two
        squares[v] = n_one + 4 * n_two
    return counts, n_carriers, squares


@numba.njit(cache=True, nogil=True)
def add_carriers(
    words: np.ndarray,
    member: np.ndarray,
    chosen: np.ndarray,
    panels: np.ndarray,
    squared: int,
    max_carriers: int,
    products: np.ndarray,
) -> None:
    """``products[p, v] = sum_i g_i panels[p, i]`` carrier by carrier, for the variants ``chosen``.

    Args:
        words: uint64 (n_variants, n_words).
        member: as in :func:`count_genotypes`.
        chosen: int64, variants.
        panels: float64 (n_panels, 32 n_words, 16).
        squared: column, over all panels, that is multiplied by ``g^2`` instead; -1 for none.
        max_carriers: of any variant chosen.
        products: float64 (n_panels, n_variants, 16), written.
    """
    n_panels = panels.shape[0]
    panel, slot = squared // PANEL, squared % PANEL
    carriers = np.empty(max_carriers + 3, np.int64)
    dosage = np.empty(max_carriers + 3)
    for v in chosen:
        n_carriers = _list_carriers(words[v], member, carriers, dosage)
        for p in range(n_panels):
            first = p * panels.shape[1]
            for j in range(PANEL):
                products[p, v, j] = 0.0
            for m in range(0, n_carriers, 4):
                a, b = first + carriers[m], first + carriers[m + 1]
                d, e = first + carriers[m + 2], first + carriers[m + 3]
                four = (dosage[m], dosage[m + 1], dosage[m + 2], dosage[m + 3])
                add_scaled_rows(products, p * products.shape[1] + v, panels, (a, b, d, e), four)
        if squared >= 0:
            more = 0.0
            for m in range(n_carriers):
                g = dosage[m]
                more += g * (g - 1.0) * panels[panel, carriers[m], slot]
            products[panel, v, slot] += more


@numba.njit(cache=True)
def _list_carriers(words: np.ndarray, member: np.ndarray, carriers: np.ndarray, dosage: np.ndarray) -> int:
    """List the carriers and their dosages; return how many. Three of dosage 0 follow, to make up a four."""
    n_carriers = 0
    for w in range(words.shape[0]):
        word = words[w]
        if word == _ALL_REFERENCE:
            continue
        two = ~(word >> _ONE) & ~word & member[w]
        left = ((word >> _ONE) & ~word & member[w]) | two
        while left:
            bit = trailing_zeros(left)
            carriers[n_carriers] = w * PEOPLE_PER_WORD + (np.int64(bit) >> 1)
            dosage[n_carriers] = 1.0 + np.float64((two >> bit) & _ONE)
            n_carriers += 1
            left &= left - _ONE
    carriers[n_carriers : n_carriers + 3] = 0
    dosage[n_carriers : n_carriers + 3] = 0.0
    return n_carriers


@numba.njit(cache=True, nogil=True)
def add_pairs(
    words: np.ndarray,
    chosen: np.ndarray,
    panels: np.ndarray,
    squared: int,
    table: np.ndarray,
    totals: np.ndarray,
    products: np.ndarray,
) -> None:
    """As :func:`add_carriers`, two people at a time, for the variants ``chosen``.

    Args:
        words: uint64 (n_variants, n_words).
        chosen: int64 (n_chosen,), variants.
        panels: float64 (n_panels, 32 n_words, 16), zeros for people who are not in the model.
        squared: as in :func:`add_carriers`.
        table: float64 (16, 16, 16), room to work in: for each pair of people of a word, for each of the 16
            ways to fill its four bits, the sum of ``g row``.
        totals: float64 (n_chosen, 16), room to work in.
        products: float64 (n_panels, n_variants, 16), written.
    """
    n_words, n_panels, n_chosen = words.shape[1], panels.shape[0], chosen.shape[0]
    line = np.empty((WORDS_PER_LINE, n_chosen), np.uint64)
    for p in range(n_panels):
        totals[:] = 0.0
        for start in range(0, n_words, WORDS_PER_LINE):
            n_columns = min(WORDS_PER_LINE, n_words - start)
            for c in range(n_chosen):
                for w in range(n_columns):
                    line[w, c] = words[chosen[c], start + w]
            for w in range(n_columns):
                _fill_table(panels[p], (start + w) * PEOPLE_PER_WORD, squared - p * PANEL, table)
                for c in range(n_chosen):
                    word = line[w, c]
                    if word != _ALL_REFERENCE:
                        add_rows(totals, c, table, _entries(word))
        for c in range(n_chosen):
            for j in range(PANEL):
                products[p, chosen[c], j] = totals[c, j]


@numba.njit(cache=True)
def _entries(word: np.uint64) -> tuple:
    """For each pair of people of a word the row of the table, the 16 pairs being one after another."""
    return (
        np.int64((word >> np.uint64(0)) & _FIFTEEN) + 0,
        np.int64((word >> np.uint64(4)) & _FIFTEEN) + 16,
        np.int64((word >> np.uint64(8)) & _FIFTEEN) + 32,
        np.int64((word >> np.uint64(12)) & _FIFTEEN) + 48,
        np.int64((word >> np.uint64(16)) & _FIFTEEN) + 64,
        np.int64((word >> np.uint64(20)) & _FIFTEEN) + 80,
        np.int64((word >> np.uint64(24)) & _FIFTEEN) + 96,
        np.int64((word >> np.uint64(28)) & _FIFTEEN) + 112,
        np.int64((word >> np.uint64(32)) & _FIFTEEN) + 128,
        np.int64((word >> np.uint64(36)) & _FIFTEEN) + 144,
        np.int64((word >> np.uint64(40)) & _FIFTEEN) + 160,
        np.int64((word >> np.uint64(44)) & _FIFTEEN) + 176,
        np.int64((word >> np.uint64(48)) & _FIFTEEN) + 192,
        np.int64((word >> np.uint64(52)) & _FIFTEEN) + 208,
        np.int64((word >> np.uint64(56)) & _FIFTEEN) + 224,
        np.int64((word >> np.uint64(60)) & _FIFTEEN) + 240,
    )


@numba.njit(cache=True)
def _fill_table(rows: np.ndarray, start: int, squared: int, table: np.ndarray) -> None:
    """``table[pair, code]`` for the 32 people from ``start``."""
    for pair in range(table.shape[0]):
        first, second = start + 2 * pair, start + 2 * pair + 1
        for code in range(16):
            low, high = code & 3, code >> 2
            g = 2.0 if low == 0 else 1.0 if low == 2 else 0.0
            h = 2.0 if high == 0 else 1.0 if high == 2 else 0.0
            at = 16 * pair + code
            for j in range(PANEL):
                table[pair, code, j] = 0.0
            add_scaled_rows(table, at, rows, (first, second), (g, h))
            if 0 <= squared < PANEL:
                table[pair, code, squared] = g * g * rows[first, squared] + h * h * rows[second, squared]


@numba.njit(cache=True, nogil=True)
def take_out_covariates(
    words: np.ndarray,
    member: np.ndarray,
    counts: np.ndarray,
    raw: np.ndarray,
    products: np.ndarray,
    panels: np.ndarray,
    weight: np.ndarray,
    n_covariates: int,
    total: np.ndarray,
    impute: bool,
    own: np.ndarray,
    sums: np.ndarray,
    rank: np.ndarray,
) -> None:
    """Scores and information of every variant for every trait, as if nobody had to be left out.

    Args:
        words, member: as in :func:`count_genotypes`.
        counts: int64 (n_variants, 4).
        raw: float64 (n_variants,), ``sum w g^2``.
        products: float64 (n_panels, n_variants, 16), columns ``k`` weighted covariates, then the traits.
        panels: float64 (n_panels, 32 n_words, 16), columns as ``products``.
        weight: float64 (32 n_words,).
        n_covariates: k.
        total: float64 (n_panels, 16), sum of squares of each column.
        impute: put the mean of the called in place of what is missing.
        own: float64 (n_panels, 16), room to work in.
        sums: float64 (n_traits, n_variants, 4), written.
        rank: int64 (n_variants,), written.
    """
    n_variants, n_words = words.shape
    k, n_panels = n_covariates, panels.shape[0]
    n_members = 0
    for w in range(n_words):
        n_members += _bits(member[w])
    lost = np.empty(n_members + 1, np.int64)
    for v in range(n_variants):
        for p in range(n_panels):
            own[p] = products[p, v]
        information = raw[v]
        n_missing = counts[v, N_MISSING]
        if impute and n_missing > 0:
            _list_missing(words[v], member, lost)
            mean = counts[v, ALLELES] / max(n_members - n_missing, 1)
            for m in range(n_missing):
                information += mean * mean * weight[lost[m]]
                for p in range(n_panels):
                    add_scaled_rows(own, p, panels, (p * panels.shape[1] + lost[m],), (mean,))
        unadjusted = information
        for j in range(k):
            information -= own[j // PANEL, j % PANEL] ** 2
        rank[v] = k
        for r in range(sums.shape[0]):
            q = k + r
            sums[r, v, SCORE] = own[q // PANEL, q % PANEL]
            sums[r, v, INFORMATION] = information
            sums[r, v, RAW_INFORMATION] = unadjusted
            sums[r, v, RESIDUAL_SS] = total[q // PANEL, q % PANEL]


@numba.njit(cache=True, nogil=True)
def leave_out_missing(
    words: np.ndarray,
    member: np.ndarray,
    chosen: np.ndarray,
    raw: np.ndarray,
    products: np.ndarray,
    n_covariates: int,
    basis: np.ndarray,
    panels: np.ndarray,
    total: np.ndarray,
    among: np.ndarray,
    squares: np.ndarray,
    lanes: np.ndarray,
    sums: np.ndarray,
    rank: np.ndarray,
) -> None:
    """As :func:`take_out_covariates` in the called people alone, for the variants ``chosen``.

    A missing person is left out by taking her terms out of the sums. What is then left of
    ``basis' W basis = I`` is factorised anew, a k x k elimination a variant, sixteen variants side by side:
    each does what it would do alone, in the same order.

    Args beside those above:
        chosen: int64, variants.
        n_covariates: k.
        basis: float64 (at least k / 16, 32 n_words, 16), the covariates in panels as ``panels`` has them; for
            a model without weights it is ``panels``.
        among: float64 (n_panels, k rounded up to fours, 16), room to work in.
        squares: float64 (n_panels, 16), room to work in.
        lanes: float64 (n_rows, 16), room to work in, zeros; rows as many as :func:`n_lane_rows` says.
    """
    n_variants, n_traits, k = chosen.shape[0], sums.shape[0], n_covariates
    width = k + n_traits
    own, left, spare = k * width, k * width + width, k * width + width + n_traits
    n_members = 0
    for w in range(words.shape[1]):
        n_members += _bits(member[w])
    lost = np.empty(n_members + 1, np.int64)
    ranks = np.empty(PANEL, np.int64)
    for first in range(0, n_variants, PANEL):
        n_lanes = min(PANEL, n_variants - first)
        for lane in range(n_lanes):
            v = chosen[first + lane]
            n_lost = _list_missing(words[v], member, lost)
            squares[:] = total
            _subtract_missing(lost[:n_lost], basis, panels, among, squares)
            for j in range(k):
                for q in range(j, width):
                    lanes[j * width + q, lane] = among[q // PANEL, j, q % PANEL]
            for q in range(width):
                lanes[own + q, lane] = products[q // PANEL, v, q % PANEL]
            for r in range(n_traits):
                lanes[left + r, lane] = squares[(k + r) // PANEL, (k + r) % PANEL]
        _eliminate(lanes, k, n_traits, own, left, spare, ranks)
        for lane in range(n_lanes):
            v = chosen[first + lane]
            information = raw[v]
            for j in range(k):
                information -= lanes[own + j, lane] ** 2
            rank[v] = ranks[lane]
            for r in range(n_traits):
                sums[r, v, SCORE] = lanes[own + k + r, lane]
                sums[r, v, INFORMATION] = information
                sums[r, v, RAW_INFORMATION] = raw[v]
                sums[r, v, RESIDUAL_SS] = lanes[left + r, lane]


def n_lane_rows(k: int, n_traits: int) -> int:
    """Rows that :func:`leave_out_missing` works in: the system, the dosage, squares, and two to spare."""
    return k * (k + n_traits) + k + n_traits + n_traits + 2


@numba.njit(cache=True)
def _list_missing(words: np.ndarray, member: np.ndarray, lost: np.ndarray) -> int:
    """List the members without a genotype, in room for one more than there are; return how many."""
    n_lost = 0
    for w in range(words.shape[0]):
        left = words[w] & ~(words[w] >> _ONE) & member[w]
        # Written always and counted when it holds: most words have none or one, and nobody can guess which.
        lost[n_lost] = w * PEOPLE_PER_WORD + (np.int64(trailing_zeros(left)) >> 1)
        n_lost += int(left != 0)
        left &= left - _ONE
        while left:
            lost[n_lost] = w * PEOPLE_PER_WORD + (np.int64(trailing_zeros(left)) >> 1)
            n_lost += 1
            left &= left - _ONE
    return n_lost


@numba.njit(cache=True)
def _subtract_missing(
    lost: np.ndarray, basis: np.ndarray, panels: np.ndarray, among: np.ndarray, squares: np.ndarray
) -> None:
    """``among = [I | 0] - sum over the lost of basis_i' row_i``; their squares out of ``squares``."""
    n_panels, n_rows, _ = among.shape
    n_people = panels.shape[1]
    among[:] = 0.0
    for j in range(n_rows):
        among[j // PANEL, j, j % PANEL] = 1.0
    n_lost = lost.shape[0]
    fours = n_lost - n_lost % 4
    for p in range(n_panels):
        first, target = p * n_people, p * n_rows
        for m in range(0, fours, 4):
            a, b, c, d = lost[m], lost[m + 1], lost[m + 2], lost[m + 3]
            rows = (first + a, first + b, first + c, first + d)
            for j in range(0, n_rows, OUTER):
                at, slot = j // PANEL * n_people, j % PANEL
                start = (
                    (at + a) * PANEL + slot,
                    (at + b) * PANEL + slot,
                    (at + c) * PANEL + slot,
                    (at + d) * PANEL + slot,
                )
                subtract_outer(among, target + j, panels, rows, basis, start)
            add_scaled_squares(squares, p, panels, rows, (-1.0, -1.0, -1.0, -1.0))
        for m in range(fours, n_lost):
            row = (first + lost[m],)
            for j in range(0, n_rows, OUTER):
                start_one = ((j // PANEL * n_people + lost[m]) * PANEL + j % PANEL,)
                subtract_outer(among, target + j, panels, row, basis, start_one)
            add_scaled_squares(squares, p, panels, row, (-1.0,))


@numba.njit(cache=True)
def _eliminate(
    lanes: np.ndarray, k: int, n_traits: int, own: int, left: int, spare: int, ranks: np.ndarray
) -> None:
    """Take the covariates out of the dosage (rows from ``own``) and of the traits, sixteen systems at once.

    Gauss's elimination of a symmetric system, row by row, of which only the upper triangle is read; entry
    (j, q) of it is row ``j (k + n_traits) + q`` of ``lanes``, the traits being columns from k on. Afterwards
    the first k rows from ``own`` are ``inv(L)`` of what they were, ``L L'`` being the square of the
    covariates, and the others, like the sums of squares from ``left``, have lost what the covariates explain.
    A pivot below 1e-9 belongs to a covariate that the people left cannot tell from the others: it is passed
    over, as a generalised inverse would, and does not count in ``ranks``.
    """
    width = k + n_traits
    negative, factor = spare, spare + 1
    ranks[:] = 0
    for j in range(k):
        row = j * width
        _pivots(lanes[row + j], lanes[negative], ranks)
        for i in range(j + 1, k):
            multiply_rows(lanes, factor, lanes, row + i, lanes, negative)
            for q in range(i, width):
                add_products(lanes, i * width + q, lanes, row + q, lanes, factor)
        multiply_rows(lanes, factor, lanes, own + j, lanes, negative)
        for q in range(j + 1, width):
            add_products(lanes, own + q, lanes, row + q, lanes, factor)
        _roots(lanes[row + j], lanes[factor], lanes[own + j])
        for r in range(n_traits):
            multiply_rows(lanes, factor, lanes, row + k + r, lanes, row + k + r)
            add_products(lanes, left + r, lanes, negative, lanes, factor)


@numba.njit(cache=True, error_model="numpy")
def _pivots(pivot: np.ndarray, negative: np.ndarray, ranks: np.ndarray) -> None:
    """``negative = -1 / pivot``, 0 for a pivot that is none; count the others."""
    for lane in range(PANEL):
        sound = pivot[lane] > _SINGULAR
        inverse = -1.0 / pivot[lane]
        negative[lane] = inverse if sound else 0.0
        ranks[lane] += np.int64(sound)


@numba.njit(cache=True, error_model="numpy")
def _roots(pivot: np.ndarray, negative_share: np.ndarray, own: np.ndarray) -> None:
    for lane in range(PANEL):
        own[lane] = -negative_share[lane] * math.sqrt(max(pivot[lane], 0.0))
