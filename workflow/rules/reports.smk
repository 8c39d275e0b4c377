# One report.json per patient, and its renderings.
#
# Patients are written in batches chosen by a hash of their id, so that a new patient touches one batch. A
# batch has two rules: one makes report.json, the other renders it, so that a change of a template computes nothing.
# The patients of a batch are known from the sheets, so each batch is a rule of its own and each report
# a tracked file.

BATCHES = CONFIG["reports"]["batches"]
PATIENTS_OF_BATCH = {}
for patient in PATIENTS:
    PATIENTS_OF_BATCH.setdefault(batch_of(patient, BATCHES), []).append(patient)

# What all reports share. Consent and the like are in the records of a batch: a change of them is nobody else's.
REPORT_INPUTS = [
    rules.check_inputs.output.people,
    rules.check_inputs.output.clinical,
    rules.check_inputs.output.dictionary,
    rules.check_inputs.output.preflight,
    rules.write_provenance.output.config,
    rules.write_provenance.output.software,
    *rules.merge_genotypes.output,
    *rules.qc_samples.output,
    *rules.measure_callability.output,
    *rules.prepare_tumours.output,
    *rules.build_knowledge.output,
    *rules.annotate_variants.output,
    *rules.join_haplotypes.output,
    *rules.trace_inheritance.output,
    *rules.classify_variants.output,
    *rules.summarise_association.output,
    *rules.build_features.output,
    *rules.discover_subtypes.output,
    *rules.assign_subtypes.output,
    *rules.assess_subtypes.output,
    *rules.plot_subtypes.output,
    *rules.rank_targets.output,
    *SECONDARY_GENES,
]


rule prepare_records:
    """What reports say of single people from the sheets, by batch."""
    input:
        [CONFIG["inputs"]["clinical"]],
        rules.check_inputs.output,
        rules.write_provenance.output,
    output:
        collect("results/reports/records/{batch}.json", batch=sorted(PATIENTS_OF_BATCH)),
    log:
        "logs/prepare_records.log",
    benchmark:
        "logs/benchmarks/prepare_records.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("prepare_records.py"),
        script=script("prepare_records.py"),
        batches=BATCHES,
    shell:
        "python {params.script} --results results --config results/provenance/config.json > {log} 2>&1"


for batch, patients_of_batch in sorted(PATIENTS_OF_BATCH.items()):

    rule:
        name:
            f"write_reports_{batch}"
        input:
            REPORT_INPUTS,
            records=f"results/reports/records/{batch}.json",
            previous=previous_reports(patients_of_batch),
        output:
            collect("results/reports/{patient}/report.json", patient=patients_of_batch),
            f"results/reports/failures/write_{batch}.tsv",
        log:
            f"logs/write_reports/{batch}.log",
        benchmark:
            f"logs/benchmarks/write_reports/{batch}.tsv"
        conda:
            "../../envs/endotype.yaml"
        params:
            code=code("write_reports.py"),
            script=script("write_reports.py"),
            batch=batch,
            batches=BATCHES,
        shell:
            "python {params.script} --results results --config results/provenance/config.json"
            " --batch {params.batch} --batches {params.batches} > {log} 2>&1"

    rule:
        name:
            f"render_reports_{batch}"
        input:
            collect("results/reports/{patient}/report.json", patient=patients_of_batch),
            rules.write_provenance.output.config,
            "results/cohort/people.parquet",
        output:
            # The other forms stand beside it. Snakemake looks at every tracked file of every job again and again:
            # eight for each of a thousand patients would take it longer than the patients take.
            collect("results/reports/{patient}/report.html", patient=patients_of_batch),
            f"results/reports/failures/render_{batch}.tsv",
        log:
            f"logs/render_reports/{batch}.log",
        benchmark:
            f"logs/benchmarks/render_reports/{batch}.tsv"
        conda:
            "../../envs/endotype.yaml"
        params:
            code=code("render_reports.py"),
            script=script("render_reports.py"),
            batch=batch,
            batches=BATCHES,
            formats=sorted(CONFIG["reports"]["formats"]),
        shell:
            "python {params.script} --results results --config results/provenance/config.json"
            " --batch {params.batch} --batches {params.batches} > {log} 2>&1"


rule list_failures:
    """Reports, and forms of them, that could not be made: one table of all batches."""
    input:
        collect(
            "results/reports/failures/{step}_{batch}.tsv",
            step=["write", "render"],
            batch=sorted(PATIENTS_OF_BATCH),
        ),
    output:
        "results/reports/failures.tsv",
    log:
        "logs/list_failures.log",
    benchmark:
        "logs/benchmarks/list_failures.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("list_failures.py"),
        script=script("list_failures.py"),
        batches=BATCHES,
    shell:
        "python {params.script} --results results --batches {params.batches} > {log} 2>&1"


rule write_qc_page:
    """The quality of the genotypes and the flow of everything that was counted, on one page."""
    input:
        rules.check_inputs.output,
        rules.write_provenance.output,
        rules.merge_genotypes.output,
        rules.qc_samples.output,
    output:
        page="results/reports/qc.html",
        data="results/reports/qc.json",
    log:
        "logs/write_qc_page.log",
    benchmark:
        "logs/benchmarks/write_qc_page.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("write_qc_page.py"),
        script=script("write_qc_page.py"),
    shell:
        "python {params.script} --results results --config results/provenance/config.json > {log} 2>&1"


rule write_index:
    """The cohort at a glance, with a link to every patient."""
    input:
        # Without names: Snakemake takes the square of the files of a named input.
        rules.write_qc_page.output,
        collect("results/reports/{patient}/report.json", patient=PATIENTS),
        collect("results/reports/{patient}/report.html", patient=PATIENTS),
        rules.list_failures.output,
        REPORT_INPUTS,
        rules.check_inputs.output,
        rules.write_provenance.output,
        rules.plot_association.output,
        rules.export_sumstats.output if GWAS_SSF else [],
    output:
        index="results/reports/index.html",
        cohort="results/reports/cohort.json",
    log:
        "logs/write_index.log",
    benchmark:
        "logs/benchmarks/write_index.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("write_index.py"),
        script=script("write_index.py"),
    shell:
        "python {params.script} --results results --config results/provenance/config.json > {log} 2>&1"
