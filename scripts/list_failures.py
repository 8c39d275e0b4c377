"""Join the lists of reports that could not be made into reports/failures.tsv, and say how many there are."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from endotype.command import run
from endotype.reports.failure import merge_failures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="results folder, read and written")
    parser.add_argument("--batches", type=int, required=True, help="how many batches there are")
    arguments = parser.parse_args()
    failed, n_patients = merge_failures(arguments.results, arguments.batches)
    print(f"{failed:,} of {n_patients:,} patients with a report that failed", file=sys.stderr)


if __name__ == "__main__":
    run(main)
