"""Which rows of the variants table are classified: one transcript per variant and gene, where there is
something to say.

A row is a candidate when its impact is HIGH, MODERATE or LOW, or when a curator asked for it; and where
none of a variant's rows is, its most severe row inside a gene (else the most severe of all) when the
clinical source has the allele or the splicing score is beyond what is harmless. All others are counted by
reason.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from endotype.annotation.database import ordered_duckdb

_BATCH = 65_536

# Chosen: the transcript of the variants table where it says so; else MANE, canonical, coding, longest, name.
_QUERY = """
WITH rows AS (
    SELECT *, row_number() OVER () AS nth,
        CASE impact WHEN 'HIGH' THEN 0 WHEN 'MODERATE' THEN 1 WHEN 'LOW' THEN 2 ELSE 3 END AS rank,
        coalesce(consequence IN ('upstream_gene_variant', 'downstream_gene_variant', 'intergenic_variant'),
        true)
            AS outside
    FROM block
), of_gene AS (
    SELECT *, row_number() OVER (
        PARTITION BY variant_id, coalesce(gene_id, gene)
        ORDER BY coalesce(chosen, false) DESC, coalesce(mane = 'select', false) DESC,
            coalesce(mane = 'plus_clinical', false) DESC, coalesce(canonical, false) DESC,
            coalesce(biotype = 'protein_coding', false) DESC, cds_length DESC NULLS LAST,
            transcript NULLS LAST, nth
    ) AS of_gene
    FROM rows
), of_variant AS (
    SELECT *, min(rank) OVER (PARTITION BY variant_id) AS best,
        row_number() OVER (
            PARTITION BY variant_id ORDER BY outside, coalesce(most_severe, false) DESC, rank, nth
        ) AS of_variant
    FROM of_gene WHERE of_gene = 1
)
SELECT * EXCLUDE (nth, rank, outside, of_gene, best, of_variant),
    CASE WHEN rank < 3 OR EXISTS (
            SELECT 1 FROM wanted w
            WHERE w.variant_id = of_variant.variant_id AND w.gene IN (of_variant.gene, of_variant.gene_id)
        ) THEN 'classified'
        WHEN best < 3 THEN 'another_gene_is_affected'
        WHEN of_variant > 1 THEN 'another_row_stands_for_it'
        WHEN clinical_status = 'present' OR coalesce(splice_score > $harmless, false) THEN 'classified'
        WHEN consequence_status <> 'assessed' THEN 'consequence_not_assessed'
        ELSE 'no_impact_no_record' END AS choice
FROM of_variant ORDER BY nth
"""


def candidates(
    variants: str | Path,
    columns: Mapping[str, str | None],
    harmless_splice_score: float,
    counts: Counter[str],
    wanted: Sequence[tuple[str, str]] = (),
) -> Iterator[pa.Table]:
    """The rows to classify, in blocks, in the order of the table.

    Args:
        variants: ``annotation/variants.parquet``; the rows of a variant follow one another.
        columns: names in the result -> names in the table (null or not there: all null).
        harmless_splice_score: up to which a splicing score says nothing.
        counts: rows of the table by what became of them; filled while the blocks are taken. ``rows`` is their
            number, ``other_transcript`` those whose gene is classified on another transcript.
        wanted: variants and genes (symbol or id) that are classified whatever their impact.
    """
    asked = pa.table(
        {
            "variant_id": pa.array([v for v, _ in wanted], pa.string()),
            "gene": pa.array([g for _, g in wanted], pa.string()),
        }
    )
    with (
        pq.ParquetFile(variants) as file,
        tempfile.TemporaryDirectory() as scratch,
        ordered_duckdb(scratch) as con,
    ):
        con.register("wanted", asked)
        present = {
            name: source for name, source in columns.items() if source and source in file.schema_arrow.names
        }
        for block in _whole_variants(file, present):
            block = _complete(block, columns)
            counts["rows"] += len(block)
            con.register("block", block)
            chosen = con.sql(_QUERY, params={"harmless": harmless_splice_score}).to_arrow_table()
            con.unregister("block")
            counts["other_transcript"] += len(block) - len(chosen)
            for value in pc.value_counts(chosen["choice"]).to_pylist():
                counts[value["values"]] += value["counts"]
            chosen = chosen.filter(pc.equal(chosen["choice"], "classified"))
            if len(chosen):
                yield chosen


def _whole_variants(file: pq.ParquetFile, present: dict[str, str]) -> Iterator[pa.Table]:
    """Blocks that never part the rows of one variant."""
    sources = sorted(set(present.values()))
    kept: pa.Table | None = None
    for batch in file.iter_batches(_BATCH, columns=sources):
        table = pa.Table.from_batches([batch]).select(list(present.values())).rename_columns(list(present))
        block = table if kept is None else pa.concat_tables([kept, table])
        ids = block["variant_id"]
        cut = len(block)
        last = ids[cut - 1].as_py()
        same = pc.equal(ids, last).to_numpy()
        first = int(same.argmax())
        kept = block.slice(first)
        if first:
            yield block.slice(0, first)
    if kept is not None and len(kept):
        yield kept


_TYPES: dict[str, Any] = {
    **dict.fromkeys(("canonical", "chosen", "most_severe"), pa.bool_()),
    **dict.fromkeys(("pos", "protein_position", "protein_length", "cds_length", "new_stop"), pa.int64()),
    **dict.fromkeys(
        ("population_ac", "population_an", "population_homozygotes", "population_row"), pa.int64()
    ),
    **dict.fromkeys(("population_af", "population_max_af", "population_faf"), pa.float64()),
    **dict.fromkeys(("clinical_stars", "clinical_row", "missense_row", "splice_row"), pa.int64()),
    **dict.fromkeys(("missense_z", "missense_score", "splice_score", "conservation"), pa.float64()),
}


def _complete(block: pa.Table, columns: Mapping[str, str | None]) -> pa.Table:
    """The block with every column, and of the types that the criteria expect."""
    arrays = {}
    for name in columns:
        kind = _TYPES.get(name, pa.string())
        if name not in block.column_names:
            arrays[name] = pa.nulls(len(block), kind)
            continue
        array = block[name].cast(kind)
        if pa.types.is_floating(kind):  # not a number is no number
            array = pc.if_else(pc.is_nan(array), None, array)
        arrays[name] = array
    return pa.table(arrays)
