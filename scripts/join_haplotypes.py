"""Join the haplotype-aware consequences of all shards to one table."""

import argparse

from endotype.annotation.haplotypes import join_haplotypes
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--haplotypes", required=True, nargs="*", help="tables of all shards, in order")
    parser.add_argument("--out", required=True, help="Parquet file")
    arguments = parser.parse_args()
    join_haplotypes(arguments.haplotypes, arguments.out)


if __name__ == "__main__":
    run(main)
