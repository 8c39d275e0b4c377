#!/usr/bin/env python
"""What fraction of each gene's coding bases could have shown a variant, for each patient.

From a BED of callable bases, gVCF blocks, or a BAM or CRAM; without any of these a patient is not assessed.
"""

import argparse

from endotype import command
from endotype.variants.callability import measure_callability
from endotype.variants.callable_sources import Limits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--people", required=True, help="cohort/people.parquet")
    parser.add_argument(
        "--samples", required=True, help="cohort/samples.parquet: callable and alignment files"
    )
    parser.add_argument("--preflight", required=True, help="cohort/preflight.json: contigs of the run")
    parser.add_argument("--genes", help="gene models, GFF3; without them nothing is assessed")
    parser.add_argument("--fasta", help="reference; CRAM files need it")
    parser.add_argument("--assembly", default="unspecified", help="names the pseudoautosomal regions")
    parser.add_argument(
        "--excerpt", action="store_true", help="the reference is the first part of each contig"
    )
    parser.add_argument("--inputs", nargs="*", default=[], help="prepared variant files (folders), by number")
    parser.add_argument(
        "--min-depth", type=float, default=10, help="least depth, half if haploid (%(default)s)"
    )
    parser.add_argument("--min-genotype-quality", type=float, default=20, help="least GQ (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="patients at a time (%(default)s)")
    parser.add_argument("--out", required=True, help="Parquet file")
    a = parser.parse_args()
    limits = Limits(a.min_depth, a.min_genotype_quality)
    used = measure_callability(
        a.people,
        a.samples,
        a.preflight,
        a.genes,
        a.inputs,
        limits,
        a.out,
        a.assembly,
        a.fasta,
        a.excerpt,
        a.threads,
    )
    print("patients by source:", ", ".join(f"{source} {n}" for source, n in used.items()) or "nobody")


if __name__ == "__main__":
    command.run(main)
