"""Kinship and Hardy-Weinberg tests here and in plink2, on the same fileset, one thread each, in turn.

Prints a table and writes JSON. plink2's time is that of its command, start, reading and writing included; it
starts in some hundredths of a second. Ours is that of the work in a warm process, reading of the genotypes
and counting included, a table not written. A ratio above 1 means that we are faster.

Also: pruning by linkage disequilibrium here and by scikit-allel, from unpacked genotypes there.
"""

from __future__ import annotations

import argparse
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: plink2 and we each have one thread

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import allel
import numpy as np
import pandas as pd

from endotype.files import to_json, write_json
from endotype.variants.ancestry import LD_MAX_R2, LD_WINDOW
from endotype.variants.kernels import (
    HET,
    HOM_ALT,
    HOM_REF,
    count_carriers,
    hardy_weinberg,
    hardy_weinberg_mid_p,
    log_factorials,
)
from endotype.variants.pair_kernels import prune, variant_planes
from endotype.variants.plink import GenotypeStore, open_store, pack, write_store
from endotype.variants.relatedness import pair_counts, person_planes

MIN_KINSHIP = 0.0442


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=1126)
    parser.add_argument("--variants", type=int, default=15_000)
    parser.add_argument("--missing", type=float, default=0.01, help="share of genotypes (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file")
    a = parser.parse_args()
    if shutil.which("plink2") is None:
        print("skipped: plink2 is not on the PATH")
        return
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), a.people, a.variants, a.missing, a.repeats, a.seed)
    print(table(result))
    if a.out:
        write_json(a.out, result)
    else:
        print(to_json(result), end="")


def measure(folder: Path, n: int, m: int, missing: float, repeats: int, seed: int) -> dict[str, object]:
    """Paired times in seconds: each repeat runs the peer, then us."""
    simulate(folder, n, m, missing, seed)
    store = open_store(folder / "g")
    king, hardy = (
        ["plink2", "--bfile", "g", *options, "--threads", "1", "--out", "theirs"]
        for options in (
            ["--make-king-table", "--king-table-filter", str(MIN_KINSHIP)],
            ["--hardy"],
        )
    )
    dosage = store.dosages(slice(None))
    work: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "kinship": (command(king, folder), lambda: pair_counts(store, np.arange(m), MIN_KINSHIP)),
        "hardy_weinberg": (command(hardy, folder), lambda: exact_test(store, False)),
        "hardy_weinberg_mid_p": (
            command([*hardy[:4], "midp", *hardy[4:]], folder),
            lambda: exact_test(store, True),
        ),
        "prune": (
            lambda: allel.locate_unlinked(dosage, size=LD_WINDOW, step=50, threshold=LD_MAX_R2),
            lambda: prune(
                *variant_planes(np.asarray(store.packed), n), np.zeros(m, int), LD_WINDOW, LD_MAX_R2
            ),
        ),
    }
    seconds, ratio = {}, {}
    for name, (theirs, ours) in work.items():
        ours()  # compiles the kernels, fills the file cache
        rounds = [(timed(theirs), timed(ours)) for _ in range(1 if name == "prune" else repeats)]
        seconds[name] = {
            "peer": statistics.median(peer for peer, _ in rounds),
            "ours": statistics.median(own for _, own in rounds),
        }
        ratio[name] = statistics.median(peer / own for peer, own in rounds)
    hom, ref = person_planes(store, np.arange(m))
    return {
        "people": n,
        "variants": m,
        "missing": missing,
        "seconds": seconds,
        "ratio": ratio,
        "kinship_megabytes": (hom.nbytes + ref.nbytes + 4 * 4 * 64 * n) / 1e6,
        "largest_relative_difference_of_hardy_weinberg": agreement(folder, store),
    }


def exact_test(store: GenotypeStore, mid_p: bool) -> np.ndarray:
    """-log10 p of every variant, from the packed genotypes."""
    counts = count_carriers(np.asarray(store.packed), store.n_people)
    columns = counts[:, HOM_REF], counts[:, HET], counts[:, HOM_ALT]
    lf = log_factorials(2 * store.n_people)
    return hardy_weinberg_mid_p(*columns, lf) if mid_p else hardy_weinberg(*columns, lf)[0]


def agreement(folder: Path, store: GenotypeStore) -> float:
    """plink2 prints six digits."""
    command(["plink2", "--bfile", "g", "--hardy", "--out", "theirs"], folder)()
    theirs = pd.read_csv(folder / "theirs.hardy", sep="\t")["P"].to_numpy()
    return float(np.abs(10 ** -exact_test(store, False) / theirs - 1).max())


def simulate(folder: Path, n: int, m: int, missing: float, seed: int) -> None:
    """A fileset of common variants, as kinship is estimated from, some of them far from equilibrium."""
    rng = np.random.default_rng(seed)
    packed = []
    for start in range(0, m, 2000):
        frequency = rng.uniform(0.02, 0.5, (min(2000, m - start), 1))
        dosages = rng.binomial(2, frequency, (len(frequency), n)).astype(np.int8)
        dosages[rng.random(dosages.shape) < missing] = -1
        packed.append(pack(dosages))
    variants = pd.DataFrame({"chrom": "1", "id": [f"v{i}" for i in range(m)], "cm": 0})
    variants = variants.assign(pos=np.arange(m) + 1, alt="C", ref="A")
    people = pd.DataFrame({"fid": 0, "iid": [f"P{i}" for i in range(n)], "father": 0, "mother": 0})
    write_store(folder / "g", np.concatenate(packed), variants, people.assign(sex=0, phenotype=-9))


def command(arguments: list[str], folder: Path) -> Callable[[], object]:
    return lambda: subprocess.run(arguments, cwd=folder, check=True, capture_output=True)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def table(result: dict[str, object]) -> str:
    """The result for people."""
    seconds, ratio = result["seconds"], result["ratio"]
    assert isinstance(seconds, dict) and isinstance(ratio, dict)
    lines = [f"{result['people']} people x {result['variants']} variants, median seconds: peer, ours, ratio"]
    lines += [f"{k:>22} {v['peer']:9.3f} {v['ours']:9.3f} {ratio[k]:8.2f}x" for k, v in seconds.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
