"""Killed at any moment, a run that is started again ends with the bytes of one that was left alone."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time

import pytest

from endotype.lock import release
from tests.workflow.conftest import Run

pytestmark = pytest.mark.slow

STAGES = {
    "variants": "normalise_variants",
    "subtypes": "discover_subtypes.log",
    "reports": "write_reports",
}
"""A log, or a folder of logs, that appears when a job of the stage starts."""

KILLS = int(os.environ.get("ENDOTYPE_KILLS", "30"))
SEED = int(os.environ.get("ENDOTYPE_SEED", "1"))


def _start(run: Run) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        run.command(cores=2), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _kill(run: Run, process: subprocess.Popen[bytes], with_jobs: bool) -> None:
    """Kill Snakemake; its jobs die with it (a node that lost power) or go on (it alone was killed)."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL) if with_jobs else os.kill(process.pid, signal.SIGKILL)
    process.wait()
    # Jobs that go on would write what the next run writes.
    release(run.workdir, wait=300)


def test_killed_in_three_stages_and_on_two_cores_it_ends_with_the_same_bytes(
    finished, tmp_path, small_cohort
):
    """``finished`` ran undisturbed on one core."""
    run = Run(tmp_path / "killed", small_cohort)
    for turn, (stage, log) in enumerate(STAGES.items()):
        process = _start(run)
        _wait_for(run.workdir / "logs" / log, process, stage)
        _kill(run, process, with_jobs=turn % 2 == 0)
    assert run.complete(cores=2).manifest == finished.manifest


def _wait_for(log, process: subprocess.Popen, stage: str) -> None:
    for _ in range(1500):
        if log.exists():
            return
        assert process.poll() is None, f"the run ended before stage {stage} began"
        time.sleep(0.1)
    pytest.fail(f"stage {stage} did not begin")


@pytest.mark.long
def test_killed_at_random_moments_it_ends_with_the_same_bytes(finished, tmp_path, small_cohort):
    """Moments are drawn from the time that a run needs to get on, so that they fall into all of its stages.

    ENDOTYPE_KILLS and ENDOTYPE_SEED choose how many and which. A run that ends before it could be killed is
    begun again from nothing, so that every kill hits one at work.
    """
    draw, kills, ended = random.Random(SEED), 0, 0
    run = Run(tmp_path / "killed_0", small_cohort)
    while kills < KILLS:
        process = _start(run)
        try:
            process.wait(timeout=draw.uniform(4, 30))
        except subprocess.TimeoutExpired:
            _kill(run, process, with_jobs=draw.random() < 0.5)
            kills += 1
            continue
        assert process.returncode == 0, f"failed after {kills} kills, seed {SEED}"
        assert run.manifest == finished.manifest, f"other bytes after {kills} kills, seed {SEED}"
        ended += 1
        run = Run(tmp_path / f"killed_{ended}", small_cohort)
    assert run.complete(cores=2).manifest == finished.manifest
    print(f"{kills} kills in {ended + 1} runs")


@pytest.mark.long
def test_a_full_disk_stops_a_run_and_space_lets_it_go_on(finished, tmp_path, small_cohort):
    """The disk is a file system in memory that is too small at first."""
    disk = tmp_path / "disk"
    disk.mkdir()
    size = sum(p.stat().st_size for p in finished.workdir.rglob("*") if p.is_file())
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size // 3}", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        run = Run(disk / "work", small_cohort)
        stopped = run(cores=2)
        assert stopped.returncode != 0
        assert "disk is full" in stopped.stdout + stopped.stderr, stopped.stderr[-3000:]
        subprocess.run(["mount", "-o", f"remount,size={3 * size}", str(disk)], check=True)
        release(run.workdir, wait=60)
        assert run.complete(cores=2).manifest == finished.manifest
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


class TestClocks:
    """Times of files are what a build goes by, and clocks are wrong at times."""

    def test_an_input_that_changed_under_results_from_the_future_is_noticed(
        self, finished, tmp_path, small_cohort
    ):
        """Results of a time to come are newer than any edit; the content of the sheets tells."""
        sheet = finished.workdir / "cohort/clinical.tsv"
        before, times = sheet.read_bytes(), sheet.stat()
        try:
            sheet.write_bytes(before.replace(b"\t", b"\t", 1)[:-1] + b"\n")
            os.utime(sheet, (1_000_000_000, 1_000_000_000))
            assert finished.planned() == set()
            lines = before.splitlines(keepends=True)
            sheet.write_bytes(b"".join(lines[:-1]))
            os.utime(sheet, (1_000_000_000, 1_000_000_000))
            assert {"check_inputs", "write_provenance"} <= finished.planned()
        finally:
            sheet.write_bytes(before)
            os.utime(sheet, ns=(times.st_atime_ns, times.st_mtime_ns))
