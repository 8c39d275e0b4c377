"""How much of the genes could be seen: without it, "not found" says little."""

from __future__ import annotations

from collections.abc import Sequence

from endotype.reports.inputs import Row
from endotype.reports.language import _, ngettext

WELL_SEEN = 0.95
"""Share of a gene's coding bases from which on it counts as seen."""


def poorly_seen(rows: Sequence[Row]) -> list[Row]:
    """The genes of which less than :data:`WELL_SEEN` was seen, of rows with ``n_coding n_callable``."""
    return [row for row in rows if row["n_callable"] < WELL_SEEN * row["n_coding"]]


def seen_sentence(rows: Sequence[Row]) -> str:
    """What follows a "not found" and a colon: how many of the genes were seen, or that nobody knows."""
    if not rows:
        return _("how much of each gene could be seen isn't known.")
    return ngettext(
        "at least {share:.0%} of the coding bases could be seen in {whole:,} of {n:,} gene measured.",
        "at least {share:.0%} of the coding bases could be seen in {whole:,} of {n:,} genes measured.",
        len(rows),
        share=WELL_SEEN,
        whole=len(rows) - len(poorly_seen(rows)),
    )
