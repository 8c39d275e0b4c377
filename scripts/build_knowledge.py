"""Make the sources of knowledge ready to be joined: clinical significance, population frequency and genes."""

import argparse

from endotype.annotation.knowledge import build_knowledge
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clinical-significance", help="sites VCF in ClinVar's format")
    parser.add_argument("--population-frequency", help="sites VCF in gnomAD's format (INFO AC and AN, or AF)")
    parser.add_argument("--genes", help="gene table, TSV")
    parser.add_argument("--gff", help="gene model, GFF3 in Ensembl's style")
    parser.add_argument("--fasta", help="reference, plain or bgzip: alleles are checked and left-aligned")
    parser.add_argument("--assembly", required=True, help="name of the assembly, for instance GRCh38")
    parser.add_argument("--out", required=True, help="folder for the tables and knowledge.json")
    arguments = parser.parse_args()
    build_knowledge(**vars(arguments))


if __name__ == "__main__":
    run(main)
