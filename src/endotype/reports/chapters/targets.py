"""The chapter on targets."""

from __future__ import annotations

from endotype.reports import svg
from endotype.reports.blocks import (
    Block,
    Cell,
    Line,
    cell,
    chip,
    drawing,
    source,
    strong,
    sub,
    table,
    text,
)
from endotype.reports.chapters.context import Context
from endotype.reports.inputs import Row
from endotype.reports.text import (
    number,
    probability,
    shorten,
    words,
)


def targets(context: Context) -> list[Block]:
    """Entries of the target table that fit, with rank and evidence."""
    chapter = context.report["targets"]
    items, blocks = chapter["items"], [text(chapter["statement"])]
    for name, said in (("looked_at", "Looked at"), ("not_assessed", "Not assessed here")):
        if chapter.get(name):
            blocks.append(text(f"{said}: {chapter[name]}.", "muted"))
    if not items:
        return blocks
    columns = [
        ("Intervention", 27),
        ("Tier", 10),
        ("Rests on", 29),
        ("Rank, 90 % interval", 19),
        ("Confidence", 15),
    ]
    blocks.append(table(columns, [_target(item, len(items), context) for item in items]))
    blocks.append(
        text(
            "Tier R1 is resistance or harm, shown first; 1 is the strongest evidence, 4 the weakest, 3B is "
            "evidence in another disease; R2 is weak evidence of resistance or of resistance in another "
            "disease; D says only that drugs act on the gene’s product. “Indicated” and “contraindicated” "
            "are the words of the sources that the run was given, not advice for this patient.",
            "muted",
        )
    )
    return blocks


TARGETS_SHOWN = frozenset({"status", "statement", "items", "looked_at", "not_assessed"})


def _about(item: Row) -> list[Line]:
    """The level of the source, and whether its evidence is about the patient's disease, where it says so."""
    lines = [sub(shorten(item["level"], 40))] if item.get("level") else []
    if item.get("disease_match") == "other":
        lines.append(sub(f"another disease: {shorten(item['disease'] or 'not named', 60)}"))
    return lines + ([sub("same disease")] if item.get("disease_match") == "same" else [])


def _target(item: Row, n: int, context: Context) -> list[Cell]:
    word = context.claims[item["claim"]]["confidence"]["word"]
    rank = f"{number(item['rank'])} of {n}"
    if item["rank_low"] != item["rank_high"]:
        rank += f" ({number(item['rank_low'])} to {number(item['rank_high'])})"
    picture = drawing(
        svg.interval(item["rank_low"], item["rank_high"], item["rank"], n, rank), f"rank {rank}", 85
    )
    named = f"Source: {item['source'] or 'not named'} {item['source_version'] or ''}".strip()
    return [
        cell(strong(shorten(item["intervention"], 80)), chip(item["action"]), sub(f"gene {item['gene']}")),
        cell(str(item["tier"]), *_about(item)),
        cell(
            words(item["link"]),
            sub(shorten(words(item["detail"]), 240)) if item["detail"] else None,
            sub(named),
            source(item["source_record"]) if item["source_record"] else None,
            sub(shorten(item["safety"], 160)) if item.get("safety") else None,
        ),
        cell(picture if n > 1 else None, sub(rank)),
        cell(
            chip(word),
            sub(f"in the first 3 with probability {probability(item['probability_top3'])}")
            if n > 3
            else None,
            sub("rests on few sources") if (item.get("stable_without_source") or 1) < 0.5 else None,
        ),
    ]
