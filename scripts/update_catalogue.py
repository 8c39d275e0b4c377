#!/usr/bin/env python
"""Bring the catalogues of translations up to the texts of the code; then translate what is left empty."""

import argparse

from endotype import command
from endotype.reports.catalogue import write_catalogues


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    print("\n".join(write_catalogues()))


if __name__ == "__main__":
    command.run(main)
