"""Decide who is analysed, for which traits and adjusted for what; writes design.parquet and design.json."""

from __future__ import annotations

import argparse
from pathlib import Path

from endotype.association.prepare import prepare_design
from endotype.association.split import DISCOVERY, REPLICATION, Split
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
    parser.add_argument("--split-salt", metavar="TEXT", help="split people by a hash of salt and id")
    parser.add_argument(
        "--split-share", type=float, default=0.5, metavar="S", help="share of discovery (%(default)s)"
    )
    parser.add_argument("--part", choices=[DISCOVERY, REPLICATION], default=DISCOVERY, help="(%(default)s)")
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
        split=Split(a.split_salt, a.split_share) if a.split_salt is not None else None,
        part=a.part,
    )


if __name__ == "__main__":
    run(main)
