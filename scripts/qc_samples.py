#!/usr/bin/env python
"""Quality control of people: calls, depth, sex, contamination, relatedness, ancestry, and a verdict each."""

import argparse
from dataclasses import fields

from endotype import command
from endotype.engine import add_engine_argument
from endotype.variants.sample_qc import Limits, qc_samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bfile", required=True, help="PLINK 1 fileset")
    parser.add_argument("--variant-qc", required=True, help="variants/variant_qc.parquet")
    parser.add_argument("--reads", required=True, help="variants/reads.parquet")
    parser.add_argument("--people", required=True, help="cohort/people.parquet, for the declared sex")
    parser.add_argument("--pedigree", help="PED file with declared relationships")
    parser.add_argument("--assembly", default="unspecified", help="names the pseudoautosomal regions")
    parser.add_argument("--panel", help="PLINK 1 fileset of a reference panel")
    parser.add_argument("--populations", help="TSV of the panel: sample population")
    add_engine_argument(parser)
    parser.add_argument("--out", required=True, help="folder for the tables")
    limits = parser.add_argument_group("limits", "each is explained in config/README.md")
    for limit in fields(Limits):
        limits.add_argument(
            f"--{limit.name.replace('_', '-')}",
            type=type(limit.default),
            default=limit.default,
            metavar="N",
            help="default %(default)s",
        )
    a = parser.parse_args()
    if (a.panel is None) != (a.populations is None):
        parser.error("--panel and --populations go together")
    qc_samples(
        a.bfile,
        a.variant_qc,
        a.reads,
        a.people,
        a.assembly,
        Limits(**{limit.name: getattr(a, limit.name) for limit in fields(Limits)}),
        a.out,
        a.pedigree,
        (a.panel, a.populations) if a.panel else None,
        a.engine,
    )


if __name__ == "__main__":
    command.run(main)
