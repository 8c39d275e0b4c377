"""A finished run is checked against its manifest, and what made it with what there is now."""

from __future__ import annotations

import hashlib
import runpy
import shutil
import subprocess
import sys

import pytest
import yaml

from endotype.errors import InputError
from endotype.files import read_json, write_json
from endotype.provenance.manifest import read_manifest, write_manifest
from endotype.provenance.verify import changed_since, page, verify_run
from tests.provenance.tiny import ROOT, make_run


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def results(original, tmp_path):
    shutil.copytree(original.parent, tmp_path / "run")
    return tmp_path / "run" / "results"


def command(*arguments) -> int:
    """The exit code of the script."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["verify_run.py", *map(str, arguments)])
        runpy.run_path(str(ROOT / "scripts" / "verify_run.py"), run_name="__main__")
    return int(ended.value.code or 0)


class TestOutputs:
    def test_an_untouched_run_is_equal(self, results, capsys):
        report = verify_run(results)
        assert report["equal"] and not changed_since(report)
        assert report["outputs"] == {"listed": 8, "changed": [], "missing": [], "extra": []}
        assert command("--results", results) == 0
        assert "all are there, byte for byte" in capsys.readouterr().out

    def test_a_single_flipped_bit_of_any_file_is_found(self, results, capsys):
        for path in sorted(p for p in results.rglob("*") if p.is_file()):
            name, content = path.relative_to(results).as_posix(), path.read_bytes()
            if name == "ro-crate-metadata.json":
                continue
            middle = len(content) // 2
            path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
            assert command("--results", results) in (1, 2), name
            if not name.startswith("provenance"):
                assert verify_run(results)["outputs"]["changed"] == [name]
            path.write_bytes(content)
        assert verify_run(results)["equal"]

    def test_missing_and_extra_files_are_named(self, results):
        (results / "cohort" / "people.parquet").unlink()
        (results / "targets").mkdir()
        (results / "targets" / "new.tsv").write_text("x\n")
        (results / "targets" / ".snakemake_timestamp").write_text("")
        report = verify_run(results)
        assert report["outputs"]["missing"] == ["cohort/people.parquet"]
        assert report["outputs"]["extra"] == ["targets/new.tsv"]
        assert not report["equal"]
        assert "missing: cohort/people.parquet" in page(report)

    def test_without_a_finished_run_there_is_no_answer(self, tmp_path, results, capsys):
        assert command("--results", tmp_path / "nothing") == 2
        (results / "provenance" / "manifest.sha256").write_text("")
        assert command("--results", results) == 2
        assert "sha256 of every result" in capsys.readouterr().err

    def test_names_are_written_as_sha256sum_writes_them(self, tmp_path):
        names = ["plain.txt", "a b.txt", "back\\slash", "new\nline", "ü"]
        for name in names:
            (tmp_path / "r" / "x").mkdir(parents=True, exist_ok=True)
            (tmp_path / "r" / "x" / name).write_text(name)
        write_manifest(tmp_path / "r", tmp_path / "m")
        subprocess.run(["sha256sum", "--check", "--quiet", "../m"], cwd=tmp_path / "r", check=True)
        assert read_manifest(tmp_path / "m") == {
            f"x/{name}": hashlib.sha256(name.encode()).hexdigest() for name in names
        }


class TestSince:
    def test_a_changed_input_is_told_from_one_that_was_moved(self, results):
        (results.parent / "cohort" / "clinical.tsv").write_text("patient\tage\nP1\t51\n")
        (results.parent / "cohort" / "calls.vcf.gz").rename(results.parent / "elsewhere.vcf.gz")
        report = verify_run(results)
        assert {row["path"]: row["status"] for row in report["inputs"]} == {
            "cohort/calls.vcf.gz": "not found",
            "cohort/clinical.tsv": "changed",
        }
        assert report["equal"] and changed_since(report)
        assert command("--results", results) == 0
        assert command("--results", results, "--strict") == 1

    def test_changed_parameters_are_shown_old_and_new(self, results, tmp_path):
        config = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text())
        config["variants"] = {"min_depth": 12}
        (tmp_path / "now.yaml").write_text(yaml.safe_dump(config))
        report = verify_run(results, config=tmp_path / "now.yaml")
        assert report["parameters"] == [{"key": "variants.min_depth", "old": 10, "new": 12}]
        assert "variants.min_depth: 10 -> 12" in page(report)

    def test_changed_versions_and_code_are_named(self, results):
        software = read_json(results / "provenance" / "software.json")
        software["packages"]["numpy"] = "1.0"
        write_json(results / "provenance" / "software.json", software)
        jobs = read_json(results / "provenance" / "jobs.json")
        first = next(job for job in jobs if job["script"] == "assign_subtypes.py")
        first["code"] = "0" * 16
        write_json(results / "provenance" / "jobs.json", jobs)
        report = verify_run(results)
        assert [row["key"] for row in report["software"]] == ["packages.numpy"]
        assert [row["script"] for row in report["code"]] == ["assign_subtypes.py"]
        assert report["records"] == ["provenance/jobs.json", "provenance/software.json"]

    def test_two_runs_are_compared_by_their_records(self, results, original):
        path = results / "cohort" / "people.parquet"
        path.write_bytes(path.read_bytes() + b"\0")
        write_manifest(results, results / "provenance" / "manifest.sha256")
        inputs = read_json(results / "provenance" / "inputs.json")
        write_json(results / "provenance" / "inputs.json", inputs[:1])
        (results / "ro-crate-metadata.json").unlink()
        report = verify_run(original, against=results)
        assert report["against"] == {"changed": ["cohort/people.parquet"], "missing": [], "extra": []}
        assert [row["status"] for row in report["inputs"]] == ["equal", "not found"]
        assert not report["equal"] and report["outputs"]["changed"] == []
        assert verify_run(original, against=original)["equal"]

    def test_a_record_that_is_no_record_is_an_error_of_the_input(self, results):
        (results / "provenance" / "inputs.json").write_text("{")
        with pytest.raises(InputError, match="JSON"):
            verify_run(results)
