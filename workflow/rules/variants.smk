# From variant calls to trusted genotypes.


rule prepare_input:
    """One user's variant file, whatever its form, ready to be read by place."""
    input:
        vcf=lambda wildcards: VARIANT_FILES[int(wildcards.file)],
        samples="results/cohort/samples.parquet",
        files="results/cohort/files.parquet",
        fasta=FASTA,
    output:
        directory("results/variants/inputs/{file}"),
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
        "python {params.script} --vcf {input.vcf:q} --samples {input.samples} --files {input.files}"
        " --file {wildcards.file} {params.fasta} --out {output} > {log} 2>&1"


rule normalise_variants:
    """Split, check against the reference, left-align and deduplicate one shard."""
    input:
        folders=shard_inputs,
        vcf=shard_variant_files,
        people="results/cohort/people.parquet",
        fasta=FASTA,
    output:
        bcf="results/variants/shards/{shard}.bcf",
        others=multiext(
            "results/variants/shards/{shard}",
            ".bcf.csi",
            ".structural.bcf",
            ".structural.bcf.csi",
            ".rejects.tsv",
            ".counts.json",
            ".monomorphic.parquet",
        ),
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
        assembly=REFERENCE["assembly"],
    shell:
        "python {params.script} --vcf {input.folders} {params.fasta} --people {input.people}"
        " --assembly {params.assembly:q} --region {params.region:q} --out {output.bcf} > {log} 2>&1"


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
        hard_filters=json.dumps(CONFIG["variants"]["hard_filters"], sort_keys=True),
    shell:
        "python {params.script} --bcf {input.bcf} --region {params.region:q} --people {input.people}"
        " --assembly {params.assembly:q} --frequencies {input.frequencies}"
        " --pass-filters {params.filters[pass_filters]:q} --min-quality {params.filters[min_quality]}"
        " --hard-filters {params.hard_filters:q}"
        " --min-genotype-quality {params.filters[min_genotype_quality]} --min-depth {params.filters[min_depth]}"
        " --min-allele-balance {params.filters[min_allele_balance]}"
        " --min-call-rate {params.filters[min_call_rate]} --min-hwe-p {params.filters[min_hwe_p]}"
        " --prefix {params.prefix} > {log} 2>&1"


rule merge_genotypes:
    """Join the shards to one genotype store, and account for every record that came in."""
    input:
        collect(
            "results/variants/shards/{shard}{ext}",
            shard=SHARDS,
            ext=[
                ".bed",
                ".bim",
                ".fam",
                ".qc.parquet",
                ".reads.parquet",
                ".rejects.tsv",
                ".counts.json",
                ".monomorphic.parquet",
                ".structural.bcf",
            ],
        ),
        folders=collect("results/variants/inputs/{file}", file=range(len(VARIANT_FILES))),
    output:
        multiext("results/variants/genotypes", ".bed", ".bim", ".fam"),
        qc="results/variants/variant_qc.parquet",
        reads="results/variants/reads.parquet",
        structural=multiext("results/variants/structural", ".bcf", ".bcf.csi"),
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
        "python {params.script} --shards {params.shards} --inputs {input.folders} --out results/variants"
        " > {log} 2>&1"


rule qc_samples:
    """Judge each person's genotypes: calls, depth, sex, contamination, relatives, ancestry."""
    input:
        store=multiext("results/variants/genotypes", ".bed", ".bim", ".fam"),
        qc="results/variants/variant_qc.parquet",
        reads="results/variants/reads.parquet",
        people="results/cohort/people.parquet",
        pedigree=CONFIG["inputs"]["pedigree"] or [],
        panel=PANEL_FILES,
        populations=PANEL["populations"] if PANEL else [],
    output:
        qc="results/variants/sample_qc.parquet",
        metrics="results/variants/sample_metrics.parquet",
        relatedness="results/variants/relatedness.parquet",
        runs="results/variants/roh.parquet",
        ancestry="results/variants/ancestry.parquet",
        loadings="results/variants/ancestry_loadings.parquet",
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
        panel=option("--panel", PANEL and PANEL["genotypes"]),
        populations=option("--populations", PANEL and PANEL["populations"]),
        limits=[
            f"--{name.replace('_', '-')} {value}"
            for name, value in CONFIG["sample_qc"].items()
            if name != "reference_panel"
        ],
    shell:
        "python {params.script} --bfile results/variants/genotypes --variant-qc {input.qc} --reads {input.reads}"
        " --people {input.people} {params.pedigree} --assembly {params.assembly:q} {params.panel}"
        " {params.populations} {params.limits} --out results/variants > {log} 2>&1"


rule prepare_tumours:
    """Bring the tumours' mutations under the keys of the germline variants; without tumours, empty tables."""
    input:
        tumours="results/cohort/tumours.parquet",
        preflight="results/cohort/preflight.json",
        files=TUMOUR_FILES,
        fasta=FASTA,
    output:
        somatic="results/variants/somatic.parquet",
        tumours="results/variants/tumours.parquet",
        rejects="results/variants/somatic_rejects.tsv",
        summary="results/variants/somatic.json",
    log:
        "logs/prepare_tumours.log",
    benchmark:
        "logs/benchmarks/prepare_tumours.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("prepare_tumours.py"),
        script=script("prepare_tumours.py"),
        fasta=option("--fasta", FASTA),
        assembly=REFERENCE["assembly"],
        callable=option("--callable-megabases", CONFIG["tumours"]["callable_megabases"]),
        settings=CONFIG["tumours"],
    shell:
        "python {params.script} --tumours {input.tumours} --preflight {input.preflight} {params.fasta}"
        " --assembly {params.assembly:q} --pass-filters {params.settings[pass_filters]:q} {params.callable}"
        " --hypermutation-per-megabase {params.settings[hypermutation_per_megabase]}"
        " --hypermutation-mads {params.settings[hypermutation_mads]} --out results/variants > {log} 2>&1"


rule measure_callability:
    """What fraction of each gene's coding bases could have shown a variant, for each patient."""
    input:
        people="results/cohort/people.parquet",
        samples="results/cohort/samples.parquet",
        preflight="results/cohort/preflight.json",
        folders=collect("results/variants/inputs/{file}", file=range(len(VARIANT_FILES))),
        coverage=COVERAGE_FILES,
        genes=REFERENCE["genes"] or [],
        fasta=FASTA,
    output:
        "results/variants/callability.parquet",
    log:
        "logs/measure_callability.log",
    benchmark:
        "logs/benchmarks/measure_callability.tsv"
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("measure_callability.py"),
        script=script("measure_callability.py"),
        options=" ".join([option("--genes", REFERENCE["genes"]), option("--fasta", FASTA)]),
        excerpt="--excerpt" if REFERENCE["excerpt"] else "",
        assembly=REFERENCE["assembly"],
        filters=CONFIG["variants"],
    shell:
        "python {params.script} --people {input.people} --samples {input.samples} --preflight {input.preflight}"
        " --inputs {input.folders} {params.options} {params.excerpt} --assembly {params.assembly:q}"
        " --min-depth {params.filters[min_depth]} --threads {threads}"
        " --min-genotype-quality {params.filters[min_genotype_quality]} --out {output} > {log} 2>&1"
