#!/usr/bin/env python
"""Bring the tumours' somatic variants under the keys of the germline ones, and count them.

Writes somatic.parquet, tumours.parquet, somatic_rejects.tsv and somatic.json. Without tumours they are empty.
"""

import argparse

from endotype import command
from endotype.variants.tumour_burden import BurdenLimits
from endotype.variants.tumours import TumourSettings, prepare_tumours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tumours", required=True, help="cohort/tumours.parquet")
    parser.add_argument("--preflight", required=True, help="cohort/preflight.json, for the contigs' names")
    parser.add_argument("--fasta", help="reference; without it alleles are not checked nor left-aligned")
    parser.add_argument("--assembly", default="unspecified", help="compared with a MAF's NCBI_Build")
    parser.add_argument("--pass-filters", nargs="*", default=["PASS"], help="FILTER words that pass")
    parser.add_argument("--callable-megabases", type=float, help="size of what was sequenced")
    parser.add_argument("--hypermutation-per-megabase", type=float, default=10.0, help="default %(default)s")
    parser.add_argument("--hypermutation-mads", type=float, default=3.0, help="default %(default)s")
    parser.add_argument("--out", required=True, help="folder for the tables")
    a = parser.parse_args()
    limits = BurdenLimits(a.callable_megabases, a.hypermutation_per_megabase, a.hypermutation_mads)
    settings = TumourSettings(tuple(a.pass_filters), limits)
    prepare_tumours(a.tumours, a.preflight, a.fasta, a.assembly, settings, a.out)


if __name__ == "__main__":
    command.run(main)
