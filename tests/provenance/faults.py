"""A workflow of tiny jobs of which some fail at the first attempt, each in one of the ways that jobs fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]

FAULTS = ("exit", "killed", "memory", "time", "missing_output", "truncated_output")

JOB = r"""
# Writes six lines, the last of which says that it is the last; the first attempt may fail.
fault=$1 attempt=$2 number=$3 out=$4
if [ "$attempt" -gt 1 ]; then fault=none; fi
case "$fault" in
  exit) echo "a fault of the program" >&2; exit 3 ;;
  killed) kill -9 $$ ;;
  memory) ulimit -v 200000; python -S -c 'bytearray(10 ** 9)'; exit ;;
  time) timeout 0.1 sleep 10; exit ;;
  missing_output) exit 0 ;;
esac
for line in 1 2 3 4 5; do echo "$number $line"; done > "$out"
if [ "$fault" != truncated_output ]; then echo "$number end" >> "$out"; fi
if [ "$(tail -n 1 "$out")" != "$number end" ]; then echo "$out is truncated" >&2; exit 4; fi
"""

SNAKEFILE = """
import sys
sys.path.insert(0, {src!r})
from endotype.provenance.events import keep_job_records

FAULTS = {faults!r}

onstart:
    keep_job_records()

rule all:
    default_target: True
    input: "all.txt"

rule work:
    output: "out/{{i}}.txt"
    log: "logs/work/{{i}}.log"
    benchmark: "logs/benchmarks/work/{{i}}.tsv"
    params: fault=lambda w: FAULTS[int(w.i)]
    resources: attempt=lambda w, attempt: attempt
    shell: "bash job.sh {{params.fault}} {{resources.attempt}} {{wildcards.i}} {{output}} > {{log}} 2>&1"

rule gather:
    input: expand("out/{{i}}.txt", i=range(len(FAULTS)))
    output: "all.txt"
    shell: "ls out | sort -n | sed 's,^,out/,' | xargs cat > {{output}}"
"""


def faults_of(n_jobs: int, every: int) -> list[str]:
    """The fault of each job: each kind in turn in one of ``every`` jobs, none in the others."""
    return [FAULTS[i // every % len(FAULTS)] if i % every == 0 else "none" for i in range(n_jobs)]


def write_workflow(folder: Path, faults: list[str]) -> None:
    """The workflow in a working directory of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "job.sh").write_text(JOB)
    (folder / "Snakefile").write_text(SNAKEFILE.format(src=str(ROOT / "src"), faults=faults))


def command(folder: Path, *options: str) -> list[str]:
    """The command line that runs it, with three tries after the first."""
    return [
        *(sys.executable, "-m", "snakemake", "--directory", str(folder), "--cores", "2"),
        *("--snakefile", str(folder / "Snakefile"), "--scheduler", "greedy", "--retries", "3"),
        *("--latency-wait", "0", "--quiet", "all", "--rerun-incomplete", "--keep-going", *options),
    ]


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run to the end."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        command(folder, *options), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def expected(faults: list[str]) -> tuple[str, Counter[str]]:
    """What ``all.txt`` must hold, and how many failures of each kind there must be."""
    lines = [f"{i} {line}\n" for i in range(len(faults)) for line in (1, 2, 3, 4, 5, "end")]
    return "".join(lines), Counter(fault for fault in faults if fault != "none")
