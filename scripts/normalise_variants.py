#!/usr/bin/env python
"""Split, check against the reference, left-align and deduplicate the variants of one region.

Every allele that is set aside is listed with its reason. REF is checked and never rewritten.
"""

import argparse

from endotype import command
from endotype.variants.normalise import normalise_region


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--vcf", required=True, nargs="+", help="indexed BCF or VCF; several are joined by their samples"
    )
    parser.add_argument("--name", nargs="+", help="names of the files in the list of rejects (default: VCF)")
    parser.add_argument("--fasta", help="reference; without it REF and left alignment are not assessed")
    parser.add_argument("--people", help="cohort/people.parquet; default: all samples of the files")
    parser.add_argument("--region", required=True, help="CHROM:START-END, 1-based, both ends included")
    parser.add_argument("--out", required=True, help="BCF to write; OUT.csi is written beside it")
    parser.add_argument("--rejects", required=True, help="TSV of the alleles that were set aside")
    parser.add_argument("--counts", required=True, help="JSON of what happened to how many alleles")
    a = parser.parse_args()
    normalise_region(a.vcf, a.name, a.region, a.fasta, a.out, a.rejects, a.counts, a.people)


if __name__ == "__main__":
    command.run(main)
