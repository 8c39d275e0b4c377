# How the results came about, told when all of them are there; and how steadily the run went.

from endotype.errors import InputError
from endotype.provenance.events import end_job_records, keep_job_records
from endotype.provenance.stability import write_stability


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


def account():
    """Write how steadily the run went, over all sessions so far; a fault in that is no fault of the run."""
    end_job_records()
    try:
        write_stability(".")
    except (InputError, OSError) as error:
        print(f"endotype: stability.json was not written: {error}", file=sys.stderr)
