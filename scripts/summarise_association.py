"""Gather association results: a table, a gene table and a picture for each trait, the loci, and a summary."""

from __future__ import annotations

import argparse
from pathlib import Path

from endotype.association.summary import summarise_association
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--shards", type=Path, nargs="*", default=[], help="results of associate.py, in genome order"
    )
    parser.add_argument("--sets", type=Path, required=True, help="folder that associate_genes.py wrote to")
    parser.add_argument("--design-info", type=Path, required=True, help="association/design.json")
    parser.add_argument("--annotation", type=Path, required=True, help="annotation/variants.parquet")
    parser.add_argument(
        "--gene-table", type=Path, help="annotation/genes.parquet, for the gene nearest to a locus"
    )
    parser.add_argument(
        "--bim", type=Path, help="variants/genotypes.bim, to check that the shards hold every variant once"
    )
    parser.add_argument(
        "--alpha", type=float, default=0.05, help="family-wise error rate over all traits (%(default)s)"
    )
    parser.add_argument(
        "--locus-window", type=int, default=500_000, help="bp on either side of a lead variant (%(default)s)"
    )
    parser.add_argument("--out-dir", type=Path, required=True, help="association/")
    a = parser.parse_args()
    summarise_association(
        a.shards,
        a.sets,
        a.design_info,
        a.annotation,
        a.out_dir,
        alpha=a.alpha,
        locus_window=a.locus_window,
        gene_table=a.gene_table,
        bim=a.bim,
    )


if __name__ == "__main__":
    run(main)
