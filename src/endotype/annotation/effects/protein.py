"""What a change does to the protein: terms, the parts of its name, the new stop, nonsense-mediated decay.

The altered transcript is read codon by codon, only as far as needed: through the altered codons when the
frame stays, to the next stop when it doesn't. What is different is then found as HGVS asks for it: the first
residue that differs, and no residue written that both proteins have at the end.

The rule of nonsense-mediated decay: a premature stop more than 50 bases upstream of the last junction of
exons triggers it (Nagy and Maquat 1998, doi:10.1016/S0968-0004(98)01208-0); transcripts of one exon escape.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from endotype.annotation.effects.codons import AMINO_ACIDS, STOP
from endotype.annotation.effects.terms import (
    ACCEPTOR,
    CODING_SEQUENCE,
    DONOR,
    FRAMESHIFT,
    INCOMPLETE_TERMINAL,
    INFRAME_DELETION,
    INFRAME_INSERTION,
    INTRON,
    MISSENSE,
    NONCODING,
    NONCODING_EXON,
    PROTEIN_ALTERING,
    START_LOST,
    START_RETAINED,
    STOP_GAINED,
    STOP_LOST,
    STOP_RETAINED,
    SYNONYMOUS,
    UTR_3,
    UTR_5,
)

(
    NONE,
    UNPREDICTED,
    START,
    SAME,
    SUBSTITUTED,
    DELETED,
    DUPLICATED,
    INSERTED,
    REPLACED,
    SHIFTED,
    EXTENDED,
) = range(11)
"""The forms of a protein name; ``NONE`` where there is none to give, ``UNPREDICTED`` for ``p.?``."""

PREDICTABLE, FRAME_KNOWN, CODING, NOT_CODING = range(4)
"""What may be said of a transcript: all; terms but no name; that it is coding; that it isn't."""

READING = {
    "": PREDICTABLE,
    "cds_start_incomplete": FRAME_KNOWN,
    "cds_end_incomplete": FRAME_KNOWN,
    "no_stop_codon": FRAME_KNOWN,
    "not_coding": NOT_CODING,
}
"""By the status of a transcript; every other status is ``CODING``."""

NMD_UNKNOWN, NMD_ESCAPES, NMD_PREDICTED = range(3)
NMD_DISTANCE = 50


class Change(NamedTuple):
    """What changes in to the protein, one row per pair.

    Attributes:
        terms: bits, those of the place included.
        form: form of the protein name.
        first, last: 0-based residues that it names (``last`` of ``EXTENDED`` and ``SHIFTED`` is ``first``).
        first_residue, last_residue: their ASCII letters.
        residues_offset, residues: new residues, ASCII letters.
        until_stop: residues to the new stop as HGVS counts them in ``fsTer`` and ``extTer``; -1 for none
        found.
        new_stop: 1-based residue of a stop that wasn't there, -1 for none.
        nmd: ``NMD_PREDICTED``, ``NMD_ESCAPES`` or ``NMD_UNKNOWN``.
        codon_first, codon_last: 0-based codons that the change touches; -1 for none; an insertion between
            codons has ``codon_last = codon_first - 1``.
        in_coding: some of what it touches codes for protein.
    """

    terms: np.ndarray
    form: np.ndarray
    first: np.ndarray
    last: np.ndarray
    first_residue: np.ndarray
    last_residue: np.ndarray
    residues_offset: np.ndarray
    residues: np.ndarray
    until_stop: np.ndarray
    new_stop: np.ndarray
    nmd: np.ndarray
    codon_first: np.ndarray
    codon_last: np.ndarray
    in_coding: np.ndarray


@numba.njit(cache=True)
def change_protein(
    transcript: np.ndarray,
    anchor: np.ndarray,
    anchor_offset: np.ndarray,
    end_offset: np.ndarray,
    at: np.ndarray,
    to: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    crosses: np.ndarray,
    bases_offset: np.ndarray,
    bases: np.ndarray,
    placed_terms: np.ndarray,
    sequence_offset: np.ndarray,
    sequence: np.ndarray,
    cds_start: np.ndarray,
    cds_end: np.ndarray,
    phase: np.ndarray,
    code: np.ndarray,
    reading: np.ndarray,
    last_exon_at: np.ndarray,
    exons: np.ndarray,
    end_known: np.ndarray,
    start_known: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Read the altered transcripts; arguments are arrays of ``Pairs``, ``Placed`` and ``Transcripts``.

    Args:
        anchor: the exonic base that names the 5' end of the change.
        anchor_offset, end_offset: how far into an intron the named bases are.
        reading: what may be said of each transcript.
        last_exon_at: position in each transcript of the first base of its last exon.
        exons: number of exons of each transcript.
        end_known, start_known: whether the 3' and the 5' end of its coding sequence are in it.

    Returns:
        The arrays of :class:`Change`.
    """
    n = len(transcript)
    terms = placed_terms.copy()
    form = np.zeros(n, np.uint8)
    first, last = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    first_residue, last_residue = np.zeros(n, np.uint8), np.zeros(n, np.uint8)
    until_stop, new_stop = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    nmd = np.zeros(n, np.uint8)
    codon_first, codon_last = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    in_coding = np.zeros(n, np.bool_)
    residues_offset = np.zeros(n + 1, np.int64)
    residues = np.empty(max(1024, 2 * n), np.uint8)
    used = 0
    for i in range(n):
        residues_offset[i] = used
        t = transcript[i]
        if low[i] < 0:
            if reading[t] == NOT_CODING:
                terms[i] |= NONCODING * (terms[i] & (INTRON | DONOR | ACCEPTOR) != 0)
            elif cds_start[t] <= anchor[i] < cds_end[t] and (crosses[i] or terms[i] & (DONOR | ACCEPTOR)):
                form[i] = UNPREDICTED if reading[t] == PREDICTABLE else NONE
                terms[i] |= CODING_SEQUENCE * crosses[i]
            continue
        if reading[t] == NOT_CODING:
            terms[i] |= NONCODING_EXON
            continue
        c0, c1 = cds_start[t], cds_end[t]
        insertion = low[i] == high[i]
        if insertion:
            terms[i] |= UTR_5 * (low[i] <= c0) | UTR_3 * (low[i] >= c1)
            in_coding[i] = c0 < low[i] < c1
        else:
            terms[i] |= UTR_5 * (low[i] < c0) | UTR_3 * (high[i] > c1)
            in_coding[i] = low[i] < c1 and high[i] > c0
        if crosses[i] and c0 <= anchor[i] < c1:
            in_coding[i] = True
        if not in_coding[i]:
            continue
        if insertion:
            at_start = start_known[t] and c0 < low[i] < c0 + 3
            at_stop = end_known[t] and c1 - 3 < low[i] < c1
        else:
            at_start = start_known[t] and low[i] < c0 + 3
            at_stop = end_known[t] and high[i] > c1 - 3
        if at[i] < 0 or reading[t] == CODING:
            terms[i] |= CODING_SEQUENCE
            if not insertion and reading[t] != CODING:
                terms[i] |= START_LOST * at_start | STOP_LOST * at_stop
            form[i] = UNPREDICTED if at[i] < 0 and reading[t] == PREDICTABLE else NONE
            continue
        seq = sequence[sequence_offset[t] : sequence_offset[t + 1]]
        new = bases[bases_offset[i] : bases_offset[i + 1]]
        table = AMINO_ACIDS[code[t]]
        a, b = at[i], to[i]
        d = len(new) - (b - a)
        frame = c0 + phase[t]
        # No protein is named where the change can as well be one of the intron.
        intronic = anchor_offset[i] != 0 or end_offset[i] != 0
        n_ref = (c1 - frame) // 3
        if a < frame:
            if at_start:
                kept = _start_kept(seq, new, a, b, c0, table)
                terms[i] |= START_RETAINED if kept else START_LOST
                form[i] = NONE if reading[t] != PREDICTABLE else UNPREDICTED if intronic else START
                codon_first[i], codon_last[i] = 0, 0
            else:
                terms[i] |= CODING_SEQUENCE
            continue
        x = (a - frame) // 3
        y = x - 1 if a == b and (a - frame) % 3 == 0 else (max(a, min(b, c1) - 1) - frame) // 3
        codon_first[i], codon_last[i] = x, y
        if at_start:
            terms[i] |= START_RETAINED if _start_kept(seq, new, a, b, c0, table) else START_LOST
            form[i] = NONE if reading[t] != PREDICTABLE else UNPREDICTED if intronic else START
            continue
        if max(x, y) >= n_ref:
            terms[i] |= INCOMPLETE_TERMINAL | CODING_SEQUENCE
            continue
        crossing = b > c1
        shifted = d % 3 != 0 and not crossing
        has_stop = _residue(seq, frame + 3 * (n_ref - 1), table) == STOP
        # Where the altered protein ends: at the stop found, at the old one, or nowhere.
        n_new = -1
        behind = y + 1 + d // 3  # the first codon behind the altered ones, if the frame stays
        if shifted or crossing or at_stop:
            k = x
            while True:
                residue = _altered(seq, new, a, b, frame + 3 * k, table)
                if residue == 0:
                    break
                k += 1
                if residue == STOP:
                    n_new = k
                    break
            found = n_new > 0
        else:
            found = False
            for k in range(x, behind):
                if _altered(seq, new, a, b, frame + 3 * k, table) == STOP:
                    n_new, found = k + 1, True
                    break
            if not found:
                n_new = n_ref + d // 3
        j = x
        while j < n_ref and (n_new < 0 or j < n_new):
            if _residue(seq, frame + 3 * j, table) != _altered(seq, new, a, b, frame + 3 * j, table):
                break
            j += 1
        same = j == n_ref and j == n_new
        differs_at_stop = has_stop and j == n_ref - 1
        ends_early = found and n_new < n_ref + (0 if shifted or crossing else d // 3)
        # Terms.
        if same:
            if a == b or d != 0 or at_stop:
                terms[i] |= STOP_RETAINED
            else:
                terms[i] |= SYNONYMOUS
            terms[i] |= INFRAME_INSERTION * (a == b and not shifted)
            terms[i] |= INFRAME_DELETION * (len(new) == 0 and not shifted and not crossing)
        elif shifted:
            terms[i] |= FRAMESHIFT
            if at_stop and differs_at_stop:
                terms[i] |= STOP_LOST
            elif found and j == n_new - 1:
                terms[i] |= STOP_GAINED
        else:
            lost = has_stop and (at_stop or crossing) and (n_new < 0 or n_new > n_ref + d // 3 or crossing)
            terms[i] |= STOP_LOST * (lost and not ends_early)
            terms[i] |= STOP_GAINED * (ends_early and n_new != n_ref)
            terms[i] |= STOP_RETAINED * (
                found and not lost and ((at_stop and not ends_early) or n_new == n_ref)
            )
            if a == b:
                terms[i] |= INFRAME_INSERTION
            elif len(new) == 0:
                terms[i] |= INFRAME_DELETION * (not crossing)
            elif d != 0:
                terms[i] |= PROTEIN_ALTERING
            elif not (terms[i] & (STOP_GAINED | STOP_LOST)):
                terms[i] |= MISSENSE
        # The new stop, and whether the transcript lasts.
        if found and not same and (shifted or n_new != n_ref + d // 3):
            new_stop[i] = n_new
            stop_end = frame + 3 * n_new
            if end_known[t] and stop_end < c1 + d and terms[i] & (STOP_GAINED | FRAMESHIFT):
                nmd[i] = NMD_ESCAPES
                if exons[t] > 1:
                    junction = last_exon_at[t] + (d if b <= last_exon_at[t] and a < last_exon_at[t] else 0)
                    if junction - stop_end > NMD_DISTANCE:
                        nmd[i] = NMD_PREDICTED
        if reading[t] != PREDICTABLE:
            continue
        # The name.
        if intronic:
            form[i] = UNPREDICTED
            continue
        first[i] = j
        listed = 0  # how many new residues the name lists, from residue j on
        if same:
            form[i], first[i], last[i] = SAME, x, max(x, y)
        elif differs_at_stop:
            form[i], last[i], listed = EXTENDED, j, 1
            until_stop[i] = n_new - 1 - j if n_new > 0 else -1
        elif has_stop and j == n_new - 1:
            form[i], last[i], listed = SUBSTITUTED, j, 1
        elif shifted or (crossing and d % 3 != 0):
            form[i], last[i], listed = SHIFTED, j, 1
            until_stop[i] = n_new - j if found else -1
        elif n_new < 0:
            form[i] = UNPREDICTED
        elif ends_early and y != n_ref - 2:  # behind the last residue the new stop stands for the old one
            last[i], listed = min(y, n_ref - 2), n_new - j
            if last[i] < j:
                form[i], first[i], last[i] = INSERTED, j - 1, j
            else:
                form[i] = REPLACED
        else:
            gone, come = n_ref - j, n_new - j
            shorter = min(gone, come)
            kept_end = min(shorter, max(0, n_ref - 1 - max(y, x - 1))) if not (at_stop or crossing) else 0
            while kept_end < shorter and _residue(seq, frame + 3 * (n_ref - 1 - kept_end), table) == _altered(
                seq, new, a, b, frame + 3 * (n_new - 1 - kept_end), table
            ):
                kept_end += 1
            gone -= kept_end
            come -= kept_end
            last[i], listed = j + gone - 1, come
            if gone == 1 and come == 1:
                form[i] = SUBSTITUTED
            elif come == 0:
                form[i] = DELETED
            elif gone:
                form[i] = REPLACED
            else:
                repeats = come <= j
                for q in range(come):
                    repeats = repeats and (
                        _residue(seq, frame + 3 * (j - come + q), table)
                        == _altered(seq, new, a, b, frame + 3 * (j + q), table)
                    )
                if repeats:
                    form[i], first[i], last[i], listed = DUPLICATED, j - come, j - 1, 0
                else:
                    form[i], first[i], last[i] = INSERTED, j - 1, j
        if listed == 1 and _altered(seq, new, a, b, frame + 3 * j, table) == 0:
            form[i] = UNPREDICTED  # the transcript ends before the first residue that differs
        if form[i] == UNPREDICTED:
            continue
        first_residue[i] = _residue(seq, frame + 3 * first[i], table)
        last_residue[i] = _residue(seq, frame + 3 * last[i], table)
        while used + listed > len(residues):
            larger = np.empty(2 * len(residues), np.uint8)
            larger[:used] = residues[:used]
            residues = larger
        for q in range(listed):
            residues[used] = _altered(seq, new, a, b, frame + 3 * (j + q), table)
            used += 1
    residues_offset[n] = used
    return (
        terms,
        form,
        first,
        last,
        first_residue,
        last_residue,
        residues_offset,
        residues[:used],
        until_stop,
        new_stop,
        nmd,
        codon_first,
        codon_last,
        in_coding,
    )


@numba.njit(cache=True)
def _residue(seq: np.ndarray, p: int, table: np.ndarray) -> int:
    return table[25 * np.int64(seq[p]) + 5 * np.int64(seq[p + 1]) + np.int64(seq[p + 2])]


@numba.njit(cache=True)
def _altered(seq: np.ndarray, new: np.ndarray, a: int, b: int, p: int, table: np.ndarray) -> int:
    """The residue of the altered transcript's codon at ``p``; 0 behind its end."""
    d = len(new) - (b - a)
    if p + 3 > len(seq) + d:
        return 0
    number = np.int64(0)
    for q in range(p, p + 3):
        if q < a:
            base = seq[q]
        elif q < a + len(new):
            base = new[q - a]
        else:
            base = seq[q - d]
        number = 5 * number + np.int64(base)
    return table[number]


@numba.njit(cache=True)
def _start_kept(seq: np.ndarray, new: np.ndarray, a: int, b: int, c0: int, table: np.ndarray) -> bool:
    """Whether the altered transcript still begins its protein with the first methionine.

    Either it stands where it stood, or all from it on is as it was (the change can be written as one of
    the leader).
    """
    d = len(new) - (b - a)
    if d % 3 == 0 and b > a and _altered(seq, new, a, b, c0, table) == _residue(seq, c0, table):
        return True
    if c0 + d < 0:
        return False
    # From the first coding base on, up to where the unaltered sequence begins anyway.
    for p in range(c0 + d, a + len(new)):
        if p < 0 or p - d >= len(seq):
            return False
        base = seq[p] if p < a else new[p - a]
        if base != seq[p - d]:
            return False
    return True
