#!/usr/bin/env python
"""Draw how deep the coding bases of a gene were sequenced in one person, and which of them are callable.

From the person's reads (--alignment), or from the gVCF blocks of a run (--blocks, --patient).
"""

import argparse

from endotype import command
from endotype.variants.callable_sources import Limits
from endotype.variants.depth import plot_depth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--alignment", help="indexed BAM or CRAM")
    source.add_argument("--blocks", nargs="+", default=[], help="results/variants/inputs/*/blocks.parquet")
    parser.add_argument("--fasta", help="reference; a CRAM needs it")
    parser.add_argument("--patient", default="", help="whose blocks; with --alignment only the title")
    parser.add_argument("--sex", default="unknown", choices=["male", "female", "unknown"])
    parser.add_argument("--assembly", default="unspecified", help="names the pseudoautosomal regions")
    parser.add_argument("--genes", required=True, help="gene models, GFF3")
    parser.add_argument("--gene", required=True, help="symbol or id")
    parser.add_argument(
        "--min-depth", type=float, default=10, help="least depth, half if haploid (%(default)s)"
    )
    parser.add_argument("--min-genotype-quality", type=float, default=20, help="least GQ (%(default)s)")
    parser.add_argument("--out", required=True, help="SVG")
    a = parser.parse_args()
    if a.blocks and not a.patient:
        parser.error("--blocks needs --patient")
    fraction = plot_depth(
        a.genes,
        a.gene,
        a.out,
        Limits(a.min_depth, a.min_genotype_quality),
        a.alignment,
        a.fasta,
        a.blocks,
        a.patient,
        a.sex,
        a.assembly,
    )
    print(f"{a.gene}: {fraction:.4f} of the coding bases are callable")


if __name__ == "__main__":
    command.run(main)
