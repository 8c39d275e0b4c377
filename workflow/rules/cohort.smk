# Who is in the study: inputs checked, identities joined, clinical values typed.


rule check_inputs:
    """Check all inputs and write the cohort as the other stages see it."""
    input:
        sheets=[path for path in map(CONFIG["inputs"].get, ("samples", "clinical", "dictionary")) if path],
        pedigree=CONFIG["inputs"]["pedigree"] or [],
        variants=VARIANT_FILES,
        coverage=COVERAGE_FILES,
        tumours=[path for path in (CONFIG["inputs"]["tumours"], *TUMOUR_FILES) if path],
        reference=FASTA,
        genes=GENES,
        knowledge=KNOWLEDGE_FILES,
        panel=[*PANEL_FILES, *([PANEL["populations"]] if PANEL else [])],
        views=view_files(CONFIG["subtypes"]["views"]),
        secondary_genes=SECONDARY_GENES,
    output:
        people="results/cohort/people.parquet",
        samples="results/cohort/samples.parquet",
        files="results/cohort/files.parquet",
        tumours="results/cohort/tumours.parquet",
        clinical="results/cohort/clinical.parquet",
        consent="results/cohort/consent.parquet",
        dictionary="results/cohort/dictionary.json",
        reconciliation="results/cohort/reconciliation.tsv",
        quarantine="results/cohort/quarantine.tsv",
        preflight="results/cohort/preflight.json",
    log:
        "logs/check_inputs.log",
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("check_inputs.py"),
        script=script("check_inputs.py"),
        content=INPUT_CONTENT,
        config=json.dumps(
            {key: CONFIG[key] for key in ("inputs", "reference", "knowledge", "acmg")}
            | {"subtypes": {"views": CONFIG["subtypes"]["views"]}},
            sort_keys=True,
        ),
    shell:
        "python {params.script} --config-json {params.config:q} --out results/cohort > {log} 2>&1"


rule write_provenance:
    """Record what went into the run: inputs with sha256, software versions, the full configuration."""
    input:
        rules.check_inputs.input,
        set_file=CONFIG["association"]["set_file"] or [],
    output:
        inputs="results/provenance/inputs.json",
        software="results/provenance/software.json",
        config="results/provenance/config.json",
    log:
        "logs/write_provenance.log",
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("write_provenance.py"),
        script=script("write_provenance.py"),
        content=INPUT_CONTENT,
        config=CONFIG_JSON,
    shell:
        "python {params.script} --config-json {params.config:q} --inputs {input:q}"
        " --out results/provenance > {log} 2>&1"


rule write_manifest:
    """List the sha256 of every result; it needs all of them, so it is the last step."""
    input:
        rules.check_inputs.output,
        "results/provenance/config.json",
        "results/variants/sample_qc.parquet",
        "results/variants/callability.parquet",
        "results/variants/tumours.parquet",
        "results/annotation/variants.parquet",
        "results/annotation/classification.parquet",
        "results/annotation/imported.json" if CONFIG["annotation"]["compare_imported"] else [],
        "results/association/summary.json",
        "results/subtypes/assignments.parquet",
        "results/subtypes/assessment.json",
        "results/targets/targets.parquet",
        "results/reports/index.html",
    output:
        "results/provenance/manifest.sha256",
    log:
        "logs/write_manifest.log",
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("write_manifest.py"),
        script=script("write_manifest.py"),
    shell:
        "python {params.script} --results results --out {output} > {log} 2>&1"
