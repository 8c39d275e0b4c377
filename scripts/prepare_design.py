"""Decide who is analysed, for which traits and adjusted for what; writes design.parquet and design.json."""

from __future__ import annotations

import argparse
from pathlib import Path

from endotype.association.design import prepare_design
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clinical", type=Path, required=True, help="cohort/clinical.parquet")
    parser.add_argument("--dictionary", type=Path, required=True, help="cohort/dictionary.json")
    parser.add_argument("--people", type=Path, required=True, help="cohort/people.parquet")
    parser.add_argument("--sample-qc", type=Path, required=True, help="variants/sample_qc.parquet")
    parser.add_argument("--relatedness", type=Path, required=True, help="variants/relatedness.parquet")
    parser.add_argument("--ancestry", type=Path, required=True, help="variants/ancestry.parquet")
    parser.add_argument(
        "--max-kinship",
        type=float,
        default=0.177,
        help="one of each pair above this is left out (%(default)s)",
    )
    parser.add_argument(
        "--principal-components", type=int, default=4, help="how many to adjust for (%(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for design.parquet and design.json")
    a = parser.parse_args()
    prepare_design(
        a.clinical,
        a.dictionary,
        a.people,
        a.sample_qc,
        a.relatedness,
        a.ancestry,
        a.out,
        max_kinship=a.max_kinship,
        n_components=a.principal_components,
    )


if __name__ == "__main__":
    run(main)
