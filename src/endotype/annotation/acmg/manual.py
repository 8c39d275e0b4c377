"""Criteria that need a person: they appear in every result, as not evaluable, with the reason."""

from __future__ import annotations

from endotype.annotation.acmg.criteria import Finding, not_evaluable

_WITHDRAWN = (
    "Withdrawn by ClinGen SVI: a verdict without its evidence can't be weighed (doi:10.1038/gim.2018.42)."
)
_REASONS = {
    "PS3": "Functional studies have to be read and weighed by a person.",
    "PP4": "How specific the patient's phenotype is for the gene has to be judged by a person.",
    "PP5": _WITHDRAWN,
    "BS3": "Functional studies have to be read and weighed by a person.",
    "BP5": "Whether another cause explains the patient's disease has to be judged by a person.",
    "BP6": _WITHDRAWN,
}
MANUAL = {name: not_evaluable(name, reason) for name, reason in _REASONS.items()}
"""The finding of each of them, the same for every variant."""


def manual(name: str) -> Finding:
    """The finding of a criterion that is not automated."""
    return MANUAL[name]
