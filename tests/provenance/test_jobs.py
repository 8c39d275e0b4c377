"""Snakemake's records become a list of jobs that can be copied to a shell on another machine."""

from __future__ import annotations

import shlex

import pytest

from endotype.provenance import jobs as module
from endotype.provenance.jobs import read_jobs
from tests.provenance.tiny import ROOT, job, make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run")).parent


def test_every_job_has_its_command_code_inputs_and_outputs(run):
    jobs = read_jobs(run)
    assert [j["rule"] for j in jobs] == [
        *("annotate_variants", "check_inputs", "write_reports_0", "assign_subtypes", "plot_subtypes"),
        *("normalise_variants", "normalise_variants"),
    ]
    report = jobs[2]
    assert report["script"] == "write_reports.py" and len(report["code"]) == 16
    assert report["outputs"] == ["results/reports/P1/report.json", "results/reports/P2/report.json"]
    assert report["command"] == "python $ENDOTYPE/scripts/write_reports.py  > logs/write_reports_0.log 2>&1"
    assert jobs[4]["inputs"][0] == "$ENDOTYPE/resources/targets/levels.tsv"
    assert str(ROOT) not in str(jobs)


def test_files_that_are_gone_and_jobs_that_did_not_end_are_left_out(tmp_path):
    (tmp_path / "results").mkdir()
    for name in ("there", "half"):
        (tmp_path / "results" / name).write_text("")
    job(tmp_path, "check_inputs", [], ["results/there", "results/gone"])
    job(tmp_path, "assign_subtypes", [], ["results/half"], incomplete=True)
    (tmp_path / ".snakemake" / "metadata" / "no record").write_text("{")
    assert [j["outputs"] for j in read_jobs(tmp_path)] == [["results/there"]]


def test_a_long_name_is_put_together_from_its_folders(tmp_path):
    name = f"results/{'x' * 150}"
    (tmp_path / "results").mkdir()
    (tmp_path / name).write_text("")
    job(tmp_path, "check_inputs", [], [name])
    folder = tmp_path / ".snakemake" / "metadata"
    file = next(folder.iterdir())
    (folder / f"@{file.name[:100]}").mkdir()
    file.rename(folder / f"@{file.name[:100]}" / file.name[100:])
    assert read_jobs(tmp_path)[0]["outputs"] == [name]


def test_a_quoted_path_still_gives_a_command_of_the_shell():
    home = "/my folder/endotype"
    path = shlex.quote(f"{home}/scripts/why.py")
    assert module._portable(f"python {path} --out x", home) == "python $ENDOTYPE/scripts/why.py --out x"


def test_no_records_are_no_jobs(tmp_path):
    assert read_jobs(tmp_path) == []
