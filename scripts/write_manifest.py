#!/usr/bin/env python
"""List the sha256 of every result file, in the form that `sha256sum -c` reads."""

import argparse

from endotype import command
from endotype.provenance.manifest import write_manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--results", required=True, help="folder with the results")
    parser.add_argument("--out", required=True, help="file to write; the provenance folder is left out of it")
    a = parser.parse_args()
    write_manifest(a.results, a.out)


if __name__ == "__main__":
    command.run(main)
