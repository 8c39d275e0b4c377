"""Scores, ranks and their uncertainty."""

from __future__ import annotations

import numpy as np
import pytest

from endotype.targets.score import Evidence, harmonic_score, order_of, patient_stream, rank_patient


def evidence(target, reliability, factor=None, posterior=None):
    e = len(target)
    nothing = np.full(e, np.nan)
    return Evidence(
        np.array(target),
        np.array(reliability, float),
        np.ones(e) if factor is None else np.array(factor, float),
        nothing if posterior is None else np.array(posterior, float),
        nothing if posterior is None else np.full(e, np.log(10.0)),
        nothing if posterior is None else np.full(e, 0.3),
    )


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


def test_subtype_strength_is_posterior_times_gain():
    assert evidence([0], [0.8], posterior=[0.9]).strengths()[0] == pytest.approx(0.8 * 0.9 * 0.9)
    assert evidence([0], [0.8], factor=[0.5]).strengths()[0] == pytest.approx(0.4)


def test_close_targets_have_wide_intervals_and_far_ones_narrow():
    rng = patient_stream(1, "P1")
    close = rank_patient(evidence([0, 1, 2, 3], [0.7] * 4), np.ones(4, int), 2000, rng)
    assert close.rank.tolist() == [1, 2, 3, 4]
    assert close.rank_low.tolist() == [1, 1, 1, 1]
    assert close.rank_high.tolist() == [4, 4, 4, 4]
    np.testing.assert_allclose(close.probability_top3, 0.75, atol=0.05)
    far = rank_patient(evidence([0, 1], [0.95, 0.1]), np.ones(2, int), 2000, rng)
    assert far.rank_low.tolist() == far.rank_high.tolist() == [1, 2]


def test_uncertainty_never_moves_a_target_over_a_tier():
    found = rank_patient(evidence([0, 1], [0.01, 0.99]), np.array([1, 2]), 500, patient_stream(1, "P"))
    assert found.rank_low.tolist() == found.rank_high.tolist() == [1, 2]


def test_the_interval_holds_the_rank_and_covers_as_it_says():
    """True reliabilities are drawn by the law that the interval assumes; 90 % of true ranks are inside."""
    rng = np.random.default_rng(3)
    inside = total = 0
    for patient in range(300):
        seen = rng.uniform(0.3, 0.9, 6)
        truth = rng.beta(seen * 20 + 0.5, (1 - seen) * 20 + 0.5)
        found = rank_patient(evidence(range(6), seen), np.ones(6, int), 400, patient_stream(1, f"P{patient}"))
        true_rank = order_of(np.ones(6, int), truth)
        inside += int(((found.rank_low <= true_rank) & (true_rank <= found.rank_high)).sum())
        total += 6
        assert (found.rank_low <= found.rank).all() and (found.rank <= found.rank_high).all()
    assert 0.88 <= inside / total <= 0.98


def test_streams_differ_between_patients_and_repeat():
    draws = [patient_stream(7, p).random() for p in ("P1", "P2", "P1")]
    assert draws[0] == draws[2] != draws[1]
    assert patient_stream(8, "P1").random() != draws[0]
