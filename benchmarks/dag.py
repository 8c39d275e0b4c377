"""How long the plan of a large cohort takes, and how many jobs it has.

    python -m benchmarks.dag --patients 1000 10000 --out benchmarks/results/dag.json

Each plan is `snakemake --dry-run` of the whole workflow, with its checks of all inputs, for a simulated
cohort in an empty working directory. CPU time is the figure to compare: wall time depends on who else uses
the machine.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.machine import machine
from endotype.files import write_json

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patients", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[250], help="patients a batch")
    parser.add_argument("--shards", type=int, nargs="+", default=[7, 100], help="about how many shards")
    parser.add_argument("--cohort", type=Path, help="simulated cohort to use, of as many patients")
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    plans = []
    with tempfile.TemporaryDirectory() as folder:
        for patients in a.patients:
            cohort = a.cohort or simulate(Path(folder) / f"cohort_{patients}", patients)
            for size in a.batch_size:
                for shards in a.shards:
                    plans.append(plan(Path(folder), cohort, patients, max(1, patients // size), shards))
                    print(plans[-1], flush=True)
    if a.out:
        write_json(a.out, {"machine": machine(), "plans": plans})


def simulate(folder: Path, patients: int) -> Path:
    """A cohort with few variants: the plan depends on the sheets and the genome only."""
    command = [sys.executable, ROOT / "scripts" / "simulate_cohort.py", "--out", folder, "--seed", "3"]
    subprocess.run([*command, "--patients", str(patients), "--variants", "4000", "--quiet"], check=True)
    return folder


def plan(folder: Path, cohort: Path, patients: int, batches: int, shards: int) -> dict[str, Any]:
    """Seconds and memory of one dry run, and the jobs that it counts."""
    work = folder / f"work_{patients}_{batches}_{shards}"
    work.mkdir()
    (work / "cohort").symlink_to(cohort.resolve())
    config = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text())
    index = (cohort / "reference.fa.fai").read_text().splitlines()
    genome = sum(int(line.split("\t")[1]) for line in index)
    config["variants"] = {"shard_size": max(1000, genome // shards)}
    config["reports"] = {"batches": batches, "formats": ["html"]}
    (work / "config.yaml").write_text(yaml.safe_dump(config))
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", work),
        *("--configfile", work / "config.yaml", "--cores", "2", "--dry-run", "--quiet", "rules"),
    ]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": path},
    )
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    total = re.search(r"^total\s+(\d+)$", done.stdout + done.stderr, re.MULTILINE)
    shard_jobs = re.search(r"^normalise_variants\s+(\d+)$", done.stdout + done.stderr, re.MULTILINE)
    assert total and shard_jobs, done.stderr[-2000:]
    used = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return {
        "patients": patients,
        "batches": batches,
        "shards": int(shard_jobs[1]),
        "jobs": int(total[1]),
        "cpu_seconds": round(used, 1),
        "seconds": round(seconds, 1),
        "peak_mb": round(after.ru_maxrss / 1024),
    }


if __name__ == "__main__":
    main()
