"""The digest of a run that failed, on recorded logs of Snakemake 9.27 and Slurm 22.05 (tests/failures).

Recorded from real runs; commands and headers are shortened, and the working directory stands as {folder}.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from endotype.failures import HINTS, digest, failures, read_logs

RECORDED = Path(__file__).parent / "failures"


def replay(name: str, folder: Path) -> str:
    """Lay the logs of a recorded run where they were, and give Snakemake's own."""
    for path in (RECORDED / name).glob("*__*.txt"):
        parts = path.name.removesuffix(".txt").split("__")
        target = folder.joinpath(*parts).with_suffix(".log")
        if parts[0] == "snakemake":
            target = folder.joinpath(".snakemake", *parts[1:]).with_suffix(".log")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text().replace("{folder}", str(folder)))
    return (RECORDED / name / "snakemake.txt").read_text().replace("{folder}", str(folder))


def kinds(text: str, folder: Path) -> dict[tuple[str, str], str]:
    return {(failure.rule, failure.what): failure.kind for failure in failures(text, folder)}


def error(
    rule: str, jobid: int, log: str, output: str = "results/x", message: str = "None", shell: str = "x"
) -> str:
    return (
        f"[Sat Nov 28 22:47:06 2026]\nError in rule {rule}:\n    message: {message}\n    jobid: {jobid}\n"
        f"    output: {output}\n    log: {log} (check log file(s) for error details)\n"
        f"    shell:\n        {shell}\n"
        "        (command exited with non-zero exit code)\n"
    )


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return name


def test_kinds_on_one_machine(tmp_path):
    assert kinds(replay("local", tmp_path), tmp_path) == {
        ("killed", ""): "killed",
        ("full", "shard 1"): "disk",
        ("input_error", ""): "input",
        ("fault", ""): "program",
        ("missing", ""): "missing output",
    }


def test_kinds_on_slurm(tmp_path):
    """Slurm says only "FAILED" of the job that exceeded its memory; its log says why."""
    text = replay("slurm", tmp_path)
    assert kinds(text, tmp_path) == {
        ("build_knowledge", ""): "memory",
        ("prepare_input", "file 0"): "rejected",
        ("prepare_tumours", ""): "time",
    }
    said = {failure.rule: failure.said[-1] for failure in failures(text, tmp_path)}
    assert "Requested time limit is invalid" in said["prepare_input"]
    assert "Killed" in said["build_knowledge"]


def test_of_a_group_those_are_named_that_failed(tmp_path):
    """The shown logs of the group hold errors of the Snakemake inside the job: they count once."""
    text = replay("group", tmp_path)
    assert [(f.rule, f.what, f.kind) for f in failures(text, tmp_path)] == [
        ("call_haplotypes", "shard MT_1_16000", "disk"),
        ("call_haplotypes", "shard X_1_126467", "cancelled"),
    ]


def test_of_a_group_whose_machine_died_the_step_that_ran_is_named(tmp_path):
    text = replay("group", tmp_path)
    for path in (tmp_path / ".snakemake").rglob("*.log"):
        begun = path.read_text().partition("slurmstepd")[0].partition("RuleException")[0]
        path.write_text(re.split(r"\[[^\]]+\]\nError in rule", begun)[0])
    (tmp_path / "logs/call_haplotypes/MT_1_16000.log").write_text("")
    assert [(f.rule, f.kind) for f in failures(text, tmp_path)] == [("call_haplotypes", "node")] * 2


def test_a_later_success_is_a_recovery(tmp_path):
    log = write(tmp_path, "logs/associate/1_1_9.log", "Killed\nMemoryError\n")
    text = error("associate", 7, log) + "Trying to restart job 7.\n"
    assert not failures(text, tmp_path)[0].recovered
    text += "[Sat Nov 28 22:48:00 2026]\nFinished jobid: 7 (Rule: associate)\n"
    assert failures(text, tmp_path)[0].recovered
    last = error(
        "qc_samples", 8, "logs/none.log", message="SLURM-job '9' failed, SLURM status is: 'NODE_FAIL'."
    )
    page = digest(text + last * 3, tmp_path)
    assert "qc_samples: node, 3 tries" in page and "Tried again with success: 1 memory" in page
    assert "associate" not in page


def test_a_batch_is_named_with_its_patients(tmp_path):
    outputs = ", ".join(f"results/reports/P{i:04d}/report.json" for i in range(1, 8))
    found = failures(error("write_reports_3", 5, "logs/write_reports/3.log", outputs), tmp_path)
    assert [(f.rule, f.what) for f in found] == [
        ("write_reports", "batch 3 (patients P0001, P0002, P0003, P0004, P0005 ...)")
    ]


def test_words_of_a_command_are_no_sign(tmp_path):
    text = error("associate", 7, "logs/a.log", shell="python x.py --label 'MemoryError DUE TO TIME LIMIT'")
    assert [f.kind for f in failures(text, tmp_path)] == ["exit"]


def test_what_a_step_wrote_can_not_command_a_terminal(tmp_path):
    log = write(tmp_path, "logs/a.log", "\x1b[2Jgone\u202e\n")
    page = digest(error("associate", 7, log), tmp_path)
    assert "gone" in page and "\x1b" not in page and "\u202e" not in page


def test_logs_that_are_gone_and_a_log_without_errors(tmp_path):
    assert failures(error("associate", 7, "logs/gone.log"), tmp_path)[0].said == ()
    assert failures("Building DAG of jobs...\n", tmp_path) == []
    assert "no step is named" in digest("", tmp_path)
    path = tmp_path / "one.log"
    path.write_text("text")
    assert read_logs([path, tmp_path / "gone"]).strip() == read_logs(path) == "text"


@pytest.mark.parametrize("kind", HINTS)
def test_every_kind_has_a_hint_and_stands_in_the_documentation(kind):
    page = (Path(__file__).parents[1] / "docs" / "clusters.md").read_text(encoding="utf-8")
    assert HINTS[kind].endswith(".") and f"\n| {kind} | " in page
