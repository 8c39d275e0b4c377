"""A table, a gene table and a picture for each trait; the loci of all; what was done and what was not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from endotype.association.genes import GENE_SCHEMA, why_not_assessed
from endotype.association.inflation import inflation_report
from endotype.association.loci import NearestGene, gene_loci, loci_table, significant, variant_loci
from endotype.association.plot import plot_not_assessed, plot_trait
from endotype.association.scan import VARIANT_SCHEMA
from endotype.association.statement import statement
from endotype.errors import input_error
from endotype.files import read_json, write_json
from endotype.tables import write_arrow, write_parquet

CASE_COLUMNS = ("n_cases", "n_controls", "eaf_cases", "eaf_controls")
"""Columns that a quantitative trait does not have."""

TESTS = {
    "linear": "least squares, t test",
    "logistic": "efficient score test",
    "cox": "score test of the partial likelihood, with saddlepoint tails where it is remarkable",
}

STATEMENT = "statement"
"""Key of the metadata of a result, and of the summary: see :mod:`endotype.association.statement`."""

METHOD = {
    "missing_genotypes": "single variants: people without a called genotype are left out of that test, "
    "exactly; gene burdens: the mean of the called people is filled in",
    "missing_covariates": "people without all covariates are left out of the trait",
    "sex_chromosomes": "haploid calls count as 0 or 2 copies of the alternate allele; sex is a covariate "
    "where it varies",
    "significance": "Bonferroni over all variants (or all genes) of all traits that were tested: the "
    "chance of any false one among the variants, or among the genes, is at most alpha",
    "effects": "per copy of the alternate allele; linear: least squares; logistic and Cox: one-step "
    "estimates (score over information) of the log odds or log hazard ratio; Cox where the "
    "score was remarkable: Firth's estimate",
}


def summarise_association(
    shards: Sequence[str | Path],
    genes: str | Path,
    design_info: str | Path,
    annotation: str | Path,
    out_dir: str | Path,
    *,
    alpha: float,
    locus_window: int,
    gene_table: str | Path | None = None,
    bim: str | Path | None = None,
) -> None:
    """Gather the results of all shards, in the order given, into the files of ``association/``.

    Every trait of the design gets its files, those that could not be tested too: their tables are empty and
    their picture says why.

    Args:
        shards: results of :func:`endotype.association.scan.associate`, in genome order.
        genes: result of :func:`endotype.association.genes.associate_genes`.
        design_info: ``design.json``.
        annotation: ``annotation/variants.parquet``.
        out_dir: where ``{trait}.parquet`` and the others go.
        alpha: family-wise error rate over all traits; each trait gets an equal part of it.
        locus_window: base pairs on either side of a lead variant.
        gene_table: ``annotation/genes.parquet``. Without it only variants that touch a gene have one.
        bim: of the genotypes. When given, the shards must hold its variants, all and in this order.

    Raises:
        InputError: the shards do not hold every variant once.
    """
    out = Path(out_dir)
    info = read_json(design_info)
    gene_results = pq.read_table(genes)
    genes_missing = why_not_assessed(genes)
    nearest_gene = _nearest_gene(annotation, gene_table)
    summaries: dict[str, Any] = {}
    loci: list[pd.DataFrame] = []
    alpha_of_trait = alpha / max(1, len(info["traits"]))
    for trait, design in info["traits"].items():
        table = _of_trait(shards, trait)
        if bim is not None:
            _require_all(bim, table)
        if design["type"] == "linear":
            table = table.drop_columns(list(CASE_COLUMNS))
        line = statement(info, trait, alpha=alpha)
        write_arrow(table.replace_schema_metadata({STATEMENT: line}), out / f"{trait}.parquet")
        results = table.to_pandas()
        found = variant_loci(trait, results, alpha_of_trait, locus_window, nearest_gene)

        burden = gene_results.filter(pa.compute.equal(gene_results["trait"], trait)).drop_columns("trait")
        write_arrow(burden.replace_schema_metadata({STATEMENT: line}), out / f"{trait}.genes.parquet")
        burdens = burden.to_pandas()
        found_genes = gene_loci(trait, burdens, alpha_of_trait)

        loci += [found, found_genes]
        diagnostics = inflation_report(results)
        hit, threshold = significant(results["neg_log10_p"], alpha_of_trait)
        gene_hit, gene_threshold = significant(burdens["neg_log10_p"], alpha_of_trait)
        inflation = diagnostics["lambda"]
        plot_trait(out / f"{trait}.svg", _title(trait, design), results, found, threshold, inflation)
        summaries[trait] = {
            "assessed": True,
            "type": design["type"],
            "test": TESTS[design["type"]],
            "n": design["n"],
            "n_cases": design.get("n_cases"),
            "n_controls": design.get("n_controls"),
            "covariates": design["covariates"],
            "covariates_dropped": info["covariates"]["dropped"] | design["dropped"],
            "inflation": inflation,
            "diagnostics": diagnostics,
            "statement": line,
            "variants": _tests(results, hit, threshold) | {"n_loci": len(found)},
            "genes": {"assessed": False, "reason": genes_missing}
            if genes_missing
            else {"assessed": True} | _tests(burdens, gene_hit, gene_threshold),
        }
    for trait, reason in info["not_assessed"].items():
        write_arrow(_without_trait(VARIANT_SCHEMA), out / f"{trait}.parquet")
        write_arrow(_without_trait(GENE_SCHEMA), out / f"{trait}.genes.parquet")
        plot_not_assessed(out / f"{trait}.svg", trait, reason)
        summaries[trait] = {"assessed": False, "reason": reason}
    write_parquet(
        pd.concat(loci, ignore_index=True) if loci else loci_table([]),
        out / "loci.parquet",
    )
    write_json(
        out / "summary.json",
        {
            "traits": summaries,
            "samples": info["samples"],
            "notes": info["notes"],
            "alpha": alpha,
            "locus_window": locus_window,
            "method": METHOD,
        },
    )


def _tests(results: pd.DataFrame, hit: pd.Series, threshold: float | None) -> dict[str, Any]:
    return {
        "n": len(results),
        "n_tests": int(results["neg_log10_p"].notna().sum()),
        "threshold": threshold,
        "n_significant": int(hit.sum()),
        "status": {str(k): int(v) for k, v in results["status"].value_counts().sort_index().items()},
    }


def _title(trait: str, design: dict[str, Any]) -> str:
    people = f"{design['n']} people"
    if design["type"] == "logistic":
        people += f", {design['n_cases']} cases"
    elif design["type"] == "cox":
        people += f", {design['n_cases']} events"
    return f"{trait} ({people})"


def _of_trait(shards: Sequence[str | Path], trait: str) -> pa.Table:
    parts = [pq.read_table(shard, filters=[("trait", "=", trait)]) for shard in shards]
    table = pa.concat_tables(parts) if parts else VARIANT_SCHEMA.empty_table()
    return table.drop_columns("trait").combine_chunks().replace_schema_metadata(None)


def _require_all(bim: str | Path, table: pa.Table) -> None:
    lines = Path(bim).read_text(encoding="utf-8").splitlines()
    ids = pa.chunked_array([pa.array([line.split(maxsplit=2)[1] for line in lines], pa.string())])
    if not table["id"].equals(ids):
        raise input_error(
            bim,
            f"{len(table)} variants in the shards, in their order",
            f"the {len(ids)} variants of the genotypes, each once and in the same order",
            "give all shards, in genome order",
        )


def _nearest_gene(annotation: str | Path, gene_table: str | Path | None) -> NearestGene:
    columns = ["variant_id", "gene", "most_severe"]
    touched = pq.read_table(annotation, columns=columns, filters=[("most_severe", "=", True)]).to_pandas()
    touched = touched.dropna(subset=["gene"])
    severest = dict(zip(touched["variant_id"], touched["gene"], strict=True))
    if gene_table is None:
        return NearestGene(severest, pd.DataFrame(columns=["gene", "chrom", "start", "end"]))
    return NearestGene(severest, pq.read_table(gene_table).to_pandas())


def _without_trait(schema: pa.Schema) -> pa.Table:
    return schema.empty_table().drop_columns("trait")
