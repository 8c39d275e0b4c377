"""A table, a gene table and a picture for each trait; the loci of all; what was done and what was not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from endotype.association.genes import (
    GENE,
    GENE_SCHEMA,
    LEFT_TO_VARIANTS,
    NOT_ASSESSED,
    OWN,
    RUN_SET_SCHEMA,
    metadata_of,
)
from endotype.association.inflation import inflation_report
from endotype.association.loci import NearestGene, gene_loci, loci_table, significant, variant_loci
from endotype.association.plot import plot_not_assessed, plot_trait
from endotype.association.scan import VARIANT_SCHEMA
from endotype.association.statement import DOSAGE_CODING, STATEMENT, statement
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

_LEFT_OUT = ("variant", "minor_alleles", "neg_log10_p", "neg_log10_p_without")

METHOD = {
    "missing_genotypes": "single variants: people without a called genotype are left out of that test, "
    "exactly; sets of variants: the mean of the called people is filled in",
    "missing_covariates": "people without all covariates are left out of the trait",
    "sex_chromosomes": f"{DOSAGE_CODING} Sex is a covariate where it varies.",
    "significance": "Bonferroni over all variants (or all genes, or all sets of the set file) of all traits "
    "that were tested: the chance of any false one among the variants, or among the genes, is at most alpha. "
    "A gene is judged by one p-value: Cauchy's combination, over its masks, of ACAT-O, which combines "
    "burden, SKAT and ACAT-V; of a time to event, of the unweighted burdens",
    "effects": "per copy of the alternate allele; linear: least squares; logistic and Cox: one-step "
    "estimates (score over information) of the log odds or log hazard ratio; Cox where the "
    "score was remarkable: Firth's estimate; genes: per rare allele of the mask with "
    "the smallest p-value, by its unweighted burden",
}


def summarise_association(
    shards: Sequence[str | Path],
    sets_dir: str | Path,
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
        sets_dir: where :func:`endotype.association.genes.associate_genes` wrote.
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
    of_sets = _Sets.read(Path(sets_dir))
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

        metadata = {STATEMENT: line}
        sets, judged, left_out = of_sets.of(trait)
        write_arrow(sets.replace_schema_metadata(metadata), out / f"{trait}.sets.parquet")
        write_arrow(judged.replace_schema_metadata(metadata), out / f"{trait}.genes.parquet")
        units = judged.to_pandas()
        found_sets = [gene_loci(trait, units, alpha_of_trait, kind) for kind in (GENE, OWN)]

        loci += [found, *found_sets]
        diagnostics = inflation_report(results)
        hit, threshold = significant(results["neg_log10_p"], alpha_of_trait)
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
            "genes": of_sets.genes_of(sets, units, left_out, alpha_of_trait),
            "sets": _units(OWN, sets, units, left_out, alpha_of_trait),
        }
    for trait, reason in info["not_assessed"].items():
        write_arrow(_without_trait(VARIANT_SCHEMA), out / f"{trait}.parquet")
        write_arrow(_without_trait(GENE_SCHEMA), out / f"{trait}.genes.parquet")
        write_arrow(_without_trait(RUN_SET_SCHEMA), out / f"{trait}.sets.parquet")
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
            "faults": info.get("faults", []),
            "alpha": alpha,
            "locus_window": locus_window,
            "method": METHOD,
        },
    )


@dataclass(frozen=True)
class _Sets:
    """What was found of sets, of all traits."""

    sets: pa.Table
    genes: pa.Table
    leave_one_out: pa.Table
    not_assessed: str | None
    left_to_variants: int

    @classmethod
    def read(cls, folder: Path) -> _Sets:
        metadata = metadata_of(folder / "genes.parquet")
        sets, genes, left_out = (
            pq.read_table(folder / f"{name}.parquet") for name in ("sets", "genes", "leave_one_out")
        )
        return cls(
            *(sets, genes, left_out),
            metadata.get(NOT_ASSESSED),
            int(metadata[LEFT_TO_VARIANTS]),
        )

    def of(self, trait: str) -> tuple[pa.Table, pa.Table, pa.Table]:
        """The same of one trait."""
        sets, genes, left_out = (
            table.filter(pa.compute.equal(table["trait"], trait)).drop_columns("trait")
            for table in (self.sets, self.genes, self.leave_one_out)
        )
        return sets, genes, left_out

    def genes_of(
        self, sets: pa.Table, units: pd.DataFrame, left_out: pa.Table, alpha: float
    ) -> dict[str, Any]:
        """The summary of the genes of one trait."""
        if self.not_assessed:
            return {"assessed": False, "reason": self.not_assessed}
        return {"assessed": True, "n_masks_left_to_variants": self.left_to_variants} | _units(
            GENE, sets, units, left_out, alpha
        )


def _units(
    kind: str, sets: pa.Table, units: pd.DataFrame, left_out: pa.Table, alpha: float
) -> dict[str, Any]:
    """Genes, or sets of the user's: numbers, threshold, and what carries the signal of the significant ones.

    ``n_sets`` are sets and masks, ``n_set_tests`` the tests of them that have a result.
    """
    of_kind = units[units["kind"] == kind]
    hit, threshold = significant(of_kind["neg_log10_p"], alpha)
    rows = sets.filter(pa.compute.equal(sets["kind"], kind))
    first = pa.compute.and_(pa.compute.equal(left_out["kind"], kind), pa.compute.equal(left_out["rank"], 1))
    carriers = {(c["set"], c["mask"], c["test"]): c for c in left_out.filter(first).to_pylist()}
    # A gene's sets have its name, or its id where another gene has the same name.
    leads = [
        carriers.get((unit["gene"], unit["mask"], unit["test"]))
        or carriers[unit["gene_id"], unit["mask"], unit["test"]]
        for unit in of_kind[hit].to_dict("records")
    ]
    return _tests(of_kind, hit, threshold) | {
        "n_sets": len(set(zip(rows["set"].to_pylist(), rows["mask"].to_pylist(), strict=True))),
        "n_set_tests": len(rows) - rows["neg_log10_p"].null_count,
        "leave_one_out": [
            {name: lead[name] for name in ("set", "mask", "test", *_LEFT_OUT)} for lead in leads
        ],
    }


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
