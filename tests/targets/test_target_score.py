"""Scores, ranks and their uncertainty."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from benchmarks.targets import simulate
from endotype.targets.score import (
    Evidence,
    harmonic_score,
    order_of,
    patient_stream,
    rank_draws,
    rank_intervals,
    scores_of,
)


def evidence(target, reliability, factor=None, **more):
    e = len(target)
    none = np.empty(0)
    fields = {
        "source": np.zeros(e, int),
        "fraction_of": np.full(e, -1),
        "fraction": none,
        "fraction_count": none,
        "fraction_gain": none,
        "term_row": np.empty(0, int),
        "term_subtype": np.empty(0, int),
        "term_gain": np.empty(0, int),
        "posterior": none,
        "log_odds": none,
        "log_odds_se": none,
        "source_weight": np.ones(1),
    }
    return Evidence(
        target=np.array(target),
        reliability=np.array(reliability, float),
        factor=np.ones(e) if factor is None else np.array(factor, float),
        **(fields | {name: np.asarray(value) for name, value in more.items()}),
    )


def ranked(found, tiers, draws, stream):
    tiers = np.asarray(tiers)
    rank = order_of(tiers, scores_of(found.strengths(), found.target, len(tiers)))
    return rank, rank_draws(found, tiers, rank, draws, stream)


def test_harmonic_score_has_the_published_check_value():
    assert harmonic_score(np.array([0.8, 1, 0.9])) == pytest.approx(0.799, abs=5e-4)
    assert harmonic_score(np.ones(1000)) == pytest.approx(1)
    assert harmonic_score(np.array([])) == 0


def test_harmonic_score_equals_the_formula_written_out():
    values = np.random.default_rng(1).random((5, 7))
    for row, score in zip(values, harmonic_score(values), strict=True):
        numerator = sum(s / i**2 for i, s in enumerate(sorted(row, reverse=True), start=1))
        assert score == pytest.approx(numerator / sum(1 / i**2 for i in range(1, 1001)))


def test_tier_comes_before_any_score_and_ties_keep_their_order():
    tiers = np.array([4, 0, 1, 1, 2, 2])
    scores = np.array([1.0, 0.0, 0.1, 0.2, 1.0, 1.0])
    assert order_of(tiers, scores).tolist() == [6, 1, 3, 2, 4, 5]


def test_strength_is_reliability_times_weights_times_shares():
    assert evidence([0], [0.8], factor=[0.5]).strengths()[0] == pytest.approx(0.4)
    share = {"fraction": [0.3], "fraction_count": [50.0], "fraction_gain": [2.0]}
    found = evidence([0, 1], [0.8, 0.8], fraction_of=[0, -1], **share)
    np.testing.assert_allclose(found.strengths(), [0.48, 0.8])
    full = share | {"fraction": [0.7]}
    assert evidence([0], [0.8], fraction_of=[0], **full).strengths()[0] == pytest.approx(0.8)


SUBTYPES = {
    "term_row": [0, 0],
    "term_subtype": [0, 2],
    "term_gain": [0, 1],
    "posterior": [0.7, 0.2, 0.1],
    "log_odds": np.log([10.0, 4.0]),
    "log_odds_se": [0.3, 0.3],
}


def test_subtype_strength_sums_posterior_times_gain_over_subtypes():
    found = evidence([0, 1], [0.8, 0.8], **SUBTYPES)
    np.testing.assert_allclose(found.strengths(), [0.8 * (0.7 * 0.9 + 0.1 * 0.75), 0.8])


def test_draws_have_the_means_of_their_laws_and_rows_on_one_quantity_move_together():
    share = {"fraction": [0.3], "fraction_count": [40.0], "fraction_gain": [1.0]}
    found = evidence([0, 1, 2], [1.0, 1.0, 0.5], fraction_of=[0, 0, -1], **share)
    drawn, weights = found.drawn_strengths(20_000, np.random.default_rng(1))
    reliability = (20 * np.array([1.0, 1.0, 0.5]) + 0.5) / 21
    fraction = np.array([12.5 / 41, 12.5 / 41, 1.0])
    np.testing.assert_allclose(drawn.mean(axis=0), reliability * fraction, rtol=0.02)
    assert np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1] > 0.9
    np.testing.assert_array_equal(weights, np.broadcast_to(found.strengths(), weights.shape))


def test_weights_of_sources_are_drawn_around_one():
    found = evidence([0, 1], [0.5, 0.5], source=[0, 1], source_weight=[1.0, 1.0])
    _, weights = found.drawn_strengths(20_000, np.random.default_rng(1))
    np.testing.assert_allclose(weights.mean(axis=0), 0.5, rtol=0.01)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    # Share of one of two sources by Beta(20, 20): variance 1/4 / 41, times 2 squared, times 0.5 squared.
    np.testing.assert_allclose(weights.var(axis=0), 0.25 / 41, rtol=0.05)


def test_close_targets_have_wide_intervals_and_far_ones_narrow():
    rank, close = ranked(evidence([0, 1, 2, 3], [0.7] * 4), np.ones(4, int), 2000, patient_stream(1, "P1"))
    assert rank.tolist() == [1, 2, 3, 4]
    assert (close.rank_high - close.rank_low >= 3).all()
    np.testing.assert_allclose(close.probability_top3, 0.75, atol=0.05)
    _, far = ranked(evidence([0, 1], [0.95, 0.1]), np.ones(2, int), 2000, patient_stream(1, "P1"))
    assert far.rank_low.tolist() == far.rank_high.tolist() == [1, 2]


def test_uncertainty_never_moves_a_target_over_a_tier():
    _, found = ranked(evidence([0, 1], [0.01, 0.99]), [1, 2], 500, patient_stream(1, "P"))
    assert found.rank_low.tolist() == found.rank_high.tolist() == [1, 2]


def test_the_interval_is_the_shortest_that_holds_enough():
    rng = np.random.default_rng(5)
    n, draws = 6, 200
    drawn = np.stack([np.argsort(np.argsort(row)) + 1 for row in rng.normal(np.arange(n), 1.2, (draws, n))])
    low, high = rank_intervals(drawn, np.arange(1, n + 1))
    for t in range(n):
        best = min(
            (b - a, -int(((drawn[:, t] >= a) & (drawn[:, t] <= b)).sum()), a, b)
            for a in range(1, n + 1)
            for b in range(a, n + 1)
            if ((drawn[:, t] >= a) & (drawn[:, t] <= b)).sum() >= 0.9 * draws
        )
        assert (low[t], high[t]) == (min(best[2], t + 1), max(best[3], t + 1))


def test_kendalls_tau_is_scipys():
    found = evidence(
        range(6), np.linspace(0.5, 0.6, 6), source=[0, 1, 2, 0, 1, 2], source_weight=[1.0, 1.0, 1.0]
    )
    rank, place = ranked(found, np.ones(6, int), 300, patient_stream(3, "P"))
    _, weights = found.drawn_strengths(300, patient_stream(3, "P"))
    drawn = order_of(np.ones(6, int), scores_of(weights, found.target, 6))
    expected = np.mean([kendalltau(row, rank).statistic for row in drawn])
    assert place.kendall_tau == pytest.approx(expected, abs=1e-12)
    assert -1 < place.kendall_tau < 1


def test_true_ranks_lie_in_the_interval_as_often_as_it_says():
    """Sources, patients and reads are seen through counts; the whole study is benchmarks/targets.py."""
    rng = np.random.default_rng(6)
    inside = []
    for number in range(60):
        true, seen = simulate(rng, 25)
        actual = order_of(np.ones(25, int), scores_of(true.strengths(), true.target, 25))
        _, place = ranked(seen, np.ones(25, int), 300, patient_stream(6, f"P{number}"))
        inside.append((place.rank_low <= actual) & (actual <= place.rank_high))
    assert 0.87 <= np.mean(inside) <= 0.94


def test_streams_differ_between_patients_and_repeat():
    draws = [patient_stream(7, p).random() for p in ("P1", "P2", "P1")]
    assert draws[0] == draws[2] != draws[1]
    assert patient_stream(8, "P1").random() != draws[0]
