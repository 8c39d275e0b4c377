"""The chapters on secondary findings, polygenic scores, and what has changed since the last report."""

from __future__ import annotations

from endotype.reports.blocks import Block, cell, sub, table, text
from endotype.reports.chapters.context import Context
from endotype.reports.chapters.variants import variant_table
from endotype.reports.inputs import Row
from endotype.reports.text import number, percentile, plural, shorten, words


def secondary(context: Context) -> list[Block]:
    """Pathogenic variants of listed genes, told by consent; or why none is told."""
    chapter = context.report["secondary_findings"]
    blocks = [text(chapter["statement"])]
    if known := chapter["list"]:
        said = f"{known['name']}, version {known['version']}: {plural(known['n_genes'], 'gene')}, "
        said += f"{known['file']}, sha256 {known['sha256'][:16]}. Consent: {chapter['consent']}."
        blocks.append(text(said, "muted"))
    if chapter["items"]:
        blocks.append(variant_table(chapter["items"], context))
    return blocks


SECONDARY_SHOWN = frozenset({"status", "statement", "consent", "list", "items", "no_call"})


def scores(context: Context) -> list[Block]:
    """Where each polygenic score lies in the cohort, or why it was not assessed."""
    chapter = context.report["polygenic_scores"]
    if not chapter["items"]:
        return [text(chapter["statement"])]
    rows = []
    for item in chapter["items"]:
        place = cell(words(item["status"]), sub(item["reason"] or ""))
        if item["percentile"] is not None:
            among = f"among {item['n']:,} people of this cohort"
            place = cell(f"{percentile(item['percentile'])} percentile", sub(among))
        rows.append([cell(shorten(item["name"], 60)), place, cell(item["match"] or "not assessed")])
    columns = [("Score", 25), ("Place in the cohort", 30), ("Match with the variants of the cohort", 45)]
    return [text(chapter["statement"]), table(columns, rows), text(chapter["caveat"], "muted")]


SCORES_SHOWN = frozenset({"status", "statement", "caveat", "items"})


def changes(context: Context) -> list[Block]:
    """Claims that are new, gone or different, and sources of another version."""
    chapter = context.report["changes"]
    blocks = [text(chapter["statement"])]
    if chapter["items"]:
        rows = [
            [
                cell(item["kind"], sub(item["what"] or "")),
                cell(item["text"]),
                cell(item["before"] or ("stated" if item["kind"] == "disappeared" else "–")),
                cell(item["after"] or ("stated" if item["kind"] == "appeared" else "–")),
            ]
            for item in chapter["items"]
        ]
        columns = [("What", 18), ("Statement", 48), ("Before", 17), ("Now", 17)]
        blocks.append(table(columns, rows))
    if chapter["sources"]:
        rows = [
            [cell(words(s["source"])), cell(s["before"] or "not given"), cell(s["after"] or "not given")]
            for s in chapter["sources"]
        ]
        blocks.append(table([("Source", 30), ("Before", 35), ("Now", 35)], rows, "Sources"))
    if previous := chapter["previous"]:
        said = (
            f"Earlier report: {previous['status'] or 'without a status'}, sha256 {previous['sha256'][:16]}."
        )
        blocks.append(text(said, "muted"))
    return blocks


CHANGES_SHOWN = frozenset({"status", "statement", "previous", "sources", "items"})


def accuracy(chapter: Row) -> list[Block]:
    """How well the program did where the truth is known."""
    if not chapter["items"]:
        return []
    rows = []
    for item in chapter["items"]:
        of = "" if item["of"] is None else f" of {number(item['of'])}"
        rows.append(
            [
                cell(item["what"]),
                cell(f"{number(item['value'])}{of} {item['unit'] or ''}".strip()),
                cell(item["where"]),
            ]
        )
    columns = [("What", 35), ("Result", 25), ("Measured in", 40)]
    said = f"{chapter['statement']} More in {chapter['source']}."
    return [table(columns, rows, "Measured accuracy"), text(said, "muted")]
