"""What stands in the place of a report that could not be made, and the list of all of those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from endotype.errors import InputError, input_error
from endotype.files import read_json
from endotype.reports.batches import batch_of
from endotype.reports.identity import WrongPatientError
from endotype.reports.inputs import Row
from endotype.reports.language import N_, _, known, sentences
from endotype.reports.patient import SCHEMA_PATH
from endotype.reports.results import read_result
from endotype.reports.text import plain
from endotype.tables import read_tsv, write_tsv

STATEMENT = N_("Not assessed: this report could not be made.")


@dataclass(frozen=True)
class Failure:
    """A report, or one form of it, that could not be made. ``reason`` is a kind of fault, never its text."""

    patient: str
    step: str
    reason: str


COLUMNS = ["patient", "step", "reason"]


def reason_class(error: Exception) -> str:
    """The kind of a fault in words that hold nothing of the patient."""
    if isinstance(error, WrongPatientError):
        return N_("something in it belongs to another patient")
    if isinstance(error, InputError):
        return N_("a result of an earlier stage can't be used")
    return N_("a fault of the program ({kind})").format(kind=type(error).__name__)


def failed_report(failure: Failure, run: Row, person: Row) -> Row:
    """A report that says that it failed, in the form of :data:`SCHEMA_PATH`; every chapter is not assessed.

    Args:
        failure: whose report, and why.
        run: the ``run`` chapter of the reports.
        person: the patient's row of ``cohort/people.parquet``: what of the patient is in the run.
    """
    report = _blank(_schema(), _schema())
    there = {name: plain(person[name]) for name in ("status", "in_genotypes", "in_clinical")}
    report["patient"] |= {"id": failure.patient, "sex_declared": "not assessed", **there}
    report["run"] = run
    report["failure"] = {"step": failure.step, "reason": failure.reason}
    reason = known(failure.reason)
    report["key_findings"]["statement"] = sentences(
        _("This report could not be made: {reason}.", reason=reason),
        _("Nothing about the patient was assessed here, and nothing in it is negative."),
    )
    report["not_assessed"] = [
        {"topic": N_("everything"), "reason": _("The report failed: {reason}.", reason=reason)}
    ]
    return report


def write_failures(path: str | Path, failures: Sequence[Failure]) -> None:
    """Write the failures of one batch; a table without rows when there are none."""
    write_tsv(pd.DataFrame([asdict(f) for f in failures], columns=COLUMNS), path)


def merge_failures(results: str | Path, batches: int) -> tuple[int, int]:
    """Join the failures of all batches into ``reports/failures.tsv``, by patient and step.

    Args:
        results: the results folder, all batches made and rendered.
        batches: how many batches there are.

    Returns:
        How many patients are in the table, and how many there are.

    Raises:
        InputError: no report at all could be made, which is no fault of a patient.
    """
    results = Path(results)
    patients = read_result(results / "cohort/people.parquet", ["patient"])["patient"]
    used = sorted({batch_of(patient, batches) for patient in patients})
    folder = results / "reports/failures"
    parts = [folder / f"{step}_{batch}.tsv" for step in ("write", "render") for batch in used]
    rows = pd.concat([pd.DataFrame(columns=COLUMNS), *(read_tsv(path)[COLUMNS] for path in parts)])
    out = results / "reports/failures.tsv"
    if len(patients) and rows.loc[rows["step"] == "report", "patient"].nunique() == len(patients):
        raise input_error(out, "no report could be made", "at least one", "see logs/write_reports")
    write_tsv(rows.sort_values(COLUMNS, ignore_index=True), out)
    return int(rows["patient"].nunique()), len(patients)


@cache
def _schema() -> Row:
    return dict(read_json(SCHEMA_PATH))


def _blank(part: Row, whole: Row) -> Any:
    """The emptiest value that a part of the schema takes: not assessed, null or nothing, never a finding."""
    if "$ref" in part:
        return _blank(whole["$defs"][part["$ref"].rpartition("/")[2]], whole)
    if "const" in part:
        return part["const"]
    choices = part.get("enum", [])
    for choice in ("not_assessed", "not assessed", None):
        if choice in choices:
            return choice
    if choices:
        return choices[0]
    if "anyOf" in part or "oneOf" in part:
        return None
    kinds = part.get("type", "null")
    if "null" in kinds:
        return None
    if kinds == "object":
        needed = part.get("required", [])
        return {name: _blank(part["properties"][name], whole) for name in needed} | (
            {"statement": _(STATEMENT)} if "statement" in needed else {}
        )
    return {"array": [], "string": "", "boolean": False, "integer": 0, "number": 0}[str(kinds)]
