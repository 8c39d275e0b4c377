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
from endotype.reports.text import (
    number,
    p_value,
    plural,
    shorten,
    words,
)


def associations(context: Context) -> list[Block]:
    """Significant loci of the cohort that the patient carries."""
    chapter = context.report["associations"]
    blocks = [text(chapter["statement"]), *failed(context)]
    if not chapter["items"]:
        return blocks
    columns = [("Trait", 18), ("Locus", 28), ("Carries", 18), ("Effect (95 % interval)", 22), ("p, n", 14)]
    rows = []
    for item in chapter["items"]:
        locus = cell(code(shorten(item["id"], 48)), sub(f"near {item['gene']}") if item["gene"] else None)
        if item["kind"] == "gene":
            locus = cell(f"gene {item['gene']}", sub("rare altering variants together"))
        carried = plural(item["alleles"], "allele")
        carried += f" {shorten(item['effect_allele'], 16)}" if item["effect_allele"] else ""
        rows.append(
            [
                cell(words(item["trait"])),
                locus,
                cell(carried, None if item["eaf"] is None else sub(f"frequency {number(item['eaf'])}")),
                cell(item["effect"]),
                cell(p_value(item["neg_log10_p"]), sub(f"n = {number(item['n'])}")),
            ]
        )
    said = "Context from this cohort, not replicated elsewhere. Effects are averages over people and don’t "
    return [*blocks, table(columns, rows), text(f"{said}predict a patient.", "muted")]


ASSOCIATIONS_SHOWN = frozenset({"status", "statement", "items", "n_loci", "no_call"})
