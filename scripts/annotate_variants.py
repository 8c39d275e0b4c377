"""Join what each variant does with what is known of it, by exact allele.

Within the workflow from tables of effects (--variant-qc, --consequences), or alone from a BCF/VCF file of
split, normalised and sorted variants (--bcf, --fasta, --genes).
"""

import argparse

from endotype.annotation.annotate import annotate_bcf, annotate_variants
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant-qc", help="variants/variant_qc.parquet")
    parser.add_argument("--consequences", nargs="*", help="effects tables of all shards (Parquet)")
    parser.add_argument("--bcf", help="variants: BCF or VCF")
    parser.add_argument("--fasta", help="reference, with --bcf")
    parser.add_argument("--genes", help="gene model, GFF3, with --bcf")
    parser.add_argument("--knowledge", required=True, help="folder that build_knowledge.py wrote")
    parser.add_argument("--out", required=True, help="annotation/variants.parquet")
    a = parser.parse_args()
    alone = (a.bcf, a.fasta, a.genes)
    tables = (a.variant_qc is not None, a.consequences is not None)  # of no shards there are no effects
    if all(alone) and not any(tables):
        annotate_bcf(a.bcf, a.fasta, a.genes, a.knowledge, a.out)
    elif all(tables) and not any(alone):
        annotate_variants(a.variant_qc, a.consequences, a.knowledge, a.out)
    else:
        parser.error("give --variant-qc and --consequences, or --bcf, --fasta and --genes")


if __name__ == "__main__":
    run(main)
