"""Audit, characterise and name the subtypes, and compare them by outcome with the standard of care."""

import argparse

from endotype.command import run
from endotype.subtypes.assess import AssessmentSettings
from endotype.subtypes.assess_files import assess_subtypes


def main() -> None:
    defaults = AssessmentSettings()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", required=True, help="subtypes/features.parquet")
    parser.add_argument("--features-info", required=True, help="subtypes/features.json")
    parser.add_argument("--assignments", required=True, help="subtypes/assignments.parquet")
    parser.add_argument("--model", required=True, help="subtypes/model.json")
    parser.add_argument("--selection", required=True, help="subtypes/selection.json")
    parser.add_argument("--clinical", required=True, help="cohort/clinical.parquet")
    parser.add_argument("--dictionary", required=True, help="cohort/dictionary.json")
    parser.add_argument("--ancestry", required=True, help="variants/ancestry.parquet")
    parser.add_argument("--people", required=True, help="cohort/people.parquet")
    parser.add_argument("--sample-qc", required=True, help="variants/sample_qc.parquet")
    parser.add_argument("--bfile", help="prefix of the genotype store, for carriers by gene")
    parser.add_argument("--annotation", help="annotation/variants.parquet, for carriers by gene")
    parser.add_argument("--genes", help="annotation/genes.parquet, for carriers by gene and pathway")
    parser.add_argument("--burden", help="variants/tumours.parquet, for the audit")
    parser.add_argument("--config", help="provenance/config.json, for the checklist")
    parser.add_argument("--flow", help="variants/flow.json, for the checklist")
    parser.add_argument(
        "--standard-of-care",
        action="append",
        default=[],
        metavar="COLUMN",
        help="known without subtypes; repeat",
    )
    parser.add_argument("--treatment", help="column of the treatment")
    parser.add_argument("--audit-ari", type=float, default=defaults.audit_ari)
    parser.add_argument("--audit-eta-squared", type=float, default=defaults.audit_eta_squared)
    parser.add_argument("--horizon", type=float, help="in the unit of the outcomes' times; else chosen")
    parser.add_argument("--bootstrap", type=int, default=defaults.bootstrap, help="samples behind intervals")
    parser.add_argument("--permutations", type=int, default=defaults.permutations, help="of the audit")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--out", required=True, help="folder to write to")
    arguments = parser.parse_args()
    if len({path is None for path in (arguments.bfile, arguments.annotation, arguments.genes)}) > 1:
        parser.error("--bfile, --annotation and --genes go together")
    assess_subtypes(
        arguments.features,
        arguments.features_info,
        arguments.assignments,
        arguments.model,
        arguments.selection,
        arguments.clinical,
        arguments.dictionary,
        arguments.ancestry,
        arguments.people,
        arguments.sample_qc,
        AssessmentSettings(
            standard_of_care=tuple(arguments.standard_of_care),
            treatment=arguments.treatment,
            audit_ari=arguments.audit_ari,
            audit_eta_squared=arguments.audit_eta_squared,
            horizon=arguments.horizon,
            bootstrap=arguments.bootstrap,
            permutations=arguments.permutations,
            seed=arguments.seed,
        ),
        arguments.out,
        bfile=arguments.bfile,
        annotation=arguments.annotation,
        genes=arguments.genes,
        burden=arguments.burden,
        config=arguments.config,
        flow=arguments.flow,
    )


if __name__ == "__main__":
    run(main)
