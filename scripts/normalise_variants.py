#!/usr/bin/env python
"""Split, check against the reference, left-align and deduplicate the variants of one region.

Every allele that is set aside is listed with its reason. REF is checked and never rewritten.
Symbolic alleles and breakends go to a file of their own.
"""

import argparse
from pathlib import Path

from endotype import command
from endotype.variants.shard import Outputs, normalise_region


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--vcf",
        required=True,
        nargs="+",
        help="VCF or BCF, or folders of prepare_input.py; several are joined by their samples",
    )
    parser.add_argument("--fasta", help="reference; without it REF and left alignment are not assessed")
    parser.add_argument("--people", help="cohort/people.parquet; default: all samples of the files")
    parser.add_argument("--assembly", default="", help="names the pseudoautosomal regions, e.g. GRCh38")
    parser.add_argument("--region", required=True, help="CHROM:START-END, 1-based, both ends included")
    parser.add_argument("--out", required=True, help="BCF to write; OUT.csi is written beside it")
    parser.add_argument("--rejects", help="TSV of the alleles that were set aside (default: beside OUT)")
    parser.add_argument("--structural", help="BCF of symbolic alleles and breakends (default: beside OUT)")
    parser.add_argument("--counts", help="JSON of what happened to how many alleles (default: beside OUT)")
    parser.add_argument("--monomorphic", help="Parquet of calls without an ALT (default: beside OUT)")
    a = parser.parse_args()
    named = Outputs.at(a.out.removesuffix(".bcf"))
    outputs = Outputs(
        Path(a.out),
        Path(a.structural or named.structural),
        Path(a.rejects or named.rejects),
        Path(a.counts or named.counts),
        Path(a.monomorphic or named.monomorphic),
    )
    normalise_region(a.vcf, a.region, a.fasta, outputs, a.people, a.assembly)


if __name__ == "__main__":
    command.run(main)
