"""How often groups are reported where there are none, and how often planted ones are found.

    python -m benchmarks.subtype_safety --out benchmarks/results/subtype_safety.json

* 200 cohorts without groups: independent features, correlated ones, and correlated gaussian and binary ones
  with missing values. Share with k = 1.
* 200 cohorts of one smooth gradient and nothing else: its law is normal, uniform or skewed, and features are
  gaussian or half of them binary. Share with k = 1, and in how many of those an axis is reported.
* 60 cohorts of 2, 3 or 4 planted groups at several distances. Share with the right k, and the adjusted Rand
  index where k is right. Distance is that of two centres over the standard deviation within a group.
* Survival that has to do with nothing, compared between the solutions of 12 (k, view) choices: share of
  cohorts in which the best solution's p-value is at most 0.05, as it stands and corrected for all choices.

Cohorts have 200 to 500 patients and 8 to 20 features. Every cohort is a line of ``--progress``, from which an
interrupted run goes on; ``--so-far`` prints the shares of what is there. The limits are those of the default
settings; the curves for the picture, which move no decision, are left out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from endotype.files import write_json
from endotype.subtypes.consensus_fit import adjusted_rand
from endotype.subtypes.mixture import Data
from endotype.subtypes.outcome import Outcome, compare_outcomes
from endotype.subtypes.selection import Settings, select

PATIENTS, FEATURES = (200, 300, 500), (8, 12, 20)
DISTANCES = (3.0, 4.0, 5.0, 6.0)
LIMIT = 0.05

Values = tuple[np.ndarray, np.ndarray]
"""Values (n, p) with NaN where missing, and which features are binary (p,)."""


def independent(rng: np.random.Generator, n: int, p: int) -> Values:
    return rng.standard_normal((n, p)), np.zeros(p, bool)


def correlated(rng: np.random.Generator, n: int, p: int) -> Values:
    loadings = 0.6 * rng.standard_normal((p, 5))
    return rng.standard_normal((n, 5)) @ loadings.T + rng.standard_normal((n, p)), np.zeros(p, bool)


def mixed(rng: np.random.Generator, n: int, p: int) -> Values:
    return with_holes(halved(rng, correlated(rng, n, p)[0]), rng)


def gradient(law: Callable[[np.random.Generator, int], np.ndarray], binary: bool = False) -> Any:
    """A maker of cohorts in which one score of ``law`` moves every feature."""

    def make(rng: np.random.Generator, n: int, p: int) -> Values:
        loadings = rng.uniform(0.5, 1.5, p) * rng.choice([-1, 1], p)
        values = standardised(law(rng, n))[:, None] * loadings + rng.standard_normal((n, p))
        return with_holes(halved(rng, values), rng) if binary else (values, np.zeros(p, bool))

    return make


def halved(rng: np.random.Generator, values: np.ndarray) -> Values:
    """The first half of the features cut to 0 and 1, at rates of 5 to 40 %."""
    binary = np.arange(values.shape[1]) < values.shape[1] // 2
    result = values.copy()
    for j in np.flatnonzero(binary):
        result[:, j] = values[:, j] > np.quantile(values[:, j], rng.uniform(0.6, 0.95))
    return result, binary


def with_holes(made: Values, rng: np.random.Generator, share: float = 0.05) -> Values:
    values, binary = made
    return np.where(rng.random(values.shape) < share, np.nan, values), binary


def standardised(values: np.ndarray) -> np.ndarray:
    return (values - np.nanmean(values, axis=0)) / np.nanstd(values, axis=0)


def as_data(made: Values) -> Data:
    values, binary = made
    return Data.of(np.where(binary, values, standardised(values)), binary)


NULLS = {"independent": independent, "correlated": correlated, "mixed with missing values": mixed}
GRADIENTS = {
    "normal": gradient(lambda rng, n: rng.standard_normal(n)),
    "uniform": gradient(lambda rng, n: rng.random(n)),
    "exponential": gradient(lambda rng, n: rng.exponential(size=n)),
    "normal, half binary": gradient(lambda rng, n: rng.standard_normal(n), binary=True),
}


def planted(rng: np.random.Generator, n: int, p: int, k: int, distance: float) -> tuple[Data, np.ndarray]:
    """Groups of at least a sixth of the cohort, with centres at ``distance`` from each other on average."""
    shares = 1 / 6 + (1 - k / 6) * rng.dirichlet(np.full(k, 2.0))
    groups = rng.choice(k, n, p=shares)
    centres = rng.standard_normal((k, p))
    apart = np.sqrt(((centres[:, None] - centres) ** 2).sum(axis=2))[np.triu_indices(k, 1)]
    values = centres[groups] * distance / apart.mean() + rng.standard_normal((n, p))
    return as_data((values, np.zeros(p, bool))), groups


def size(index: int) -> tuple[int, int]:
    return PATIENTS[index % 3], FEATURES[index // 3 % 3]


def one_undivided(make: Any, index: int, purpose: int) -> dict[str, Any]:
    rng = np.random.default_rng([purpose, index])
    found = select(as_data(make(rng, *size(index))), Settings(seed=index))
    axes = None if found.axes is None else len(found.axes.explained)
    return {"k": found.mixture.k, "axes": axes}


def one_planted(index: int) -> dict[str, Any]:
    rng = np.random.default_rng([3, index])
    k, distance = 2 + index % 3, DISTANCES[index // 3 % len(DISTANCES)]
    data, groups = planted(rng, *size(index // 12 + index), k, distance)
    found = select(data, Settings(seed=index))
    agreement = adjusted_rand(groups, found.mixture.labels(data))
    return {"planted": k, "distance": distance, "k": found.mixture.k, "ari": agreement}


def one_survival(index: int, permutations: int) -> dict[str, Any]:
    """k-means-like divisions at k = 2 to 5 of three views of noise, and an outcome that knows of none."""
    rng = np.random.default_rng([4, index])
    n = 200
    solutions = {}
    for view in range(3):
        x = rng.standard_normal((n, 6))
        for k in range(2, 6):
            centres = x[rng.permutation(n)[:k]]
            for _ in range(10):
                labels = ((x[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
                centres = np.array(
                    [x[labels == g].mean(axis=0) if (labels == g).any() else centres[g] for g in range(k)]
                )
            solutions[f"view {view + 1}, k={k}"] = labels
    death, end = rng.exponential(1.0, n), rng.uniform(0.5, 3, n)
    outcome = Outcome(np.minimum(death, end), (death <= end).astype(float))
    first = compare_outcomes({"survival": outcome}, solutions, next(iter(solutions)), permutations, index)
    log = first["survival"]["tried"]
    best = min(log, key=lambda row: row["p_adjusted"])
    return {"best_raw_p": min(row["p"] for row in log), "best_adjusted_p": best["p_adjusted"]}


def tasks(n_each: int, n_planted: int, n_survival: int, permutations: int) -> dict[str, Any]:
    """Every cohort by its key."""
    result: dict[str, Any] = {}
    for purpose, (family, makers) in enumerate((("null", NULLS), ("gradient", GRADIENTS)), start=1):
        for index in range(n_each):
            name = list(makers)[index % len(makers)]
            result[f"{family}|{name}|{index}"] = lambda make=makers[name], i=index, q=purpose: one_undivided(
                make, i, q
            )
    for index in range(n_planted):
        result[f"planted||{index}"] = lambda i=index: one_planted(i)
    for index in range(n_survival):
        result[f"survival||{index}"] = lambda i=index: one_survival(i, permutations)
    return result


def summary(done: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Shares over the cohorts of each kind."""
    result: dict[str, Any] = {}
    for family in ("null", "gradient"):
        rows = {key: row for key, row in done.items() if key.startswith(family + "|")}
        kinds = sorted({key.split("|")[1] for key in rows})
        result[family] = {"cohorts": len(rows), "share_k1": share(r["k"] == 1 for r in rows.values())}
        result[family]["by_kind"] = {
            kind: share(r["k"] == 1 for key, r in rows.items() if key.split("|")[1] == kind) for kind in kinds
        }
        result[family]["share_with_axis_of_k1"] = share(bool(r["axes"]) for r in rows.values() if r["k"] == 1)
    rows_planted = [row for key, row in done.items() if key.startswith("planted|")]
    result["planted"] = [
        {
            "planted": k,
            "distance": distance,
            "cohorts": len(these),
            "share_right_k": share(r["k"] == k for r in these),
            "share_k1": share(r["k"] == 1 for r in these),
            "mean_ari_right_k": mean(r["ari"] for r in these if r["k"] == k),
        }
        for k in (2, 3, 4)
        for distance in DISTANCES
        if (these := [r for r in rows_planted if r["planted"] == k and r["distance"] == distance])
    ]
    rows_survival = [row for key, row in done.items() if key.startswith("survival|")]
    result["survival"] = {
        "cohorts": len(rows_survival),
        "solutions": 12,
        "false_positives_best_raw": share(r["best_raw_p"] <= LIMIT for r in rows_survival),
        "false_positives_corrected": share(r["best_adjusted_p"] <= LIMIT for r in rows_survival),
    }
    return result


def share(values: Any) -> float | None:
    return mean(float(v) for v in values)


def mean(values: Any) -> float | None:
    numbers = list(values)
    return round(float(np.mean(numbers)), 4) if numbers else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohorts", type=int, default=200, help="without groups, and as many gradients")
    parser.add_argument("--planted", type=int, default=60)
    parser.add_argument("--survival", type=int, default=400)
    parser.add_argument("--permutations", type=int, default=999)
    parser.add_argument("--progress", type=Path, default=Path("subtype_safety.jsonl"))
    parser.add_argument("--part", default="0/1", help="i/m: every m-th cohort, for m processes")
    parser.add_argument("--so-far", action="store_true", help="compute nothing")
    parser.add_argument("--out", type=Path, help="not written while cohorts are missing")
    args = parser.parse_args()
    everything = tasks(args.cohorts, args.planted, args.survival, args.permutations)
    done = read_progress(args.progress)
    if args.so_far:
        print(json.dumps(summary(done), indent=1))
        return
    part, parts = map(int, args.part.split("/"))
    # Mixed, so that an unfinished run says something about every kind.
    mixed = np.random.default_rng(0).permutation(np.array(list(everything), dtype=object))
    todo = [key for index, key in enumerate(mixed) if index % parts == part and key not in done]
    for count, key in enumerate(todo, start=1):
        begin = time.process_time()
        row = everything[key]() | {"key": key, "seconds": round(time.process_time() - begin, 3)}
        with args.progress.open("a") as stream:
            stream.write(json.dumps(row) + "\n")
        print(f"{count}/{len(todo)} {row}", flush=True)
    done = read_progress(args.progress)
    if args.out and all(key in done for key in everything):
        seconds = sum(done[key]["seconds"] for key in everything)
        result = summary({key: done[key] for key in everything})
        write_json(args.out, {"machine": machine(), "cpu_seconds": round(seconds), **result})
        print(json.dumps(result, indent=1))


def read_progress(path: Path) -> dict[str, dict[str, Any]]:
    """Finished cohorts by key."""
    lines = path.read_text().splitlines() if path.exists() else []
    rows = [json.loads(line) for line in lines if line.endswith("}")]
    return {row["key"]: row for row in rows}


if __name__ == "__main__":
    main()
