"""Added value over the standard of care: found where planted, not found in noise, honest about gradients."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from endotype.subtypes.added_value import added_value, calibration, continuous_axes
from endotype.subtypes.concordance import concordance
from endotype.subtypes.hazards import SurvivalData, Term, fit_hazards
from tests.subtypes.test_survival_comparison import NAMES, cohort, follow, standard

SAMPLES = 40


def noise_axes(n: int, seed: int = 9) -> Term:
    return continuous_axes(np.random.default_rng(seed).standard_normal((n, 6)), 2)


def assess(table: pd.DataFrame, labels: np.ndarray, axes: Term | None = None, samples: int = SAMPLES) -> dict:
    chosen = axes or noise_axes(len(labels))
    return added_value(follow(table, labels), labels, NAMES, standard(table), chosen, 1.0, samples, 3)


@pytest.fixture(scope="module")
def planted() -> dict:
    return assess(*cohort(400))


def test_a_planted_subtype_adds(planted):
    difference = planted["differences"]["subtype"]
    assert difference["low"] > 0
    assert difference["low"] < difference["corrected"] < difference["high"]
    assert difference["likelihood_ratio"]["p"] < 1e-6
    assert planted["differences"]["continuous_against_subtype"]["high"] < 0
    assert planted["differences"]["continuous"]["low"] < 0.01


def test_apparent_concordance_is_that_of_the_fitted_model(planted):
    table, labels = cohort(400)
    survival = follow(table, labels).survival
    columns = np.column_stack([table["age"], table["stage"] == "II", labels == 1, labels == 2]).astype(float)
    fit = fit_hazards(survival, columns)
    apparent = planted["models"]["standard_and_subtype"]["apparent"]
    assert concordance(survival.time, survival.event, fit.predictor).index == pytest.approx(
        apparent, abs=1e-4
    )
    for model in planted["models"].values():
        assert model["optimism"] > -0.01
        assert model["corrected"] == pytest.approx(model["apparent"] - model["optimism"])
        assert 0.7 < model["slope"] < 1.1


def test_noise_adds_nothing():
    above = 0
    for seed in range(8):
        table, _ = cohort(120, seed, effect=0.0)
        labels = np.random.default_rng([seed, 1]).integers(0, 3, 120)
        found = assess(table, labels, samples=20)
        above += found["differences"]["subtype"]["low"] > 0
        assert found["models"]["standard_and_subtype"]["optimism"] > -0.02
    assert above <= 1


def test_a_gradient_cut_into_groups_adds_less_than_the_gradient():
    rng = np.random.default_rng(4)
    severity = rng.standard_normal(500)
    table, _ = cohort(500, effect=0.0)
    death = rng.exponential(np.exp(-1.2 * severity))
    table["years"], table["died"] = np.minimum(death, 3.0), death <= 3.0
    labels = np.digitize(severity, [-0.4, 0.4])
    values = severity[:, None] + 0.3 * rng.standard_normal((500, 6))
    found = assess(table, labels, continuous_axes(values, 2))
    assert found["differences"]["continuous_against_subtype"]["low"] > 0
    assert found["differences"]["subtype"]["low"] > 0


def test_same_seed_same_numbers(planted):
    assert assess(*cohort(400)) == planted


class TestCalibration:
    def test_a_true_model_is_calibrated(self, planted):
        found = planted["calibration"]["standard_and_subtype"]
        assert found["observed"]["low"] < found["mean_predicted"] < found["observed"]["high"]
        assert sum(g["n"] for g in found["groups"]) == 400
        predicted = [g["mean_predicted"] for g in found["groups"]]
        assert predicted == sorted(predicted)
        inside = [g["observed"]["low"] < g["mean_predicted"] < g["observed"]["high"] for g in found["groups"]]
        assert sum(inside) >= 4

    def test_predictions_come_from_others(self):
        rng = np.random.default_rng(5)
        survival = SurvivalData(rng.exponential(1, 60), np.ones(60, bool))
        noise = rng.standard_normal((60, 12))
        found = calibration(survival, noise, 0.7, 1)
        order, predicted = np.random.default_rng([1, 45]).permutation(60), []
        for fold in range(5):
            held = order[fold::5]
            rest = np.array([i for i in range(60) if i not in held])
            fit = fit_hazards(survival.rows(rest), noise[rest])
            predicted += fit.survival(noise[held], 0.7).tolist()
        assert found["mean_predicted"] == pytest.approx(np.mean(predicted), abs=1e-4)
        own = fit_hazards(survival, noise).survival(noise, 0.7)
        assert abs(found["mean_predicted"] - own.mean()) > 1e-3

    def test_few_patients_make_few_groups(self):
        rng = np.random.default_rng(6)
        survival = SurvivalData(rng.exponential(1, 45), np.ones(45, bool))
        assert len(calibration(survival, rng.standard_normal((45, 1)), 0.7, 1)["groups"]) == 2


class TestNotAssessed:
    def test_one_group(self):
        table, labels = cohort(50)
        found = added_value(follow(table, labels), labels * 0, [], [], noise_axes(50), 1.0)
        assert found["reason"] == "there are no subtypes to compare"

    def test_few_events(self):
        table, labels = cohort(50)
        table["died"] = np.arange(50) < 8
        assert assess(table, labels)["reason"] == "8 events, fewer than 10"

    def test_incomplete_patients_are_counted(self):
        table, labels = cohort(120)
        table.loc[:9, "age"] = np.nan
        found = assess(table, labels, samples=25)
        assert (found["n"], found["n_incomplete"]) == (110, 10)

    def test_too_few_samples_give_no_interval(self):
        found = assess(*cohort(60), samples=5)
        assert found["differences"]["subtype"]["low"] is None
        assert found["models"]["all"]["corrected"] is None

    def test_without_a_standard_the_subtype_stands_alone(self):
        table, labels = cohort(120)
        found = added_value(follow(table, labels), labels, NAMES, [], noise_axes(120), 1.0, 25, 1)
        assert found["models"]["standard"]["apparent"] == 0.5
        assert set(found["calibration"]) == {"standard_and_subtype"}


class TestAxes:
    def test_they_are_principal_components(self):
        decomposition = pytest.importorskip("sklearn.decomposition", reason="scikit-learn is not installed")
        values = np.random.default_rng(7).standard_normal((80, 5)) @ np.random.default_rng(8).standard_normal(
            (5, 5)
        )
        theirs = decomposition.PCA(2).fit_transform((values - values.mean(axis=0)) / values.std(axis=0))
        assert np.abs(continuous_axes(values, 2).values) == pytest.approx(np.abs(theirs), abs=1e-9)

    def test_missing_constant_and_absent_features(self):
        values = np.random.default_rng(7).standard_normal((30, 4))
        values[:5, 0], values[:, 1], values[:, 2] = np.nan, 3.0, np.nan
        assert continuous_axes(values, 3).columns == ("axis_1", "axis_2")
        assert np.isfinite(continuous_axes(values, 3).values).all()
        assert continuous_axes(np.empty((30, 0)), 2).values.shape == (30, 0)
