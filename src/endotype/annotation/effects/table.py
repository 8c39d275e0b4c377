"""The effects table: a block of variants against the transcripts of its contig."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from endotype.annotation.effects.alleles import (
    AT_WINDOW_EDGE,
    BEYOND,
    CODES,
    DIFFERS,
    NO_CHANGE,
    NOT_A_SEQUENCE,
    USABLE,
    Alleles,
    Pairs,
    pair,
    read_alleles,
)
from endotype.annotation.effects.codon_text import write_codons
from endotype.annotation.effects.place import OUTSIDE, Placed, place
from endotype.annotation.effects.protein import (
    CODING,
    NMD_ESCAPES,
    NMD_PREDICTED,
    NONE,
    NOT_CODING,
    PREDICTABLE,
    READING,
    Change,
    change_protein,
)
from endotype.annotation.effects.terms import INTERGENIC, NMD_TRANSCRIPT, impact_texts, terms_text
from endotype.annotation.effects.text import chosen, joined, letters, string_array
from endotype.annotation.hgvs.names import write_coding, write_genomic, write_protein
from endotype.annotation.transcripts import Transcripts

ASSESSED, NOT_ASSESSED = "assessed", "not_assessed"

_NUMBERS = (
    "pos",
    "cdna_position",
    "cds_position",
    "protein_position",
    "cds_length",
    "protein_length",
    "new_stop",
)
_FLAGS = ("canonical",)
COLUMNS = (
    *("variant_id", "chrom", "pos", "ref", "alt"),
    *("gene", "gene_id", "transcript", "protein_id", "biotype", "strand", "mane", "canonical"),
    *("consequence", "impact", "exon", "intron"),
    *("cdna_position", "cds_position", "protein_position", "amino_acids", "codons"),
    *("hgvs_g", "hgvs_c", "hgvs_p", "hgvs_status"),
    *("cds_length", "protein_length", "nmd", "new_stop", "consequence_status"),
)
SCHEMA = pa.schema(
    [(c, pa.int64() if c in _NUMBERS else pa.bool_() if c in _FLAGS else pa.string()) for c in COLUMNS]
)
"""The effects table. Empty text is null."""

DISTANCE = 5000
"""Bases beside a transcript within which a variant is up- or downstream of it."""

NOT_COUNTED_IN = frozenset(
    {"cds_start_incomplete", "ribosomal_slippage", "cds_not_contiguous", "differs_from_reference"}
)
"""Transcripts without ``c.`` names: where the first coding base isn't known, or bases are left out, a count
would be of something else than the transcript."""

_FAULTS = {
    NOT_A_SEQUENCE: "alternate_not_a_sequence",
    BEYOND: "beyond_contig_end",
    DIFFERS: "reference_allele_differs",
    NO_CHANGE: "alleles_are_equal",
}
_NMD_TRANSCRIPT = "nonsense_mediated_decay"


@dataclass(frozen=True)
class Window:
    """Bases of a contig around a block of variants.

    Attributes:
        bases: codes of :data:`endotype.annotation.transcripts.BASES`, uint8.
        first: 1-based position of the first of them.
        contig_length: bases of the whole contig.
    """

    bases: np.ndarray
    first: int
    contig_length: int


class WindowTooSmallError(Exception):
    """A change slides to the edge of the window; a larger one is needed."""


@dataclass(frozen=True)
class Index:
    """What kernels and columns need of a contig's transcripts, made once."""

    transcripts: Transcripts
    reading: np.ndarray
    counted: np.ndarray
    coding_prefix: tuple[np.ndarray, np.ndarray]
    protein_prefix: tuple[np.ndarray, np.ndarray]
    exons: np.ndarray
    last_exon_at: np.ndarray
    start_known: np.ndarray
    end_known: np.ndarray

    @classmethod
    def of(cls, t: Transcripts) -> Index:
        """Index the transcripts of a contig."""
        reading = np.array([READING.get(s, CODING) for s in t.status], np.uint8)
        kinds = ["n" if r == NOT_CODING else "c" for r in reading]
        exons = np.diff(t.exon_offset)
        return cls(
            transcripts=t,
            reading=reading,
            counted=np.array([s not in NOT_COUNTED_IN for s in t.status], bool),
            coding_prefix=joined([f"{name}:{kind}." for name, kind in zip(t.name, kinds, strict=True)]),
            protein_prefix=joined([f"{p or n}:p." for p, n in zip(t.protein_id, t.name, strict=True)]),
            exons=exons,
            last_exon_at=t.exon_first[t.exon_offset[1:] - 1] if len(t) else np.zeros(0, np.int64),
            start_known=np.array([s != "cds_start_incomplete" for s in t.status], bool),
            end_known=np.array([s not in ("cds_end_incomplete", "no_stop_codon") for s in t.status], bool),
        )


def describe_block(
    transcripts: Transcripts | Index,
    window: Window,
    positions: np.ndarray,
    refs: Sequence[str] | pa.StringArray,
    alts: Sequence[str] | pa.StringArray,
    *,
    sequence_name: str = "",
    distance: int = DISTANCE,
) -> pa.Table:
    """What each variant does to each transcript.

    Args:
        transcripts: of the variants' contig; an :class:`Index` of them where many blocks follow.
        window: the reference around all variants.
        positions: 1-based POS, int64, shape (n,).
        refs, alts: REF and ALT of each; one ALT.
        sequence_name: accession and kind for genomic names, ``NC_000001.11:g``; by default the contig's name.
        distance: how far beside a transcript a variant still is its up- or downstream variant.

    Returns:
        A table with the columns of ``SCHEMA``: one row per variant and transcript, in the order of both; one
        row for a variant without transcripts, and for one that can't be assessed.

    Raises:
        WindowTooSmallError: a change slides out of the window.
    """
    index = transcripts if isinstance(transcripts, Index) else Index.of(transcripts)
    t = index.transcripts
    ref_array, alt_array = _strings(refs), _strings(alts)
    ref_offset, ref_codes = _codes(ref_array)
    alt_offset, alt_codes = _codes(alt_array)
    positions = np.ascontiguousarray(positions, np.int64)
    alleles = Alleles(
        *read_alleles(
            *(positions, ref_codes, ref_offset, alt_codes, alt_offset),
            *(window.bases, window.first, window.contig_length),
        )
    )
    if np.any(alleles.fault == AT_WINDOW_EDGE):
        raise WindowTooSmallError
    pairs = Pairs(
        *pair(
            *(alleles.start, alleles.end, alleles.right, alleles.left, alleles.fault),
            *(t.start, t.end, t.strand, distance),
        )
    )
    placed = Placed(
        *place(
            *pairs,
            *(alleles.start, alleles.end, alleles.at, alleles.length),
            *(alleles.right, alleles.left, alleles.repeats),
            *(alt_codes, window.bases, window.first),
            *(t.start, t.end, t.strand, t.exon_offset, t.exon_start, t.exon_end, t.exon_first),
        )
    )
    change = Change(
        *change_protein(
            *(pairs.transcript, placed.first, placed.first_offset, placed.last_offset),
            *(placed.at, placed.to, placed.low, placed.high, placed.crosses),
            *(placed.bases_offset, placed.bases, placed.terms),
            *(t.sequence_offset, t.sequence, t.cds_start, t.cds_end, t.phase, t.code),
            *(index.reading, index.last_exon_at, index.exons, index.end_known, index.start_known),
        )
    )
    columns = _columns(index, pairs, placed, change)
    usable = alleles.fault == USABLE
    names, offset = write_genomic(
        *(alleles.start, alleles.end, alleles.at, alleles.length, alleles.right, alleles.repeats),
        *(usable, alt_codes, window.bases, window.first, letters(f"{sequence_name or t.chrom + ':g'}.")),
    )
    genomic = string_array(offset, names, usable)
    return _with_variants(t.chrom, positions, ref_array, alt_array, alleles, pairs, columns, genomic)


def not_assessed_block(
    chrom: str,
    positions: np.ndarray,
    refs: Sequence[str] | pa.StringArray,
    alts: Sequence[str] | pa.StringArray,
    reason: str,
) -> pa.Table:
    """One row for each variant that says that it wasn't assessed, and why in ``hgvs_status``."""
    ref_array, alt_array = _strings(refs), _strings(alts)
    n = len(positions)
    columns = dict(_site_columns(chrom, np.asarray(positions, np.int64), ref_array, alt_array))
    columns["hgvs_status"] = pa.repeat(reason, n)
    columns["consequence_status"] = pa.repeat(NOT_ASSESSED, n)
    return pa.table([columns.get(f.name, pa.nulls(n, f.type)) for f in SCHEMA], schema=SCHEMA)


def _strings(texts: Sequence[str] | pa.StringArray) -> pa.StringArray:
    if isinstance(texts, pa.StringArray) and texts.offset == 0:
        return texts
    return pa.array(list(texts) if not isinstance(texts, pa.Array) else texts.to_pylist(), pa.string())


def _codes(texts: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
    _, offsets, data = texts.buffers()
    offset = np.frombuffer(offsets, np.int32)[: len(texts) + 1].astype(np.int64)
    data = b"" if data is None else data
    return offset, CODES[np.frombuffer(data, np.uint8)[: offset[-1]]]


def _columns(index: Index, pairs: Pairs, placed: Placed, change: Change) -> dict[str, pa.Array]:
    """The columns that are of a variant in a transcript, for all pairs."""
    t, of = index.transcripts, pairs.transcript
    inside = placed.low >= 0
    coding = t.cds_start >= 0
    # An insertion is where the base before it is.
    first = placed.low + 1 - (placed.low == placed.high)
    cds = first - t.cds_start[of]
    within = change.in_coding & inside & (first > t.cds_start[of]) & (first <= t.cds_end[of])
    residue = np.where(change.codon_last < change.codon_first, change.codon_last, change.codon_first) + 1
    codons, codons_at, residues, residues_at, has_codons = write_codons(
        *(of, placed.at, placed.to, placed.bases_offset, placed.bases),
        *(change.codon_first, change.codon_last),
        *(t.sequence_offset, t.sequence, t.cds_start, t.cds_end, t.phase, t.code),
    )
    # Numbers beside a transcript go on, but below 1 there are none in one that doesn't code.
    named = (placed.edit != OUTSIDE) & index.counted[of] & (coding[of] | placed.within)
    c_name = write_coding(
        *(of, placed.edit, placed.first, placed.first_offset, placed.last, placed.last_offset),
        *(placed.bases_offset, placed.bases, placed.slid, placed.replaced, t.cds_start, t.cds_end, named),
        *index.coding_prefix,
    )
    p_name = write_protein(
        *(of, change.form, change.first, change.last, change.first_residue, change.last_residue),
        *(change.residues_offset, change.residues, change.until_stop),
        *index.protein_prefix,
    )
    terms = change.terms | NMD_TRANSCRIPT * np.array([b == _NMD_TRANSCRIPT for b in t.biotype], np.int64)[
        of
    ] * (placed.edit != OUTSIDE)
    values, which = _distinct(terms)
    cds_length = t.cds_end - t.cds_start
    return {
        "gene": chosen(t.gene, of),
        "gene_id": chosen(t.gene_id, of),
        "transcript": chosen(t.name, of),
        "protein_id": chosen(t.protein_id, of),
        "biotype": chosen(t.biotype, of),
        "strand": chosen(("-", "+"), (t.strand[of] > 0).astype(np.int64)),
        "mane": chosen(t.mane, of),
        "canonical": pa.array(t.canonical[of]),
        "consequence": chosen([terms_text(int(v)) for v in values], which),
        "impact": chosen(impact_texts(values), which),
        "exon": _of_many(placed.exon_first, placed.exon_last, index.exons[of]),
        "intron": _of_many(placed.intron_first, placed.intron_last, index.exons[of] - 1),
        "cdna_position": _numbers(first, inside & (first > 0)),
        "cds_position": _numbers(cds, within),
        "protein_position": _numbers(np.maximum(residue, 1), change.codon_first >= 0),
        "amino_acids": string_array(residues_at, residues, has_codons),
        "codons": string_array(codons_at, codons, has_codons),
        "hgvs_c": string_array(c_name[1], c_name[0], named),
        "hgvs_p": string_array(p_name[1], p_name[0], change.form != NONE),
        "hgvs_status": _status(index, pairs, placed, change),
        "cds_length": _numbers(cds_length[of], coding[of]),
        "protein_length": _numbers((cds_length[of] - t.phase[of]) // 3 - index.end_known[of], coding[of]),
        "nmd": chosen(("", "escapes", "predicted"), change.nmd.astype(np.int64)),
        "new_stop": _numbers(change.new_stop, change.new_stop > 0),
    }


assert (NMD_ESCAPES, NMD_PREDICTED) == (1, 2)


def _numbers(values: np.ndarray, valid: np.ndarray) -> pa.Array:
    return pa.array(values, pa.int64(), mask=~valid)


def _of_many(first: np.ndarray, last: np.ndarray, count: np.ndarray) -> pa.StringArray:
    """``3/8``, or ``3-4/8``, of 0-based numbers; null where there are none."""
    values, which = _distinct(((first + 1) << 40) | ((last + 1) << 20) | count)
    texts = []
    for value in values.tolist():
        a, b, n = value >> 40, value >> 20 & 0xFFFFF, value & 0xFFFFF
        texts.append("" if a == 0 else f"{a}/{n}" if a == b else f"{a}-{b}/{n}")
    return chosen(texts, which)


def _distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values in the order of their first appearance, and which of them each is."""
    encoded = pa.array(values).dictionary_encode()
    return encoded.dictionary.to_numpy(), encoded.indices.to_numpy()


_DESCRIBED, _OUTSIDE, _OVER_EDGE = "described", "outside_transcript", "beyond_transcript_end"


def _status(index: Index, pairs: Pairs, placed: Placed, change: Change) -> pa.StringArray:
    """Whether all names were given that the change has, else why not."""
    statuses = sorted(set(index.transcripts.status) | {_DESCRIBED, _OUTSIDE, _OVER_EDGE})
    number = {status: i for i, status in enumerate(statuses)}
    of = pairs.transcript
    own = np.array([number[s] for s in index.transcripts.status], np.int64)
    result = np.full(len(of), number[_DESCRIBED], np.int64)
    unread = (index.reading[of] == NOT_CODING) | ((index.reading[of] != PREDICTABLE) & change.in_coding)
    unnamed = unread | ~index.counted[of]
    result[unnamed] = own[of[unnamed]]
    result[~placed.within] = number[_OVER_EDGE]
    result[placed.edit == OUTSIDE] = number[_OUTSIDE]
    return chosen(statuses, result)


def _site_columns(
    chrom: str, positions: np.ndarray, refs: pa.StringArray, alts: pa.StringArray
) -> dict[str, pa.Array]:
    n = len(positions)
    pos = pa.array(positions)
    name = pa.repeat(pa.scalar(chrom), n)
    return {
        "variant_id": pc.binary_join_element_wise(name, pos.cast(pa.string()), refs, alts, ":"),
        "chrom": name,
        "pos": pos,
        "ref": refs,
        "alt": alts,
    }


def _with_variants(
    chrom: str,
    positions: np.ndarray,
    refs: pa.StringArray,
    alts: pa.StringArray,
    alleles: Alleles,
    pairs: Pairs,
    columns: dict[str, pa.Array],
    genomic: pa.StringArray,
) -> pa.Table:
    """Rows of pairs and of variants without one, in the order of the variants."""
    n, rows = len(positions), len(pairs.variant)
    alone = np.flatnonzero(np.bincount(pairs.variant, minlength=n) == 0)
    order = np.argsort(np.concatenate([pairs.variant, alone]), kind="stable")
    variant = np.concatenate([pairs.variant, alone])[order]
    # Null for the variants without a transcript.
    index = pa.array(order, mask=order >= rows)
    fault = alleles.fault[variant]
    is_alone = order >= rows
    status = [_FAULTS.get(f, "no_transcript") for f in range(int(AT_WINDOW_EDGE) + 1)]
    of_variant = pa.array(variant)
    result = {
        name: array.take(of_variant) for name, array in _site_columns(chrom, positions, refs, alts).items()
    }
    result |= {name: array.take(index) for name, array in columns.items()}
    if len(alone):
        intergenic = is_alone & (fault == USABLE)
        result["consequence"] = _filled(result["consequence"], intergenic, terms_text(INTERGENIC))
        result["impact"] = _filled(result["impact"], intergenic, impact_texts(np.array([INTERGENIC]))[0])
        result["hgvs_status"] = _filled_by(
            result["hgvs_status"], is_alone, chosen(status, fault.astype(np.int64))
        )
    result["hgvs_g"] = genomic.take(of_variant)
    result["consequence_status"] = chosen((ASSESSED, NOT_ASSESSED), (fault != USABLE).astype(np.int64))
    return pa.table([result[name] for name in COLUMNS], schema=SCHEMA)


def _filled(array: pa.Array, where: np.ndarray, text: str) -> pa.Array:
    return _filled_by(array, where, pa.repeat(text, len(array)))


def _filled_by(array: pa.Array, where: np.ndarray, other: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(where), other, array)
