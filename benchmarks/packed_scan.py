"""The packed scan by itself: how its time grows with people, covariates, traits and threads, to what limit.

Times are CPU microseconds a variant of one thread, the best of the repeats, without reading and writing; only
``speedup`` is of wall time. ``gemm`` is the time of the one matrix product, in double precision by BLAS, that
the sums over people would be if genotypes were unpacked already, which takes time too; ``memory`` the time to
read the packed genotypes once. Prints a table and writes JSON.
"""

from __future__ import annotations

import argparse
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from endotype.association.linear import fit_linear
from endotype.association.logistic import fit_logistic
from endotype.association.packed_scan import as_words
from endotype.association.trait_groups import group_traits, score_traits
from endotype.files import to_json, write_json
from endotype.variants.plink import pack

BASE = {"people": 2504, "covariates": 10, "traits": 1, "missing": 0.01, "kind": "linear"}
CASES = [
    {},
    {"missing": 0.0},
    {"kind": "logistic"},
    {"kind": "logistic", "missing": 0.0},
    {"covariates": 2},
    {"covariates": 20},
    {"covariates": 40},
    {"traits": 10},
    {"traits": 50},
    {"traits": 50, "missing": 0.0},
    {"people": 1000},
    {"people": 10_000},
    {"people": 100_000},
]
"""What is varied, one thing at a time."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variants", type=int, default=4096, help="of 2,504 people (%(default)s)")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file")
    a = parser.parse_args()
    found_on = machine()
    rows = [measure({**BASE, **case}, a.variants, a.repeats, a.seed) for case in CASES]
    for row in rows:
        print("  ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()))
    if a.out:
        write_json(a.out, {"machine": found_on, "cases": rows})
    else:
        print(to_json(rows), end="")


def measure(case: dict, n_variants: int, repeats: int, seed: int) -> dict:
    """Times of one case; the block has fewer variants the more people there are."""
    rng = np.random.default_rng(seed)
    n, k = case["people"], case["covariates"]
    m = max(512, min(n_variants, n_variants * 2504 // n))
    packed = simulate(rng, n, m, case["missing"])
    covariates = rng.normal(size=(n, k))
    if case["kind"] == "linear":
        models = [fit_linear(rng.normal(size=n), covariates) for _ in range(case["traits"])]
    else:
        models = [fit_logistic(rng.random(n) < 0.2, covariates) for _ in range(case["traits"])]
    places = [np.arange(n)] * len(models)
    groups = group_traits(models, places)

    def scan(first: int = 0, last: int = m) -> object:
        return score_traits(packed[first:last], groups)

    cpu, wall = best(scan, repeats)
    times = {"scan": cpu / m * 1e6}
    columns = -(-(k + 2 + case["traits"]) // 16) * 16
    dense, rows = np.zeros((256, n)) + 1.0, np.ones((n, columns))
    times["gemm"] = best(lambda: dense @ rows, repeats)[0] / 256 * 1e6
    words = as_words(packed)
    times["memory"] = best(lambda: words.sum(dtype=np.uint64), repeats)[0] / m * 1e6
    result = {**case, "variants": m, **times, "ratio_to_gemm": times["gemm"] / times["scan"]}
    with ThreadPoolExecutor(2) as pool:
        halves = best(lambda: list(pool.map(scan, (0, m // 2), (m // 2, m))), repeats)
    result["speedup_of_2_threads"] = wall / halves[1]
    return result


def simulate(rng: np.random.Generator, n: int, m: int, missing: float) -> np.ndarray:
    """Packed genotypes, 44 % of them with a minor allele frequency below 1 %, log-uniform."""
    parts = []
    for first in range(0, m, 256):
        rare = rng.random(min(256, m - first)) < 0.44
        low, high = np.where(rare, 1 / n, 0.01), np.where(rare, 0.01, 0.5)
        frequency = np.exp(rng.uniform(np.log(low), np.log(high)))[:, None]
        dosages = rng.binomial(2, frequency, (len(frequency), n)).astype(np.int8)
        dosages[rng.random(dosages.shape) < missing] = -1
        parts.append(pack(dosages))
    return np.concatenate(parts)


def best(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Seconds of CPU and of wall time, the least of each."""
    work()
    cpu, wall = [], []
    for _ in range(repeats):
        at, passed = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - at)
        wall.append(time.perf_counter() - passed)
    return min(cpu), min(wall)


if __name__ == "__main__":
    main()
