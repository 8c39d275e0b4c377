"""Look for subtypes in the feature table and freeze the model; one group is a legal answer."""

import argparse

from endotype.command import run
from endotype.subtypes.discover import discover_subtypes
from endotype.subtypes.selection import Settings


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--features", required=True, help="subtypes/features.parquet")
    parser.add_argument("--features-info", required=True, help="subtypes/features.json")
    parser.add_argument("--clinical", required=True, help="cohort/clinical.parquet")
    parser.add_argument("--dictionary", required=True, help="cohort/dictionary.json")
    parser.add_argument("--people", required=True, help="cohort/people.parquet")
    parser.add_argument("--sample-qc", required=True, help="variants/sample_qc.parquet")
    parser.add_argument("--ancestry", required=True, help="variants/ancestry.parquet")
    parser.add_argument("--max-k", type=int, default=6, help="largest number of groups to try")
    parser.add_argument("--restarts", type=int, default=20, help="starts of each fit")
    parser.add_argument(
        "--resamples", type=int, default=20, help="bootstrap samples, and simulated cohorts of each kind"
    )
    parser.add_argument("--min-size", type=int, default=20, help="least number of patients in a group")
    parser.add_argument("--min-fraction", type=float, default=0.02, help="least share of patients in a group")
    parser.add_argument(
        "--typicality-alpha", type=float, default=0.01, help="typicality up to which no call is made"
    )
    parser.add_argument("--call-probability", type=float, default=0.8, help="least posterior of a call")
    parser.add_argument(
        "--outcome-permutations", type=int, default=1000, help="permutations of the outcome test"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of every random draw")
    parser.add_argument(
        "--out",
        required=True,
        metavar="DIR",
        help="folder for model.json, selection.json and profile.parquet",
    )
    arguments = parser.parse_args()
    discover_subtypes(
        arguments.features,
        arguments.features_info,
        arguments.clinical,
        arguments.dictionary,
        arguments.people,
        arguments.sample_qc,
        arguments.ancestry,
        Settings(
            max_k=arguments.max_k,
            restarts=arguments.restarts,
            resamples=arguments.resamples,
            call_probability=arguments.call_probability,
            typicality_alpha=arguments.typicality_alpha,
            min_size=arguments.min_size,
            min_fraction=arguments.min_fraction,
            outcome_permutations=arguments.outcome_permutations,
            seed=arguments.seed,
        ),
        arguments.out,
    )


if __name__ == "__main__":
    run(main)
