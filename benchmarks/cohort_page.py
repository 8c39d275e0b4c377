"""The cohort's page of ten thousand patients: how long it takes to write, how large it is, how it answers.

Patients are copies of sixty made-up reports. The page is opened in headless Chromium, and each action is
timed inside the page, from the event until the new rows are laid out.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.machine import machine
from endotype.files import to_json, write_json, write_text
from endotype.reports.overview import write_index
from tests.reports import cohort_run
from tests.reports.browser import Browser
from tests.reports.conftest import Run

ROUNDS = 15

ACTIONS = {
    "search, first": "box.value = 'q0123'; box.dispatchEvent(new Event('input'))",
    "search, two words": "box.value = 'drug s1'; box.dispatchEvent(new Event('input'))",
    "search, cleared": "box.value = ''; box.dispatchEvent(new Event('input'))",
    "sort by patient": "heads[0].click()",
    "sort by subtype": "heads[2].click()",
    "sort by first target": "heads[4].click()",
    "filter by subtype": "pick.value = pick.value ? '' : 'S2'; pick.dispatchEvent(new Event('change'))",
    "next page": "next.click()",
}

TIMED = """(() => {
  const root = document.querySelector('#table-patients');
  const box = root.querySelector('input'), heads = root.querySelectorAll('thead button');
  const labels = [...root.querySelectorAll('label')];
  const pick = labels.find((l) => l.textContent.startsWith('Subtype')).querySelector('select');
  const next = [...root.querySelectorAll('button')].find((b) => b.textContent === 'Next');
  const start = performance.now();
  %s;
  root.getBoundingClientRect();
  return performance.now() - start;
})()"""


def prepare(folder: Path, n: int) -> Run:
    """A results folder with ``n`` patients and a report of each."""
    run = cohort_run.build(folder)
    sources = [f"P{i:04d}" for i in range(1, 61)]
    texts = [(run.results / f"reports/{p}/report.json").read_text(encoding="utf-8") for p in sources]
    patients = [f"Q{i:05d}" for i in range(n)]
    for i, patient in enumerate(patients):
        text = texts[i % 60].replace(sources[i % 60], patient)
        write_text(run.results / f"reports/{patient}/report.json", text)
    row = pd.read_parquet(run.results / "cohort/people.parquet").iloc[6]
    run.change("cohort/people.parquet", lambda _: pd.DataFrame([row] * n).assign(patient=patients))
    return run


def measure(n: int) -> dict[str, Any]:
    """Write, open and use the page of ``n`` patients."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        run = prepare(Path(name), n)
        start = time.perf_counter()
        write_index(run.results, run.config)
        found: dict[str, Any] = {"patients": n, "write_s": round(time.perf_counter() - start, 2)}
        page = run.results / "reports/index.html"
        found["bytes"] = page.stat().st_size
        with Browser() as browser:
            ready = []
            for _ in range(3):
                browser.open(page)
                ready.append(browser.run("performance.now()"))
            found["open_ms"] = round(statistics.median(ready))
            found["elements"] = browser.run("document.querySelectorAll('*').length")
            found["actions_ms"] = {}
            for action, code in ACTIONS.items():
                times = [browser.run(TIMED % code) for _ in range(ROUNDS)]
                found["actions_ms"][action] = {
                    "median": round(statistics.median(times), 1),
                    "worst": round(max(times), 1),
                }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, nargs="+", default=[400, 10_000])
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    found = {"machine": machine(), "runs": [measure(n) for n in arguments.patients]}
    print(to_json(found), end="")
    if arguments.out:
        write_json(arguments.out, found)


if __name__ == "__main__":
    main()
