"""KING-robust kinship and who is named a relative, on genotypes whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from endotype.variants.plink import open_store
from endotype.variants.relatedness import (
    ROWS,
    pair_counts,
    person_planes,
    related_pairs,
    relationship,
    unrelated_set,
)
from tests.reference import variants as reference
from tests.variants.peers import plink2
from tests.variants.stores import save, store_of

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
    return save(tmp_path_factory.mktemp("family") / "g", store_of(dosage, names=list(people)))


def slow_counts(a: np.ndarray, b: np.ndarray) -> tuple[int, ...]:
    both = (a >= 0) & (b >= 0)
    a, b = a[both], b[both]
    opposite = ((a == 0) & (b == 2)) | ((a == 2) & (b == 0))
    het_het = (a == 1) & (b == 1)
    return int(het_het.sum()), int(opposite.sum()), int((a == 1).sum()), int((b == 1).sum()), int(both.sum())


def test_counts_of_all_pairs_equal_the_slow_twin_over_several_rows_of_people_and_blocks_of_variants():
    rng = np.random.default_rng(1)
    dosage = rng.integers(-1, 3, (16_500, ROWS + 5)).astype(np.int8)
    dosage[:, 3] = 0  # somebody without a heterozygote
    dosage[:, 4] = -1  # somebody without a call
    chosen = np.sort(rng.choice(16_500, 16_450, replace=False))
    pairs = pair_counts(store_of(dosage), chosen)
    n = dosage.shape[1]
    assert list(zip(pairs.i, pairs.j, strict=True)) == [(i, j) for i in range(n) for j in range(i + 1, n)]
    for k in [0, 2, 3, 63, 64, 65, 130, 300, len(pairs.i) - 1]:
        a, b = dosage[chosen, pairs.i[k]], dosage[chosen, pairs.j[k]]
        ours = (pairs.het_het[k], pairs.ibs0[k], pairs.het_i[k], pairs.het_j[k], pairs.called[k])
        assert ours == slow_counts(a, b)
        assert pairs.kinship[k] == pytest.approx(reference.king_kinship(a, b), abs=1e-12, nan_ok=True)


def test_kinship_equals_plink2(family, tmp_path):
    plink2("--bfile", family, "--make-king-table", "--out", tmp_path / "k")
    theirs = pd.read_csv(tmp_path / "k.kin0", sep="\t").astype({"IID1": str, "IID2": str})
    store = open_store(family)
    at = {name: i for i, name in enumerate(store.people["iid"])}
    pairs = pair_counts(store, np.arange(N_VARIANTS))
    ours = dict(zip(zip(pairs.i, pairs.j, strict=True), pairs.kinship, strict=True))
    mine = [ours[min(at[a], at[b]), max(at[a], at[b])] for a, b in theirs[["IID1", "IID2"]].to_numpy()]
    assert len(theirs) == len(ours)
    # plink2 prints six significant digits.
    np.testing.assert_allclose(mine, theirs["KINSHIP"], atol=1e-6)


def test_memory_is_that_of_people_and_not_of_pairs():
    n, m = 700, 128
    store = store_of(np.random.default_rng(0).integers(0, 3, (m, n)).astype(np.int8))
    pairs = pair_counts(store, np.arange(m), min_kinship=0.2)
    assert len(pairs.i) < 100
    hom, ref = person_planes(store, np.arange(m))
    assert hom.nbytes + ref.nbytes == 2 * n * m // 8


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


def test_declared_relatives_are_listed_even_when_they_are_strangers(family):
    declared = {("father", "other00"): "parent_child", ("child", "father"): "parent_child"}
    pairs = related_pairs(open_store(family), np.arange(N_VARIANTS), declared)
    of = pairs.set_index(["patient_a", "patient_b"])
    assert of.loc[("father", "other00"), ["relationship", "declared"]].tolist() == [
        "unrelated",
        "parent_child",
    ]
    assert abs(of.loc[("father", "other00"), "kinship"]) < 0.1
    assert of.loc[("child", "father"), "declared"] == "parent_child"
    assert (pairs["declared"] != "").sum() == 2


def test_too_few_variants_name_nobody_a_relative(family):
    assert related_pairs(open_store(family), np.arange(500)).empty


def pairs_of(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["patient_a", "patient_b", "kinship"])


@pytest.mark.parametrize(
    ("pairs", "call_rates", "left_out"),
    [
        (pairs_of(("a", "b", 0.25)), (0.99, 0.98, 0.97), {"b"}),  # the lower call rate goes
        (pairs_of(("a", "b", 0.25)), (0.98, 0.99, 0.97), {"a"}),
        (pairs_of(("a", "b", 0.25)), (0.99, 0.99, 0.99), {"b"}),  # among equals the later id
        (pairs_of(("a", "b", 0.25), ("a", "c", 0.25)), (0.99, 0.9, 0.9), {"a"}),  # two pairs, one person
        (pairs_of(("a", "b", 0.10)), (0.99, 0.98, 0.97), set()),
        (pairs_of(("a", "x", 0.25)), (0.99, 0.98, 0.97), set()),  # somebody else
        (pairs_of(("a", "b", 0.25), ("b", "c", 0.25)), (0.9, np.nan, 0.9), {"b"}),
    ],
)
def test_one_of_each_pair_is_left_out(pairs, call_rates, left_out):
    stay = unrelated_set(pairs, pd.Series(call_rates, ["a", "b", "c"]), 0.177)
    assert set(stay.index[~stay]) == left_out
    shuffled = pairs.iloc[::-1].rename(columns={"patient_a": "patient_b", "patient_b": "patient_a"})
    assert (unrelated_set(shuffled, pd.Series(call_rates, ["a", "b", "c"]), 0.177) == stay).all()


@pytest.mark.parametrize(
    ("phi", "ibs0", "word"),
    [
        (0.49, 0, "duplicate"),
        (0.25, 0.0, "parent_child"),
        (0.25, 0.02, "full_sibling"),
        (0.12, 0.03, "second_degree"),
        (0.06, 0.04, "third_degree"),
        (0.01, 0.05, "unrelated"),
        (np.nan, np.nan, "unrelated"),
    ],
)
def test_relationship_words(phi, ibs0, word):
    assert relationship(phi, ibs0) == word
