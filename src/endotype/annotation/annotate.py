"""Everything that is known of a variant, in one table: consequences joined with knowledge by exact allele."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from endotype.annotation.database import arrow_batches, ordered_duckdb
from endotype.annotation.reference import match_contigs
from endotype.annotation.severity import IMPACTS, impact_of, severity_rank
from endotype.files import atomic_path, read_json

_TYPES = {
    "pos": pa.int64(),
    "most_severe": pa.bool_(),
    "population_af": pa.float64(),
    "cohort_af": pa.float64(),
    "damaging": pa.bool_(),
}
COLUMNS = [
    *("variant_id", "chrom", "pos", "ref", "alt", "gene", "gene_id", "transcript", "biotype", "strand"),
    *("consequence", "impact", "amino_acid_change", "dna_change", "most_severe"),
    *("population_af", "population_status"),
    *("clinical_significance", "review_status", "condition", "clinical_id", "clinical_status"),
    *("cohort_af", "damaging", "consequence_status"),
]
SCHEMA = pa.schema([(name, _TYPES.get(name, pa.string())) for name in COLUMNS])
"""The table ``annotation/variants.parquet``."""

_BATCH_ROWS = 100_000

# A record whose frequency is null says nothing; one of zero says that the allele was looked for in vain.
_QUERY = """
WITH variants AS (
    SELECT file_row_number AS nth, variant_id, chrom, pos, ref, alt, alt_freq AS cohort_af
    FROM read_parquet($variant_qc, file_row_number = true) WHERE kept
), known AS (
    SELECT * FROM read_parquet($genes)
    WHERE coalesce(mechanism, inheritance, disease, lof_mechanism) IS NOT NULL
), joined AS (
    SELECT v.*, c.gene, c.gene_id, c.transcript, c.biotype, c.strand, c.consequence,
        c.amino_acid_change, c.dna_change, c.consequence_status, t.impact, t.impact_rank, t.severity,
        coalesce(c.biotype = 'protein_coding', false) AS coding,
        coalesce(c.gene_id IN (SELECT gene_id FROM known WHERE gene_id IS NOT NULL), false)
            OR coalesce(c.gene IN (SELECT gene FROM known), false) AS gene_known,
        f.allele_frequency,
        CASE WHEN NOT $has_frequency THEN 'not_assessed'
            WHEN f.pos IS NULL OR f.allele_frequency = 0 THEN 'absent'
            WHEN f.allele_frequency IS NULL THEN 'not_assessed'
            ELSE 'present' END AS population_status,
        s.clinical_significance, s.review_status, s.condition, s.clinical_id, s.pathogenic,
        CASE WHEN NOT $has_clinical THEN 'not_assessed'
            WHEN s.pos IS NULL THEN 'absent'
            ELSE 'present' END AS clinical_status
    FROM variants v
    LEFT JOIN read_parquet($consequences) c USING (chrom, pos, ref, alt)
    LEFT JOIN terms t ON t.consequence = c.consequence
    LEFT JOIN contigs_f ON contigs_f.cohort = v.chrom
    LEFT JOIN read_parquet($frequency) f
        ON f.chrom = contigs_f.source AND f.pos = v.pos AND f.ref = v.ref AND f.alt = v.alt
    LEFT JOIN contigs_s ON contigs_s.cohort = v.chrom
    LEFT JOIN read_parquet($clinical) s
        ON s.chrom = contigs_s.source AND s.pos = v.pos AND s.ref = v.ref AND s.alt = v.alt
)
SELECT * EXCLUDE (allele_frequency),
    CASE WHEN population_status = 'present' THEN allele_frequency END AS population_af,
    row_number() OVER (
        PARTITION BY nth
        ORDER BY impact_rank NULLS LAST, coding DESC, gene_known DESC, severity NULLS LAST,
            transcript NULLS LAST, gene_id NULLS LAST, consequence, dna_change
    ) = 1 AS most_severe,
    CASE WHEN impact = 'HIGH' OR pathogenic THEN true
        WHEN consequence_status = 'assessed' OR clinical_status <> 'not_assessed' THEN false
        END AS damaging
FROM joined
ORDER BY nth, transcript NULLS LAST, gene NULLS LAST, gene_id NULLS LAST, consequence, dna_change
"""


def annotate_variants(
    variant_qc: str | Path, consequences: Sequence[str | Path], knowledge: str | Path, out: str | Path
) -> None:
    """Write ``annotation/variants.parquet``: one row per kept variant x transcript, in genome order.

    Knowledge is joined by contig, position, REF and ALT; contigs may differ by ``chr``. ``most_severe`` marks
    one row per variant: the one of the highest impact, then protein coding, then of a gene of the gene
    table, then of the more severe term, then the first transcript by name. ``damaging`` is true for a HIGH
    impact or a (likely) pathogenic allele, else false, and null when neither was assessed.

    Args:
        variant_qc: ``variants/variant_qc.parquet``.
        consequences: what :func:`endotype.annotation.consequences.call_consequences` wrote, for every shard.
        knowledge: the folder of :func:`endotype.annotation.knowledge.build_knowledge`.
        out: Parquet file with the columns of ``SCHEMA``.

    Raises:
        ValueError: a kept variant is in none of the consequence tables.
    """
    folder = Path(knowledge)
    sources = read_json(folder / "knowledge.json")["sources"]
    paths: dict[str, Any] = {
        "variant_qc": str(variant_qc),
        "consequences": [str(path) for path in consequences],
        "genes": str(folder / "genes.parquet"),
        "frequency": str(folder / "population_frequency.parquet"),
        "clinical": str(folder / "clinical_significance.parquet"),
    }
    parameters = paths | {
        "has_frequency": sources["population_frequency"]["status"] == "loaded",
        "has_clinical": sources["clinical_significance"]["status"] == "loaded",
    }
    with tempfile.TemporaryDirectory() as scratch, ordered_duckdb(scratch) as con:
        _create_terms(con, _distinct(con, "consequence", paths["consequences"]))
        cohort = _distinct(con, "chrom", paths["variant_qc"])
        for name, source in (("contigs_f", "frequency"), ("contigs_s", "clinical")):
            matched = match_contigs(cohort, _distinct(con, "chrom", paths[source]))
            _create(con, name, "cohort VARCHAR, source VARCHAR", matched.items())
        with atomic_path(out) as temporary, pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
            for batch in arrow_batches(con, _QUERY, parameters, _BATCH_ROWS):
                table = pa.Table.from_batches([batch])
                if table["consequence_status"].null_count:
                    missing = table.filter(table["consequence_status"].is_null())["variant_id"][0]
                    raise ValueError(f"{missing} is in none of the {len(consequences)} consequence tables")
                writer.write_table(table.select(SCHEMA.names).cast(SCHEMA))


def _distinct(con: duckdb.DuckDBPyConnection, column: str, paths: str | list[str]) -> list[str]:
    query = f"SELECT DISTINCT {column} FROM read_parquet($paths) WHERE {column} IS NOT NULL ORDER BY 1"
    return [row[0] for row in con.execute(query, {"paths": paths}).fetchall()]


def _create_terms(con: duckdb.DuckDBPyConnection, consequences: Iterable[str]) -> None:
    """The table of all consequences that occur, with impact and rank."""
    rows = []
    for consequence in consequences:
        impact = impact_of(consequence)
        assert impact is not None
        rows.append((consequence, impact, IMPACTS.index(impact), severity_rank(consequence)))
    _create(con, "terms", "consequence VARCHAR, impact VARCHAR, impact_rank INT, severity INT", rows)


def _create(
    con: duckdb.DuckDBPyConnection, name: str, columns: str, rows: Iterable[tuple[object, ...]]
) -> None:
    con.execute(f"CREATE TABLE {name} ({columns})")
    rows = list(rows)
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        con.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
