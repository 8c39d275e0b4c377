"""The audit: what it measures, when it warns, and that ancestry is found before adjustment and not after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from endotype.subtypes.adjustment import Confounder, design_matrix, fit_scale, model_values
from endotype.subtypes.agreement import adjusted_rand_index
from endotype.subtypes.audit import AuditColumn, Limits, audit, audit_column, audit_columns
from endotype.subtypes.mixture import Data, fit
from tests.subtypes.cohorts import entry

NAMES = ["S1", "S2", "S3"]


def categorical(name: str, levels: np.ndarray, source: str = "clinical") -> AuditColumn:
    return audit_column(name, source, pd.Series(levels.astype(str), dtype="str"))


def of(found: dict, name: str) -> dict:
    return next(c for c in found["confounders"] if c["confounder"] == name)


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 3, 240)


class TestMeasures:
    def test_unrelated_confounders_give_no_warning(self, labels):
        rng = np.random.default_rng(2)
        columns = [categorical("site", rng.integers(0, 4, 240))]
        columns += [AuditColumn(f"pc{i}", "ancestry", "numeric", rng.standard_normal(240)) for i in (1, 2)]
        found = audit(labels, NAMES, columns, permutations=99)
        assert found["status"] == "assessed"
        assert found["warnings"] == []
        assert of(found, "site")["p"] > 0.01
        assert found["ancestry_groups"]["ari"] < 0.05
        assert {s["subtype"] for s in of(found, "pc1")["subtypes"]} == set(NAMES)

    def test_a_batch_is_warned_of_for_partition_and_subtype(self, labels):
        batch = np.where(np.random.default_rng(3).random(240) < 0.9, labels == 1, labels == 0)
        found = audit(labels, NAMES, [categorical("batch", batch)], permutations=99)
        warned = {(w["of"], w["measure"]) for w in found["warnings"]}
        assert ("partition", "ari") in warned
        assert ("S2", "cramers_v") in warned
        assert of(found, "batch")["p"] == 0.01
        assert all("batch rather than the disease" in w["sentence"] for w in found["warnings"])
        difference = next(s for s in of(found, "batch")["subtypes"] if s["subtype"] == "S2")
        assert abs(difference["standardised_difference"]) > 2
        assert difference["level"] in ("False", "True")

    def test_a_number_is_warned_of_beyond_its_limit_only(self, labels):
        burden = np.random.default_rng(4).standard_normal(240) + 2.0 * (labels == 2)
        column = AuditColumn("log(mutations + 1)", "burden", "numeric", burden)
        found = audit(labels, NAMES, [column], permutations=99)
        share = of(found, "log(mutations + 1)")["eta_squared"]
        assert {w["measure"] for w in found["warnings"]} == {"eta_squared"}
        lenient = audit(labels, NAMES, [column], Limits(eta_squared=share), permutations=99)
        assert not [w for w in lenient["warnings"] if w["of"] == "partition"]

    def test_p_is_uniform_without_association_and_q_is_over_all(self):
        rng = np.random.default_rng(5)
        columns = [AuditColumn(f"c{i}", "clinical", "numeric", rng.standard_normal(60)) for i in range(80)]
        found = audit(rng.integers(0, 2, 60), NAMES[:2], columns, permutations=39, seed=2)
        p = np.array([c["p"] for c in found["confounders"]])
        assert (p <= 0.05).sum() <= 10
        assert min(c["q"] for c in found["confounders"]) > 0.2

    def test_patients_without_a_subtype_or_a_value_are_left_out(self, labels):
        values = np.random.default_rng(6).standard_normal(240)
        values[:30] = np.nan
        some = np.where(np.arange(240) >= 200, -1, labels)
        found = of(audit(some, NAMES, [AuditColumn("a", "x", "numeric", values)], permutations=9), "a")
        assert (found["n"], found["n_missing"]) == (170, 30)

    def test_same_seed_same_answer(self, labels):
        column = AuditColumn("pc1", "ancestry", "numeric", np.random.default_rng(7).standard_normal(240))
        assert audit(labels, NAMES, [column], permutations=19) == audit(
            labels, NAMES, [column], permutations=19
        )


class TestNotAssessed:
    def test_one_group(self, labels):
        found = audit(labels * 0, [], [categorical("site", labels)])
        assert (found["status"], found["reason"]) == ("not_assessed", "there are no subtypes to compare")

    def test_no_confounders(self, labels):
        assert audit(labels, NAMES, [])["reason"] == "no confounder is recorded"

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            (np.where(np.arange(240) < 9, 1.0, np.nan), "recorded in 9 patients"),
            (np.ones(240), "the same in every patient"),
        ],
    )
    def test_confounders_that_say_nothing(self, labels, values, reason):
        found = of(audit(labels, NAMES, [AuditColumn("a", "x", "numeric", values)]), "a")
        assert found["status"] == "not_assessed"
        assert reason in found["reason"]

    def test_names_are_no_category(self):
        labels = np.repeat([0, 1], 60)
        found = of(audit(labels, NAMES[:2], [categorical("id", np.arange(120))]), "id")
        assert found["reason"] == "more than 100 levels"


def test_columns_of_a_run():
    patients = pd.Index([f"P{i}" for i in range(4)], name="patient")
    dictionary = {"columns": {"site": entry("category", "confounder"), "age": entry("number", "covariate")}}
    clinical = pd.DataFrame({"site": ["b", "a", None, "a"], "age": [1.0, 2, 3, 4]}, index=patients)
    ancestry = pd.DataFrame(
        {"pc2": [1.0, 2, 3, 4], "pc1": [1.0, 2, 3, 4], "population": None}, index=patients
    )
    people = pd.DataFrame({"sex": ["male", "female", "unknown", None]}, index=patients)
    burden = pd.DataFrame({"mutations": [0.0, 9, np.nan, -1]}, index=patients)
    removed = pd.DataFrame({"tumour:burden": [0.0, 1, 2, 3]}, index=patients)
    found = audit_columns(dictionary, clinical, ancestry, people, burden, removed)
    assert [c.name for c in found] == ["site", "sex", "pc1", "pc2", "log(mutations + 1)", "tumour:burden"]
    assert found[0].levels == ("a", "b")
    assert np.array_equal(found[0].values, [1, 0, np.nan, 0], equal_nan=True)
    assert np.isnan(found[1].values[2:]).all()
    assert found[4].values[1] == pytest.approx(np.log(10))
    assert np.isnan(found[4].values[2:]).all()


def test_a_hostile_name_stays_a_name(labels):
    name = "site\u202e<script>|"
    found = audit(labels, NAMES, [categorical(name, labels)], permutations=9)
    assert of(found, name)["status"] == "assessed"
    assert not any(c in w["sentence"] for w in found["warnings"] for c in "\u202e<>|")


def balding_nichols(
    rng: np.random.Generator, population: np.ndarray, n_variants: int, fst: float
) -> np.ndarray:
    """Dosages of two populations that differ by ``fst`` (Balding & Nichols 1995)."""
    ancestral = rng.uniform(0.1, 0.9, n_variants)
    share = (1 - fst) / fst
    frequency = rng.beta(ancestral * share, (1 - ancestral) * share, (2, n_variants))
    return rng.binomial(2, frequency[population]).astype(float)


@dataclass(frozen=True)
class Ancestral:
    """300 people of two populations, Fst 0.05; features have nothing to do with anything but ancestry.

    ``axes`` come from 6,000 variants; ``scores`` are 400 sums over 12 other variants, weighted at random;
    ``alone`` are such scores of one population; ``dosages`` are 400 single variants.
    """

    population: np.ndarray
    axes: pd.DataFrame
    scores: np.ndarray
    alone: np.ndarray
    dosages: np.ndarray

    @classmethod
    def drawn(cls, seed: int) -> Ancestral:
        rng = np.random.default_rng(seed)
        population = np.repeat([0, 1], 150)
        genome = balding_nichols(rng, population, 6000, 0.05)
        genome -= genome.mean(axis=0)
        values, vectors = np.linalg.eigh(genome @ genome.T)
        axes = {f"pc{i}": vectors[:, -i] * np.sqrt(values[-i]) for i in (1, 2)}

        def scores(of: np.ndarray) -> np.ndarray:
            parts = balding_nichols(rng, of, 4800, 0.05).reshape(300, 400, 12)
            sums = (parts * rng.standard_normal((400, 12))).sum(axis=2)
            return sums / sums.std(axis=0)

        dosages = balding_nichols(rng, population, 400, 0.05)
        return cls(population, pd.DataFrame(axes), scores(population), scores(population * 0), dosages)

    def groups(self, features: np.ndarray, adjust: bool) -> np.ndarray:
        axes = ["pc1", "pc2"] if adjust else []
        confounders = [Confounder(pc, "ancestry", None, (), float(self.axes[pc].mean())) for pc in axes]
        design = design_matrix(confounders, self.axes, self.axes)
        scales = [fit_scale(f"v{j}", "variants", "gaussian", x, design) for j, x in enumerate(features.T)]
        values = [model_values(s, x, design) for s, x in zip(scales, features.T, strict=True)]
        data = Data.of(np.column_stack(values), np.zeros(len(values), bool))
        return fit(data, 2, np.random.default_rng(1), 5).labels(data)

    def warned(self, found: np.ndarray) -> set[str]:
        columns = [categorical("population", self.population, "ancestry")]
        columns += [AuditColumn(pc, "ancestry", "numeric", self.axes[pc].to_numpy()) for pc in self.axes]
        return {w["confounder"] for w in audit(found, NAMES[:2], columns, permutations=19)["warnings"]}


@pytest.fixture(scope="module")
def ancestral() -> Ancestral:
    return Ancestral.drawn(7)


class TestPlantedAncestry:
    def test_it_is_all_that_is_found_without_adjustment_and_the_audit_says_so(self, ancestral):
        found = ancestral.groups(ancestral.scores, adjust=False)
        assert adjusted_rand_index(found, ancestral.population) == 1
        assert ancestral.warned(found) == {"population", "pc1", "ancestry"}

    def test_it_is_not_found_again_after_adjustment(self, ancestral):
        found = ancestral.groups(ancestral.scores, adjust=True)
        assert abs(adjusted_rand_index(found, ancestral.population)) <= 0.02
        assert ancestral.warned(found) == set()

    def test_true_groups_are_not_lost_by_it(self, ancestral):
        truth = np.random.default_rng(1).integers(0, 2, 300)
        signal = 0.8 * truth[:, None] * (np.arange(400) < 60)
        hidden = ancestral.groups(ancestral.scores + signal, adjust=False)
        assert adjusted_rand_index(hidden, truth) < 0.05
        without_ancestry = ancestral.groups(ancestral.alone + signal, adjust=False)
        adjusted = ancestral.groups(ancestral.scores + signal, adjust=True)
        loss = adjusted_rand_index(without_ancestry, truth) - adjusted_rand_index(adjusted, truth)
        assert adjusted_rand_index(adjusted, truth) > 0.95
        assert loss < 0.02

    def test_what_the_variances_of_single_variants_still_tell_is_warned_of(self, ancestral):
        """Regression takes the means off; dosages of two populations differ in their variances too."""
        found = ancestral.groups(ancestral.dosages, adjust=True)
        assert adjusted_rand_index(found, ancestral.population) > 0.1
        assert "population" in ancestral.warned(found)
