"""The permutation log-rank test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, chi2

from endotype.subtypes.outcome import Outcome, compare_outcome, compare_outcomes, log_rank_scores
from endotype.subtypes.outcome_kernels import permuted_statistics
from tests.reference.mixture import log_rank_observed_minus_expected
from tests.reference.outcome import best_of_all, standardised_log_rank


def survival(rng: np.random.Generator, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    death, end = rng.exponential(1 / rates), rng.uniform(0.5, 3, len(rates))
    time = np.ceil(np.minimum(death, end) * 20) / 20  # ties
    return time, (death <= end).astype(float)


def test_scores_summed_over_a_group_are_observed_minus_expected():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 120)
    time, event = survival(rng, np.array([0.5, 1, 2])[labels])
    scores = log_rank_scores(time, event)
    assert scores.sum() == pytest.approx(0, abs=1e-10)
    for group in range(3):
        slow = log_rank_observed_minus_expected(time, event, labels, group)
        assert scores[labels == group].sum() == pytest.approx(slow, abs=1e-10)


def test_who_enters_late_counts_from_then_on():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, 150)
    time, event = survival(rng, np.array([0.5, 1, 2])[labels])
    entry = np.floor(rng.uniform(-0.5, 1, 150) * time * 20) / 20  # some at the time of an event
    scores = log_rank_scores(time, event, entry)
    assert scores.sum() == pytest.approx(0, abs=1e-10)
    for group in range(3):
        slow = log_rank_observed_minus_expected(time, event, labels, group, entry)
        assert scores[labels == group].sum() == pytest.approx(slow, abs=1e-10)
    entry[:5], entry[5:9] = np.nan, time[5:9]  # no entry, or none before the time: not followed
    found = compare_outcome(time, event, labels, ["S1", "S2", "S3"], 9, 1, entry)
    assert found["n"] == 141
    again = compare_outcome(time[9:], event[9:], labels[9:], ["S1", "S2", "S3"], 9, 1, entry[9:])
    assert found["statistic"] == again["statistic"]


def test_statistic_is_near_the_log_rank_test_of_lifelines():
    statistics = pytest.importorskip("lifelines.statistics", reason="lifelines is not installed")
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 600)
    time, event = survival(rng, np.array([0.8, 1, 1.3])[labels])
    theirs = statistics.multivariate_logrank_test(time, labels, event).test_statistic
    assert compare_outcome(time, event, labels, ["S1", "S2", "S3"], 1, 1)["statistic"] == pytest.approx(
        theirs, rel=0.05
    )


def test_a_difference_is_found_and_no_p_is_zero():
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], 100)
    time, event = survival(rng, np.where(labels == 0, 0.3, 2.0))
    found = compare_outcome(time, event, labels, ["S1", "S2"], 199, 1)
    assert found["p"] == pytest.approx(1 / 200)
    assert [g["events"] for g in found["subtypes"]] == [
        int(event[labels == 0].sum()),
        int(event[labels == 1].sum()),
    ]
    assert sum(g["expected_events"] for g in found["subtypes"]) == pytest.approx(event.sum())


def test_without_a_difference_p_is_uniform():
    rng = np.random.default_rng(4)
    hits = 0
    for seed in range(200):
        labels = rng.integers(0, 3, 80)
        time, event = survival(rng, np.ones(80))
        hits += compare_outcome(time, event, labels, ["S1", "S2", "S3"], 99, seed)["p"] <= 0.1
    assert binom(200, 0.1).ppf(0.001) <= hits <= binom(200, 0.1).ppf(0.999)


def test_missing_outcomes_are_left_out_and_too_few_events_are_not_assessed():
    time, event = np.array([1.0, np.nan, 2, 3]), np.array([1, 1, np.nan, 0])
    found = compare_outcome(time, event, np.array([0, 0, 1, 1]), ["S1", "S2"], 9, 1)
    assert found["status"] == "not_assessed"
    assert "1 events" in found["reason"]
    assert compare_outcome(time, event, np.zeros(4, int), [], 9, 1)["status"] == "not_assessed"


def divisions(rng: np.random.Generator, n: int, number: int) -> dict[str, np.ndarray]:
    """Divisions that are alike, as those of one cohort are, and some patients without a group."""
    latent = rng.standard_normal(n)
    result = {}
    for j in range(number):
        k = 2 + j % 4
        mixed = latent + 0.7 * rng.standard_normal(n)
        labels = np.searchsorted(np.quantile(mixed, np.arange(1, k) / k), mixed)
        result[f"view {j}, k={k}"] = np.where(rng.random(n) < 0.05, -1, labels)
    return result


def test_kernel_equals_the_slow_twin_in_every_permutation():
    rng = np.random.default_rng(6)
    solutions = divisions(rng, 60, 5)
    solutions["one group"] = np.zeros(60, int)
    scores = np.where(rng.random(60) < 0.1, np.nan, rng.standard_normal(60))
    labels = np.stack(list(solutions.values()), axis=1)
    orders = np.stack([rng.permutation(60) for _ in range(7)])
    statistic, freedom = permuted_statistics(scores, labels, 5, orders)
    for b, order in enumerate(orders):
        for j in range(6):
            slow = standardised_log_rank(scores, labels[order, j])
            np.testing.assert_allclose((statistic[b, j], freedom[b, j]), slow, rtol=1e-10)


def test_adjusted_p_equals_the_slow_twin_and_is_never_under_the_raw_one():
    rng = np.random.default_rng(7)
    solutions = divisions(rng, 80, 4)
    outcomes = {}
    for name, holes in (("death", 0.0), ("relapse", 0.2)):
        time, event = survival(rng, np.where(solutions["view 0, k=2"] == 1, 2.0, 1.0))
        outcomes[name] = Outcome(np.where(rng.random(80) < holes, np.nan, time), event)
    found = compare_outcomes(outcomes, solutions, "view 0, k=2", 50, 3)
    slow = best_of_all([o.scores() for o in outcomes.values()], list(solutions.values()), 50, 3)
    for index, name in enumerate(outcomes):
        assert [r["p_adjusted"] for r in found[name]["tried"]] == pytest.approx(slow[index])
        assert all(r["p_adjusted"] >= r["p"] for r in found[name]["tried"])
        assert found[name]["n_tried"] == 8
        assert found[name]["p_adjusted"] == found[name]["tried"][0]["p_adjusted"]
    assert found["relapse"]["n"] < found["death"]["n"]


def test_the_best_of_twelve_on_noise_is_corrected():
    """The raw p-value of the best is at most 0.05 far too often, the corrected one at most as it should."""
    raw = corrected = 0
    for seed in range(150):
        rng = np.random.default_rng([seed, 8])
        solutions = {f"{j}": rng.integers(0, 2 + j % 4, 100) for j in range(12)}
        time, event = survival(rng, np.ones(100))
        found = compare_outcomes({"death": Outcome(time, event)}, solutions, "0", 99, seed)
        tried = found["death"]["tried"]
        raw += min(row["p"] for row in tried) <= 0.05
        corrected += min(row["p_adjusted"] for row in tried) <= 0.05
    assert raw > 150 * 0.3
    assert corrected <= binom(150, 0.05).ppf(0.999)


def test_a_true_difference_survives_thirty_divisions():
    rng = np.random.default_rng(9)
    solutions = divisions(rng, 400, 30)
    groups = solutions["view 2, k=4"]
    time, event = survival(rng, np.array([0.3, 1.0, 1.5, 3.0, 1.0])[groups])
    found = compare_outcomes({"death": Outcome(time, event)}, solutions, "view 2, k=4", 199, 1)["death"]
    assert found["p_adjusted"] == pytest.approx(1 / 200)
    assert found["p_chi_square"] == pytest.approx(chi2.sf(found["statistic"], 3))


def test_permutations_are_the_same_in_blocks_of_any_size(monkeypatch):
    rng = np.random.default_rng(10)
    solutions = divisions(rng, 100, 3)
    outcomes = {"death": Outcome(*survival(rng, np.ones(100)))}
    whole = compare_outcomes(outcomes, solutions, "view 0, k=2", 60, 1)
    monkeypatch.setattr("endotype.subtypes.outcome.BLOCK", 700)
    assert compare_outcomes(outcomes, solutions, "view 0, k=2", 60, 1) == whole
