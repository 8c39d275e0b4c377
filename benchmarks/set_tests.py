"""Tests of variant sets: CPU time a set of each step and each test, on one thread.

Prints a table and writes JSON. The sets have rare variants of a quantitative and a binary trait; times are
means over all sets in the best of the repeats, of a warm process, from the packed genotypes on.
"""

from __future__ import annotations

import argparse
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from endotype.association.acat import acat_v
from endotype.association.linear import fit_linear
from endotype.association.logistic import fit_logistic
from endotype.association.robust import robust_scores
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
    packed = []
    for _ in range(n_sets):
        dosages = rng.binomial(2, rng.beta(0.2, 20, m)[:, None], (m, n)).astype(np.int8)
        dosages[rng.random(dosages.shape) < missing] = -1
        packed.append(pack(dosages))
    covariates = rng.normal(size=(n, n_covariates))
    trait = covariates.sum(axis=1) + rng.normal(size=n)
    models = {
        "linear": fit_linear(trait, covariates),
        "logistic": fit_logistic(trait > np.quantile(trait, 1 - cases), covariates[:, :1]),
    }
    place = np.arange(n)
    milliseconds: dict[str, dict[str, float]] = {}
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
            "whole: skato": SetOptions(tests=("skato",)),
            "whole: all five": SetOptions(),
        }
        if kind == "logistic":
            plain = SetOptions(tests=("burden", "skat"), robust=False, min_case_alleles=0)
            wholes["whole: burden and skat, plain"] = plain
        null = SetNull(model, projection)
        for name, options in wholes.items():
            steps[name] = lambda i, m=null, o=options: test_set(
                m, read_genotypes(packed[i], place, n), None, o
            )
        milliseconds[kind] = {name: best(step, n_sets, repeats) for name, step in steps.items()}
    return {
        "people": n,
        "sets": n_sets,
        "variants_in_a_set": m,
        "covariates": n_covariates,
        "missing": missing,
        "cases": cases,
        "load_average": os.getloadavg()[0],
        "milliseconds_a_set": milliseconds,
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
        lines += [f"{kind:>9} {name:<30} {value:8.3f}" for name, value in steps.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
