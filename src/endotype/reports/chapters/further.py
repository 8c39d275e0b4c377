"""The chapters on secondary findings, polygenic scores, and what has changed since the last report."""

from __future__ import annotations

from endotype.reports.blocks import Block, cell, sub, table, text
from endotype.reports.chapters.context import Context
from endotype.reports.chapters.variants import variant_table
from endotype.reports.inputs import Row
from endotype.reports.language import _, known, ngettext, sentences
from endotype.reports.text import number, percentile, shorten, words


def secondary(context: Context) -> list[Block]:
    """Pathogenic variants of listed genes, told by consent; or why none is told."""
    chapter = context.report["secondary_findings"]
    blocks = [text(chapter["statement"])]
    if chapter["list"]:
        blocks.append(text(list_sentence(chapter), "muted"))
    if chapter["items"]:
        blocks.append(variant_table(chapter["items"], context))
    return blocks


def list_sentence(chapter: Row) -> str:
    """Which list of genes secondary findings were looked for by, and what the patient agreed to."""
    listed = chapter["list"]
    return sentences(
        _(
            "{name}, version {version}: {genes}, {file}, sha256 {sha256}.",
            name=listed["name"],
            version=listed["version"],
            genes=ngettext("{n:,} gene", "{n:,} genes", listed["n_genes"]),
            file=listed["file"],
            sha256=listed["sha256"][:16],
        ),
        _("Consent: {consent}.", consent=words(chapter["consent"])),
    )


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
            among = _("among {n:,} people of this cohort", n=item["n"])
            place = cell(_("{place} percentile", place=percentile(item["percentile"])), sub(among))
        match = known(item["match"] or "not assessed")
        rows.append([cell(shorten(item["name"], 60)), place, cell(match)])
    columns = [(_("Score"), 25), (_("Place in the cohort"), 30)]
    columns.append((_("Match with the variants of the cohort"), 45))
    return [text(chapter["statement"]), table(columns, rows), text(chapter["caveat"], "muted")]


SCORES_SHOWN = frozenset({"status", "statement", "caveat", "items"})


def changes(context: Context) -> list[Block]:
    """Claims that are new, gone or different, and sources of another version."""
    chapter = context.report["changes"]
    blocks = [text(chapter["statement"])]
    if chapter["items"]:
        rows = [
            [
                cell(words(item["kind"]), sub(item["what"] or "")),
                cell(item["text"]),
                cell(item["before"] or (_("stated") if item["kind"] == "disappeared" else "–")),
                cell(item["after"] or (_("stated") if item["kind"] == "appeared" else "–")),
            ]
            for item in chapter["items"]
        ]
        columns = [(_("What"), 18), (_("Statement"), 48), (_("Before"), 17), (_("Now"), 17)]
        blocks.append(table(columns, rows))
    if chapter["sources"]:
        rows = [
            [
                cell(words(s["source"])),
                cell(s["before"] or _("not given")),
                cell(s["after"] or _("not given")),
            ]
            for s in chapter["sources"]
        ]
        columns = [(_("Source"), 30), (_("Before"), 35), (_("Now"), 35)]
        blocks.append(table(columns, rows, _("Sources")))
    if chapter["previous"]:
        blocks.append(text(earlier_sentence(chapter["previous"]), "muted"))
    return blocks


def earlier_sentence(previous: Row) -> str:
    """Which report this one was compared with."""
    return _(
        "Earlier report: {status}, sha256 {sha256}.",
        status=words(previous["status"] or "without a status"),
        sha256=previous["sha256"][:16],
    )


CHANGES_SHOWN = frozenset({"status", "statement", "previous", "sources", "items"})


def accuracy(chapter: Row) -> list[Block]:
    """How well the program did where the truth is known."""
    if not chapter["items"]:
        return []
    rows = []
    for item in chapter["items"]:
        result = number(item["value"])
        if item["of"] is not None:
            result = _("{part} of {whole}", part=result, whole=number(item["of"]))
        rows.append(
            [
                cell(item["what"]),
                cell(f"{result} {item['unit'] or ''}".strip()),
                cell(item["where"]),
            ]
        )
    columns = [(_("What"), 35), (_("Result"), 25), (_("Measured in"), 40)]
    said = sentences(chapter["statement"], _("More in {file}.", file=chapter["source"]))
    return [table(columns, rows, _("Measured accuracy")), text(said, "muted")]
