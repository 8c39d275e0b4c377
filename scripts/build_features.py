"""Make the patient x feature table for subtypes from the views that the configuration names."""

import argparse
import json

from endotype.command import run
from endotype.subtypes.views.build import DEFAULT_VIEWS, ViewFiles, build_features


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clinical", required=True, help="cohort/clinical.parquet")
    parser.add_argument("--dictionary", required=True, help="cohort/dictionary.json")
    parser.add_argument("--people", required=True, help="cohort/people.parquet")
    parser.add_argument("--sample-qc", required=True, help="variants/sample_qc.parquet")
    parser.add_argument(
        "--bfile", required=True, metavar="PREFIX", help="genotype store: PREFIX.bed .bim .fam"
    )
    parser.add_argument("--annotation", required=True, help="annotation/variants.parquet")
    parser.add_argument(
        "--genes", required=True, help="annotation/genes.parquet, for the mechanism of each gene"
    )
    parser.add_argument("--somatic", help="variants/somatic.parquet, for tumour views")
    parser.add_argument("--tumours", help="variants/tumours.parquet, for tumour views")
    parser.add_argument(
        "--views",
        type=json.loads,
        default=DEFAULT_VIEWS,
        metavar="JSON",
        help="list of views as in the configuration (subtypes.views); default: clinical and carriers",
    )
    parser.add_argument(
        "--burden-is-confounder", action="store_true", help="the burden of tumour mutations is a confounder"
    )
    parser.add_argument("--assembly", help="of the run; scoring files must be of the same")
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="folder for features.parquet and features.json"
    )
    arguments = parser.parse_args()
    files = ViewFiles(
        arguments.clinical,
        arguments.dictionary,
        arguments.people,
        arguments.sample_qc,
        arguments.bfile,
        arguments.annotation,
        arguments.genes,
        arguments.somatic,
        arguments.tumours,
    )
    build_features(files, arguments.out, arguments.views, arguments.burden_is_confounder, arguments.assembly)


if __name__ == "__main__":
    run(main)
