"""The chapter on clinical values."""

from __future__ import annotations

from endotype.reports.blocks import (
    Block,
    Cell,
    cell,
    chip,
    sub,
    table,
    text,
    yes_or_no,
)
from endotype.reports.chapters.context import Context
from endotype.reports.inputs import Row
from endotype.reports.language import N_, _, known
from endotype.reports.text import (
    number,
    percentile,
    shorten,
    words,
)

_ROLES = (
    (("trait",), N_("Tested for association")),
    (("covariate", "confounder"), N_("Adjusted for")),
    (("outcome",), N_("Outcomes")),
    (("feature",), N_("Features of the subtypes")),
    (("label",), N_("Known classes")),
)


def clinical(context: Context) -> list[Block]:
    """The patient's clinical values by what they were used for."""
    chapter = context.report["clinical"]
    blocks = [text(chapter["statement"])]
    shown = {role for roles, _title in _ROLES for role in roles}
    further = tuple(sorted({item["role"] for item in chapter["items"]} - shown))
    for roles, title in (*_ROLES, (further, N_("Other values"))):
        rows = [_value(item) for item in chapter["items"] if item["role"] in roles]
        if rows:
            blocks.append(table([(_(title), 46), (_("Patient"), 29), (_("Percentile"), 25)], rows))
    if chapter["items"]:
        said = _(
            "Percentile: place among the people of this cohort who have a value. It is not a reference range."
        )
        blocks.append(text(said, "muted"))
    return blocks


def _value(item: Row) -> list[Cell]:
    place = "–"
    if item["percentile"] is not None:
        place = _("{place} of {n}", place=percentile(item["percentile"]), n=number(item["n"]))
    name = cell(words(item["name"]), sub(shorten(item["description"], 120)) if item["description"] else None)
    return [name, _clinical_value(item), cell(place)]


def _clinical_value(item: Row) -> Cell:
    value = item["value"]
    if item["status"] == "missing":
        return cell(_("not recorded"))
    if item["status"] == "set aside":
        aside = item["set_aside"]
        said = _(
            "found “{found}”; expected {expected}",
            found=shorten(aside["found"], 60),
            expected=shorten(known(aside["expected"]), 80),
        )
        return cell(chip("set aside"), sub(said))
    if isinstance(value, bool):
        return cell(yes_or_no(value))
    if isinstance(value, int | float):
        return cell(f"{number(value, 4)} {item['unit'] or ''}".strip())
    return cell(shorten(str(value), 80))
