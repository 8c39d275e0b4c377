"""Write reports/qc.html and reports/qc.json: the quality of the cohort's genotypes."""

from __future__ import annotations

import argparse
from pathlib import Path

from endotype.command import run
from endotype.reports.cohort_qc import write_qc_page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="results folder, read and written")
    parser.add_argument(
        "--config", type=Path, required=True, help="configuration with defaults filled in (JSON)"
    )
    arguments = parser.parse_args()
    write_qc_page(arguments.results, arguments.config)


if __name__ == "__main__":
    run(main)
