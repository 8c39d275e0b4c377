"""Look for subtypes in the feature table, or learn published classes, and freeze the model.

One group is a legal answer.
"""

import argparse

from endotype.command import run
from endotype.subtypes.discover import Sources, discover_subtypes
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
    parser.add_argument("--resamples", type=int, default=20, help="resamples by which stability is measured")
    parser.add_argument("--min-size", type=int, default=20, help="least number of patients in a group")
    parser.add_argument("--min-fraction", type=float, default=0.02, help="least share of patients in a group")
    parser.add_argument(
        "--typicality-alpha", type=float, default=0.01, help="typicality up to which no call is made"
    )
    parser.add_argument("--call-probability", type=float, default=0.8, help="least posterior of a call")
    parser.add_argument(
        "--outcome-permutations", type=int, default=1000, help="permutations of the outcome test"
    )
    parser.add_argument("--min-information", type=float, default=0.5, help="least information of a call")
    parser.add_argument(
        "--consensus-resamples", type=int, default=60, help="resamples that the groups rest on"
    )
    parser.add_argument("--null-cohorts", type=int, default=20, help="simulated cohorts without groups")
    parser.add_argument(
        "--engine", choices=["mixture", "snf", "nemo"], default="mixture", help="how groups are looked for"
    )
    parser.add_argument("--labels", help="clinical column of published classes, to compare with or to learn")
    parser.add_argument("--learn-labels", action="store_true", help="learn the classes of --labels")
    parser.add_argument("--unclassified", action="append", default=[], help="a label that is no class")
    parser.add_argument(
        "--curves",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="stability of the next number of groups too, for the picture; it moves no decision",
    )
    parser.add_argument("--threads", type=int, default=1, help="fits at a time; results don't depend on it")
    parser.add_argument("--seed", type=int, default=1, help="seed of every random draw")
    parser.add_argument(
        "--out",
        required=True,
        metavar="DIR",
        help="folder for model.json, selection.json, profile.parquet and consensus.npz",
    )
    arguments = parser.parse_args()
    discover_subtypes(
        Sources(
            arguments.features,
            arguments.features_info,
            arguments.clinical,
            arguments.dictionary,
            arguments.people,
            arguments.sample_qc,
            arguments.ancestry,
        ),
        Settings(
            max_k=arguments.max_k,
            restarts=arguments.restarts,
            resamples=arguments.resamples,
            consensus_resamples=arguments.consensus_resamples,
            null_cohorts=arguments.null_cohorts,
            curves=arguments.curves,
            call_probability=arguments.call_probability,
            typicality_alpha=arguments.typicality_alpha,
            min_size=arguments.min_size,
            min_fraction=arguments.min_fraction,
            outcome_permutations=arguments.outcome_permutations,
            min_information=arguments.min_information,
            engine=arguments.engine,
            seed=arguments.seed,
        ),
        arguments.out,
        arguments.labels,
        arguments.learn_labels,
        tuple(arguments.unclassified),
        arguments.threads,
    )


if __name__ == "__main__":
    run(main)
