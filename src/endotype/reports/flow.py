"""Who and what went in, what left on the way and why, and what came out: the flow diagrams of a cohort.

A diagram is drawn only from counts that a stage wrote down; a step without a count is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from endotype.reports.inputs import Cohort, Row
from endotype.reports.svg import FlowStep
from endotype.reports.text import clean, words

NO_CALL_WORDS = {
    "ambiguous": "between subtypes (ambiguous)",
    "atypical": "unlike every subtype (atypical)",
    "no_subtypes": "cohort not divided into subtypes",
    "unclassified": "like those without a class",
    "insufficient_data": "too few features recorded",
    "out_of_reference": "ancestry outside the model's range",
    "failed_qc": "genotypes failed quality control",
    "not_assessed": "not given to the subtype model",
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
    diagrams = {"People with a subtype": _subtypes(counts)}
    if cohort.has_germline:
        diagrams = {
            "Variants": _variants(variant_flow),
            "People in association tests": _association(cohort, counts["people"]),
        } | diagrams
    return {title: steps for title, steps in diagrams.items() if len(steps) > 1}


def _variants(flow: Row) -> list[FlowStep]:
    rejected = _leaving(flow.get("alleles_rejected"))
    merged = {name: flow.get(name, 0) for name in ("duplicates_merged", "joined_across_files")}
    steps: list[tuple[str, object, list[tuple[str, int]]]] = [
        ("records read", flow.get("records_in"), []),
        ("alternate alleles", flow.get("alleles_in"), [*rejected, *_leaving(merged)]),
        ("normalised variants", flow.get("variants_normalised"), _leaving(flow.get("variants_filtered"))),
        ("variants kept", flow.get("variants_kept"), []),
    ]
    return [(label, count, leaving) for label, count, leaving in steps if isinstance(count, int)]


def _association(cohort: Cohort, people: int) -> list[FlowStep]:
    samples = cohort.association_summary.get("samples", {})
    genotyped, tested = samples.get("in_genotypes"), samples.get("in_analysis")
    if genotyped is None or tested is None:
        return []
    complete = samples.get("with_all_covariates", tested)
    return [
        ("people", people, _leaving({"no genotypes": people - genotyped})),
        ("people with genotypes", genotyped, _leaving(samples.get("excluded"))),
        ("people who can be tested", tested, _leaving({"a covariate is missing": tested - complete})),
        ("with all covariates", complete, []),
    ]


def _subtypes(counts: Row) -> list[FlowStep]:
    leaving = _leaving({NO_CALL_WORDS.get(name, name): n for name, n in counts["no_call"].items()})
    return [("people", counts["people"], leaving), ("called to a subtype", counts["subtype_called"], [])]


def _leaving(counts: object) -> list[tuple[str, int]]:
    """What leaves, most first; reasons that nothing left for are not drawn."""
    if not isinstance(counts, Mapping):
        return []
    found = [(clean(words(str(name))), n) for name, n in counts.items() if isinstance(n, int) and n > 0]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))
