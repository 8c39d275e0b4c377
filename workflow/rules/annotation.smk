# What a variant does, and what is known of it.


rule build_knowledge:
    """Sort, split and normalise the knowledge files once, and record their version and sha256."""
    input:
        clinical_significance=KNOWLEDGE["clinical_significance"] or [],
        population_frequency=KNOWLEDGE["population_frequency"] or [],
        gene_table=KNOWLEDGE["genes"] or [],
        gff=GENES,
        fasta=FASTA,
    output:
        clinical_significance="results/annotation/clinical_significance.parquet",
        population_frequency="results/annotation/population_frequency.parquet",
        genes="results/annotation/genes.parquet",
        summary="results/annotation/knowledge.json",
    log:
        "logs/build_knowledge.log",
    benchmark:
        "logs/benchmarks/build_knowledge.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("build_knowledge.py"),
        script=script("build_knowledge.py"),
        options=" ".join(
            [
                option("--clinical-significance", KNOWLEDGE["clinical_significance"]),
                option("--population-frequency", KNOWLEDGE["population_frequency"]),
                option("--genes", KNOWLEDGE["genes"]),
                option("--gff", GENES),
                option("--fasta", FASTA),
            ]
        ),
        assembly=REFERENCE["assembly"],
    shell:
        "python {params.script} {params.options} --assembly {params.assembly:q} --out results/annotation > {log} 2>&1"


rule call_consequences:
    """What each variant of a shard does to each transcript, by bcftools csq."""
    input:
        bcf="results/variants/shards/{shard}.bcf",
        fasta=FASTA,
        genes=GENES,
    output:
        "results/annotation/shards/{shard}.parquet",
    log:
        "logs/call_consequences/{shard}.log",
    benchmark:
        "logs/benchmarks/call_consequences/{shard}.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("call_consequences.py"),
        script=script("call_consequences.py"),
        options=(" ".join([option("--fasta", FASTA), option("--genes", GENES)]) if GENES else ""),
    shell:
        "python {params.script} --bcf {input.bcf} {params.options} --out {output} > {log} 2>&1"


rule annotate_variants:
    """Join consequences, population frequency and clinical significance by exact allele."""
    input:
        variant_qc="results/variants/variant_qc.parquet",
        consequences=collect("results/annotation/shards/{shard}.parquet", shard=SHARDS),
        knowledge=rules.build_knowledge.output,
    output:
        "results/annotation/variants.parquet",
    log:
        "logs/annotate_variants.log",
    benchmark:
        "logs/benchmarks/annotate_variants.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("annotate_variants.py"),
        script=script("annotate_variants.py"),
    shell:
        "python {params.script} --variant-qc {input.variant_qc} --consequences {input.consequences}"
        " --knowledge results/annotation --out {output} > {log} 2>&1"
