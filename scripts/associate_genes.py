"""Test the burden of rare protein-changing variants of every gene against every testable trait."""

from __future__ import annotations

import argparse
from pathlib import Path

from endotype.association.genes import associate_genes
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bfile", required=True, help="prefix of the .bed, .bim and .fam")
    parser.add_argument("--annotation", type=Path, required=True, help="annotation/variants.parquet")
    parser.add_argument("--genes", type=Path, required=True, help="annotation/genes.parquet")
    parser.add_argument("--design", type=Path, required=True, help="association/design.parquet")
    parser.add_argument("--design-info", type=Path, required=True, help="association/design.json")
    parser.add_argument(
        "--max-frequency", type=float, default=0.01, help="of the alternate allele, exclusive (%(default)s)"
    )
    parser.add_argument(
        "--min-carriers",
        type=int,
        default=5,
        help="fewer people with a qualifying allele: TOO_RARE (%(default)s)",
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="the result does not depend on it (%(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, help="Parquet table of all traits")
    a = parser.parse_args()
    associate_genes(
        a.bfile,
        a.annotation,
        a.genes,
        a.design,
        a.design_info,
        a.out,
        max_frequency=a.max_frequency,
        min_carriers=a.min_carriers,
        threads=a.threads,
    )


if __name__ == "__main__":
    run(main)
