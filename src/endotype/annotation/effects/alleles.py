"""What an allele changes, whatever the caller wrote around it, and how far the change can slide.

Alleles of a repeat can be written at several places. The bases that both alleles share are cut off; a pure
insertion or deletion is then slid as far as it goes in either direction, so that all that follows sees
every spelling of it alike.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from endotype.annotation.transcripts import BASES

USABLE, NOT_A_SEQUENCE, BEYOND, DIFFERS, NO_CHANGE, AT_WINDOW_EDGE = range(6)
"""What is the matter with an allele: nothing; symbolic, missing or with letters other than A, C, G and T;
it isn't on the contig; its REF isn't what the reference has; REF and ALT are equal; it slides out of the
window."""

CODES = np.full(256, 4, np.uint8)
"""The code of each letter, as in :data:`endotype.annotation.transcripts.BASES`."""
for _i, _base in enumerate(BASES[:4]):
    CODES[ord(_base)] = CODES[ord(_base.lower())] = _i


class Alleles(NamedTuple):
    """The changes of ``n`` variants; all arrays have shape (n,).

    Attributes:
        start, end: bases of the genome that are replaced, 1-based; an insertion stands between ``end`` and
            ``start = end + 1``.
        at, length: its new bases are ``codes[at : at + length]`` of the codes of all ALT letters.
        right, left: how many bases it can slide to either side; 0 unless a pure insertion or deletion.
        repeats: slid to the right, an insertion repeats the bases before it (a duplication); of two or more
            replaced bases, the new ones are their reverse complement (an inversion).
        fault: ``USABLE``, or why not; nothing else is valid then.
    """

    start: np.ndarray
    end: np.ndarray
    at: np.ndarray
    length: np.ndarray
    right: np.ndarray
    left: np.ndarray
    repeats: np.ndarray
    fault: np.ndarray


@numba.njit(cache=True)
def read_alleles(
    positions: np.ndarray,
    refs: np.ndarray,
    ref_offset: np.ndarray,
    alts: np.ndarray,
    alt_offset: np.ndarray,
    window: np.ndarray,
    first: int,
    contig_length: int,
) -> tuple[np.ndarray, ...]:
    """Trim and slide alleles.

    Args:
        positions: 1-based POS, int64, shape (n,).
        refs, alts: codes of all letters of REF and ALT, joined.
        ref_offset, alt_offset: where each begins, shape (n + 1,).
        window: codes of the reference from 1-based ``first`` on.
        contig_length: the last base of the contig; where the window ends before, a change that slides
            to its edge is marked.

    Returns:
        The arrays of :class:`Alleles`.
    """
    n = len(positions)
    start, end, at, length = (
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
    )
    right, left = np.zeros(n, np.int64), np.zeros(n, np.int64)
    repeats, fault = np.zeros(n, np.bool_), np.zeros(n, np.uint8)
    last = first + len(window) - 1
    for v in range(n):
        r0, r1, a0, a1 = ref_offset[v], ref_offset[v + 1], alt_offset[v], alt_offset[v + 1]
        fault[v] = _fault(positions[v], refs, r0, r1, alts, a0, a1, window, first, contig_length)
        if fault[v]:
            continue
        while r1 > r0 and a1 > a0 and refs[r1 - 1] == alts[a1 - 1]:
            r1 -= 1
            a1 -= 1
        s = positions[v]
        while r1 > r0 and a1 > a0 and refs[r0] == alts[a0]:
            r0 += 1
            a0 += 1
            s += 1
        n_ref, n_alt = r1 - r0, a1 - a0
        e = s + n_ref - 1
        start[v], end[v], at[v], length[v] = s, e, a0, n_alt
        if n_ref and n_alt:
            repeats[v] = n_ref == n_alt and n_ref > 1
            for q in range(n_alt):
                repeats[v] = repeats[v] and alts[a0 + q] == 3 - refs[r1 - 1 - q]
            continue
        # Of an insertion the new bases turn round as it slides, of a deletion the replaced ones do.
        unit = max(n_ref, n_alt)
        k = 0
        while e + 1 + k <= last:
            base = window[e + 1 + k - first]
            moving = alts[a0 + k % unit] if n_alt else window[s + k - first]
            if base > 3 or base != moving:
                break
            k += 1
        right[v] = k
        if e + 1 + k > last and last < contig_length:
            fault[v] = AT_WINDOW_EDGE
        k = 0
        while s - 1 - k >= first:
            base = window[s - 1 - k - first]
            moving = alts[a1 - 1 - k % unit] if n_alt else window[e - k - first]
            if base > 3 or base != moving:
                break
            k += 1
        left[v] = k
        if s - 1 - k < first and first > 1:
            fault[v] = AT_WINDOW_EDGE
        if n_alt:
            p = e + right[v] - n_alt + 1  # the first base of the copy
            if p < first:
                fault[v] = AT_WINDOW_EDGE if first > 1 else fault[v]
                continue
            repeats[v] = True
            for q in range(n_alt):
                repeats[v] = repeats[v] and window[p + q - first] == alts[a0 + (q + right[v]) % n_alt]
    return start, end, at, length, right, left, repeats, fault


@numba.njit(cache=True)
def _fault(
    pos: int,
    refs: np.ndarray,
    r0: int,
    r1: int,
    alts: np.ndarray,
    a0: int,
    a1: int,
    window: np.ndarray,
    first: int,
    contig_length: int,
) -> int:
    if a0 == a1 or r0 == r1:
        return NOT_A_SEQUENCE
    for q in range(a0, a1):
        if alts[q] > 3:
            return NOT_A_SEQUENCE
    if pos < 1 or pos + r1 - r0 - 1 > contig_length:
        return BEYOND
    if pos < first or pos - first + r1 - r0 > len(window):
        return DIFFERS
    same = r1 - r0 == a1 - a0
    for q in range(r1 - r0):
        if refs[r0 + q] != window[pos - first + q]:
            return DIFFERS
        same = same and refs[r0 + q] == alts[a0 + q]
    return NO_CHANGE if same else USABLE


class Pairs(NamedTuple):
    """Variants with the transcripts at them, by variant, then transcript; arrays of shape (rows,)."""

    variant: np.ndarray
    transcript: np.ndarray
    shift: np.ndarray
    """How far to slide the change to the right to stand where it stands in this transcript."""


@numba.njit(cache=True)
def pair(
    start: np.ndarray,
    end: np.ndarray,
    right: np.ndarray,
    left: np.ndarray,
    fault: np.ndarray,
    tx_start: np.ndarray,
    tx_end: np.ndarray,
    tx_strand: np.ndarray,
    distance: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All transcripts that a change meets, or has within ``distance`` bases; arguments as elsewhere.

    The change is slid 3' in the direction of the transcript, but not over the transcript's end.
    ``tx_start`` ascends.
    """
    n, m = len(start), len(tx_start)
    reach = np.empty(m, np.int64)  # how far the transcripts up to here reach
    furthest = np.int64(0)
    for t in range(m):
        furthest = max(furthest, tx_end[t])
        reach[t] = furthest
    size = max(16, 2 * n)
    variant, transcript, shift = (
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.int64),
    )
    rows = 0
    for v in range(n):
        if fault[v]:
            continue
        low, high = start[v] - left[v] - distance - 1, end[v] + right[v] + distance + 1
        behind = np.searchsorted(tx_start, high, side="right")
        near = behind
        while near > 0 and reach[near - 1] >= low:
            near -= 1
        for t in range(near, behind):
            if tx_end[t] < low:
                continue
            k = _slide(start[v], end[v], right[v], left[v], tx_start[t], tx_end[t], tx_strand[t])
            # An insertion has its two neighbours; both must be within.
            insertion = end[v] < start[v]
            a = start[v] + k - insertion
            b = end[v] + k + insertion
            if b < tx_start[t] - distance or a > tx_end[t] + distance:
                continue
            if rows == size:
                size *= 2
                variant, transcript, shift = _grown(variant), _grown(transcript), _grown(shift)
            variant[rows], transcript[rows], shift[rows] = v, t, k
            rows += 1
    return variant[:rows], transcript[:rows], shift[:rows]


@numba.njit(cache=True)
def _slide(s: int, e: int, right: int, left: int, tx_start: int, tx_end: int, strand: int) -> int:
    """The slide of a change in a transcript: the furthest 3' within it, else the furthest of all.

    Of an insertion the base before it must be within: it may be a copy of the transcript's last bases.
    """
    insertion = 1 if e < s else 0
    if strand > 0:
        k = min(right, tx_end - e)
        return k if k >= -left and s - insertion + k >= tx_start else right
    k = max(-left, tx_start - s)
    return k if k <= right and e + insertion + k <= tx_end else -left


@numba.njit(cache=True)
def _grown(array: np.ndarray) -> np.ndarray:
    larger = np.empty(2 * len(array), array.dtype)
    larger[: len(array)] = array
    return larger
