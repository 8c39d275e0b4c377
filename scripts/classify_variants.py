"""Classify variants by the ACMG/AMP criteria, combined by points and by the rules of 2015."""

from __future__ import annotations

import argparse
from pathlib import Path

from endotype.annotation.acmg.run import classify
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", type=Path, required=True, help="annotation/variants.parquet")
    parser.add_argument("--knowledge", type=Path, help="folder that build_knowledge.py wrote")
    parser.add_argument("--genes", type=Path, help="gene model (GFF3); with --fasta: PVS1 in full, PS1, PM5")
    parser.add_argument("--fasta", type=Path, help="reference")
    parser.add_argument("--association", type=Path, help="association/{trait}.parquet of --trait")
    parser.add_argument("--trait", help="the binary trait that is the disease of the genes (PS4)")
    parser.add_argument("--inheritance", type=Path, help="annotation/inheritance.parquet")
    parser.add_argument("--compound", type=Path, help="annotation/compound.parquet")
    parser.add_argument("--segregation", type=Path, help="annotation/segregation.parquet")
    parser.add_argument("--overrides", type=Path, help="table of curated classes and criteria")
    parser.add_argument("--thresholds", type=Path, help="table of thresholds of single genes")
    parser.add_argument("--regions", type=Path, help="table of hot spots, domains and repeats")
    parser.add_argument("--settings", help="numbers of the criteria: a JSON file, or the JSON itself")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables")
    a = parser.parse_args()
    classify(
        a.variants,
        a.out,
        settings=a.settings,
        knowledge=a.knowledge,
        genes=a.genes,
        fasta=a.fasta,
        association=a.association,
        trait=a.trait,
        inheritance=a.inheritance,
        compound=a.compound,
        segregation=a.segregation,
        overrides=a.overrides,
        thresholds=a.thresholds,
        regions=a.regions,
    )


if __name__ == "__main__":
    run(main)
