"""Continuous axes of an undivided cohort, and the dip test."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binom

from endotype.subtypes.axes import MIN_UNIQUENESS, Axes, find_axes
from endotype.subtypes.dip import dip_test
from endotype.subtypes.dip_kernels import dip
from endotype.subtypes.mixture import Data
from tests.reference.dip import dip as slow_dip
from tests.subtypes.cohorts import gradient, noise


@pytest.mark.parametrize("seed", range(16))
def test_dip_equals_its_definition(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 13))
    two = np.concatenate([rng.random(n // 2), 3 + rng.random(n - n // 2)])
    values = (rng.standard_normal(n), rng.random(n), np.round(rng.standard_normal(n) * 1.5), two)[seed % 4]
    assert dip(np.sort(values)) == pytest.approx(slow_dip(values), abs=1e-9)


def test_dip_equals_that_of_the_diptest_package():
    """Recorded with diptest 0.12.0 of PyPI, which wraps the C code of the R package."""
    one = np.random.default_rng(20).normal(size=50)
    two = np.concatenate([one[:25], one[25:] + 4])
    found = [dip(np.sort(v)) for v in (one, two, np.round(two * 2))]
    expected = [0.029586421790346353, 0.06416951794978631, 0.08666666666666666]
    np.testing.assert_allclose(found, expected, atol=1e-14)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0, 2.0]])
def test_dip_of_nearly_nothing_is_the_least_there_is(values):
    assert dip(np.array(values, float)) == 0.5 / max(len(values), 1)


def test_p_of_a_uniform_law_is_uniform_and_of_two_modes_small():
    rng = np.random.default_rng(1)
    hits = sum(dip_test(rng.random(60), 99, rng)[1] <= 0.1 for _ in range(200))
    assert binom(200, 0.1).ppf(0.001) <= hits <= binom(200, 0.1).ppf(0.999)
    two = np.concatenate([rng.standard_normal(100), rng.standard_normal(100) + 5])
    assert dip_test(two, 199, rng)[1] == pytest.approx(1 / 200)


def test_a_gradient_is_an_axis_and_its_scores_follow_it():
    rng = np.random.default_rng(2)
    latent = rng.standard_normal(400)
    data = gradient(rng, latent)
    axes = find_axes(data, np.random.default_rng(1))
    assert axes is not None
    assert axes.names == ["A1"]
    assert axes.explained[0] > axes.chance[0]
    assert axes.dip_p[0] > 0.1
    scores, errors = axes.project(data.x, data.seen)
    assert abs(np.corrcoef(scores[:, 0], latent)[0, 1]) > 0.9
    assert (errors > 0).all()
    assert (errors < 1).all()
    assert axes.loadings[np.abs(axes.loadings).argmax()] > 0


def test_noise_has_no_axis_and_groups_have_two_modes():
    assert find_axes(noise(np.random.default_rng(3)), np.random.default_rng(1)) is None
    rng = np.random.default_rng(3)
    values = rng.choice([-2.0, 2.0], (300, 1)) * np.ones(6) + rng.standard_normal((300, 6))
    axes = find_axes(Data.of(values, np.zeros(6, bool)), np.random.default_rng(1))
    assert axes is not None
    assert axes.dip_p.min() < 0.01


def test_scores_are_the_regression_scores_of_what_was_seen():
    """z = Λ' (Λ Λ' + Ψ)⁻¹ x over the features that were seen: the same by another formula."""
    rng = np.random.default_rng(4)
    data = gradient(rng, rng.standard_normal(200))
    axes = find_axes(data, np.random.default_rng(1))
    assert axes is not None
    seen = rng.random(data.x.shape) < 0.6
    scores, errors = axes.project(np.where(seen, data.x, 99.0), seen)
    psi = np.maximum(1 - (axes.loadings**2).sum(axis=1), MIN_UNIQUENESS)
    for i in range(20):
        load = axes.loadings[seen[i]]
        gain = load.T @ np.linalg.inv(load @ load.T + np.diag(psi[seen[i]]))
        z = ((data.x[i] - axes.centre) / axes.scale)[seen[i]]
        np.testing.assert_allclose(scores[i], gain @ z, rtol=1e-9)
        np.testing.assert_allclose(errors[i] ** 2, np.diag(np.eye(load.shape[1]) - gain @ load), rtol=1e-9)


def test_a_new_patient_is_placed_alone_and_one_without_values_stays_in_the_middle():
    rng = np.random.default_rng(5)
    data = gradient(rng, rng.standard_normal(200))
    axes = find_axes(data, np.random.default_rng(1))
    assert axes is not None
    stored = Axes.from_dict(json.loads(json.dumps(axes.to_dict())))
    everybody = axes.project(data.x, data.seen)[0]
    assert (stored.project(data.x[7:8], data.seen[7:8])[0] == everybody[7:8]).all()
    scores, errors = stored.project(data.x[:1], np.zeros_like(data.seen[:1]))
    assert (scores == 0).all()
    assert (errors == 1).all()


def test_constant_features_have_no_loading_and_too_little_data_no_axis():
    rng = np.random.default_rng(6)
    latent = rng.standard_normal((100, 1))
    values = np.hstack([latent + 0.5 * rng.standard_normal((100, 4)), np.ones((100, 1))])
    axes = find_axes(Data.of(values, np.zeros(5, bool)), rng)
    assert axes is not None
    assert (axes.loadings[4] == 0).all()
    assert find_axes(Data.of(values[:10], np.zeros(5, bool)), rng) is None
    assert find_axes(Data.of(values[:, :2], np.zeros(2, bool)), rng) is None
