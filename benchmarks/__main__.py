"""Run every benchmark and record its result: ``python -m benchmarks`` (``make bench``).

Results go to ``benchmarks/results/`` as JSON, with the machine's kind. Peers that are not installed are
skipped and say so.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
RUNS = {
    "association": ["association"],
    "annotation_100k": ["annotation", "--variants", "100000"],
    "annotation_1m": ["annotation", "--variants", "1000000"],
    "binary": ["binary"],
    "packed_scan": ["packed_scan"],
    "set_tests": ["set_tests"],
    "dask_engine": ["dask_engine"],
    "subtypes": ["subtypes"],
    "subtype_safety": ["subtype_safety"],
    "cohort_page": ["cohort_page"],
    "dag": ["dag", "--patients", "10000"],
    **{f"reports_{n}": ["reports", "--patients", str(n)] for n in (100, 1000, 4000)},
    "knowledge_100kx2m": ["knowledge", "--repeats", "3"],
    "targets_coverage": ["targets", "coverage"],
    "targets_speed": ["targets", "speed"],
    "qc_1126x15k": ["qc", "--people", "1126", "--variants", "15000"],
    "qc_2500x20k": ["qc", "--people", "2500", "--variants", "20000"],
    "variants_2500x100k": ["variants", "--people", "2500", "--variants", "100000"],
    "variants_2500x20k_reads": [
        *("variants", "--people", "2500", "--variants", "20000", "--reads", "--shard", "10000")
    ],
    **{
        f"variants_scale_{people}x{variants}": [
            *("variants", "--alone", "--repeats", "1"),
            *("--people", str(people), "--variants", str(variants)),
        ]
        for people, variants in (
            (2500, 10_000),
            (2500, 100_000),
            (2500, 1_000_000),
            (100, 100_000),
            (10_000, 100_000),
        )
    },
}


def main() -> None:
    (FOLDER / "results").mkdir(exist_ok=True)
    for name, (module, *options) in RUNS.items():
        print(f"== {name}", flush=True)
        out = FOLDER / "results" / f"{name}.json"
        command = [sys.executable, "-m", f"benchmarks.{module}", *options, "--out", str(out)]
        subprocess.run(command, check=True, cwd=FOLDER.parent)


if __name__ == "__main__":
    main()
