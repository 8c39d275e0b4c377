"""The clinical source's pathogenic alleles, described on proteins by the project's own engine.

What another allele does to the same residue is evidence (PS1, PM5), so the clinical source's (likely)
pathogenic alleles go through the same gene model, reference and engine as the cohort's variants.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pysam

from endotype.annotation.acmg.candidate import NEAR_SPLICE_SITE, TRUNCATING
from endotype.annotation.acmg.known import GeneCounts, Known, KnownAllele, pathogenic_kind
from endotype.annotation.acmg.select import candidates
from endotype.annotation.effects.predict import predict_effects
from endotype.annotation.reference import Reference, indexed_fasta, match_contigs

_READ = (
    *("variant_id", "gene", "gene_id", "transcript", "biotype", "mane", "canonical", "consequence", "impact"),
    *("consequence_status", "cds_length", "protein_position", "amino_acids", "chosen", "most_severe"),
    *("clinical_status", "splice_score"),
)
_BASES = frozenset("ACGT")


def describe_known(knowledge: str | Path, fasta: str | Path, genes: str | Path, min_stars: int) -> Known:
    """Established pathogenic alleles of the knowledge store, on proteins.

    Args:
        knowledge: folder with ``clinical_significance.parquet``.
        fasta, genes: reference and gene model, as for the cohort.
        min_stars: alleles with fewer ClinVar stars are not counted for genes' mechanisms.

    Returns:
        The alleles, and counts: those read, those placed, those on no contig of the reference or not of
        plain bases.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = Path(knowledge, "clinical_significance.parquet")
        rows, counts = _write_sites(source, fasta, folder / "known.bcf")
        if not rows:
            return Known([], {}, counts)
        predict_effects(folder / "known.bcf", folder / "known.parquet", fasta, genes)
        return _known(folder / "known.parquet", rows, min_stars, counts)


class _Record(NamedTuple):
    """What the clinical source says of an allele."""

    likely: bool
    stars: int
    clinical_id: str | None
    row: int | None


def _write_sites(source: Path, fasta: str | Path, out: Path) -> tuple[dict[str, _Record], dict[str, int]]:
    """Write the pathogenic alleles as a file of sites; what the source says of each, by variant."""
    counts = Counter({"pathogenic_alleles": 0, "contig_not_in_reference": 0, "not_plain_bases": 0})
    found: dict[str, _Record] = {}
    places: list[tuple[int, int, str, str]] = []
    with indexed_fasta(fasta) as indexed, Reference(indexed) as reference:
        lengths = dict(reference.lengths)
    names = list(lengths)
    rows = list(_pathogenic(source))
    contig_of = match_contigs(sorted({row[0] for row in rows}), names)
    order = {name: i for i, name in enumerate(names)}
    for chrom, pos, ref, alt, significance, stars, clinical_id, row in rows:
        kind = pathogenic_kind(significance)
        if kind is None:
            continue
        counts["pathogenic_alleles"] += 1
        if chrom not in contig_of:
            counts["contig_not_in_reference"] += 1
        elif not set(ref + alt) <= _BASES:
            counts["not_plain_bases"] += 1
        else:
            name = contig_of[chrom]
            found[f"{name}:{pos}:{ref}:{alt}"] = _Record(
                kind == "likely_pathogenic", stars or 0, clinical_id, row
            )
            places.append((order[name], pos, ref, alt))
    header = pysam.VariantHeader()
    for name in names:
        header.contigs.add(name, length=lengths[name])
    with pysam.VariantFile(str(out), "wb", header=header) as bcf:
        for contig, pos, ref, alt in sorted(places):
            bcf.write(header.new_record(contig=names[contig], start=pos - 1, alleles=(ref, alt)))
    return found, dict(counts)


def _pathogenic(source: Path) -> Iterator[tuple[Any, ...]]:
    names = pq.read_schema(source).names
    stars = "clinical_stars" if "clinical_stars" in names else "NULL"
    row = "source_row" if "source_row" in names else "file_row_number + 1"
    with duckdb.connect() as con:
        con.execute("SET threads = 1")
        yield from con.execute(
            f"""SELECT chrom, pos, ref, alt, clinical_significance, {stars}, clinical_id, {row}
            FROM read_parquet($path, file_row_number = true) WHERE pathogenic""",
            {"path": str(source)},
        ).fetchall()


def _known(effects: Path, rows: dict[str, _Record], min_stars: int, read: dict[str, int]) -> Known:
    alleles: list[KnownAllele] = []
    missense: Counter[str] = Counter()
    truncating: Counter[str] = Counter()
    seen: set[str] = set()
    columns = {name: name for name in _READ}
    for block in candidates(effects, columns, float("inf"), Counter()):
        for variant_id, gene, gene_id, transcript, consequence, position, amino_acids in _rows(block):
            record = rows[variant_id]
            seen.add(variant_id)
            terms = frozenset((consequence or "").split("&"))
            changes_one = "missense_variant" in terms and not terms & TRUNCATING
            if record.stars >= min_stars and (gene_id or gene):
                if terms & TRUNCATING:
                    truncating[gene_id or gene] += 1
                elif changes_one:
                    missense[gene_id or gene] += 1
            if position is None or transcript is None:
                continue
            alleles.append(
                KnownAllele(
                    variant_id,
                    gene or gene_id or "",
                    transcript,
                    position,
                    amino_acids or "",
                    changes_one,
                    bool(terms & NEAR_SPLICE_SITE),
                    *record,
                )
            )
    counts = {gene: GeneCounts(missense[gene], truncating[gene]) for gene in {*missense, *truncating}}
    described = len(seen)
    return Known(alleles, counts, read | {"described": described, "in_no_gene": len(rows) - described})


def _rows(block: pa.Table) -> Iterator[tuple[Any, ...]]:
    names = ("variant_id", "gene", "gene_id", "transcript", "consequence", "protein_position", "amino_acids")
    yield from zip(*(block[name].to_pylist() for name in names), strict=True)
