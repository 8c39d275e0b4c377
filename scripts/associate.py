"""Test every variant of a PLINK 1 fileset against traits: linear, logistic and Cox models with covariates.

Inside the workflow the traits come from --design and --design-info. By hand any fileset does, with
--pheno, --covar and --trait; a sheet has a column IID or patient, columns separated by tabs, commas or
blanks, and NA, . or -9 where a value is missing. A trait of 0/1 or 1/2 is binary; --event makes it a time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from endotype.association.scan import BINARY_TESTS, associate
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bfile", required=True, help="prefix of the .bed, .bim and .fam")
    parser.add_argument("--design", type=Path, help="association/design.parquet")
    parser.add_argument("--design-info", type=Path, help="association/design.json")
    parser.add_argument("--pheno", type=Path, help="phenotype sheet")
    parser.add_argument("--covar", type=Path, help="covariate sheet; all its columns are adjusted for")
    parser.add_argument("--trait", help="traits, separated by commas (default: all of the design)")
    parser.add_argument("--event", help="column of --pheno: whether the time in --trait ended with the event")
    parser.add_argument(
        "--entry", help="column of --pheno: the time at which a person came under observation"
    )
    parser.add_argument("--region", help="CHROM or CHROM:START-END, 1-based, inclusive (default: everything)")
    parser.add_argument(
        "--min-allele-count",
        type=int,
        default=10,
        help="fewer copies of the rarer allele: TOO_RARE (%(default)s)",
    )
    parser.add_argument(
        "--test",
        choices=sorted(BINARY_TESTS),
        default="auto",
        help="of binary traits and times to event, where the score test is remarkable: auto (Wald, else "
        "Firth; of times the larger p of spa and Firth), firth, spa; score for nothing more "
        "(%(default)s)",
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="the result does not depend on it (%(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, help=".parquet, .tsv or .tsv.gz")
    a = parser.parse_args()
    associate(
        a.bfile,
        a.out,
        design=a.design,
        design_info=a.design_info,
        phenotypes=a.pheno,
        covariates=a.covar,
        event=a.event,
        entry=a.entry,
        traits=a.trait.split(",") if a.trait else None,
        region=a.region,
        min_allele_count=a.min_allele_count,
        threads=a.threads,
        binary=a.test,
    )


if __name__ == "__main__":
    run(main)
