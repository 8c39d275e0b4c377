"""The vocabularies: consequence terms with their impact, and clinical words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pysam.libcbcftools
import pytest

from endotype.annotation.severity import (
    CLINICAL_WORDS,
    IMPACT_OF_TERM,
    IMPACTS,
    SO_TERM,
    impact_of,
    is_pathogenic,
    severity_rank,
    so_terms,
    unknown_clinical_words,
)

# csq.c of bcftools 1.24, in its order; "NMD_transcript" is joined to others.
CSQ_NAMES = """synonymous missense stop_lost stop_gained inframe_deletion inframe_insertion frameshift
    splice_acceptor splice_donor start_lost splice_region stop_retained 5_prime_utr 3_prime_utr non_coding
    intron inframe_altering NMD_transcript coding_sequence feature_elongation feature_truncation
    start_retained""".split()  # noqa: SIM905


def test_every_name_that_csq_can_write_has_a_term_with_an_impact():
    assert sorted(SO_TERM) == sorted(CSQ_NAMES)
    for name in CSQ_NAMES:
        assert impact_of(so_terms(name)) in IMPACTS


def test_the_names_are_those_in_the_bcftools_that_is_installed():
    binary = Path(pysam.libcbcftools.__file__).read_bytes()
    # A compiler may turn short constants into code; one of the names is.
    assert [name for name in CSQ_NAMES if name.encode() not in binary] in ([], ["NMD_transcript"])


@pytest.mark.parametrize(
    ("consequence", "impact"),
    [
        ("stop_gained", "HIGH"),
        ("missense_variant", "MODERATE"),
        ("splice_region_variant&synonymous_variant", "LOW"),
        ("intron_variant&splice_donor_variant", "HIGH"),
        ("frameshift_variant&NMD_transcript_variant", "HIGH"),
        ("5_prime_UTR_variant", "MODIFIER"),
        (None, None),
    ],
)
def test_the_most_severe_of_joined_terms_gives_the_impact(consequence, impact):
    assert impact_of(consequence) == impact


def test_terms_are_in_the_order_of_their_impacts():
    ranks = [IMPACTS.index(impact) for impact in IMPACT_OF_TERM.values()]
    assert ranks == sorted(ranks)
    assert severity_rank("transcript_ablation") == 0
    assert severity_rank("stop_gained") < severity_rank("missense_variant")


@pytest.mark.parametrize("word", ["missense", "", "missense_variant&", "Stop_gained"])
def test_an_unknown_term_is_an_error(word):
    with pytest.raises(ValueError, match="no known SO term"):
        impact_of(word)


def test_a_star_before_a_name_is_dropped_and_an_unknown_name_is_an_error():
    assert so_terms("*missense&*inframe_altering") == "missense_variant&protein_altering_variant"
    with pytest.raises(ValueError, match="no known consequence"):
        so_terms("missense&brand_new")


@pytest.mark.parametrize(
    ("significance", "expected"),
    [
        ("Pathogenic", True),
        ("Likely_pathogenic", True),
        ("likely pathogenic", True),
        ("Pathogenic/Likely_pathogenic|risk_factor", True),
        ("Pathogenic,_low_penetrance", True),
        ("drug_response|Pathogenic", True),
        ("Conflicting_interpretations_of_pathogenicity", False),
        ("Conflicting_classifications_of_pathogenicity|other", False),
        ("Likely_risk_allele", False),
        ("Benign/Likely_benign", False),
        ("not_provided", False),
        (None, None),
    ],
)
def test_only_pathogenic_and_likely_pathogenic_are_pathogenic(significance, expected):
    assert is_pathogenic(significance) is expected


def test_the_words_that_clinvar_writes_are_known_and_others_are_not():
    written = [
        *(
            "Pathogenic/Likely_pathogenic/Pathogenic,_low_penetrance/Established_risk_allele",
            "Affects|risk_factor",
        ),
        *("Uncertain_significance/Uncertain_risk_allele", "Benign/Likely_benign,_other", "drug_response"),
        *(
            "no_classification_for_the_single_variant",
            "association_not_found",
            "conflicting_data_from_submitters",
        ),
    ]
    assert [word for text in written for word in unknown_clinical_words(text)] == []
    assert unknown_clinical_words("Pathogenic|Pathogneic/maybe") == ["Pathogneic", "maybe"]
    assert {"Pathogenic", "protective", "confers_sensitivity"} <= CLINICAL_WORDS


@pytest.mark.parametrize("script", ["build_knowledge.py", "predict_effects.py", "annotate_variants.py"])
def test_scripts_explain_themselves(script):
    path = Path(__file__).parents[2] / "scripts" / script
    shown = subprocess.run([sys.executable, path, "--help"], capture_output=True, text=True, check=True)
    assert "--out" in shown.stdout
