"""Write reports/index.html and reports/cohort.json from the reports of all patients."""

from __future__ import annotations

import argparse
from pathlib import Path

from endotype.command import run
from endotype.reports.overview import write_index


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="results folder, read and written")
    parser.add_argument(
        "--config", type=Path, required=True, help="configuration with defaults filled in (JSON)"
    )
    arguments = parser.parse_args()
    write_index(arguments.results, arguments.config)


if __name__ == "__main__":
    run(main)
