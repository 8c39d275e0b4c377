# What a variant does, what is known of it, and how it came to a patient.

DISEASE_TRAIT = ACMG["ps4_trait"]


rule build_knowledge:
    """Sort, split and normalise the knowledge files once, and record their version and sha256."""
    input:
        sources=KNOWLEDGE_FILES,
        gff=GENES,
        fasta=FASTA,
    output:
        tables=collect("results/annotation/{table}.parquet", table=KNOWLEDGE_TABLES),
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
                option("--sources", json.dumps(KNOWLEDGE["sources"]) if KNOWLEDGE["sources"] else ""),
                option("--max-age-days", KNOWLEDGE["max_age_days"]),
                option("--as-of", KNOWLEDGE["as_of"]),
                option("--gff", GENES),
                option("--fasta", FASTA),
            ]
        ),
        assembly=REFERENCE["assembly"],
    shell:
        "python {params.script} {params.options} --assembly {params.assembly:q} --out results/annotation > {log} 2>&1"


rule predict_effects:
    """What each variant of a shard does to each transcript, with its HGVS names."""
    input:
        bcf="results/variants/shards/{shard}.bcf",
        fasta=FASTA,
        genes=GENES,
    output:
        "results/annotation/shards/{shard}.parquet",
    log:
        "logs/predict_effects/{shard}.log",
    benchmark:
        "logs/benchmarks/predict_effects/{shard}.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("predict_effects.py"),
        script=script("predict_effects.py"),
        options=(" ".join([option("--fasta", FASTA), option("--genes", GENES)]) if GENES else ""),
        assembly=REFERENCE["assembly"],
        distance=CONFIG["annotation"]["distance"],
    shell:
        "python {params.script} --bcf {input.bcf} {params.options} --assembly {params.assembly:q}"
        " --distance {params.distance} --out {output} > {log} 2>&1"


rule call_haplotypes:
    """What variants on one copy of a gene do together in a patient, by bcftools csq."""
    input:
        bcf="results/variants/shards/{shard}.bcf",
        fasta=FASTA,
        genes=GENES,
    output:
        "results/annotation/haplotypes/{shard}.parquet",
    log:
        "logs/call_haplotypes/{shard}.log",
    benchmark:
        "logs/benchmarks/call_haplotypes/{shard}.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("call_haplotypes.py"),
        script=script("call_haplotypes.py"),
        options=(" ".join([option("--fasta", FASTA), option("--genes", GENES)]) if GENES else ""),
        unphased=CONFIG["annotation"]["unphased"],
    shell:
        "python {params.script} --bcf {input.bcf} {params.options} --unphased {params.unphased}"
        " --out {output} > {log} 2>&1"


rule join_haplotypes:
    """The haplotype-aware consequences of all shards as one table."""
    input:
        collect("results/annotation/haplotypes/{shard}.parquet", shard=SHARDS),
    output:
        "results/annotation/haplotypes.parquet",
    log:
        "logs/join_haplotypes.log",
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("join_haplotypes.py"),
        script=script("join_haplotypes.py"),
    shell:
        "python {params.script} --haplotypes {input} --out {output} > {log} 2>&1"


rule annotate_variants:
    """Join effects with all that is known of each allele, by exact allele."""
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


rule trace_inheritance:
    """Zygosity, origin and phase of rare severe variants, and whether they fit the gene."""
    input:
        variants="results/annotation/variants.parquet",
        store=multiext("results/variants/genotypes", ".bed", ".bim", ".fam"),
        people="results/cohort/people.parquet",
        genes="results/annotation/genes.parquet",
        pedigree=CONFIG["inputs"]["pedigree"] or [],
        relatedness="results/variants/relatedness.parquet",
        samples="results/cohort/samples.parquet",
        shards=collect("results/variants/shards/{shard}.bcf", shard=SHARDS),
        alignments=COVERAGE_FILES,
        fasta=FASTA,
    output:
        multiext(
            "results/annotation/",
            "inheritance.parquet",
            "compound.parquet",
            "fit.parquet",
            "segregation.parquet",
            "inheritance.json",
        ),
    log:
        "logs/trace_inheritance.log",
    benchmark:
        "logs/benchmarks/trace_inheritance.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("trace_inheritance.py"),
        script=script("trace_inheritance.py"),
        options=" ".join(
            [
                option("--pedigree", CONFIG["inputs"]["pedigree"]),
                option("--fasta", FASTA),
                *[
                    f"--{key.replace('_', '-')}" + ("" if value is True else f" {value}")
                    for key, value in CONFIG["inheritance"].items()
                    if value is not False
                ],
            ]
        ),
        assembly=REFERENCE["assembly"],
    shell:
        "python {params.script} --variants {input.variants} --bfile results/variants/genotypes"
        " --people {input.people} --genes {input.genes} --relatedness {input.relatedness}"
        " --samples {input.samples} --shards {input.shards} --assembly {params.assembly:q} {params.options}"
        " --out results/annotation > {log} 2>&1"


rule classify_variants:
    """ACMG/AMP criteria of every candidate variant, combined by points and by the rules of 2015."""
    input:
        variants="results/annotation/variants.parquet",
        knowledge=rules.build_knowledge.output,
        genes=GENES,
        fasta=FASTA,
        inheritance="results/annotation/inheritance.parquet",
        compound="results/annotation/compound.parquet",
        segregation="results/annotation/segregation.parquet",
        association=f"results/association/{DISEASE_TRAIT}.parquet" if DISEASE_TRAIT else [],
        tables=[ACMG[key] for key in ("thresholds", "regions", "overrides") if ACMG[key]],
    output:
        multiext(
            "results/annotation/",
            "classification.parquet",
            "criteria.parquet",
            "classification.json",
        ),
    log:
        "logs/classify_variants.log",
    benchmark:
        "logs/benchmarks/classify_variants.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("classify_variants.py"),
        script=script("classify_variants.py"),
        options=" ".join(
            [
                *([option("--genes", GENES), option("--fasta", FASTA)] if GENES else []),
                *[option(f"--{key}", ACMG[key]) for key in ("thresholds", "regions", "overrides")],
                option("--association", DISEASE_TRAIT and f"results/association/{DISEASE_TRAIT}.parquet"),
            ]
        ),
        settings=json.dumps(settings_of(ACMG), sort_keys=True),
    shell:
        "python {params.script} --variants {input.variants} --knowledge results/annotation {params.options}"
        " --inheritance {input.inheritance} --compound {input.compound} --segregation {input.segregation}"
        " --settings {params.settings:q} --out results/annotation > {log} 2>&1"


if CONFIG["annotation"]["compare_imported"]:

    rule compare_imported:
        """The annotation that the variant files came with, and where it differs from the run's own."""
        input:
            shards=collect("results/variants/shards/{shard}.bcf", shard=SHARDS),
            variants="results/annotation/variants.parquet",
            fasta=FASTA,
        output:
            table="results/annotation/imported.parquet",
            summary="results/annotation/imported.json",
        log:
            "logs/compare_imported.log",
        conda:
            "../../envs/endotype.yaml"
        params:
            code=code("import_annotation.py"),
            script=script("import_annotation.py"),
            options=option("--fasta", FASTA),
        shell:
            "python {params.script} --vcf {input.shards} {params.options} --effects {input.variants}"
            " --out {output.table} --summary {output.summary} > {log} 2>&1"
