#!/usr/bin/env python
"""Read the consequences that files already carry (VEP CSQ, SnpEff ANN, bcftools BCSQ, MAF) as one table."""

import argparse

from endotype import command
from endotype.annotation.imported.read import import_annotation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--vcf", nargs="+", default=[], help="annotated VCF or BCF files, or normalised shards"
    )
    parser.add_argument("--maf", nargs="+", default=[], help="MAF files")
    parser.add_argument("--fasta", help="reference; without it alleles are trimmed but not left-aligned")
    parser.add_argument("--effects", help="annotation/variants.parquet, to compare with")
    parser.add_argument("--out", required=True, help="Parquet table to write")
    parser.add_argument("--summary", required=True, help="JSON of counts to write")
    a = parser.parse_args()
    if not a.vcf and not a.maf:
        parser.error("give --vcf or --maf")
    import_annotation(a.vcf, a.maf, a.out, a.summary, a.fasta, a.effects)


if __name__ == "__main__":
    command.run(main)
