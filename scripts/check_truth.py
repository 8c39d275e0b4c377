#!/usr/bin/env python3
"""Compare a run on a simulated cohort with what was planted; exit code 1 when limits are not met."""

import argparse
import sys
from pathlib import Path

from endotype.command import run
from endotype.simulation.truth import check_truth_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truth", required=True, type=Path, metavar="FILE", help="truth.json of the cohort")
    parser.add_argument(
        "--results", required=True, type=Path, metavar="DIR", help="results folder of the run"
    )
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="write the outcomes as JSON too")
    arguments = parser.parse_args()
    if not check_truth_files(arguments.truth, arguments.results, arguments.out):
        sys.exit(1)


if __name__ == "__main__":
    run(main)
