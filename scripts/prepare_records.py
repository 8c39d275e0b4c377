#!/usr/bin/env python
"""Write what reports say of single people from the sheets, one file for each batch of patients."""

import argparse

from endotype import command
from endotype.reports.records import write_records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--results", required=True, help="results folder, read and written")
    parser.add_argument("--config", required=True, help="configuration with defaults filled in (JSON)")
    a = parser.parse_args()
    write_records(a.results, a.config)


if __name__ == "__main__":
    command.run(main)
