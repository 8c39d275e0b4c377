"""Which evidence fits which finding, and of what tier it then is."""

from __future__ import annotations

import pandas as pd
import pytest

from endotype.targets.assertions import assertion_table, intervention_name, profile_condition
from endotype.targets.diseases import Diseases, read_diseases
from endotype.targets.findings import finding_table
from endotype.targets.levels import TIER_ORDER, level_word, levels
from endotype.targets.match import match_evidence
from endotype.targets.protein_change import one_letter


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("p.V600E", "V600E"),
        ("p.Val600Glu", "V600E"),
        ("NP_004324.2:p.(Val600Glu)", "V600E"),
        ("p.G574Rfs*12", "G574fs"),
        ("p.Ser1982ArgfsTer22", "S1982fs"),
        ("p.S1982fs", "S1982fs"),
        ("p.R509*", "R509*"),
        ("p.Arg509Ter", "R509*"),
        ("R509X", "R509*"),
        ("p.E746_A750del", "E746_A750del"),
        ("p.Glu746_Ala750del", "E746_A750del"),
        ("p.?", ""),
        ("", ""),
        (None, ""),
        ("<script>", "<script>"),
    ],
)
def test_protein_changes_have_one_form(text, change):
    assert one_letter(text) == change


def test_diseases_are_the_same_by_name_code_or_wider_term(tmp_path):
    path = tmp_path / "d.tsv"
    path.write_text(
        "code\tmain_type\tname\ttissue\n"
        "SKCM\tMelanoma\tCutaneous Melanoma\tSkin\n"
        "MEL\tMelanoma\tMelanoma\tSkin\n"
        "AML\tLeukemia\tAcute Myeloid Leukemia\tMyeloid\n"
    )
    known = read_diseases(path)
    skin = known.names(["skcm"])
    assert known.match(skin, ["Cutaneous  melanoma"]) == "same"
    assert known.match(skin, ["MEL"]) == "same"
    assert known.match(known.names(["MEL"]), ["SKCM"]) == "other"
    assert known.match(skin, ["Any solid tumor", ""]) == "same"
    assert known.match(known.names(["AML"]), ["Any solid tumor"]) == "other"
    assert known.match(known.names(["AML"]), ["Cancer"]) == "same"
    assert known.match(skin, [""]) == "not_stated"
    assert known.match(frozenset(), ["MEL"]) == "not_stated"
    alone = Diseases()
    assert alone.match(alone.names(["SKCM"]), ["Melanoma"]) == "other"
    assert alone.match(alone.names(["Acute myeloid leukemia"]), ["Any solid tumor"]) == "other"
    assert alone.match(alone.names(["AML"]), ["Solid tumor"]) == "other"


def finding(**changes):
    row = {"patient": "P", "feature": "Somatic Variant", "gene": "BRAF", "alteration_type": "Missense"}
    row |= {"alteration": "V600E", "fraction": 0.4, "fraction_count": 100.0, "detail": "found."}
    return row | changes


def assertion(**changes):
    row = {"source": "s", "kind": "moalmanac", "feature": "Somatic Variant", "gene": "BRAF", "record": "1"}
    row |= {"intervention": "X", "direction": "sensitivity", "level": "FDA-Approved", "reliability": 0.95}
    return row | {"disease": "Melanoma"} | changes


def matched(found, said, stated="Melanoma"):
    diseases = Diseases()
    names = {"P": diseases.names([stated])} if stated else {}
    return match_evidence(finding_table([found]), assertion_table([said]), diseases, names)


@pytest.mark.parametrize(
    ("found", "said", "match", "reason", "tier"),
    [
        ({}, {"alteration": "V600E"}, "protein_change", "", "1"),
        ({}, {"alteration": "V600"}, "protein_change", "", "1"),
        ({}, {"alteration": "V600K"}, "gene", "another change of the gene", ""),
        ({"alteration": ""}, {"alteration": "V600K"}, "gene",
         "the protein change of the finding isn't known", ""),
        ({"matters": True}, {"alteration_type": "Missense"}, "gene_and_type", "", "1"),
        ({}, {"alteration_type": "Missense"}, "gene_and_type", "", "4"),
        ({}, {"alteration_type": "Nonsense"}, "gene", "another type of change", ""),
        ({}, {}, "gene", "", "4"),
        ({"matters": True}, {}, "gene", "", "1"),
        ({"effect": "loss"}, {"needs": "loss"}, "gene_and_type", "", "1"),
        ({}, {"needs": "loss"}, "gene_and_type", "", "4"),
        ({"alteration_type": "Deletion"}, {"alteration_type": "Deletion", "exon": "19"}, "gene",
         "the exon of the finding isn't known", ""),
        ({"alteration_type": "Deletion", "exon": "18"}, {"alteration_type": "Deletion", "exon": "19"}, "gene",
         "another exon", ""),
        ({"alteration_type": "Deletion", "exon": "19", "matters": True},
         {"alteration_type": "Deletion", "exon": "19"}, "gene_and_type", "", "1"),
        ({"alteration": "V600E"}, {"alteration": "V600E", "unused": "why"}, "protein_change", "why", ""),
    ],
)  # fmt: skip
def test_conditions(found, said, match, reason, tier):
    row = matched(finding(**found), assertion(**said)).iloc[0]
    assert (row["alteration_match"], row["reason"], row["tier"]) == (match, reason, tier)


def test_an_unknown_effect_halves_the_weight_and_an_unknown_fraction_too():
    assert matched(finding(), assertion())["weight"].iloc[0] == 0.5
    assert matched(finding(matters=True), assertion())["weight"].iloc[0] == 1.0
    assert matched(finding(matters=True, fraction=None), assertion())["weight"].iloc[0] == 0.5


def test_copy_numbers_of_the_other_direction_and_other_partners_do_not_fit():
    deleted = finding(feature="Copy Number", alteration_type="Deletion", alteration="", matters=True)
    wants = assertion(feature="Copy Number", alteration_type="Amplification")
    assert matched(deleted, wants)["reason"].iloc[0] == "another type of change"
    assert matched(deleted, wants | {"alteration_type": "Deletion"})["tier"].iloc[0] == "1"
    fused = finding(feature="Rearrangement", gene="ALK", partner="EML4", alteration="", matters=True)
    wants = assertion(feature="Rearrangement", gene="ALK")
    assert matched(fused, wants | {"partner": "EML4"})["gene"].iloc[0] == "ALK::EML4"
    assert matched(fused, wants)["gene"].iloc[0] == "ALK"
    assert matched(fused, wants | {"partner": "KIF5B"})["reason"].iloc[0] == "another partner of the fusion"


def test_a_fusion_between_two_genes_speaks_once():
    both = finding_table(
        [
            finding(feature="Rearrangement", gene=a, partner=b, alteration="", matters=True)
            for a, b in (("ABL1", "BCR"), ("BCR", "ABL1"))
        ]
    )
    said = assertion_table(
        [assertion(feature="Rearrangement", gene=a, partner=b) for a, b in (("ABL1", "BCR"), ("BCR", "ABL1"))]
    )
    found = match_evidence(both, said, Diseases(), {})
    assert found["gene"].tolist() == ["ABL1::BCR"]


def test_a_germline_change_does_not_stand_for_a_somatic_one():
    assert matched(finding(feature="Germline Variant"), assertion()).empty
    assert matched(finding(gene="KRAS"), assertion()).empty


def test_a_carried_variant_of_unknown_effect_makes_no_target():
    carried = finding(feature="Germline Variant", alteration="V5E")
    wants = assertion(feature="Germline Variant")
    assert matched(carried, wants)["tier"].iloc[0] == ""
    assert "isn't known" in matched(carried, wants)["reason"].iloc[0]
    assert matched(carried | {"matters": True}, wants)["tier"].iloc[0] == "1"
    assert matched(carried, wants | {"alteration": "V5E"})["tier"].iloc[0] == "1"


def test_burden_is_compared_with_what_a_record_asks_for():
    found = finding(feature="Mutational Burden", gene="mutational burden", burden=12.0, matters=True)
    said = assertion(feature="Mutational Burden", gene="mutational burden", min_burden=10.0)
    assert matched(found, said)["tier"].iloc[0] == "1"
    assert matched(found | {"burden": 9.0}, said)["tier"].iloc[0] == ""


@pytest.mark.parametrize(
    ("direction", "level", "disease", "tier", "action"),
    [
        ("sensitivity", "FDA-Approved", "Melanoma", "1", "indicated"),
        ("sensitivity", "FDA-Approved", "Glioma", "3B", "indicated"),
        ("sensitivity", "FDA-Approved", "", "3B", "indicated"),
        ("sensitivity", "Guideline", "Melanoma", "2", "indicated"),
        ("sensitivity", "Clinical trial", "Glioma", "4", "indicated"),
        ("resistance", "Guideline", "Melanoma", "R1", "contraindicated"),
        ("resistance", "Guideline", "", "R1", "contraindicated"),
        ("resistance", "Guideline", "Glioma", "R2", "contraindicated"),
        ("resistance", "Preclinical", "Melanoma", "R2", "contraindicated"),
        ("adverse_event", "Guideline", "Melanoma", "R1", "contraindicated"),
    ],
)
def test_tiers_follow_level_direction_and_disease(direction, level, disease, tier, action):
    row = matched(
        finding(), assertion(alteration="V600E", direction=direction, level=level, disease=disease)
    ).iloc[0]
    assert (row["tier"], row["action"]) == (tier, action)


def test_every_level_of_the_table_has_tiers_that_exist_and_none_is_lifted_by_another_disease():
    for level in levels().values():
        for same, other in (
            (level.tier_same, level.tier_other),
            (level.resistance_same, level.resistance_other),
        ):
            assert TIER_ORDER[same] <= TIER_ORDER[other]
        assert 0 < level.reliability < 1
        assert level.tier_same not in ("R1", "R2")


def test_levels_of_assertions_are_understood():
    assert level_word("civic", "Tier II - Level C") == "II-C"
    assert level_word("civic", "B") == "B"


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("BRAF V600E", {"alteration": "V600E"}),
        ("KRAS G12", {"alteration": "G12"}),
        ("TP53 Mutation", {"feature": "Somatic Variant"}),
        ("ERBB2 Amplification", {"alteration_type": "Amplification"}),
        ("EML4::ALK Fusion", {"feature": "Rearrangement", "partner": "ALK", "first": "EML4"}),
        ("v::ALK Fusion", {"feature": "Rearrangement", "partner": "", "first": "ALK"}),
        ("EGFR Exon 19 Deletion", {"exon": "19", "alteration_type": "Deletion"}),
        ("BRCA1 Loss-of-function", {"needs": "loss"}),
        ("EGFR L858R AND EGFR T790M", None),
        ("MGMT Promoter Methylation", None),
        ("", None),
        (None, None),
    ],
)
def test_profiles_of_civic(profile, expected):
    found = profile_condition(profile)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert {name: found.get(name) for name in expected} == expected


def test_interventions_of_several_drugs_have_one_order():
    assert intervention_name("Trametinib,Dabrafenib", ",") == "Dabrafenib + Trametinib"
    assert intervention_name("Dabrafenib + Trametinib") == "Dabrafenib + Trametinib"
    assert intervention_name(None) == ""


def test_rows_of_a_patient_do_not_depend_on_others():
    found = [finding(), finding(patient="Q", alteration="V600K"), finding(patient="R", gene="KRAS")]
    said = assertion_table([assertion(alteration="V600E"), assertion(record="2"), assertion(gene="KRAS")])
    together = match_evidence(finding_table(found), said, Diseases(), {})
    for row in found:
        alone = match_evidence(finding_table([row]), said, Diseases(), {})
        mine = together[together["patient"] == row["patient"]].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, mine)
