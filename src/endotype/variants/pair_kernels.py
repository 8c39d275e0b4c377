"""Numba kernels over pairs: of people (kinship), of variants (linkage disequilibrium).

Genotypes are bit planes, 64 of them in a word, so that a pair costs a few logical operations and population
counts a word. Counts are whole numbers: exact, whatever the order.

Two planes tell the four genotypes: ``hom`` is set at homozygous calls, ``ref`` at calls with a reference
allele. So a heterozygote is ``ref & ~hom``, a call ``hom | ref``, and a missing call has neither.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

WORD = 64
CHUNK = 256
"""Words of a row that are worked on at a time, so that a tile of rows stays in the cache."""


def _popcount(typing_context: Any, word: Any) -> Any:
    """How many bits of a uint64 are set, by the instruction of the processor (LLVM's ``ctpop``)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


popcount: Any = intrinsic(_popcount)


@numba.njit(cache=True)
def fill_person_planes(packed: np.ndarray, first: int, hom: np.ndarray, ref: np.ndarray) -> None:
    """Write packed variants into the bit planes of people.

    Args:
        packed: uint8 (m, ceil(n / 4)), rows of a PLINK 1 file.
        first: the first row's place among all variants; a multiple of 64.
        hom, ref: uint64 (n, ceil(n_variants / 64)), zero where these variants go, filled.
    """
    n = hom.shape[0]
    start = first // WORD
    for base in range(0, packed.shape[0], WORD):
        rows = min(WORD, packed.shape[0] - base)
        word = start + base // WORD
        for byte in range(packed.shape[1]):
            # Four people at a time; their words are gathered in registers.
            h0 = h1 = h2 = h3 = np.uint64(0)
            r0 = r1 = r2 = r3 = np.uint64(0)
            for v in range(rows):
                bits = np.uint64(packed[base + v, byte])
                at = np.uint64(v)
                # Codes: 0 homozygous alternate, 1 missing, 2 heterozygous, 3 homozygous reference.
                high = bits >> np.uint64(1)
                same = ~(bits ^ high)
                one = np.uint64(1)
                h0 |= (same & one) << at
                r0 |= (high & one) << at
                h1 |= ((same >> np.uint64(2)) & one) << at
                r1 |= ((high >> np.uint64(2)) & one) << at
                h2 |= ((same >> np.uint64(4)) & one) << at
                r2 |= ((high >> np.uint64(4)) & one) << at
                h3 |= ((same >> np.uint64(6)) & one) << at
                r3 |= ((high >> np.uint64(6)) & one) << at
            i = 4 * byte
            hom[i, word], ref[i, word] = h0, r0
            if i + 1 < n:
                hom[i + 1, word], ref[i + 1, word] = h1, r1
            if i + 2 < n:
                hom[i + 2, word], ref[i + 2, word] = h2, r2
            if i + 3 < n:
                hom[i + 3, word], ref[i + 3, word] = h3, r3


@numba.njit(cache=True, boundscheck=False)
def king_rows(hom: np.ndarray, ref: np.ndarray, first: int, last: int, counts: np.ndarray) -> None:
    """Count the genotypes of pairs: people ``first`` to ``last`` against everybody from ``first`` on.

    Args:
        hom, ref: bit planes of people.
        first, last: the rows, ``last`` excluded.
        counts: int32 (4, last - first, n), filled for columns above the row: both heterozygous; opposite
            homozygotes; row heterozygous and column homozygous; the other way round.
    """
    n, n_words = hom.shape
    counts[:] = 0
    for start in range(0, n_words, CHUNK):
        stop = min(start + CHUNK, n_words)
        for j in range(first + 1, n):
            hom_j, ref_j = hom[j, start:stop], ref[j, start:stop]
            for i in range(first, min(last, j)):
                hom_i, ref_i = hom[i, start:stop], ref[i, start:stop]
                het_het = ibs0 = het_i = het_j = np.uint64(0)
                for w in range(stop - start):
                    a, b, c, d = hom_i[w], ref_i[w], hom_j[w], ref_j[w]
                    x, y = b & ~a, d & ~c
                    het_het += popcount(x & y)
                    ibs0 += popcount(a & c & (b ^ d))
                    het_i += popcount(x & c)
                    het_j += popcount(y & a)
                counts[0, i - first, j] += het_het
                counts[1, i - first, j] += ibs0
                counts[2, i - first, j] += het_i
                counts[3, i - first, j] += het_j


@numba.njit(cache=True)
def both_called(hom: np.ndarray, ref: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Variants called in both people of each pair, int64 (n_pairs,)."""
    called = np.zeros(i.shape[0], np.int64)
    for k in range(i.shape[0]):
        for w in range(hom.shape[1]):
            called[k] += popcount((hom[i[k], w] | ref[i[k], w]) & (hom[j[k], w] | ref[j[k], w]))
    return called


@numba.njit(cache=True)
def variant_planes(packed: np.ndarray, n_people: int) -> tuple[np.ndarray, np.ndarray]:
    """Bit planes of variants over people: ``hom`` and ``ref``, uint64 (m, ceil(n / 64)) each."""
    m = packed.shape[0]
    hom = np.zeros((m, (n_people + WORD - 1) // WORD), np.uint64)
    ref = np.zeros_like(hom)
    one = np.uint64(1)
    for v in range(m):
        for i in range(n_people):
            code = np.uint64(packed[v, i >> 2] >> ((i & 3) << 1)) & np.uint64(3)
            at = np.uint64(i & 63)
            hom[v, i >> 6] |= (~(code ^ (code >> one)) & one) << at
            ref[v, i >> 6] |= (code >> one) << at
    return hom, ref


@numba.njit(cache=True)
def r_squared(hom: np.ndarray, ref: np.ndarray, a: int, b: int) -> float:
    """Squared correlation of the dosages of two variants, over people called at both; NaN if constant."""
    n = sum_a = sum_b = squares_a = squares_b = products = np.int64(0)
    for w in range(hom.shape[1]):
        called = (hom[a, w] | ref[a, w]) & (hom[b, w] | ref[b, w])
        het_a, het_b = ref[a, w] & ~hom[a, w] & called, ref[b, w] & ~hom[b, w] & called
        alt_a, alt_b = hom[a, w] & ~ref[a, w] & called, hom[b, w] & ~ref[b, w] & called
        hets_a, hets_b = np.int64(popcount(het_a)), np.int64(popcount(het_b))
        alts_a, alts_b = np.int64(popcount(alt_a)), np.int64(popcount(alt_b))
        n += np.int64(popcount(called))
        sum_a += hets_a + 2 * alts_a
        sum_b += hets_b + 2 * alts_b
        squares_a += hets_a + 4 * alts_a
        squares_b += hets_b + 4 * alts_b
        products += np.int64(popcount(het_a & het_b))
        products += 2 * np.int64(popcount((het_a & alt_b) | (alt_a & het_b)))
        products += 4 * np.int64(popcount(alt_a & alt_b))
    covariance = float(n * products - sum_a * sum_b)
    variances = float(n * squares_a - sum_a * sum_a) * float(n * squares_b - sum_b * sum_b)
    return covariance * covariance / variances if variances > 0 else math.nan


@numba.njit(cache=True)
def prune(hom: np.ndarray, ref: np.ndarray, chrom: np.ndarray, window: int, max_r2: float) -> np.ndarray:
    """Which variants are nearly uncorrelated with those kept before them, bool (m,).

    From first to last, a variant is kept unless its r-squared with one of the kept among the ``window``
    variants before it on the same chromosome is above ``max_r2``, or it is constant.

    Args:
        hom, ref: bit planes of variants, in genome order.
        chrom: int (m,), code of the chromosome.
        window: how many variants back are looked at.
        max_r2: the limit.
    """
    m = hom.shape[0]
    kept = np.zeros(m, np.bool_)
    for v in range(m):
        keep = not math.isnan(r_squared(hom, ref, v, v))
        u = v - 1
        while keep and u >= 0 and u >= v - window and chrom[u] == chrom[v]:
            if kept[u] and r_squared(hom, ref, u, v) > max_r2:
                keep = False
            u -= 1
        kept[v] = keep
    return kept
