"""What a run states of the items of a reporting guideline, and what its authors must add.

The 27 items of TRIPOD+AI (Collins et al. 2024, BMJ 385:e078378), in words of our own, and a few of REMARK
(Altman et al. 2012, PLoS Med 9:e1001216) for a marker with an outcome. TRIPOD+AI is written for models that
predict; a subtype model is one whose answer is a group. Every statement is filled from the run's own files
and says from which key. A list of items met is no proof that a study is sound.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from endotype.subtypes.checklist_items import AUTHORS, ITEMS, Answer, Run


def fill_checklist(run: Run) -> dict[str, Any]:
    """Every item with its answer, and how many of each status there are."""
    items = []
    for number, section, asks, answer in ITEMS:
        found = _resolved(run, answer(run))
        items.append(
            {
                "item": number,
                "guideline": "REMARK" if number.startswith("R") else "TRIPOD+AI",
                "section": section,
                "asks": asks,
                "status": found.status,
                "states": found.states,
                "where": [{"file": file, "key": key} for file, key in found.where],
            }
        )
    counts = Counter(str(i["status"]) for i in items)
    return {
        "format": 1,
        "about": "What this run states of each item. Research use; a study must still be reported in full.",
        "counts": {status: counts[status] for status in ("stated", "partly", "authors")},
        "items": items,
    }


def _resolved(run: Run, answer: Answer) -> Answer:
    """The answer with the places that are there; one whose places are all absent states nothing."""
    where = tuple((file, key) for file, key in answer.where if not key or run.get(file, key) is not None)
    if answer.where and not where:
        return Answer("authors", AUTHORS)
    return Answer(answer.status, answer.states, where)


def checklist_markdown(checklist: dict[str, Any]) -> str:
    """The checklist as a page of Markdown tables, a section each."""
    counts = checklist["counts"]
    lines = [
        "# Reporting checklist",
        "",
        f"{checklist['about']} {counts['stated']} items are stated, {counts['partly']} in part, "
        f"{counts['authors']} are left to the authors. Items after TRIPOD+AI (Collins et al. 2024) and "
        "REMARK (Altman et al. 2012), in other words.",
    ]
    section = ""
    for item in checklist["items"]:
        if item["section"] != section:
            section = item["section"]
            lines += ["", f"## {section}", "", "| item | asks for | status | the run states | where |"]
            lines.append("|---|---|---|---|---|")
        where = ", ".join(f"{w['file']} {w['key']}".strip() for w in item["where"])
        cells = [item["item"], item["asks"], item["status"], item["states"], where]
        lines.append("| " + " | ".join(c.replace("|", "_").replace("\n", " ") for c in cells) + " |")
    return "\n".join(lines) + "\n"
