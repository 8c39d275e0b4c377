# What a variant or a gene is associated with.


rule prepare_design:
    """Traits, covariates and who is analysed, as one table; what was left out is named with the reason."""
    input:
        clinical="results/cohort/clinical.parquet",
        dictionary="results/cohort/dictionary.json",
        people="results/cohort/people.parquet",
        sample_qc="results/variants/sample_qc.parquet",
        relatedness="results/variants/relatedness.parquet",
        ancestry="results/variants/ancestry.parquet",
    output:
        design="results/association/design.parquet",
        info="results/association/design.json",
    log:
        "logs/prepare_design.log",
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("prepare_design.py"),
        script=script("prepare_design.py"),
        max_kinship=CONFIG["sample_qc"]["max_kinship"],
        components=CONFIG["association"]["principal_components"],
        split=split_options(),
    shell:
        "python {params.script} --clinical {input.clinical} --dictionary {input.dictionary} --people {input.people}"
        " --sample-qc {input.sample_qc} --relatedness {input.relatedness} --ancestry {input.ancestry}"
        " --max-kinship {params.max_kinship} --principal-components {params.components} {params.split}"
        " --out results/association > {log} 2>&1"


rule associate:
    """Test every variant of a shard against every trait."""
    input:
        store=multiext("results/variants/genotypes", ".bed", ".bim", ".fam"),
        design="results/association/design.parquet",
        info="results/association/design.json",
        predictions=PREDICTIONS,
    output:
        "results/association/shards/{shard}.parquet",
    log:
        "logs/associate/{shard}.log",
    benchmark:
        "logs/benchmarks/associate/{shard}.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("associate.py"),
        script=script("associate.py"),
        region=region,
        min_allele_count=CONFIG["association"]["min_allele_count"],
        test=CONFIG["association"]["binary_test"],
        screen=CONFIG["association"]["screen"],
        missing=CONFIG["association"]["missing"],
        alpha=CONFIG["association"]["alpha"],
        predictions=option("--loco-pred", CONFIG["association"]["loco_predictions"]),
    shell:
        "python {params.script} --bfile results/variants/genotypes --design {input.design} --design-info {input.info}"
        " --region {params.region:q} --min-allele-count {params.min_allele_count} --test {params.test} --screen {params.screen}"
        " --missing {params.missing} --alpha {params.alpha} {params.predictions} --threads {threads}"
        " --out {output} > {log} 2>&1"


rule associate_genes:
    """Sets of rare damaging variants of each gene, and the user's own sets, against every trait."""
    input:
        store=multiext("results/variants/genotypes", ".bed", ".bim", ".fam"),
        annotation="results/annotation/variants.parquet",
        genes="results/annotation/genes.parquet",
        design="results/association/design.parquet",
        info="results/association/design.json",
        set_file=CONFIG["association"]["set_file"] or [],
    output:
        sets="results/association/sets.parquet",
        genes="results/association/genes.parquet",
        leave_one_out="results/association/leave_one_out.parquet",
        dropped="results/association/sets.dropped.tsv",
    log:
        "logs/associate_genes.log",
    benchmark:
        "logs/benchmarks/associate_genes.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("associate_genes.py"),
        script=script("associate_genes.py"),
        masks=json.dumps(CONFIG["association"]["masks"]),
        max_frequency=CONFIG["association"]["gene_max_frequency"],
        min_carriers=CONFIG["association"]["gene_min_carriers"],
        tests=",".join(CONFIG["association"]["set_tests"]),
        set_file=option("--set-file", CONFIG["association"]["set_file"]),
        alpha=CONFIG["association"]["alpha"],
    shell:
        "python {params.script} --bfile results/variants/genotypes --annotation {input.annotation}"
        " --genes {input.genes} --design {input.design} --design-info {input.info} --masks {params.masks:q}"
        " --max-frequency {params.max_frequency} --min-carriers {params.min_carriers} --set-tests {params.tests}"
        " {params.set_file} --alpha {params.alpha} --threads {threads} --out-dir results/association > {log} 2>&1"


rule summarise_association:
    """One table and one picture a trait, and the independent loci of all."""
    input:
        shards=collect("results/association/shards/{shard}.parquet", shard=SHARDS),
        sets=rules.associate_genes.output,
        info="results/association/design.json",
        annotation="results/annotation/variants.parquet",
        gene_table="results/annotation/genes.parquet",
        bim="results/variants/genotypes.bim",
    output:
        collect(
            "results/association/{trait}{ext}",
            trait=TRAITS,
            ext=[".parquet", ".genes.parquet", ".sets.parquet", ".svg"],
        ),
        loci="results/association/loci.parquet",
        summary="results/association/summary.json",
    log:
        "logs/summarise_association.log",
    benchmark:
        "logs/benchmarks/summarise_association.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("summarise_association.py"),
        script=script("summarise_association.py"),
        alpha=CONFIG["association"]["alpha"],
        window=CONFIG["association"]["locus_window"],
    shell:
        "python {params.script} --shards {input.shards} --sets results/association --design-info {input.info}"
        " --annotation {input.annotation} --gene-table {input.gene_table} --bim {input.bim} --alpha {params.alpha} --locus-window {params.window}"
        " --out-dir results/association > {log} 2>&1"


rule plot_association:
    """QQ plots by frequency, regional plots with linkage and genes, the forest plot, and their data."""
    input:
        results=rules.summarise_association.output,
        design="results/association/design.parquet",
        info="results/association/design.json",
        store=multiext("results/variants/genotypes", ".bed", ".bim", ".fam"),
        genes=GENES or "results/annotation/genes.parquet",
    output:
        directory("results/association/plots"),
    log:
        "logs/plot_association.log",
    benchmark:
        "logs/benchmarks/plot_association.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("plot_association.py"),
        script=script("plot_association.py"),
    shell:
        "python {params.script} --association results/association --bfile results/variants/genotypes"
        " --genes {input.genes:q} --out-dir {output} > {log} 2>&1"


if GWAS_SSF:

    rule export_sumstats:
        """Results as GWAS-SSF, the format of the GWAS Catalog."""
        input:
            results=rules.summarise_association.output,
            dictionary="results/cohort/dictionary.json",
        output:
            directory("results/association/gwas_ssf"),
        log:
            "logs/export_sumstats.log",
        conda:
            "../../envs/endotype.yaml"
        params:
            code=code("export_sumstats.py"),
            script=script("export_sumstats.py"),
            assembly=REFERENCE["assembly"],
            settings=json.dumps(GWAS_SSF, sort_keys=True),
        shell:
            "python {params.script} --association results/association --dictionary {input.dictionary}"
            " --assembly {params.assembly:q} --settings {params.settings:q} --out-dir {output} > {log} 2>&1"
