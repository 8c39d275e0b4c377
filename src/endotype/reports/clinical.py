"""The clinical values of a patient as they were understood, and where they lie in the cohort."""

from __future__ import annotations

from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.language import _, ngettext

SHOWN_ROLES = ("trait", "outcome", "feature", "covariate", "confounder", "label")
"""Roles that a report shows, in this order. Identifiers and ignored columns never appear."""


def clinical_section(record: PatientRecord, cohort: Cohort) -> Row:
    """The clinical chapter. It repeats what was recorded and claims nothing."""
    if record.clinical is None:
        statement = _("Not assessed: there is no clinical record of this person in the run.")
        return {"status": "not_assessed", "statement": statement, "items": []}
    columns = cohort.dictionary["columns"]
    names = [name for role in SHOWN_ROLES for name, column in columns.items() if column["role"] == role]
    items = [_item(name, columns[name], record, cohort) for name in names]
    by_status = {
        status: sum(item["status"] == status for item in items)
        for status in ("present", "missing", "set aside")
    }
    counts = {"present": by_status["present"], "aside": by_status["set aside"]}
    statement = ngettext(
        "{present} of {n:,} value recorded.", "{present} of {n:,} values recorded.", len(items), **counts
    )
    if by_status["set aside"]:
        statement = ngettext(
            "{present} of {n:,} value recorded; {aside} set aside because they couldn't be read or were out "
            "of range.",
            "{present} of {n:,} values recorded; {aside} set aside because they couldn't be read or were out "
            "of range.",
            len(items),
            **counts,
        )
    return {
        "status": "present" if by_status["present"] else "absent",
        "statement": statement,
        "items": items,
    }


def _item(name: str, column: Row, record: PatientRecord, cohort: Cohort) -> Row:
    assert record.clinical is not None
    value = record.clinical.get(name)
    set_aside = record.quarantined.get(name)
    place = (
        cohort.percentile(name, value)
        if column["type"] in ("number", "count") and value is not None
        else None
    )
    return {
        "name": name,
        "role": column["role"],
        "description": column.get("description") or None,
        "type": column["type"],
        "unit": column.get("unit") or None,
        "value": value,
        "status": "present" if value is not None else "set aside" if set_aside else "missing",
        "percentile": place[0] if place else None,
        "n": place[1] if place else None,
        "set_aside": set_aside if value is None else None,
    }
