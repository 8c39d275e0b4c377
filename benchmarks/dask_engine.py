"""What a Dask scheduler costs and gives: blocks here against blocks on two workers of this machine.

Seconds from the opening of the engine to the finished file, in rounds in which the engines run in turn; the
workers are there already (``start`` is what two of them take) and have run once. All results of a case must
have one hash, those of a run whose worker is killed among them. ``bad`` says how long it takes until a block
that kills its worker, or that is larger than its memory, is named.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import signal
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import dask
import distributed
import numpy as np
import pandas as pd

from benchmarks.machine import machine
from benchmarks.packed_scan import simulate
from endotype.association.design_source import DesignSource
from endotype.association.scan import ScanOptions, associate
from endotype.association.set_scan import associate_sets
from endotype.engine import BlockError, EngineSettings, open_engine, run_blocks, spans_of
from endotype.files import to_json, write_json
from endotype.variants.plink import open_store, write_store
from endotype.variants.relatedness import pair_counts
from tests import engine_blocks

Work = Callable[[EngineSettings | None, int, Path], object]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--variants", type=int, default=30_000)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file")
    a = parser.parse_args()
    found_on = machine() | {"distributed": distributed.__version__}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_study(folder, a.people, a.variants, a.seed)
        began = time.perf_counter()
        with (
            # Else a killed worker that takes longer to come back is gone for good.
            dask.config.set({"distributed.deploy.lost-worker-timeout": "10 minutes"}),
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit="1GiB"
            ) as cluster,
        ):
            start = time.perf_counter() - began
            cases = [
                measure(name, work, cluster, folder, a.repeats) for name, work in cases_of(folder).items()
            ]
            bad = {kind.__name__: until_named(kind, cluster, folder) for kind in BAD}
    result = {
        "machine": found_on,
        "people": a.people,
        "variants": a.variants,
        "start": start,
        "cases": cases,
        "bad": bad,
    }
    if a.out:
        write_json(a.out, result)
    print(to_json(result), end="")


def make_study(folder: Path, n: int, m: int, seed: int) -> None:
    """A fileset, sheets with a quantitative and a binary trait, and sets of 20 variants."""
    rng = np.random.default_rng(seed)
    ids = [f"v{i}" for i in range(m)]
    variants = pd.DataFrame({"id": ids, "pos": 1 + np.arange(m)})
    variants[["chrom", "cm", "alt", "ref"]] = ["1", 0, "C", "A"]
    people = pd.DataFrame({"fid": 0, "iid": [f"P{i}" for i in range(n)]})
    people[["father", "mother", "sex", "phenotype"]] = [0, 0, 0, -9]
    write_store(folder / "g", simulate(rng, n, m, 0.01), variants, people)
    sheet = pd.DataFrame({"IID": people["iid"]})
    traits = {"qt": rng.normal(size=n), "bt": (rng.random(n) < 0.05).astype(int)}
    sheet.assign(**traits).to_csv(folder / "pheno.tsv", sep="\t", index=False)
    covariates = {f"c{i}": rng.normal(size=n) for i in range(10)}
    sheet.assign(**covariates).to_csv(folder / "covar.tsv", sep="\t", index=False)
    sets = pd.DataFrame({"set": [f"s{i // 20}" for i in range(min(m, 2000))], "variant": ids[:2000]})
    sets.to_csv(folder / "sets.tsv", sep="\t", index=False)


def cases_of(folder: Path) -> dict[str, Work]:
    """What is measured."""

    def source(trait: str) -> DesignSource:
        return DesignSource(None, None, folder / "pheno.tsv", folder / "covar.tsv", (trait,))

    def variants(trait: str, options: ScanOptions, region: str | None, *run: object) -> None:
        engine, threads, out = run
        associate(
            folder / "g", out, source(trait), region=region, options=options, engine=engine, threads=threads
        )  # type: ignore[arg-type]

    def sets(engine: EngineSettings | None, threads: int, out: Path) -> None:
        associate_sets(folder / "g", folder / "sets.tsv", out, source("bt"), engine=engine, threads=threads)

    def kinship(engine: EngineSettings | None, threads: int, out: Path) -> None:
        store = open_store(folder / "g")
        with open_engine(engine, threads, out.parent) as opened:
            found = pair_counts(store, np.arange(store.n_variants), 0.04, engine=opened)
        out.write_bytes(found.kinship.tobytes() + found.called.tobytes())

    return {
        "variants, linear": partial(variants, "qt", ScanOptions("linear"), None),
        "variants, Firth for every one": partial(variants, "bt", ScanOptions("firth"), "1:1-4000"),
        "sets of 20, binary": sets,
        "kinship of all pairs": kinship,
    }


def measure(
    name: str, work: Work, cluster: distributed.LocalCluster, folder: Path, repeats: int
) -> dict[str, object]:
    """Median seconds of each engine; hashes must agree."""
    dask = EngineSettings("dask", cluster.scheduler_address)
    engines: dict[str, tuple[EngineSettings | None, int]] = {
        "1 thread": (None, 1),
        "2 threads": (None, 2),
        "2 workers": (dask, 1),
    }
    seconds: dict[str, list[float]] = {engine: [] for engine in engines}
    hashes = set()
    for turn in range(repeats + 1):
        for engine, (settings, threads) in engines.items():
            taken, digest = timed(work, settings, threads, folder)
            hashes.add(digest)
            if turn:
                seconds[engine].append(taken)
    median = {engine: statistics.median(times) for engine, times in seconds.items()}
    with distributed.Client(cluster, set_as_default=False) as client:
        megabytes = max(client.run(peak_megabytes).values())
    killed, digest = with_a_worker_killed(work, cluster, folder, median["2 workers"] / 4)
    if len(hashes | {digest}) != 1:
        raise SystemExit(f"{name}: {len(hashes | {digest})} different results")
    print(name, median, f"one worker killed {killed:.2f}", flush=True)
    return {
        "name": name,
        "seconds": median,
        "killed": killed,
        "worker_megabytes": megabytes,
        "ratio": median["2 workers"] / median["2 threads"],
    }


def with_a_worker_killed(
    work: Work, cluster: distributed.LocalCluster, folder: Path, after: float
) -> tuple[float, str]:
    """:func:`timed` of a run of which a worker is killed after some seconds; again where it ended before."""
    dask = EngineSettings("dask", cluster.scheduler_address)
    for _ in range(5):
        killed: list[int] = []

        def kill(victim: int, killed: list[int] = killed) -> None:
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)

        pid = next(iter(cluster.workers.values())).pid
        at = cluster.loop.call_later(after, kill, pid)
        found = timed(work, dask, 1, folder)
        cluster.loop.remove_timeout(at)
        if killed:
            return found
        after /= 2
    raise SystemExit("the runs end before a worker can be killed")


def timed(work: Work, settings: EngineSettings | None, threads: int, folder: Path) -> tuple[float, str]:
    """Seconds, and the hash of what was written."""
    out = folder / "out.parquet"
    began = time.perf_counter()
    work(settings, threads, out)
    return time.perf_counter() - began, hashlib.sha256(out.read_bytes()).hexdigest()


def peak_megabytes() -> float:
    """Most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


BAD = (engine_blocks.Deadly, engine_blocks.Hungry)


def until_named(kind: type[engine_blocks.Counting], cluster: distributed.LocalCluster, folder: Path) -> dict:
    """How long until a bad block is named, and how often it was tried."""
    tries = folder / kind.__name__
    tries.mkdir()
    block = kind(tries)
    began = time.perf_counter()
    try:
        with open_engine(EngineSettings("dask", cluster.scheduler_address), 1, folder) as engine:
            list(run_blocks(block, spans_of(0, 30, 3), engine))
    except BlockError as error:
        return {"seconds": time.perf_counter() - began, "workers": block.tries(6), "message": str(error)}
    raise SystemExit(f"{kind.__name__} was not named")


if __name__ == "__main__":
    main()
