"""Fst: the formula written out, a simulated truth, and plink2."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from endotype.variants.population_differences import MIN_PEOPLE, pairwise_fst
from tests.variants.peers import plink2
from tests.variants.stores import save, store_of

N, M, F = 60, 4000, 0.06


@pytest.fixture(scope="module")
def cohort():
    """Three populations that drifted from one by F each (Balding & Nichols 1995), 1 % of calls missing."""
    rng = np.random.default_rng(5)
    p = rng.uniform(0.1, 0.9, (M, 1))
    drifted = rng.beta(p * (1 - F) / F, (1 - p) * (1 - F) / F, (M, 3))
    dosage = np.hstack([rng.binomial(2, drifted[:, [k]], (M, N)) for k in range(3)]).astype(np.int8)
    dosage[rng.random(dosage.shape) < 0.01] = -1
    return store_of(dosage), np.repeat(["a", "b", "c"], N)


def by_hand(dosage: np.ndarray, one: np.ndarray, two: np.ndarray) -> float:
    numerator = denominator = 0.0
    for row in dosage:
        x, y = row[one][row[one] >= 0], row[two][row[two] >= 0]
        n1, n2 = 2 * len(x), 2 * len(y)
        p1, p2 = x.sum() / n1, y.sum() / n2
        numerator += (p1 - p2) ** 2 - p1 * (1 - p1) / (n1 - 1) - p2 * (1 - p2) / (n2 - 1)
        denominator += p1 * (1 - p2) + p2 * (1 - p1)
    return numerator / denominator


def test_it_is_the_formula_and_near_the_truth(cohort):
    store, names = cohort
    rows = pairwise_fst(store, np.arange(M), names, np.ones(3 * N, bool))
    assert [(r["a"], r["b"]) for r in rows] == [("a", "b"), ("a", "c"), ("b", "c")]
    dosage = store.dosages(slice(0, M))
    for row in rows:
        assert row["fst"] == pytest.approx(by_hand(dosage, names == row["a"], names == row["b"]), rel=1e-12)
        assert abs(row["fst"] - F) < 4 * row["se"]
        assert 0 < row["se"] < 0.01


def test_plink2_agrees(cohort, tmp_path):
    store, names = cohort
    save(tmp_path / "g", store)
    pd.DataFrame({"#IID": store.people["iid"], "pop": names}).to_csv(
        tmp_path / "pop.tsv", sep="\t", index=False
    )
    plink2(
        *("--bfile", tmp_path / "g", "--pheno", tmp_path / "pop.tsv", "--fst", "pop", "method=hudson"),
        *("--out", tmp_path / "theirs"),
    )
    theirs = pd.read_csv(tmp_path / "theirs.fst.summary", sep="\t")
    rows = pairwise_fst(store, np.arange(M), names, np.ones(3 * N, bool))
    ours = [row["fst"] for row in rows]
    assert ours == pytest.approx(theirs["HUDSON_FST"].tolist(), rel=1e-5)  # it prints six digits


def test_small_and_unknown_populations_have_none(cohort):
    store, names = cohort
    few = names.copy()
    few[names == "c"] = ""
    few[2 * N : 2 * N + MIN_PEOPLE - 1] = "tiny"
    rows = pairwise_fst(store, np.arange(30), few, np.ones(3 * N, bool))
    assert [(r["a"], r["b"], r["se"]) for r in rows] == [("a", "b", None)]
    assert pairwise_fst(store, np.arange(M), few, np.zeros(3 * N, bool)) == []
