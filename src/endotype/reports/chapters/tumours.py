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
from endotype.reports.text import (
    number,
    percent,
    plural,
    shorten,
    words,
)


def tumours(context: Context) -> list[Block]:
    """Each tumour with its mutations."""
    chapter = context.report["tumours"]
    blocks = [text(chapter["statement"])]
    for tumour in chapter["items"]:
        blocks += [heading(tumour["tumour"]), text(tumour["verdict"])]
        if tumour["mutations"]:
            columns = [("Gene and change", 40), ("Kind", 24), ("Reads with the change", 18)]
            blocks.append(
                table([*columns, ("Patients of the cohort", 18)], [_mutation(m) for m in tumour["mutations"]])
            )
        said = (
            "Mutations that change a protein, by how many patients of the cohort have one in the same gene: "
            "long genes are mutated often by chance, so the order doesn’t say which matters."
            if tumour["mutations"]
            else "No mutation that is known to change a protein is in the calls."
        )
        if tumour["n_more"]:
            said += f" {plural(tumour['n_more'], 'more mutation')} of this kind not listed."
        if tumour["not_assessed"]:
            said += f" Not assessed: {', '.join(tumour['not_assessed'])}."
        blocks.append(text(said, "muted"))
    return blocks


def _mutation(m: Row) -> list[Cell]:
    reads = cell("not assessed")
    if m["vaf"] is not None:
        counted = m["alt_reads"] is not None and m["depth"] is not None
        reads = cell(
            percent(m["vaf"]), sub(f"{number(m['alt_reads'])} of {number(m['depth'])}") if counted else None
        )
    return [
        cell(
            strong(f"{m['gene'] or 'no gene'} {shorten(m['protein_change'] or '')}".strip()),
            code(shorten(m["variant_id"], 48)),
        ),
        cell(
            words(m["classification"]),
            sub("somatic or germline") if m["status"] == "somatic_or_germline" else None,
        ),
        reads,
        cell(number(m["n_patients"])),
    ]
