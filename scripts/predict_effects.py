"""Say what each variant of a shard does to each transcript: one row per variant and transcript."""

import argparse

from endotype.annotation.effects.predict import predict_effects
from endotype.annotation.effects.table import DISTANCE
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bcf", required=True, help="normalised variants; genotypes are not looked at")
    parser.add_argument("--fasta", help="reference, plain or bgzip")
    parser.add_argument(
        "--genes", help="gene model, GFF3; without it or --fasta nothing is assessed, and the table says so"
    )
    parser.add_argument(
        "--assembly", help="assembly of the reference; by default told by its contigs' lengths"
    )
    parser.add_argument(
        "--distance",
        type=int,
        default=DISTANCE,
        help="bases beside a transcript in which variants are up- or downstream of it (%(default)s)",
    )
    parser.add_argument("--out", required=True, help="Parquet file")
    a = parser.parse_args()
    predict_effects(a.bcf, a.out, a.fasta, a.genes, assembly=a.assembly, distance=a.distance)


if __name__ == "__main__":
    run(main)
