"""The chapters on what was not assessed, and how the report was made."""

from __future__ import annotations

from endotype.reports.blocks import (
    Block,
    cell,
    code,
    table,
    text,
)
from endotype.reports.chapters.context import Context
from endotype.reports.chapters.further import accuracy
from endotype.reports.language import _
from endotype.reports.text import (
    words,
)


def not_assessed(context: Context) -> list[Block]:
    """What the report can say nothing about."""
    rows = [[cell(words(gap["topic"])), cell(gap["reason"])] for gap in context.report["not_assessed"]]
    said = _("What this report can say nothing about. None of it is negative.")
    return [text(said), table([(_("Topic"), 35), (_("Why"), 65)], rows)]


def methods(context: Context) -> list[Block]:
    """How the report was made, from which sources, with which settings."""
    chapter, run = context.report["methods"], context.report["run"]
    known = [
        [
            cell(words(s["source"])),
            cell(code(s["file"] or _("not named"))),
            cell(s["version"] or _("not stated")),
            cell(code((s["sha256"] or "")[:16])),
        ]
        for s in run["knowledge"]
    ]
    columns = [(_("Source"), 25), (_("File"), 30), (_("Version"), 25), ("SHA-256", 20)]
    settings = [[cell(s["meaning"], code(s["key"])), cell(_setting(s["value"]))] for s in chapter["settings"]]
    return [
        {"kind": "list", "items": chapter["statements"]},
        table(columns, known, _("Knowledge sources"))
        if known
        else text(_("No knowledge source was given to this run.")),
        *accuracy(chapter["accuracy"]),
        table([(_("Setting"), 70), (_("Value"), 30)], settings, _("Settings")),
    ]


METHODS_SHOWN = frozenset({"statements", "settings", "accuracy"})


def _setting(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
