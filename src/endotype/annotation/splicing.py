"""Transcripts as they are spliced: bases, positions, and whether their protein can be told.

A transcript whose protein doesn't follow from the genome is kept, with the reason in its ``status``: its
variants are placed on it, and nothing is said of the protein.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from endotype.annotation.gene_model import GeneModel, Transcript, model_contig
from endotype.annotation.gene_parts import Segments
from endotype.annotation.reference import Reference
from endotype.annotation.transcripts import BASES, Transcripts
from endotype.cohort.assembly import sex_chromosome
from endotype.errors import input_error, visible

STANDARD, MITOCHONDRIAL = 1, 2
"""NCBI's genetic codes 1 and 2 (vertebrate mitochondrion)."""

_STOPS = {STANDARD: ("TAA", "TAG", "TGA"), MITOCHONDRIAL: ("TAA", "TAG", "AGA", "AGG")}
_A, _C, _G, _T, _N = range(5)
_CODES = np.full(256, _N, np.uint8)
for _i, _base in enumerate(BASES[:4]):
    _CODES[ord(_base)] = _CODES[ord(_base.lower())] = _i
_CODES[ord("U")] = _CODES[ord("u")] = _T
_COMPLEMENT = np.array([_T, _G, _C, _A, _N], np.uint8)
_FETCHED_AT_ONCE = 1 << 20
"""Exons nearer than this are read from the FASTA in one go."""

_FLAG_STATUS = ("cds_not_contiguous", "differs_from_reference", "ribosomal_slippage", "wrong_phase")
"""Marks of the gene model that forbid a protein, in the order of their precedence."""


def build_transcripts(
    model: GeneModel, chrom: str, reference: Reference, window: tuple[int, int] | None = None
) -> Transcripts:
    """The transcripts of a contig with their spliced sequence and status, by start, then end, then name.

    Args:
        model: as :func:`~endotype.annotation.gene_model.read_gene_model` gives it.
        chrom: contig, as the reference names it; the gene model may call it by another of its names.
        reference: has the contig.
        window: first and last base (1-based); only transcripts that meet it are built. All if ``None``.

    Raises:
        ValueError: the reference lacks the contig.
        InputError: a transcript ends beyond the contig: the gene model is of another assembly.
    """
    if chrom not in reference.lengths:
        raise ValueError(f"the reference has no contig {chrom}")
    contig = model_contig(model, chrom)
    numbers = np.zeros(0, np.int64) if contig is None else model.numbers(contig, window)
    every = model.by_number
    bounds = {int(i): _bounds(model.exons, int(i)) for i in numbers}
    order = sorted((int(i) for i in numbers), key=lambda i: (*bounds[i], every[i].transcript))
    length = reference.lengths[chrom]
    for i in order:
        if bounds[i][1] > length:
            raise input_error(
                model.path,
                f"transcript {visible(every[i].transcript)} ends at {bounds[i][1]:,}, "
                f"beyond {visible(chrom)} of the reference ({length:,} bp)",
                "gene models of the assembly that the reference is of",
            )
    chosen = [every[i] for i in order]
    strand = np.array([1 if t.strand == "+" else -1 for t in chosen], np.int8)
    exons = _in_transcript_order(model.exons, order, strand)
    sequence = _spliced(reference, chrom, exons, strand)
    cds_start, cds_end, phase, slips = _coding(model.coding, order, exons, strand)
    code = MITOCHONDRIAL if sex_chromosome(chrom) == "MT" else STANDARD
    sequence_offset = np.append(exons.first, _total(exons))[exons.offset]
    status = tuple(
        _status(
            t,
            sequence[sequence_offset[k] : sequence_offset[k + 1]],
            (int(cds_start[k]), int(cds_end[k])),
            int(phase[k]),
            bool(slips[k]),
            code,
        )
        for k, t in enumerate(chosen)
    )
    started = np.array([s == "cds_start_incomplete" for s in status], bool)
    return Transcripts(
        chrom=chrom,
        name=tuple(t.transcript for t in chosen),
        gene=tuple(model.genes[t.gene_id].gene for t in chosen),
        gene_id=tuple(t.gene_id for t in chosen),
        biotype=tuple(t.biotype for t in chosen),
        protein_id=tuple(t.protein_id for t in chosen),
        start=np.array([bounds[i][0] for i in order], np.int64),
        end=np.array([bounds[i][1] for i in order], np.int64),
        strand=strand,
        exon_offset=exons.offset,
        exon_start=exons.start,
        exon_end=exons.end,
        exon_first=exons.first - np.repeat(sequence_offset[:-1], np.diff(exons.offset)),
        sequence_offset=sequence_offset,
        sequence=sequence,
        cds_start=cds_start,
        cds_end=cds_end,
        phase=np.where(started, phase, 0).astype(np.int8),
        code=np.full(len(chosen), code, np.int8),
        status=status,
        mane=tuple(t.mane for t in chosen),
        canonical=np.array([t.canonical for t in chosen], bool),
    )


class _Exons:
    """Exons 5' to 3' of the chosen transcripts, and where each begins in the joined sequence of all."""

    def __init__(self, offset: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
        self.offset, self.start, self.end = offset, start, end
        length = end - start + 1
        self.first = np.cumsum(length) - length


def _total(exons: _Exons) -> int:
    return int((exons.end - exons.start + 1).sum())


def _bounds(exons: Segments, i: int) -> tuple[int, int]:
    part = exons.of(i)
    return int(exons.start[part.start]), int(exons.end[part.stop - 1])


def _in_transcript_order(exons: Segments, order: Sequence[int], strand: np.ndarray) -> _Exons:
    rows: list[np.ndarray] = []
    for k, i in enumerate(order):
        part = exons.of(i)
        ascending = np.arange(part.start, part.stop)
        rows.append(ascending if strand[k] > 0 else ascending[::-1])
    offset = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    chosen = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    return _Exons(offset, exons.start[chosen], exons.end[chosen])


def _spliced(reference: Reference, chrom: str, exons: _Exons, strand: np.ndarray) -> np.ndarray:
    """Base codes of all transcripts, each 5' to 3'. The genome is read a stretch of exons at a time."""
    sequence = np.empty(_total(exons), np.uint8)
    of_exon = np.repeat(strand, np.diff(exons.offset))
    by_place = np.argsort(exons.start, kind="stable")
    bases, first = np.zeros(0, np.uint8), 1
    for e in by_place:
        start, end = int(exons.start[e]), int(exons.end[e])
        if end >= first + len(bases) or start < first:
            text = reference.bases(chrom, start, max(end - start + 1, _FETCHED_AT_ONCE))
            bases, first = _CODES[np.frombuffer(text.encode("ascii", "replace"), np.uint8)], start
        piece = bases[start - first : end - first + 1]
        at = int(exons.first[e])
        sequence[at : at + len(piece)] = piece if of_exon[e] > 0 else _COMPLEMENT[piece[::-1]]
    return sequence


def _coding(
    coding: Segments, order: Sequence[int], exons: _Exons, strand: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Coding interval in each transcript, phase of its first CDS, whether its CDS skip or repeat bases."""
    n = len(order)
    cds_start, cds_end = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    phase, slips = np.zeros(n, np.int8), np.zeros(n, bool)
    for k, i in enumerate(order):
        part = coding.of(i)
        if part.start == part.stop:
            continue
        low, high = int(coding.start[part].min()), int(coding.end[part].max())
        mine = slice(int(exons.offset[k]), int(exons.offset[k + 1]))
        five, three = (low, high) if strand[k] > 0 else (high, low)
        cds_start[k] = _position(exons, mine, five, int(strand[k]))
        cds_end[k] = _position(exons, mine, three, int(strand[k])) + 1
        phase[k] = max(coding.phase[part.start if strand[k] > 0 else part.stop - 1], 0)
        coded = int((coding.end[part] - coding.start[part] + 1).sum())
        slips[k] = coded != cds_end[k] - cds_start[k]
    return cds_start, cds_end, phase, slips


def _position(exons: _Exons, mine: slice, pos: int, strand: int) -> int:
    """Where an exonic base is in its transcript."""
    start, end = exons.start[mine], exons.end[mine]
    e = int(np.flatnonzero((start <= pos) & (pos <= end))[0])
    first = int(exons.first[mine][e] - exons.first[mine][0])
    return first + (pos - int(start[e]) if strand > 0 else int(end[e]) - pos)


def _status(
    transcript: Transcript, bases: np.ndarray, cds: tuple[int, int], phase: int, slips: bool, code: int
) -> str:
    """Why no protein may be predicted, else ''. See :class:`~endotype.annotation.transcripts.Transcripts`.

    A CDS that begins with the transcript, and not with ATG, has lost its start; one that ends with it, and
    not with a stop, has lost its end. Mitochondrial transcripts have no leader and other starts, so for them
    only the file's own marks tell.
    """
    start, end = cds
    if start < 0:
        return "not_coding"
    flags = transcript.flags
    for mark in _FLAG_STATUS:
        if mark in flags:
            return mark
    if slips:
        return "ribosomal_slippage"
    coded = bases[start:end]
    if phase or "cds_start_NF" in flags:
        return "cds_start_incomplete"
    lost_start = start == 0 and code == STANDARD and coded[:3].tolist() != [_A, _T, _G]
    if lost_start:
        return "cds_start_incomplete"
    if "cds_end_NF" in flags:
        return "cds_end_incomplete"
    if np.any(coded == _N):
        return "unknown_bases"
    stops = _stop_codons(coded, code)
    within = stops[stops < len(coded) // 3 - (len(coded) % 3 == 0)]
    ends = bool(len(coded) % 3 == 0 and len(stops) and stops[-1] == len(coded) // 3 - 1)
    if not ends and end == len(bases) and code == STANDARD:
        return "cds_end_incomplete"
    if len(coded) % 3:
        return "cds_length_not_of_codons"
    if "selenocysteine" in flags:
        return "selenocysteine"
    if len(within):
        return "stop_within"
    return "" if ends else "no_stop_codon"


_STOP_NUMBERS: Mapping[int, np.ndarray] = {
    code: np.array([sum(BASES.index(b) * 5 ** (2 - i) for i, b in enumerate(stop)) for stop in stops])
    for code, stops in _STOPS.items()
}


def _stop_codons(coded: np.ndarray, code: int) -> np.ndarray:
    """Which codons (0-based) are stops."""
    codons = coded[: len(coded) // 3 * 3].reshape(-1, 3).astype(np.int64)
    return np.flatnonzero(np.isin(codons @ np.array([25, 5, 1]), _STOP_NUMBERS[code]))
