"""The chapter on tumours."""

from __future__ import annotations

from endotype.reports.blocks import (
    Block,
    Cell,
    cell,
    code,
    heading,
    strong,
    sub,
    table,
    text,
)
from endotype.reports.chapters.context import Context
from endotype.reports.inputs import Row
from endotype.reports.language import _, known, ngettext, sentences
from endotype.reports.text import (
    listed,
    number,
    percent,
    shorten,
    words,
)


def tumours(context: Context) -> list[Block]:
    """Each tumour with its mutations."""
    chapter = context.report["tumours"]
    blocks = [text(chapter["statement"])]
    for tumour in chapter["items"]:
        blocks += [heading(tumour["tumour"]), text(known(tumour["verdict"]))]
        if tumour["mutations"]:
            columns = [(_("Gene and change"), 40), (_("Kind"), 24), (_("Reads with the change"), 18)]
            columns.append((_("Patients of the cohort"), 18))
            blocks.append(table(columns, [_mutation(m) for m in tumour["mutations"]]))
        blocks.append(text(mutations_sentences(tumour), "muted"))
    return blocks


def mutations_sentences(tumour: Row) -> str:
    """In which order mutations stand, how many don't, and what of the tumour was not assessed."""
    more = unseen = None
    said = _("No mutation that is known to change a protein is in the calls.")
    if tumour["mutations"]:
        said = _(
            "Mutations that change a protein, by how many patients of the cohort have one in the same gene: "
            "long genes are mutated often by chance, so the order doesn’t say which matters."
        )
    if tumour["n_more"]:
        more = ngettext(
            "{n:,} more mutation of this kind isn’t listed.",
            "{n:,} more mutations of this kind aren’t listed.",
            tumour["n_more"],
        )
    if tumour["not_assessed"]:
        unseen = _("Not assessed: {topics}.", topics=listed(map(known, tumour["not_assessed"])))
    return sentences(said, more, unseen)


def _mutation(m: Row) -> list[Cell]:
    reads = cell(_("not assessed"))
    if m["vaf"] is not None:
        counted = m["alt_reads"] is not None and m["depth"] is not None
        of = _("{part} of {whole}", part=number(m["alt_reads"]), whole=number(m["depth"]))
        reads = cell(percent(m["vaf"]), sub(of) if counted else None)
    return [
        cell(
            strong(f"{m['gene'] or _('no gene')} {shorten(m['protein_change'] or '')}".strip()),
            code(shorten(m["variant_id"], 48)),
        ),
        cell(
            words(m["classification"]),
            sub(words(m["status"])) if m["status"] == "somatic_or_germline" else None,
        ),
        reads,
        cell(number(m["n_patients"])),
    ]
