"""The patients of the cohort's page: one line each, with a link to the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from endotype.reports.inputs import Row
from endotype.reports.page_table import Cell, Column, Table
from endotype.reports.text import plural, probability, shorten, words

NOT_ASSESSED = "not assessed"

_QUALITY_ORDER = {"fail": 0, "warn": 1, "pass": 2}

COLUMNS = (
    Column("Patient"),
    Column("Quality", choice="Quality"),
    Column("Subtype", choice="Subtype"),
    Column("Reportable variants", numeric=True, choice="Reportable variants"),
    Column("First target", choice="First target"),
    Column("Warned against", choice="Warned against"),
)


def patient_table(patients: Sequence[Row], colours: Mapping[str, str], show_status: bool) -> Table:
    """The table of patients.

    Args:
        patients: the lines of ``cohort.json``, sorted by patient.
        colours: of the subtypes.
        show_status: say of a patient who isn't ``included`` what is missing.
    """
    rows = [
        [
            _patient(p, show_status),
            _quality(p),
            _subtype(p, colours),
            _findings(p),
            _target(p),
            _warnings(p),
        ]
        for p in patients
    ]
    return Table("patients", "patients", COLUMNS, rows, sorted_by=0)


def _patient(p: Row, show_status: bool) -> Cell:
    note = words(p["status"]) if show_status and p["status"] != "included" else ""
    return Cell(p["patient"], note, link=f"{p['patient']}/report.html", key=p["patient"])


def _quality(p: Row) -> Cell:
    word = p["quality"] or NOT_ASSESSED
    key = _QUALITY_ORDER.get(word)
    if word in ("warn", "fail"):
        return Cell(chip=word, key=key, group=word)
    return Cell(note=word, key=key, group=word)


def _subtype(p: Row, colours: Mapping[str, str]) -> Cell:
    name = p["subtype"]
    if name:
        return Cell(name, probability(p["posterior"]), colour=colours.get(name, ""), key=name, group=name)
    text = f"no call: {words(p['no_call_reason'] or NOT_ASSESSED)}"
    return Cell(note=text, group=text)


def _findings(p: Row) -> Cell:
    n = p["n_findings"]
    if n is None:
        return Cell(note=NOT_ASSESSED, group=NOT_ASSESSED)
    return Cell(f"{n:,}", key=n, group="some") if n else Cell(note="none", key=0, group="none")


def _target(p: Row) -> Cell:
    target = p["top_target"]
    if target:
        name, note = shorten(target["intervention"], 60), f"{shorten(target['gene'])}, tier {target['tier']}"
        return Cell(name, note, key=target["intervention"], group=name)
    word = NOT_ASSESSED if p["n_targets"] is None else "none found"
    return Cell(note=word, group=word)


def _warnings(p: Row) -> Cell:
    n = p["n_warnings"]
    if n:
        return Cell(chip="contraindicated", note=plural(n, "intervention"), key=n, group="some")
    word = NOT_ASSESSED if p["n_targets"] is None else "none"
    return Cell(note=word, key=None if p["n_targets"] is None else 0, group=word)
