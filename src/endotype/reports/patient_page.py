"""``report.html``: one patient's report as a page."""

from __future__ import annotations

from endotype.axes import group_colours
from endotype.reports.document import other_chapters
from endotype.reports.html import render
from endotype.reports.inputs import Row
from endotype.reports.interpretation import ORIGIN_WORDS

MAX_OTHER_VARIANTS = 25
"""Rows of variants with a lesser clinical record that a page shows; ``report.json`` has all."""


def report_page(report: Row) -> str:
    """``report.json`` as a page. Chapters that the template doesn't know follow the ones that it does."""
    return render(
        "report.html",
        report=report,
        claims={claim["id"]: claim for claim in report["claims"]},
        colours=group_colours(entry["subtype"] for entry in report["subtype"]["posteriors"]),
        max_other=MAX_OTHER_VARIANTS,
        origin_words=ORIGIN_WORDS,
        others=other_chapters(report),
    )
