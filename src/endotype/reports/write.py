"""Writes the reports of one batch of patients."""

from __future__ import annotations

from pathlib import Path

from endotype.axes import group_colours
from endotype.files import read_json, write_json, write_text
from endotype.reports.batches import batch_of
from endotype.reports.fhir import fhir_bundle
from endotype.reports.html import render
from endotype.reports.inputs import Row, read_cohort, read_patients
from endotype.reports.interpretation import ORIGIN_WORDS
from endotype.reports.patient import patient_report
from endotype.reports.phenopacket import phenopacket

MAX_OTHER_VARIANTS = 25
"""Rows of variants with a lesser clinical record that a page shows; ``report.json`` has all."""


def write_reports(results: str | Path, config: str | Path, batch: int, batches: int) -> list[str]:
    """Write ``reports/{patient}/report.json`` and its renderings for the patients of one batch.

    The renderings are ``report.html``, ``report.fhir.json`` and ``phenopacket.json``.

    Args:
        results: the results folder, all stages before this one done.
        config: the configuration with defaults filled in, as JSON.
        batch: which batch, ``0 .. batches - 1``.
        batches: how many batches there are.

    Returns:
        The patients of the batch, sorted. A batch may be empty.

    Raises:
        InputError: a result is missing, or a patient id can't be a file name.
    """
    results = Path(results)
    cohort = read_cohort(results, read_json(config))
    patients = [p for p in cohort.people["patient"] if batch_of(p, batches) == batch]
    for record in read_patients(results, cohort, patients):
        report = patient_report(record, cohort)
        folder = results / "reports" / record.patient
        write_json(folder / "report.json", report)
        write_text(folder / "report.html", report_page(report))
        write_json(folder / "report.fhir.json", fhir_bundle(report), indent=None)
        write_json(folder / "phenopacket.json", phenopacket(report), indent=None)
    return patients


def report_page(report: Row) -> str:
    """``report.json`` as a page."""
    return render(
        "report.html",
        report=report,
        claims={claim["id"]: claim for claim in report["claims"]},
        colours=group_colours(entry["subtype"] for entry in report["subtype"]["posteriors"]),
        max_other=MAX_OTHER_VARIANTS,
        origin_words=ORIGIN_WORDS,
    )
