"""Write report.json and its renderings (HTML, FHIR, Phenopacket) for the patients of one batch."""

from __future__ import annotations

import argparse
from pathlib import Path

from endotype.command import run
from endotype.reports.write import write_reports


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="results folder, read and written")
    parser.add_argument(
        "--config", type=Path, required=True, help="configuration with defaults filled in (JSON)"
    )
    parser.add_argument(
        "--batch", type=int, default=0, help="which batch of patients, from 0 (default: %(default)s)"
    )
    parser.add_argument(
        "--batches", type=int, default=1, help="how many batches there are (default: %(default)s)"
    )
    arguments = parser.parse_args()
    if not 0 <= arguments.batch < arguments.batches:
        parser.error("--batch must be from 0 to --batches minus 1")
    write_reports(arguments.results, arguments.config, arguments.batch, arguments.batches)


if __name__ == "__main__":
    run(main)
