"""Genotypes to VCF text: the inner loop of the simulation."""

from __future__ import annotations

import numba
import numpy as np

COLON, COMMA, DOT, NEWLINE, SLASH, TAB, ZERO = (ord(c) for c in ":,.\n/\t0")
MAX_CELL_BYTES = 32
"""Upper limit of the bytes of one sample's column."""


@numba.njit(cache=True)
def _put_number(out: np.ndarray, at: int, value: int) -> int:
    """Write a number from 0 to 99999 in decimal; return the place after it."""
    scale = 10
    while value >= scale:
        scale *= 10
    while scale > 1:
        scale //= 10
        out[at] = ZERO + value // scale % 10
        at += 1
    return at


@numba.njit(cache=True)
def _put_allele(out: np.ndarray, at: int, allele: int) -> int:
    out[at] = DOT if allele < 0 else ZERO + allele
    return at + 1


@numba.njit(cache=True)
def format_records(
    prefixes: np.ndarray,
    prefix_ends: np.ndarray,
    alleles: np.ndarray,
    ploidy: np.ndarray,
    n_alleles: np.ndarray,
    depths: np.ndarray,
    quality: np.ndarray,
    out: np.ndarray,
) -> int:
    """Write whole VCF lines with FORMAT ``GT:AD:DP:GQ``; return the number of bytes written.

    Args:
        prefixes: uint8, the fixed columns of all records one after the other, without a tab at the end.
        prefix_ends: int64 of shape (n_records,), where each record's prefix ends in ``prefixes``.
        alleles: int8 of shape (n_records, n_people, 2), -1 is missing; haploid calls use the first only.
        ploidy: uint8 of shape (n_people,); 0 is written as a missing haploid call.
        n_alleles: int8 of shape (n_records,), reference included.
        depths: int16 of shape (n_records, n_people, 3), reads of each allele.
        quality: int16 of shape (n_records, n_people).
        out: uint8, room for the prefixes and ``MAX_CELL_BYTES`` per call.
    """
    at = 0
    start = 0
    for v in range(alleles.shape[0]):
        for i in range(start, prefix_ends[v]):
            out[at] = prefixes[i]
            at += 1
        start = prefix_ends[v]
        for p in range(alleles.shape[1]):
            out[at] = TAB
            at += 1
            a, b = alleles[v, p, 0], alleles[v, p, 1]
            if ploidy[p] < 2:
                missing = a < 0 or ploidy[p] == 0
                at = _put_allele(out, at, -1 if missing else a)
            else:
                missing = a < 0 and b < 0
                at = _put_allele(out, at, min(a, b))
                out[at] = SLASH
                at = _put_allele(out, at + 1, max(a, b))
            out[at] = COLON
            at += 1
            if missing:
                for c in (DOT, COLON, DOT, COLON, DOT):
                    out[at] = c
                    at += 1
                continue
            total = 0
            for k in range(n_alleles[v]):
                if k:
                    out[at] = COMMA
                    at += 1
                at = _put_number(out, at, depths[v, p, k])
                total += depths[v, p, k]
            out[at] = COLON
            at = _put_number(out, at + 1, total)
            out[at] = COLON
            at = _put_number(out, at + 1, quality[v, p])
        out[at] = NEWLINE
        at += 1
    return at
