"""Findings of tumours and carriers, and the tables that a user writes for them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from endotype.errors import InputError
from endotype.targets.credible import read_credible_sets
from endotype.targets.findings import (
    burden_findings,
    germline_findings,
    read_alterations,
    read_hotspots,
    tumour_findings,
)
from endotype.targets.links import tumour_variant_links


def somatic(*rows):
    base = {"patient": "P", "tumour": "T", "gene": "BRAF", "classification": "Missense_Mutation"}
    base |= {"protein_change": "p.V600E", "variant_id": "7:1:A:T", "vaf": 0.3, "depth": 80}
    base |= {"status": "somatic", "source_file": "t.maf", "source_line": 5}
    return pd.DataFrame([base | row for row in rows]).astype({"depth": "Int64", "vaf": "float64"})


def test_which_calls_of_a_tumour_are_findings():
    found = tumour_findings(
        somatic(
            {},
            {"variant_id": "b", "status": "filtered"},
            {"variant_id": "c", "status": "germline"},
            {"variant_id": "d", "classification": "Silent"},
            {"variant_id": "e", "gene": ""},
            {"variant_id": "f", "classification": "Nonsense_Mutation", "status": "somatic_or_germline"},
        )
    ).set_index("variant_id")
    assert found.index.tolist() == ["7:1:A:T", "f"]
    assert found["matters"].tolist() == [False, True]
    assert found["effect"].tolist() == ["unknown", "loss"]
    assert found["weight"].tolist() == [1.0, 0.9]
    assert found["input_line"].tolist() == [5, 5]
    assert "germline origin isn't excluded" in found.loc["f", "detail"]


def test_a_hotspot_matters_and_the_highest_fraction_of_a_patients_tumours_counts():
    spots = frozenset({("BRAF", "V600")})
    found = tumour_findings(somatic({}, {"tumour": "U", "vaf": 0.6}), spots)
    assert len(found) == 1
    assert found["fraction"].tolist() == [0.6]
    assert found["matters"].tolist() == [True]
    assert "a hotspot" in found["detail"].iloc[0]


def test_links_of_tumours_weigh_what_is_not_known():
    found = tumour_variant_links(
        tumour_findings(
            somatic(
                {"classification": "Frame_Shift_Del"},
                {"variant_id": "b"},
                {"variant_id": "c", "vaf": np.nan, "depth": None, "classification": "Splice_Site"},
            )
        )
    )
    assert found["weight"].tolist() == [1.0, 0.5, 0.5]
    assert found["fraction"].notna().tolist() == [True, True, False]


def test_a_single_copy_of_a_recessive_gene_counts_for_half():
    carriers = pd.DataFrame(
        {
            "patient": ["P", "Q", "R"],
            "gene": ["A", "A", "B"],
            "variant_id": ["a", "a", "b"],
            "dosage": [1, 2, 1],
            "consequence": ["frameshift_variant&splice_region_variant", "stop_gained", "missense_variant"],
            "impact": ["HIGH", "HIGH", "MODERATE"],
            "damaging": [True, True, False],
            "hgvs_p": ["p.Ser2ArgfsTer3", None, "p.Val5Glu"],
        }
    )
    found = germline_findings(carriers, {"A": "AR", "B": "AD"})
    assert found["weight"].tolist() == [0.5, 1.0, 1.0]
    assert found["alteration_type"].tolist() == ["Frameshift", "Nonsense", "Missense"]
    assert found["alteration"].tolist() == ["S2fs", "", "V5E"]
    assert found["matters"].tolist() == [True, True, False]


def test_burden_is_a_finding_where_it_was_measured():
    tumours = pd.DataFrame(
        {"patient": ["P", "P", "Q"], "tumour": ["T", "U", "V"], "mutations_per_megabase": [3.0, 12.0, np.nan]}
    )
    found = burden_findings(tumours)
    assert found[["patient", "burden"]].to_numpy().tolist() == [["P", 12.0]]


def test_hotspots_of_both_forms(tmp_path):
    own = tmp_path / "own.tsv"
    own.write_text("gene\tprotein_change\nBRAF\tp.Val600Glu\nKRAS\tG12\n")
    assert read_hotspots(own) == {("BRAF", "V600E"), ("KRAS", "G12")}
    published = tmp_path / "published.tsv"
    published.write_text(
        "Hugo_Symbol\tAmino_Acid_Position\tReference_Amino_Acid\nNRAS\t61\tQ:422\nTP53\tX125_splice\tsplice:3\n"
    )
    assert read_hotspots(published) == {("NRAS", "Q61")}
    assert read_hotspots(None) is None
    own.write_text("a\tb\n1\t2\n")
    with pytest.raises(InputError, match="gene and protein_change"):
        read_hotspots(own)


def test_alterations_are_read_for_both_genes_of_a_fusion(tmp_path):
    path = tmp_path / "a.tsv"
    head = "patient\tfeature\tgene\tpartner\talteration_type\n"
    path.write_text(head + "P\tRearrangement\tBCR\tABL1\tFusion\nP\tCopy Number\tMYC\t\tAmplification\n")
    found = read_alterations(path)
    assert found[["gene", "partner", "effect"]].to_numpy().tolist() == [
        ["BCR", "ABL1", "unknown"],
        ["ABL1", "BCR", "unknown"],
        ["MYC", "", "gain"],
    ]
    path.write_text(
        head + "P\tCopy Number\tMYC\t\tGain\nP\tCopy\tMYC\t\tDeletion\nP\tRearrangement\t\t\tFusion\n"
    )
    with pytest.raises(InputError) as error:
        read_alterations(path)
    assert [(p.row, p.column) for p in error.value.problems] == [
        (2, "alteration_type"),
        (3, "feature"),
        (4, "gene"),
    ]


def test_mutations_of_a_panel_are_read_from_the_table_of_alterations(tmp_path):
    path = tmp_path / "a.tsv"
    head = "patient\tfeature\tgene\tpartner\talteration_type\talteration\n"
    rows = "P\tSomatic Variant\tFLT3\t\t\t\nP\tSomatic Variant\tNPM1\t\tFrameshift\tp.W288fs\n"
    path.write_text(head + rows)
    found = read_alterations(path)
    assert found[["gene", "alteration", "effect", "matters"]].to_numpy().tolist() == [
        ["FLT3", "", "unknown", True],
        ["NPM1", "W288fs", "loss", True],
    ]
    assert found["detail"].tolist() == [
        "The tumour has FLT3 mutated.",
        "The tumour has NPM1 W288fs Frameshift.",
    ]


def test_faults_of_credible_sets_are_told_with_their_row(tmp_path):
    path = tmp_path / "c.tsv"
    head = "trait\tset\tvariant_id\teffect_allele\tgene\tpip\n"
    path.write_text(head + "ldl\t1\tv\tA\tG\t0.7\nldl\t1\tv\tA\tH\t0.2\n")
    found = read_credible_sets(path)
    assert found is not None
    assert found["pip"].tolist() == [0.7, 0.2]
    path.write_text(head + "ldl\t1\tv\tA\tG\t0.7\nldl\t1\tv\tA\tH\t0.4\nldl\t\tv\tA\tH\tmany\n")
    with pytest.raises(InputError) as error:
        read_credible_sets(path)
    assert {(p.row, p.column) for p in error.value.problems} == {
        (2, "pip"),
        (3, "pip"),
        (4, "pip"),
        (4, "set"),
    }
