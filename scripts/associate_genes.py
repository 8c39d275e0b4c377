"""Test sets of qualifying variants of every gene, and your own sets, against every testable trait.

Writes sets.parquet, genes.parquet, leave_one_out.parquet and sets.dropped.tsv into --out-dir.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from endotype.association.genes import associate_genes
from endotype.association.masks import mask_rules
from endotype.association.set_scan import choose_tests
from endotype.command import run
from endotype.engine import add_engine_argument


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bfile", required=True, help="prefix of the .bed, .bim and .fam")
    parser.add_argument("--annotation", type=Path, required=True, help="annotation/variants.parquet")
    parser.add_argument("--genes", type=Path, required=True, help="annotation/genes.parquet")
    parser.add_argument("--design", type=Path, required=True, help="association/design.parquet")
    parser.add_argument("--design-info", type=Path, required=True, help="association/design.json")
    parser.add_argument(
        "--masks",
        metavar="JSON",
        type=json.loads,
        help="a list as association.masks of the configuration (default: high_impact and protein_changing)",
    )
    parser.add_argument(
        "--max-frequency",
        type=float,
        default=0.01,
        help="of the alternate allele, exclusive, for masks without limits of their own (%(default)s)",
    )
    parser.add_argument(
        "--min-carriers",
        type=int,
        default=5,
        help="fewer people with a rarer allele: TOO_RARE (%(default)s)",
    )
    parser.add_argument("--set-tests", help="shown beside those that decide, by commas (default: all)")
    parser.add_argument("--set-file", type=Path, help="your own sets; see docs/association.md")
    parser.add_argument(
        "--alpha", type=float, default=0.05, help="family-wise error rate over all traits (%(default)s)"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="the result does not depend on it (%(default)s)"
    )
    add_engine_argument(parser)
    parser.add_argument("--out-dir", type=Path, required=True, help="association/")
    a = parser.parse_args()
    associate_genes(
        a.bfile,
        a.annotation,
        a.genes,
        a.design,
        a.design_info,
        a.out_dir,
        rules=mask_rules({"masks": a.masks, "gene_max_frequency": a.max_frequency}),
        min_carriers=a.min_carriers,
        alpha=a.alpha,
        tests=choose_tests(a.set_tests.split(",") if a.set_tests else None),
        set_file=a.set_file,
        threads=a.threads,
        engine=a.engine,
    )


if __name__ == "__main__":
    run(main)
