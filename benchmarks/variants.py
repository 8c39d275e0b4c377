"""Post-processing here and in peers, on one simulated call set, in turn.

    python -m benchmarks.variants --people 2500 --variants 100000

* ``normalise_and_pack``: from the VCF to normalised BCF, store, QC tables and accounts, two jobs at a
  time, against ``bcftools norm`` alone with two threads on the same file (the copy in the pysam wheel, and
  that of the system where there is one).
* ``pack``: from the normalised BCF to packed genotypes and counts, against reading ``gt_types`` with
  cyvcf2 and against ``plink2 --make-pgen`` with two threads.

Prints ratios (above 1: we are faster) and the largest memory of a process; writes JSON.
"""

from __future__ import annotations

import argparse
import os
import resource
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.cohort_vcf import SPACING, make
from endotype.files import to_json, write_json
from endotype.tables import write_parquet
from endotype.variants import decode
from endotype.variants.bcf import open_bcf
from endotype.variants.bcf_kernels import scan
from endotype.variants.ploidy import HaploidRule

TOP = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=2500)
    parser.add_argument("--variants", type=int, default=100_000)
    parser.add_argument("--reads", action="store_true", help="AD, DP and GQ beside GT")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--shard", type=int, default=50_000, help="variants of a shard (%(default)s)")
    parser.add_argument("--alone", action="store_true", help="without peers, to see how time and memory grow")
    parser.add_argument("--out", type=Path, help="JSON file")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), a)
    print(to_json(result), end="")
    if a.out:
        write_json(a.out, result)


def measure(folder: Path, a: argparse.Namespace) -> dict[str, object]:
    """Times in seconds of each round, medians, and ratios taken round by round."""
    vcf, fasta = make(folder, a.people, a.variants, a.reads)
    write_people(folder / "people.parquet", a.people)
    regions = _regions(a.variants, a.shard)
    _timed(_shards(folder, vcf, fasta, regions[:1]))  # compiles the kernels, fills the file cache
    rounds = []
    memory = 0.0
    for _ in range(a.repeats):
        row = {
            "normalise_and_pack": _timed(
                *(_shards(folder, vcf, fasta, regions, i, a.jobs) for i in range(a.jobs))
            )
        }
        # Of the first round alone: later ones would count the peers' processes too.
        memory = memory or resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        if not a.alone:
            row |= {name: _timed([command]) for name, command in _norms(vcf, fasta, a.reads).items()}
            row |= _packers(folder, len(regions), a.people)
        rounds.append(row)
    ratios = {
        f"{peer} / {ours}": statistics.median(r[peer] / r[ours] for r in rounds)
        for ours, peers in (
            ("normalise_and_pack", ("bcftools_norm_wheel", "bcftools_norm_system")),
            ("pack", ("cyvcf2_gt_types", "plink2_make_pgen")),
        )
        for peer in peers
        if peer in rounds[0]
    }
    return {
        "people": a.people,
        "variants": a.variants,
        "variants_of_a_shard": a.shard,
        "fields": "GT:AD:DP:GQ" if a.reads else "GT",
        "jobs": a.jobs,
        "largest_process_megabytes": round(memory),
        "seconds": {k: statistics.median(r[k] for r in rounds) for k in rounds[0]},
        "ratio": ratios,
        "rounds": rounds,
    }


def _regions(variants: int, shard: int) -> list[str]:
    length, step = (variants + 2) * SPACING, shard * SPACING
    return [f"1:{start}-{min(length, start + step - 1)}" for start in range(1, length + 1, step)]


def _shards(
    folder: Path, vcf: Path, fasta: Path, regions: list[str], first: int = 0, step: int = 1
) -> list[list[object]]:
    """The stage's own commands for every ``step``-th region."""
    script = [sys.executable, str(TOP / "scripts" / "normalise_variants.py")]
    packer = [sys.executable, str(TOP / "scripts" / "pack_genotypes.py")]
    commands: list[list[object]] = []
    for i in range(first, len(regions), step):
        shard, region = folder / f"shard{i}", regions[i]
        commands.append(
            [*script, "--vcf", vcf, "--fasta", fasta, "--region", region, "--out", f"{shard}.bcf"]
        )
        pack = [*packer, "--bcf", f"{shard}.bcf", "--region", region, "--prefix", shard]
        commands.append([*pack, "--people", folder / "people.parquet"])
    return commands


def _packers(folder: Path, n_shards: int, people: int) -> dict[str, float]:
    """Seconds from one normalised BCF to genotypes, here and in peers."""
    bcf = folder / "whole.bcf"
    parts = [folder / f"shard{i}.bcf" for i in range(n_shards)]
    subprocess.run(
        [sys.executable, "-m", "endotype.bcftools", "concat", "-n", "-o", bcf, *parts],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    row = {"pack": _warm_pack(bcf, people), "cyvcf2_gt_types": _cyvcf2(bcf)}
    if shutil.which("plink2"):
        pgen = ["plink2", "--bcf", bcf, "--vcf-half-call", "r", "--make-pgen", "--threads", "2"]
        row["plink2_make_pgen"] = _timed([[*pgen, "--out", folder / "peer"]])
    return row


def write_people(path: Path, people: int) -> None:
    """The part of ``cohort/people.parquet`` that packing reads."""
    write_parquet(pd.DataFrame({"patient": [f"P{i:06d}" for i in range(people)], "sex": "unknown"}), path)


def _norms(vcf: Path, fasta: Path, reads: bool) -> dict[str, list[object]]:
    options = ["norm", "-m", "-any", *(["--keep-sum", "AD"] if reads else []), "-c", "w", "-f", fasta]
    options += ["--threads", "2", "-Ob", "-o", os.devnull, vcf]
    norms: dict[str, list[object]] = {
        "bcftools_norm_wheel": [sys.executable, "-m", "endotype.bcftools", *options]
    }
    if shutil.which("bcftools"):
        norms["bcftools_norm_system"] = ["bcftools", *options]
    return norms


def _timed(*chains: list[list[object]]) -> float:
    """Wall seconds of chains of commands that run beside each other."""
    texts = [" && ".join(shlex.join(map(str, command)) for command in chain) for chain in chains]
    start = time.perf_counter()
    running = [
        subprocess.Popen(["sh", "-c", text], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for text in texts
    ]
    codes = [process.wait() for process in running]
    seconds = time.perf_counter() - start
    if any(codes):
        raise RuntimeError(f"{texts[0]}: exit codes {codes}")
    return seconds


def _warm_pack(bcf: Path, people: int) -> float:
    """Decompress, find the fields, decode, count and pack, in this process and without writing."""
    haploid = HaploidRule(["unknown"] * people, "")
    seconds = 0.0
    for only_first in (True, False):  # the kernels are loaded on the first call
        start = time.perf_counter()
        with open_bcf(bcf) as reader:
            keys = np.array([reader.header.key(key) for key in ("GT", "GQ", "DP", "AD", "OA")])
            for block in reader.blocks():
                _, _, formats = scan(block.data, block.offsets, people, keys)
                zone = np.zeros(len(formats), np.int64)
                decode.decode_block(block.data, formats, haploid.rows, zone, 20.0, 10.0, 0.2)
                if only_first:
                    break
        seconds = time.perf_counter() - start
    return seconds


def _cyvcf2(bcf: Path) -> float:
    from cyvcf2 import VCF

    start = time.perf_counter()
    for variant in VCF(str(bcf)):
        variant.gt_types  # noqa: B018
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
