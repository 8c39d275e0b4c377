"""Say what each variant of a shard does to each transcript: one row per variant and transcript."""

import argparse

from endotype.annotation.consequences import call_consequences
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bcf", required=True, help="normalised variants; genotypes are not looked at")
    parser.add_argument("--fasta", help="reference, plain or bgzip")
    parser.add_argument(
        "--genes", help="gene model, GFF3 in Ensembl's style; without it or --fasta nothing is assessed"
    )
    parser.add_argument("--out", required=True, help="Parquet file")
    arguments = parser.parse_args()
    call_consequences(arguments.bcf, arguments.out, arguments.fasta, arguments.genes)


if __name__ == "__main__":
    run(main)
