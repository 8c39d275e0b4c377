"""Who and what went in, what left on the way and why, and what came out: the flow diagrams of a cohort.

A diagram is drawn only from counts that a stage wrote down; a step without a count is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from endotype.reports.inputs import Cohort, Row
from endotype.reports.language import N_, _
from endotype.reports.svg import FlowStep
from endotype.reports.text import clean, words

NO_CALL_WORDS = {
    "ambiguous": N_("between subtypes (ambiguous)"),
    "atypical": N_("unlike every subtype (atypical)"),
    "no_subtypes": N_("cohort not divided into subtypes"),
    "unclassified": N_("like those without a class"),
    "insufficient_data": N_("too few features recorded"),
    "out_of_reference": N_("ancestry outside the model's range"),
    "failed_qc": N_("genotypes failed quality control"),
    "not_assessed": N_("not given to the subtype model"),
}
"""Reasons of a subtype that wasn't called, as a reader is told them."""


def flows(cohort: Cohort, counts: Row, variant_flow: Row) -> dict[str, list[FlowStep]]:
    """Title -> steps of a diagram, for those of which at least two steps are known.

    Without germline calls there is nothing to draw of variants and association: a row of zeros would look
    like a result.

    Args:
        cohort: what all patients share.
        counts: the counts of ``cohort.json``.
        variant_flow: ``variants/flow.json``.
    """
    diagrams = {_("People with a subtype"): _subtypes(counts)}
    if cohort.has_germline:
        diagrams = {
            _("Variants"): _variants(variant_flow),
            _("People in association tests"): _association(cohort, counts["people"]),
        } | diagrams
    return {title: steps for title, steps in diagrams.items() if len(steps) > 1}


def _variants(flow: Row) -> list[FlowStep]:
    rejected = _leaving(flow.get("alleles_rejected"))
    merged = {name: flow.get(name, 0) for name in ("duplicates_merged", "joined_across_files")}
    steps: list[tuple[str, object, list[tuple[str, int]]]] = [
        (_("records read"), flow.get("records_in"), []),
        (_("alternate alleles"), flow.get("alleles_in"), [*rejected, *_leaving(merged)]),
        (
            _("normalised variants"),
            flow.get("variants_normalised"),
            _leaving(flow.get("variants_filtered")),
        ),
        (_("variants kept"), flow.get("variants_kept"), []),
    ]
    return [(label, count, leaving) for label, count, leaving in steps if isinstance(count, int)]


def _association(cohort: Cohort, people: int) -> list[FlowStep]:
    samples = cohort.association_summary.get("samples", {})
    genotyped, tested = samples.get("in_genotypes"), samples.get("in_analysis")
    if genotyped is None or tested is None:
        return []
    complete = samples.get("with_all_covariates", tested)
    return [
        (_("people"), people, _leaving({_("no genotypes"): people - genotyped})),
        (_("people with genotypes"), genotyped, _leaving(samples.get("excluded"))),
        (
            _("people who can be tested"),
            tested,
            _leaving({_("a covariate is missing"): tested - complete}),
        ),
        (_("with all covariates"), complete, []),
    ]


def _subtypes(counts: Row) -> list[FlowStep]:
    leaving = _leaving({no_call_words(name): n for name, n in counts["no_call"].items()})
    return [
        (_("people"), counts["people"], leaving),
        (_("called to a subtype"), counts["subtype_called"], []),
    ]


def no_call_words(reason: str) -> str:
    """Why a subtype wasn't called, in words of the current language; a reason that isn't known as it is."""
    return _(NO_CALL_WORDS[reason]) if reason in NO_CALL_WORDS else reason


def _leaving(counts: object) -> list[tuple[str, int]]:
    """What leaves, most first; reasons that nothing left for are not drawn."""
    if not isinstance(counts, Mapping):
        return []
    found = [(clean(words(str(name))), n) for name, n in counts.items() if isinstance(n, int) and n > 0]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))
