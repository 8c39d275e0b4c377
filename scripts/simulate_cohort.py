#!/usr/bin/env python3
"""Simulate a cohort whose truth is known: genotypes, clinical table, reference, knowledge and truth.json."""

import argparse
from pathlib import Path

from endotype.command import run
from endotype.simulation.cohort import simulate_cohort
from endotype.simulation.parameters import Parameters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder to write into")
    parser.add_argument("--seed", required=True, type=int, help="the same seed gives the same bytes")
    parser.add_argument("--patients", type=int, default=400, help="genotyped people (default: %(default)s)")
    parser.add_argument(
        "--variants",
        type=int,
        default=40_000,
        help="about how many records; the genome grows with them (default: %(default)s)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    arguments = parser.parse_args()
    simulate_cohort(
        arguments.out,
        Parameters(arguments.seed, arguments.patients, arguments.variants),
        show_progress=not arguments.quiet,
    )


if __name__ == "__main__":
    run(main)
