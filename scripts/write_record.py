#!/usr/bin/env python
"""Write the records that need all results: commands of all jobs, methods in words, the RO-Crate."""

import argparse

from endotype import command
from endotype.provenance.record import write_record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--results", required=True, help="results folder, its manifest written")
    parser.add_argument("--directory", default=".", help="working directory of the run (default: here)")
    a = parser.parse_args()
    write_record(a.results, a.directory)


if __name__ == "__main__":
    command.run(main)
