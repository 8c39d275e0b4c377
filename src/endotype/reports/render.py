"""Renders ``report.json`` into the forms of the configuration, for one batch of patients.

Nothing is computed here: a change of a template or of a renderer makes the forms anew, and nothing else.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from endotype.errors import input_error
from endotype.files import atomic_path, read_json, to_json
from endotype.reports.batches import batch_of
from endotype.reports.failure import Failure, failed_report, reason_class, write_failures
from endotype.reports.fhir import fhir_bundle
from endotype.reports.formats import report_files
from endotype.reports.identity import check_person
from endotype.reports.inputs import Row
from endotype.reports.language import ENGLISH, in_language
from endotype.reports.patient_page import report_page
from endotype.reports.pdf import report_pdf
from endotype.reports.phenopacket import phenopacket
from endotype.reports.private import own_folder, private_files
from endotype.reports.results import read_result
from endotype.reports.sheets import claims_tsv, report_xlsx, variants_tsv

PROGRESS_EVERY = 100

RENDERERS: dict[str, Callable[[Row], bytes]] = {
    "report.html": lambda report: report_page(report).encode("utf-8"),
    "report.pdf": report_pdf,
    "report.xlsx": report_xlsx,
    "claims.tsv": claims_tsv,
    "variants.tsv": variants_tsv,
    "report.fhir.json": lambda report: to_json(fhir_bundle(report), None).encode("utf-8"),
    "phenopacket.json": lambda report: to_json(phenopacket(report), None).encode("utf-8"),
}
"""What makes the content of each file of :data:`~endotype.reports.formats.FORMATS` from a report."""


def render_reports(results: str | Path, config: str | Path, batch: int, batches: int) -> list[str]:
    """Write the forms of ``reports/{patient}/report.json`` for the patients of one batch.

    A form that can't be made is one that says so instead, with a row in
    ``reports/failures/render_{batch}.tsv``; so is every form of a report that holds something of another
    patient. The traceback goes to stderr.

    Args:
        results: the results folder, the batch's ``report.json`` files written.
        config: the configuration with defaults filled in, as JSON.
        batch: which batch, ``0 .. batches - 1``.
        batches: how many batches there are.

    Returns:
        The patients of the batch, sorted.

    Raises:
        InputError: a ``report.json`` is missing.
    """
    results, settings = Path(results), read_json(config)["reports"]
    people = read_result(results / "cohort/people.parquet").to_dict("records")
    persons: dict[str, Any] = {
        row["patient"]: row for row in people if batch_of(row["patient"], batches) == batch
    }
    patients = sorted(persons)
    files = report_files(settings["formats"])
    failures: list[Failure] = []
    with private_files(settings["private"]):
        for done, patient in enumerate(patients, start=1):
            folder = results / "reports" / patient
            own_folder(folder, settings["private"])
            failures += _render_patient(folder, persons[patient], files)
            if done % PROGRESS_EVERY == 0 or done == len(patients):
                print(f"reports rendered: {done:,} of {len(patients):,}", file=sys.stderr, flush=True)
        own_folder(results / "reports/failures", settings["private"])
        write_failures(results / f"reports/failures/render_{batch}.tsv", failures)
    return patients


def _render_patient(folder: Path, person: Row, files: list[str]) -> list[Failure]:
    """Write the files of one patient; what could not be made is returned, and stands in the file too."""
    patient, path = person["patient"], folder / "report.json"
    if not path.is_file():
        raise input_error(path, "no such file", "a report of every patient", "write the reports first")
    report = read_json(path)
    failures = []
    for file in files:
        try:
            check_person(report, patient)
            with in_language(report["run"]["language"]):
                content = RENDERERS[file](report)
        except Exception as error:  # one form of one patient is no reason to hold up the others
            traceback.print_exc()
            failure = Failure(patient, file, reason_class(error))
            failures.append(failure)
            with in_language(report["run"].get("language", ENGLISH)):
                content = RENDERERS[file](failed_report(failure, report["run"], person))
        with atomic_path(folder / file) as temporary:
            temporary.write_bytes(content)
    return failures
