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
from endotype.reports.language import N_, _, known
from endotype.reports.text import (
    number,
    probability,
    reasons_listed,
    shorten,
    words,
)


def targets(context: Context) -> list[Block]:
    """Entries of the target table that fit, with rank and evidence."""
    chapter = context.report["targets"]
    items, blocks = chapter["items"], [text(chapter["statement"])]
    blocks += [text(said, "muted") for said in looked_at(chapter)]
    if not items:
        return blocks
    columns = [
        (_("Intervention"), 27),
        (_("Tier"), 10),
        (_("Rests on"), 29),
        (_("Rank, 90\u00a0% interval"), 19),
        (_("Confidence"), 15),
    ]
    blocks.append(table(columns, [_target(item, len(items), context) for item in items]))
    blocks.append(text(_(TIERS), "muted"))
    return blocks


TIERS = N_(
    "Tier R1 is resistance or harm, shown first; 1 is the strongest evidence, 4 the weakest, 3B is "
    "evidence in another disease; R2 is weak evidence of resistance or of resistance in another "
    "disease; D says only that drugs act on the gene’s product. “Indicated” and “contraindicated” "
    "are the words of the sources that the run was given, not advice for this patient."
)


def looked_at(chapter: Row) -> list[str]:
    """What was looked at for targets and what wasn't, where the run says so."""
    said = []
    if chapter.get("looked_at"):
        said.append(_("Looked at: {what}.", what=_each(chapter["looked_at"])))
    if chapter.get("not_assessed"):
        said.append(_("Not assessed here: {what}.", what=_each(chapter["not_assessed"])))
    return said


def _each(clauses: str) -> str:
    """Clauses of a table of targets, which stand one after the other in a cell."""
    return reasons_listed(known(clause) for clause in clauses.split("; "))


TARGETS_SHOWN = frozenset({"status", "statement", "items", "looked_at", "not_assessed"})


def _about(item: Row) -> list[Line]:
    """The level of the source, and whether its evidence is about the patient's disease, where it says so."""
    lines = [sub(shorten(known(item["level"]), 40))] if item.get("level") else []
    if item.get("disease_match") == "other":
        named = shorten(item["disease"] or _("not named"), 60)
        lines.append(sub(_("another disease: {disease}", disease=named)))
    return lines + ([sub(_("same disease"))] if item.get("disease_match") == "same" else [])


def rank_text(item: Row, n: int) -> str:
    """The rank of a target among ``n``, with its interval where it has one."""
    rank = _("{part} of {whole}", part=number(item["rank"]), whole=n)
    if item["rank_low"] == item["rank_high"]:
        return rank
    return _(
        "{rank} ({low} to {high})",
        rank=rank,
        low=number(item["rank_low"]),
        high=number(item["rank_high"]),
    )


def _target(item: Row, n: int, context: Context) -> list[Cell]:
    word = context.claims[item["claim"]]["confidence"]["word"]
    rank = rank_text(item, n)
    picture = drawing(
        svg.interval(item["rank_low"], item["rank_high"], item["rank"], n, rank),
        _("rank {rank}", rank=rank),
        85,
    )
    named = f"{known(item['source'] or 'not named')} {item['source_version'] or ''}".strip()
    return [
        cell(
            strong(shorten(item["intervention"], 80)),
            chip(item["action"]),
            sub(_("gene {gene}", gene=item["gene"])),
        ),
        cell(str(item["tier"]), *_about(item)),
        cell(
            words(item["link"]),
            sub(shorten(words(item["detail"]), 240)) if item["detail"] else None,
            sub(_("Source: {source}", source=named)),
            source(item["source_record"]) if item["source_record"] else None,
            sub(shorten(known(item["safety"]), 160)) if item.get("safety") else None,
        ),
        cell(picture if n > 1 else None, sub(rank)),
        cell(
            chip(word),
            sub(
                _(
                    "in the first 3 with probability {probability}",
                    probability=probability(item["probability_top3"]),
                )
            )
            if n > 3
            else None,
            sub(_("rests on few sources")) if (item.get("stable_without_source") or 1) < 0.5 else None,
        ),
    ]
