"""A results folder with all that the cohort's page shows: points, pictures, assessment, provenance."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from endotype.files import read_json, write_json, write_text
from endotype.reports import overview
from endotype.reports.overview import write_index
from tests.reports.conftest import Run, build_run

SVG = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'/>"
WARNING = "The subtypes follow site: adjusted Rand index 0.31, limit 0.1."


def build(folder: Path, n: int = 60) -> Run:
    """Write the folder with the reports of ``n`` patients."""
    run = build_run(folder, n)
    with contextlib.chdir(folder):
        run.write()
    _association(run.results)
    write_json(run.results / "subtypes/assessment.json", assessment())
    write_json(run.results / "subtypes/checklist.json", {"counts": {"authors": 3, "partly": 2, "stated": 9}})
    write_text(run.results / "subtypes/checklist.md", "# Checklist\n")
    measure = {
        "label": "Call rate",
        "n": 59,
        "median": 0.98,
        "min": 0.9,
        "max": 1.0,
        "n_fail": 1,
        "n_warn": 2,
    }
    none = dict.fromkeys(("median", "min", "max")) | {
        "label": "Contamination",
        "n": 59,
        "n_fail": 0,
        "n_warn": 0,
    }
    measures = [m | {"n_not_assessed": 0} for m in (measure, none)]
    write_json(run.results / "reports/qc.json", {"measures": measures})
    provenance = run.results / "provenance"
    write_json(provenance / "inputs.json", [{"path": "in/clinical.tsv", "size": 46100, "sha256": "ab" * 32}])
    software = {"endotype": "0.1.0", "python": "3.11.7", "machine": "x86_64", "lock_sha256": None}
    write_json(provenance / "software.json", software | {"packages": {"numpy": "2.4.6"}})
    return run


def page_of(run: Run) -> Path:
    """Write the page and say where it is."""
    write_index(run.results, run.config)
    return run.results / "reports/index.html"


@contextlib.contextmanager
def many_patients(run: Run, n: int) -> Iterator[list[str]]:
    """Inside, the run has ``n`` patients Q00000 .., each with one of the sixty reports in turn."""
    patients = [f"Q{i:05d}" for i in range(n)]
    reports = [run.report(f"P{i:04d}") for i in range(1, 61)]
    row = pd.read_parquet(run.results / "cohort/people.parquet").iloc[6]
    run.change("cohort/people.parquet", lambda _: pd.DataFrame([row] * n).assign(patient=patients))

    def report(results: Path, patient: str) -> dict[str, Any]:
        found = copy.copy(reports[int(patient[1:]) % 60])
        return found | {"patient": found["patient"] | {"id": patient}}

    with mock.patch.object(overview, "_report", report):
        yield patients


def manhattan(n_points: int = 4000, hits: bool = True) -> dict[str, Any]:
    """What the association stage leaves of one trait: two chromosomes, points in no order, two hits."""
    rng = np.random.default_rng(3)
    x = rng.choice(2_000_000, n_points, replace=False) + 1
    x = np.where(x > 1_000_000, x + 20_000, x)
    found: dict[str, Any] = {name: [] for name in ("beta", "chrom", "eaf", "id", "pos", "se", "x", "y")}
    leads: dict[str, Any] = {name: [] for name in ("gene", "id", "x", "y")}
    if hits:
        found |= {"beta": [-0.45, 0.58], "se": [0.08, 0.07], "eaf": [0.4, 0.41], "y": [7.5, 14.25]}
        found |= {"chrom": ["2", "1"], "pos": [5000, 802140], "x": [1_025_000, 802140]}
        found |= {"id": ["2:5000:C:G", "1:802140:C:T"]}
        leads = {"gene": [None, "GENEA"], **{name: found[name] for name in ("id", "x", "y")}}
    return {
        "chromosomes": [
            {"name": "1", "start": 0, "centre": 500_000},
            {"name": "2", "start": 1_020_000, "centre": 1_520_000},
        ],
        "quiet": {"x": x.tolist(), "y": np.round(-np.log10(rng.random(n_points)) % 6, 4).tolist()},
        "hits": found,
        "leads": leads,
        "n_hits": 2 * hits,
        "n_tests": n_points + 2 * hits,
        "threshold": 1e-6,
    }


def _association(results: Path) -> None:
    folder = results / "association/plots"
    traits: dict[str, Any] = {}
    for trait, hits in (("airway_disease", False), ("lipid_level", True)):
        write_json(folder / f"{trait}.manhattan.json", manhattan(hits=hits))
        traits[trait] = {
            "data": f"{trait}.manhattan.json",
            "n_loci": 2 * hits,
            "no_region": None,
            "regions": [],
        }
    region = {"picture": "r.svg", "data": "r.json", "chrom": "2", "pos": 5000, "lead": "2:5000:C:G"}
    region |= {"gene": "GENEC", "neg_log10_p": 11.9, "alt": "Regional plot of airway_disease"}
    traits["airway_disease"]["regions"].append(region)
    write_text(folder / "r.svg", SVG)
    write_json(folder / "plots.json", {"forest": {"n_hits": 0}, "traits": traits})


def assessment() -> dict[str, Any]:
    """An assessment of three subtypes with one warning and one outcome."""
    estimate = {"estimate": 0.5, "low": 0.4, "high": 0.6}
    subtypes = [
        {
            "subtype": name,
            "status": "assessed",
            "reason": None,
            "n": 19,
            "events": 8,
            "median": {"estimate": 6.5, "low": 5.0, "high": 8.25},
            "at_horizon": estimate,
        }
        for name in ("S1", "S2")
    ]
    few = {"subtype": "S3", "status": "not_assessed", "reason": "nobody was followed", "n": 0, "events": 0}
    ratios = [{"term": "subtype=S2", "hazard_ratio": 2.5, "low": 1.25, "high": 5.0, "p": 0.01}]
    adjusted = {"status": "assessed", "reference": "S1", "adjusted_for": ["age"], "hazard_ratios": ratios}
    difference = {"corrected": 0.07, "low": 0.02, "high": 0.12, "likelihood_ratio": {"p": 1e-5}}
    model = {"corrected": 0.61, "coefficients": 1}
    added = {
        "status": "assessed",
        "standard_of_care": ["age"],
        "models": {"standard": model, "standard_and_subtype": model},
        "differences": {"subtype": difference},
        "bootstrap": {"samples": 100, "used": 99},
    }
    survival = {"status": "assessed", "n": 38, "events": 16, "horizon": 5.0, "adjusted": adjusted}
    site = {
        "confounder": "site",
        "source": "clinical",
        "kind": "category",
        "n": 57,
        "p": 0.001,
        "reason": None,
    }
    return {
        "names": [{"subtype": s, "name": f"{s}: marker_1 high", "features": []} for s in ("S1", "S2", "S3")],
        "warnings": [WARNING],
        "audit": {
            "confounders": [
                {
                    "confounder": "pc1",
                    "source": "ancestry",
                    "kind": "numeric",
                    "n": 3,
                    "status": "not_assessed",
                    "reason": "3 patients",
                },
                site | {"status": "assessed", "cramers_v": 0.5, "eta_squared": None},
            ]
        },
        "outcomes": {
            "survival": {
                "survival": survival | {"subtypes": [*subtypes, few]},
                "added_value": added,
                "treatment": {"status": "not_assessed", "reason": "no treatment column is named"},
            }
        },
        "patients": {"assessed": 56},
        "notes": ["A subtype is a statistical group of this cohort. It is neither a disease nor a cause."],
    }


def reports_folder(run: Run) -> Path:
    """Where the page and the patients' reports are."""
    return run.results / "reports"


def read_cohort_json(run: Run) -> dict[str, Any]:
    """The page's data for machines."""
    return read_json(reports_folder(run) / "cohort.json")
