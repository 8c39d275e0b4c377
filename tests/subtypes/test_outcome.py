"""The permutation log-rank test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from endotype.subtypes.outcome import compare_outcome, log_rank_scores, statistic
from tests.reference.mixture import log_rank_observed_minus_expected


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
    assert statistic(log_rank_scores(time, event), labels, 3) == pytest.approx(theirs, rel=0.05)


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
