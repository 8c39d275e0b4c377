"""Join consequences, population frequency and clinical significance of every kept variant by exact allele."""

import argparse

from endotype.annotation.annotate import annotate_variants
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant-qc", required=True, help="variants/variant_qc.parquet")
    parser.add_argument(
        "--consequences", required=True, nargs="+", help="consequence tables of all shards (Parquet)"
    )
    parser.add_argument("--knowledge", required=True, help="folder that build_knowledge.py wrote")
    parser.add_argument("--out", required=True, help="annotation/variants.parquet")
    arguments = parser.parse_args()
    annotate_variants(arguments.variant_qc, arguments.consequences, arguments.knowledge, arguments.out)


if __name__ == "__main__":
    run(main)
