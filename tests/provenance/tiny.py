"""A finished run of two patients in a few files, with the records that Snakemake leaves of it."""

from __future__ import annotations

import gzip
import json
from base64 import urlsafe_b64encode
from pathlib import Path

import pandas as pd
import yaml

from endotype.config import complete
from endotype.digest import code_digest
from endotype.files import write_json
from endotype.provenance.inputs import write_provenance
from endotype.provenance.manifest import write_manifest
from endotype.provenance.record import write_record
from endotype.tables import write_parquet

ROOT = Path(__file__).parents[2]
VARIANT = "1:100:A:G"
CLINICAL = "patient\tage\nP1\t50\nP2\t\x1b[31m61\n"
VCF = """##fileformat=VCFv4.2
##contig=<ID=1,length=1000>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\tS2
1\t100\trs1\tA\tC,G\t50\tPASS\t.\tGT\t0/2\t0/0
1\t900\t.\tC\tT\t50\tPASS\t.\tGT\t0/1\t0/0
"""


def make_run(folder: Path) -> Path:
    """Write the run into ``folder`` and return its results."""
    results = folder / "results"
    (folder / "cohort").mkdir(parents=True)
    (folder / "cohort" / "clinical.tsv").write_text(CLINICAL)
    with gzip.open(folder / "cohort" / "calls.vcf.gz", "wt") as stream:
        stream.write(VCF)
    config = complete(yaml.safe_load((ROOT / "config" / "demo.yaml").read_text()), "demo.yaml")
    config.pop("engine")
    inputs = [f"{folder}/cohort/clinical.tsv", f"{folder}/cohort/calls.vcf.gz"]
    write_provenance(config, inputs, results / "provenance")
    hashes = json.loads((results / "provenance" / "inputs.json").read_text())
    for entry in hashes:
        entry["path"] = entry["path"].removeprefix(f"{folder}/")
    write_json(results / "provenance" / "inputs.json", hashes)
    people = pd.DataFrame({"patient": ["P1", "P2"]})
    write_parquet(people, results / "cohort" / "people.parquet")
    variants = {"variant_id": [VARIANT, VARIANT], "gene": ["G1", "G1"], "transcript": ["T1", "T2"]}
    write_parquet(pd.DataFrame(variants), results / "annotation" / "variants.parquet")
    calls = people.assign(subtype=["S1", None], call=["called", "no call"])
    write_parquet(calls, results / "subtypes" / "assignments.parquet")
    (results / "subtypes" / "pictures").mkdir()
    (results / "subtypes" / "pictures" / "a b.svg").write_text("<svg/>")
    (results / "variants" / "shards").mkdir(parents=True)
    for shard in ("1_1_500", "1_501_1000"):
        (results / "variants" / "shards" / f"{shard}.bcf").write_text(shard)
    vcf = next(entry for entry in hashes if entry["path"].endswith(".gz"))
    for patient, sample in (("P1", "S1"), ("P2", "S2")):
        write_json(results / "reports" / patient / "report.json", {"claims": _claims(patient, sample, vcf)})
    _snakemake(folder)
    write_manifest(results, results / "provenance" / "manifest.sha256")
    write_record(results, folder)
    return results


def _claims(patient: str, sample: str, vcf: dict) -> list[dict]:
    place = {"chrom": "1", "pos": 100, "ref": "A", "alt": "G", "genotype": "0/1"}
    nowhere = dict.fromkeys(["sha256", *place])
    common = {
        "evidence": [],
        "limits": [],
        "confidence": {"word": "likely", "value": 0.9, "kind": "posterior probability"},
    }
    return [
        common
        | {
            "id": "subtype-0123",
            "type": "subtype",
            "text": "Subtype S1.",
            "input": [nowhere | {"file": "subtypes/assignments.parquet", "key": patient}],
        },
        common
        | {
            "id": "variant-0456",
            "type": "variant",
            "text": "G1 \x1b]0;gone\x07\u202e variant.",
            "input": [
                {"sha256": None, "file": "annotation/variants.parquet", "key": VARIANT, **place},
                {"file": "calls.vcf.gz", "key": sample, "sha256": vcf["sha256"], **place},
            ],
        },
        common | {"id": "variant-0789", "type": "variant", "text": "Another.", "input": []},
    ]


def _snakemake(folder: Path) -> None:
    """Records as Snakemake 9 keeps them, of six jobs."""
    shards = ["results/variants/shards/1_1_500.bcf", "results/variants/shards/1_501_1000.bcf"]
    tables = ["results/subtypes/assignments.parquet", "results/annotation/variants.parquet"]
    reports = [f"results/reports/{patient}/report.json" for patient in ("P1", "P2")]
    inputs = ["cohort/clinical.tsv", "cohort/calls.vcf.gz"]
    job(folder, "check_inputs", inputs[:1], ["results/cohort/people.parquet"])
    for shard in shards:
        job(folder, "normalise_variants", [inputs[1]], [shard], f"--min-depth 10 --out {shard}")
    job(folder, "annotate_variants", shards, tables[1:])
    job(folder, "assign_subtypes", ["results/cohort/people.parquet"], tables[:1])
    levels = f"{ROOT}/resources/targets/levels.tsv"
    job(folder, "plot_subtypes", [tables[0], levels], ["results/subtypes/pictures"], f"--levels {levels}")
    job(folder, "write_reports_0", tables, reports, script="write_reports")


def job(
    folder: Path,
    rule: str,
    inputs: list[str],
    outputs: list[str],
    options: str = "",
    script: str = "",
    **more,
) -> None:
    """The records of one job, one for each of its outputs."""
    path = ROOT / "scripts" / f"{script or rule}.py"
    record = {
        "rule": rule,
        "input": inputs,
        "log": [f"logs/{rule}.log"],
        "shellcmd": f"python {path} {options} > logs/{rule}.log 2>&1",
        "params": ["['a', 'b']", f"'{code_digest(path)}'", f"'{path}'"],
        "incomplete": False,
    }
    for output in outputs:
        name = urlsafe_b64encode(output.encode()).decode()
        file = folder / ".snakemake" / "metadata" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(record | more))
