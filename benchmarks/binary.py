"""What each test of a binary trait costs: the screen for any variant, the others for one that it has picked.

Processor microseconds a variant in a warm process, one thread, the least of some repeats, by share of cases.
Whole commands beside other programs are in benchmarks/association.py. Prints and writes JSON.
"""

from __future__ import annotations

import argparse
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from benchmarks.packed_scan import simulate
from endotype.association.firth import refine_by_count, refine_firth, refine_wald_or_firth
from endotype.association.logistic import fit_logistic
from endotype.association.rare_case import BinaryNull
from endotype.association.scan import ScanOptions, one_blas_thread
from endotype.association.spa import refine_spa
from endotype.association.trait_groups import group_traits, score_traits
from endotype.association.wald import refine_wald
from endotype.files import to_json, write_json


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=2504)
    parser.add_argument("--variants", type=int, default=10_000)
    parser.add_argument("--covariates", type=int, default=10)
    parser.add_argument("--missing", type=float, default=0.01, help="share of genotypes (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file")
    a = parser.parse_args()
    result: dict[str, object] = {"machine": machine()} | vars(a) | {"out": None}
    rng = np.random.default_rng(a.seed)
    packed = simulate(rng, a.people, a.variants, a.missing)
    covariates = rng.normal(size=(a.people, a.covariates))
    with one_blas_thread(1):
        result["by_cases"] = {
            f"{cases:g}": costs(packed, covariates, cases, a.repeats, rng) for cases in (0.02, 0.2)
        }
    if a.out:
        write_json(a.out, result)
    print(to_json(result), end="")


def costs(
    packed: np.ndarray, covariates: np.ndarray, cases: float, repeats: int, rng: np.random.Generator
) -> dict[str, object]:
    """Microseconds of the screen and of each test for one share of cases."""
    risk = 0.3 * covariates[:, :3].sum(axis=1) + rng.logistic(size=len(covariates))
    model = fit_logistic(risk > np.quantile(risk, 1 - cases), covariates)
    null, place = BinaryNull.of(model), np.arange(len(covariates))
    groups = group_traits([model], [place])
    block = 2048

    def screen() -> np.ndarray:
        picked = []
        for start in range(0, len(packed), block):
            (scores,) = score_traits(packed[start : start + block], groups)
            with np.errstate(all="ignore"):
                stat = np.where(scores.collinear, 0.0, model.statistics(scores).stat)
            picked.append(start + np.flatnonzero(np.abs(stat) >= ScanOptions().threshold))
        return np.concatenate(picked)

    rows = screen()
    tests: dict[str, Callable[[], object]] = {
        "wald": lambda: refine_wald(packed, place, null, rows),
        "firth": lambda: refine_firth(packed, place, null, rows),
        "firth, approximate": lambda: refine_firth(packed, place, null, rows, approximate=True),
        "saddlepoint": lambda: refine_spa(packed, place, null, rows),
        "Wald else Firth": lambda: refine_wald_or_firth(packed, place, null, rows),
        "default": lambda: refine_by_count(packed, place, null, rows),
    }
    return {
        "picked": len(rows),
        "screen": least(screen, repeats) / len(packed),
        "refined": {name: least(test, repeats) / max(len(rows), 1) for name, test in tests.items()},
    }


def least(test: Callable[[], object], repeats: int) -> float:
    """Processor microseconds, the least of the repeats; the first call, which compiles, is not counted."""
    test()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        test()
        times.append(time.process_time() - start)
    return 1e6 * min(times)


if __name__ == "__main__":
    main()
