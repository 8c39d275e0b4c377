"""The columns ``codons`` and ``amino_acids``, as VEP writes them: ``aAg/aGg``, ``K/R``."""

from __future__ import annotations

import numba
import numpy as np

from endotype.annotation.effects.codons import AMINO_ACIDS, UNKNOWN
from endotype.annotation.effects.text import put

_UPPER, _LOWER = np.frombuffer(b"ACGTN", np.uint8).copy(), np.frombuffer(b"acgtn", np.uint8).copy()
_SLASH, _NOTHING = ord("/"), ord("-")


@numba.njit(cache=True)
def write_codons(
    transcript: np.ndarray,
    at: np.ndarray,
    to: np.ndarray,
    bases_offset: np.ndarray,
    bases: np.ndarray,
    codon_first: np.ndarray,
    codon_last: np.ndarray,
    sequence_offset: np.ndarray,
    sequence: np.ndarray,
    cds_start: np.ndarray,
    cds_end: np.ndarray,
    phase: np.ndarray,
    code: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Codons and residues before and after the change, for changes wholly within the coding sequence.

    Changed bases are in capitals. Nothing is ``-``; residues of an incomplete codon are ``X``; the same
    residues before and after are written once.

    Returns:
        Bytes and offsets of the codons, of the residues, and for which rows there are any.
    """
    n = len(transcript)
    valid = np.zeros(n, np.bool_)
    size, protein_size = 0, 0
    for i in range(n):
        t = transcript[i]
        valid[i] = codon_first[i] >= 0 and at[i] >= cds_start[t] + phase[t] and to[i] <= cds_end[t]
        if valid[i]:
            codons = codon_last[i] - codon_first[i] + 1
            more = bases_offset[i + 1] - bases_offset[i]
            size += 6 * codons + more + 3
            protein_size += 2 * codons + more + 5
    out, offset = np.empty(size + 1, np.uint8), np.zeros(n + 1, np.int64)
    protein, protein_offset = np.empty(protein_size + 1, np.uint8), np.zeros(n + 1, np.int64)
    w, p = 0, 0
    for i in range(n):
        if valid[i]:
            t = transcript[i]
            seq = sequence[sequence_offset[t] : sequence_offset[t + 1]]
            new = bases[bases_offset[i] : bases_offset[i + 1]]
            frame = cds_start[t] + phase[t]
            begin, end = frame + 3 * codon_first[i], min(frame + 3 * codon_last[i] + 3, cds_end[t])
            table = AMINO_ACIDS[code[t]]
            # Before.
            if begin == end:
                out[w] = _NOTHING
                w += 1
            for q in range(begin, end):
                out[w] = (_UPPER if at[i] <= q < to[i] else _LOWER)[seq[q]]
                w += 1
            # After.
            out[w] = _SLASH
            w += 1
            length = end - begin + len(new) - (to[i] - at[i])
            if length == 0:
                out[w] = _NOTHING
                w += 1
            p0 = p
            p = _put_residues(protein, p, seq, new[:0], at[i], at[i], begin, end - begin, table)
            p1 = p
            protein[p] = _SLASH
            p += 1
            p2 = p
            for q in range(begin, at[i]):
                out[w] = _LOWER[seq[q]]
                w += 1
            w = put(out, w, _UPPER[new])
            for q in range(to[i], end):
                out[w] = _LOWER[seq[q]]
                w += 1
            p = _put_residues(protein, p, seq, new, at[i], to[i], begin, length, table)
            same = p - p2 == p1 - p0
            for q in range(min(p - p2, p1 - p0)):
                same = same and protein[p0 + q] == protein[p2 + q]
            if same:
                p = p1
        offset[i + 1], protein_offset[i + 1] = w, p
    return out[:w], offset, protein[:p], protein_offset, valid


@numba.njit(cache=True)
def _put_residues(
    out: np.ndarray,
    w: int,
    seq: np.ndarray,
    new: np.ndarray,
    at: int,
    to: int,
    begin: int,
    length: int,
    table: np.ndarray,
) -> int:
    """Residues of ``length`` bases from ``begin`` on, after ``new`` took the place of ``at:to``."""
    if length == 0:
        out[w] = _NOTHING
        return w + 1
    for q in range(0, length - 2, 3):
        number = np.int64(0)
        for r in range(begin + q, begin + q + 3):
            number = 5 * number + np.int64(_base(seq, new, at, to, r))
        out[w] = table[number]
        w += 1
    if length % 3:
        out[w] = UNKNOWN
        w += 1
    return w


@numba.njit(cache=True)
def _base(seq: np.ndarray, new: np.ndarray, at: int, to: int, r: int) -> int:
    if r < at:
        return seq[r]
    if r < at + len(new):
        return new[r - at]
    return seq[r - len(new) + (to - at)]
