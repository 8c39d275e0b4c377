"""Assign every patient to a subtype with a frozen model, or say why no call is made."""

import argparse

from endotype.command import run
from endotype.subtypes.assign import assign_subtypes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="subtypes/model.json")
    parser.add_argument("--features", required=True, help="subtypes/features.parquet")
    parser.add_argument("--people", required=True, help="cohort/people.parquet")
    parser.add_argument("--sample-qc", required=True, help="variants/sample_qc.parquet")
    parser.add_argument("--clinical", required=True, help="cohort/clinical.parquet, for the confounders")
    parser.add_argument("--ancestry", required=True, help="variants/ancestry.parquet, for the confounders")
    parser.add_argument("--out", required=True, help="subtypes/assignments.parquet")
    arguments = parser.parse_args()
    assign_subtypes(
        arguments.model,
        arguments.features,
        arguments.people,
        arguments.sample_qc,
        arguments.clinical,
        arguments.ancestry,
        arguments.out,
    )


if __name__ == "__main__":
    run(main)
