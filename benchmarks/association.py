"""Linear association here and in plink2, on the same fileset, one thread each, in turn.

Prints a table and writes JSON. ``end_to_end`` is the whole command, the start of Python included; ``scan`` is
the work inside a warm process, without reading and writing tables. A ratio above 1 means that we are faster.
"""

from __future__ import annotations

import argparse
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: plink2 and we each have one thread

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from endotype.association.scan import scan
from endotype.association.sheets import design_from_sheets
from endotype.files import to_json, write_json
from endotype.variants.plink import open_store, pack, write_store

SCRIPT = Path(__file__).parents[1] / "scripts" / "associate.py"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--variants", type=int, default=20_000)
    parser.add_argument("--covariates", type=int, default=10)
    parser.add_argument("--missing", type=float, default=0.01, help="share of genotypes (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file")
    a = parser.parse_args()
    if shutil.which("plink2") is None:
        print("skipped: plink2 is not on the PATH")
        return
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), a.people, a.variants, a.covariates, a.missing, a.repeats, a.seed)
    print(table(result))
    if a.out:
        write_json(a.out, result)
    else:
        print(to_json(result), end="")


def measure(
    folder: Path, n: int, m: int, n_covariates: int, missing: float, repeats: int, seed: int
) -> dict[str, object]:
    """Paired times in seconds: each repeat runs plink2, then us."""
    simulate(folder, n, m, n_covariates, missing, seed)
    ours = [
        *(sys.executable, str(SCRIPT), "--bfile", "g", "--pheno", "pheno.tsv", "--covar", "covar.tsv"),
        *("--trait", "y", "--min-allele-count", "1", "--threads", "1", "--out", "ours.parquet"),
    ]
    theirs = [
        *("plink2", "--bfile", "g", "--pheno", "pheno.tsv", "--covar", "covar.tsv"),
        *("--glm", "hide-covar", "omit-ref", "--covar-variance-standardize", "--threads", "1"),
        *("--out", "theirs"),
    ]
    store = open_store(folder / "g")
    design = design_from_sheets(store.people["iid"], folder / "pheno.tsv", folder / "covar.tsv", ["y"])

    def warm() -> None:
        scan(store, design, ["y"], slice(0, store.n_variants), 1)

    timed(ours, folder)  # compiles the kernels, fills the file cache
    warm()
    rounds = []
    for _ in range(repeats):
        peer, whole = timed(theirs, folder), timed(ours, folder)
        start = time.perf_counter()
        warm()
        rounds.append({"plink2": peer, "end_to_end": whole, "scan": time.perf_counter() - start})
    return {
        "people": n,
        "variants": m,
        "covariates": n_covariates,
        "missing": missing,
        "largest_relative_difference": agreement(folder),
        "seconds": {k: statistics.median(r[k] for r in rounds) for k in rounds[0]},
        "ratio": {k: statistics.median(r["plink2"] / r[k] for r in rounds) for k in ("end_to_end", "scan")},
        "rounds": rounds,
    }


def simulate(folder: Path, n: int, m: int, n_covariates: int, missing: float, seed: int) -> None:
    """A fileset with many rare variants, and sheets."""
    rng = np.random.default_rng(seed)
    packed = []
    for start in range(0, m, 2000):
        frequency = rng.beta(0.3, 1.5, min(2000, m - start))[:, None]
        dosages = rng.binomial(2, frequency, (len(frequency), n)).astype(np.int8)
        dosages[rng.random(dosages.shape) < missing] = -1
        packed.append(pack(dosages))
    ids = [f"P{i}" for i in range(n)]
    variants = pd.DataFrame(
        {"chrom": "1", "id": [f"v{i}" for i in range(m)], "cm": 0, "pos": np.arange(m) + 1}
    )
    people = pd.DataFrame({"fid": 0, "iid": ids, "father": 0, "mother": 0, "sex": 0, "phenotype": -9})
    write_store(folder / "g", np.concatenate(packed), variants.assign(alt="C", ref="A"), people)
    covariates = pd.DataFrame(rng.normal(size=(n, n_covariates))).add_prefix("c")
    trait = covariates.sum(axis=1) + rng.normal(size=n)
    head = pd.DataFrame({"#IID": ids})
    head.assign(y=trait).to_csv(folder / "pheno.tsv", sep="\t", index=False)
    pd.concat([head, covariates], axis=1).to_csv(folder / "covar.tsv", sep="\t", index=False)


def timed(command: list[str], folder: Path) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def agreement(folder: Path) -> dict[str, float]:
    """Largest relative difference of what both give; plink2 prints six digits."""
    peer = pd.read_csv(folder / "theirs.y.glm.linear", sep="\t")
    ours = pd.read_parquet(folder / "ours.parquet")
    both = ours.merge(peer, left_on="id", right_on="ID")
    both = both[(both["status"] == "OK") & both["P"].notna()]
    p = 10 ** -both["neg_log10_p"]
    return {
        "beta": float((both["beta"] / both["BETA"] - 1).abs().max()),
        "se": float((both["se"] / both["SE"] - 1).abs().max()),
        "p": float((p / both["P"] - 1).abs().max()),
    }


def table(result: dict[str, object]) -> str:
    """The result for people."""
    seconds, ratio = result["seconds"], result["ratio"]
    assert isinstance(seconds, dict) and isinstance(ratio, dict)
    lines = [f"{result['people']} people x {result['variants']} variants, median seconds and ratio to plink2"]
    lines += [f"{k:>12} {seconds[k]:9.3f} {ratio.get(k, 1.0):8.2f}x" for k in seconds]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
