"""What the criteria look up beside the variants table: genes, transcripts, association, families.

Tables with a row per variant are asked block by block; transcripts are built for one contig at a time.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from endotype.annotation.acmg.association import Association, VariantTest
from endotype.annotation.acmg.candidate import GeneFacts
from endotype.annotation.acmg.family import Carrier, Family, Partner, Segregation
from endotype.annotation.acmg.known import pathogenic_kind
from endotype.annotation.acmg.structure import Structure, structure_of
from endotype.annotation.database import ordered_duckdb
from endotype.annotation.gene_model import GeneModel, read_gene_model
from endotype.annotation.reference import Reference, indexed_fasta
from endotype.annotation.splicing import build_transcripts
from endotype.annotation.transcripts import Transcripts
from endotype.cohort.assembly import RESOURCES, bare_name, canonical_assembly
from endotype.errors import input_error

SUFFICIENT_HAPLOINSUFFICIENCY = 3
"""ClinGen's dosage score that says: one copy too few causes disease."""

_VERSION = re.compile(r"\.\d+$")


class Genes:
    """Facts of genes by id, else by symbol."""

    def __init__(self, path: str | Path | None) -> None:
        self._facts: dict[str, GeneFacts] = {}
        if path is None:
            return
        wanted = [
            "gene",
            "gene_id",
            "inheritance",
            "lof_mechanism",
            "validity",
            "haploinsufficiency",
            "table_row",
        ]
        names = pq.read_schema(path).names
        rows = pq.read_table(path, columns=[n for n in wanted if n in names]).to_pylist()
        for row in rows:
            lof = row.get("lof_mechanism")
            if lof in (None, "unknown") and row.get("haploinsufficiency") == SUFFICIENT_HAPLOINSUFFICIENCY:
                lof = "yes"
            moi = frozenset(re.split(r"[|;,/ ]+", row.get("inheritance") or "")) & {"AD", "AR", "XL", "MT"}
            facts = GeneFacts(moi, lof, row.get("validity"), row.get("table_row"))
            for key in (_VERSION.sub("", row.get("gene_id") or ""), row.get("gene")):
                if key:
                    self._facts.setdefault(key, facts)

    def of(self, gene: str | None, gene_id: str | None) -> GeneFacts:
        """The facts of a gene; empty ones where nothing is known."""
        for key in (_VERSION.sub("", gene_id) if gene_id else None, gene):
            if key is not None and key in self._facts:
                return self._facts[key]
        return GeneFacts()


class Structures:
    """Coding transcripts of the contig that was asked for last."""

    def __init__(self, model: GeneModel, reference: Reference) -> None:
        self._model, self._reference = model, reference
        self._chrom: str | None = None
        self._transcripts: Transcripts | None = None
        self._by_name: dict[str, int] = {}
        self._representatives: dict[str, list[int]] = {}

    def __call__(self, chrom: str, transcript: str) -> Structure | None:
        """The transcript; null where the gene model hasn't got it, or its protein is not known."""
        transcripts = self._load(chrom)
        i = self._by_name.get(transcript)
        return None if i is None or transcripts is None else structure_of(transcripts, i)

    def representatives(self, chrom: str, gene_id: str) -> list[Structure]:
        """The transcripts of a gene that are MANE or canonical."""
        transcripts = self._load(chrom)
        if transcripts is None:
            return []
        found = (structure_of(transcripts, i) for i in self._representatives.get(gene_id, []))
        return [structure for structure in found if structure is not None]

    def _load(self, chrom: str) -> Transcripts | None:
        if chrom != self._chrom:
            self._chrom, self._transcripts = chrom, None
            self._by_name, self._representatives = {}, {}
            if chrom in self._reference.lengths:
                transcripts = build_transcripts(self._model, chrom, self._reference)
                self._transcripts = transcripts
                self._by_name = {name: i for i, name in enumerate(transcripts.name)}
                for i, gene_id in enumerate(transcripts.gene_id):
                    if transcripts.mane[i] or transcripts.canonical[i]:
                        self._representatives.setdefault(gene_id, []).append(i)
        return self._transcripts


@contextmanager
def open_structures(genes: str | Path | None, fasta: str | Path | None) -> Iterator[Structures | None]:
    """Transcripts of a gene model over its reference; null without either."""
    if genes is None or fasta is None:
        yield None
        return
    with ExitStack() as stack:
        reference = stack.enter_context(Reference(stack.enter_context(indexed_fasta(fasta))))
        yield Structures(read_gene_model(genes), reference)


def read_ba1_exceptions(assembly: str | None) -> frozenset[tuple[str, int, str, str]]:
    """ClinGen's exceptions from BA1 (Ghosh et al. 2018) on an assembly; none on an assembly other than
    human ones."""
    name = canonical_assembly(assembly or "")
    with (RESOURCES / "acmg" / "ba1_exceptions.tsv").open(encoding="utf-8", newline="") as stream:
        return frozenset(
            (bare_name(row["chrom"]), int(row["pos"]), row["ref"], row["alt"])
            for row in csv.DictReader(stream, delimiter="\t")
            if row["assembly"] == name
        )


_TESTED = ["effect_allele", "beta", "se", "neg_log10_p", "status", "n_cases", "eaf_cases"]
_CARRIER = ["patient", "zygosity", "origin", "parents", "parentage_confirmed", "affected"]
_SEGREGATION = ["family", "n_affected_carriers", "n_affected_noncarriers", "n_unaffected_carriers", "meioses"]


class PerVariant:
    """Association, inheritance, compound and segregation tables, asked for a block of variants."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        variants: str | Path,
        *,
        trait: str | None = None,
        association: str | Path | None = None,
        inheritance: str | Path | None = None,
        compound: str | Path | None = None,
        segregation: str | Path | None = None,
        min_stars: int = 0,
    ) -> None:
        self._con = con
        self._trait = trait
        self._paths = {
            name: str(path) if path is not None else None
            for name, path in (
                ("association", association),
                ("inheritance", inheritance),
                ("segregation", segregation),
            )
        }
        self._check("association", ["id", "effect_allele", "beta", "se", "neg_log10_p", "status"])
        self._check("inheritance", ["variant_id", "gene", "gene_id", *_CARRIER])
        self._check("segregation", ["variant_id", *_SEGREGATION])
        self._tests_cases = bool(self._paths["association"]) and {"n_cases", "eaf_cases"} <= set(
            pq.read_schema(str(self._paths["association"])).names
        )
        self._compound = compound is not None
        self._judged: Mapping[tuple[str, str], str] = {}
        if compound is not None:
            self._load_partners(str(compound), str(variants), min_stars)

    def _check(self, name: str, columns: list[str]) -> None:
        if path := self._paths[name]:
            _require(path, columns)

    def _load_partners(self, compound: str, variants: str, min_stars: int) -> None:
        """Both directions of every pair, with what the clinical source says of the other one."""
        _require(compound, ["patient", "gene", "gene_id", "variant_1", "variant_2", "phase"])
        names = pq.read_schema(variants).names
        stars = "max(clinical_stars)" if "clinical_stars" in names else "NULL"
        self._con.execute(
            f"""
            CREATE TABLE partners AS
            WITH pairs AS (
                SELECT patient, gene, gene_id, phase, variant_1 AS variant_id, variant_2 AS partner
                FROM read_parquet($compound)
                UNION ALL
                SELECT patient, gene, gene_id, phase, variant_2, variant_1 FROM read_parquet($compound)
            ), clinical AS (
                SELECT variant_id, max(clinical_significance) AS significance, {stars} AS stars
                FROM read_parquet($variants)
                WHERE clinical_status = 'present' AND variant_id IN (SELECT partner FROM pairs)
                GROUP BY variant_id
            )
            SELECT p.*, CASE WHEN c.stars >= $min_stars THEN c.significance END AS significance
            FROM pairs p LEFT JOIN clinical c ON c.variant_id = p.partner
            """,
            {"compound": compound, "variants": variants, "min_stars": min_stars},
        )

    def for_block(self, block: pa.Table) -> tuple[Association | None, Family | None]:
        """What the tables say of the variants of a block."""
        self._con.register("asked", block.select(["variant_id"]))
        try:
            return self._association(), self._family()
        finally:
            self._con.unregister("asked")

    def _association(self) -> Association | None:
        path = self._paths["association"]
        if path is None or self._trait is None:
            return None
        cases = "n_cases, eaf_cases" if self._tests_cases else "NULL AS n_cases, NULL AS eaf_cases"
        rows = self._con.execute(
            f"""SELECT id, other_allele, effect_allele, beta, se, neg_log10_p, status, {cases},
                file_row_number + 1
            FROM read_parquet($path, file_row_number = true) WHERE id IN (SELECT variant_id FROM asked)""",
            {"path": path},
        ).fetchall()
        return Association(self._trait, {row[0]: VariantTest(*row[1:]) for row in rows})

    def _family(self) -> Family | None:
        if self._paths["inheritance"] is None and self._paths["segregation"] is None and not self._compound:
            return None
        return Family(self._carriers(), self._partners(), self._segregation())

    def _grouped(self, query: str, path: str | None) -> dict[Any, list[tuple[Any, ...]]]:
        groups: dict[Any, list[tuple[Any, ...]]] = {}
        parameters = {"path": path} if path is not None else {}
        for variant_id, gene, *rest in self._con.execute(query, parameters).fetchall():
            groups.setdefault((variant_id, gene or ""), []).append(tuple(rest))
        return groups

    def _carriers(self) -> dict[tuple[str, str], list[Carrier]] | None:
        path = self._paths["inheritance"]
        if path is None:
            return None
        query = f"""SELECT variant_id, coalesce(gene, gene_id), {", ".join(_CARRIER)} FROM read_parquet($path)
            WHERE variant_id IN (SELECT variant_id FROM asked) ORDER BY variant_id, patient"""
        return {key: [Carrier(*row) for row in rows] for key, rows in self._grouped(query, path).items()}

    def _partners(self) -> dict[tuple[str, str], list[Partner]] | None:
        if not self._compound:
            return None
        query = """SELECT variant_id, coalesce(gene, gene_id), patient, partner, phase, significance FROM
        partners
            WHERE variant_id IN (SELECT variant_id FROM asked) ORDER BY variant_id, patient, partner"""
        return {
            key: [self._partner(key[1], *row) for row in rows]
            for key, rows in self._grouped(query, None).items()
        }

    def _partner(self, gene: str, patient: str, partner: str, phase: str, words: str | None) -> Partner:
        known = pathogenic_kind(words)
        judged = None if known else self._judged.get((partner, gene))
        return Partner(patient, partner, phase, known or judged, judged is not None)

    def paired(self) -> list[str]:
        """Ids of the variants that are in a pair of heterozygous candidates of one patient."""
        if not self._compound:
            return []
        rows = self._con.execute("SELECT DISTINCT variant_id FROM partners ORDER BY 1").fetchall()
        return [row[0] for row in rows]

    def judge(self, kinds: Mapping[tuple[str, str], str]) -> None:
        """Tell what partners are by their own criteria: (variant, gene) -> ``[likely_]pathogenic``."""
        self._judged = kinds

    def _segregation(self) -> dict[str, list[Segregation]] | None:
        path = self._paths["segregation"]
        if path is None:
            return None
        query = f"""SELECT variant_id, NULL, {", ".join(_SEGREGATION)} FROM read_parquet($path)
            WHERE variant_id IN (SELECT variant_id FROM asked) ORDER BY variant_id, family"""
        return {
            key[0]: [Segregation(*row) for row in rows] for key, rows in self._grouped(query, path).items()
        }


def _require(path: str, columns: list[str]) -> None:
    missing = [name for name in columns if name not in pq.read_schema(path).names]
    if missing:
        raise input_error(path, f"no column {', '.join(missing)}", "the columns " + ", ".join(columns))


@contextmanager
def open_per_variant(folder: str, variants: str | Path, **tables: Any) -> Iterator[PerVariant]:
    """:class:`PerVariant` over a database that spills into ``folder``."""
    with ordered_duckdb(folder) as con:
        yield PerVariant(con, variants, **tables)
