#!/usr/bin/env python
"""Place people on the frozen ancestry axes of an earlier run, without touching that run's scores."""

import argparse

from endotype import command
from endotype.variants.ancestry import project_samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bfile", required=True, help="PLINK 1 fileset of the people to place")
    parser.add_argument("--loadings", required=True, help="variants/ancestry_loadings.parquet of the run")
    parser.add_argument("--out", required=True, help="Parquet to write: patient pc1..pcN n_variants")
    a = parser.parse_args()
    project_samples(a.bfile, a.loadings, a.out)


if __name__ == "__main__":
    command.run(main)
