"""Closed vocabularies of clinical sources: a word that isn't in one is an error, never a guess.

ClinVar's words for the significance are in :mod:`endotype.annotation.severity`. Here are those of its review
status with the stars they stand for (https://www.ncbi.nlm.nih.gov/clinvar/docs/review_status/), the words of
gene-disease validity (ClinGen, https://clinicalgenome.org/docs/gene-disease-validity-standard-operating-procedures;
GenCC, DiStefano 2022, doi:10.1016/j.gim.2022.04.017) and modes of inheritance.
"""

from __future__ import annotations

REVIEW_STARS = {
    "practice_guideline": 4,
    "reviewed_by_expert_panel": 3,
    "criteria_provided,_multiple_submitters,_no_conflicts": 2,
    "criteria_provided,_multiple_submitters": 2,
    "criteria_provided,_conflicting_classifications": 1,
    "criteria_provided,_conflicting_interpretations": 1,
    "criteria_provided,_single_submitter": 1,
    "no_assertion_criteria_provided": 0,
    "no_assertion_provided": 0,
    "no_classification_provided": 0,
    "no_assertion_for_the_individual_variant": 0,
    "no_assertion_for_the_single_variant": 0,
    "no_interpretation_for_the_single_variant": 0,
    "no_interpretation_for_the_individual_variant": 0,
    "no_classification_for_the_single_variant": 0,
    "no_classification_for_the_individual_variant": 0,
    "no_classifications_from_unflagged_records": 0,
}
"""Stars of each review status of a germline classification, in words of today and of earlier releases."""

VALIDITY = (
    "definitive",
    "strong",
    "moderate",
    "supportive",
    "limited",
    "animal_model_only",
    "no_known_disease_relationship",
    "disputed",
    "refuted",
)
"""How well a gene is tied to a disease, the best first. ``supportive`` is GenCC's alone."""

_VALIDITY_SPELLINGS = {
    "no_reported_evidence": "no_known_disease_relationship",
    "disputed_evidence": "disputed",
    "refuted_evidence": "refuted",
}

ESTABLISHED = VALIDITY[:3]
"""What counts as an established gene of a disease."""

_INHERITANCE = {
    "ad": "AD",
    "autosomal dominant": "AD",
    "autosomal dominant inheritance": "AD",
    "ar": "AR",
    "autosomal recessive": "AR",
    "autosomal recessive inheritance": "AR",
    "xl": "XL",
    "xlr": "XL",
    "xld": "XL",
    "x-linked": "XL",
    "x-linked inheritance": "XL",
    "x-linked recessive": "XL",
    "x-linked dominant": "XL",
    "mt": "MT",
    "mitochondrial": "MT",
    "mitochondrial inheritance": "MT",
}


def review_stars(status: str | None) -> int | None:
    """ClinVar's stars, 0 to 4, of a review status; ``None`` for none and for a word that isn't known."""
    return None if status is None else REVIEW_STARS.get(status.replace(" ", "_").casefold())


def validity_word(text: str) -> str | None:
    """A classification of gene-disease validity as a word of ``VALIDITY``; ``None`` when it is none."""
    word = "_".join(text.casefold().replace("-", " ").split())
    word = _VALIDITY_SPELLINGS.get(word, word)
    return word if word in VALIDITY else None


def inheritance_word(text: str | None) -> str | None:
    """``AD`` ``AR`` ``XL`` ``MT`` for a mode of inheritance of ClinGen or GenCC; ``None`` for every other."""
    return None if text is None else _INHERITANCE.get(text.strip().casefold())
