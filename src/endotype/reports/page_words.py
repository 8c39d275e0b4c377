"""Words that the scripts of the cohort's page write: data of the page, in the language of the run."""

from __future__ import annotations

from endotype.reports.language import _


def page_words() -> dict[str, str]:
    """Key -> text; what a script fills in is named in braces."""
    return {
        "all": _("all"),
        "chosen": _(", chosen of {all}"),
        "chromosome": _("chromosome"),
        "chromosomes_shown": _("chromosomes {first} to {last}"),
        "effect": _(", beta {beta} (standard error {se})"),
        "frequency": _(", frequency {frequency}"),
        "gene": _(", gene {gene}"),
        "in_chart": _("in the chart"),
        "manhattan": _("Manhattan plot of {trait}"),
        "next": _("Next"),
        "no_region": _("Write a region first."),
        "no_rows": _("No {rows} fit."),
        "none_shown": _("0 of {count} {rows}"),
        "not_found": _(
            "Not found: write chromosome:start-end, the gene of a locus, or a significant variant."
        ),
        "not_given": _("not given"),
        "not_significant": _(", not significant"),
        "nothing_here": _("nothing was tested here"),
        "nothing_there": _("Nothing was tested on this chromosome."),
        "place": _("chromosome {chromosome}, {first} to {last}"),
        "position": _("position on chromosome {chromosome}"),
        "previous": _("Previous"),
        "region": _("Region"),
        "region_example": _("2:1,000,000-2,000,000, a gene or a variant"),
        "search": _("Search"),
        "show": _("Show"),
        "show_all": _("Show all"),
        "shown": _("{first} to {last} of {count} {rows}"),
        "shown_region": _("Shown: {region}."),
        "tested": _("{trait}: {tested} variants tested, {significant} significant."),
        "trait": _("Trait"),
        "whole_genome": _("Whole genome"),
        "zoom_in": _("Zoom in"),
        "zoom_out": _("Zoom out"),
    }
