"""The workflow on a Dask scheduler: the bytes of a run without one, and nothing to do after the change."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from tests.workflow.conftest import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
]  # tests/test_engine.py has the same at the size of a command

RULES = ("qc_samples", "associate", "associate_genes")


def written(results: Path) -> list[Path]:
    """What these rules write."""
    return [
        *sorted((results / "association").glob("shards/*.parquet")),
        *(results / "association" / f"{name}.parquet" for name in ("sets", "genes", "leave_one_out")),
        *(results / "variants" / f"{name}.parquet" for name in ("relatedness", "sample_qc", "ancestry")),
    ]


def hashes(results: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in written(results)}


def test_another_engine_re_runs_nothing_and_gives_the_same_bytes(finished, tmp_path, small_cohort):
    distributed = pytest.importorskip("distributed", reason="the extra 'dask' is not installed")
    shutil.copytree(finished.workdir, tmp_path / "run")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        engine = {"kind": "dask", "scheduler": cluster.scheduler_address}
        run = Run(tmp_path / "run", small_cohort, engine=engine)
        assert run.planned() == set()
        before = hashes(run.results)
        files = [str(path.relative_to(run.workdir)) for path in written(run.results)]
        done = run(*files, "--forcerun", *RULES, cores=2)
        assert done.returncode == 0, done.stderr[-3000:]
        with distributed.Client(cluster) as client:
            computed = client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter)
    assert computed > 0  # it was the workers that did it
    assert len(before) > len(RULES) and hashes(run.results) == before
