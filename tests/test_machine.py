"""A full disk and its like are told from faults of input and program, and leave no half file."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endotype.files import atomic_path, write_text
from endotype.machine import EXIT_MACHINE, explain

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permission denied"),
        (errno.EMFILE, "too many files"),
    ],
)
def test_the_system_s_errors_have_a_meaning_and_a_way_out(number, words):
    said = explain(OSError(number, os.strerror(number), "results/x.parquet"))
    assert said.startswith("results/x.parquet: ") and words in said and "->" in said


def test_other_errors_have_none():
    assert explain(ValueError("no space in the name")) is None
    assert explain(FileNotFoundError(errno.ENOENT, "No such file or directory", "x")) is None


def test_a_library_s_wrapping_is_seen_through():
    assert "disk is full" in explain(RuntimeError("IO Error: could not write: No space left on device"))
    assert "memory" in explain(MemoryError())


def test_a_scratch_folder_that_is_gone_is_named(tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with tempfile.TemporaryDirectory() as folder:
        shutil.rmtree(scratch)
        with pytest.raises(FileNotFoundError) as caught:
            (Path(folder) / "x").write_text("")
        assert "scratch" in explain(caught.value) and "TMPDIR" in explain(caught.value)
        scratch.mkdir()
        assert explain(caught.value) is None  # only that file is missing: a fault of the program


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(path: Path) -> None:
    with pytest.raises(OSError, match="No space"), path.open("wb", buffering=0) as stream:
        while True:
            stream.write(b"x" * 4096)


def test_a_full_disk_leaves_what_was_there(small_disk):
    write_text(small_disk / "a.txt", "before")
    _fill(small_disk / "filler")
    with pytest.raises(OSError, match="No space"):
        write_text(small_disk / "a.txt", "after" * 100_000)
    assert (small_disk / "a.txt").read_text() == "before"
    with (
        pytest.raises(OSError, match="No space") as caught,
        atomic_path(small_disk / "t.parquet") as temporary,
    ):
        pq.write_table(pa.table({"a": pa.array(range(1_000_000))}), temporary)
    assert "disk is full" in explain(caught.value)
    assert sorted(p.name for p in small_disk.iterdir()) == ["a.txt", "filler"]


def _manifest(results: Path, out: Path) -> subprocess.CompletedProcess[str]:
    script = [sys.executable, str(ROOT / "scripts/write_manifest.py"), "--results", str(results)]
    return subprocess.run([*script, "--out", str(out)], capture_output=True, text=True, check=False)


def test_a_command_says_so_and_can_be_run_again(small_disk, tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    for i in range(3000):
        (results / f"{i:0100d}").touch()
    (small_disk / "filler").write_bytes(b"x" * 900_000)
    done = _manifest(results, small_disk / "manifest.sha256")
    assert done.returncode == EXIT_MACHINE and "disk is full" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert [p.name for p in small_disk.iterdir()] == ["filler"]
    (small_disk / "filler").unlink()
    assert _manifest(results, small_disk / "manifest.sha256").returncode == 0


def test_a_read_only_folder_is_named(small_disk, tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = _manifest(results, small_disk / "manifest.sha256")
    assert done.returncode == EXIT_MACHINE and "read-only" in done.stderr, done.stderr
    assert str(small_disk) in done.stderr
