"""Test every variant of a PLINK 1 fileset against traits: linear, logistic and Cox models with covariates.

Inside the workflow the traits come from --design and --design-info. By hand any fileset does, with --pheno,
--covar and --trait; a sheet has a column IID or patient (FID is compared where it is there), columns
separated by tabs, commas or blanks, and NA, . or -9 where a value is missing. A trait of 0/1 or 1/2 is
binary; --event makes it a time. Beside the result of sheets stands OUT.json: who was analysed, how, and what
was done about missing data, relatives and multiple testing. With --sets, sets of variants are tested instead
of single ones.

examples:
  associate.py --bfile g --pheno pheno.tsv --covar covar.tsv --trait height --out height.parquet
  associate.py --bfile g --pheno pheno.tsv --trait t2d,asthma --test firth --screen 0.05 --out binary.tsv.gz
  associate.py --bfile g --pheno pheno.tsv --trait height --sets genes.tsv --set-tests skato --out sets.tsv
  associate.py --bfile g --pheno pheno.tsv --trait years --event died --out survival.parquet
"""

from __future__ import annotations

import argparse
from pathlib import Path

from endotype.association.design_source import DesignSource
from endotype.association.scan import MISSING, SCREEN, TESTS, ScanOptions, associate
from endotype.association.set_command import add_set_arguments, run_sets
from endotype.association.split import DISCOVERY, REPLICATION, Split
from endotype.command import run
from endotype.engine import add_engine_argument
from endotype.errors import input_error


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = parser.add_argument_group("data")
    data.add_argument("--bfile", required=True, help="prefix of the .bed, .bim and .fam")
    data.add_argument("--pheno", type=Path, help="phenotype sheet")
    data.add_argument("--covar", type=Path, help="covariate sheet; all its columns are adjusted for")
    data.add_argument("--trait", help="traits, separated by commas (default: all of the design)")
    data.add_argument("--event", help="column of --pheno: whether the time in --trait ended with the event")
    data.add_argument("--entry", help="column of --pheno: when a person came under observation (late entry)")
    data.add_argument("--design", type=Path, help="association/design.parquet of the workflow")
    data.add_argument("--design-info", type=Path, help="association/design.json of the workflow")
    data.add_argument("--loco-pred", type=Path, help="REGENIE's _pred.list: its predictions become offsets")
    data.add_argument("--region", help="CHROM or CHROM:START-END, 1-based, inclusive (default: everything)")
    model = parser.add_argument_group("tests")
    model.add_argument(
        "--test",
        default="auto",
        metavar="|".join(TESTS),
        help="auto: by the kind of each trait; of binary ones the score test, and where it is remarkable "
        "Wald's, or Firth's if alleles are few; of times the larger p of saddlepoint and Firth. "
        "linear: also of 0/1 traits. logistic (Wald's, Firth's where "
        "that has no estimate), firth, spa: that test for every variant. score: nothing but the score test "
        "(%(default)s)",
    )
    model.add_argument(
        "--screen",
        type=float,
        metavar="P",
        help="p-value of the score test up to which a variant of a binary trait or a time is tested again "
        f"(auto: {SCREEN:g}; a test by name: 1, every variant)",
    )
    model.add_argument(
        "--missing",
        default="drop",
        metavar="|".join(MISSING),
        help="people without a genotype: left out of that variant's test, exactly, or given the mean dosage "
        "of the called (%(default)s)",
    )
    model.add_argument(
        "--min-allele-count",
        type=int,
        default=10,
        metavar="N",
        help="fewer copies of the rarer allele: TOO_RARE (%(default)s)",
    )
    model.add_argument(
        "--rank-normal", action="store_true", help="make quantitative traits normal by rank (Blom)"
    )
    model.add_argument(
        "--alpha", type=float, default=0.05, help="error rate that the statement names (%(default)s)"
    )
    split = parser.add_argument_group("discovery and replication (off by default)")
    split.add_argument(
        "--split-salt", metavar="TEXT", help="split people by a hash of their ids with this salt"
    )
    split.add_argument(
        "--split-share", type=float, default=0.5, metavar="S", help="share of discovery (%(default)s)"
    )
    split.add_argument(
        "--part",
        choices=[DISCOVERY, REPLICATION],
        default=DISCOVERY,
        help="the part that is tested (%(default)s)",
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="the result does not depend on it (%(default)s)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    parser.add_argument("--out", type=Path, required=True, help=".parquet, .tsv or .tsv.gz")
    add_engine_argument(parser)
    add_set_arguments(parser)
    a = parser.parse_args()
    if not 0 < a.alpha < 1:
        raise input_error("--alpha", f"{a.alpha:g}", "a number between 0 and 1")
    traits = a.trait.split(",") if a.trait else []
    source = DesignSource(
        a.design,
        a.design_info,
        a.pheno,
        a.covar,
        tuple(traits),
        a.event,
        a.entry,
        a.rank_normal,
        Split(a.split_salt, a.split_share) if a.split_salt is not None else None,
        a.part,
    )
    if run_sets(a, source):
        return
    associate(
        a.bfile,
        a.out,
        source,
        traits=traits or None,
        region=a.region,
        options=ScanOptions(a.test, a.screen, a.missing, a.min_allele_count),
        loco=a.loco_pred,
        alpha=a.alpha,
        threads=a.threads,
        engine=a.engine,
        progress=not a.quiet,
    )


if __name__ == "__main__":
    run(main)
