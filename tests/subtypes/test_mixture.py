"""The mixture model against its slow twin, against scikit-learn, and against what is planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from endotype.subtypes import kernels
from endotype.subtypes.kernels import BINARY, CATEGORY, COUNT, DISPERSIONS, GAUSSIAN
from endotype.subtypes.mixture import Data, Mixture, fit
from tests.reference import mixture as reference
from tests.subtypes.cohorts import planted, standardised


def with_nan(data: Data) -> np.ndarray:
    return np.where(data.seen, data.x, np.nan)


def start_for(data: Data, k: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(k), data.n)


def run_em(data: Data, start: np.ndarray, strength: float, floor: float, tolerance: float, iterations: int):
    centre, spread = data.moments()
    return kernels.em(
        *(data.x, data.seen, data.shift, data.kind, start),
        *(centre, spread, strength, floor, tolerance, iterations, data.rising),
    )


def test_em_equals_the_slow_twin_on_mixed_data_with_holes():
    data, _ = planted(np.random.default_rng(1), n=40, holes=0.2)
    start = start_for(data, 3)
    *fast, likelihood, _ = run_em(data, start, 0.3, 0.01, -1.0, 7)
    *slow, slow_likelihood = reference.em(with_nan(data), data.kind, start, 0.3, 0.01, 7)
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
    ours = Mixture(data.kind, data.block, weights, location, variance, likelihood)
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
    empty = Data.of(np.full((1, 11), np.nan), data.kind)
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
    model = Mixture(
        np.zeros(p, np.int8), np.arange(p), np.ones(1), np.zeros((1, p)), np.full((1, p), 2.0), 0.0
    )
    for holes in (0.0, 0.5):
        x = np.where(rng.random((4000, p)) < holes, np.nan, rng.normal(0, 2**0.5, (4000, p)))
        assert kstest(model.strangeness(Data.of(x, model.kind))[:, 0], "norm").statistic < 0.03


def test_strangeness_has_the_order_of_minus_log_density_on_complete_data():
    data, _ = planted(np.random.default_rng(8), holes=0.0)
    model = fit(data, 2, np.random.default_rng(0), 5)
    joint = model.log_joint(data)
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


KINDS = np.array([GAUSSIAN, BINARY, COUNT, CATEGORY, CATEGORY, CATEGORY], np.int8)
BLOCKS = np.array([0, 1, 2, 3, 3, 3])


def all_kinds(seed: int, n: int = 300, holes: float = 0.1, confounded: bool = False):
    """Two groups that differ in a feature of every kind; the groups are returned too."""
    rng = np.random.default_rng(seed)
    groups = (rng.random(n) < 0.4).astype(int)
    confounder = rng.normal(size=n)
    shift = np.zeros((n, 6))
    if confounded:
        shift[:, 1], shift[:, 2] = 1.5 * confounder, 0.7 * confounder
    odds = np.log([0.2, 0.8])[groups] - np.log([0.8, 0.2])[groups] + shift[:, 1]
    mean = np.array([4.0, 15.0])[groups] * np.exp(shift[:, 2])
    level = (rng.random(n)[:, None] > np.array([[0.6, 0.8], [0.1, 0.3]])[groups]).sum(axis=1)
    values = np.column_stack(
        [
            standardised(groups * 2.0 + rng.normal(size=n)),
            rng.random(n) < 1 / (1 + np.exp(-odds)),
            rng.negative_binomial(2, 2 / (2 + mean)),
            np.eye(3)[level],
        ]
    ).astype(float)
    gone = rng.random((n, 4)) < holes
    return Data.of(np.where(gone[:, BLOCKS], np.nan, values), KINDS, BLOCKS, shift), groups


@pytest.mark.parametrize("confounded", [False, True])
def test_density_of_every_kind_equals_the_slow_twin(confounded):
    data, _ = all_kinds(1, n=60, confounded=confounded)
    model = fit(data, 2, np.random.default_rng(0), 4)
    slow, likelihood = reference.posteriors(
        with_nan(data), data.kind, model.weights, model.location, model.variance, data.shift
    )
    np.testing.assert_allclose(model.posterior(data), slow, rtol=1e-9, atol=1e-12)
    assert model.log_likelihood == pytest.approx(likelihood, rel=1e-10)


def test_counts_and_offsets_equal_statsmodels():
    """One group without pseudo-patients is a regression on a constant with an offset."""
    api = pytest.importorskip("statsmodels.api", reason="statsmodels is not installed")
    data, _ = all_kinds(2, n=500, holes=0.0, confounded=True)
    _, location, variance, *_ = run_em(data, np.ones((data.n, 1)), 0.0, 0.01, -1.0, 60)
    constant = np.ones((data.n, 1))
    counts = api.NegativeBinomial(data.x[:, 2], constant, offset=data.shift[:, 2])
    counts = counts.fit(disp=0, method="newton", maxiter=200)
    mean, dispersion = np.exp(counts.params[0]), counts.params[1]
    ours = (variance[0, 2] - location[0, 2]) / location[0, 2] ** 2
    assert abs(np.log(ours / dispersion)) <= np.log(DISPERSIONS[2] / DISPERSIONS[1])  # one step of the grid
    assert location[0, 2] == pytest.approx(mean, rel=3e-3)
    theirs = counts.model.loglike(np.array([np.log(location[0, 2]), ours]))
    assert theirs == pytest.approx(counts.llf, abs=0.5)
    odds = api.GLM(data.x[:, 1], constant, family=api.families.Binomial(), offset=data.shift[:, 1]).fit()
    rate = location[0, 1]
    assert np.log(rate / (1 - rate)) == pytest.approx(odds.params[0], rel=1e-8)


@pytest.mark.parametrize("confounded", [False, True])
def test_penalised_likelihood_never_falls_with_any_kind(confounded):
    data, _ = all_kinds(3, confounded=confounded)
    *_, trace = run_em(data, start_for(data, 3), 0.3, 0.01, -1.0, 60)
    assert (np.diff(trace) > -1e-7).all()


def test_groups_are_found_from_all_kinds_and_in_spite_of_confounders():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    for confounded in (False, True):
        data, groups = all_kinds(4, n=800, confounded=confounded)
        labels = fit(data, 2, np.random.default_rng(0), 20).labels(data)
        assert metrics.adjusted_rand_score(groups, labels) > 0.6


def test_counts_without_spare_variance_are_poisson():
    rng = np.random.default_rng(5)
    data = Data.of(rng.binomial(10, 0.5, (400, 1)).astype(float), np.array([COUNT]))
    model = fit(data, 1, rng, 1)
    assert model.variance[0, 0] == model.location[0, 0]


def test_strangeness_of_members_is_near_normal_for_counts_and_categories():
    rng = np.random.default_rng(6)
    n, p = 3000, 20
    mean, rates = rng.uniform(3, 30, p), rng.dirichlet(np.ones(3), p)
    counts = rng.negative_binomial(2, 2 / (2 + mean), (n, p))
    levels = np.hstack([np.eye(3)[rng.choice(3, n, p=rate)] for rate in rates])
    kind = np.r_[np.full(p, COUNT), np.full(3 * p, CATEGORY)].astype(np.int8)
    block = np.r_[np.arange(p), p + np.repeat(np.arange(p), 3)]
    location = np.r_[mean, rates.ravel()][None]
    variance = np.r_[mean + mean**2 / 2, (rates * (1 - rates)).ravel()][None]
    model = Mixture(kind, block, np.ones(1), location, variance, 0.0)
    strange = model.strangeness(Data.of(np.hstack([counts, levels]).astype(float), kind, block))[:, 0]
    assert abs(strange.mean()) < 0.1 and abs(strange.std() - 1) < 0.1
    assert kstest(strange, "norm").statistic < 0.05


def test_distances_see_counts_on_the_scale_of_the_others():
    data, _ = all_kinds(7, holes=0.0)
    assert data.points[:, 2].std() == pytest.approx(1)
    apart = data.points[:, 3:][:, None] - data.points[:, 3:][None]
    assert set(np.round((apart**2).sum(axis=-1).ravel(), 12)) == {0.0, 1.0}
