"""The mixture model against its slow twin, against scikit-learn, and against what is planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from endotype.subtypes import kernels
from endotype.subtypes.mixture import Data, Mixture, fit
from tests.reference import mixture as reference
from tests.subtypes.cohorts import planted


def with_nan(data: Data) -> np.ndarray:
    return np.where(data.seen, data.x, np.nan)


def start_for(data: Data, k: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(k), data.n)


def run_em(data: Data, start: np.ndarray, strength: float, floor: float, tolerance: float, iterations: int):
    centre, spread = data.moments()
    return kernels.em(
        data.x, data.seen, data.binary, start, centre, spread, strength, floor, tolerance, iterations
    )


def test_em_equals_the_slow_twin_on_mixed_data_with_holes():
    data, _ = planted(np.random.default_rng(1), n=40, holes=0.2)
    start = start_for(data, 3)
    *fast, likelihood, _ = run_em(data, start, 0.3, 0.01, -1.0, 7)
    *slow, slow_likelihood = reference.em(with_nan(data), data.binary, start, 0.3, 0.01, 7)
    for ours, theirs in zip(fast, slow, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
    assert likelihood == pytest.approx(slow_likelihood, rel=1e-12)


def test_likelihood_equals_scikit_learn_on_complete_data():
    sklearn_mixture = pytest.importorskip("sklearn.mixture", reason="scikit-learn is not installed")
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 4)) + rng.choice([-2.0, 2.0], (300, 1)) * [1, 1, 0, 0]
    data = Data.of(x, np.zeros(4, bool))
    weights, location, variance, likelihood, _ = run_em(data, start_for(data, 2), 0.0, 1e-6, 1e-13, 5000)
    theirs = sklearn_mixture.GaussianMixture(
        2,
        covariance_type="diag",
        reg_covar=0,
        tol=1e-12,
        max_iter=5000,
        weights_init=weights,
        means_init=location,
        precisions_init=1 / variance,
    ).fit(x)
    assert likelihood / 300 == pytest.approx(theirs.score(x), abs=1e-9)
    np.testing.assert_allclose(location, theirs.means_, atol=1e-4)
    ours = Mixture(data.binary, weights, location, variance, likelihood)
    np.testing.assert_allclose(ours.posterior(data), theirs.predict_proba(x), atol=1e-4)
    assert ours.bic(300) == pytest.approx(theirs.bic(x), rel=1e-9)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_penalised_likelihood_never_falls(k):
    data, _ = planted(np.random.default_rng(3), n=200, holes=0.3)
    *_, trace = run_em(data, start_for(data, k), 0.3, 0.01, -1.0, 200)
    assert len(trace) == 200
    assert (np.diff(trace) > -1e-8).all()


def test_planted_groups_are_found_with_missing_values():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    data, groups = planted(np.random.default_rng(4), holes=0.15)
    model = fit(data, 3, np.random.default_rng(0), 20)
    assert metrics.adjusted_rand_score(groups, model.labels(data)) >= 0.9


def test_posteriors_sum_to_one_and_a_patient_without_values_gets_the_shares():
    data, _ = planted(np.random.default_rng(5))
    model = fit(data, 3, np.random.default_rng(0), 5)
    empty = Data.of(np.full((1, 11), np.nan), data.binary)
    np.testing.assert_allclose(model.posterior(data).sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(model.posterior(empty)[0], model.weights, atol=1e-12)


def test_one_patient_gets_the_same_bits_alone_as_among_others():
    data, _ = planted(np.random.default_rng(6))
    model = fit(data, 3, np.random.default_rng(0), 5)
    together, strange = model.posterior(data), model.strangeness(data)
    for i in (0, 17, 399):
        alone = data.rows(np.array([i]))
        assert (model.posterior(alone)[0] == together[i]).all()
        assert (model.strangeness(alone)[0] == strange[i]).all()


def test_strangeness_of_members_is_standard_normal_whatever_is_missing():
    rng = np.random.default_rng(7)
    p = 12
    model = Mixture(np.zeros(p, bool), np.ones(1), np.zeros((1, p)), np.full((1, p), 2.0), 0.0)
    for holes in (0.0, 0.5):
        x = np.where(rng.random((4000, p)) < holes, np.nan, rng.normal(0, 2**0.5, (4000, p)))
        assert kstest(model.strangeness(Data.of(x, model.binary))[:, 0], "norm").statistic < 0.03


def test_strangeness_has_the_order_of_minus_log_density_on_complete_data():
    data, _ = planted(np.random.default_rng(8), holes=0.0)
    model = fit(data, 2, np.random.default_rng(0), 5)
    joint = kernels.log_joint(data.x, data.seen, data.binary, model.weights, model.location, model.variance)
    for group in range(2):
        by_density = np.argsort(-joint[:, group], kind="stable")
        strange = model.strangeness(data)[by_density, group]
        assert (np.diff(strange) > -1e-9).all()


def test_rates_stay_off_0_and_1_and_variances_off_0():
    x = np.column_stack([np.r_[np.zeros(30), np.full(30, 5.0)], np.r_[np.zeros(30), np.ones(30)]])
    data = Data.of(x, np.array([False, True]))
    model = fit(data, 2, np.random.default_rng(0), 5)
    assert (model.variance[:, 0] >= 0.01).all()
    assert ((model.location[:, 1] > 0) & (model.location[:, 1] < 1)).all()


def test_no_patients_and_no_features_give_one_group():
    for shape in ((0, 3), (5, 0), (0, 0)):
        data = Data.of(np.empty(shape), np.zeros(shape[1], bool))
        model = fit(data, 1, np.random.default_rng(0), 3)
        assert model.weights.tolist() == [1.0]
        assert np.isfinite(model.location).all()
