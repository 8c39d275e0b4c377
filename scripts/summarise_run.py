#!/usr/bin/env python
"""Say how steadily a run went, over all its sessions: attempts, failures, recoveries, time, memory."""

import argparse

from endotype import command
from endotype.provenance.stability import page, write_stability


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--directory", default=".", help="working directory of the run (default: here)")
    parser.add_argument("--out", help="file to write (default: results/provenance/stability.json in there)")
    a = parser.parse_args()
    print(page(write_stability(a.directory, a.out)), end="")


if __name__ == "__main__":
    command.run(main)
