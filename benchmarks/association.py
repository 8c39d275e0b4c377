"""Whole association commands here and in plink2 and regenie, on the same filesets, in turn.

Every time is of the whole command, the start of Python with warm compile caches included; ``start`` is our
command on ten variants. Each round runs each peer, then us; ratios are medians over the rounds of wall times
(``ratio``) and of processor times (``ratio_cpu``), and above 1 we are faster. BLAS has one thread in all
programs. Peers that are not on the PATH are left out. Prints a table and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: every program has the threads that it is told

import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.machine import machine
from endotype.files import to_json, write_json
from endotype.variants.plink import open_store, pack, write_store

SCRIPT = Path(__file__).parents[1] / "scripts" / "associate.py"
RARE = 0.44
"""Share of variants with a minor allele frequency below 1 %, as in a simulated European sample."""


@dataclass(frozen=True)
class Case:
    """One comparison.

    Attributes:
        fileset: of :func:`filesets`.
        traits: columns of the sheet.
        threads: for all programs.
        plink2, regenie, ours: options beside the common ones; None where a program is left out.
        rounds: where a peer takes minutes.
    """

    fileset: str
    traits: str
    threads: int = 1
    plink2: tuple[str, ...] | None = ()
    regenie: tuple[str, ...] | None = None
    ours: tuple[str, ...] = ()
    rounds: int | None = None


QT = ("--qt",)
BT = ("--bt", "--firth", "--approx", "--pThresh", "0.05")
CASES = {
    "linear, 1 % missing": Case("missing", "y0", regenie=QT),
    "linear, none missing": Case("complete", "y0", regenie=QT),
    "linear, 1 % missing, 2 threads": Case("missing", "y0", 2, regenie=QT),
    "linear, 1 % missing, 50 traits": Case("missing", ",".join(f"y{i}" for i in range(50)), plink2=None),
    "linear, 1 % missing, many variants": Case("large", "y0", rounds=1),
    "binary, 2 % cases, Wald else Firth": Case(
        "missing", "b", plink2=("firth-fallback",), ours=("--test", "logistic", "--screen", "0.05"), rounds=1
    ),
    "binary, 2 % cases, default": Case("missing", "b", plink2=("firth-fallback",), regenie=BT, rounds=1),
    "binary, 20 % cases, Wald else Firth": Case(
        "missing", "c", plink2=("firth-fallback",), ours=("--test", "logistic", "--screen", "0.05"), rounds=1
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=2504)
    parser.add_argument("--variants", type=int, default=180_000)
    parser.add_argument("--covariates", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="cases whose name has this text")
    parser.add_argument("--out", type=Path, help="JSON file")
    a = parser.parse_args()
    chosen = {name: case for name, case in CASES.items() if not a.only or a.only in name}
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), chosen, a.people, a.variants, a.covariates, a.repeats, a.seed)
    print(table(result))
    if a.out:
        write_json(a.out, result)
    else:
        print(to_json(result), end="")


def measure(
    folder: Path, cases: dict[str, Case], n: int, m: int, n_covariates: int, repeats: int, seed: int
) -> dict[str, object]:
    """Times, memory and agreement of every case."""
    found_on = machine()
    filesets(folder, {case.fileset for case in cases.values()}, n, m, seed)
    sheets(folder, n, n_covariates, seed)
    result: dict[str, object] = {"machine": found_on, "people": n, "variants": m, "covariates": n_covariates}
    measured: dict[str, object] = {}
    for name, case in cases.items():
        programs = commands(case)
        timed(programs["ours"], folder)  # compiles the kernels
        start = [*programs["ours"], "--bfile", "few", "--out", "start.parquet"]
        timed(start, folder)
        rounds = []
        for _ in range(case.rounds or repeats):
            runs = {program: timed(command, folder) for program, command in programs.items()}
            runs["start"] = timed(start, folder)
            rounds.append(runs)
        measured[name] = summary(rounds) | agreement(folder, case, programs)
        print(f"{name}: {measured[name]}", file=sys.stderr, flush=True)
    return result | {"cases": measured}


def summary(rounds: list[dict[str, dict[str, float]]]) -> dict[str, object]:
    """Medians over the rounds, and ratios paired within them."""
    programs = list(rounds[0])
    peers = [p for p in programs if p not in ("ours", "start")]

    def ratio(peer: str, key: str) -> float:
        return statistics.median(r[peer][key] / r["ours"][key] for r in rounds)

    return {
        "seconds": {p: statistics.median(r[p]["wall"] for r in rounds) for p in programs},
        "cpu_seconds": {p: statistics.median(r[p]["cpu"] for r in rounds) for p in programs},
        "megabytes": {p: max(r[p]["megabytes"] for r in rounds) for p in programs},
        "ratio": {p: ratio(p, "wall") for p in peers},
        "ratio_cpu": {p: ratio(p, "cpu") for p in peers},
        "ratio_without_start": {
            p: statistics.median(r[p]["cpu"] / (r["ours"]["cpu"] - r["start"]["cpu"]) for r in rounds)
            for p in peers
        },
        "rounds": rounds,
    }


def commands(case: Case) -> dict[str, list[str]]:
    """The command of each program that is there; ours last."""
    found = {}
    if case.plink2 is not None and shutil.which("plink2"):
        found["plink2"] = [
            *("plink2", "--bfile", case.fileset, "--pheno", "pheno.tsv", "--pheno-name", case.traits),
            *("--covar", "covar.tsv", "--covar-variance-standardize", "--threads", str(case.threads)),
            *("--glm", "hide-covar", "omit-ref", *case.plink2, "--out", "theirs"),
        ]
    if case.regenie is not None and shutil.which("regenie"):
        found["regenie"] = [
            *("regenie", "--step", "2", "--bed", case.fileset, "--phenoFile", "pheno_fid.tsv"),
            *(
                "--phenoColList",
                case.traits,
                "--covarFile",
                "covar_fid.tsv",
                "--ignore-pred",
                "--minMAC",
                "1",
            ),
            *("--bsize", "400", "--threads", str(case.threads), *case.regenie, "--1", "--out", "regenie"),
        ]
    found["ours"] = [
        *(
            sys.executable,
            str(SCRIPT),
            "--pheno",
            "pheno.tsv",
            "--covar",
            "covar.tsv",
            "--trait",
            case.traits,
        ),
        *("--min-allele-count", "1", "--threads", str(case.threads), "--out", "ours.parquet", "--quiet"),
        *case.ours,
        *("--bfile", case.fileset),
    ]
    return found


LAUNCHER = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
wall = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"wall": wall, "cpu": used.ru_utime + used.ru_stime, "megabytes": used.ru_maxrss / 1024}))
sys.stderr.buffer.write(done.stderr)
sys.exit(done.returncode)
"""
"""A small process between us and a command: Linux counts the memory of who starts a process as its own."""


def timed(command: list[str], folder: Path) -> dict[str, float]:
    """Wall and processor seconds of a command, and the largest it grew."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", LAUNCHER, *command], cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def sheets(folder: Path, n: int, n_covariates: int, seed: int) -> None:
    """50 quantitative traits of the same people; b and c are binary with 2 and 20 % cases. The first and the
    binary ones depend on every fiftieth of the first 2,000 variants."""
    rng = np.random.default_rng(seed)
    store = open_store(folder / "missing")
    dosages = np.maximum(store.dosages(np.arange(0, min(2000, store.n_variants), 50)), 0).astype(float)
    spread = dosages.std(axis=1, keepdims=True)
    effects = rng.normal(size=len(dosages)) @ (dosages / np.where(spread > 0, spread, 1))
    ids = [f"P{i}" for i in range(n)]
    covariates = pd.DataFrame(rng.normal(size=(n, n_covariates))).add_prefix("c")
    traits = pd.DataFrame(rng.normal(size=(n, 50))).add_prefix("y").add(covariates.sum(axis=1), axis=0)
    traits["y0"] += 0.15 * effects
    risk = 0.3 * covariates.iloc[:, :3].sum(axis=1) + 0.4 * effects + rng.logistic(size=n)
    for name, share in (("b", 0.02), ("c", 0.2)):
        traits[name] = (risk > np.quantile(risk, 1 - share)).astype(int) + 1
    for kind, frame in (("pheno", traits), ("covar", covariates)):
        frame.assign(IID=ids).set_index("IID").to_csv(folder / f"{kind}.tsv", sep="\t")
        with_family = frame.assign(FID=0, IID=ids).set_index(["FID", "IID"])
        with_family.to_csv(folder / f"{kind}_fid.tsv", sep="\t")


def filesets(folder: Path, names: set[str], n: int, m: int, seed: int) -> None:
    """``missing`` and ``complete`` of m variants, ``large`` of five times as many, and ``few`` of ten."""
    simulate(folder / "few", n, 10, 0.01, seed)
    simulate(folder / "missing", n, m, 0.01, seed)
    if "complete" in names:
        simulate(folder / "complete", n, m, 0.0, seed)
    if "large" in names:
        lines = (folder / "missing.bim").read_text().splitlines()
        genotypes = (folder / "missing.bed").read_bytes()
        with (folder / "large.bim").open("w") as bim, (folder / "large.bed").open("wb") as bed:
            bed.write(genotypes[:3])
            for chrom in range(1, 6):
                bed.write(genotypes[3:])
                bim.writelines(f"{chrom}{line[1:]}\n".replace("\tv", f"\tv{chrom}_") for line in lines)
        shutil.copy(folder / "missing.fam", folder / "large.fam")


def simulate(prefix: Path, n: int, m: int, missing: float, seed: int) -> None:
    """A fileset whose allele frequencies are those of a neutral population, log-uniform."""
    rng = np.random.default_rng(seed)
    packed = []
    for start in range(0, m, 2000):
        size = min(2000, m - start)
        rare = rng.random(size) < RARE
        low, high = np.where(rare, 1 / n, 0.01), np.where(rare, 0.01, 0.5)
        frequency = np.exp(rng.uniform(np.log(low), np.log(high)))[:, None]
        dosages = rng.binomial(2, frequency, (size, n)).astype(np.int8)
        if missing:
            dosages[rng.random(dosages.shape, dtype=np.float32) < missing] = -1
        packed.append(pack(dosages))
    ids = [f"P{i}" for i in range(n)]
    variants = pd.DataFrame(
        {"chrom": "1", "id": [f"v{i}" for i in range(m)], "cm": 0, "pos": np.arange(m) + 1}
    )
    people = pd.DataFrame({"fid": 0, "iid": ids, "father": 0, "mother": 0, "sex": 0, "phenotype": -9})
    write_store(prefix, np.concatenate(packed), variants.assign(alt="C", ref="A"), people)


def agreement(folder: Path, case: Case, programs: dict[str, list[str]]) -> dict[str, object]:
    """How far our numbers are from plink2's, of the last run of both; it prints six digits."""
    if "plink2" not in programs or case.fileset == "large" or "," in case.traits:
        return {}
    (path,) = folder.glob(f"theirs.{case.traits}.glm.*")
    peer = pd.read_csv(path, sep="\t")
    path.unlink()
    ours = pd.read_parquet(folder / "ours.parquet")
    both = ours.merge(peer, left_on="id", right_on="ID")
    p = 10 ** -both["neg_log10_p"]
    if "BETA" in both:
        both = both[(both["status"] == "OK") & both["P"].notna()]
        return {
            "compared": len(both),
            "largest_relative_difference": {
                "beta": float((both["beta"] / both["BETA"] - 1).abs().max()),
                "se": float((both["se"] / both["SE"] - 1).abs().max()),
                "p": float((p[both.index] / both["P"] - 1).abs().max()),
            },
        }
    return {
        "compared": int(both["P"].notna().sum()),
        "significant": {
            f"{level:g}": {
                "both": int(((p < level) & (both["P"] < level)).sum()),
                "ours only": int(((p < level) & ~(both["P"] < level)).sum()),
                "theirs only": int((~(p < level) & (both["P"] < level)).sum()),
            }
            for level in (1e-2, 1e-3, 1e-4, 1e-5)
        },
    }


def table(result: dict[str, object]) -> str:
    """The result for people."""
    cases = result["cases"]
    assert isinstance(cases, dict)
    lines = [f"{result['people']} people, {result['variants']} variants; seconds, and ratio to each peer"]
    for name, found in cases.items():
        lines.append(f"{name}: ours {found['seconds']['ours']:.2f} (start {found['seconds']['start']:.2f})")
        for peer, ratio in found["ratio"].items():
            lines.append(
                f"{peer:>12} {found['seconds'][peer]:8.2f} {ratio:7.1f}x"
                f"  without start {found['ratio_without_start'][peer]:.1f}x"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
