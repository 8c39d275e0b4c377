#!/usr/bin/env python
"""Turn one variant file of the cohort, whatever its form, into an indexed BCF of the cohort's patients.

Reads the file once, to its end. Samples are cut to those of the sample sheet and renamed to patient ids.
"""

import argparse

from endotype import command
from endotype.variants.ingest import prepare_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--vcf", required=True, help="VCF or BCF, any compression, with or without an index")
    parser.add_argument("--samples", required=True, help="cohort/samples.parquet: sample, patient and file")
    parser.add_argument("--file", type=int, required=True, help="number of the file in the samples table")
    parser.add_argument("--fasta", help="reference; gives contig lines to a header that has none")
    parser.add_argument("--out", required=True, help="BCF to write; OUT.csi is written beside it")
    a = parser.parse_args()
    prepare_file(a.vcf, a.samples, a.file, a.out, a.fasta)


if __name__ == "__main__":
    command.run(main)
