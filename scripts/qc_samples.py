#!/usr/bin/env python
"""Quality control of people: call rate, sex, contamination, relatedness, ancestry, and a verdict each."""

import argparse

from endotype import command
from endotype.variants.sample_qc import Limits, qc_samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bfile", required=True, help="PLINK 1 fileset")
    parser.add_argument("--variant-qc", required=True, help="variants/variant_qc.parquet")
    parser.add_argument("--reads", required=True, help="variants/reads.parquet")
    parser.add_argument("--people", required=True, help="cohort/people.parquet, for the declared sex")
    parser.add_argument("--pedigree", help="PED file with declared relationships")
    parser.add_argument("--assembly", default="unspecified", help="names the pseudoautosomal regions")
    parser.add_argument("--min-call-rate", type=float, default=0.9, help="default %(default)s")
    parser.add_argument("--max-contamination", type=float, default=0.05, help="default %(default)s")
    parser.add_argument("--max-kinship", type=float, default=0.177, help="default %(default)s")
    parser.add_argument("--heterozygosity-mads", type=float, default=6, help="default %(default)s")
    parser.add_argument("--principal-components", type=int, default=4, help="default %(default)s")
    parser.add_argument("--out", required=True, help="folder for the tables")
    a = parser.parse_args()
    limits = Limits(
        a.min_call_rate, a.max_contamination, a.max_kinship, a.heterozygosity_mads, a.principal_components
    )
    qc_samples(a.bfile, a.variant_qc, a.reads, a.people, a.assembly, limits, a.out, a.pedigree)


if __name__ == "__main__":
    command.run(main)
