"""The transcripts of one contig as plain arrays, for the kernels that place and describe variants.

Built from a gene model and a reference by :func:`endotype.annotation.splicing.build_transcripts`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BASES = "ACGTN"
"""Bases as stored: 0 to 3, and 4 for every other letter."""


@dataclass(frozen=True)
class Transcripts:
    """``n`` transcripts of one contig with ``m`` exons in all, by start, then end, then name.

    Genomic coordinates are 1-based and inclusive. Positions in a transcript are 0-based, counted from its 5'
    end over its exons alone.

    Attributes:
        chrom: the contig, as the reference names it.
        name: transcript ids as the file has them, with version where it has one (``ENST00000379370.7``).
        gene, gene_id, biotype: of its gene (symbol, else id) and of the transcript.
        protein_id: of the protein, with version; empty where there is none.
        start, end: bounds, int64, shape (n,).
        strand: 1 or -1, int8, shape (n,).
        exon_offset: exons of transcript ``i`` are ``exon_offset[i]:exon_offset[i + 1]``, 5' to 3'; int64,
            shape (n + 1,).
        exon_start, exon_end: genomic bounds of each exon, int64, shape (m,).
        exon_first: position in the transcript of each exon's 5' base, int64, shape (m,).
        sequence_offset: transcript ``i`` is ``sequence[sequence_offset[i]:sequence_offset[i + 1]]``; int64,
            shape (n + 1,).
        sequence: bases of all transcripts, 5' to 3', uint8 codes of ``BASES``.
        cds_start, cds_end: coding bases of the transcript as a half-open interval, the stop codon included;
            both -1 where nothing is coded; int64, shape (n,).
        phase: bases of an incomplete first codon, to be passed over, int8, shape (n,).
        code: NCBI's genetic code, 1 or 2 (vertebrate mitochondrion), int8, shape (n,).
        status: why no protein may be predicted, else empty: ``not_coding``, ``cds_start_incomplete``,
            ``cds_end_incomplete``, ``cds_length_not_of_codons``, ``no_stop_codon``, ``stop_within``,
            ``selenocysteine``, ``ribosomal_slippage``, ``differs_from_reference``, ``unknown_bases``,
            ``wrong_phase``, ``cds_not_contiguous`` (its CDS leave out parts of exons between them).
        mane: ``select``, ``plus_clinical`` or empty.
        canonical: the file calls it the gene's canonical transcript, bool, shape (n,).
    """

    chrom: str
    name: tuple[str, ...]
    gene: tuple[str, ...]
    gene_id: tuple[str, ...]
    biotype: tuple[str, ...]
    protein_id: tuple[str, ...]
    start: np.ndarray
    end: np.ndarray
    strand: np.ndarray
    exon_offset: np.ndarray
    exon_start: np.ndarray
    exon_end: np.ndarray
    exon_first: np.ndarray
    sequence_offset: np.ndarray
    sequence: np.ndarray
    cds_start: np.ndarray
    cds_end: np.ndarray
    phase: np.ndarray
    code: np.ndarray
    status: tuple[str, ...]
    mane: tuple[str, ...]
    canonical: np.ndarray

    def __len__(self) -> int:
        return len(self.name)
