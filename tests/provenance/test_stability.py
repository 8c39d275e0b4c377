"""How steadily a run went: every way to fail is told from the others, and jobs that failed recover."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import time
from itertools import pairwise
from types import SimpleNamespace

import pytest
from statsmodels.stats.proportion import proportion_confint

from endotype.errors import InputError
from endotype.files import read_json
from endotype.provenance.events import FOLDER, JobRecord, end_job_records, keep_job_records
from endotype.provenance.stability import KINDS, kind_of, page, summarise, wilson, write_stability
from tests.provenance.faults import command, expected, faults_of, run, write_workflow


@pytest.mark.parametrize(("failures", "attempts"), [(0, 20), (20, 20), (1, 1), (3, 1000), (166, 1166)])
def test_the_interval_is_that_of_statsmodels(failures, attempts):
    theirs = proportion_confint(failures, attempts, method="wilson")
    assert wilson(failures, attempts) == pytest.approx(theirs, abs=1e-12)


def test_without_attempts_there_is_no_interval():
    assert wilson(0, 0) is None


EXIT = "Command 'x' returned non-zero exit status "


@pytest.mark.parametrize(
    ("text", "tail", "kind"),
    [
        (EXIT + "1.", "ValueError: no", "exit"),
        (EXIT + "2.", "endotype: 1 problem in the input", "exit"),
        (EXIT + "137.", "", "killed"),
        ("Command 'x' died with <Signals.SIGKILL: 9>.", "", "killed"),
        ("SLURM status is: 'CANCELLED'", "", "killed"),
        ("SLURM status is: 'NODE_FAIL'", "", "killed"),
        (EXIT + "1.", "numpy._core._exceptions._ArrayMemoryError: Unable to", "memory"),
        (EXIT + "137.", "slurmstepd: error: Detected 1 oom-kill event(s)", "memory"),
        ("SLURM status is: 'OUT_OF_MEMORY'", "", "memory"),
        (EXIT + "124.", "", "time"),
        ("SLURM status is: 'TIMEOUT'", "", "time"),
        ("MissingOutputException in rule x: some output files are missing", "", "missing_output"),
        (EXIT + "2.", "found 10 bytes; the file is truncated", "truncated_output"),
        ("detailed failure reason unavailable", "returned non-zero exit status 137.", "killed"),
        ("detailed failure reason unavailable", "", "unknown"),
        (EXIT + "1.", "a truncated name\n" + 30 * "and so on\n" + "ValueError", "exit"),
        ("", "", "unknown"),
    ],
)
def test_the_kind_of_a_failure(text, tail, kind):
    assert kind_of(text, [tail]) == kind


def session(folder, name: str, *events: dict, ended: bool = True) -> None:
    """The record of one session, as the handler writes it."""
    lines = [{"time": 0.0, "event": "session", "pid": 1}, *events]
    lines += [{"time": events[-1]["time"] + 1, "event": "end"}] if ended else []
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    text = "\n".join(map(json.dumps, lines)) + "\n"
    (folder / FOLDER / f"{name}.jsonl").write_text(text if ended else text[:-1] + '\n{"time": 99, "ev')


def begin(number: int, rule: str, at: float, **wildcards) -> dict:
    return {
        **{"time": at, "event": "job", "id": number, "rule": rule, "wildcards": wildcards},
        **{"log": [], "benchmark": None, "outputs": 1},
    }


def test_a_killed_session_interrupts_what_it_ran_and_the_next_one_recovers_it(tmp_path):
    session(tmp_path, "1", begin(1, "a", 1.0, shard="x"), begin(2, "b", 2.0), ended=False)
    finish = [{"time": t, "event": "finish", "id": i} for t, i in ((5.0, 7), (6.0, 8))]
    session(tmp_path, "2", begin(7, "a", 1.0, shard="x"), begin(8, "a", 2.0, shard="y"), *finish)
    found = summarise(tmp_path)
    assert found["sessions"] == {"total": 2, "in_order": 1, "killed": 1}
    assert (found["jobs"], found["attempts"], found["succeeded"]) == (3, 4, 2)
    assert found["failures"]["by_kind"] == dict.fromkeys(KINDS, 0) | {"interrupted": 2}
    assert found["recovered"] == 1 and found["not_recovered"] == ["b"]
    assert found["wall_seconds"] == 2.0 + 7.0
    assert found["peak_memory_mb"] is None and "not measured" in page(found)


def test_time_and_memory_are_those_of_the_benchmark_files(tmp_path):
    events = [begin(1, "a", 1.0) | {"benchmark": "logs/a.tsv"}, {"time": 2.0, "event": "finish", "id": 1}]
    session(tmp_path, "1", *events)
    assert summarise(tmp_path)["measured_jobs"] == 0
    (tmp_path / "logs" / "a.tsv").write_text("s\tmax_rss\tcpu_time\n1\t-\tNA\n2\t512.5\t3.25\n")
    found = write_stability(tmp_path)
    assert (found["cpu_seconds"], found["peak_memory_mb"], found["measured_jobs"]) == (3.25, 512.5, 1)
    assert read_json(tmp_path / "results" / "provenance" / "stability.json") == found


def test_without_a_record_nothing_is_made_up(tmp_path):
    with pytest.raises(InputError, match="no record of a session"):
        summarise(tmp_path)


def test_the_record_ends_in_order_and_a_fault_in_it_does_not_stop_the_run(tmp_path, capsys):
    record = keep_job_records(tmp_path)
    logger = logging.getLogger("snakemake.logging")
    logger.error("x", extra={"event": SimpleNamespace(value="job_error")})
    end_job_records()
    logger.removeHandler(record)
    events = [json.loads(line) for line in record.path.read_text().splitlines()]
    assert [event["event"] for event in events] == ["session", "end"]
    assert isinstance(record, JobRecord) and "KeyError" in capsys.readouterr().err


def check(folder, faults, **kinds) -> dict:
    """All jobs recovered, nothing is lost, and every failure is counted under its kind."""
    text, by_kind = expected(faults)
    assert (folder / "all.txt").read_text() == text
    found = summarise(folder)
    counted = {kind: n for kind, n in found["failures"]["by_kind"].items() if n}
    assert counted == by_kind | kinds
    assert found["not_recovered"] == []
    assert found["jobs"] == found["succeeded"] == len(faults) + 1
    assert found["attempts"] == found["jobs"] + found["failures"]["total"]
    low, high = found["failure_rate"]["wilson_95"]
    assert low < found["failure_rate"]["value"] < high
    return found


def test_jobs_that_fail_in_every_way_recover(tmp_path):
    faults = faults_of(30, every=3)
    write_workflow(tmp_path, faults)
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    found = check(tmp_path, faults)
    assert found["recovered"] == 10 and found["sessions"]["killed"] == 0


@pytest.mark.long
def test_a_thousand_jobs_recover_from_faults_and_from_a_killed_snakemake(tmp_path):
    faults = faults_of(1000, every=4)
    write_workflow(tmp_path, faults)
    with (tmp_path / "stderr").open("w") as stderr:
        first = subprocess.Popen(command(tmp_path), cwd=tmp_path, stderr=stderr, start_new_session=True)
        while len(list(tmp_path.glob("out/*.txt"))) < 300:
            assert first.poll() is None
            time.sleep(0.1)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    time.sleep(2)  # the shells that were running go on without their parent for a moment
    assert subprocess.run(command(tmp_path, "--unlock"), cwd=tmp_path, capture_output=True).returncode == 0
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    text, by_kind = expected(faults)
    assert (tmp_path / "all.txt").read_text() == text
    found = summarise(tmp_path)
    kinds = found["failures"]["by_kind"]
    # A job that was running when Snakemake died fails at its first attempt again in the next session.
    assert all(by_kind[kind] <= kinds[kind] <= by_kind[kind] + 2 for kind in by_kind)
    assert 0 < kinds["interrupted"] <= 2 and kinds["unknown"] == 0
    assert found["sessions"]["killed"] == 1 and found["not_recovered"] == []
    assert found["recovered"] >= 250 and found["jobs"] == 1001
    names = sorted(path.name for path in (tmp_path / FOLDER).iterdir())
    assert all(a < b for a, b in pairwise(names))
