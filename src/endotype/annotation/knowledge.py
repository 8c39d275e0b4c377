"""All sources of knowledge, made ready once: tables that join by exact allele, and where they are from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from endotype.annotation.gene_model import Gene, gene_frame, read_gene_model
from endotype.annotation.gene_table import join_genes, read_gene_table
from endotype.annotation.reference import Reference, indexed_fasta, match_contigs
from endotype.annotation.site_formats import CLINICAL, FREQUENCY
from endotype.annotation.site_vcf import empty_sites, load_sites
from endotype.cohort.knowledge_files import GENE_COLUMNS
from endotype.files import sha256_file, write_json
from endotype.tables import write_parquet

NOT_ASSESSED: dict[str, Any] = {"status": "not_assessed"}


def build_knowledge(
    out: str | Path,
    assembly: str,
    clinical_significance: str | Path | None = None,
    population_frequency: str | Path | None = None,
    genes: str | Path | None = None,
    gff: str | Path | None = None,
    fasta: str | Path | None = None,
) -> None:
    """Write the tables of all sources, and ``knowledge.json`` with their versions and counts.

    The tables are ``clinical_significance.parquet``, ``population_frequency.parquet`` and ``genes.parquet``.
    A source that isn't given leaves a table without rows, and ``not_assessed`` in ``knowledge.json``.

    Args:
        out: the folder.
        assembly: name of the run's assembly.
        clinical_significance: sites VCF as ClinVar publishes it.
        population_frequency: sites VCF as gnomAD publishes it.
        genes: gene table, TSV.
        gff: gene model, GFF3 in Ensembl's style.
        fasta: reference that the cohort was normalised against; without one alleles are joined as written.

    Raises:
        InputError: a source can't be used.
    """
    out = Path(out)
    sources: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        indexed = None if fasta is None else stack.enter_context(indexed_fasta(fasta))
        for form, vcf in ((CLINICAL, clinical_significance), (FREQUENCY, population_frequency)):
            table = out / f"{form.name}.parquet"
            if vcf is None:
                empty_sites(form, table)
                sources[form.name] = NOT_ASSESSED
            else:
                sources[form.name] = load_sites(vcf, form, table, assembly, indexed)
        lengths = {}
        if indexed is not None:
            with Reference(indexed) as reference:
                lengths = reference.lengths
    sources["genes"], sources["gene_model"] = _build_genes(genes, gff, lengths, out / "genes.parquet")
    source = NOT_ASSESSED if fasta is None else _file(fasta)
    write_json(out / "knowledge.json", {"assembly": assembly, "reference": source, "sources": sources})


def _build_genes(
    genes: str | Path | None, gff: str | Path | None, contigs: Iterable[str], out: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    table = _no_rows(GENE_COLUMNS) if genes is None else read_gene_table(genes)
    model = _no_rows(Gene._fields) if gff is None else gene_frame(read_gene_model(gff))
    # Genes are where variants are: on the contigs of the reference, under the names that it has for them.
    names = {name: match_contigs([name], contigs).get(name, name) for name in model["chrom"].unique()}
    model["chrom"] = model["chrom"].map(names).astype("str")
    joined, counts = join_genes(table, model)
    write_parquet(joined, out)
    return (
        NOT_ASSESSED if genes is None else _file(genes) | counts,
        NOT_ASSESSED if gff is None else _file(gff) | {"genes": len(model)},
    )


def _no_rows(columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns), dtype="str")


def _file(path: str | Path) -> dict[str, Any]:
    return {"status": "loaded", "file": Path(path).name, "sha256": sha256_file(path)}
