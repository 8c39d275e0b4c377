"""How many groups: planted ones are found, noise and gradients are left whole."""

from __future__ import annotations

import numpy as np
import pytest

from endotype.subtypes.mixture import Data
from endotype.subtypes.null_reference import latent_correlation, latent_factor, simulate
from endotype.subtypes.selection import Settings, choose, jaccard, match, pairs_kept, set_aside
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
    first, second = (choose(data, SETTINGS) for _ in range(2))
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
