"""What ties a patient to a gene."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from endotype.targets.carriers import find_carriers, gene_variants
from endotype.targets.links import (
    association_links,
    carried_variant_links,
    subtype_enrichment,
    subtype_links,
)
from endotype.variants.plink import GenotypeStore, pack

PATIENTS = ["A", "B", "C", "D"]


def store_of(*dosages: list[int]) -> GenotypeStore:
    d = np.array(dosages, np.int8).reshape(len(dosages), len(PATIENTS))
    variants = pd.DataFrame({"id": [f"v{i}" for i in range(len(d))], "alt": "G", "ref": "A"})
    return GenotypeStore(pack(d), variants, pd.DataFrame({"iid": PATIENTS}))


def annotation_row(variant="v0", gene="G", **changes):
    row = {
        "variant_id": variant,
        "gene": gene,
        "consequence": "stop_gained",
        "impact": "HIGH",
        "damaging": True,
    }
    row |= {
        "consequence_status": "assessed",
        "population_af": None,
        "population_status": "absent",
        "clinical_significance": None,
        "cohort_af": 0.001,
        "hgvs_p": None,
    }
    return row | changes


def annotation_of(*rows):
    table = pd.DataFrame(rows, columns=list(annotation_row()))
    return table.astype(
        {"population_af": "float64", "damaging": "boolean", "clinical_significance": "str", "hgvs_p": "str"}
    )


def carriers_of(store, *rows, usable=(True,) * 4):
    return find_carriers(store, gene_variants(annotation_of(*rows), {"G", "H"}, 1000), np.array(usable))


def links(store, *rows, mode="AD", usable=(True,) * 4):
    table = carried_variant_links(carriers_of(store, *rows, usable=usable), {"G": mode})
    return table.set_index("patient")


@pytest.mark.parametrize(
    ("changes", "kept", "damaging"),
    [
        ({}, True, True),
        ({"impact": "MODERATE", "damaging": False}, True, False),
        ({"impact": "LOW", "damaging": False}, False, False),
        ({"impact": "LOW", "clinical_significance": "Pathogenic", "cohort_af": 0.3}, True, True),
        ({"clinical_significance": "Likely_pathogenic", "cohort_af": 0.3}, True, True),
        ({"clinical_significance": "Benign", "cohort_af": 0.3}, False, True),
        ({"cohort_af": 0.3}, False, True),
        ({"population_status": "present", "population_af": 0.2}, False, True),
        ({"population_status": "present", "population_af": 0.0001, "cohort_af": 0.02}, True, True),
        ({"impact": None, "damaging": None}, False, False),
        ({"gene": "other"}, False, False),
    ],
)
def test_which_variants_of_a_gene_count(changes, kept, damaging):
    found = gene_variants(annotation_of(annotation_row(**changes)), {"G"}, 1000)
    assert len(found) == kept
    if kept:
        assert bool(found["damaging"].iloc[0]) is damaging


def test_one_row_per_variant_and_gene_with_the_worst_transcript():
    found = gene_variants(
        annotation_of(
            annotation_row(impact="MODERATE", consequence="missense", damaging=False), annotation_row()
        ),
        {"G"},
        1000,
    )
    assert found[["impact", "damaging"]].to_numpy().tolist() == [["HIGH", True]]


def test_missing_calls_unusable_people_and_unknown_variants_carry_nothing():
    found = carriers_of(
        store_of([1, -1, 2, 0]),
        annotation_row(),
        annotation_row("not in the store"),
        usable=(False, True, True, True),
    )
    assert found[["patient", "dosage"]].to_numpy().tolist() == [["C", 2]]


def test_a_recessive_gene_needs_two_alleles():
    store = store_of([1, 2, 1, 0], [0, 0, 1, 1])
    rows = (annotation_row("v0"), annotation_row("v1"))
    recessive = links(store, *rows, mode="AR")
    assert recessive.index.tolist() == ["B", "C"]
    assert recessive["weight"].tolist() == [1.0, 0.5]
    assert "unknown phase" in recessive.loc["C", "detail"]
    assert links(store, *rows, mode="AD")["weight"].tolist() == [1.0] * 4
    assert links(store, *rows, mode="XL")["weight"].tolist() == [0.5, 1.0, 0.5, 0.5]


def test_known_phase_decides_whether_both_copies_of_a_recessive_gene_are_hit():
    store = store_of([1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 1, 0])
    carriers = carriers_of(store, *(annotation_row(f"v{i}") for i in range(3)))
    pair = frozenset(("v0", "v1"))
    phases = {("A", pair): "trans", ("B", pair): "cis", ("C", pair): "cis"}
    found = carried_variant_links(carriers, {"G": "AR"}, phases).set_index("patient")
    # C has a third variant, whose phase to the others is not known.
    assert found["weight"].to_dict() == {"A": 1.0, "C": 0.5}
    assert "on both copies" in found.loc["A", "detail"]
    assert "unknown phase" in found.loc["C", "detail"]


def test_effect_is_loss_for_high_impact_and_unknown_otherwise():
    store = store_of([1, 0, 0, 0])
    assert links(store, annotation_row()).loc["A", "effect"] == "loss"
    pathogenic = annotation_row(impact="MODERATE", consequence="missense")
    assert links(store, pathogenic).loc["A", "effect"] == "unknown"
    assert len(links(store, annotation_row(impact="MODERATE", damaging=False))) == 0


def enriched(a, b, c, d):
    """Carriers and others in S1, carriers and others in S2."""
    people = [f"P{i}" for i in range(a + b + c + d)]
    called = pd.Series(["S1"] * (a + b) + ["S2"] * (c + d), index=people)
    carriers = pd.DataFrame(
        {"patient": people[:a] + people[a + b : a + b + c], "gene": "G", "damaging": True}
    )
    return subtype_enrichment(carriers, called, ["G", "H"])


def test_enrichment_is_fishers_test_with_half_of_the_observed_table():
    table = enriched(8, 22, 3, 67)
    row = table.set_index("subtype").loc["S1"]
    whole = fisher_exact([[8, 22], [3, 67]], alternative="greater").pvalue
    next_table = fisher_exact([[9, 21], [2, 68]], alternative="greater").pvalue
    assert row["p"] == pytest.approx((whole + next_table) / 2)
    assert row["odds_ratio"] == pytest.approx(8.5 * 67.5 / (22.5 * 3.5))
    assert row["fdr"] >= row["p"]
    assert set(table["gene"]) == {"G"}


def test_only_called_members_of_the_enriched_subtype_get_a_link():
    enrichment = enriched(20, 40, 1, 99)
    assignments = pd.DataFrame(
        {
            "patient": ["P0", "P80", "X"],
            "subtype": ["S1", "S2", "S1"],
            "call": ["called", "called", "no_call"],
            "posterior": [0.9, 0.95, 0.9],
        }
    )
    found, subtypes = subtype_links(assignments, enrichment)
    assert found["patient"].tolist() == ["P0"]
    ratio = enrichment.set_index("subtype").loc["S1", "odds_ratio"]
    assert subtypes.weights("G")["P0"] == pytest.approx(0.9 * (1 - 1 / ratio))
    assert "20 of 60 members of S1" in found["detail"].iloc[0]


def test_without_enrichment_there_is_no_link():
    assignments = pd.DataFrame({"patient": ["P0"], "subtype": ["S1"], "call": ["called"], "posterior": [1.0]})
    for counts in ((5, 45, 5, 45), (1, 49, 1, 49), (0, 10, 0, 10)):
        assert len(subtype_links(assignments, enriched(*counts))[0]) == 0


def test_all_subtypes_that_a_gene_is_enriched_in_count():
    enrichment = enriched(20, 40, 1, 99)
    two = pd.concat([enrichment, enrichment.assign(subtype="S3")[enrichment["subtype"] == "S1"]])
    assignments = pd.DataFrame(
        {"patient": ["P0"], "subtype": ["S1"], "call": ["called"], "posterior": [0.85]}
    ).assign(p_S1=0.85, p_S2=0.05, p_S3=0.1)
    found, subtypes = subtype_links(assignments, two)
    assert len(found) == 1
    ratio = enrichment.set_index("subtype").loc["S1", "odds_ratio"]
    assert subtypes.weights("G")["P0"] == pytest.approx(0.95 * (1 - 1 / ratio))


def test_acmg_classes_decide_what_damages():
    rows = annotation_of(
        annotation_row("v0", impact="MODERATE", damaging=False, cohort_af=0.3),
        annotation_row("v1"),
        annotation_row("v2", clinical_significance="Pathogenic"),
    )
    classes = pd.DataFrame(
        {
            "variant_id": ["v0", "v1", "v2"],
            "gene": "G",
            "class": ["likely_pathogenic", "likely_benign", "benign"],
        }
    )
    found = gene_variants(rows, {"G"}, 1000, classes).set_index("variant_id")
    assert found["damaging"].to_dict() == {"v0": True, "v1": False, "v2": True}
    assert found["pathogenic"].to_dict() == {"v0": True, "v1": False, "v2": True}


def test_a_credible_set_stands_for_the_locus_it_holds():
    store = store_of([0, 1, 2, -1], [2, 0, 0, 0])
    sets = pd.DataFrame(
        [
            ("ldl", "1", "v0", "G", "H", 0.6),
            ("ldl", "1", "v0", "G", "G", 0.1),
            ("ldl", "1", "v1", "G", "H", 0.2),
            ("ldl", "1", "gone", "G", "H", 0.1),
            ("bmi", "1", "v0", "G", "G", 0.9),
        ],
        columns=["trait", "set", "variant_id", "effect_allele", "gene", "pip"],
    )
    found = association_links(
        locus(), carriers_of(store), store, np.ones(4, bool), {"G", "H"}, sets
    ).set_index(["gene", "patient"])
    assert found["fraction"].to_dict() == pytest.approx(
        {("G", "B"): 0.05, ("G", "C"): 0.1, ("H", "A"): 0.2, ("H", "B"): 0.3, ("H", "C"): 0.6}
    )
    assert (found["weight"] == 1).all()
    other = association_links(locus(trait="x"), carriers_of(store), store, np.ones(4, bool), {"G", "H"}, sets)
    assert other["fraction"].isna().all()
    assert set(other["gene"]) == {"G"}


def locus(**changes):
    row = {
        "trait": "ldl",
        "kind": "variant",
        "id": "v0",
        "gene": "G",
        "effect_allele": "G",
        "neg_log10_p": 12.0,
    }
    return pd.DataFrame([row | changes])


def test_a_variant_locus_ties_carriers_of_the_effect_allele():
    store = store_of([0, 1, 2, -1])
    nobody = carriers_of(store)
    usable = np.ones(4, bool)
    found = association_links(locus(), nobody, store, usable, {"G"}).set_index("patient")
    assert found["weight"].to_dict() == {"B": 0.25, "C": 0.5}
    flipped = association_links(locus(effect_allele="A"), nobody, store, usable, {"G"}).set_index("patient")
    assert flipped["weight"].to_dict() == {"A": 0.5, "B": 0.25}
    some = np.array([False, True, False, True])
    assert association_links(locus(), nobody, store, some, {"G"})["patient"].tolist() == ["B"]
    assert len(association_links(locus(gene="H"), nobody, store, usable, {"G"})) == 0
    assert len(association_links(locus(id="gone"), nobody, store, usable, {"G"})) == 0


def test_a_burden_locus_ties_carriers_of_rare_variants():
    store = store_of([1, 0, 0, 0], [0, 1, 0, 0])
    carriers = carriers_of(
        store,
        annotation_row("v0", impact="MODERATE", damaging=False),
        annotation_row("v1", impact="LOW", damaging=False),
    )
    found = association_links(
        locus(kind="gene", id="G", effect_allele=None), carriers, store, np.ones(4, bool), {"G"}
    )
    assert found[["patient", "weight", "variant_id"]].to_numpy().tolist() == [["A", 1.0, "v0"]]
