"""``report.html``: one patient's report as a page."""

from __future__ import annotations

from endotype.axes import group_colours
from endotype.reports.chapters import subtype, targets, tumours, variants
from endotype.reports.chapters.further import earlier_sentence, list_sentence
from endotype.reports.document import (
    CLAIMS,
    QUOTED,
    RESEARCH,
    WORDS_OF_CONFIDENCE,
    chapter_title,
    more_findings,
    other_chapters,
)
from endotype.reports.html import render
from endotype.reports.inputs import Row
from endotype.reports.interpretation import ORIGIN_WORDS

MAX_OTHER_VARIANTS = 25
"""Rows of variants with a lesser clinical record that a page shows; ``report.json`` has all."""


SAID = {
    "chapter_title": chapter_title,
    "more_findings": more_findings,
    "disease": variants.disease_sentence,
    "strength": variants.strength_text,
    "criterion_source": variants.criterion_source,
    "points": variants.points_text,
    "joint": variants.joint_sentence,
    "left_out": variants.left_out,
    "mutations": tumours.mutations_sentences,
    "looked_at": targets.looked_at,
    "rank": targets.rank_text,
    "tiers": targets.TIERS,
    "posteriors": subtype.posteriors_caption,
    "fit": subtype.fit_sentences,
    "features_legend": subtype.features_legend,
    "place": subtype.place_picture,
    "place_sentences": subtype.place_sentences,
    "survival": subtype.survival_sentence,
    "no_forecast": subtype.NO_FORECAST,
    "gene_list": list_sentence,
    "earlier": earlier_sentence,
    "research": RESEARCH,
    "quoted": QUOTED,
    "words_of_confidence": WORDS_OF_CONFIDENCE,
    "claims": CLAIMS,
}
"""Sentences that the page shares with the forms that are set from blocks."""


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
        said=SAID,
    )
