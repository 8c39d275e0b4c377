"""Rank what can be acted on for each patient, by tier, then evidence, with the uncertainty of the rank."""

import argparse

from endotype.command import run
from endotype.targets.rank import rank_targets


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--assignments", required=True, help="subtypes/assignments.parquet")
    parser.add_argument("--annotation", required=True, help="annotation/variants.parquet")
    parser.add_argument(
        "--bfile", required=True, metavar="PREFIX", help="genotype store: PREFIX.bed .bim .fam"
    )
    parser.add_argument("--loci", required=True, help="association/loci.parquet")
    parser.add_argument(
        "--genes", required=True, help="annotation/genes.parquet, for the inheritance of each gene"
    )
    parser.add_argument("--targets", help="target table (TSV); without one the result has no rows")
    parser.add_argument("--people", required=True, help="cohort/people.parquet")
    parser.add_argument("--sample-qc", required=True, help="variants/sample_qc.parquet")
    parser.add_argument("--compound", help="annotation/compound.parquet: phase of pairs of variants")
    parser.add_argument("--draws", type=int, default=1000, help="Monte-Carlo draws of the rank interval")
    parser.add_argument("--seed", type=int, default=1, help="seed; each patient has a stream of their own")
    parser.add_argument("--out", required=True, help="targets/targets.parquet")
    arguments = parser.parse_args()
    rank_targets(
        arguments.assignments,
        arguments.annotation,
        arguments.bfile,
        arguments.loci,
        arguments.genes,
        arguments.targets,
        arguments.people,
        arguments.sample_qc,
        arguments.draws,
        arguments.seed,
        arguments.out,
        arguments.compound,
    )


if __name__ == "__main__":
    run(main)
