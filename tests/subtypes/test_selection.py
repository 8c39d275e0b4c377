"""How many groups: planted ones are found, noise and gradients are left whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from endotype.subtypes.mixture import Data
from endotype.subtypes.null_reference import latent_correlation, latent_factor, simulate
from endotype.subtypes.selection import Settings, choose, jaccard, match, pairs_kept, select, set_aside
from endotype.subtypes.stability_curves import Curve, lower_p, stability_curves
from tests.reference.latent_correlation import latent_correlation as slow_latent_correlation
from tests.subtypes.cohorts import gradient, noise, planted, standardised

SETTINGS = Settings(seed=11)


def test_three_planted_groups_are_three():
    data, _ = planted(np.random.default_rng(1))
    model, candidates = choose(data, SETTINGS)
    assert model.k == 3
    three = candidates[2]
    assert three.accepted
    assert min(three.jaccard) >= 0.75
    assert three.prediction_strength >= 0.8
    assert three.gain > max(three.null_gain_max.values())
    assert [c.k for c in candidates] == [1, 2, 3, 4, 5, 6]
    assert all(c.verdict for c in candidates)


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_one_group(seed):
    assert choose(noise(np.random.default_rng(seed)), SETTINGS)[0].k == 1


@pytest.mark.parametrize("law", ["standard_normal", "random", "standard_exponential"])
@pytest.mark.parametrize("seed", range(3))
def test_a_gradient_is_one_group_whatever_its_shape(law, seed):
    rng = np.random.default_rng([seed, 3])
    assert choose(gradient(rng, getattr(rng, law)(400)), SETTINGS)[0].k == 1


def test_a_group_under_the_least_size_is_not_accepted():
    data, _ = planted(np.random.default_rng(1))
    model, candidates = choose(data, Settings(min_size=150))
    assert model.k < 3
    assert len(candidates) == 2
    assert "least size" in candidates[1].verdict


@pytest.mark.parametrize(("n", "p"), [(0, 3), (10, 3), (200, 0)])
def test_too_few_patients_or_no_features_are_one_group(n, p):
    values = np.random.default_rng(0).normal(size=(n, p))
    model, candidates = choose(Data.of(values, np.zeros(p, bool)), SETTINGS)
    assert model.k == 1
    assert len(candidates) == 1


def test_the_choice_is_the_same_on_every_run_and_moves_with_nothing_but_the_seed():
    data, _ = planted(np.random.default_rng(2), n=150)
    short = Settings(seed=11, max_k=3, resamples=6, null_cohorts=6, consensus_resamples=10)
    first, second = (choose(data, short) for _ in range(2))
    assert (first[0].location == second[0].location).all()
    assert first[1] == second[1]


def test_patients_far_from_all_others_are_set_aside():
    data, _ = planted(np.random.default_rng(3))
    x = data.x.copy()
    x[:3, :8] += np.array([[6.0], [-6.0], [6.0]]) * [1, -1, 1, -1, 1, -1, 1, 1]
    aside = set_aside(data.with_values(x))
    assert aside[:3].all()
    assert aside.sum() <= 5
    assert not set_aside(noise(np.random.default_rng(4))).any()


def test_null_cohorts_have_the_correlation_rates_and_holes_of_the_real_one():
    rng = np.random.default_rng(5)
    latent = rng.multivariate_normal(np.zeros(4), 0.5 + 0.5 * np.eye(4), 5000)
    values = standardised(latent)
    values[:, 2] = latent[:, 2] > 0.8
    values[:, 3] = latent[:, 3] > 0.0
    values[rng.random(values.shape) < 0.1] = np.nan
    data = Data.of(values, np.array([False, False, True, True]))
    np.testing.assert_allclose(latent_correlation(data), 0.5 + 0.5 * np.eye(4), atol=0.06)
    null = simulate(data, latent_factor(data), "gaussian", rng)
    assert (null.seen == data.seen).all()
    np.testing.assert_allclose(null.moments()[0][2:], data.moments()[0][2:], atol=0.02)
    np.testing.assert_allclose(latent_correlation(null), latent_correlation(data), atol=0.06)


def test_jaccard_and_pairs_kept_by_hand():
    labels, others = np.array([0, 0, 0, 1, 1]), np.array([1, 1, 0, 0, 0])
    np.testing.assert_allclose(jaccard(labels, others, 2), [2 / 3, 2 / 3])
    np.testing.assert_allclose(pairs_kept(labels, others, 2), [1 / 3, 1])
    np.testing.assert_allclose(pairs_kept(labels, labels, 2), [1, 1])
    np.testing.assert_allclose(pairs_kept(np.array([0, 0, 0, 0, 1]), others, 2), [2 / 6, 0])
    np.testing.assert_array_equal(match(labels, 1 - labels, 2), [1, 0])


@pytest.mark.parametrize(
    ("gate", "value", "verdict"),
    [("stability", [0.9, 0.7, 0.9], "unstable"), ("prediction_strength", 0.79, "prediction strength 0.79")],
)
def test_each_gate_alone_can_refuse(monkeypatch, gate, value, verdict):
    data, _ = planted(np.random.default_rng(1))
    monkeypatch.setattr(f"endotype.subtypes.selection.{gate}", lambda *_: value)
    model, candidates = choose(data, Settings(max_k=3, resamples=4))
    assert model.k == 1
    assert verdict in candidates[2].verdict
    assert candidates[2].gain is None


def test_null_cohorts_have_counts_and_categories_like_the_real_one():
    rng = np.random.default_rng(6)
    latent = rng.multivariate_normal(np.zeros(6), 0.5 + 0.5 * np.eye(6), 1500)
    values = latent.copy()
    values[:, 1] = values[:, 1] > 0.8
    values[:, 2] = np.floor(np.exp(1 + values[:, 2]))
    level = (latent[:, 3:] + [0, 0.5, -0.5]).argmax(axis=1)
    values[:, 3:] = np.eye(3)[level]
    values[rng.random(1500) < 0.1, 2] = np.nan
    values[rng.random(1500) < 0.1, 3:] = np.nan
    data = Data.of(values, np.array([0, 1, 2, 3, 3, 3]), np.array([0, 1, 2, 3, 3, 3]))
    factor = latent_factor(data)
    np.testing.assert_allclose(latent_correlation(data), slow_latent_correlation(data), atol=1e-12)
    null = simulate(data, factor, "gaussian", rng)
    assert (null.seen == data.seen).all()
    counts, theirs = (np.sort(d.x[d.seen[:, 2], 2]) for d in (data, null))
    np.testing.assert_allclose(counts.mean(), theirs.mean(), rtol=0.1)
    assert set(theirs) <= set(counts)
    assert (null.x[null.seen[:, 3], 3:].sum(axis=1) == 1).all()
    np.testing.assert_allclose(null.moments()[0][[1, 3, 4, 5]], data.moments()[0][[1, 3, 4, 5]], atol=0.03)
    np.testing.assert_allclose(latent_correlation(null)[:3, :3], latent_correlation(data)[:3, :3], atol=0.1)


def test_what_confounders_do_to_odds_stays_with_the_patient_in_null_cohorts():
    rng = np.random.default_rng(7)
    shift = np.repeat([[-2.0], [2.0]], 1000, axis=0)
    values = (rng.random((2000, 1)) < 1 / (1 + np.exp(-shift))).astype(float)
    data = Data.of(values, np.array([True]), shift=shift)
    null = simulate(data, np.eye(1), "gaussian", rng)
    assert null.x[:1000].mean() == pytest.approx(1 / (1 + np.exp(2)), abs=0.03)
    assert null.x[1000:].mean() == pytest.approx(1 / (1 + np.exp(-2)), abs=0.03)


def test_curves_and_threads_move_no_decision():
    data, _ = planted(np.random.default_rng(2), n=150)
    short = Settings(seed=11, max_k=3, resamples=6, null_cohorts=6, consensus_resamples=10)
    plain, drawn = select(data, short), select(data, replace(short, curves=True), threads=3)
    assert (plain.mixture.location == drawn.mixture.location).all()
    for one, other in zip(plain.candidates, drawn.candidates, strict=True):
        assert (one.verdict, one.accepted) == (other.verdict, other.accepted)
    for candidate in drawn.candidates[1:]:
        assert set(candidate.null_pac) == {"mean", "q05", "q50", "q95"}
        assert candidate.null_pac["q05"] <= candidate.null_pac["q50"] <= candidate.null_pac["q95"]
        assert len(candidate.jaccard) == candidate.k
        assert candidate.prediction_strength is not None
    assert list(plain.solutions) == ["mixture k=2", "mixture k=3"]
    assert plain.chosen == f"mixture k={plain.mixture.k}"
    assert plain.axes is None
    assert plain.consensus.matrix.shape == (150, 150)


def test_an_undivided_cohort_has_axes_and_no_consensus():
    rng = np.random.default_rng(8)
    found = select(gradient(rng, rng.standard_normal(300)), SETTINGS)
    assert (found.mixture.k, found.chosen, found.consensus) == (1, None, None)
    assert found.axes.names == ["A1"]


def test_pac_of_noise_is_no_better_than_that_of_its_null_and_of_groups_is(monkeypatch):
    data, _ = planted(np.random.default_rng(1), n=150)
    monkeypatch.setattr("endotype.subtypes.stability_curves.RESAMPLES", 8)
    for cohort, better in ((data, True), (noise(np.random.default_rng(9), 150), False)):
        curve = stability_curves(cohort, [3], 5, 1)[0]
        assert (curve.p <= 0.05) == better
        assert (curve.rcsi > 0.5) == better
        assert curve.p_adjusted == min(5 * curve.p, 1)


def test_p_of_a_pac():
    rng = np.random.default_rng(10)
    null = rng.beta(4, 6, 50)
    assert lower_p(0.4, null) == pytest.approx(0.52, abs=0.12)
    assert lower_p(0.01, null) < 1e-3
    assert lower_p(0.0, np.zeros(20)) == 1
    assert lower_p(0.5, np.repeat([0.0, 1.0], 10)) == pytest.approx(11 / 21)


@pytest.mark.parametrize(
    ("p", "agreement", "verdict"),
    [(0.051, 1.0, "resamples agree no better"), (0.05, 0.89, "two halves of the"), (0.05, 0.9, "supported")],
)
def test_a_curve_like_the_null_or_halves_that_disagree_refuse(monkeypatch, p, agreement, verdict):
    data, _ = planted(np.random.default_rng(1), n=200)
    curve = Curve(0, 0.1, {"q05": 0.1, "q50": 0.2, "q95": 0.3}, 0.3, p, 5 * p)
    monkeypatch.setattr(
        "endotype.subtypes.selection.stability_curves", lambda _, numbers, *__: [curve] * len(numbers)
    )
    monkeypatch.setattr("endotype.subtypes.consensus_fit.adjusted_rand", lambda *_: agreement)
    short = Settings(max_k=3, resamples=4, null_cohorts=4, consensus_resamples=6)
    model, candidates = choose(data, short)
    assert verdict in candidates[2].verdict
    assert (model.k > 1) == (verdict == "supported")
