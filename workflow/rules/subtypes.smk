# Which group a patient belongs to, or why no call can be made.

VIEWS = CONFIG["subtypes"]["views"]
VIEW_FILES = view_files(VIEWS)
BURDEN = CONFIG["subtypes"]["burden_is_confounder"]


rule build_features:
    """The patient x feature table: every view of the configuration side by side."""
    input:
        clinical="results/cohort/clinical.parquet",
        dictionary="results/cohort/dictionary.json",
        people="results/cohort/people.parquet",
        sample_qc="results/variants/sample_qc.parquet",
        store=multiext("results/variants/genotypes", ".bed", ".bim", ".fam"),
        annotation="results/annotation/variants.parquet",
        genes="results/annotation/genes.parquet",
        somatic="results/variants/somatic.parquet",
        tumours="results/variants/tumours.parquet",
        matrices=VIEW_FILES,
    output:
        features="results/subtypes/features.parquet",
        info="results/subtypes/features.json",
    log:
        "logs/build_features.log",
    priority: 10  # the longest way to the reports goes through here
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("build_features.py"),
        script=script("build_features.py"),
        views=json.dumps(VIEWS),
        burden="--burden-is-confounder" if BURDEN else "",
        assembly=option("--assembly", REFERENCE["assembly"]),
    shell:
        "python {params.script} --clinical {input.clinical} --dictionary {input.dictionary} --people {input.people}"
        " --sample-qc {input.sample_qc} --bfile results/variants/genotypes"
        " --annotation {input.annotation} --genes {input.genes} --somatic {input.somatic}"
        " --tumours {input.tumours} {params.burden} {params.assembly}"
        " --views {params.views:q} --out results/subtypes > {log} 2>&1"


rule discover_subtypes:
    """Fit mixtures of 1..k groups, choose how many are there (one is a legal answer), freeze the model."""
    input:
        features="results/subtypes/features.parquet",
        info="results/subtypes/features.json",
        clinical="results/cohort/clinical.parquet",
        dictionary="results/cohort/dictionary.json",
        people="results/cohort/people.parquet",
        sample_qc="results/variants/sample_qc.parquet",
        ancestry="results/variants/ancestry.parquet",
    output:
        model="results/subtypes/model.json",
        selection="results/subtypes/selection.json",
        profile="results/subtypes/profile.parquet",
        consensus="results/subtypes/consensus.npz",
    log:
        "logs/discover_subtypes.log",
    benchmark:
        "logs/benchmarks/discover_subtypes.tsv"
    priority: 10  # the longest way to the reports goes through here
    conda:
        "../../envs/endotype.yaml"
    threads: 8
    params:
        code=code("discover_subtypes.py"),
        script=script("discover_subtypes.py"),
        subtypes=CONFIG["subtypes"],
        seed=CONFIG["run"]["seed"],
        labels=label_options(),
    shell:
        "python {params.script} --features {input.features} --features-info {input.info}"
        " --clinical {input.clinical} --dictionary {input.dictionary} --people {input.people}"
        " --sample-qc {input.sample_qc} --ancestry {input.ancestry} --seed {params.seed}"
        " --threads {threads} --engine {params.subtypes[engine]} {params.labels}"
        " --consensus-resamples {params.subtypes[consensus_resamples]}"
        " --null-cohorts {params.subtypes[null_cohorts]} --min-information {params.subtypes[min_information]}"
        " --max-k {params.subtypes[max_k]} --restarts {params.subtypes[restarts]}"
        " --resamples {params.subtypes[resamples]} --min-size {params.subtypes[min_size]}"
        " --min-fraction {params.subtypes[min_fraction]} --typicality-alpha {params.subtypes[typicality_alpha]}"
        " --call-probability {params.subtypes[call_probability]}"
        " --outcome-permutations {params.subtypes[outcome_permutations]} --out results/subtypes > {log} 2>&1"


rule assign_subtypes:
    """Apply the frozen model to every patient."""
    input:
        model="results/subtypes/model.json",
        features="results/subtypes/features.parquet",
        clinical="results/cohort/clinical.parquet",
        people="results/cohort/people.parquet",
        sample_qc="results/variants/sample_qc.parquet",
        ancestry="results/variants/ancestry.parquet",
    output:
        "results/subtypes/assignments.parquet",
    log:
        "logs/assign_subtypes.log",
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("assign_subtypes.py"),
        script=script("assign_subtypes.py"),
    shell:
        "python {params.script} --model {input.model} --features {input.features} --people {input.people}"
        " --clinical {input.clinical} --sample-qc {input.sample_qc}"
        " --ancestry {input.ancestry} --out {output} > {log} 2>&1"


rule plot_subtypes:
    """Stability, consensus, the cohort on two axes, survival, features, altered genes; with captions."""
    input:
        model="results/subtypes/model.json",
        features="results/subtypes/features.parquet",
        clinical="results/cohort/clinical.parquet",
        dictionary="results/cohort/dictionary.json",
        ancestry="results/variants/ancestry.parquet",
        assignments="results/subtypes/assignments.parquet",
        selection="results/subtypes/selection.json",
        profile="results/subtypes/profile.parquet",
        characterisation="results/subtypes/characterisation.parquet",
        consensus="results/subtypes/consensus.npz",
        somatic="results/variants/somatic.parquet",
        tumours="results/variants/tumours.parquet",
    output:
        directory("results/subtypes/pictures"),
    log:
        "logs/plot_subtypes.log",
    benchmark:
        "logs/benchmarks/plot_subtypes.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("plot_subtypes.py"),
        script=script("plot_subtypes.py"),
    shell:
        "python {params.script} --model {input.model} --features {input.features} --clinical {input.clinical}"
        " --dictionary {input.dictionary} --ancestry {input.ancestry} --assignments {input.assignments}"
        " --selection {input.selection} --profile {input.profile} --characterisation {input.characterisation}"
        " --consensus {input.consensus}"
        " --somatic {input.somatic} --tumours {input.tumours} --out-dir {output} > {log} 2>&1"


# With "=", because the name of a column may begin with a dash.
STANDARD_OF_CARE = " ".join(
    f"--standard-of-care={shlex.quote(column)}" for column in CONFIG["subtypes"]["standard_of_care"]
)
TREATMENT = CONFIG["subtypes"]["treatment"]


rule assess_subtypes:
    """Audit, characterise and name the subtypes; what they add to the standard of care; the checklist."""
    input:
        features="results/subtypes/features.parquet",
        info="results/subtypes/features.json",
        assignments="results/subtypes/assignments.parquet",
        model="results/subtypes/model.json",
        selection="results/subtypes/selection.json",
        clinical="results/cohort/clinical.parquet",
        dictionary="results/cohort/dictionary.json",
        people="results/cohort/people.parquet",
        ancestry="results/variants/ancestry.parquet",
        sample_qc="results/variants/sample_qc.parquet",
        store=multiext("results/variants/genotypes", ".bed", ".bim", ".fam"),
        annotation="results/annotation/variants.parquet",
        genes="results/annotation/genes.parquet",
        burden="results/variants/tumours.parquet",
        config="results/provenance/config.json",
        flow="results/variants/flow.json",
    output:
        assessment="results/subtypes/assessment.json",
        characterisation="results/subtypes/characterisation.parquet",
        checklist="results/subtypes/checklist.json",
        page="results/subtypes/checklist.md",
    log:
        "logs/assess_subtypes.log",
    benchmark:
        "logs/benchmarks/assess_subtypes.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("assess_subtypes.py"),
        script=script("assess_subtypes.py"),
        subtypes=CONFIG["subtypes"],
        standard=STANDARD_OF_CARE,
        treatment=f"--treatment={shlex.quote(TREATMENT)}" if TREATMENT else "",
        horizon=option("--horizon", CONFIG["subtypes"]["horizon"]),
        seed=CONFIG["run"]["seed"],
    shell:
        "python {params.script} --features {input.features} --features-info {input.info}"
        " --assignments {input.assignments} --model {input.model} --selection {input.selection}"
        " --clinical {input.clinical} --dictionary {input.dictionary} --people {input.people}"
        " --ancestry {input.ancestry} --sample-qc {input.sample_qc} --bfile results/variants/genotypes"
        " --annotation {input.annotation} --genes {input.genes} --burden {input.burden} --config {input.config}"
        " --flow {input.flow} {params.standard} {params.treatment} {params.horizon}"
        " --audit-ari {params.subtypes[audit_ari]} --audit-eta-squared {params.subtypes[audit_eta_squared]}"
        " --bootstrap {params.subtypes[bootstrap]} --seed {params.seed} --out results/subtypes > {log} 2>&1"
