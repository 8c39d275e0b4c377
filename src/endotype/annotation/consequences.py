"""``bcftools csq``: running it, reading its words, and what it says of single alleles.

The pipeline's consequences of single alleles are made by :mod:`endotype.annotation.hgvs`; those of here
(``csq -l``) are an independent answer to compare them with. For alleles that a patient carries together see
:mod:`endotype.annotation.haplotypes`. Paper: Danecek and McCarthy 2017, BCFtools/csq: haplotype-aware
variant consequences, Bioinformatics 33(13):2037.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pysam

from endotype import bcftools
from endotype.annotation.csq_gff import write_csq_gff
from endotype.annotation.gene_model import GeneModel, Transcript, model_contig, read_gene_model
from endotype.annotation.reference import Reference, indexed_fasta
from endotype.annotation.severity import severity_rank, so_terms
from endotype.cohort.assembly import sex_chromosome
from endotype.files import atomic_path

ASSESSED, NOT_ASSESSED = "assessed", "not_assessed"

COLUMNS = [
    *("variant_id", "chrom", "pos", "ref", "alt", "gene", "gene_id", "transcript", "biotype", "strand"),
    *("consequence", "amino_acid_change", "dna_change", "consequence_status"),
]
SCHEMA = pa.schema([(name, pa.int64() if name == "pos" else pa.string()) for name in COLUMNS])
"""The table that :func:`local_consequences` writes."""

_BATCH_ROWS = 50_000
MARGIN = 10_000
"""Transcripts so far (bp) from the variants are shown to csq too: its splice regions reach beyond exons."""
PROTEIN_LETTERS = 10
"""Longer stretches of protein are abbreviated: a frameshift would else list all the rest of it."""


class Consequence(NamedTuple):
    """One entry of a BCSQ value, as written: ``gene`` and ``transcript`` are the names of the GFF3 file."""

    consequence: str
    gene: str | None
    transcript: str | None
    biotype: str | None
    strand: str | None
    amino_acid_change: str | None
    dna_change: str | None


def parse_bcsq(value: str) -> Consequence:
    """One entry ``consequence|gene|transcript|biotype|strand|amino_acid_change|dna_change`` of BCSQ.

    Fields at the end may be missing, empty ones are ``None``; the consequence is given as SO terms.

    Raises:
        ValueError: a reference to another record (``@pos``), an unknown consequence, or too many fields.
    """
    if value.startswith("@"):
        raise ValueError(f"BCSQ '{value}' refers to another record; consequences must be local")
    name, *rest = value.split("|")
    if len(rest) > 6:
        raise ValueError(f"BCSQ '{value}' has {len(rest) + 1} fields; expected at most 7")
    fields = [field or None for field in rest] + [None] * (6 - len(rest))
    return Consequence(so_terms(name), *fields)


def local_consequences(
    bcf: str | Path, out: str | Path, fasta: str | Path | None = None, gff: str | Path | None = None
) -> None:
    """Write one row per variant x transcript of a BCF/VCF file of split, normalised and sorted variants.

    Every variant has at least one row. ``consequence_status`` is ``assessed`` or ``not_assessed``: the latter
    without a reference or gene model, on a contig that either of them lacks, for a symbolic allele, and where
    csq says nothing though a transcript is there (it passes over biotypes that it doesn't know). A variant
    that touches none is an ``intergenic_variant``. Proteins of more than ten residues are abbreviated.

    Args:
        bcf: variants; genotypes are not looked at.
        out: Parquet file with the columns of ``SCHEMA``, in the order of the variants, then by transcript.
        fasta: reference, plain or bgzip; an index is not needed.
        gff: gene model, GFF3 of Ensembl, GENCODE or RefSeq.

    Raises:
        InputError: the FASTA or GFF3 file can't be used.
    """
    with tempfile.TemporaryDirectory() as folder, atomic_path(out) as temporary:
        sites = f"{folder}/sites.bcf"
        # INFO goes too: a BCSQ that the file came with is of another gene model.
        drop_info = ["annotate", "--no-version", "-x", "INFO", "-Ob1", "-o", sites, "-"]
        bcftools.pipe([["view", "--no-version", "-G", "-Ou", str(bcf)], drop_info])
        bcftools.run("index", "-f", sites)
        if fasta is None or gff is None:
            rows = _not_assessed_rows(sites)
        else:
            rows = _assessed_rows(sites, fasta, gff, folder)
        _write(rows, temporary)


def run_csq(variants: str, fasta: str, model: str, chrom: str, out: str, options: Sequence[str]) -> str:
    """Run ``bcftools csq`` over one contig of an indexed BCF file; returns what it wrote to stderr.

    Args:
        variants: BCF with an index.
        fasta: reference with an index.
        model: GFF3 by :func:`~endotype.annotation.csq_gff.write_csq_gff`.
        chrom: the contig.
        out: BCF with BCSQ.
        options: more of csq's options, such as ``-l`` or ``-p a``.

    Raises:
        BcftoolsError: csq failed.
    """
    # NCBI's table 2, vertebrate mitochondrial: TGA is tryptophan there, not a stop.
    code = "2" if sex_chromosome(chrom) == "MT" else "0"
    # In braces, because the colons of a name such as HLA-A*01:01 would be taken for a position's.
    region = f"{{{chrom}}}"
    files = ["-f", fasta, "-g", model, "-r", region, "-Ob1", "-o", out, variants]
    return bcftools.run("csq", "--no-version", "-C", code, *options, *files)


def spans(sites: str) -> dict[str, tuple[int, int]]:
    """First and last base (1-based) that the variants of each contig cover, in the order of the file."""
    found: dict[str, tuple[int, int]] = {}
    with pysam.VariantFile(sites) as variants:
        for record in variants:
            low, high = found.get(record.chrom, (record.pos, record.stop))
            found[record.chrom] = (min(low, record.pos), max(high, record.stop))
    return found


def _write(rows: Iterator[tuple[object, ...]], path: Path) -> None:
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        batch: list[tuple[object, ...]] = []
        for row in rows:
            batch.append(row)
            if len(batch) == _BATCH_ROWS:
                writer.write_table(_table(batch))
                batch = []
        if batch:
            writer.write_table(_table(batch))


def _table(rows: Sequence[tuple[object, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(values, type=field.type) for values, field in zip(columns, SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _not_assessed_rows(sites: str) -> Iterator[tuple[object, ...]]:
    with pysam.VariantFile(sites) as variants:
        for record in variants:
            yield _silent_row(record, None)


def _assessed_rows(
    sites: str, fasta: str | Path, gff: str | Path, folder: str
) -> Iterator[tuple[object, ...]]:
    covered = spans(sites)
    if not covered:
        return
    model = read_gene_model(gff, covered)
    with indexed_fasta(fasta) as indexed:
        with Reference(indexed) as reference:
            in_reference = set(reference.lengths)
        for chrom, span in covered.items():
            in_model = model_contig(model, chrom)
            if chrom not in in_reference or in_model is None:
                with pysam.VariantFile(sites) as variants:
                    for record in variants.fetch(chrom):
                        yield _silent_row(record, None)
                continue
            near = _Neighbourhood.of(model, in_model, span)
            called, gene_ids = _call_contig(sites, str(indexed), model, chrom, near, folder)
            with pysam.VariantFile(called) as variants:
                for record in variants.fetch(chrom):
                    yield from _rows(record, model, near, gene_ids)


@dataclass(frozen=True)
class _Neighbourhood:
    """What is near the variants of a contig.

    ``numbers`` and ``transcripts`` are those that csq can be shown; bounds (int64) are of all, and of
    transcripts that the gene model had to leave out.
    """

    numbers: tuple[int, ...]
    transcripts: tuple[Transcript, ...]
    starts: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, model: GeneModel, chrom: str, span: tuple[int, int]) -> _Neighbourhood:
        near = model.numbers(chrom, (span[0] - MARGIN, span[1] + MARGIN)).tolist()
        # csq stops at CDS whose phases contradict each other.
        usable = tuple(i for i in near if "wrong_phase" not in model.by_number[i].flags)
        transcripts = [model.by_number[i] for i in near]
        starts, ends = (np.array([getattr(t, b) for t in transcripts], np.int64) for b in ("start", "end"))
        more_starts, more_ends = model.left_out(chrom)
        return cls(
            usable,
            tuple(model.by_number[i] for i in usable),
            np.append(starts, more_starts),
            np.append(ends, more_ends),
        )

    def touches(self, start: int, end: int) -> bool:
        """Whether a transcript has a base from ``start`` to ``end``, or both sides of an insertion."""
        return bool(np.any((self.starts <= end) & (self.ends >= start)))


def _call_contig(
    sites: str, fasta: str, model: GeneModel, chrom: str, near: _Neighbourhood, folder: str
) -> tuple[str, list[str]]:
    """The variants of one contig with BCSQ, and the ids of the genes that it names by number."""
    if not near.numbers:
        return sites, []
    written, called = f"{folder}/genes.gff3", f"{folder}/called.bcf"
    gene_ids = write_csq_gff(model, near.numbers, chrom, written)
    try:
        run_csq(sites, fasta, written, chrom, called, ["-l", "-B", str(PROTEIN_LETTERS)])
    except bcftools.BcftoolsError as error:
        if "No usable transcripts" not in str(error):
            raise
        return sites, []
    bcftools.run("index", "-f", called)
    return called, gene_ids


def _rows(
    record: pysam.VariantRecord, model: GeneModel, near: _Neighbourhood, gene_ids: Sequence[str]
) -> list[tuple[object, ...]]:
    """The rows of one variant: one per transcript, or per gene where csq doesn't name the transcript."""
    values = record.info.get("BCSQ", ()) if gene_ids else ()
    if _is_symbolic(record):
        return [_silent_row(record, None)]
    if not values:
        touched = near.touches(*_changed_bases(record))
        return [_silent_row(record, None if touched else "intergenic_variant")]
    entries: dict[tuple[str | None, str | None], list[Consequence]] = {}
    for value in values:
        entry = parse_bcsq(value)
        entries.setdefault((entry.gene, entry.transcript), []).append(entry)
    rows = [
        (*_site(record), *_named(group[0], model, near, gene_ids), *_merged(group), ASSESSED)
        for group in entries.values()
    ]
    # By transcript, then gene; entries that name none come last.
    return sorted(rows, key=lambda row: [(x is None, x or "") for x in (row[7], row[5], row[6])])


def _named(
    entry: Consequence, model: GeneModel, near: _Neighbourhood, gene_ids: Sequence[str]
) -> tuple[str | None, ...]:
    """Gene, gene id, transcript, biotype and strand behind the numbers of one entry."""
    gene = model.genes[gene_ids[int(entry.gene)]] if entry.gene else None
    if entry.transcript is None:
        known = (gene.gene, gene.gene_id) if gene else (None, None)
        return *known, None, entry.biotype, gene.strand if gene else entry.strand
    transcript = near.transcripts[int(entry.transcript)]
    gene = model.genes[transcript.gene_id]
    return gene.gene, gene.gene_id, transcript.transcript, transcript.biotype, transcript.strand


def _merged(entries: Sequence[Consequence]) -> tuple[str | None, ...]:
    """Consequence, protein and DNA change of all entries of one transcript; the most severe term first."""
    ordered = sorted(entries, key=lambda e: (severity_rank(e.consequence), [x or "" for x in e]))
    terms = {term for entry in ordered for term in entry.consequence.split("&")}
    changes = [
        ",".join(dict.fromkeys(filter(None, texts))) or None
        for texts in ([e.amino_acid_change for e in ordered], [e.dna_change for e in ordered])
    ]
    return "&".join(sorted(terms, key=lambda term: (severity_rank(term), term))), *changes


def _silent_row(record: pysam.VariantRecord, consequence: str | None) -> tuple[object, ...]:
    """A row without a gene: intergenic, or not assessed when ``consequence`` is ``None``."""
    status = NOT_ASSESSED if consequence is None else ASSESSED
    return (*_site(record), *[None] * 5, consequence, None, None, status)


def _site(record: pysam.VariantRecord) -> tuple[str, str, int, str, str]:
    ref, alt = str(record.ref), str((record.alts or (".",))[0])
    return f"{record.chrom}:{record.pos}:{ref}:{alt}", record.chrom, record.pos, ref, alt


def _changed_bases(record: pysam.VariantRecord) -> tuple[int, int]:
    """First and last reference base that the allele replaces; an insertion ends where it starts, less one."""
    _, _, pos, ref, alt = _site(record)
    anchor = int(ref[0] == alt[0])
    return pos + anchor, pos + len(ref) - 1


def _is_symbolic(record: pysam.VariantRecord) -> bool:
    return any(mark in str((record.alts or ("*",))[0]) for mark in "<>[]*.")
