"""Binary traits here and in plink2 --glm firth-fallback, on the same fileset, one thread each, in turn.

Ours is a score test of every variant, and of those with p < 0.05 either plink2's choice (Wald, Firth where
that has no estimate: ``fallback``) or Firth's penalised likelihood ratio (``firth``), in a warm process: the
fit of the null model, the tests and the p-values, without reading and writing tables. plink2 is its whole
command. A ratio above 1 means that we are faster. ``refined`` gives the time of each test for one variant
that the screen has picked.
"""

from __future__ import annotations

import argparse
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: plink2 and we each have one thread

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.association import simulate, timed
from endotype.association.firth import refine_firth, refine_wald_or_firth
from endotype.association.logistic import fit_logistic
from endotype.association.null_model import Scores
from endotype.association.rare_case import BinaryNull, Refined
from endotype.association.scan import BLOCK, one_blas_thread
from endotype.association.spa import refine_spa
from endotype.association.wald import refine_wald
from endotype.files import to_json, write_json
from endotype.variants.plink import open_store

SCREEN = 1.959964
"""|z| from which a variant is refined: p < 0.05."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=2504)
    parser.add_argument("--variants", type=int, default=10_000)
    parser.add_argument("--covariates", type=int, default=10)
    parser.add_argument("--cases", type=float, default=0.02, help="share of people (%(default)s)")
    parser.add_argument("--missing", type=float, default=0.01, help="share of genotypes (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file")
    a = parser.parse_args()
    if shutil.which("plink2") is None:
        print("skipped: plink2 is not on the PATH")
        return
    with tempfile.TemporaryDirectory() as folder, one_blas_thread(1):
        result = measure(
            Path(folder), a.people, a.variants, a.covariates, a.cases, a.missing, a.repeats, a.seed
        )
    if a.out:
        write_json(a.out, result)
    print(to_json(result), end="")


def measure(
    folder: Path, n: int, m: int, n_covariates: int, cases: float, missing: float, repeats: int, seed: int
) -> dict[str, object]:
    """Paired times in seconds: each repeat runs plink2, then us."""
    simulate(folder, n, m, n_covariates, missing, seed)
    store = open_store(folder / "g")
    packed = np.asarray(store.packed)
    covariates = pd.read_csv(folder / "covar.tsv", sep="\t").iloc[:, 1:].to_numpy(float)
    case = liability(packed, covariates, n, cases, seed)
    sheet = pd.DataFrame({"#IID": store.people["iid"], "y": case.astype(int)})
    sheet.to_csv(folder / "case.tsv", sep="\t", index=False)
    theirs = [
        *("plink2", "--1", "--bfile", "g", "--pheno", "case.tsv", "--covar", "covar.tsv"),
        *("--glm", "hide-covar", "omit-ref", "firth-fallback", "--threads", "1", "--out", "theirs"),
    ]
    place = np.arange(n)

    refiners = {"fallback": refine_wald_or_firth, "firth": refine_firth}
    for refine in refiners.values():
        screened(packed, place, case, covariates, refine)  # compiles the kernels
    rounds = []
    for _ in range(repeats):
        times = {"plink2": timed(theirs, folder)}
        found = {}
        for name, refine in refiners.items():
            start = time.perf_counter()
            picked, found[name] = screened(packed, place, case, covariates, refine)
            times[name] = time.perf_counter() - start
        rounds.append(times)
    null = BinaryNull.of(fit_logistic(case, covariates))
    tests: dict[str, Callable[[], Refined]] = {
        "wald": lambda: refine_wald(packed, place, null, picked),
        "firth": lambda: refine_firth(packed, place, null, picked),
        "firth_approximate": lambda: refine_firth(packed, place, null, picked, approximate=True),
        "spa": lambda: refine_spa(packed, place, null, picked),
    }
    return {
        "people": n,
        "variants": m,
        "covariates": n_covariates,
        "cases": int(case.sum()),
        "missing": missing,
        "load": os.getloadavg()[0],
        "picked": len(picked),
        "microseconds": {k: 1e6 / m * statistics.median(r[k] for r in rounds) for k in rounds[0]},
        "ratio": {k: statistics.median(r["plink2"] / r[k] for r in rounds) for k in refiners},
        "refined": {name: per_variant(test, len(picked)) for name, test in tests.items()},
        "agreement": {
            name: agreement(folder, store.variants["id"].to_numpy(), picked, result)
            for name, result in found.items()
        },
        "rounds": rounds,
    }


def liability(packed: np.ndarray, covariates: np.ndarray, n: int, cases: float, seed: int) -> np.ndarray:
    """Cases by a threshold on covariates, noise and the first three variants."""
    rng = np.random.default_rng(seed + 1)
    codes = (packed[:3, :, None] >> np.array([0, 2, 4, 6])) & 3
    dosages = np.array([2.0, 0.0, 1.0, 0.0])[codes.reshape(3, -1)[:, :n]]
    risk = 0.3 * covariates[:, :3].sum(axis=1) + 1.2 * dosages.sum(axis=0) + rng.logistic(size=n)
    chosen = np.zeros(n, bool)
    chosen[np.argsort(-risk, kind="stable")[: round(cases * n)]] = True
    return chosen


def screened(
    packed: np.ndarray,
    place: np.ndarray,
    case: np.ndarray,
    covariates: np.ndarray,
    refine: Callable[[np.ndarray, np.ndarray, BinaryNull, np.ndarray], Refined],
) -> tuple[np.ndarray, Refined]:
    """The variants that a score test picks, and what the second test says of them."""
    model = fit_logistic(case, covariates)
    picked = []
    for start in range(0, len(packed), BLOCK):
        scores: Scores = model.score(packed[start : start + BLOCK], place)
        with np.errstate(invalid="ignore", divide="ignore"):
            stat = np.where(scores.collinear, 0.0, model.statistics(scores).stat)
        picked.append(start + np.flatnonzero(np.abs(stat) >= SCREEN))
    rows = np.concatenate(picked)
    return rows, refine(packed, place, BinaryNull.of(model), rows)


def per_variant(test: Callable[[], Refined], n: int) -> float:
    """Least of three times, in microseconds a variant."""
    test()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        test()
        times.append(time.perf_counter() - start)
    return 1e6 * min(times) / max(n, 1)


def agreement(folder: Path, ids: np.ndarray, picked: np.ndarray, found: Refined) -> dict[str, object]:
    """Where both took the same test, the largest difference of estimates; who is significant by whom."""
    peer = pd.read_csv(folder / "theirs.y.glm.logistic.hybrid", sep="\t")
    ours = pd.DataFrame(
        {
            "ID": ids[picked],
            "beta": found.statistics.beta,
            "se": found.statistics.se,
            "p": 10**-found.statistics.neg_log10_p,
            "status": found.status,
        }
    )
    both = peer.merge(ours, on="ID", how="left")
    same_test = both["status"] == np.where(both["FIRTH?"] == "Y", "FIRTH", "OK")
    same = both[same_test & both["beta"].notna() & both["P"].notna()]
    beta_difference = (same["beta"] - np.log(same["OR"])).abs() / same["se"]
    se_difference = (same["se"] / same["LOG(OR)_SE"] - 1).abs()
    counts = {
        f"p < {level:g}": {
            "both": int(((both["P"] < level) & (both["p"] < level)).sum()),
            "only plink2": int(((both["P"] < level) & ~(both["p"] < level)).sum()),
            "only plink2, not picked": int(((both["P"] < level) & both["p"].isna()).sum()),
            "only ours": int((~(both["P"] < level) & (both["p"] < level)).sum()),
        }
        for level in (1e-3, 1e-5, 5e-8)
    }
    return {
        "same test": len(same),
        "beta, in standard errors": float(beta_difference.max()) if len(same) else None,
        "se, relative": float(se_difference.max()) if len(same) else None,
        "significant": counts,
    }


if __name__ == "__main__":
    main()
