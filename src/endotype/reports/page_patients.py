"""The patients of the cohort's page: one line each, with a link to the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from endotype.reports.inputs import Row
from endotype.reports.language import N_, _, ngettext
from endotype.reports.page_table import Cell, Column, Table
from endotype.reports.text import probability, shorten, words

NOT_ASSESSED = N_("not assessed")

_QUALITY_ORDER = {"fail": 0, "warn": 1, "pass": 2}


def _columns() -> tuple[Column, ...]:
    return (
        Column(_("Patient")),
        Column(_("Quality"), choice=_("Quality")),
        Column(_("Subtype"), choice=_("Subtype")),
        Column(_("Reportable variants"), numeric=True, choice=_("Reportable variants")),
        Column(_("First target"), choice=_("First target")),
        Column(_("Warned against"), choice=_("Warned against")),
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
    return Table("patients", _("patients"), _columns(), rows, sorted_by=0)


def _patient(p: Row, show_status: bool) -> Cell:
    note = words(p["status"]) if show_status and p["status"] != "included" else ""
    return Cell(p["patient"], note, link=f"{p['patient']}/report.html", key=p["patient"])


def _quality(p: Row) -> Cell:
    word = p["quality"] or NOT_ASSESSED
    key = _QUALITY_ORDER.get(word)
    if word in ("warn", "fail"):
        return Cell(chip=word, key=key, group=words(word))
    return Cell(note=words(word), key=key, group=words(word))


def _subtype(p: Row, colours: Mapping[str, str]) -> Cell:
    name = p["subtype"]
    if name:
        return Cell(name, probability(p["posterior"]), colour=colours.get(name, ""), key=name, group=name)
    text = _("no call: {reason}", reason=words(p["no_call_reason"] or NOT_ASSESSED))
    return Cell(note=text, group=text)


def _findings(p: Row) -> Cell:
    n = p["n_findings"]
    if n is None:
        return Cell(note=_(NOT_ASSESSED), group=_(NOT_ASSESSED))
    return Cell(f"{n:,}", key=n, group=_("some")) if n else Cell(note=_("none"), key=0, group=_("none"))


def _target(p: Row) -> Cell:
    target = p["top_target"]
    if target:
        name = shorten(target["intervention"], 60)
        note = _("{gene}, tier {tier}", gene=shorten(target["gene"]), tier=target["tier"])
        return Cell(name, note, key=target["intervention"], group=name)
    word = _(NOT_ASSESSED) if p["n_targets"] is None else _("none found")
    return Cell(note=word, group=word)


def _warnings(p: Row) -> Cell:
    n = p["n_warnings"]
    if n:
        note = ngettext("{n:,} intervention", "{n:,} interventions", n)
        return Cell(chip="contraindicated", note=note, key=n, group=_("some"))
    word = _(NOT_ASSESSED) if p["n_targets"] is None else _("none")
    return Cell(note=word, key=None if p["n_targets"] is None else 0, group=word)
