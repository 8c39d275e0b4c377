"""Everything that is known of a variant, in one table: effects joined with the store by exact allele.

The variants are taken in blocks of one contig. Effects and knowledge are sorted by place, so that of each
only the row groups around the block are read: memory is that of a block, however large the cohort.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from endotype.annotation.allele_join import allele_hits
from endotype.annotation.database import arrow_batches, ordered_duckdb
from endotype.annotation.reference import match_contigs
from endotype.annotation.severity import IMPACTS, impact_of, severity_rank
from endotype.cohort.knowledge_kinds import SCORE_KINDS
from endotype.files import atomic_path, read_json

EFFECT_TYPES = {
    **dict.fromkeys(
        ["gene", "gene_id", "transcript", "protein_id", "biotype", "strand", "mane"], pa.string()
    ),
    "canonical": pa.bool_(),
    **dict.fromkeys(["consequence", "impact", "exon", "intron"], pa.string()),
    **dict.fromkeys(["cdna_position", "cds_position", "protein_position"], pa.int64()),
    **dict.fromkeys(["amino_acids", "codons", "hgvs_g", "hgvs_c", "hgvs_p", "hgvs_status"], pa.string()),
    **dict.fromkeys(["cds_length", "protein_length"], pa.int64()),
    "nmd": pa.string(),
    "new_stop": pa.int64(),
}
"""What an effects table says of a variant and a transcript; a column that it doesn't have is null."""

_TYPES = {
    **dict.fromkeys(["variant_id", "chrom"], pa.string()),
    "pos": pa.int64(),
    **dict.fromkeys(["ref", "alt"], pa.string()),
    **EFFECT_TYPES,
    **dict.fromkeys(["most_severe", "chosen"], pa.bool_()),
    "population_af": pa.float64(),
    **dict.fromkeys(["population_ac", "population_an", "population_homozygotes"], pa.int64()),
    "population_max_af": pa.float64(),
    "population_max_group": pa.string(),
    "population_faf": pa.float64(),
    **dict.fromkeys(["population_filter", "population_status"], pa.string()),
    "population_row": pa.int64(),
    **dict.fromkeys(["clinical_significance", "review_status"], pa.string()),
    "clinical_stars": pa.int64(),
    **dict.fromkeys(["condition", "clinical_id", "clinical_status"], pa.string()),
    "clinical_row": pa.int64(),
    **dict.fromkeys(["loeuf", "pli", "missense_z"], pa.float64()),
    "scores_status": pa.string(),
    "cohort_af": pa.float64(),
    "damaging": pa.bool_(),
    "consequence_status": pa.string(),
}
SCHEMA = pa.schema(list(_TYPES.items()))
"""``annotation/variants.parquet``, without the columns that further sources bring."""
COLUMNS = SCHEMA.names

_SQL_TYPES = {pa.string(): "VARCHAR", pa.int64(): "BIGINT", pa.bool_(): "BOOLEAN"}
_NO_EFFECTS = (
    "SELECT NULL::BIGINT AS pos, NULL::VARCHAR AS ref, NULL::VARCHAR AS alt, NULL::VARCHAR AS gene, "
    "NULL::VARCHAR AS gene_id, NULL::VARCHAR AS consequence, NULL::VARCHAR AS consequence_status WHERE false"
)

_BLOCK = 50_000
"""Variants that are joined at a time."""
_BATCH_ROWS = 100_000


@dataclass(frozen=True)
class _Joined:
    """A further source that comes into the table: its columns as (name in the store, name here)."""

    name: str
    key: str
    is_score: bool
    path: str
    contigs: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    combine: Mapping[str, str]

    @property
    def fields(self) -> list[tuple[str, pa.DataType]]:
        schema = pq.read_schema(self.path)
        columns = [(to, schema.field(name).type) for name, to in self.columns]
        return [*columns, (f"{self.name}__status", pa.string()), (f"{self.name}__row", pa.int64())]


def annotate_variants(
    variant_qc: str | Path | None,
    consequences: Sequence[str | Path],
    knowledge: str | Path,
    out: str | Path,
) -> None:
    """Write ``annotation/variants.parquet``: one row per kept variant x transcript, in genome order.

    Knowledge is joined by contig, position, REF and ALT; contigs may differ by ``chr``.

    * ``most_severe`` marks one row per variant: the one of the highest impact, then protein coding, then of
      a gene of the gene table, then of the more severe term; among equals MANE Select, MANE Plus Clinical,
      canonical, the longest coding sequence, the first transcript by name. It says what the variant does
      at worst.
    * ``chosen`` marks one row per variant and gene, whatever the consequence: MANE Select, then MANE Plus
      Clinical, canonical, protein coding, the longest coding sequence, the first name. It is the transcript
      to report.
    * ``damaging`` is true for a HIGH impact or a (likely) pathogenic allele, else false, and null when
      neither was assessed.

    Args:
        variant_qc: ``variants/variant_qc.parquet``; ``None`` takes the variants of the effects tables as
            they stand there, without ``cohort_af``.
        consequences: effects tables of all shards, each sorted by place.
        knowledge: the folder of :func:`endotype.annotation.knowledge.build_knowledge`.
        out: Parquet file with the columns of ``SCHEMA``, and those of further sources before
            ``consequence_status``.

    Raises:
        ValueError: a kept variant is in none of the effects tables.
    """
    store = _Store(Path(knowledge))
    effects = _Effects(consequences)
    schema = store.schema()
    with (
        tempfile.TemporaryDirectory() as scratch,
        ordered_duckdb(scratch) as con,
        atomic_path(out) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        con.execute("CREATE TABLE terms (consequence VARCHAR, impact VARCHAR, impact_rank INT, severity INT)")
        _load_genes(con, store)
        known: set[str] = set()
        blocks = effects.variants() if variant_qc is None else _kept_variants(variant_qc)
        for block in blocks:
            for table in _annotate_block(con, block, effects, store, known):
                if table["consequence_status"].null_count:
                    missing = table.filter(table["consequence_status"].is_null())["variant_id"][0]
                    raise ValueError(f"{missing} is in none of the {len(consequences)} consequence tables")
                writer.write_table(table.select(schema.names).cast(schema))


def annotate_bcf(
    bcf: str | Path, fasta: str | Path, genes: str | Path, knowledge: str | Path, out: str | Path
) -> None:
    """Effects and knowledge of the variants of one BCF/VCF file of split, normalised and sorted variants.

    Args:
        bcf: variants; genotypes are not looked at, and ``cohort_af`` is null.
        fasta: the reference, the same as that of the store.
        genes: gene model, GFF3.
        knowledge: the folder of :func:`endotype.annotation.knowledge.build_knowledge`.
        out: the table of :func:`annotate_variants`.

    Raises:
        InputError: a file can't be used, or the store is of another reference.
    """
    from endotype.annotation.effects.predict import predict_effects

    _check_reference(fasta, knowledge)
    with tempfile.TemporaryDirectory() as folder:
        effects = Path(folder, "effects.parquet")
        assembly = read_json(Path(knowledge, "knowledge.json"))["assembly"]
        predict_effects(bcf, effects, fasta, genes, assembly=assembly)
        annotate_variants(None, [effects], knowledge, out)


def _check_reference(fasta: str | Path, knowledge: str | Path) -> None:
    from endotype.annotation.knowledge.build import reference_digest
    from endotype.annotation.reference import Reference, indexed_fasta
    from endotype.errors import input_error

    path = Path(knowledge, "knowledge.json")
    if not path.is_file():
        raise input_error(path, "no such file", "a folder that build_knowledge.py wrote")
    stored = read_json(path)["reference"].get("digest")
    with indexed_fasta(fasta) as indexed, Reference(indexed) as reference:
        ours = reference_digest(reference.lengths)
    if stored and stored != ours:
        raise input_error(
            fasta,
            "a reference with other sequences than the one that the knowledge was built with",
            "the same reference for both",
            "build the knowledge again with this reference",
        )


# -- what is joined ------------------------------------------------------------------------------------------


class _Store:
    """The knowledge store: which tables are there, and the contigs that each has rows on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources: dict[str, Any] = read_json(folder / "knowledge.json")["sources"]
        self.joined = [
            self._joined(name, entry)
            for name, entry in sorted(self.sources.items())
            if entry["status"] == "loaded" and entry.get("joined")
        ]

    def path(self, name: str) -> str:
        return str(self.folder / f"{name}.parquet")

    def loaded(self, name: str) -> bool:
        return self.sources.get(name, {}).get("status") == "loaded"

    def contig(self, name: str, cohort: str) -> str | None:
        """What a source calls a contig of the cohort; ``None`` when it has no rows there."""
        return match_contigs([cohort], self.sources.get(name, {}).get("contigs", [])).get(cohort)

    def schema(self) -> pa.Schema:
        fields = list(zip(SCHEMA.names, SCHEMA.types, strict=True))
        extra = [field for source in self.joined for field in source.fields]
        return pa.schema([*fields[:-3], *extra, *fields[-3:]])

    def _joined(self, name: str, entry: Mapping[str, Any]) -> _Joined:
        is_score = entry["kind"] in SCORE_KINDS
        columns = tuple((c, c if is_score else f"{name}__{c}") for c in entry["columns"])
        contigs = tuple(entry.get("contigs", ()))
        return _Joined(
            name, entry["key"], is_score, self.path(name), contigs, columns, entry.get("combine", {})
        )


class _Effects:
    """Effects tables, each with the stretch of the genome that it is of."""

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self.paths = [str(path) for path in paths]
        self._extents = [_extent(path) for path in self.paths]
        self.columns = set(pq.read_schema(self.paths[0]).names) if self.paths else set()

    def around(self, chrom: str, first: int, last: int) -> list[str]:
        """The tables that may have variants between two positions of a contig."""
        return [
            path
            for path, (c, a, b) in zip(self.paths, self._extents, strict=True)
            if c is None or (c == chrom and a <= last and b >= first)
        ]

    def variants(self) -> Iterator[pa.Table]:
        """The variants of all tables in blocks, once each."""
        keys = ["variant_id", "chrom", "pos", "ref", "alt"]

        def batches() -> Iterator[pa.Table]:
            last = None
            for path in self.paths:
                for batch in pq.ParquetFile(path).iter_batches(columns=keys, batch_size=_BATCH_ROWS):
                    table = pa.Table.from_batches([batch])
                    ids = table["variant_id"].to_numpy(zero_copy_only=False)
                    new = np.ones(len(ids), np.bool_)
                    new[1:] = ids[1:] != ids[:-1]
                    if len(ids):
                        new[0] = ids[0] != last
                        last = ids[-1]
                    yield table.filter(pa.array(new)).append_column(
                        "cohort_af", pa.nulls(int(new.sum()), pa.float64())
                    )

        return _blocks(batches())


def _extent(path: str) -> tuple[str | None, int, int]:
    """Contig, first and last position of a table; without a contig when it has several."""
    metadata = pq.ParquetFile(path).metadata
    names = metadata.schema.names
    chrom, pos = names.index("chrom"), names.index("pos")
    chroms, low, high = set(), [], []
    for i in range(metadata.num_row_groups):
        group = metadata.row_group(i)
        of_chrom, of_pos = group.column(chrom).statistics, group.column(pos).statistics
        if not (of_chrom and of_pos and of_chrom.has_min_max and of_pos.has_min_max):
            return None, 0, 0
        chroms |= {of_chrom.min, of_chrom.max}
        low.append(of_pos.min)
        high.append(of_pos.max)
    if len(chroms) != 1:
        return (None, 0, 0) if chroms else ("", 0, -1)
    return chroms.pop(), min(low), max(high)


def _kept_variants(variant_qc: str | Path) -> Iterator[pa.Table]:
    columns = ["variant_id", "chrom", "pos", "ref", "alt", "alt_freq", "kept"]

    def batches() -> Iterator[pa.Table]:
        for batch in pq.ParquetFile(variant_qc).iter_batches(columns=columns, batch_size=_BATCH_ROWS):
            table = pa.Table.from_batches([batch])
            kept = table.filter(table["kept"]).drop_columns("kept")
            yield kept.rename_columns([*columns[:5], "cohort_af"])

    return _blocks(batches())


def _blocks(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Variants in blocks of one contig and about ``_BLOCK`` variants; those of one position stay together."""
    held: pa.Table | None = None
    for batch in batches:
        held = batch if held is None else pa.concat_tables([held, batch])
        while held is not None and (cut := _cut(held)) is not None:
            yield held.slice(0, cut)
            held = held.slice(cut) if cut < len(held) else None
    while held is not None and len(held):
        cut = _cut(held) or len(held)
        yield held.slice(0, cut)
        held = held.slice(cut)


def _cut(table: pa.Table) -> int | None:
    """Where the first block ends, or ``None`` when more rows could belong to it."""
    if not len(table):
        return None
    chrom = table["chrom"].combine_chunks()
    pos = table["pos"].to_numpy()
    other = pc.index(pc.not_equal(chrom, chrom[0]), True).as_py()
    end = len(table) if other < 0 else other
    if end > _BLOCK:
        later = np.flatnonzero(pos[_BLOCK:end] != pos[_BLOCK - 1])
        if later.size:
            return _BLOCK + int(later[0])
    return None if other < 0 else end


# -- one block -----------------------------------------------------------------------------------------------


def _load_genes(con: duckdb.DuckDBPyConnection, store: _Store) -> None:
    """Tables ``gene_facts`` (by id, else by symbol, once each) and ``genes_known`` (of the gene table)."""
    path = store.path("genes")
    columns = set(pq.read_schema(path).names)
    facts = ", ".join(c if c in columns else f"NULL::DOUBLE AS {c}" for c in ("loeuf", "pli", "missense_z"))
    con.execute(
        f"""CREATE TABLE gene_facts AS
        SELECT coalesce('=' || gene_id, '?' || gene) AS gene_key, {facts}
        FROM read_parquet($path, file_row_number = true)
        QUALIFY row_number() OVER (PARTITION BY gene_key ORDER BY file_row_number) = 1""",
        {"path": path},
    )
    con.execute(
        """CREATE TABLE genes_known AS SELECT DISTINCT gene, gene_id FROM read_parquet($path)
        WHERE coalesce(mechanism, inheritance, disease, lof_mechanism) IS NOT NULL""",
        {"path": path},
    )


def _annotate_block(
    con: duckdb.DuckDBPyConnection, block: pa.Table, effects: _Effects, store: _Store, known: set[str]
) -> Iterator[pa.Table]:
    """The rows of a block of variants of one contig, in their order, then by transcript."""
    chrom = block["chrom"][0].as_py()
    first, last = (int(x.as_py()) for x in pc.min_max(block["pos"]).values())
    block = block.append_column("nth", pa.array(np.arange(len(block)), pa.int64()))
    con.register("block", block)
    con.execute(
        """CREATE OR REPLACE TEMP TABLE v AS SELECT *,
            pos + CASE WHEN ref[1] = alt[1] AND length(ref) <> length(alt) THEN 1 ELSE 0 END AS from_pos,
            pos + length(ref) - 1 AS to_pos FROM block"""
    )
    con.unregister("block")
    paths = effects.around(chrom, first, last)
    read = "SELECT * FROM read_parquet($paths) WHERE chrom = $chrom AND pos BETWEEN $first AND $last"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE e AS " + (read if paths else _NO_EFFECTS),
        {"paths": paths, "chrom": chrom, "first": first, "last": last} if paths else {},
    )
    _add_terms(con, known)
    for name in ("population_frequency", "clinical_significance"):
        _hits(con, store.path(name), name, store.contig(name, chrom), block)
    selects, joins, score_states = [], [], []
    for i, source in enumerate(store.joined):
        alias = f"x{i}"
        there = source.key == "gene" or _join_source(con, source, alias, chrom, block)
        state = _state(source, alias, there)
        if source.is_score:
            score_states.append(f"({state})")
        on = f"{alias}.gene_key = j.gene_key" if source.key == "gene" else f"{alias}.nth = j.nth"
        if source.key == "gene":
            _gene_table(con, source, alias)
        joins.append(f"LEFT JOIN {alias} ON {on}")
        selects += [f'{alias}."{column}" AS "{to}"' for column, to in source.columns]
        selects += [f'{state} AS "{source.name}__status"', f'{alias}.source_row AS "{source.name}__row"']
    covered = _coverage(con, store, chrom, first, last)
    parameters = {
        "has_frequency": store.loaded("population_frequency")
        and store.contig("population_frequency", chrom) is not None,
        "has_clinical": store.loaded("clinical_significance"),
    }
    query = _query(effects.columns if paths else (), covered, selects, joins, score_states)
    for batch in arrow_batches(con, query, parameters, _BATCH_ROWS):
        yield pa.Table.from_batches([batch])


def _add_terms(con: duckdb.DuckDBPyConnection, known: set[str]) -> None:
    """Impact and rank of every consequence that occurs."""
    found = con.execute("SELECT DISTINCT consequence FROM e WHERE consequence IS NOT NULL ORDER BY 1")
    new = [row[0] for row in found.fetchall() if row[0] not in known]
    rows = []
    for consequence in new:
        impact = impact_of(consequence)
        assert impact is not None
        rows.append((consequence, impact, IMPACTS.index(impact), severity_rank(consequence)))
    if rows:
        con.executemany("INSERT INTO terms VALUES (?, ?, ?, ?)", rows)
    known.update(new)


def _hits(con: duckdb.DuckDBPyConnection, path: str, table: str, contig: str | None, block: pa.Table) -> None:
    """Make a table of the rows of a source that are alleles of the block, with ``nth``."""
    con.register("hits_of_block", allele_hits(path, contig, block))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM hits_of_block")
    con.unregister("hits_of_block")


def _join_source(
    con: duckdb.DuckDBPyConnection, source: _Joined, alias: str, chrom: str, block: pa.Table
) -> bool:
    """Make the table ``alias`` with at most one row per variant; whether the source has the contig."""
    contig = match_contigs([chrom], source.contigs).get(chrom)
    if source.key == "allele":
        _hits(con, source.path, alias, contig, block)
        return contig is not None
    begin, end = ("pos", "pos") if source.key == "position" else ('"start"', '"end"')
    values = ", ".join(f'{_combined(c, source.combine)} AS "{c}"' for c, _ in source.columns)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE {alias} AS
        SELECT v.nth, {values + "," if values else ""} min(k.source_row) AS source_row
        FROM (SELECT * FROM read_parquet($path) WHERE chrom = $contig
            AND {begin} <= $last + 1 AND {end} >= $first) k
        JOIN v ON k.{begin} <= v.to_pos AND k.{end} >= v.from_pos
        GROUP BY v.nth""",
        {
            "path": source.path,
            "contig": contig or "",
            "first": int(block["pos"][0].as_py()),
            "last": int(con.execute("SELECT max(to_pos) FROM v").fetchall()[0][0]),
        },
    )
    return contig is not None


def _combined(column: str, combine: Mapping[str, str]) -> str:
    """SQL of one value of several regions that a variant touches."""
    how = combine.get(column, "first")
    if how in ("max", "min"):
        return f'{how}(k."{column}")'
    if how == "join":
        return f'string_agg(DISTINCT k."{column}", \'|\' ORDER BY k."{column}")'
    return f'arg_min(k."{column}", k.source_row)'


def _gene_table(con: duckdb.DuckDBPyConnection, source: _Joined, alias: str) -> None:
    con.execute(
        f"""CREATE TEMP TABLE IF NOT EXISTS {alias} AS
        SELECT coalesce('=' || gene_id, '?' || gene) AS gene_key, * EXCLUDE (gene, gene_id)
        FROM read_parquet($path) WHERE mapped_by IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY gene_key ORDER BY source_row) = 1""",
        {"path": source.path},
    )


def _state(source: _Joined, alias: str, there: bool) -> str:
    """SQL of ``present``, ``absent`` or ``not_assessed``."""
    if not there:
        return "'not_assessed'"
    absent = "'absent'"
    if source.key == "gene":
        absent = "CASE WHEN j.gene_key IS NULL THEN 'not_assessed' ELSE 'absent' END"
    return f"CASE WHEN {alias}.source_row IS NOT NULL THEN 'present' ELSE {absent} END"


def _coverage(con: duckdb.DuckDBPyConnection, store: _Store, chrom: str, first: int, last: int) -> bool:
    """Make the table ``uncovered`` of variants where the frequency source saw nothing."""
    if not store.loaded("population_coverage"):
        return False
    contig = store.contig("population_coverage", chrom)
    con.execute(
        """CREATE OR REPLACE TEMP TABLE uncovered AS
        SELECT nth FROM v WHERE NOT EXISTS (
            SELECT 1 FROM (SELECT * FROM read_parquet($path)
                WHERE chrom = $contig AND "start" <= $last AND "end" >= $first) c
            WHERE v.pos BETWEEN c."start" AND c."end")""",
        {"path": store.path("population_coverage"), "contig": contig or "", "first": first, "last": last},
    )
    return True


def _query(
    columns: Iterable[str],
    covered: bool,
    selects: Sequence[str],
    joins: Sequence[str],
    score_states: Sequence[str],
) -> str:
    """The join of a block.

    A record whose frequency is null says nothing; one of zero says that the allele was looked for in vain.
    """
    have = set(columns)
    fields = [f"e.{name}" if name in have else f"NULL AS {name}" for name in EFFECT_TYPES if name != "impact"]
    unseen = "WHEN u.nth IS NOT NULL THEN 'not_assessed'" if covered else ""
    states = ", ".join(score_states)
    scores = (
        f"""CASE WHEN list_contains([{states}], 'present') THEN 'present'
            WHEN list_contains([{states}], 'absent') THEN 'absent' ELSE 'not_assessed' END"""
        if score_states
        else "'not_assessed'"
    )
    return f"""
WITH joined AS (
    SELECT v.nth, v.variant_id, v.chrom, v.pos, v.ref, v.alt, v.cohort_af, {", ".join(fields)},
        e.consequence_status, t.impact, t.impact_rank, t.severity,
        coalesce('=' || e.gene_id, '?' || e.gene) AS gene_key,
        coalesce(biotype = 'protein_coding', false) AS coding,
        CASE mane WHEN 'select' THEN 0 WHEN 'plus_clinical' THEN 1 ELSE 2 END AS mane_rank,
        CASE WHEN canonical THEN 0 ELSE 1 END AS canonical_rank,
        coalesce(e.gene_id IN (SELECT gene_id FROM genes_known WHERE gene_id IS NOT NULL), false)
            OR coalesce(e.gene IN (SELECT gene FROM genes_known), false) AS gene_known
    FROM v LEFT JOIN e ON e.pos = v.pos AND e.ref = v.ref AND e.alt = v.alt
    LEFT JOIN terms t ON t.consequence = e.consequence
), j AS (
    SELECT *,
        row_number() OVER (
            PARTITION BY nth
            ORDER BY impact_rank NULLS LAST, coding DESC, gene_known DESC, severity NULLS LAST, mane_rank,
                canonical_rank, cds_length DESC NULLS LAST, transcript NULLS LAST, gene_id NULLS LAST,
                consequence, hgvs_c
        ) = 1 AS most_severe,
        row_number() OVER (
            PARTITION BY nth, gene_key
            ORDER BY mane_rank, canonical_rank, coding DESC, cds_length DESC NULLS LAST,
                transcript NULLS LAST, consequence, hgvs_c
        ) = 1 AS chosen
    FROM joined
), stated AS (
    SELECT v.nth,
        f.allele_frequency, f.allele_count AS population_ac, f.allele_number AS population_an,
        f.homozygotes AS population_homozygotes, f.max_frequency AS population_max_af,
        f.max_group AS population_max_group, f.filtering_frequency AS population_faf,
        f.site_filter AS population_filter, f.source_row AS population_row,
        CASE WHEN NOT $has_frequency THEN 'not_assessed'
            WHEN f.nth IS NOT NULL AND f.allele_frequency IS NULL THEN 'not_assessed'
            WHEN f.allele_frequency > 0 THEN 'present'
            WHEN f.nth IS NOT NULL THEN 'absent'
            {unseen}
            ELSE 'absent' END AS population_status,
        s.clinical_significance, s.review_status, s.clinical_stars, s.condition, s.clinical_id,
        s.source_row AS clinical_row, s.pathogenic,
        CASE WHEN NOT $has_clinical THEN 'not_assessed'
            WHEN s.nth IS NULL THEN 'absent'
            ELSE 'present' END AS clinical_status
    FROM v LEFT JOIN population_frequency f ON f.nth = v.nth
    LEFT JOIN clinical_significance s ON s.nth = v.nth
    {"LEFT JOIN uncovered u ON u.nth = v.nth" if covered else ""}
)
SELECT j.*, k.* EXCLUDE (nth, allele_frequency, pathogenic),
    CASE WHEN population_status = 'present' THEN allele_frequency END AS population_af,
    g.loeuf, g.pli, g.missense_z, {scores} AS scores_status,
    CASE WHEN impact = 'HIGH' OR pathogenic THEN true
        WHEN consequence_status = 'assessed' OR clinical_status <> 'not_assessed' THEN false
        END AS damaging{"".join(", " + s for s in selects)}
FROM j JOIN stated k ON k.nth = j.nth
LEFT JOIN gene_facts g ON g.gene_key = j.gene_key
{chr(10).join(joins)}
ORDER BY j.nth, transcript NULLS LAST, gene NULLS LAST, gene_id NULLS LAST, consequence, hgvs_c
"""
