"""Writes ``report.json`` for one batch of patients: all that a report says, in no form yet."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from endotype.files import read_json, write_json
from endotype.reports.batches import batch_of
from endotype.reports.failure import Failure, failed_report, reason_class, write_failures
from endotype.reports.identity import check_person, check_rows
from endotype.reports.inputs import Cohort, PatientRecord, Row, read_cohort, read_patients
from endotype.reports.language import in_language
from endotype.reports.methods import run_identity
from endotype.reports.patient import patient_report
from endotype.reports.private import own_folder, private_files
from endotype.reports.text import plain

PATIENTS_AT_ONCE = 250
"""Patients whose rows are in memory together, so that a large batch needs no more of it than a small one."""


def write_reports(results: str | Path, config: str | Path, batch: int, batches: int) -> list[str]:
    """Write ``reports/{patient}/report.json`` for the patients of one batch, and list those that failed.

    A patient whose report can't be made gets one that says so, and a row in
    ``reports/failures/write_{batch}.tsv``; the others are not held up. The traceback goes to stderr.

    Args:
        results: the results folder, all stages before this one done.
        config: the configuration with defaults filled in, as JSON.
        batch: which batch, ``0 .. batches - 1``.
        batches: how many batches there are.

    Returns:
        The patients of the batch, sorted. A batch may be empty.

    Raises:
        InputError: a result that all patients share is missing, or a patient id can't be a file name.
    """
    results, settings = Path(results), read_json(config)
    private = settings["reports"]["private"]
    cohort = read_cohort(results, settings)
    patients = [p for p in cohort.people["patient"] if batch_of(p, batches) == batch]
    failures: list[Failure] = []
    with private_files(private), in_language(settings["reports"]["language"]):
        own_folder(results / "reports", private)
        for start in range(0, len(patients), PATIENTS_AT_ONCE):
            for record in read_patients(results, cohort, patients[start : start + PATIENTS_AT_ONCE]):
                report, failure = _report(record, cohort)
                failures += [failure] if failure else []
                folder = results / "reports" / record.patient
                own_folder(folder, private)
                write_json(folder / "report.json", report)
            done = min(start + PATIENTS_AT_ONCE, len(patients))
            print(f"reports made: {done:,} of {len(patients):,}", file=sys.stderr, flush=True)
        own_folder(results / "reports/failures", private)
        write_failures(results / f"reports/failures/write_{batch}.tsv", failures)
    return patients


def _report(record: PatientRecord, cohort: Cohort) -> tuple[Row, Failure | None]:
    try:
        check_rows(record)
        report = patient_report(record, cohort)
        check_person(report, record.patient)
    except Exception as error:  # whatever is wrong with one patient is no reason to hold up the others
        traceback.print_exc()
        failure = Failure(record.patient, "report", reason_class(error))
        run = plain(run_identity(cohort))
        return failed_report(failure, run, record.person), failure
    return report, None
