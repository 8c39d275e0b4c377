"""What goes wrong around the data: files cut off, a disk that is full, a file replaced under our hands.

Each ends in an error, and nothing stands under a final name.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pysam.bcftools
import pytest

from endotype.errors import InputError
from endotype.files import fingerprint
from endotype.tables import write_parquet
from endotype.variants.bgzf import BgzfWriter
from endotype.variants.ingest import prepare_input
from endotype.variants.normalise import Normaliser
from endotype.variants.shard import Outputs, normalise_region
from tests.variants.builders import write_vcf

SCRIPTS = Path(__file__).parents[2] / "scripts"
SAMPLES = tuple(f"S{i:03d}" for i in range(60))
REGION = "c1:1-100000"


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A folder with a cohort of 60 as ``in.vcf.gz`` and ``in.bcf``, indexed, and its people."""
    folder = tmp_path_factory.mktemp("whole")
    calls = np.random.default_rng(1).choice(np.array(["0/0", "0/1", "1/1", "./."]), (3000, 60))
    records = [
        f"{10 * i + 1} {'ACGT'[i % 4]} {'CGTA'[i % 4]} " + " ".join(row) for i, row in enumerate(calls)
    ]
    vcf = write_vcf(folder / "in.vcf", records, SAMPLES, (("c1", 100_000),))
    for form, name in (("z", "in.vcf.gz"), ("b", "in.bcf")):
        pysam.bcftools.view("-O", form, "-o", str(folder / name), str(vcf), catch_stdout=False)
        pysam.bcftools.index("-c", str(folder / name))
    people = pd.DataFrame({"patient": SAMPLES, "sex": "unknown", "in_genotypes": True})
    write_parquet(people, folder / "people.parquet")
    return folder


def command(script: str, *arguments: object, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run one of our scripts; ``limit`` is the size in bytes at which a file can't grow any more."""

    def full_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, str(SCRIPTS / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=None if limit is None else full_disk,
        # numba's cache must not be written cut off where the limit is small
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def normalise(vcf: Path, out: Path, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    out.mkdir(exist_ok=True)
    return command(
        "normalise_variants.py", "--vcf", vcf, "--region", REGION, "--out", out / "s.bcf", limit=limit
    )


def pack(bcf: Path, folder: Path, out: Path, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    out.mkdir(exist_ok=True)
    arguments = ["--bcf", bcf, "--region", REGION, "--people", folder / "people.parquet"]
    return command("pack_genotypes.py", *arguments, "--prefix", out / "s", limit=limit)


def block_ends(path: Path) -> list[int]:
    """Where the BGZF blocks of a file end."""
    data, at, ends = path.read_bytes(), 0, []
    while at < len(data):
        at += int.from_bytes(data[at + 16 : at + 18], "little") + 1
        ends.append(at)
    return ends


def cut(path: Path, to: Path, size: int) -> Path:
    """A copy with its index, cut off at ``size`` bytes."""
    to.mkdir(exist_ok=True)
    copy = to / path.name
    copy.write_bytes(path.read_bytes()[:size])
    shutil.copyfile(f"{path}.csi", f"{copy}.csi")
    return copy


def size_of(path: Path, where: str) -> int:
    """Bytes that are left of a file that is cut off somewhere."""
    ends = block_ends(path)
    middle = ends[len(ends) // 2]
    return {"within a block": middle - 100, "between blocks": middle, "before the end block": ends[-2]}[where]


PLACES = ["within a block", "between blocks", "before the end block"]


@pytest.mark.parametrize("where", PLACES)
def test_a_bcf_that_is_cut_off_is_refused(whole, tmp_path, where):
    name = whole / "in.bcf"
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match=r"(?s)in\.bcf.*(truncated|read to its end)"):
        damaged = cut(name, tmp_path / "cut", size_of(name, where))
        normalise_region([damaged], REGION, None, Outputs.at(tmp_path / "out" / "s"))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("blocks", [0, 3])
def test_no_room_for_a_block_leaves_nothing(whole, tmp_path, monkeypatch, blocks):
    write = BgzfWriter._block
    room = iter(range(blocks))

    def until_full(self, data):
        if next(room, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, data)

    monkeypatch.setattr(BgzfWriter, "_block", until_full)
    (tmp_path / "out").mkdir()
    with pytest.raises(OSError, match="No space left"):
        normalise_region([whole / "in.bcf"], REGION, None, Outputs.at(tmp_path / "out" / "s"))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["in.vcf.gz", "in.bcf"])
@pytest.mark.parametrize("where", PLACES)
def test_a_file_that_is_cut_off_is_refused(whole, tmp_path, name, where):
    damaged = cut(whole / name, tmp_path / "cut", size_of(whole / name, where))
    done = normalise(damaged, tmp_path / "out")
    assert done.returncode == 2, done.stderr
    assert name in done.stderr and "Traceback" not in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("where", PLACES)
def test_a_shard_that_is_cut_off_is_not_packed(whole, tmp_path, where):
    assert normalise(whole / "in.bcf", tmp_path / "shard").returncode == 0
    shard = tmp_path / "shard" / "s.bcf"
    done = pack(cut(shard, tmp_path / "cut", size_of(shard, where)), whole, tmp_path / "out")
    assert done.returncode == 2
    assert "s.bcf" in done.stderr and "Traceback" not in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1_000, 20_000])
def test_a_full_disk_leaves_nothing_of_a_shard(whole, tmp_path, limit):
    done = normalise(whole / "in.bcf", tmp_path / "out", limit)
    assert done.returncode != 0
    assert "too large" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1_000, 20_000])
def test_a_full_disk_leaves_nothing_of_the_packed_genotypes(whole, tmp_path, limit):
    assert normalise(whole / "in.bcf", tmp_path / "shard").returncode == 0
    done = pack(tmp_path / "shard" / "s.bcf", whole, tmp_path / "out", limit)
    assert done.returncode != 0
    assert "too large" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.slow
def test_what_was_there_stays_as_it_was(whole, tmp_path):
    out = tmp_path / "out"
    assert normalise(whole / "in.bcf", out).returncode == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert normalise(whole / "in.bcf", out, 20_000).returncode != 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["in.vcf.gz", "in.bcf"])
def test_a_file_that_was_replaced_since_it_was_checked_is_refused(whole, tmp_path, name):
    copy = cut(whole / name, tmp_path, (whole / name).stat().st_size)
    prepare_input(copy, None, tmp_path / "prepared", fingerprint=fingerprint(copy))
    write_vcf(tmp_path / "other.vcf", ["10 A G " + "1/1 " * 60], SAMPLES, (("c1", 100_000),))
    form = "z" if name.endswith("gz") else "b"
    pysam.bcftools.view("-O", form, "-o", str(copy), str(tmp_path / "other.vcf"), catch_stdout=False)
    done = normalise(tmp_path / "prepared", tmp_path / "out")
    assert done.returncode == 2, done.stderr
    assert name in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_that_is_replaced_while_it_is_read_is_refused(whole, tmp_path, monkeypatch):
    copy = cut(whole / "in.bcf", tmp_path, (whole / "in.bcf").stat().st_size)
    prepare_input(copy, None, tmp_path / "prepared", fingerprint=fingerprint(copy))
    read = Normaliser.variants

    def and_meanwhile(self, blocks):
        yield from read(self, blocks)
        (tmp_path / "other").write_bytes(copy.read_bytes()[:-100])
        (tmp_path / "other").replace(copy)

    monkeypatch.setattr(Normaliser, "variants", and_meanwhile)
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match=r"in\.bcf"):
        normalise_region([tmp_path / "prepared"], REGION, None, Outputs.at(tmp_path / "out" / "s"))
    assert list((tmp_path / "out").iterdir()) == []
