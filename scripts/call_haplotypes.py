"""Say what variants on one haplotype of a patient do together: one row per patient and combination."""

import argparse

from endotype.annotation.haplotypes import PHASES, call_haplotypes
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bcf", required=True, help="normalised variants with genotypes")
    parser.add_argument("--fasta", help="reference, plain or bgzip")
    parser.add_argument(
        "--genes",
        help="gene model, GFF3 of Ensembl, GENCODE or RefSeq; without it or --fasta nothing is assessed",
    )
    parser.add_argument(
        "--unphased", choices=sorted(PHASES), default="a", help="what to make of genotypes without phase"
    )
    parser.add_argument("--out", required=True, help="Parquet file")
    arguments = parser.parse_args()
    call_haplotypes(arguments.bcf, arguments.out, arguments.fasta, arguments.genes, arguments.unphased)


if __name__ == "__main__":
    run(main)
