"""What sets subtypes apart: effects and tests against twins, scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from endotype.subtypes.carriers import gene_carriers, pathway_burdens
from endotype.subtypes.characterise import (
    COLUMN_TYPES,
    Trait,
    characterise,
    compare_levels,
    compare_numbers,
    compare_shares,
    fisher_mid_p,
)
from endotype.variants.plink import GenotypeStore, open_store, pack
from tests.reference import subtype_assessment as slow
from tests.subtypes.cohorts import CohortFiles

NAMES = ["S1", "S2"]


@pytest.mark.parametrize(
    "table", [(3, 17, 1, 30), (0, 20, 5, 30), (8, 2, 2, 8), (10, 0, 0, 10), (5, 5, 5, 5), (40, 160, 20, 300)]
)
def test_fisher_mid_p(table):
    a, b, c, d = table
    assert fisher_mid_p(*table) == pytest.approx(float(slow.fisher_mid_p(*table)), rel=1e-10)
    exact = stats.fisher_exact([[a, b], [c, d]]).pvalue
    half = stats.hypergeom.pmf(a, a + b + c + d, a + b, a + c) / 2
    assert fisher_mid_p(*table) == pytest.approx(exact - half, rel=1e-9)


def test_odds_ratio_and_interval_are_those_of_statsmodels():
    tables = pytest.importorskip("statsmodels.stats.contingency_tables", reason="no statsmodels")
    inside, outside = np.repeat([1.0, 0.0], [12, 28]), np.repeat([1.0, 0.0], [9, 71])
    theirs = tables.Table2x2([[12, 28], [9, 71]])
    found = compare_shares(inside, outside)
    assert (found.estimate, found.low, found.high) == pytest.approx(
        (theirs.oddsratio, *theirs.oddsratio_confint()), rel=1e-10
    )
    assert found.size == pytest.approx(2 * np.arcsin(np.sqrt(0.3)) - 2 * np.arcsin(np.sqrt(9 / 80)))


def test_an_empty_cell_has_a_finite_ratio():
    found = compare_shares(np.ones(10), np.repeat([1.0, 0.0], [2, 18]))
    assert found.estimate == pytest.approx(10.5 * 18.5 / (0.5 * 2.5))
    assert np.isfinite([found.low, found.high]).all()


def test_numbers():
    rng = np.random.default_rng(1)
    inside, outside = rng.normal(1, 1, 40), np.round(rng.normal(0, 2, 70), 1)
    found = compare_numbers(inside, outside)
    above = (inside[:, None] > outside).mean() + (inside[:, None] == outside).mean() / 2
    assert found.superiority == pytest.approx(above, rel=1e-12)
    pooled = np.sqrt((39 * inside.var(ddof=1) + 69 * outside.var(ddof=1)) / 108)
    assert found.estimate == pytest.approx((1 - 3 / 431) * (inside.mean() - outside.mean()) / pooled)
    assert found.p == stats.mannwhitneyu(inside, outside).pvalue
    meta = pytest.importorskip("statsmodels.stats.meta_analysis", reason="no statsmodels")
    g, variance = meta.effectsize_smd(
        inside.mean(), inside.std(ddof=1), 40, outside.mean(), outside.std(ddof=1), 70
    )
    assert found.estimate == pytest.approx(g, rel=1e-3)
    assert (found.high - found.low) / (2 * 1.959963984540054) == pytest.approx(np.sqrt(variance), rel=1e-2)


def test_levels_by_chi_square_or_by_permutation():
    rng = np.random.default_rng(2)
    inside, outside = rng.integers(0, 3, 60).astype(float), rng.integers(0, 2, 90).astype(float)
    found = compare_levels(inside, outside, 3, rng)
    table = [[(part == level).sum() for level in range(3)] for part in (inside, outside)]
    assert found.test == "chi_square"
    assert found.p == pytest.approx(stats.chi2_contingency(table).pvalue, rel=1e-10)
    rare = compare_levels(inside[:6], outside[:9], 3, np.random.default_rng(3))
    assert rare.test == "chi_square_permutation"
    assert rare == compare_levels(inside[:6], outside[:9], 3, np.random.default_rng(3))
    assert 1 / 1000 <= rare.p <= 1


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    labels = np.repeat([0, 1, -1], [60, 40, 20])
    apart = rng.standard_normal(120) + 2.0 * (labels == 1)
    apart[:4] = np.nan
    traits = [
        Trait("apart", "clinical", "number", apart, True),
        Trait("alike", "clinical", "number", rng.standard_normal(120), False),
        Trait("rare", "gene", "binary", (np.arange(120) < 2).astype(float), False),
        Trait("seldom", "clinical", "number", np.where(np.arange(120) < 62, 1.0, np.nan), False),
        Trait("same", "clinical", "number", np.ones(120), False),
        Trait("stage", "covariate", "category", (labels == 1).astype(float), False, ("I", "II")),
    ]
    return characterise(labels, NAMES, traits)


class TestTable:
    def test_columns_and_rows(self, table):
        assert list(table.columns) == list(COLUMN_TYPES)
        assert len(table) == 12

    def row(self, table: pd.DataFrame, name: str, subtype: str = "S2") -> pd.Series:
        return table[(table["name"] == name) & (table["subtype"] == subtype)].iloc[0]

    def test_what_differs_is_found_and_marked_as_used(self, table):
        row = self.row(table, "apart")
        assert row["q"] < 1e-6
        assert row["used"]
        assert (row["n_inside"], row["n_outside"]) == (40, 56)
        assert row["low"] < row["estimate"] < row["high"]
        assert self.row(table, "alike")["q"] > 0.05

    def test_the_most_different_level_is_named(self, table):
        row = self.row(table, "stage")
        assert (row["level"], row["value_inside"], row["value_outside"]) == ("I", 0.0, 1.0)
        assert row["estimate"] == pytest.approx(1)

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("rare", "2 of 100 patients have it"),
            ("seldom", "recorded in 2 patients"),
            ("same", "the same in every"),
        ],
    )
    def test_what_is_not_assessed_says_why(self, table, name, reason):
        row = self.row(table, name)
        assert row["status"] == "not_assessed"
        assert row["reason"].startswith(reason)
        assert np.isnan(row["p"])
        assert np.isnan(row["q"])

    def test_one_group_has_no_rows(self):
        assert characterise(np.zeros(9, int), [], [Trait("a", "b", "number", np.arange(9.0), True)]).empty


class TestGenes:
    def test_a_cohort_without_genotypes_knows_of_no_carrier(self):
        store = GenotypeStore(
            pack(np.empty((0, 0), np.int8)), pd.DataFrame({"id": []}), pd.DataFrame({"iid": []})
        )
        annotation = pd.DataFrame(columns=["variant_id", "gene", "impact", "consequence_status", "cohort_af"])
        found = gene_carriers(store, annotation.assign(damaging=None), pd.Index(["A", "B"]), set(), 1)
        assert list(found.index) == ["A", "B"] and found.empty

    def test_carriers_and_burdens(self, divided: tuple[CohortFiles, object]):
        files, _ = divided
        store = open_store(files.bfile)
        annotation = pd.read_parquet(files.annotation)
        patients = pd.Index([*store.people["iid"], "nobody"])
        failed = {store.people["iid"].iloc[-1]}
        carriers = gene_carriers(store, annotation, patients, failed, 1)
        assert list(carriers.columns) == ["G1", "G2", "G3"]
        dosages = store.dosages(slice(0, 60))
        assert carriers["G2"].to_numpy()[:-2].tolist() == (dosages[20:40, :-1] > 0).any(axis=0).tolist()
        assert (carriers.iloc[-2:] == -1).all().all()
        counts = (carriers == 1).sum()
        least = int(counts.max())
        assert list(gene_carriers(store, annotation, patients, failed, least).columns) == [
            g for g in counts.index if counts[g] >= least
        ]
        pathway_of = pd.DataFrame(
            {"gene": ["G1", "G3", "G1", "G9", "G2"], "pathway": ["p", "p", "q", "q", None]}
        )
        burdens = pathway_burdens(carriers, pathway_of)
        assert list(burdens.columns) == ["p", "q"]
        assert (
            burdens["p"].to_numpy()[:-2].tolist()
            == (carriers[["G1", "G3"]] == 1).sum(axis=1).to_numpy()[:-2].tolist()
        )
        assert burdens.iloc[-2:].isna().all().all()
