"""Kinship, ancestry axes and sample QC on genotypes whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from endotype.variants.ancestry import independent_variants, principal_components
from endotype.variants.plink import open_store, pack, write_store
from endotype.variants.relatedness import (
    declared_relationships,
    king_counts,
    kinship,
    related_pairs,
    relationship,
)
from endotype.variants.sample_qc import infer_sex
from tests.reference import variants as reference
from tests.variants.peers import plink2

N_VARIANTS = 3000


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    """Two parents, their two children, a copy of the first child, and 30 others; independent variants."""
    rng = np.random.default_rng(3)
    frequency = rng.uniform(0.1, 0.9, N_VARIANTS)
    haplotypes = (rng.random((N_VARIANTS, 64)) < frequency[:, None]).astype(np.int8)
    pick = lambda a, b: np.where(rng.random(N_VARIANTS) < 0.5, haplotypes[:, a], haplotypes[:, b])  # noqa: E731
    people = {"father": haplotypes[:, 0] + haplotypes[:, 1], "mother": haplotypes[:, 2] + haplotypes[:, 3]}
    people["child"], people["sister"] = pick(0, 1) + pick(2, 3), pick(0, 1) + pick(2, 3)
    people["copy"] = people["child"].copy()
    people |= {f"other{i:02d}": haplotypes[:, 4 + 2 * i] + haplotypes[:, 5 + 2 * i] for i in range(30)}
    dosage = np.column_stack(list(people.values())).astype(np.int8)
    dosage[rng.random(dosage.shape) < 0.01] = -1
    prefix = tmp_path_factory.mktemp("family") / "g"
    variants = pd.DataFrame({"chrom": "1", "id": [f"v{i}" for i in range(N_VARIANTS)], "cm": "0"}).assign(
        pos=np.arange(1, N_VARIANTS + 1) * 1000, alt="A", ref="C"
    )
    fam = pd.DataFrame({"fid": "0", "iid": list(people), "father": "0", "mother": "0"})
    write_store(prefix, pack(dosage), variants, fam.assign(sex="0", phenotype="-9"))
    return prefix


def test_kinship_equals_the_slow_twin(family):
    store = open_store(family)
    dosage = store.dosages(slice(0, N_VARIANTS))
    phi = kinship(king_counts(store, np.arange(N_VARIANTS)))
    for i, j in [(0, 1), (0, 2), (2, 4), (3, 20), (30, 34)]:
        assert phi[i, j] == pytest.approx(reference.king_kinship(dosage[:, i], dosage[:, j]), abs=1e-12)


def test_kinship_equals_plink2(family, tmp_path):
    plink2("--bfile", family, "--make-king-table", "--out", tmp_path / "k")
    theirs = pd.read_csv(tmp_path / "k.kin0", sep="\t")
    store = open_store(family)
    at = {name: i for i, name in enumerate(store.people["iid"])}
    phi = kinship(king_counts(store, np.arange(N_VARIANTS)))
    ours = [
        phi[at[a], at[b]] for a, b in zip(theirs["IID1"].astype(str), theirs["IID2"].astype(str), strict=True)
    ]
    # plink2 prints six significant digits.
    np.testing.assert_allclose(ours, theirs["KINSHIP"], atol=1e-6)


def test_relatives_are_found_and_named_and_strangers_are_not(family):
    pairs = related_pairs(open_store(family), np.arange(N_VARIANTS))
    found = {(r.patient_a, r.patient_b): r.relationship for r in pairs.itertuples()}
    assert found == {
        ("child", "copy"): "duplicate",
        ("child", "father"): "parent_child",
        ("child", "mother"): "parent_child",
        ("copy", "father"): "parent_child",
        ("copy", "mother"): "parent_child",
        ("father", "sister"): "parent_child",
        ("mother", "sister"): "parent_child",
        ("child", "sister"): "full_sibling",
        ("copy", "sister"): "full_sibling",
    }


def test_too_few_variants_name_nobody_a_relative(family):
    assert related_pairs(open_store(family), np.arange(500)).empty


def test_components_equal_a_singular_value_decomposition(tmp_path):
    rng = np.random.default_rng(5)
    shift = np.repeat([0.0, 0.3], 30)
    frequency = np.clip(rng.uniform(0.2, 0.6, (800, 1)) + shift * rng.choice([-1, 1], (800, 1)), 0.05, 0.95)
    dosage = rng.binomial(2, frequency).astype(np.int8)
    dosage = dosage[(dosage.mean(axis=1) > 0) & (dosage.mean(axis=1) < 2)]
    variants = pd.DataFrame({"chrom": "1", "id": [f"v{i}" for i in range(len(dosage))], "cm": "0"}).assign(
        pos=np.arange(1, len(dosage) + 1), alt="A", ref="C"
    )
    fam = pd.DataFrame({"fid": "0", "iid": [f"P{i}" for i in range(60)], "father": "0", "mother": "0"})
    write_store(tmp_path / "g", pack(dosage), variants, fam.assign(sex="0", phenotype="-9"))
    store = open_store(tmp_path / "g")
    everyone = np.ones(60, bool)
    ours = principal_components(store, np.arange(len(dosage)), everyone, 2)
    expected = reference.principal_components(dosage.astype(float), 2)
    for k in range(2):
        sign = np.sign(ours.scores[:, k] @ expected[:, k])
        np.testing.assert_allclose(ours.scores[:, k], sign * expected[:, k], atol=1e-8)
    half = everyone.copy()
    half[::3] = False
    projected = principal_components(store, np.arange(len(dosage)), half, 1)
    # The two groups of people are apart on the first axis, also those who did not take part in the fit.
    assert np.ptp(projected.scores[~half & (shift == 0), 0]) < abs(
        projected.scores[shift == 0, 0].mean() - projected.scores[shift > 0, 0].mean()
    )


def test_copies_of_a_variant_are_pruned(tmp_path):
    rng = np.random.default_rng(2)
    base = rng.binomial(2, 0.4, (20, 80)).astype(np.int8)
    dosage = np.repeat(base, 3, axis=0)
    variants = pd.DataFrame({"chrom": "1", "id": [f"v{i}" for i in range(60)], "cm": "0"}).assign(
        pos=np.arange(1, 61), alt="A", ref="C"
    )
    fam = pd.DataFrame({"fid": "0", "iid": [f"P{i}" for i in range(80)], "father": "0", "mother": "0"})
    write_store(tmp_path / "g", pack(dosage), variants, fam.assign(sex="0", phenotype="-9"))
    kept = independent_variants(open_store(tmp_path / "g"), np.arange(60))
    assert len(set(kept // 3)) == len(kept) <= 20


@pytest.mark.parametrize(
    ("f", "y", "expected"),
    [
        (1.0, 0.99, "male"),
        (0.1, 0.0, "female"),
        (0.1, 0.99, "ambiguous"),
        (0.99, 0.0, "ambiguous"),
        (0.99, np.nan, "male"),
        (0.87, np.nan, "ambiguous"),
        (0.2, np.nan, "female"),
        (np.nan, 0.99, "not_assessed"),
    ],
)
def test_sex(f, y, expected):
    assert infer_sex(f, y) == expected


@pytest.mark.parametrize(("phi", "ibs0", "word"), [(0.49, 0, "duplicate"), (0.25, 0.0, "parent_child")])
def test_relationship_words(phi, ibs0, word):
    assert relationship(phi, ibs0) == word


def test_pedigree_relations(tmp_path):
    ped = tmp_path / "family.ped"
    ped.write_text("F1 kid dad mum 1 -9\nF1 sis dad mum 2 -9\nF1 dad 0 0 1 -9\nF1 mum 0 0 2 -9\n")
    assert declared_relationships(ped, ["kid", "sis", "dad"]) == {
        ("dad", "kid"): "parent_child",
        ("dad", "sis"): "parent_child",
        ("kid", "sis"): "full_sibling",
    }
