"""Write association results as GWAS-SSF, the summary-statistics format of the GWAS Catalog.

Of any result of associate.py:

    export_sumstats.py --result OUT.parquet --trait ldl --assembly GRCh38 --date 2026-01-31 --out ldl.tsv.gz

writes ldl.tsv.gz, ldl.tsv.gz-meta.yaml and ldl.left_out.tsv (rows that the format has no place for, with
the reason). --meta is a YAML file with any of: trait (its description), ancestry, genotyping_technology,
covariates (lists), sex (M, F, combined or NR), minor_allele_frequency_limit, n, n_cases, n_controls,
statement.

Of a run of the workflow: --association results/association --dictionary --settings --out-dir.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from endotype.association.sumstats_export import export_result, export_run
from endotype.command import run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--result", type=Path, help="Parquet file of associate.py")
    source.add_argument("--association", type=Path, help="folder of a run")
    parser.add_argument("--assembly", required=True, help="e.g. GRCh38; hg38 and other names of it are known")
    by_hand = parser.add_argument_group("with --result")
    by_hand.add_argument("--trait", help="needed where the result has several")
    by_hand.add_argument("--date", help="of the metadata, YYYY-MM-DD")
    by_hand.add_argument("--meta", type=Path, help="YAML with what the result doesn't say")
    by_hand.add_argument(
        "--p-value",
        action="store_true",
        help="write p_value instead of neg_log_10_p_value; neither underflows",
    )
    by_hand.add_argument("--out", type=Path, help=".tsv or .tsv.gz")
    of_run = parser.add_argument_group("with --association")
    of_run.add_argument("--dictionary", type=Path, help="cohort/dictionary.json")
    of_run.add_argument("--settings", help="association.gwas_ssf of the configuration, as JSON")
    of_run.add_argument("--out-dir", type=Path, help="association/gwas_ssf")
    a = parser.parse_args()
    if a.result is not None:
        if a.date is None or a.out is None:
            parser.error("--result needs --date and --out")
        counts = export_result(
            a.result,
            a.out,
            assembly=a.assembly,
            date=a.date,
            trait=a.trait,
            meta=a.meta,
            log_p=not a.p_value,
        )
        print(f"{counts['written']} of {counts['in']} rows written, {counts['left_out']} left out")
        return
    if a.dictionary is None or a.settings is None or a.out_dir is None:
        parser.error("--association needs --dictionary, --settings and --out-dir")
    export_run(a.association, a.dictionary, a.out_dir, json.loads(a.settings), a.assembly)


if __name__ == "__main__":
    run(main)
