"""Numba kernels of Mendelian checks. Arrays in, arrays out; slow twin: ``tests/reference/mendelian.py``."""

from __future__ import annotations

import numba
import numpy as np

SKIPPED, UNTESTED, CONSISTENT, INCONSISTENT = 0, 1, 2, 3
"""Verdicts: the child has no usable call; no parent who hands down a copy has one; and the two answers."""

NO_ALLELE = -1
"""An allele that was not called; -2 stands past the ploidy of a call."""


@numba.njit(cache=True)
def judge_call(
    c0: int, c1: int, f0: int, f1: int, m0: int, m1: int, father_copies: int, mother_copies: int
) -> int:
    """Verdict on one call of a trio; alleles of the child, the father and the mother.

    ``father_copies`` and ``mother_copies`` say how many copies of the site each parent has to hand one
    down from: 2, 1, or 0 for a parent who hands down none. A parent without a usable call could have
    handed down any allele.
    """
    if father_copies == 0 and mother_copies == 0:
        return SKIPPED
    father_known = father_copies > 0 and _usable(f0, f1, father_copies)
    mother_known = mother_copies > 0 and _usable(m0, m1, mother_copies)
    if not _usable(c0, c1, int(father_copies > 0) + int(mother_copies > 0)):
        return SKIPPED
    if not father_known and not mother_known:
        return UNTESTED
    if father_copies == 0:
        fits = _has(m0, m1, max(c0, c1))
    elif mother_copies == 0:
        fits = _has(f0, f1, max(c0, c1))
    else:
        one_way = (not father_known or _has(f0, f1, c0)) and (not mother_known or _has(m0, m1, c1))
        other_way = (not father_known or _has(f0, f1, c1)) and (not mother_known or _has(m0, m1, c0))
        fits = one_way or other_way
    return CONSISTENT if fits else INCONSISTENT


@numba.njit(cache=True)
def _usable(a: int, b: int, copies: int) -> bool:
    """Whether a call says what a person with so many copies has.

    Of one copy that is one allele: alone, twice (PLINK's way), or in a half call (``0/.`` of males on X).
    """
    if copies == 2:
        return a >= 0 and b >= 0
    return max(a, b) >= 0 and (a < 0 or b < 0 or a == b)


@numba.njit(cache=True)
def _has(a: int, b: int, allele: int) -> bool:
    return a == allele or b == allele


@numba.njit(cache=True)
def judge_alleles(
    child: np.ndarray,
    father: np.ndarray,
    mother: np.ndarray,
    father_copies: np.ndarray,
    mother_copies: np.ndarray,
) -> np.ndarray:
    """Verdicts on the calls of one trio, uint8 (m,).

    Args:
        child, father, mother: int (m, 2), allele numbers; -1 not called, -2 past the ploidy of the call.
        father_copies, mother_copies: int (m,), see :func:`judge_call`.
    """
    verdict = np.empty(child.shape[0], np.uint8)
    for v in range(child.shape[0]):
        verdict[v] = judge_call(
            child[v, 0],
            child[v, 1],
            father[v, 0],
            father[v, 1],
            mother[v, 0],
            mother[v, 1],
            father_copies[v],
            mother_copies[v],
        )
    return verdict


@numba.njit(cache=True)
def verdicts_by_code(copies: np.ndarray) -> np.ndarray:
    """Verdicts on biallelic calls, uint8 (k, 4, 4, 4): kind of site, codes of child, father and mother.

    Args:
        copies: int (k, 2), ``father_copies`` and ``mother_copies`` of each kind.

    A code is PLINK's: 0 homozygous for ALT, 1 missing, 2 heterozygous, 3 homozygous for REF.
    """
    alleles = np.array([[1, 1], [NO_ALLELE, NO_ALLELE], [0, 1], [0, 0]])
    table = np.empty((copies.shape[0], 4, 4, 4), np.uint8)
    for k in range(copies.shape[0]):
        for c in range(4):
            for f in range(4):
                for m in range(4):
                    table[k, c, f, m] = judge_call(
                        alleles[c, 0],
                        alleles[c, 1],
                        alleles[f, 0],
                        alleles[f, 1],
                        alleles[m, 0],
                        alleles[m, 1],
                        copies[k, 0],
                        copies[k, 1],
                    )
    return table


@numba.njit(cache=True)
def judge_packed(
    packed: np.ndarray, trio: np.ndarray, kind: np.ndarray, table: np.ndarray, verdict: np.ndarray
) -> None:
    """Verdicts on one trio over packed variants.

    Args:
        packed: uint8 (m, bytes), rows of a .bed.
        trio: int64 (3,), columns of child, father and mother; -1 for one who is not in the store.
        kind: int64 (m,), row of ``table`` for each variant.
        table: :func:`verdicts_by_code`.
        verdict: uint8 (m,), filled.
    """
    for v in range(packed.shape[0]):
        verdict[v] = _judge_row(packed[v], trio, table[kind[v]])


@numba.njit(cache=True)
def count_packed(
    packed: np.ndarray, trios: np.ndarray, sex: np.ndarray, kind: np.ndarray, table: np.ndarray
) -> np.ndarray:
    """How often each verdict falls on each of many trios over packed variants, int64 (t, 4).

    Args:
        packed: uint8 (m, bytes), rows of a .bed.
        trios: int64 (t, 3), columns of child, father and mother; -1 for one who is not in the store.
        sex: int64 (t,), row of ``kind`` for each child.
        kind: int64 (number of sexes, m), row of ``table`` for each variant.
        table: :func:`verdicts_by_code`.
    """
    counts = np.zeros((trios.shape[0], 4), np.int64)
    for v in range(packed.shape[0]):
        for t in range(trios.shape[0]):
            counts[t, _judge_row(packed[v], trios[t], table[kind[sex[t], v]])] += 1
    return counts


@numba.njit(cache=True)
def _judge_row(row: np.ndarray, trio: np.ndarray, table: np.ndarray) -> int:
    return table[_code(row, trio[0]), _code(row, trio[1]), _code(row, trio[2])]


@numba.njit(cache=True)
def _code(row: np.ndarray, person: int) -> int:
    return 1 if person < 0 else (row[person >> 2] >> ((person & 3) << 1)) & 3
