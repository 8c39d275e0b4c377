#!/usr/bin/env python
"""Make one variant file of the cohort, whatever its form, ready to be read by place.

A bgzip VCF or BCF is read where it is, with an index of its own in the results; other forms are rewritten
as BCF. Nothing is written beside the user's file.
"""

import argparse

from endotype import command
from endotype.variants.ingest import prepare_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--vcf", required=True, help="VCF or BCF, any compression, with or without an index")
    parser.add_argument("--samples", required=True, help="cohort/samples.parquet: sample, patient and file")
    parser.add_argument("--files", required=True, help="cohort/files.parquet: contig names and fingerprints")
    parser.add_argument("--file", type=int, required=True, help="number of the file in both tables")
    parser.add_argument("--fasta", help="reference; gives contig lines to a header that has none")
    parser.add_argument("--out", required=True, help="folder to write")
    a = parser.parse_args()
    prepare_file(a.vcf, a.samples, a.files, a.file, a.out, a.fasta)


if __name__ == "__main__":
    command.run(main)
