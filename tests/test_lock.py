"""A lock is taken away when its owner is dead, and never from one who lives."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from endotype.errors import InputError
from endotype.lock import is_locked, release


@pytest.fixture
def locked(tmp_path):
    """A working directory as a killed run leaves it."""
    (tmp_path / ".snakemake/locks").mkdir(parents=True)
    (tmp_path / ".snakemake/locks/0.output.lock").write_text("results/a\n")
    (tmp_path / ".snakemake/log").mkdir()
    return tmp_path


def _log(folder, host: str) -> None:
    (folder / ".snakemake/log/1.snakemake.log").write_text(f"Building DAG of jobs...\nhost: {host}\nx\n")


def test_without_a_lock_nothing_happens(tmp_path):
    assert "not locked" in release(tmp_path)


def test_a_dead_owner_loses_the_lock(locked):
    _log(locked, socket.gethostname())
    assert "taken away" in release(locked)
    assert not is_locked(locked)


def test_half_files_of_a_dead_run_go_with_the_lock(locked):
    (locked / "results/a/.tmp-1x").mkdir(parents=True)
    for name in ("a/.tmp-1x/part", "a/.tmp-2-b.parquet", "a/b.parquet"):
        (locked / "results" / name).touch()
    assert "2 of its half files" in release(locked)
    assert [p.name for p in (locked / "results").rglob("*") if p.is_file()] == ["b.parquet"]


def test_a_living_owner_keeps_it_until_it_ends(locked):
    alive = [sys.executable, "-c", "import sys; print(1, flush=True); sys.stdin.read()", "-m", "snakemake"]
    with subprocess.Popen(alive, cwd=locked, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        with pytest.raises(InputError, match=f"process {process.pid}"):
            release(locked)
        assert is_locked(locked)
        process.stdin.close()
        assert "taken away" in release(locked, wait=20)


def test_a_process_elsewhere_is_no_owner(locked, tmp_path_factory):
    alive = [sys.executable, "-c", "import sys; print(1, flush=True); sys.stdin.read()", "snakemake"]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with subprocess.Popen(alive, cwd=elsewhere, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert "taken away" in release(locked)
        process.stdin.close()


def test_a_run_on_another_host_is_not_judged_from_here(locked):
    _log(locked, "node-17.example.org")
    with pytest.raises(InputError, match="node-17"):
        release(locked)
    assert is_locked(locked)
    assert "taken away" in release(locked, force=True)
