#!/usr/bin/env python
"""Filter the genotypes and sites of a normalised region and pack what is kept as PLINK 1 binary."""

import argparse
import json

from endotype import command
from endotype.variants.pack import pack_region
from endotype.variants.site_filters import Filters, hard_filters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bcf", required=True, help="normalised region")
    parser.add_argument("--region", required=True, help="CHROM:START-END of it")
    parser.add_argument("--people", required=True, help="cohort/people.parquet, for the declared sex")
    parser.add_argument("--assembly", default="unspecified", help="names the pseudoautosomal regions")
    parser.add_argument("--frequencies", help="Parquet of population frequencies, to estimate contamination")
    parser.add_argument("--pass-filters", nargs="*", default=["PASS"], help="FILTER values that pass")
    parser.add_argument("--min-quality", type=float, default=0, help="least QUAL (default %(default)s)")
    parser.add_argument("--min-genotype-quality", type=float, default=20, help="least GQ (%(default)s)")
    parser.add_argument("--min-depth", type=float, default=10, help="least DP, half if haploid (%(default)s)")
    parser.add_argument(
        "--min-allele-balance",
        type=float,
        default=0.2,
        help="least share of ALT reads in a het (%(default)s)",
    )
    parser.add_argument("--min-call-rate", type=float, default=0.9, help="least share called (%(default)s)")
    parser.add_argument("--min-hwe-p", type=float, default=1e-10, help="too many heterozygotes (%(default)s)")
    parser.add_argument("--hard-filters", type=json.loads, help="JSON: 'gatk', or limits of INFO values")
    parser.add_argument(
        "--prefix", required=True, help="writes PREFIX.bed .bim .fam .qc.parquet .reads.parquet"
    )
    a = parser.parse_args()
    filters = Filters(
        tuple(a.pass_filters),
        a.min_quality,
        a.min_genotype_quality,
        a.min_depth,
        a.min_allele_balance,
        a.min_call_rate,
        a.min_hwe_p,
        hard_filters(a.hard_filters),
    )
    pack_region(a.bcf, a.region, a.people, a.assembly, filters, a.prefix, a.frequencies)


if __name__ == "__main__":
    command.run(main)
