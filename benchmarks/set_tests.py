"""Tests of variant sets: CPU time a set of each step and each test, on one thread.

Prints a table and writes JSON. The sets have rare variants of a quantitative and a binary trait; times are
means over all sets in the best of the repeats, of a warm process, from the packed genotypes on.

R SKAT is measured beside it where ``Rscript`` has it: the same sets, each read into memory as a matrix before
(which is not counted), the null model fitted once, missing genotypes filled in by their mean.
"""

from __future__ import annotations

import argparse
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from endotype.association.acat import acat_v
from endotype.association.linear import fit_linear
from endotype.association.logistic import fit_logistic
from endotype.association.robust import robust_scores
from endotype.association.set_lovo import leave_one_out
from endotype.association.set_scores import project, read_genotypes
from endotype.association.set_test import SetNull, SetOptions, test_set
from endotype.association.skat import beta_weights, burden, skat, skat_o
from endotype.files import to_json, write_json
from endotype.variants.plink import pack


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=2504)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--variants", type=int, default=47, help="in a set (%(default)s)")
    parser.add_argument("--covariates", type=int, default=10)
    parser.add_argument("--missing", type=float, default=0.01, help="share of genotypes (%(default)s)")
    parser.add_argument("--cases", type=float, default=0.2, help="share of people (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file")
    a = parser.parse_args()
    result = measure(a.people, a.sets, a.variants, a.covariates, a.missing, a.cases, a.repeats, a.seed)
    print(table(result))
    if a.out:
        write_json(a.out, result)
    else:
        print(to_json(result), end="")


def measure(
    n: int, n_sets: int, m: int, n_covariates: int, missing: float, cases: float, repeats: int, seed: int
) -> dict[str, object]:
    """Milliseconds of CPU a set."""
    rng = np.random.default_rng(seed)
    packed, raw = [], []
    for _ in range(n_sets):
        dosages = rng.binomial(2, rng.beta(0.2, 20, m)[:, None], (m, n)).astype(np.int8)
        dosages[rng.random(dosages.shape) < missing] = -1
        raw.append(dosages)
        packed.append(pack(dosages))
    covariates = rng.normal(size=(n, n_covariates))
    trait = covariates.sum(axis=1) + rng.normal(size=n)
    case = trait > np.quantile(trait, 1 - cases)
    data = {"linear": (trait, covariates), "logistic": (case.astype(float), covariates[:, :1])}
    models = {
        "linear": fit_linear(*data["linear"]),
        "logistic": fit_logistic(case, data["logistic"][1]),
    }
    place = np.arange(n)
    milliseconds: dict[str, dict[str, float]] = {}
    p: dict[str, np.ndarray] = {}
    for kind, model in models.items():
        projection = project(model)
        read = [read_genotypes(p, place, n).usable() for p in packed]
        scores = [projection.score(g) for g in read]
        weights = [beta_weights(g.minor_frequency) for g in read]
        steps: dict[str, Callable[[int], object]] = {
            "read": lambda i: read_genotypes(packed[i], place, n),
            "score": lambda i, p=projection, g=read: p.score(g[i]),
            "burden": lambda i, s=scores, w=weights: burden(s[i], w[i]),
            "skat": lambda i, s=scores, w=weights: skat(s[i], w[i]),
            "skat by davies": lambda i, s=scores, w=weights: skat(s[i], w[i], "davies"),
            "skato": lambda i, s=scores, w=weights: skat_o(s[i], w[i]),
            "acatv": lambda i, s=scores, w=weights: acat_v(s[i], w[i]),
        }
        if kind == "logistic":
            steps["saddlepoint variances"] = lambda i, p=projection, g=read, s=scores, w=weights: (
                robust_scores(p, g[i], s[i], w[i])
            )
        wholes = {
            "whole: burden and skat": SetOptions(tests=("burden", "skat")),
            "whole: skat": SetOptions(tests=("skat",)),
            "whole: skato": SetOptions(tests=("skato",)),
            "whole: all tests": SetOptions(),
        }
        if kind == "logistic":
            for test in ("skat", "skato"):  # as R SKAT, without saddlepoints and collapsing
                wholes[f"whole: {test}, plain"] = SetOptions(tests=(test,), robust=False, min_case_alleles=0)
        null = SetNull(model, projection)
        for name, options in wholes.items():
            steps[name] = lambda i, m=null, o=options: test_set(
                m, read_genotypes(packed[i], place, n), None, o
            )
        steps["whole: all tests without each variant"] = lambda i, m=null: leave_one_out(
            m, read_genotypes(packed[i], place, n), None, SetOptions()
        )
        for test, run in (("davies", skat), ("SKATO", skat_o)):
            p[f"{kind}.{test}"] = np.array(
                [10 ** -run(s, w).neg_log10_p for s, w in zip(scores, weights, strict=True)]
            )
        few = min(n_sets, 20)  # leaving variants out takes as long as dozens of whole sets
        milliseconds[kind] = {
            name: best(step, few if "without" in name else n_sets, repeats) for name, step in steps.items()
        }
    return {
        "people": n,
        "sets": n_sets,
        "variants_in_a_set": m,
        "covariates": n_covariates,
        "missing": missing,
        "cases": cases,
        "load_average": os.getloadavg()[0],
        "milliseconds_a_set": milliseconds,
        "r_skat": r_skat(raw, data, p, milliseconds, repeats),
    }


def r_skat(
    sets: list[np.ndarray],
    data: dict[str, tuple[np.ndarray, np.ndarray]],
    p: dict[str, np.ndarray],
    ours: dict[str, dict[str, float]],
    repeats: int,
) -> dict[str, object]:
    """R SKAT's milliseconds for the same sets, how many times ours they are, and how far its p-values are.

    Without the package, the reason alone.
    """
    pinned = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    probe = ["Rscript", "-e", "suppressMessages(library(SKAT)); cat(as.character(packageVersion('SKAT')))"]
    if shutil.which("Rscript") is None:
        return {"not_measured": "no Rscript"}
    found = subprocess.run(probe, capture_output=True, text=True, env=pinned, check=False)
    if found.returncode:
        return {"not_measured": "Rscript has no package SKAT"}
    times: dict[str, dict[str, float]] = {}
    ratios: dict[str, dict[str, float]] = {}
    apart: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        m, n = sets[0].shape
        (folder / "shape.txt").write_text(f"{n} {m} {len(sets)}\n")
        np.stack(sets).astype(np.int8).tofile(folder / "dosages.bin")
        for kind, (trait, covariates) in data.items():
            np.savetxt(folder / f"{kind}.txt", np.column_stack([trait, covariates]), fmt="%.17g")
        command = ["Rscript", str(Path(__file__).with_name("skat.R")), name, str(max(1, repeats // 2))]
        printed = subprocess.run(command, capture_output=True, text=True, env=pinned, check=True).stdout
        for line in printed.splitlines():
            kind, method, value = line.split()
            test = {"davies": "skat", "SKATO": "skato"}[method]
            whole = f"whole: {test}" + (", plain" if kind == "logistic" else "")
            theirs = np.loadtxt(folder / f"{kind}.{method}.p.txt")
            times.setdefault(kind, {})[test] = float(value)
            ratios.setdefault(kind, {})[test] = float(value) / ours[kind][whole]
            relative = np.abs(p[f"{kind}.{method}"] / theirs - 1)
            apart.setdefault(kind, {})[test] = float(np.median(relative))
    return {
        "version": found.stdout.strip(),
        "milliseconds_a_set": times,
        "times_ours": ratios,
        "median_relative_difference_of_p": apart,
    }


def best(step: Callable[[int], object], n_sets: int, repeats: int) -> float:
    """CPU milliseconds a set, in the best of some rounds; the first call, which compiles, is not counted."""
    step(0)
    rounds = []
    for _ in range(repeats):
        start = time.process_time()
        for i in range(n_sets):
            step(i)
        rounds.append(1e3 * (time.process_time() - start) / n_sets)
    return min(rounds)


def table(result: dict[str, object]) -> str:
    """The result for people."""
    milliseconds = result["milliseconds_a_set"]
    assert isinstance(milliseconds, dict)
    lines = [
        f"{result['people']} people, {result['sets']} sets of {result['variants_in_a_set']} variants,"
        " CPU milliseconds a set"
    ]
    for kind, steps in milliseconds.items():
        lines += [f"{kind:>9} {name:<40} {value:8.3f}" for name, value in steps.items()]
    peer = result["r_skat"]
    assert isinstance(peer, dict)
    if "not_measured" in peer:
        lines.append(f"R SKAT is not measured: {peer['not_measured']}")
    for kind, tests in peer.get("milliseconds_a_set", {}).items():
        for test, value in tests.items():
            ratio, apart = peer["times_ours"][kind][test], peer["median_relative_difference_of_p"][kind][test]
            lines.append(
                f"{kind:>9} {'R SKAT ' + test:<40} {value:8.3f}  {ratio:.1f} times ours, p {apart:.1e} apart"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
