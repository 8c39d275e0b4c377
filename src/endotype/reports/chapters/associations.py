"""The chapter on associations of the cohort."""

from __future__ import annotations

from endotype.reports.blocks import (
    Block,
    cell,
    code,
    sub,
    table,
    text,
)
from endotype.reports.chapters.context import Context, failed
from endotype.reports.language import _, ngettext, sentences
from endotype.reports.text import (
    number,
    p_value,
    shorten,
    words,
)


def associations(context: Context) -> list[Block]:
    """Significant loci of the cohort that the patient carries."""
    chapter = context.report["associations"]
    blocks = [text(chapter["statement"]), *failed(context)]
    if not chapter["items"]:
        return blocks
    columns = [(_("Trait"), 18), (_("Locus"), 28), (_("Carries"), 18)]
    columns += [(_("Effect (95\u00a0% interval)"), 22), (_("p, n"), 14)]
    rows = []
    for item in chapter["items"]:
        near = sub(_("near {gene}", gene=item["gene"])) if item["gene"] else None
        locus = cell(code(shorten(item["id"], 48)), near)
        if item["kind"] == "gene":
            locus = cell(_("gene {gene}", gene=item["gene"]), sub(_("rare altering variants together")))
        carried = ngettext("{n:,} allele", "{n:,} alleles", item["alleles"])
        carried += f" {shorten(item['effect_allele'], 16)}" if item["effect_allele"] else ""
        rows.append(
            [
                cell(words(item["trait"])),
                locus,
                cell(
                    carried,
                    None if item["eaf"] is None else sub(_("frequency {number}", number=number(item["eaf"]))),
                ),
                cell(item["effect"]),
                cell(p_value(item["neg_log10_p"]), sub(f"n = {number(item['n'])}")),
            ]
        )
    said = sentences(
        _("Context from this cohort, not replicated elsewhere."),
        _("Effects are averages over people and don’t predict a patient."),
    )
    return [*blocks, table(columns, rows), text(said, "muted")]


ASSOCIATIONS_SHOWN = frozenset({"status", "statement", "items", "n_loci", "no_call"})
