"""Discovery of subtypes: similarity network fusion, and consensus clustering beside R ConsensusClusterPlus.

Prints a table and writes JSON. Wall seconds of a warm process. ConsensusClusterPlus gets the same data, the
same resamples and numbers of groups, in turn with ours; where it is not installed the reason is recorded.
"""

from __future__ import annotations

import argparse
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy

import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np

from benchmarks.machine import machine
from endotype.files import to_json, write_json
from endotype.subtypes.consensus import Consensus, consensus_labels, resampled_rows
from endotype.subtypes.consensus_engines import hierarchical_on, kmeans_consensus
from endotype.subtypes.similarity import affinity, eigengap, fuse_in_place, spectral_groups, squared_distances

FEATURES = (1000, 500, 200)
"""Of the views that are fused."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patients", type=int, default=5000, help="of fusion (%(default)s)")
    parser.add_argument("--resampled", type=int, default=500, help="patients of consensus (%(default)s)")
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--max-k", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file")
    a = parser.parse_args()
    result = {
        "machine": machine(),
        "fusion": fusion(a.patients, a.seed),
        "consensus": consensus(a.resampled, a.resamples, a.max_k, a.rounds, a.seed),
    }
    print(table(result))
    if a.out:
        write_json(a.out, result)
    else:
        print(to_json(result), end="")


def groups(n: int, p: int, rng: np.random.Generator) -> np.ndarray:
    """Four groups, float64 (n, p), that overlap."""
    return rng.normal(0, 0.35, (4, p))[np.arange(n) % 4] + rng.normal(size=(n, p))


def fusion(n: int, seed: int) -> dict[str, object]:
    """Seconds of each step for views of :data:`FEATURES`, on all cores."""
    seconds: dict[str, float] = {}

    def timed(name: str, step: Callable[[], np.ndarray]) -> np.ndarray:
        start = time.perf_counter()
        value = step()
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start
        return value

    for patients in (100, n):  # the first round compiles
        rng = np.random.default_rng(seed)
        seconds.clear()
        views = [groups(patients, p, rng) for p in FEATURES]
        networks = []
        for view in views:
            distances = timed("distances", lambda v=view: np.sqrt(squared_distances(v)))
            networks.append(timed("affinities", lambda d=distances: affinity(d, 20)))
        fused = timed("fusion, 20 steps", lambda w=networks: fuse_in_place(w, 20, 20))
        labels = timed("spectral groups", lambda w=fused: spectral_groups(w, 4))
        timed("eigengap", lambda w=fused: np.array(eigengap(w)))
    truth = np.arange(n) % 4
    same = (labels[:, None] == labels) == (truth[:, None] == truth)
    return {
        "patients": n,
        "features": list(FEATURES),
        "threads": numba.get_num_threads(),
        "seconds": seconds,
        "seconds_in_all": sum(seconds.values()),
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "pairs_as_planted": float(same.mean()),
    }


def consensus(n: int, resamples: int, max_k: int, rounds: int, seed: int) -> dict[str, object]:
    """Seconds of consensus over 2 to ``max_k`` groups, ours and R's."""
    values = groups(n, 100, np.random.default_rng(seed)) + 0.0
    ks = list(range(2, max_k + 1))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "shape.txt").write_text(f"{values.shape[1]} {n}\n")
        values.tofile(folder / "values.bin")
        rows = resampled_rows(n, resamples, seed)
        ours: dict[str, list[float]] = {}
        theirs: dict[str, list[float]] = {}
        version, reason = "", missing_peer()
        found: dict[int, Consensus] = {}

        def run(step: Callable[[], dict[int, Consensus]], keep: str, threads: int) -> dict[int, Consensus]:
            before = numba.get_num_threads()
            numba.set_num_threads(min(threads, before))
            start = time.perf_counter()
            done = step()
            for k in ks:  # the final groups are part of what R's function does
                consensus_labels(done[k].matrix, k)
            ours.setdefault(keep, []).append(time.perf_counter() - start)
            numba.set_num_threads(before)
            return done

        def linkage() -> dict[int, Consensus]:
            return hierarchical_on(np.sqrt(squared_distances(values)), ks, rows)

        def kmeans(restarts: int) -> dict[int, Consensus]:
            return kmeans_consensus(values, ks, resamples, seed, restarts=restarts)

        linkage(), kmeans(1), consensus_labels(np.eye(3), 2)  # compiles
        for _ in range(rounds):
            for algorithm in ("hc", "km"):
                if reason:
                    continue
                inner, whole, version = ask_r(folder, resamples, max_k, seed, algorithm)
                theirs.setdefault(f"{algorithm}, clustering and counting", []).append(inner)
                theirs.setdefault(f"{algorithm}, whole", []).append(whole)
            if not reason:
                rows = np.fromfile(folder / "rows.bin", np.int32).reshape(resamples, -1).astype(np.int64) - 1
            for threads in (1, 2):
                found = run(linkage, f"hc, {threads} threads", threads)
                run(lambda: kmeans(1), f"km, 1 start, {threads} threads", threads)
                run(lambda: kmeans(10), f"km, 10 starts, {threads} threads", threads)
        apart = None
        if not reason:
            matrices = [np.fromfile(folder / f"hc{k}.bin").reshape(n, n) for k in ks]
            apart = max(float(np.abs(found[k].matrix - m).max()) for k, m in zip(ks, matrices, strict=True))
    return {
        "patients": n,
        "features": values.shape[1],
        "resamples": resamples,
        "groups": [2, max_k],
        "seconds": {name: statistics.median(times) for name, times in ours.items()},
        "peer": reason or f"ConsensusClusterPlus {version}",
        "peer_seconds": {name: statistics.median(times) for name, times in theirs.items()},
        "ratio": {
            name: statistics.median(
                t / o for t, o in zip(theirs[f"{name[:2]}, clustering and counting"], times, strict=True)
            )
            for name, times in ours.items()
            if not reason
        },
        "largest_difference_of_consensus": apart,
    }


def missing_peer() -> str:
    """Why ConsensusClusterPlus can't be asked; empty if it can."""
    if shutil.which("Rscript") is None:
        return "no Rscript"
    probe = ["Rscript", "-e", "stopifnot(requireNamespace('ConsensusClusterPlus', quietly = TRUE))"]
    found = subprocess.run(probe, capture_output=True, check=False)
    return "Rscript has no package ConsensusClusterPlus" if found.returncode else ""


def ask_r(folder: Path, resamples: int, max_k: int, seed: int, algorithm: str) -> tuple[float, float, str]:
    """Seconds without and with plots, and the version."""
    script = Path(__file__).with_name("consensus.R")
    command = ["Rscript", str(script), str(folder), str(resamples), str(max_k), str(seed), algorithm]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(printed[-3]), float(printed[-2]), printed[-1]


def table(result: dict) -> str:
    """The result for people."""
    fused, resampled = result["fusion"], result["consensus"]
    lines = [f"fusion of {fused['patients']} patients x {len(fused['features'])} views, s"]
    lines += [f"  {name:<40} {value:8.2f}" for name, value in fused["seconds"].items()]
    lines.append(f"  {'in all':<40} {fused['seconds_in_all']:8.2f}  {fused['peak_megabytes']:.0f} MB")
    lines.append(f"consensus of {resampled['patients']} patients, {resampled['resamples']} resamples, s")
    for name, value in resampled["seconds"].items():
        ratio = resampled["ratio"].get(name)
        lines.append(f"  {name:<40} {value:8.3f}" + (f"  {ratio:.0f} times as fast" if ratio else ""))
    lines += [f"  {'R ' + name:<40} {value:8.2f}" for name, value in resampled["peer_seconds"].items()]
    lines.append(f"  {resampled['peer']}, apart {resampled['largest_difference_of_consensus']}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
