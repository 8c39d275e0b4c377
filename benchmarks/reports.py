"""Reports of a made-up cohort: report.json, the page and every other form, in seconds and in memory.

    python -m benchmarks.reports --patients 1000 --out benchmarks/results/reports_1000.json

The results folder is that of the tests, with as many patients as asked for. Its batches run as the workflow
runs them: processes of their own, ``--cores`` at a time. Time is wall clock from the first batch to the last,
memory the largest resident set of one process.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from endotype.files import read_json, write_json
from endotype.reports.formats import FORMATS
from tests.reports.conftest import build_run

ROOT = Path(__file__).parents[1]
FORMS = {"html": ["html"], **{name: [name] for name in FORMATS if name != "html"}, "all": list(FORMATS)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patients", type=int, default=1000)
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--forms", nargs="*", choices=FORMS, default=["html", "pdf", "all"])
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        result = measure(Path(folder), a.patients, a.batches, a.cores, a.forms)
    if a.out:
        write_json(a.out, result)
    print(result["steps"])


def measure(folder: Path, patients: int, batches: int, cores: int, forms: list[str]) -> dict[str, Any]:
    """Seconds, megabytes and bytes a patient of each step."""
    run = build_run(folder, patients)
    steps = {"json": _batches("write_reports.py", folder, batches, cores)}
    for form in forms:
        config = read_json(run.config)
        config["reports"]["formats"] = FORMS[form]
        write_json(run.config, config)
        steps[form] = _batches("render_reports.py", folder, batches, cores)
    sizes = {
        file: sum(path.stat().st_size for path in run.results.glob(f"reports/*/{file}")) // patients
        for file in ("report.json", *(f for files in FORMATS.values() for f in files))
    }
    return {
        "machine": machine(),
        "patients": patients,
        "batches": batches,
        "cores": cores,
        "steps": steps,
        "bytes_a_patient": sizes,
    }


def _batches(script: str, folder: Path, batches: int, cores: int) -> dict[str, float]:
    """All batches of a step. ``cpu_seconds`` is of all processes together."""
    start = time.perf_counter()
    with ThreadPoolExecutor(cores) as pool:
        used = list(pool.map(lambda batch: _one(script, folder, batch, batches), range(batches)))
    return {
        "seconds": round(time.perf_counter() - start, 2),
        "cpu_seconds": round(sum(cpu for cpu, _ in used), 2),
        "peak_mb": round(max(peak for _, peak in used), 1),
    }


def _one(script: str, folder: Path, batch: int, batches: int) -> tuple[float, float]:
    command = [
        *(sys.executable, str(ROOT / "scripts" / script), "--results", "results"),
        *("--config", "results/provenance/config.json", "--batch", str(batch), "--batches", str(batches)),
    ]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]),
        "OPENBLAS_NUM_THREADS": "1",
    }
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
