# How the results came about, told when all of them are there.


rule write_record:
    """Commands of all jobs, the workflow itself, methods in words, and the RO-Crate that ties it together."""
    input:
        manifest="results/provenance/manifest.sha256",
        inputs="results/provenance/inputs.json",
        software="results/provenance/software.json",
        config="results/provenance/config.json",
    output:
        "results/provenance/jobs.json",
        "results/provenance/methods.md",
        directory("results/provenance/workflow"),
        crate="results/ro-crate-metadata.json",
    log:
        "logs/write_record.log",
    conda:
        "../../envs/endotype.yaml"
    params:
        code=code("write_record.py"),
        script=script("write_record.py"),
        # A stage that was edited and gave the same results again changes nothing but this record.
        codes=sorted(CODE_DIGESTS),
    shell:
        "python {params.script} --results results > {log} 2>&1"
