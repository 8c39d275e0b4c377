"""Where in its transcript a change stands: coordinates, exons, introns, splice sites.

Splice terms, by distance from the edge of an exon (SO, and VEP's order of them): ``splice_donor_variant`` the
first two bases of an intron, ``splice_acceptor_variant`` its last two; ``splice_donor_5th_base_variant`` its
fifth; ``splice_donor_region_variant`` its third to sixth; ``splice_polypyrimidine_tract_variant`` from its
17th last to its third last; ``splice_region_variant`` its third to eighth base from either edge, and the
last or first three bases of the exon. Only the most telling are given: beside donor or acceptor none of the
others, beside the fifth base no donor region, beside the donor region no splice region.

A name stands as far 3' as the change slides (HGVS). The effect is that of the first place, from there 5',
that leaves the two bases of every splice site alone; if there is none, that of the name. So ``c.190+1dup``,
which is ``c.190dup`` as well, adds a base to the exon, and a deletion of one A of ``AAAAG`` before an exon
keeps the acceptor.

An insertion is in a region when both its neighbours are. Between exon and intron, and between the second
and third base of the intron, it is in the splice region.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from endotype.annotation.effects.terms import (
    ABLATION,
    ACCEPTOR,
    DONOR,
    DONOR_5TH,
    DONOR_REGION,
    DOWNSTREAM,
    INTRON,
    POLYPYRIMIDINE,
    SPLICE_REGION,
    UPSTREAM,
)

OUTSIDE, SUBSTITUTION, DELETION, INSERTION, DUPLICATION, INVERSION, DELINS = range(7)
"""How a change is named."""


class Placed(NamedTuple):
    """Changes in transcripts, one row per pair; positions are 0-based in the transcript.

    Attributes:
        edit: ``SUBSTITUTION`` ... ``DELINS``; ``OUTSIDE`` where it touches no base of the transcript, or all.
        first, first_offset, last, last_offset: the bases that name it, 5' to 3': an exonic base and the way
            from it into the intron (positive 3'). Replaced bases; of an insertion its neighbours, of a
            duplication the copied bases.
        at, to: the part of the transcript that is replaced, half-open, where that is one stretch of
            one exon; else -1.
        low, high: exonic bases among the replaced, half-open; an insertion at an exon has ``low = high``;
            both -1 where there are none.
        exon_first, exon_last, intron_first, intron_last: those it touches, 0-based; -1 for none.
        terms: bits of :mod:`~endotype.annotation.effects.terms`.
        crosses: what it copies is partly exon and partly intron, or a whole splice site.
        within: all of it is in the transcript. Positions of a change that begins or ends beside the
        transcript
            are counted on, as if its first or last exon were longer.
        slid: how far 5' of its name its effect was looked at.
        bases_offset, bases: its new bases, 5' to 3' in the transcript, where its effect was looked at, are
            ``bases[bases_offset[i] : bases_offset[i + 1]]``.
        replaced: code of the replaced base of a substitution, in the transcript.
    """

    edit: np.ndarray
    first: np.ndarray
    first_offset: np.ndarray
    last: np.ndarray
    last_offset: np.ndarray
    at: np.ndarray
    to: np.ndarray
    low: np.ndarray
    high: np.ndarray
    exon_first: np.ndarray
    exon_last: np.ndarray
    intron_first: np.ndarray
    intron_last: np.ndarray
    terms: np.ndarray
    crosses: np.ndarray
    within: np.ndarray
    slid: np.ndarray
    bases_offset: np.ndarray
    bases: np.ndarray
    replaced: np.ndarray


@numba.njit(cache=True)
def place(
    variant: np.ndarray,
    transcript: np.ndarray,
    shift: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    at: np.ndarray,
    length: np.ndarray,
    right: np.ndarray,
    left: np.ndarray,
    inverted: np.ndarray,
    alts: np.ndarray,
    window: np.ndarray,
    window_first: int,
    tx_start: np.ndarray,
    tx_end: np.ndarray,
    tx_strand: np.ndarray,
    exon_offset: np.ndarray,
    exon_start: np.ndarray,
    exon_end: np.ndarray,
    exon_at: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Place each pair; arguments are arrays of ``Pairs``, ``Alleles`` and ``Transcripts``.

    Returns:
        The arrays of :class:`Placed`.
    """
    n = len(variant)
    edit = np.zeros(n, np.uint8)
    first, first_offset = np.full(n, -1, np.int64), np.zeros(n, np.int64)
    last, last_offset = np.full(n, -1, np.int64), np.zeros(n, np.int64)
    change_at, change_to = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    low, high = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    exon_first, exon_last = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    intron_first, intron_last = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    terms, crosses, within = np.zeros(n, np.int64), np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    slid = np.zeros(n, np.int64)
    offset = np.zeros(n + 1, np.int64)
    for i in range(n):
        offset[i + 1] = offset[i] + length[variant[i]]
    bases = np.empty(offset[n], np.uint8)
    replaced = np.full(n, 4, np.uint8)
    for i in range(n):
        v, t, k = variant[i], transcript[i], shift[i]
        forward = tx_strand[t] > 0
        size, n_alt = end[v] - start[v] + 1, length[v]
        insertion = size == 0
        _turn(bases, offset[i], alts, at[v], n_alt, k, forward)
        # Behind the last base an insertion is of the transcript only as a copy of what it ends with.
        five = end[v] + k if forward else start[v] + k
        at_end = False
        if insertion and five == (tx_end[t] if forward else tx_start[t]):
            at_end = _copies(
                five, bases, offset[i], n_alt, window, window_first, tx_start[t], tx_end[t], forward
            )
            if not at_end and (k > -left[v] if forward else k < right[v]):
                k += -1 if forward else 1
                _turn(bases, offset[i], alts, at[v], n_alt, k, forward)
        # Neighbours of an insertion, else the first and last replaced base, by the genome.
        a, b = start[v] + k - insertion, end[v] + k + insertion
        if at_end:
            a, b = five, five
        if b < tx_start[t] or (insertion and a < tx_start[t]):
            terms[i] = UPSTREAM if forward else DOWNSTREAM
            continue
        if a > tx_end[t] or (insertion and b > tx_end[t]):
            terms[i] = DOWNSTREAM if forward else UPSTREAM
            continue
        within[i] = a >= tx_start[t] and b <= tx_end[t]
        if a <= tx_start[t] and b >= tx_end[t] and n_alt == 0:
            terms[i] = ABLATION
            continue
        e0, e1 = exon_offset[t], exon_offset[t + 1]
        outer5, outer3 = (a, b) if forward else (b, a)
        a, b = max(a, tx_start[t]), min(b, tx_end[t])
        five, three = (a, b) if forward else (b, a)
        x5, t5, o5 = _locate(five, e0, e1, exon_start, exon_end, exon_at, forward)
        x3, t3, o3 = _locate(three, e0, e1, exon_start, exon_end, exon_at, forward)
        # The name.
        first[i], first_offset[i] = t5 - abs(outer5 - five), o5
        last[i], last_offset[i] = t3 + abs(outer3 - three), o3
        if insertion:
            edit[i] = INSERTION
            if _copies(five, bases, offset[i], n_alt, window, window_first, tx_start[t], tx_end[t], forward):
                edit[i] = DUPLICATION
                copied = five - n_alt + 1 if forward else five + n_alt - 1
                x0, t0, o0 = _locate(copied, e0, e1, exon_start, exon_end, exon_at, forward)
                first[i], first_offset[i], last[i], last_offset[i] = t0, o0, t5, o5
                crosses[i] = (o0 == 0) != (o5 == 0) or x0 != x5 or (o5 == -1 and n_alt > 1)
        elif n_alt == 0:
            edit[i] = DELETION
        elif size == 1 and n_alt == 1:
            edit[i] = SUBSTITUTION
            base = window[five - window_first]
            replaced[i] = base if forward or base > 3 else 3 - base
        else:
            edit[i] = INVERSION if inverted[v] else DELINS
        # The effect, where the change leaves splice sites alone if it can.
        found = _splice_terms(five, three, insertion, x5, x3, e0, e1, exon_start, exon_end, forward)
        room = (k + left[v] if forward else right[v] - k) if within[i] and not at_end else 0
        step = -1 if forward else 1
        back = 0
        while found & (DONOR | ACCEPTOR) and back < room:
            back += 1
            p5, p3 = five + step * back, three + step * back
            if min(p5, p3) < tx_start[t] or max(p5, p3) > tx_end[t]:
                break
            y5, _, _ = _locate(p5, e0, e1, exon_start, exon_end, exon_at, forward)
            y3, _, _ = _locate(p3, e0, e1, exon_start, exon_end, exon_at, forward)
            elsewhere = _splice_terms(p5, p3, insertion, y5, y3, e0, e1, exon_start, exon_end, forward)
            if not elsewhere & (DONOR | ACCEPTOR):
                found, slid[i] = elsewhere, back
                five, three = p5, p3
                x5, t5, o5 = _locate(five, e0, e1, exon_start, exon_end, exon_at, forward)
                x3, t3, o3 = _locate(three, e0, e1, exon_start, exon_end, exon_at, forward)
        if slid[i]:
            _turn(bases, offset[i], alts, at[v], n_alt, k + step * slid[i], forward)
        if crosses[i] and not found & (DONOR | ACCEPTOR):
            found |= SPLICE_REGION
        terms[i] = found
        _touched(i, x5, o5, x3, o3, e0, exon_first, exon_last, intron_first, intron_last)
        if insertion:
            if o5 == 0:
                low[i] = high[i] = t5 + 1
            elif o3 == 0:
                low[i] = high[i] = t3
            if not crosses[i]:
                change_at[i], change_to[i] = low[i], high[i]
        else:
            begin = t5 if o5 == 0 else exon_at[x5] + _length(x5, exon_start, exon_end)
            stop = t3 + 1 if o3 == 0 else exon_at[x3] + _length(x3, exon_start, exon_end)
            if begin < stop:
                low[i], high[i] = begin, stop
            if o5 == 0 and o3 == 0 and x5 == x3 and within[i]:
                change_at[i], change_to[i] = t5, t3 + 1
    return (
        edit,
        first,
        first_offset,
        last,
        last_offset,
        change_at,
        change_to,
        low,
        high,
        exon_first,
        exon_last,
        intron_first,
        intron_last,
        terms,
        crosses,
        within,
        slid,
        offset,
        bases,
        replaced,
    )


@numba.njit(cache=True)
def _turn(bases: np.ndarray, offset: int, alts: np.ndarray, at: int, n: int, k: int, forward: bool) -> None:
    """The new bases 5' to 3' in the transcript, as they are after sliding by ``k``."""
    for q in range(n):
        if forward:
            bases[offset + q] = alts[at + (q + k) % n]
        else:
            bases[offset + q] = 3 - alts[at + (n - 1 - q + k) % n]


@numba.njit(cache=True)
def _length(x: int, exon_start: np.ndarray, exon_end: np.ndarray) -> int:
    return exon_end[x] - exon_start[x] + 1


@numba.njit(cache=True)
def _locate(
    pos: int,
    e0: int,
    e1: int,
    exon_start: np.ndarray,
    exon_end: np.ndarray,
    exon_at: np.ndarray,
    forward: bool,
) -> tuple[int, int, int]:
    """The exon at or before a base, the nearest exonic position, and the way from there into the intron."""
    low, high = e0, e1 - 1
    while low < high:
        middle = (low + high + 1) // 2
        if (exon_start[middle] <= pos) if forward else (exon_end[middle] >= pos):
            low = middle
        else:
            high = middle - 1
    into = pos - exon_start[low] if forward else exon_end[low] - pos
    size = exon_end[low] - exon_start[low] + 1
    if into < size:
        return low, exon_at[low] + into, 0
    after = into - size + 1
    before = exon_start[low + 1] - pos if forward else pos - exon_end[low + 1]
    # In the middle of an intron the nearer exon names a base; of an odd number, the middle one is named by
    # the exon before.
    if after <= before:
        return low, exon_at[low] + size - 1, after
    return low, exon_at[low + 1], -before


@numba.njit(cache=True)
def _touched(
    i: int,
    x5: int,
    o5: int,
    x3: int,
    o3: int,
    e0: int,
    exon_first: np.ndarray,
    exon_last: np.ndarray,
    intron_first: np.ndarray,
    intron_last: np.ndarray,
) -> None:
    exons = (x5 if o5 == 0 else x5 + 1), x3
    introns = x5, (x3 - 1 if o3 == 0 else x3)
    if exons[0] <= exons[1]:
        exon_first[i], exon_last[i] = exons[0] - e0, exons[1] - e0
    if introns[0] <= introns[1]:
        intron_first[i], intron_last[i] = introns[0] - e0, introns[1] - e0


@numba.njit(cache=True)
def _splice_terms(
    five: int,
    three: int,
    insertion: bool,
    x5: int,
    x3: int,
    e0: int,
    e1: int,
    exon_start: np.ndarray,
    exon_end: np.ndarray,
    forward: bool,
) -> int:
    """Terms of the introns at the exons ``x5`` to ``x3`` for a change from base ``five`` to ``three``."""
    found = 0
    for x in range(max(e0, x5 - 1), min(e1 - 2, x3) + 1):
        if forward:
            size = exon_start[x + 1] - exon_end[x] - 1
            a, b = five - exon_end[x], three - exon_end[x]
        else:
            size = exon_start[x] - exon_end[x + 1] - 1
            a, b = exon_start[x] - five, exon_start[x] - three
        # From the donor: 1 is the first base of the intron, 0 the last of the exon. From the acceptor: 0 is
        # the last base of the intron, 1 the first of the exon.
        c, d = a - size, b - size
        found |= DONOR * _meets(a, b, 1, min(2, size), insertion)
        found |= DONOR_5TH * _meets(a, b, 5, min(5, size), insertion)
        found |= DONOR_REGION * _meets(a, b, 3, min(6, size), insertion)
        found |= SPLICE_REGION * (_meets(a, b, 3, min(8, size), insertion) or _meets(a, b, -2, 0, insertion))
        found |= ACCEPTOR * _meets(c, d, max(-1, 1 - size), 0, insertion)
        found |= SPLICE_REGION * (
            _meets(c, d, max(-7, 1 - size), -2, insertion) or _meets(c, d, 1, 3, insertion)
        )
        found |= POLYPYRIMIDINE * _meets(c, d, max(-16, 1 - size), -2, insertion)
        if insertion:
            found |= SPLICE_REGION * (a == 0 or a == 2 or c == 0 or c == -2)
            found |= INTRON * (a >= 2 and b <= size - 1)
        else:
            found |= INTRON * (a <= size - 2 and b >= 3)
    if found & (DONOR | ACCEPTOR):
        return found & ~(DONOR_5TH | DONOR_REGION | SPLICE_REGION | POLYPYRIMIDINE)
    if found & DONOR_5TH:
        return found & ~(DONOR_REGION | SPLICE_REGION)
    if found & DONOR_REGION:
        return found & ~SPLICE_REGION
    return found


@numba.njit(cache=True)
def _meets(a: int, b: int, low: int, high: int, insertion: bool) -> bool:
    if insertion:
        return a >= low and b <= high
    return a <= high and b >= low and low <= high


@numba.njit(cache=True)
def _copies(
    five: int,
    bases: np.ndarray,
    at: int,
    n: int,
    window: np.ndarray,
    first: int,
    tx_start: int,
    tx_end: int,
    forward: bool,
) -> bool:
    """Whether ``n`` inserted bases are those before them, and these are all of the transcript."""
    low = five - n + 1 if forward else five
    if low < tx_start or low + n - 1 > tx_end or low < first or low - first + n > len(window):
        return False
    for q in range(n):
        base = window[low + q - first] if forward else window[low + n - 1 - q - first]
        if base > 3 or bases[at + q] != (base if forward else 3 - base):
            return False
    return True
