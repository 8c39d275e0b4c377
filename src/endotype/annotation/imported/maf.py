"""Rows of the consequences that a MAF file carries.

Its alleles have no anchor base: without a reference, insertions and deletions are set aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from endotype.annotation.imported.entries import as_ordinal, as_text, first_number, split_terms
from endotype.annotation.imported.place import Placer
from endotype.annotation.imported.table import Counts, Row, with_terms
from endotype.cohort.maf_table import MafRows, read_maf_header

_COLUMNS = {
    "consequence": "consequence",
    "impact": "impact",
    "gene_id": "gene",
    "transcript": "transcript_id",
    "protein_id": "ensp",
    "biotype": "biotype",
    "exon": "exon_number",
    "hgvs_c": "hgvsc",
    "hgvs_p": "hgvsp",
    "hgvs_g": "hgvsg",
    "canonical": "canonical",
    "cdna_position": "cdna_position",
    "cds_position": "cds_position",
    "protein_position": "protein_position",
    "amino_acids": "amino_acids",
    "codons": "codons",
}
"""What a column means -> its name in vcf2maf's and the GDC's files, in lower case."""

_CLASSIFICATIONS = {
    "missense_mutation": "missense_variant",
    "nonsense_mutation": "stop_gained",
    "nonstop_mutation": "stop_lost",
    "silent": "synonymous_variant",
    "frame_shift_del": "frameshift_variant",
    "frame_shift_ins": "frameshift_variant",
    "in_frame_del": "inframe_deletion",
    "in_frame_ins": "inframe_insertion",
    "translation_start_site": "start_lost",
    "splice_region": "splice_region_variant",
    "5'utr": "5_prime_UTR_variant",
    "3'utr": "3_prime_UTR_variant",
    "5'flank": "upstream_gene_variant",
    "3'flank": "downstream_gene_variant",
    "intron": "intron_variant",
    "igr": "intergenic_variant",
}
"""Variant_Classification that means one SO term. Splice_Site is a donor or an acceptor: it stays unknown."""

_EMPTY = ("", ".", "-", "NA", "N/A")


def read_maf(path: str | Path, placer: Placer, counts: Counts) -> Iterator[Row]:
    """One row per row of a MAF file and allele that differs from the reference.

    Raises:
        InputError: the file can't be read, or lacks a required column.
    """
    header = read_maf_header(str(path))
    lower = [name.casefold() for name in header.names]
    extra = {f"x_{meaning}": (lower.index(name),) for meaning, name in _COLUMNS.items() if name in lower}
    header = replace(header, positions={**header.positions, **extra})
    wanted = ["gene", "chrom", "start", "classification", "ref", "allele_1", "allele_2", *extra]
    rows = MafRows(header, wanted)
    for frame in rows:
        for line, cells in zip(frame.index.tolist(), frame.to_dict("records"), strict=True):
            counts.records += 1
            yield from _rows(int(line), {str(k): str(v) for k, v in cells.items()}, placer, counts)
    counts.records += len(rows.ragged)
    counts.entries += len(rows.ragged)
    if rows.ragged:
        counts.set_aside["ragged_row"] += len(rows.ragged)


def _rows(line: int, cells: dict[str, str], placer: Placer, counts: Counts) -> Iterator[Row]:
    ref = cells["ref"].upper() or "-"
    alts = {cells.get(name, "").upper() for name in ("allele_1", "allele_2")}
    alts = {alt for alt in alts if alt == "-" or alt not in _EMPTY} - {ref}
    counts.entries += max(len(alts), 1)
    if not alts or not cells["start"].isdecimal():
        reason = "position_not_understood" if alts else "no_alternate_allele"
        counts.set_aside[reason] += max(len(alts), 1)
        return
    for alt in sorted(alts):
        placed = placer(cells["chrom"], int(cells["start"]), ref, alt)
        if placed.reason:
            counts.set_aside[placed.reason] += 1
            continue
        chrom, pos, ref_there, alt_there, _ = placed
        name = {"chrom": chrom, "pos": pos, "ref": ref_there, "alt": alt_there}
        counts.entries_used += 1
        counts.rows += 1
        yield (
            _row(cells, counts)
            | name
            | {
                "variant_id": f"{chrom}:{pos}:{ref_there}:{alt_there}",
                "source": "MAF",
                "source_field": "MAF",
                "source_row": line,
            }
        )


def _row(cells: dict[str, str], counts: Counts) -> Row:
    def of(meaning: str) -> str | None:
        value = cells.get(f"x_{meaning}", "")
        return None if value in _EMPTY else as_text(value)

    classification = cells.get("classification", "")
    said = of("consequence")
    terms = split_terms((said or "").replace(",", "&").replace(";", "&"))
    if not terms and classification:
        terms = [_CLASSIFICATIONS.get(classification.casefold(), classification)]
    row: Row = {
        "gene": as_text(cells.get("gene")),
        "canonical": cells["x_canonical"] == "YES" if "x_canonical" in cells else None,
        "exon": as_ordinal(of("exon")),
        "source_impact": of("impact"),
    }
    for meaning in ("gene_id", "transcript", "protein_id", "biotype", "hgvs_c", "hgvs_p", "hgvs_g"):
        row[meaning] = of(meaning)
    for meaning in ("amino_acids", "codons"):
        row[meaning] = of(meaning)
    for meaning in ("cdna_position", "cds_position", "protein_position"):
        row[meaning] = first_number(of(meaning))
    return with_terms(row, terms, counts)
