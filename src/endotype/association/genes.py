"""Gene burden: do carriers of rare, protein-changing alleles of a gene differ in a trait?"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from endotype.association.design import Design, read_design
from endotype.tables import read_parquet, write_arrow
from endotype.variants.plink import GenotypeStore, open_store

MIN_VARIANTS = 2
"""A gene with fewer qualifying variants is left to the test of the single variant."""

MIN_EXPECTED_CARRIERS = 5
"""As :data:`~endotype.association.scan.MIN_EXPECTED_ALLELES`, of carriers."""

QUALIFYING_IMPACTS = ("HIGH", "MODERATE")

NOT_ASSESSED = "not_assessed"
"""Key of the metadata of a result that is empty because consequences were not assessed; holds the reason."""

GENE_SCHEMA = pa.schema(
    [
        ("trait", pa.string()),
        ("gene", pa.string()),
        ("gene_id", pa.string()),
        ("chrom", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("n_variants", pa.int64()),
        ("n_carriers", pa.int64()),
        ("n", pa.int64()),
        ("beta", pa.float64()),
        ("se", pa.float64()),
        ("stat", pa.float64()),
        ("neg_log10_p", pa.float64()),
        ("test", pa.string()),
        ("status", pa.string()),
    ]
)
"""Columns of a result: those of docs/results.md behind ``trait``."""

_ANNOTATION_COLUMNS = [
    "variant_id", "gene", "gene_id", "impact", "damaging", "population_af", "cohort_af", "consequence_status",
]  # fmt: skip


def associate_genes(
    bfile: str | Path,
    annotation: str | Path,
    genes: str | Path,
    design: str | Path,
    design_info: str | Path,
    out: str | Path,
    *,
    max_frequency: float,
    min_carriers: int,
    threads: int = 1,
) -> None:
    """Test the burden of every gene against every testable trait of a design; write one table."""
    effects = read_parquet(annotation, _ANNOTATION_COLUMNS)
    if len(effects) and (effects["consequence_status"] == NOT_ASSESSED).all():
        reason = "consequences of variants were not assessed"
        write_arrow(GENE_SCHEMA.empty_table().replace_schema_metadata({NOT_ASSESSED: reason}), out)
        return
    table = scan_genes(
        open_store(bfile),
        qualifying(effects, max_frequency),
        read_parquet(genes),
        read_design(design, design_info),
        min_carriers=min_carriers,
        threads=threads,
    )
    write_arrow(table, out)


def why_not_assessed(path: str | Path) -> str | None:
    """Why a gene result holds nothing, or None when genes were tested."""
    metadata = pq.read_schema(path).metadata or {}
    reason = metadata.get(NOT_ASSESSED.encode())
    return reason.decode() if reason else None


def qualifying(effects: pd.DataFrame, max_frequency: float) -> pd.DataFrame:
    """Rare protein-changing variants of each gene.

    A variant qualifies when it has HIGH or MODERATE impact on some transcript of the gene, or is damaging,
    and its frequency is below ``max_frequency`` in the cohort, and in the population where that is known.

    Args:
        effects: rows of ``annotation/variants.parquet``.
        max_frequency: of the alternate allele.

    Returns:
        Columns ``gene gene_id variant_id``, unique and sorted.
    """
    protein = effects["impact"].isin(QUALIFYING_IMPACTS) | effects["damaging"].eq(True).fillna(False)
    population = effects["population_af"]
    rare = (effects["cohort_af"] < max_frequency) & (population.isna() | (population < max_frequency))
    chosen = effects.loc[
        protein.to_numpy(bool) & rare.to_numpy(bool) & effects["gene"].notna().to_numpy(bool),
        ["gene", "gene_id", "variant_id"],
    ]
    return chosen.drop_duplicates(["gene", "gene_id", "variant_id"]).sort_values(
        ["gene", "gene_id", "variant_id"], ignore_index=True
    )


def scan_genes(
    store: GenotypeStore,
    sets: pd.DataFrame,
    gene_table: pd.DataFrame,
    design: Design,
    *,
    min_carriers: int,
    threads: int = 1,
) -> pa.Table:
    """Test gene burdens against all testable traits.

    The burden is the number of qualifying alleles a person carries. A missing genotype counts as the mean
    of the called people of that model: leaving out everyone with a gap in any variant would leave nobody.

    Args:
        store: the genotypes.
        sets: as from :func:`qualifying`.
        gene_table: ``annotation/genes.parquet``, for the places of genes.
        design: who is analysed and how.
        min_carriers: fewer people with a qualifying allele are ``TOO_RARE``.
        threads: for the kernels. The result does not depend on it.

    Returns:
        :data:`GENE_SCHEMA`, by trait, then in the order of the gene table, then by name.
    """
    # Reports import this module for `qualifying` alone, once a batch; the tests' compiled kernels can wait.
    from endotype.association.cox import CoxModel
    from endotype.association.cox_rare import refine_cox_dense
    from endotype.association.null_model import STATUS, judge
    from endotype.association.rare_case import with_refined
    from endotype.association.scan import fit_null, one_blas_thread, places

    members = _members(store, sets)
    genes = _in_gene_order(list(members), gene_table)
    tables = [GENE_SCHEMA.empty_table()]
    with one_blas_thread(threads):
        for name in design.traits:
            trait = design.trait(name)
            model = fit_null(trait)
            place = places(store, design, trait)
            columns = np.flatnonzero(place >= 0)
            columns = columns[np.argsort(place[columns], kind="stable")]
            burden = np.zeros((len(genes), model.n))
            carriers = np.zeros((len(genes), model.n), bool)
            for g, key in enumerate(zip(genes["gene"], genes["gene_id"], strict=True)):
                dosages = store.dosages(members[key])[:, columns]
                burden[g] = _filled(dosages).sum(axis=0)
                carriers[g] = (dosages > 0).any(axis=0)
            n_carriers = carriers.sum(axis=1)
            rare = n_carriers < min_carriers
            if model.case is not None:
                share = model.case.mean()
                fewer = share if trait.kind == "cox" else min(share, 1 - share)
                rare |= n_carriers * fewer < MIN_EXPECTED_CARRIERS
            tested = judge(
                model, model.score_dense(burden), n_carriers == 0, rare, np.full(len(genes), model.n)
            )
            found, status = tested.statistics, np.array(STATUS, object)[tested.status]
            if isinstance(model, CoxModel):
                found, status = with_refined(found, status, partial(refine_cox_dense, burden, model))
            tables.append(
                pa.table(
                    {
                        "trait": pa.repeat(pa.scalar(name), len(genes)),
                        **{c: pa.array(genes[c], from_pandas=True) for c in genes.columns},
                        "n_variants": [
                            len(members[key]) for key in zip(genes["gene"], genes["gene_id"], strict=True)
                        ],
                        "n_carriers": n_carriers,
                        "n": np.full(len(genes), model.n),
                        "beta": pa.array(found.beta, from_pandas=True),
                        "se": pa.array(found.se, from_pandas=True),
                        "stat": pa.array(found.stat, from_pandas=True),
                        "neg_log10_p": pa.array(found.neg_log10_p, from_pandas=True),
                        "test": pa.array(found.test, pa.string()),
                        "status": status,
                    }
                )
                .select(GENE_SCHEMA.names)
                .cast(GENE_SCHEMA)
            )
    return pa.concat_tables(tables)


def _members(store: GenotypeStore, sets: pd.DataFrame) -> dict[tuple[str, str], np.ndarray]:
    """Rows of the store of each gene with enough qualifying variants."""
    row = pd.Series(np.arange(store.n_variants), index=store.variants["id"].to_numpy())
    rows = row.reindex(sets["variant_id"]).to_numpy(float)
    known = sets.assign(row=rows)[np.isfinite(rows)].astype({"row": "int64"})
    return {
        (str(gene), str(gene_id)): np.sort(group["row"].to_numpy())
        for (gene, gene_id), group in known.groupby(["gene", "gene_id"], sort=True, dropna=False)
        if len(group) >= MIN_VARIANTS
    }


def _in_gene_order(keys: list[tuple[str, str]], gene_table: pd.DataFrame) -> pd.DataFrame:
    """Columns ``gene gene_id chrom start end`` of some genes; places are null for genes the table lacks."""
    table = gene_table[["gene", "gene_id", "chrom", "start", "end"]].astype(
        {"gene": "str", "gene_id": "str", "chrom": "str", "start": "Int64", "end": "Int64"}
    )
    table = table.drop_duplicates(["gene", "gene_id"]).assign(order=lambda t: np.arange(len(t)))
    wanted = pd.DataFrame(keys, columns=["gene", "gene_id"], dtype="str")
    placed = wanted.merge(table, on=["gene", "gene_id"], how="left").sort_values(
        ["order", "gene", "gene_id"], ignore_index=True
    )
    return placed.drop(columns="order")


def _filled(dosages: np.ndarray) -> np.ndarray:
    """float64 dosages with the mean of the called in the gaps; a variant nobody is called for counts 0."""
    called = dosages >= 0
    total = np.where(called, dosages, 0).sum(axis=1)
    mean = total / np.maximum(called.sum(axis=1), 1)
    return np.where(called, dosages, mean[:, None])
