"""A real run proves itself: its records lead back from every claim, and damage is noticed everywhere."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from endotype.annotation.haplotypes import join_haplotypes
from endotype.files import read_json
from endotype.provenance.lineage import trace_claim
from endotype.provenance.lineage_page import chain_page
from endotype.provenance.manifest import read_manifest
from endotype.provenance.verify import changed_since, verify_run
from endotype.variants.merge import merge_shards

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(finished) -> Path:
    return finished.results


def test_the_run_is_what_it_was(results, finished):
    report = verify_run(results, config=finished.workdir / "config.yaml")
    assert report["equal"] and report["records"] == []
    assert not changed_since(report), {k: report[k] for k in ("inputs", "parameters", "software", "code")}


def test_every_result_has_a_job_and_every_job_its_code(results):
    jobs = read_json(results / "provenance" / "jobs.json")
    made = [path for job in jobs for path in job["outputs"]]
    assert len(made) == len(set(made))
    for name in read_manifest(results / "provenance" / "manifest.sha256"):
        # Other forms of a report stand beside its page and are not tracked.
        path = re.sub(r"(reports/[^/]+/)[\w.]+$", r"\1report.html", f"results/{name}")
        path = path if path in made else f"results/{name}"
        assert any(path == m or path.startswith(f"{m}/") for m in made), name
    assert all(job["script"] and job["code"] for job in jobs)
    assert {job["rule"] for job in jobs} > {"merge_genotypes", "write_manifest", "render_reports_0"}


def test_every_claim_of_a_patient_is_traced_to_rows_that_are_there(results):
    reports = sorted((results / "reports").glob("*/report.json"))
    claims = {path.parent.name: read_json(path)["claims"] for path in reports}
    seen: set[str] = set()
    for patient, listed in claims.items():
        for claim in listed:
            if claim["type"] in seen:
                continue
            seen.add(claim["type"])
            chain = trace_claim(results, patient, claim["id"])
            assert [row["key"] for row in chain["rows"] if not row["found"]] == []
            assert chain["inputs"] and chain["steps"][0]["jobs"][0]["command"]
            assert all(job["code"] == job["code_now"] for step in chain["steps"] for job in step["jobs"])
            assert claim["text"].split()[0] in chain_page(chain)
            if claim["type"] == "variant":
                calls = [r for i in chain["inputs"] for r in i["records"] if "sample" in r]
                assert calls and all(call["records"] for call in calls), claim["id"]
                shards = [s for s in chain["steps"] if s["rule"] == "normalise_variants"]
                assert len(shards[0]["jobs"]) == 1
    assert seen >= {"quality", "variant", "subtype", "target", "association"}


def test_the_crate_is_read_by_another_program(results):
    crate = ROCrate(str(results))
    files = [e for e in crate.data_entities if "File" in e.type]
    assert len(files) > len(read_manifest(results / "provenance" / "manifest.sha256"))
    assert all((results / e["name"]).is_file() for e in files if e["name"] != "Endotype")
    assert crate.mainEntity.id == "provenance/workflow/Snakefile"


def test_the_account_of_an_undisturbed_run(results):
    found = read_json(results / "provenance" / "stability.json")
    assert found["sessions"]["killed"] == 0 and found["failures"]["total"] == 0
    assert found["jobs"] == found["succeeded"] == found["attempts"] > 40
    assert found["peak_memory_mb"] > 50 and found["cpu_seconds"] > 1
    assert found["failure_rate"]["wilson_95"][0] == 0


def test_the_numbers_of_the_methods_are_those_of_the_run(results):
    text = (results / "provenance" / "methods.md").read_text()
    flow = read_json(results / "variants" / "flow.json")
    selection = read_json(results / "subtypes" / "selection.json")
    assert f"{flow['variants_kept']:,} variants were kept" in text
    assert f"{flow['alleles_in']:,} alleles" in text
    assert re.search(rf"\b{selection['k']} groups? resulted", text)
    assert "a depth under 10" in text and "doi:10.12688/f1000research.29032.2" in text


class TestGathers:
    """A shard that was dropped or cut off stops what gathers the shards; it never makes a smaller table."""

    @pytest.fixture
    def shards(self, results, tmp_path) -> list[str]:
        shutil.copytree(results / "variants" / "shards", tmp_path / "shards")
        jobs = read_json(results / "provenance" / "jobs.json")
        merge = next(job for job in jobs if job["rule"] == "merge_genotypes")
        names = merge["command"].split("--shards ")[1].split(" --inputs")[0].split()
        return [str(tmp_path / "shards" / Path(name).name) for name in names]

    def test_whole_shards_give_the_result_of_the_run(self, shards, results, tmp_path):
        merge_shards(shards, [results / "variants" / "inputs" / "0"], tmp_path / "out")
        for name in ("genotypes.bed", "variant_qc.parquet", "flow.json", "rejects.tsv"):
            assert (tmp_path / "out" / name).read_bytes() == (results / "variants" / name).read_bytes()

    @pytest.mark.parametrize(
        "kind", ["bed", "fam", "qc.parquet", "reads.parquet", "counts.json", "structural.bcf"]
    )
    def test_a_file_that_was_cut_off_is_noticed(self, shards, results, tmp_path, kind):
        path = Path(f"{shards[0]}.{kind}")
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * 2 // 3])
        with pytest.raises(Exception, match=r".") as raised:
            merge_shards(shards, [results / "variants" / "inputs" / "0"], tmp_path / "out")
        assert not isinstance(raised.value, AssertionError)
        assert not (tmp_path / "out" / "flow.json").exists()

    def test_a_shard_that_was_dropped_is_noticed(self, shards, results, tmp_path):
        with pytest.raises(Exception, match="records"):
            merge_shards(shards[1:], [results / "variants" / "inputs" / "0"], tmp_path / "out")

    def test_haplotypes_that_were_cut_off_are_noticed(self, results, tmp_path):
        path = next((results / "annotation" / "haplotypes").glob("1_*.parquet"))
        (tmp_path / "a.parquet").write_bytes(path.read_bytes()[:-1])
        with pytest.raises(Exception, match=r"(?i)parquet|footer|magic"):
            join_haplotypes([tmp_path / "a.parquet"], tmp_path / "out.parquet")


def test_a_deleted_report_and_a_deleted_page_are_made_again(finished, tmp_path):
    """Of a copy, planned only: the batches that must run, and nothing before them."""
    shutil.copytree(finished.workdir, tmp_path / "run", copy_function=shutil.copy2)
    folder = tmp_path / "run" / "results" / "reports" / "P0003"
    copy = type(finished)(tmp_path / "run", finished.workdir / "cohort")
    (folder / "report.html").unlink()
    page = copy.planned()
    assert "render_reports" in page and not page & {"write_reports", "rank_targets"}
    (folder / "report.json").unlink()
    both = copy.planned()
    assert {"write_reports", "render_reports"} <= both and "rank_targets" not in both


def test_sessions_of_the_run_are_kept(finished):
    records = sorted((finished.workdir / "logs" / "sessions").glob("*.jsonl"))
    events = [json.loads(line)["event"] for line in records[0].read_text().splitlines()]
    assert events[0] == "session" and events[-1] == "end"
