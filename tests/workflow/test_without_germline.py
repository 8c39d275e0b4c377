"""A cohort of tumours whose people have no germline calls runs through the whole workflow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from endotype.variants.plink import open_store
from tests.once import once
from tests.workflow.conftest import ROOT

pytestmark = pytest.mark.slow

N = 80
"""Patients in two equal groups; the first has two tumours, the last none."""

CONFIG = {
    "run": {"name": "Simulated tumours", "seed": 3},
    "inputs": {
        "samples": None,
        "tumours": "tumours.tsv",
        "clinical": "clinical.tsv",
        "dictionary": "dictionary.yaml",
    },
    "reference": {"assembly": "GRCh37", "allow_missing": True},
    "subtypes": {"max_k": 2, "restarts": 5, "resamples": 5, "outcome_permutations": 100},
    "targets": {"draws": 50},
    "reports": {"batches": 1},
}

DICTIONARY = {
    "columns": {
        "patient": {"role": "identifier"},
        "sex": {"type": "category", "values": ["female", "male"], "role": "covariate"},
        "grade": {"type": "category", "values": ["G2", "G3"], "role": "covariate"},
        "lesions": {"type": "count", "role": "covariate"},
        "known_class": {"type": "category", "role": "label"},
        **{f"marker_{i}": {"type": "number", "role": "feature"} for i in range(1, 7)},
        "time": {"type": "number", "unit": "days", "role": "outcome"},
        "died": {"type": "binary", "role": "outcome"},
    },
    "outcomes": {"survival": {"time": "time", "event": "died"}},
}


def write_cohort(folder: Path) -> None:
    """Two groups three standard deviations apart in six markers, one of them with a common hotspot."""
    rng = np.random.default_rng(4)
    patients = [f"P{i:03d}" for i in range(N)]
    group = np.arange(N) % 2
    table = pd.DataFrame({"patient": patients, "sex": np.where(np.arange(N) % 3, "female", "male")})
    table["grade"] = np.where(rng.random(N) < 0.5, "G2", "G3")
    table["lesions"] = rng.poisson(2, N)
    table["known_class"] = np.where(group, "B", "A")
    for i in range(1, 7):
        table[f"marker_{i}"] = (rng.normal(0, 1, N) + 3 * group * (-1) ** i).round(3)
    table["time"], table["died"] = rng.exponential(500 + 1500 * group).round(), rng.integers(0, 2, N)
    table.to_csv(folder / "clinical.tsv", sep="\t", index=False)
    tumours = [(p, f"{p}-T1") for p in patients[:-1]] + [(patients[0], f"{patients[0]}-T2")]
    sheet = pd.DataFrame(tumours, columns=["patient", "tumour"]).assign(
        normal="", file_type="maf", path="all.maf"
    )
    sheet.to_csv(folder / "tumours.tsv", sep="\t", index=False)
    rows = []
    for patient, tumour in tumours:
        genes = [f"GENE{g}" for g in rng.integers(0, 40, 6)] + ["IDH1"] * bool(group[patients.index(patient)])
        for gene in dict.fromkeys(genes):
            at = 209_113_112 if gene == "IDH1" else 1_000_000 + 1000 * int(gene[4:])
            rows.append((gene, "GRCh37", "2", at, at, "Missense_Mutation", "C", "C", "T", tumour, 30, 20))
    columns = [
        "Hugo_Symbol", "NCBI_Build", "Chromosome", "Start_Position", "End_Position", "Variant_Classification",
        "Reference_Allele", "Tumor_Seq_Allele1", "Tumor_Seq_Allele2", "Tumor_Sample_Barcode",
        "t_ref_count", "t_alt_count",
    ]  # fmt: skip
    pd.DataFrame(rows, columns=columns).to_csv(folder / "all.maf", sep="\t", index=False)
    (folder / "dictionary.yaml").write_text(yaml.safe_dump(DICTIONARY, sort_keys=False))
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--directory", str(folder), "--configfile", str(folder / "config.yaml"), "--cores", "2"),
    ]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    def make(folder: Path) -> None:
        folder.mkdir()
        write_cohort(folder)
        done = snakemake(folder)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]

    return once(tmp_path_factory, "tumours_only", make) / "results"


def load(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_genotype_store_is_empty_and_no_shard_was_made(results):
    store = open_store(results / "variants" / "genotypes")
    assert (store.n_people, store.n_variants) == (0, 0)
    assert not (results / "variants" / "shards").exists()
    assert load(results / "variants" / "flow.json")["alleles_in"] == 0


def test_the_empty_tables_have_the_columns_and_types_of_full_ones(results, finished):
    """But for columns that are of the traits, features or sources of a run."""
    of_the_run = {"association/design.parquet", "cohort/clinical.parquet", "subtypes/features.parquet"}
    wrong = {}
    for path in sorted(results.rglob("*.parquet")):
        name = path.relative_to(results).as_posix()
        full = finished.results / name
        if name in of_the_run or not full.is_file():
            continue
        types = [
            {f.name: str(f.type).removeprefix("large_") for f in pq.read_schema(p)} for p in (full, path)
        ]
        shared = types[0].keys() & types[1].keys()
        differing = {c: (types[0][c], types[1][c]) for c in shared if types[0][c] != types[1][c]}
        differing = {c: pair for c, pair in differing.items() if "null" not in pair}
        if differing or (types[1].keys() - types[0].keys()):
            wrong[name] = differing, types[1].keys() - types[0].keys()
    assert wrong == {}


def test_people_without_germline_calls_are_divided_and_called(results):
    selection = load(results / "subtypes" / "selection.json")
    assert (selection["n_patients"], selection["k"]) == (N, 2)
    calls = pd.read_parquet(results / "subtypes" / "assignments.parquet").set_index("patient")
    known = pd.read_parquet(results / "cohort" / "clinical.parquet").set_index("patient")["known_class"]
    called = calls[calls["call"] == "called"]["subtype"]
    assert len(called) > 0.9 * N
    assert (pd.crosstab(called, known[called.index]).to_numpy() > 0).sum() == 2  # each subtype one class


def test_a_label_is_no_feature(results):
    features = load(results / "subtypes" / "features.json")["features"]
    assert not any("known_class" in feature["name"] for feature in features)


def test_nothing_of_the_germline_passes_or_is_negative(results):
    reports = sorted((results / "reports").glob("*/report.json"))
    assert len(reports) == N
    for path in reports:
        report = load(path)
        for chapter in ("variants", "associations", "quality"):
            assert report[chapter]["status"] == "not_assessed", (path, chapter)
        assert report["quality"]["verdict"] is None and report["patient"]["sex_inferred"] is None
        assert "not a negative result" in report["key_findings"]["statement"]
        assert "germline variants" in {row["topic"] for row in report["not_assessed"]}
        assert report["patient"]["sex_declared"] in ("female", "male")
    page = (results / "reports" / "index.html").read_text(encoding="utf-8")
    assert "Not assessed: nobody has germline calls." in page and "No locus reached" not in page
    assert "nothing on this page was assessed" in (results / "reports" / "qc.html").read_text()


def test_the_tumours_are_in_the_reports(results):
    first, last = (load(results / "reports" / f"P{i:03d}" / "report.json") for i in (0, N - 1))
    assert [item["tumour"] for item in first["tumours"]["items"]] == ["P000-T1", "P000-T2"]
    assert last["tumours"]["status"] == "not_assessed" and last["patient"]["n_tumours"] == 0
    second = load(results / "reports" / "P001" / "report.json")["tumours"]["items"][0]
    assert second["mutations"][0]["gene"] == "IDH1" and second["mutations"][0]["vaf"] == 0.4


def test_a_second_run_has_nothing_to_do(results):
    done = snakemake(results.parent, "--dry-run")
    assert "Nothing to be done" in done.stdout + done.stderr


def test_without_anything_that_tells_patients_apart_no_job_is_planned(results, tmp_path):
    config = CONFIG | {"inputs": CONFIG["inputs"] | {"tumours": None}}
    write_cohort(tmp_path)
    dictionary = DICTIONARY["columns"] | {f"marker_{i}": {"role": "ignore"} for i in range(1, 7)}
    (tmp_path / "dictionary.yaml").write_text(yaml.safe_dump(DICTIONARY | {"columns": dictionary}))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    done = snakemake(tmp_path)
    assert done.returncode == 2 and "something that tells the patients apart" in done.stderr
    assert not (tmp_path / "results").exists()
