# What can be acted on, ranked by evidence, with its uncertainty.

TARGETS = CONFIG["targets"]
TARGET_FILES = ("diseases", "hotspots", "alterations", "credible_sets")


rule rank_targets:
    """Rank the interventions that a patient's variants, tumour, subtype or associated genes point to."""
    input:
        assignments="results/subtypes/assignments.parquet",
        annotation="results/annotation/variants.parquet",
        genes="results/annotation/genes.parquet",
        store=multiext("results/variants/genotypes", ".bed", ".bim", ".fam"),
        loci="results/association/loci.parquet",
        people="results/cohort/people.parquet",
        sample_qc="results/variants/sample_qc.parquet",
        compound="results/annotation/compound.parquet",
        classification="results/annotation/classification.parquet",
        somatic="results/variants/somatic.parquet",
        tumours="results/variants/tumours.parquet",
        clinical="results/cohort/clinical.parquet",
        knowledge=rules.build_knowledge.output,
        targets=KNOWLEDGE["targets"] or [],
        levels=str(REPOSITORY / "resources" / "targets" / "levels.tsv"),
        tables=[TARGETS[name] for name in TARGET_FILES if TARGETS[name]],
    output:
        targets="results/targets/targets.parquet",
        evidence="results/targets/evidence.parquet",
        patients="results/targets/patients.parquet",
        summary="results/targets/summary.json",
    log:
        "logs/rank_targets.log",
    benchmark:
        "logs/benchmarks/rank_targets.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("rank_targets.py"),
        script=script("rank_targets.py"),
        options=" ".join(
            [
                option("--targets", KNOWLEDGE["targets"]),
                option("--disease-column", TARGETS["disease_column"]),
                *[option("--disease", name) for name in TARGETS["disease"]],
                *[option(f"--{name.replace('_', '-')}", TARGETS[name]) for name in TARGET_FILES],
                option("--source-weights", json.dumps(TARGETS["source_weights"], sort_keys=True)),
            ]
        ),
        draws=TARGETS["draws"],
        seed=CONFIG["run"]["seed"],
    shell:
        "python {params.script} --assignments {input.assignments} --annotation {input.annotation}"
        " --genes {input.genes} --bfile results/variants/genotypes --loci {input.loci} --people {input.people}"
        " --sample-qc {input.sample_qc} --compound {input.compound} --classification {input.classification}"
        " --somatic {input.somatic} --tumours {input.tumours} --clinical {input.clinical}"
        " --knowledge results/annotation/knowledge.json {params.options}"
        " --draws {params.draws} --seed {params.seed} --out results/targets > {log} 2>&1"
