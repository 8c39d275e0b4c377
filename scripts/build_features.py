"""Make the patient x feature table for subtypes, from clinical columns and carriers of rare variants."""

import argparse

from endotype.command import run
from endotype.subtypes.features import build_features


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clinical", required=True, help="cohort/clinical.parquet")
    parser.add_argument("--dictionary", required=True, help="cohort/dictionary.json")
    parser.add_argument("--people", required=True, help="cohort/people.parquet")
    parser.add_argument("--sample-qc", required=True, help="variants/sample_qc.parquet")
    parser.add_argument(
        "--bfile", required=True, metavar="PREFIX", help="genotype store: PREFIX.bed .bim .fam"
    )
    parser.add_argument("--annotation", required=True, help="annotation/variants.parquet")
    parser.add_argument(
        "--genes", required=True, help="annotation/genes.parquet, for the mechanism of each gene"
    )
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="folder for features.parquet and features.json"
    )
    arguments = parser.parse_args()
    build_features(
        arguments.clinical,
        arguments.dictionary,
        arguments.people,
        arguments.sample_qc,
        arguments.bfile,
        arguments.annotation,
        arguments.genes,
        arguments.out,
    )


if __name__ == "__main__":
    run(main)
