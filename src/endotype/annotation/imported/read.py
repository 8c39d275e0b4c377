"""``imported.parquet``: the consequences of the user's files, sorted as the cohort's variants are."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from endotype.annotation.database import arrow_batches, ordered_duckdb
from endotype.annotation.imported.compare import compare_imported
from endotype.annotation.imported.maf import read_maf
from endotype.annotation.imported.place import Placer
from endotype.annotation.imported.table import SCHEMA, Counts, Row
from endotype.annotation.imported.vcf import read_vcf
from endotype.annotation.reference import Reference, indexed_fasta
from endotype.files import atomic_path, sha256_file, write_json

_BATCH_ROWS = 20_000

_SORTED = """
WITH numbered AS (
    SELECT *, file_row_number AS nth FROM read_parquet($rows, file_row_number = true)
), contigs AS (
    SELECT chrom, min(nth) AS first FROM numbered GROUP BY chrom
), distinct_rows AS (
    SELECT *, row_number() OVER (
        PARTITION BY variant_id, source, source_field, gene, gene_id, transcript, biotype,
            source_consequence, haplotype, hgvs_c, hgvs_p
        ORDER BY nth
    ) AS again FROM numbered
)
SELECT d.* EXCLUDE (again, nth) FROM distinct_rows d JOIN contigs USING (chrom)
WHERE again = 1
ORDER BY {contig}, pos, ref, alt, source_field, source, transcript NULLS LAST, gene NULLS LAST, nth
"""


def read_imported(
    path: str | Path, counts: Counts, reference: Reference | None = None, maf: bool = False
) -> Iterator[Row]:
    """The consequences of one file, as rows of ``table.SCHEMA``, in its order.

    Args:
        path: VCF or BCF with a field of VEP, SnpEff or csq; or, with ``maf``, a MAF.
        counts: is added to.
        reference: alleles are checked against it and left-aligned, as the cohort's are; ``None``: trimmed.

    Raises:
        InputError: the file can't be read, or carries no annotation.
    """
    read = read_maf if maf else read_vcf
    yield from read(path, Placer(reference), counts)


def import_annotation(
    vcfs: Sequence[str | Path],
    mafs: Sequence[str | Path],
    out: str | Path,
    summary: str | Path,
    fasta: str | Path | None = None,
    effects: str | Path | None = None,
) -> dict[str, Any]:
    """Write the consequences of all files as one table, and what became of each file.

    A row that is there twice (records of one variant in two files) is kept once.

    Args:
        vcfs: VCF and BCF files, the user's or the normalised shards.
        mafs: MAF files.
        out: Parquet with the columns of ``table.SCHEMA``.
        summary: JSON.
        fasta: indexed reference.
        effects: ``annotation/variants.parquet``, to compare with.

    Returns:
        What the summary holds.

    Raises:
        InputError: a file can't be read, or carries no annotation.
    """
    files = []
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        reference = None
        if fasta is not None:
            reference = stack.enter_context(Reference(stack.enter_context(indexed_fasta(fasta))))
        raw = f"{folder}/rows.parquet"
        with pq.ParquetWriter(raw, SCHEMA) as writer:
            for path, maf in [*((p, False) for p in vcfs), *((p, True) for p in mafs)]:
                counts = Counts()
                rows = read_imported(path, counts, reference, maf)
                while batch := list(itertools.islice(rows, _BATCH_ROWS)):
                    writer.write_table(pa.Table.from_pylist(batch, schema=SCHEMA))
                entry = {"file": Path(path).name, "sha256": sha256_file(path)}
                files.append(entry | counts.as_json())
        n_rows = _write_sorted(raw, out, folder, list(reference.lengths) if reference else None)
    n_read = sum(entry["rows"] for entry in files)
    result: dict[str, Any] = {"files": files, "rows": n_rows, "rows_there_twice": n_read - n_rows}
    if effects is not None:
        result["agreement"] = compare_imported(effects, out)
    write_json(summary, result)
    return result


def _write_sorted(raw: str, out: str | Path, folder: str, contigs: list[str] | None) -> int:
    """By contig (as the reference has them, else as they came), position and allele; the number of rows."""
    n = 0
    order = "first" if contigs is None else "list_position($contigs, chrom)"
    parameters: dict[str, Any] = {"rows": raw} | ({} if contigs is None else {"contigs": contigs})
    with (
        ordered_duckdb(folder) as con,
        atomic_path(out) as temporary,
        pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer,
    ):
        for batch in arrow_batches(con, _SORTED.format(contig=order), parameters, _BATCH_ROWS):
            n += len(batch)
            writer.write_table(pa.Table.from_batches([batch]).select(SCHEMA.names).cast(SCHEMA))
    return n
