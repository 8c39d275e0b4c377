"""Numba kernels that turn raw BCF calls into PLINK's 2 bits, with what is counted on the way."""

from __future__ import annotations

import numba
import numpy as np

from endotype.variants.bcf_kernels import (
    _SIZE,
    AT,
    END_OF_VECTOR,
    TYPE,
    WIDTH,
    integer,
    others,
)

(
    N_HOM_REF, N_HET, N_HOM_ALT, N_MISSING, DIPLOID_REF, DIPLOID_HET, DIPLOID_ALT, ALT_COUNT, ALLELE_NUMBER,
    MASKED_QUALITY, MASKED_DEPTH, MASKED_BALANCE,
) = range(12)  # fmt: skip
"""Columns of the counts of :func:`decode_block`."""

GT, GQ, DP, AD, OA = range(5)
"""FORMAT fields, in the order :func:`decode_block` has them."""

(
    N_DEPTH, SUM_DEPTH, N_QUALITY, SUM_QUALITY, N_CHARR, SUM_CHARR, N_DEPTH_X, SUM_DEPTH_X, N_DEPTH_Y,
    SUM_DEPTH_Y,
) = range(10)  # fmt: skip
"""Columns of the sums of :func:`add_reads`."""

AUTOSOME, X, Y, OTHER = range(4)
"""Kinds of place that :func:`add_reads` keeps apart."""

_CODE = np.array([3, 2, 0, 1], np.uint8)  # PLINK's bits for 0, 1, 2 copies of ALT, and for missing


@numba.njit(cache=True, nogil=True)
def read_numbers(data: np.ndarray, field: np.ndarray, column: int, out: np.ndarray) -> None:
    """One column of a numeric FORMAT field of all samples into ``out``, float32 (n,); NaN where missing.

    Args:
        field: type, width and place (:func:`~bcf_kernels.scan`); a record that doesn't have it gives NaN.
    """
    kind, width, at = field[TYPE], field[WIDTH], field[AT]
    n = len(out)
    if kind == 0 or width <= column:
        out[:] = np.nan
    elif kind == 1:
        for i in range(n):
            byte = data[at + i * width + column]
            out[i] = np.float32(byte) if byte < 128 else np.nan
    elif kind == 5:
        values = data[at : at + 4 * width * n].view(np.float32)
        for i in range(n):
            out[i] = values[i * width + column]
    else:
        size = _SIZE[kind]
        for i in range(n):
            value = integer(data, at + (i * width + column) * size, kind)
            out[i] = np.float32(value) if value >= 0 else np.nan


@numba.njit(cache=True, nogil=True)
def decode_block(
    data: np.ndarray,
    formats: np.ndarray,
    haploid: np.ndarray,
    zone: np.ndarray,
    min_quality: float,
    min_depth: float,
    min_balance: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Pack the calls of biallelic, normalised records; calls that can't be trusted become missing.

    Args:
        data: a block.
        formats: int64 (n, 5, 3), GT, GQ, DP, AD and OA of each record (:func:`~bcf_kernels.scan`).
        haploid: bool (n_zones, n_people); zone int64 (n,) says which row holds for a record.
        min_quality: smallest GQ.
        min_depth: smallest DP; half of it is enough for a haploid call.
        min_balance: smallest share of reads with ALT (AD over DP) of a heterozygous call.

    Returns:
        uint8 (n, ceil(n_people / 4)) of PLINK's bits, and int64 (n, 12) counts, the columns above.

    A value that is missing holds nothing against a call. A half call is missing, unless OA says that what
    it leaves out is another ALT: then how many copies of this ALT there are is known. Haploid calls count as
    homozygous.
    """
    n, n_people = len(formats), haploid.shape[1]
    packed = np.zeros((n, (n_people + 3) // 4), np.uint8)
    counts = np.zeros((n, 12), np.int64)
    quality, depth = np.empty(n_people, np.float32), np.empty(n_people, np.float32)
    reads = np.empty((2, n_people), np.float32)
    for v in range(n):
        gt_kind, width, at = formats[v, GT, TYPE], formats[v, GT, WIDTH], formats[v, GT, AT]
        one_copy = haploid[zone[v]]
        judged = False
        for k in (GQ, DP, AD):
            judged = judged or (formats[v, k, TYPE] != 0 and formats[v, k, WIDTH] > 0)
        if gt_kind == 1 and width == 2 and zone[v] == 0 and not judged and formats[v, OA, TYPE] == 0:
            _decode_plain(data, at, packed[v], counts[v], n_people)
            continue
        size = _SIZE[gt_kind]
        read_numbers(data, formats[v, GQ], 0, quality)
        read_numbers(data, formats[v, DP], 0, depth)
        two = formats[v, AD, WIDTH] == 2
        read_numbers(data, formats[v, AD], 0 if two else 99, reads[0])
        read_numbers(data, formats[v, AD], 1 if two else 99, reads[1])
        for i in range(n_people):
            called, length, alternate = 0, 0, 0
            if gt_kind != 0:
                for j in range(width):
                    value = integer(data, at + (i * width + j) * size, gt_kind)
                    if value == END_OF_VECTOR:
                        break
                    length += 1
                    called += value >= 2
                    alternate += (value >> 1) == 2
            state = 3
            if length > 0 and length <= 2 and called + others(data, formats[v, OA], i) == length:
                single = length == 1 or (one_copy[i] and called == 2 and alternate != 1)
                het = alternate == 1 and length == 2
                fault = 0
                if judged:
                    limit = min_depth / 2 if single else min_depth
                    if quality[i] < min_quality:
                        fault = 1
                    elif depth[i] < limit:
                        fault = 2
                    elif het:
                        total = depth[i] if depth[i] > 0 else reads[0, i] + reads[1, i]
                        if total > 0 and reads[1, i] < min_balance * total:
                            fault = 3
                if fault:
                    counts[v, MASKED_QUALITY + fault - 1] += 1
                else:
                    state = 1 if het else (2 if alternate > 0 else 0)
                    copies = 1 if single else 2
                    counts[v, ALLELE_NUMBER] += copies
                    counts[v, ALT_COUNT] += min(alternate, copies)
                    if not single:
                        counts[v, DIPLOID_REF + state] += 1
            counts[v, N_HOM_REF + state] += 1
            packed[v, i >> 2] |= np.uint8(_CODE[state] << ((i & 3) << 1))
    return packed, counts


@numba.njit(cache=True, nogil=True)
def _decode_plain(data: np.ndarray, at: int, packed: np.ndarray, counts: np.ndarray, n_people: int) -> None:
    """The common case: two alleles a call in a byte each, and nothing to judge them by."""
    tally = np.zeros(4, np.int64)
    singles = np.zeros(4, np.int64)
    for i in range(n_people):
        a, b = data[at + 2 * i], data[at + 2 * i + 1]
        state = 3
        if a >= 2 and a < 128 and b >= 2:
            state = ((a >> 1) == 2) + ((b >> 1) == 2)
            if b == 129:
                state *= 2
                singles[state] += 1
        tally[state] += 1
        packed[i >> 2] |= np.uint8(_CODE[state] << ((i & 3) << 1))
    for state in range(4):
        counts[N_HOM_REF + state] = tally[state]
    for state in range(3):
        counts[DIPLOID_REF + state] = tally[state] - singles[state]
    counts[ALT_COUNT] = tally[1] + 2 * tally[2] - singles[2]
    counts[ALLELE_NUMBER] = 2 * (tally[0] + tally[1] + tally[2]) - singles[0] - singles[2]


@numba.njit(cache=True, nogil=True)
def add_reads(
    data: np.ndarray,
    formats: np.ndarray,
    packed: np.ndarray,
    kept: np.ndarray,
    place: np.ndarray,
    frequency: np.ndarray,
    units: int,
    sums: np.ndarray,
) -> None:
    """Add to each person's sums of depth, genotype quality and CHARR terms over kept variants.

    Args:
        packed: of :func:`decode_block`.
        kept: bool (n,).
        place: int64 (n,), autosome, X or Y outside the pseudoautosomal regions, or other.
        frequency: float64 (n,), frequency of ALT elsewhere where CHARR is to be taken (autosomal SNV with
            0.05 < reference frequency < 0.95), else NaN (CHARR, Lu et al. 2023).
        units: sums are whole numbers of 1 / ``units``, so that they don't depend on order.
        sums: int64 (n_people, 10), added to.
    """
    n_people = len(sums)
    depth, quality = np.empty(n_people, np.float32), np.empty(n_people, np.float32)
    reads = np.empty((2, n_people), np.float32)
    for v in range(len(kept)):
        if not kept[v] or place[v] == OTHER:
            continue
        if formats[v, DP, WIDTH] == 0 and formats[v, GQ, WIDTH] == 0 and formats[v, AD, WIDTH] == 0:
            continue
        first = N_DEPTH if place[v] == AUTOSOME else (N_DEPTH_X if place[v] == X else N_DEPTH_Y)
        read_numbers(data, formats[v, DP], 0, depth)
        read_numbers(data, formats[v, GQ], 0, quality)
        charr = frequency[v] == frequency[v] and formats[v, AD, WIDTH] == 2
        if charr:
            read_numbers(data, formats[v, AD], 0, reads[0])
            read_numbers(data, formats[v, AD], 1, reads[1])
        for i in range(n_people):
            code = (packed[v, i >> 2] >> ((i & 3) << 1)) & 3
            if code == 1:
                continue
            if depth[i] >= 0:
                sums[i, first] += 1
                sums[i, first + 1] += np.int64(round(np.float64(depth[i]) * units))
            if place[v] != AUTOSOME:
                continue
            if quality[i] >= 0:
                sums[i, N_QUALITY] += 1
                sums[i, SUM_QUALITY] += np.int64(round(np.float64(quality[i]) * units))
            if code == 0 and charr:
                total = np.float64(reads[0, i]) + np.float64(reads[1, i])
                if reads[0, i] >= 0 and total >= 10 and total <= 100:
                    share = np.float64(reads[0, i]) / total
                    sums[i, N_CHARR] += 1
                    sums[i, SUM_CHARR] += np.int64(round(share / (1 - frequency[v]) * units))
