"""Normalise HGVS names, carry them to the genome and to VCF alleles, and predict the protein."""

from __future__ import annotations

import argparse
from pathlib import Path

from endotype.annotation.hgvs.describe import describe_names, read_names
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help="HGVS name, such as 'NM_004006.2:c.4375C>T'")
    parser.add_argument(
        "--file", type=Path, help="names, one a line; lines that begin with # are passed over"
    )
    parser.add_argument("--fasta", type=Path, required=True, help="reference sequence")
    parser.add_argument("--genes", type=Path, help="gene model (GFF3); without it g. and m. names only")
    parser.add_argument("--assembly", help="GRCh37 or GRCh38, where the lengths of the FASTA don't tell it")
    parser.add_argument("--out", type=Path, required=True, help=".parquet, .tsv or .tsv.gz")
    a = parser.parse_args()
    names = list(enumerate(a.name, start=1))
    if a.file is not None:
        names += read_names(a.file)
    describe_names(names, a.out, a.fasta, a.genes, str(a.file) if a.file else "names", a.assembly)


if __name__ == "__main__":
    run(main)
