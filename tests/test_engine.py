"""Blocks in this process and on a Dask scheduler: the same bytes, whatever dies, and an end in any case."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.association.design_source import DesignSource
from endotype.association.result_stream import stream_result
from endotype.association.scan import VARIANT_SCHEMA, ScanOptions, associate, one_blas_thread, plan_scan
from endotype.association.set_scan import associate_sets
from endotype.config import complete, schema
from endotype.engine import (
    VARIABLE,
    BlockError,
    EngineSettings,
    LocalEngine,
    SlurmSettings,
    add_engine_argument,
    engine_readers,
    engine_settings,
    hand_on,
    open_engine,
    read_settings,
    run_blocks,
    spans_of,
)
from endotype.errors import InputError
from endotype.variants.plink import open_store
from endotype.variants.relatedness import pair_counts
from tests import engine_blocks as blocks
from tests.association.builders import covariate_set, make_design, make_store, random_dosages

distributed = pytest.importorskip("distributed", reason="the extra 'dask' is not installed")

SPANS = list(spans_of(0, 30, 3))
N, M = 120, 600


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes; a block that kills one is given up at once, and tried alone by the engine."""
    import dask

    with (
        dask.config.set(
            {
                "distributed.scheduler.allowed-failures": 0,
                "distributed.deploy.lost-worker-timeout": "10 minutes",  # not gone for good on a busy one
            }
        ),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", memory_limit="1GiB"
        ) as started,
    ):
        yield started


@pytest.fixture
def settings(cluster) -> EngineSettings:
    return EngineSettings("dask", cluster.scheduler_address, timeout=120, patience=120)


@pytest.fixture
def engine(settings, tmp_path):
    with open_engine(settings, 1, tmp_path) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "tries"
    made.mkdir()
    return made


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def numbers(found) -> list[int]:
    return [number for part in found for number in part]


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """A fileset, sheets with a trait and covariates, and a table of sets."""
    folder, rng = tmp_path_factory.mktemp("study"), np.random.default_rng(5)
    store = make_store(folder / "g", random_dosages(rng, M, N))
    people = pd.DataFrame({"IID": store.people["iid"]})
    sheets = {
        "pheno": people.assign(qt=rng.normal(size=N)),
        "covar": people.assign(age=rng.normal(50, 9, N), site=rng.integers(0, 2, N)),
        "sets": pd.DataFrame({"set": np.repeat([f"s{i}" for i in range(20)], 5)}).assign(
            variant=store.variants["id"].iloc[:100].to_numpy()
        ),
    }
    for name, sheet in sheets.items():
        sheet.to_csv(folder / f"{name}.tsv", sep="\t", index=False)
    return folder


class TestSameBytes:
    @pytest.mark.parametrize("kind", ["variants", "sets"])
    def test_of_commands(self, study, settings, tmp_path, monkeypatch, kind):
        monkeypatch.chdir(study)  # paths of the user's are relative, and workers are elsewhere
        source = DesignSource(None, None, Path("pheno.tsv"), Path("covar.tsv"), ("qt",))
        for name, chosen in (("local", None), ("dask", settings)):
            out = tmp_path / f"{name}.parquet"
            if kind == "variants":
                associate("g", out, source, engine=chosen)
            else:
                options = {"tests": ["burden"], "leave_one_out": True}
                associate_sets("g", "sets.tsv", out, source, engine=chosen, **options)
        for path in tmp_path.glob("local.*"):
            assert sha256(path) == sha256(path.with_name(path.name.replace("local", "dask"))), path.name
        assert not list(tmp_path.glob(".tmp*"))

    def test_of_kinship(self, study, engine):
        store = open_store(study / "g")
        chosen = np.arange(0, M, 2)
        here, there = (asdict(pair_counts(store, chosen, engine=e)) for e in (None, engine))
        for name, column in here.items():
            assert column.tobytes() == there[name].tobytes(), name

    def test_when_a_worker_is_killed_in_the_middle(self, study, cluster, settings, tmp_path):
        rng = np.random.default_rng(6)
        traits = {
            "qt": ("linear", rng.normal(size=N)),
            "bt": ("logistic", rng.integers(0, 2, N)),
        }
        # Cox is left out here: its kernels would be compiled once more in each new worker.
        design = make_design(traits, covariate_set(rng, N), N)
        killed = []

        def kill(_: int) -> None:
            if not killed:
                killed.append(next(iter(cluster.workers.values())).pid)
                os.kill(killed[0], signal.SIGKILL)

        with one_blas_thread(1):
            plan = plan_scan(open_store(study / "g"), design, list(traits), ScanOptions())
            for name, chosen, report in (("local", None, None), ("dask", settings, kill)):
                with open_engine(chosen, 1, tmp_path) as opened:
                    stream_result(
                        study / "g", N, [(slice(0, M), plan)], 2, VARIANT_SCHEMA,
                        tmp_path / f"{name}.parquet",
                        engine=opened, block=20, report=report,
                    )  # fmt: skip
        assert killed
        assert sha256(tmp_path / "local.parquet") == sha256(tmp_path / "dask.parquet")


class TestOrderAndNumber:
    @pytest.mark.parametrize("kind", ["local", "threads", "dask"])
    def test_results_come_in_order_and_few_are_computed_before_they_are_taken(self, kind, engine, folder):
        chosen = {"local": LocalEngine(), "threads": LocalEngine(2), "dask": engine}[kind]
        block = blocks.Uneven(folder)
        found = run_blocks(block, SPANS, chosen)
        first = next(found)
        time.sleep(0.2)
        assert block.started <= 1 + 2 * 2
        assert numbers([first, *found]) == list(range(30))
        assert block.started == len(SPANS)

    def test_who_stops_taking_leaves_nothing_behind(self, engine, folder, tmp_path):
        found = run_blocks(blocks.Uneven(folder), SPANS, engine)
        next(found)
        found.close()
        assert not list(tmp_path.glob(".tmp*"))

    def test_no_spans_give_no_results(self, engine, folder):
        assert list(run_blocks(blocks.Uneven(folder), [], engine)) == []


class TestBadBlocks:
    def test_one_that_kills_its_worker_is_named_after_two_deaths(self, engine, folder, capfd):
        block, began = blocks.Deadly(folder), time.monotonic()
        with pytest.raises(BlockError, match=r"items 6 to 8: no result.*nothing beside it.*Workers died"):
            list(run_blocks(block, SPANS, engine))
        assert block.tries(6) == 2
        assert time.monotonic() - began < 30
        assert "items 6 to 8; it is tried alone" in capfd.readouterr().err

    def test_one_that_fails_is_tried_as_often_as_it_may_be(self, settings, folder, tmp_path):
        block = blocks.Faulty(folder)
        with (
            open_engine(replace(settings, tries=2), 1, tmp_path) as engine,
            pytest.raises(BlockError, match=r"(?s)items 6 to 8: no result.*2 tries.*the sixth is wrong"),
        ):
            list(run_blocks(block, SPANS, engine))
        assert block.tries(6) == 2

    def test_one_that_fails_once_has_its_result(self, engine, folder):
        block = blocks.FaultyOnce(folder)
        assert numbers(run_blocks(block, SPANS, engine)) == list(range(30))
        assert block.tries(6) == 2

    def test_a_fault_of_the_user_is_told_as_such_and_not_tried_again(self, engine, folder):
        block = blocks.Refused(folder)
        with pytest.raises(InputError, match=r"g\.bim") as caught:
            list(run_blocks(block, SPANS, engine))
        assert caught.value.problems[0].expected == "a variant"
        assert block.tries(6) == 1

    def test_one_that_never_ends_is_named(self, settings, folder, tmp_path):
        hold = folder.with_name("hold")
        hold.touch()
        try:
            with (
                open_engine(replace(settings, patience=0.5), 1, tmp_path) as engine,
                pytest.raises(BlockError, match=r"items 6 to 8: no result; for 0\.5 s no block has ended"),
            ):
                list(run_blocks(blocks.Held(folder), SPANS, engine))
        finally:
            hold.unlink()

    @pytest.mark.parametrize("threads", [1, 2])
    def test_in_this_process_an_error_is_itself_with_a_note(self, folder, threads):
        with pytest.raises(ZeroDivisionError) as caught:
            list(run_blocks(blocks.Faulty(folder), SPANS, LocalEngine(threads)))
        assert caught.value.__notes__ == ["in items 6 to 8"]

    @pytest.mark.long
    def test_one_that_is_larger_than_the_memory_of_a_worker_is_named(self, engine, folder):
        began = time.monotonic()
        with pytest.raises(BlockError, match=r"items 6 to 8: no result.*Workers died.*more memory"):
            list(run_blocks(blocks.Hungry(folder), SPANS, engine))
        assert time.monotonic() - began < 180


class TestScheduler:
    def test_nobody_at_the_address(self, tmp_path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        began = time.monotonic()
        with (
            pytest.raises(InputError, match=rf"{address}: no scheduler that answers within 0\.5 s"),
            open_engine(EngineSettings("dask", address, timeout=0.5), 1, tmp_path),
        ):
            pass
        assert time.monotonic() - began < 10

    @pytest.mark.parametrize("scheduler", ["no.json", "foo://bar"])
    def test_no_address_at_all(self, tmp_path, monkeypatch, scheduler):
        monkeypatch.chdir(tmp_path)
        with (
            pytest.raises(InputError, match=scheduler),
            open_engine(EngineSettings("dask", scheduler, timeout=0.5), 1, tmp_path),
        ):
            pass

    def test_one_without_workers_and_one_that_is_lost(self, tmp_path, folder):
        small = {"n_workers": 0, "processes": False, "dashboard_address": ":0"}
        with distributed.LocalCluster(**small) as lost:
            file = tmp_path / "scheduler.json"
            file.write_text(json.dumps({"address": lost.scheduler_address}))
            chosen = EngineSettings("dask", str(file), timeout=0.5)
            with pytest.raises(InputError, match="no worker within"), open_engine(chosen, 1, tmp_path):
                pass
            lost.scale(1)
            with open_engine(replace(chosen, timeout=5), 1, tmp_path) as engine:
                found = run_blocks(blocks.Uneven(folder), spans_of(0, 3000, 3), engine)
                next(found)
                lost.close()
                with pytest.raises(
                    BlockError, match=r"items \d+ to \d+: no result; the scheduler at .* was lost"
                ):
                    list(found)

    def test_workers_with_other_software_or_without_the_file_do_nothing(self, tmp_path, folder):
        from endotype.dask_engine import run_parcel, sent

        with sent(blocks.Uneven(folder), tmp_path) as parcel:
            other = run_parcel(replace(parcel, software=parcel.software | {"numpy": "1.0"}), 0, 3)
        gone = run_parcel(parcel, 0, 3)
        assert [(p.column, p.expected) for p in other.final.problems] == [("numpy", "1.0")]
        assert "not seen from" in str(gone.final)
        assert not list(folder.iterdir())

    def test_slurm_is_asked_for_what_the_settings_say(self):
        pytest.importorskip("dask_jobqueue", reason="the extra 'dask' is not installed")
        from endotype.dask_engine import slurm_cluster

        wanted = SlurmSettings(3, 2, 3000, "01:00:00", "night", "lab", "/scratch", ["--qos=low"])
        with slurm_cluster(wanted) as started:
            lines = started.job_script().splitlines()
        asked = {line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH")}
        assert asked >= {"-p night", "-A lab", "--cpus-per-task=2", "--mem=3G", "-t 01:00:00", "--qos=low"}
        assert any(line.startswith("export PYTHONPATH=") for line in lines)
        given = set(re.findall(r"--\S+ \S+", lines[-1]))
        assert given >= {"--nworkers 2", "--nthreads 1", "--local-directory /scratch"}


class TestSettings:
    INPUTS = {  # noqa: RUF012
        "inputs": {"samples": "s.tsv", "clinical": "c.tsv", "dictionary": "d.yaml"},
        "reference": {"fasta": "r.fa"},
    }

    def test_defaults_are_those_of_the_schema(self):
        filled = complete(self.INPUTS)["engine"]
        assert engine_settings(filled) == EngineSettings()
        slurm = {"kind": "dask", "slurm": {}}
        made = engine_settings(complete(self.INPUTS | {"engine": slurm})["engine"]).slurm
        assert made == replace(SlurmSettings(), directives=[])
        assert set(asdict(SlurmSettings())) == set(
            schema("config")["properties"]["engine"]["properties"]["slurm"]["properties"]
        )

    @pytest.mark.parametrize(
        ("section", "column"),
        [
            ({"kind": "dusk"}, "engine.kind"),
            ({"kind": "dask"}, "engine.kind"),
            ({"kind": "dask", "scheduler": "tcp://h:1", "slurm": {}}, "engine.kind"),
            ({"kind": "dask", "slurm": {"core": 2}}, "engine.slurm.core"),
            ({"kind": "dask", "slurm": {"walltime": "1 day"}}, "engine.slurm.walltime"),
            ({"tries": 0}, "engine.tries"),
            ({"patience": 0}, "engine.patience"),
        ],
    )
    def test_what_can_not_be_is_refused_by_the_configuration_and_by_the_command(self, section, column):
        with pytest.raises(InputError) as caught:
            complete(self.INPUTS | {"engine": section})
        assert [p.column for p in caught.value.problems] == [column]
        if column != "engine.slurm.walltime":  # sbatch will say so
            with pytest.raises(InputError) as caught:
                read_settings(json.dumps(section))
            assert [p.column for p in caught.value.problems] == [column.removeprefix("engine.")]

    @pytest.mark.parametrize("text", ["{", "[]", "dask"])
    def test_an_option_that_is_no_section(self, text):
        with pytest.raises(InputError, match="--engine"):
            read_settings(text)

    def test_commands_take_the_engine_from_the_environment(self, monkeypatch):
        import argparse

        monkeypatch.setenv(VARIABLE, "")  # and taken back afterwards
        for section in ({}, {"kind": "dask", "scheduler": "tcp://h:1"}):
            if section:
                hand_on(complete(self.INPUTS | {"engine": section})["engine"])
            parser = argparse.ArgumentParser()
            add_engine_argument(parser)
            assert parser.parse_args([]).engine == engine_settings(section)

    def test_a_package_that_is_not_there(self, monkeypatch, tmp_path):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        settings = EngineSettings("dask", "tcp://h:1")
        with (
            pytest.raises(InputError, match="distributed is not installed"),
            open_engine(settings, 1, tmp_path),
        ):
            pass
        found = []
        for reader in engine_readers(asdict(replace(settings, slurm=SlurmSettings()))):
            with pytest.raises(InputError) as caught:
                reader()
            found.append(caught.value.problems[0].suggestion)
        assert found == ["pip install distributed", "pip install dask-jobqueue"]
        assert engine_readers(asdict(EngineSettings())) == []
