"""HGVS names of changes that the engine has placed: ``g.``, ``m.``, ``c.``, ``n.`` and ``p.``.

HGVS recommendations 21 (https://hgvs-nomenclature.org). Protein names are predictions and stand in
parentheses; ``p.?`` where no prediction is made.
"""

from __future__ import annotations

from collections.abc import Mapping

import numba
import numpy as np

from endotype.annotation.effects.codons import AMINO_ACID_NAMES
from endotype.annotation.effects.place import (
    DELETION,
    DELINS,
    DUPLICATION,
    INSERTION,
    INVERSION,
    SUBSTITUTION,
)
from endotype.annotation.effects.protein import (
    DELETED,
    DUPLICATED,
    EXTENDED,
    INSERTED,
    NONE,
    REPLACED,
    SAME,
    SHIFTED,
    START,
    SUBSTITUTED,
    UNPREDICTED,
)
from endotype.annotation.effects.text import letters, put, put_int
from endotype.cohort.assembly import (
    RCRS_LENGTH,
    accessions,
    bare_name,
    canonical_assembly,
    contig_lengths,
    guess_assembly,
)

_BASES = letters("ACGTN")
_DEL, _DUP, _INS, _INV, _DELINS = map(letters, ("del", "dup", "ins", "inv", "delins"))
_FS_TER, _EXT_TER, _MET_1 = map(letters, ("fsTer", "extTer", "(Met1?)"))
_PLUS, _MINUS, _STAR, _UNDERSCORE, _GREATER, _EQUAL, _ASK, _OPEN, _CLOSE = map(ord, "+-*_>=?()")
_NUMBERS = 80
"""More than the letters of two positions with offsets, and of the words of an edit."""


def genomic_sequence(chrom: str, lengths: Mapping[str, int], assembly: str | None = None) -> str:
    """What genomic names of a contig begin with: RefSeq's accession and the kind, ``NC_000001.11:g``.

    Args:
        chrom: the contig, as the reference names it.
        lengths: of all contigs of the reference, in bases.
        assembly: its assembly; by default told by the lengths.

    Returns:
        With the contig's own name where it isn't a chromosome of GRCh37 or GRCh38. Mitochondrial names have
        ``m``.
    """
    bare = bare_name(chrom)
    kind = "m" if bare == "MT" else "g"
    known = canonical_assembly(assembly) if assembly else guess_assembly(lengths)
    if chrom in accessions() or (kind == "m" and lengths.get(chrom) != RCRS_LENGTH):
        return f"{chrom}:{kind}"
    if kind == "g" and (known is None or bare not in contig_lengths(known)):
        return f"{chrom}:{kind}"
    names = (
        name
        for name, of in accessions().items()
        if name.startswith("NC_") and of.chrom == bare and (kind == "m" or of.assembly == known)
    )
    # Of the mitochondria only the revised Cambridge Reference Sequence has its length.
    return f"{next((n for n in names if kind == 'g' or n.startswith('NC_012920')), chrom)}:{kind}"


@numba.njit(cache=True)
def write_genomic(
    start: np.ndarray,
    end: np.ndarray,
    at: np.ndarray,
    length: np.ndarray,
    right: np.ndarray,
    repeats: np.ndarray,
    usable: np.ndarray,
    alts: np.ndarray,
    window: np.ndarray,
    first: int,
    prefix: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Names on the genome, slid to the right; arguments as in ``effects.alleles.Alleles``.

    Args:
        prefix: bytes of what stands before the position (``NC_000001.11:g.``).

    Returns:
        Bytes and offsets; nothing for alleles that aren't ``usable``.
    """
    n = len(start)
    out = np.empty(np.sum(length) + n * (len(prefix) + _NUMBERS) + 1, np.uint8)
    offset = np.zeros(n + 1, np.int64)
    w = 0
    for i in range(n):
        if usable[i]:
            w = put(out, w, prefix)
            s, e, n_alt = start[i] + right[i], end[i] + right[i], length[i]
            insertion = e < s
            if insertion and repeats[i]:
                s, e = e - n_alt + 1, e
            elif insertion:
                s, e = e, s
            w = put_int(out, w, s)
            if e > s:
                out[w] = _UNDERSCORE
                w = put_int(out, w + 1, e)
            if insertion and repeats[i]:
                w = put(out, w, _DUP)
            elif insertion:
                w = put(out, w, _INS)
                for q in range(n_alt):
                    out[w + q] = _BASES[alts[at[i] + (q + right[i]) % n_alt]]
                w += n_alt
            elif n_alt == 0:
                w = put(out, w, _DEL)
            elif s == e and n_alt == 1:
                out[w], out[w + 1], out[w + 2] = _BASES[window[s - first]], _GREATER, _BASES[alts[at[i]]]
                w += 3
            elif repeats[i]:
                w = put(out, w, _INV)
            else:
                w = put(out, w, _DELINS)
                w = put(out, w, _BASES[alts[at[i] : at[i] + n_alt]])
        offset[i + 1] = w
    return out[:w], offset


@numba.njit(cache=True)
def write_coding(
    transcript: np.ndarray,
    edit: np.ndarray,
    first: np.ndarray,
    first_offset: np.ndarray,
    last: np.ndarray,
    last_offset: np.ndarray,
    bases_offset: np.ndarray,
    bases: np.ndarray,
    slid: np.ndarray,
    replaced: np.ndarray,
    cds_start: np.ndarray,
    cds_end: np.ndarray,
    named: np.ndarray,
    prefix_offset: np.ndarray,
    prefix: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Names in the transcript; arguments as of :class:`~endotype.annotation.effects.place.Placed`.

    Args:
        named: which rows have a name.
        prefix, prefix_offset: bytes before the position by transcript (``ENST00000379370.7:c.``).

    Returns:
        Bytes and offsets; nothing for rows without a name.
    """
    n = len(transcript)
    size = len(bases)
    for i in range(n):
        size += prefix_offset[transcript[i] + 1] - prefix_offset[transcript[i]] + _NUMBERS
    out, offset = np.empty(size + 1, np.uint8), np.zeros(n + 1, np.int64)
    w = 0
    for i in range(n):
        t, kind = transcript[i], edit[i]
        if named[i]:
            w = put(out, w, prefix[prefix_offset[t] : prefix_offset[t + 1]])
            w = _put_position(out, w, first[i], first_offset[i], cds_start[t], cds_end[t])
            if last[i] != first[i] or last_offset[i] != first_offset[i]:
                out[w] = _UNDERSCORE
                w = _put_position(out, w + 1, last[i], last_offset[i], cds_start[t], cds_end[t])
            new = _BASES[bases[bases_offset[i] : bases_offset[i + 1]]]
            if kind == SUBSTITUTION:
                out[w], out[w + 1], out[w + 2] = _BASES[replaced[i]], _GREATER, new[0]
                w += 3
            elif kind == DELETION:
                w = put(out, w, _DEL)
            elif kind == DUPLICATION:
                w = put(out, w, _DUP)
            elif kind == INVERSION:
                w = put(out, w, _INV)
            elif kind == INSERTION:
                w = put(out, w, _INS)
                for q in range(len(new)):
                    out[w + q] = new[(q + slid[i]) % len(new)]
                w += len(new)
            elif kind == DELINS:
                w = put(out, put(out, w, _DELINS), new)
        offset[i + 1] = w
    return out[:w], offset


@numba.njit(cache=True)
def _put_position(out: np.ndarray, w: int, position: int, away: int, cds_start: int, cds_end: int) -> int:
    """``12``, ``-3``, ``*7``, with ``+2`` or ``-2`` into the intron; without coding bases counted from 1."""
    if cds_start < 0:
        number = position + 1
    elif position >= cds_end:
        out[w] = _STAR
        w += 1
        number = position - cds_end + 1
    elif position < cds_start:
        out[w] = _MINUS
        w += 1
        number = cds_start - position
    else:
        number = position - cds_start + 1
    w = put_int(out, w, number)
    if away:
        out[w] = _PLUS if away > 0 else _MINUS
        w = put_int(out, w + 1, abs(away))
    return w


@numba.njit(cache=True)
def write_protein(
    transcript: np.ndarray,
    form: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    first_residue: np.ndarray,
    last_residue: np.ndarray,
    residues_offset: np.ndarray,
    residues: np.ndarray,
    until_stop: np.ndarray,
    prefix_offset: np.ndarray,
    prefix: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Names of the protein change; arguments as of :class:`~endotype.annotation.effects.protein.Change`.

    Args:
        prefix, prefix_offset: bytes before the name by transcript (``ENSP00000368678.2:p.``).

    Returns:
        Bytes and offsets; nothing for rows without a name.
    """
    n = len(transcript)
    size = 3 * len(residues)
    for i in range(n):
        if form[i] != NONE:
            size += prefix_offset[transcript[i] + 1] - prefix_offset[transcript[i]] + _NUMBERS
    out, offset = np.empty(size + 1, np.uint8), np.zeros(n + 1, np.int64)
    w = 0
    for i in range(n):
        kind = form[i]
        if kind != NONE:
            w = put(out, w, prefix[prefix_offset[transcript[i]] : prefix_offset[transcript[i] + 1]])
        if kind == UNPREDICTED:
            out[w] = _ASK
            w += 1
        elif kind == START:
            w = put(out, w, _MET_1)
        elif kind != NONE:
            out[w] = _OPEN
            w = put(out, w + 1, AMINO_ACID_NAMES[first_residue[i]])
            w = put_int(out, w, first[i] + 1)
            if last[i] > first[i]:
                out[w] = _UNDERSCORE
                w = put(out, w + 1, AMINO_ACID_NAMES[last_residue[i]])
                w = put_int(out, w, last[i] + 1)
            if kind == SAME:
                out[w] = _EQUAL
                w += 1
            elif kind == DELETED:
                w = put(out, w, _DEL)
            elif kind == DUPLICATED:
                w = put(out, w, _DUP)
            elif kind == INSERTED:
                w = put(out, w, _INS)
            elif kind == REPLACED:
                w = put(out, w, _DELINS)
            for q in range(residues_offset[i], residues_offset[i + 1]):
                w = put(out, w, AMINO_ACID_NAMES[residues[q]])
            if kind in (SHIFTED, EXTENDED):
                w = put(out, w, _FS_TER if kind == SHIFTED else _EXT_TER)
                if until_stop[i] < 0:
                    out[w] = _ASK
                    w += 1
                else:
                    w = put_int(out, w, until_stop[i])
            out[w] = _CLOSE
            w += 1
        offset[i + 1] = w
    return out[:w], offset


assert SUBSTITUTED not in (SAME, DELETED, DUPLICATED, INSERTED, REPLACED)
