"""Whose report it is: checked when a report is made, and again each time that it is rendered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from endotype.reports.inputs import PatientRecord, Row


class WrongPatientError(ValueError):
    """Something in a report belongs to somebody else. The text names the place, never what was found."""


def check_rows(record: PatientRecord) -> None:
    """See that every row that was read for a patient and carries a patient's id carries this one's.

    Raises:
        WrongPatientError: a row is somebody else's.
    """
    for name in ("assignment", "targets", "tumours", "mutations", "joint_changes", "pairs"):
        rows = getattr(record, name)
        for row in [rows] if isinstance(rows, dict) else rows or []:
            if row.get("patient", record.patient) != record.patient:
                raise WrongPatientError(f"{name} of {record.patient}: a row of another patient")


def check_person(report: Row, patient: str) -> None:
    """See that a report, each of its claims and each chapter that names its patient are about ``patient``.

    A relative in the chapter on quality is another person on purpose, and the only one.

    Raises:
        WrongPatientError: one of them is about somebody else, or doesn't say about whom.
    """
    if report["patient"]["id"] != patient:
        raise WrongPatientError(f"report of {patient}: it is the report of another patient")
    for claim in report["claims"]:
        if claim.get("subject") != patient:
            raise WrongPatientError(f"report of {patient}: claim {claim['id']} is about another patient")
    chapters = {name: chapter for name, chapter in report.items() if name not in ("patient", "claims", "run")}
    for place, found in _people(chapters, "report"):
        if found != patient and not place.startswith("report.quality.relatives"):
            raise WrongPatientError(f"report of {patient}: {place} names another patient")


def _people(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every text under a key ``patient``, ``person`` or ``subject``, with its place."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("patient", "person", "subject") and isinstance(item, str):
                yield f"{place}.{key}", item
            else:
                yield from _people(item, f"{place}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from _people(item, place)
