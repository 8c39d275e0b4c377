"""Which variants are worth tracing through a family: rare, and severe or known to cause disease."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from endotype.annotation.database import ordered_duckdb
from endotype.annotation.severity import is_pathogenic
from endotype.errors import input_error, visible
from endotype.variants.plink import GenotypeStore

SPLICE_TERMS = ("splice_region_variant", "splice_donor_5th_base_variant", "splice_donor_region_variant")
"""Terms of LOW impact that make a candidate all the same: they stand where splicing is decided."""


@dataclass(frozen=True)
class Limits:
    """What counts as rare.

    Attributes:
        max_population_af: highest frequency in the population source, in its largest group where it says so.
        max_cohort_af: highest frequency in the cohort.
        min_cohort_people: in a smaller cohort its frequencies say nothing, and the limit isn't applied.
    """

    max_population_af: float = 0.01
    max_cohort_af: float = 0.05
    min_cohort_people: int = 100


@dataclass(frozen=True)
class Candidates:
    """Candidate variants and their genes.

    Attributes:
        variants: ``variant_id chrom pos ref alt row``, one row per variant in the order of the store; ``row``
            is its place there.
        genes: ``variant gene gene_id``, one row per variant x gene; ``variant`` is the row of ``variants``.
        counts: ``variants candidates common not_severe_in_a_gene``; the first is the sum of the others.
    """

    variants: pd.DataFrame
    genes: pd.DataFrame
    counts: dict[str, int]


_WORDS = """
SELECT DISTINCT clinical_significance FROM read_parquet(?) WHERE clinical_significance IS NOT NULL
"""
_QUERY = """
WITH judged AS (
    SELECT variant_id, gene, coalesce(gene_id, '') AS gene_id,
        coalesce(most_severe, false) AS most_severe,
        coalesce(impact IN ('HIGH', 'MODERATE'), false)
            OR coalesce(list_has_any(string_split(consequence, '&'), $splice), false) AS severe,
        coalesce(clinical_significance IN (SELECT word FROM pathogenic), false) AS is_pathogenic,
        coalesce({frequency} > $max_population_af, false)
            OR coalesce($use_cohort AND cohort_af > $max_cohort_af, false) AS common
    FROM read_parquet($variants)
)
SELECT DISTINCT variant_id, gene, gene_id, NULL AS n_variants, NULL AS n_common FROM judged
WHERE gene IS NOT NULL AND (is_pathogenic OR (severe AND NOT common))
UNION ALL
SELECT NULL, NULL, NULL, count(*), count(*) FILTER (common AND NOT is_pathogenic) FROM judged
WHERE most_severe
"""


def find_candidates(variants: str | Path, store: GenotypeStore, limits: Limits) -> Candidates:
    """Find the candidates among the variants of ``annotation/variants.parquet``.

    A candidate lies in a gene, is of HIGH or MODERATE impact or stands in a splice region there, and is rare;
    or a clinical source calls it (likely) pathogenic, however frequent it is. A frequency that is not known
    makes nothing common.

    Raises:
        InputError: a candidate isn't in the genotype store: the two are not of one run.
    """
    columns = pq.read_schema(variants).names
    frequency = "greatest(population_af, population_max_af)"
    if "population_max_af" not in columns:
        frequency = "population_af"
    with tempfile.TemporaryDirectory() as folder, ordered_duckdb(folder) as con:
        words = con.execute(_WORDS, [str(variants)]).fetchall()
        con.execute("CREATE TABLE pathogenic (word VARCHAR)")
        if pathogenic := [word for word in words if is_pathogenic(word[0])]:
            con.executemany("INSERT INTO pathogenic VALUES (?)", pathogenic)
        parameters = {
            "variants": str(variants),
            "splice": list(SPLICE_TERMS),
            "max_population_af": limits.max_population_af,
            "max_cohort_af": limits.max_cohort_af,
            "use_cohort": store.n_people >= limits.min_cohort_people,
        }
        found = con.execute(_QUERY.format(frequency=frequency), parameters).df()
    totals = found[found["variant_id"].isna()].iloc[0]
    genes = found[found["variant_id"].notna()]
    row = pd.Index(store.variants["id"]).get_indexer(pd.Index(genes["variant_id"]))
    if (row < 0).any():
        missing = visible(str(genes["variant_id"].iloc[int(np.argmax(row < 0))]))
        raise input_error(variants, f"the variant {missing}", "variants of the genotype store, of one run")
    genes = genes.assign(row=row).sort_values(["row", "gene", "gene_id"], ignore_index=True)
    genes["variant"], rows = pd.factorize(genes["row"])
    chosen = store.variants.iloc[rows].rename(columns={"id": "variant_id"})
    chosen = chosen[["variant_id", "chrom", "pos", "ref", "alt"]].reset_index(drop=True)
    n_variants, n_common = int(totals["n_variants"]), int(totals["n_common"])
    counts = {
        "variants": n_variants,
        "candidates": len(chosen),
        "common": n_common,
        "not_severe_in_a_gene": n_variants - len(chosen) - n_common,
    }
    genes["gene_id"] = genes["gene_id"].mask(genes["gene_id"] == "")
    return Candidates(chosen.assign(row=rows), genes[["variant", "gene", "gene_id"]], counts)
