# From variant calls to trusted genotypes.


rule prepare_input:
    """One user's variant file, whatever its form, as an indexed BCF with patients' ids."""
    input:
        vcf=lambda wildcards: VARIANT_FILES[int(wildcards.file)],
        samples="results/cohort/samples.parquet",
        fasta=FASTA,
    output:
        bcf="results/variants/inputs/{file}.bcf",
        index="results/variants/inputs/{file}.bcf.csi",
    log:
        "logs/prepare_input/{file}.log",
    benchmark:
        "logs/benchmarks/prepare_input/{file}.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("prepare_input.py"),
        script=script("prepare_input.py"),
        fasta=option("--fasta", FASTA),
    shell:
        "python {params.script} --vcf {input.vcf:q} --samples {input.samples} --file {wildcards.file}"
        " {params.fasta} --out {output.bcf} > {log} 2>&1"


rule normalise_variants:
    """Split, check against the reference, left-align and deduplicate one shard."""
    input:
        bcf=lambda wildcards: shard_inputs(wildcards, "bcf"),
        index=lambda wildcards: shard_inputs(wildcards, "bcf.csi"),
        people="results/cohort/people.parquet",
        fasta=FASTA,
    output:
        bcf="results/variants/shards/{shard}.bcf",
        index="results/variants/shards/{shard}.bcf.csi",
        rejects="results/variants/shards/{shard}.rejects.tsv",
        counts="results/variants/shards/{shard}.counts.json",
    log:
        "logs/normalise_variants/{shard}.log",
    benchmark:
        "logs/benchmarks/normalise_variants/{shard}.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("normalise_variants.py"),
        script=script("normalise_variants.py"),
        fasta=option("--fasta", FASTA),
        region=region,
        names=lambda wildcards: [VARIANT_FILES[i] for i in shard_files(wildcards)],
    shell:
        "python {params.script} --vcf {input.bcf} --name {params.names:q} {params.fasta} --people {input.people}"
        " --region {params.region:q} --out {output.bcf} --rejects {output.rejects} --counts {output.counts} > {log} 2>&1"


rule pack_genotypes:
    """Filter genotypes and sites of one shard and pack what is kept, 2 bits a call."""
    input:
        bcf="results/variants/shards/{shard}.bcf",
        people="results/cohort/people.parquet",
        frequencies="results/annotation/population_frequency.parquet",
    output:
        multiext("results/variants/shards/{shard}", ".bed", ".bim", ".fam", ".qc.parquet", ".reads.parquet"),
    log:
        "logs/pack_genotypes/{shard}.log",
    benchmark:
        "logs/benchmarks/pack_genotypes/{shard}.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("pack_genotypes.py"),
        script=script("pack_genotypes.py"),
        prefix=subpath(output[0], strip_suffix=".bed"),
        region=region,
        assembly=REFERENCE["assembly"],
        filters=CONFIG["variants"],
    shell:
        "python {params.script} --bcf {input.bcf} --region {params.region:q} --people {input.people}"
        " --assembly {params.assembly:q} --frequencies {input.frequencies}"
        " --pass-filters {params.filters[pass_filters]:q} --min-quality {params.filters[min_quality]}"
        " --min-genotype-quality {params.filters[min_genotype_quality]} --min-depth {params.filters[min_depth]}"
        " --min-call-rate {params.filters[min_call_rate]} --min-hwe-p {params.filters[min_hwe_p]}"
        " --prefix {params.prefix} > {log} 2>&1"


rule merge_genotypes:
    """Join the shards to one genotype store, and account for every record that came in."""
    input:
        collect(
            "results/variants/shards/{shard}{ext}",
            shard=SHARDS,
            ext=[".bed", ".bim", ".fam", ".qc.parquet", ".reads.parquet", ".rejects.tsv", ".counts.json"],
        ),
    output:
        multiext("results/variants/genotypes", ".bed", ".bim", ".fam"),
        qc="results/variants/variant_qc.parquet",
        reads="results/variants/reads.parquet",
        rejects="results/variants/rejects.tsv",
        flow="results/variants/flow.json",
    log:
        "logs/merge_genotypes.log",
    benchmark:
        "logs/benchmarks/merge_genotypes.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("merge_genotypes.py"),
        script=script("merge_genotypes.py"),
        shards=[f"results/variants/shards/{shard}" for shard in SHARDS],
    shell:
        "python {params.script} --shards {params.shards} --out results/variants > {log} 2>&1"


rule qc_samples:
    """Judge each person's genotypes: call rate, sex, contamination, relatives, ancestry."""
    input:
        store=multiext("results/variants/genotypes", ".bed", ".bim", ".fam"),
        qc="results/variants/variant_qc.parquet",
        reads="results/variants/reads.parquet",
        people="results/cohort/people.parquet",
        pedigree=CONFIG["inputs"]["pedigree"] or [],
    output:
        qc="results/variants/sample_qc.parquet",
        relatedness="results/variants/relatedness.parquet",
        ancestry="results/variants/ancestry.parquet",
        summary="results/variants/ancestry.json",
    log:
        "logs/qc_samples.log",
    benchmark:
        "logs/benchmarks/qc_samples.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("qc_samples.py"),
        script=script("qc_samples.py"),
        assembly=REFERENCE["assembly"],
        pedigree=option("--pedigree", CONFIG["inputs"]["pedigree"]),
        limits=CONFIG["sample_qc"],
    shell:
        "python {params.script} --bfile results/variants/genotypes --variant-qc {input.qc} --reads {input.reads}"
        " --people {input.people} {params.pedigree} --assembly {params.assembly:q}"
        " --min-call-rate {params.limits[min_call_rate]} --max-contamination {params.limits[max_contamination]}"
        " --max-kinship {params.limits[max_kinship]} --heterozygosity-mads {params.limits[heterozygosity_mads]}"
        " --principal-components {params.limits[principal_components]} --out results/variants > {log} 2>&1"
