"""Endotype: from variant calls and clinical records to one subtype and target report per patient.

    snakemake --configfile config/config.yaml --directory WHERE/TO/WORK

The working directory holds `results/`, `logs/` and Snakemake's own state; paths in the configuration are
relative to it. `snakemake --list-rules` shows the stages, `docs/` explains them.
"""

from snakemake.utils import min_version

min_version("9.20")


include: "workflow/rules/common.smk"
include: "workflow/rules/cohort.smk"
include: "workflow/rules/variants.smk"
include: "workflow/rules/annotation.smk"
include: "workflow/rules/association.smk"
include: "workflow/rules/subtypes.smk"
include: "workflow/rules/targets.smk"
include: "workflow/rules/reports.smk"
include: "workflow/rules/provenance.smk"


rule all:
    default_target: True
    input:
        rules.write_record.output.crate,
        deleted_reports(PATIENTS_OF_BATCH),


rule cohort:
    input:
        rules.check_inputs.output,


rule sheets:
    input:
        rules.check_inputs.output,
        rules.write_provenance.output,
        rules.prepare_records.output,


rule variants:
    input:
        rules.qc_samples.output,
        rules.measure_callability.output,


rule annotation:
    input:
        rules.annotate_variants.output,


rule association:
    input:
        rules.summarise_association.output,
        rules.plot_association.output,
        "results/association/gwas_ssf" if GWAS_SSF else [],


rule subtypes:
    input:
        rules.assign_subtypes.output,
        rules.plot_subtypes.output,
        rules.assess_subtypes.output,


rule targets:
    input:
        rules.rank_targets.output,


onstart:
    keep_job_records()


onsuccess:
    account()


onerror:
    account()
    print(failure_digest(log))
