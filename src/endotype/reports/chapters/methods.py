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
from endotype.reports.text import (
    words,
)


def not_assessed(context: Context) -> list[Block]:
    """What the report can say nothing about."""
    rows = [[cell(words(gap["topic"])), cell(gap["reason"])] for gap in context.report["not_assessed"]]
    said = "What this report can say nothing about. None of it is negative."
    return [text(said), table([("Topic", 35), ("Why", 65)], rows)]


def methods(context: Context) -> list[Block]:
    """How the report was made, from which sources, with which settings."""
    chapter, run = context.report["methods"], context.report["run"]
    known = [
        [
            cell(words(s["source"])),
            cell(code(s["file"] or "not named")),
            cell(s["version"] or "not stated"),
            cell(code((s["sha256"] or "")[:16])),
        ]
        for s in run["knowledge"]
    ]
    columns = [("Source", 25), ("File", 30), ("Version", 25), ("SHA-256", 20)]
    settings = [[cell(s["meaning"], code(s["key"])), cell(_setting(s["value"]))] for s in chapter["settings"]]
    return [
        {"kind": "list", "items": chapter["statements"]},
        table(columns, known, "Knowledge sources")
        if known
        else text("No knowledge source was given to this run."),
        *accuracy(chapter["accuracy"]),
        table([("Setting", 70), ("Value", 30)], settings, "Settings"),
    ]


METHODS_SHOWN = frozenset({"statements", "settings", "accuracy"})


def _setting(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
