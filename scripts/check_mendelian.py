#!/usr/bin/env python
"""Count the genotypes of each child of a pedigree that cannot come from its parents.

Writes one row per child that has genotypes, as one parent at least has.
"""

import argparse

from endotype import command
from endotype.variants.mendelian import check_pedigree


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bfile", required=True, help="prefix of the genotype store (.bed .bim .fam)")
    parser.add_argument("--pedigree", required=True, help="PED file: family individual father mother sex")
    parser.add_argument("--assembly", default="unspecified", help="names the pseudoautosomal regions")
    parser.add_argument("--out", required=True, help="Parquet table to write")
    a = parser.parse_args()
    check_pedigree(a.bfile, a.pedigree, a.assembly, a.out)


if __name__ == "__main__":
    command.run(main)
