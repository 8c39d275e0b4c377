"""The chapter on the quality of the genotypes."""

from __future__ import annotations

from endotype.reports.blocks import (
    Block,
    Cell,
    cell,
    chip,
    sub,
    table,
    text,
)
from endotype.reports.chapters.context import Context
from endotype.reports.inputs import Row
from endotype.reports.language import _, sentences
from endotype.reports.text import (
    number,
    percent,
    words,
)

SHARES = ("call_rate", "contamination", "het_rate")
"""Measures of quality that are shares, shown in percent."""


def quality(context: Context) -> list[Block]:
    """Every measure with its limit, and the relatives."""
    chapter = context.report["quality"]
    verdict = chapter["verdict"]
    shown = chapter["statement"]
    if verdict:
        shown = sentences(_("{sentence}.", sentence=words(verdict).capitalize()), shown)
    blocks = [text(shown, "alarm" if verdict == "fail" else "")]
    if chapter["metrics"]:
        columns = [(_("Measure"), 40), (_("Patient"), 14), (_("Limit"), 20), (_("Cohort median"), 14)]
        columns.append((_("Verdict"), 12))
        rows = [_metric(metric) for metric in chapter["metrics"]]
        sex = chapter["sex"]
        rows.append(
            [
                cell(_("Sex"), sub(_("Declared sex against the X and Y genotypes."))),
                cell(words(sex["inferred"] or "not assessed")),
                cell(_("declared {sex}", sex=words(sex["declared"]))),
                cell(""),
                cell(chip(sex["verdict"])),
            ]
        )
        blocks.append(table(columns, rows))
    if chapter["relatives"]:
        columns = [(_("Person"), 25), (_("Relationship from genotypes"), 30), (_("Kinship"), 15)]
        columns.append((_("Pedigree"), 30))
        rows = [
            [cell(r["patient"]), cell(r["relationship"]), cell(number(r["kinship"])), cell(r["declared"])]
            for r in chapter["relatives"]
        ]
        blocks.append(table(columns, rows, _("Related people in the cohort")))
    elif chapter["relatives_status"] == "absent":
        blocks.append(text(_("No relative up to the third degree was found in the cohort."), "muted"))
    elif chapter["status"] == "assessed":
        blocks.append(text(_("Relatedness was not assessed: too few independent variants."), "muted"))
    return blocks


QUALITY_SHOWN = frozenset(
    {
        *("status", "statement", "verdict", "reasons", "metrics", "relatives", "relatives_status"),
        *("sex", "in_statistics", "claims"),
    }
)


def _metric(metric: Row) -> list[Cell]:
    show = percent if metric["name"] in SHARES else number
    return [
        cell(metric["label"], sub(metric["explanation"])),
        cell(show(metric["value"])),
        cell(metric["threshold"] or _("none")),
        cell(show(metric["cohort_median"])),
        cell(chip(metric["verdict"])),
    ]
