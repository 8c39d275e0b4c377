# What can be acted on, ranked by evidence, with its uncertainty.


rule rank_targets:
    """Rank the interventions that a patient's variants, subtype or associated genes point to."""
    input:
        assignments="results/subtypes/assignments.parquet",
        annotation="results/annotation/variants.parquet",
        genes="results/annotation/genes.parquet",
        store=multiext("results/variants/genotypes", ".bed", ".bim", ".fam"),
        loci="results/association/loci.parquet",
        people="results/cohort/people.parquet",
        sample_qc="results/variants/sample_qc.parquet",
        compound="results/annotation/compound.parquet",
        targets=KNOWLEDGE["targets"] or [],
    output:
        "results/targets/targets.parquet",
    log:
        "logs/rank_targets.log",
    benchmark:
        "logs/benchmarks/rank_targets.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("rank_targets.py"),
        script=script("rank_targets.py"),
        targets=option("--targets", KNOWLEDGE["targets"]),
        draws=CONFIG["targets"]["draws"],
        seed=CONFIG["run"]["seed"],
    shell:
        "python {params.script} --assignments {input.assignments} --annotation {input.annotation}"
        " --genes {input.genes} --bfile results/variants/genotypes --loci {input.loci} --people {input.people}"
        " --sample-qc {input.sample_qc} --compound {input.compound} {params.targets} --draws {params.draws} --seed {params.seed}"
        " --out {output} > {log} 2>&1"
