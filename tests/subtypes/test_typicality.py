"""Who is like a group: distances against twins, conformal validity, patients of no group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from endotype.subtypes import typicality, typicality_kernels
from endotype.subtypes.conformal import calibrate, share_above, surprise
from endotype.subtypes.evaluation import Scheme, call
from endotype.subtypes.freeze import freeze_groups, freeze_labels, mixture_of
from endotype.subtypes.information import discrimination, information_fraction
from endotype.subtypes.mixture import Data
from endotype.subtypes.model import Limits
from endotype.subtypes.reference_range import FeatureRange, feature_range, fit_ancestry
from tests.reference import frozen as twin


def correlated(
    rng: np.random.Generator, n: int = 240, p: int = 24, k: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian features that three hidden factors move, and groups apart in their means."""
    labels = rng.integers(0, k, n)
    loadings = rng.normal(0, 1.5, (3, p))
    x = rng.normal(0, 1, (k, p))[labels] + rng.normal(size=(n, 3)) @ loadings + rng.normal(size=(n, p))
    return (x - x.mean(axis=0)) / x.std(axis=0), labels


def test_distance_equals_the_inverted_covariance_with_and_without_holes():
    rng = np.random.default_rng(1)
    x, labels = correlated(rng, p=10)
    data = Data.of(np.where(rng.random(x.shape) < 0.2, np.nan, x), np.zeros(10, bool))
    mixture = mixture_of(data, np.eye(3)[labels])
    with threadpool_limits(1):
        factors = typicality.fit_factors(mixture, data, labels)
    distance = typicality_kernels.factor_distance(
        data.x,
        data.seen,
        mixture.location,
        factors.variance,
        factors.loadings,
        factors.strength,
        factors.noise,
    )
    assert len(factors.strength) == 2
    for i in range(20):
        row = np.where(data.seen[i], data.x[i], np.nan)
        for c in range(3):
            expected = twin.mahalanobis(
                row,
                mixture.location[c],
                factors.variance,
                factors.loadings,
                factors.strength,
                factors.noise,
            )
            assert distance[i, c] == pytest.approx(expected, rel=1e-9)


def test_factors_are_those_of_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition", reason="scikit-learn is not installed")
    x, labels = correlated(np.random.default_rng(2), n=300, p=20)
    data = Data.of(x, np.zeros(20, bool))
    mixture = mixture_of(data, np.eye(3)[labels])
    with threadpool_limits(1):
        factors = typicality.fit_factors(mixture, data, labels)
    residual = (x - mixture.location[labels]) / np.sqrt(factors.variance)
    d = len(factors.strength)
    # scikit-learn takes the mean off, which here is nearly nought, and divides by n - 1.
    peer = decomposition.PCA(d).fit(residual)
    overlap = np.linalg.svd(factors.loadings @ peer.components_.T)[1]
    assert overlap.min() > 0.999
    np.testing.assert_allclose(factors.noise, peer.noise_variance_, rtol=0.02)
    np.testing.assert_allclose(factors.strength + factors.noise, peer.explained_variance_, rtol=0.02)


def test_more_features_than_patients_have_factors_too():
    x, labels = correlated(np.random.default_rng(3), n=60, p=200)
    data = Data.of(x, np.zeros(200, bool))
    mixture = mixture_of(data, np.eye(3)[labels])
    with threadpool_limits(1):
        factors = typicality.fit_factors(mixture, data, labels)
    np.testing.assert_allclose(factors.loadings @ factors.loadings.T, np.eye(4), atol=1e-8)
    score = typicality.scores(mixture, factors, data, np.full((60, 3), 1 / 3))["shape"]
    assert np.isfinite(score).all()


def test_the_rarest_finding_equals_the_twin():
    rng = np.random.default_rng(4)
    rates = rng.uniform(0.01, 0.5, (2, 7))
    x = (rng.random((30, 7)) < 0.3).astype(float)
    seen = rng.random((30, 7)) < 0.8
    found = typicality_kernels.rarest(x, seen, np.zeros((30, 7)), np.zeros(7, bool), rates)
    for i in range(30):
        row = np.where(seen[i], x[i], np.nan)
        assert found[i] == pytest.approx([twin.rarest(row, q) for q in rates], rel=1e-12)


def test_shares_equal_the_twin_and_the_tail_goes_on():
    rng = np.random.default_rng(5)
    reference = np.sort(np.round(rng.normal(size=80), 1))
    scores = np.round(rng.normal(size=50), 1)
    expected = [twin.conformal_p(reference.tolist(), s) for s in scores]
    np.testing.assert_allclose(share_above(reference, scores), expected, rtol=1e-12)
    inside = scores <= reference[-1]
    np.testing.assert_allclose(surprise(reference, scores)[inside], -np.log(expected)[inside], rtol=1e-12)
    far = surprise(reference, reference[-1] + np.array([1.0, 2.0, 3.0]))
    assert far[2] - far[1] == pytest.approx(far[1] - far[0]) and far[1] > far[0] > np.log(81)


def test_typicality_of_members_is_at_most_alpha_as_often_as_promised():
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 2, 1000)
    own = {
        "shape": rng.normal(size=1000) + labels,
        "pattern": rng.normal(size=1000),
        "posterior": rng.exponential(size=1000),
    }
    conformal = calibrate(own, labels, 2, 0.05)
    fresh = rng.integers(0, 2, 4000)
    scores = {
        "shape": rng.normal(size=4000) + fresh,
        "pattern": rng.normal(size=4000),
        "posterior": rng.exponential(size=4000),
    }
    tau = conformal.typicality({name: np.column_stack([v, v]) for name, v in scores.items()})
    for c in range(2):
        assert (tau[fresh == c, c] <= 0.05).mean() == pytest.approx(0.05, abs=0.025)


def test_a_small_group_borrows_the_calibration_of_all():
    rng = np.random.default_rng(7)
    labels = np.repeat([0, 1], [100, 8])
    conformal = calibrate({"posterior": rng.exponential(size=108)}, labels, 2, 0.05)
    assert [len(g) for g in conformal.groups] == [100, 108]


def test_a_broken_correlation_is_atypical_where_single_features_are_not():
    rng = np.random.default_rng(8)
    x, labels = correlated(rng, n=400, p=24)
    data = Data.of(x, np.zeros(24, bool))
    with threadpool_limits(1):
        frozen = freeze_groups(mixture_of(data, np.eye(3)[labels]), data, 0.01, 1)
    # Every feature from another patient of the same group: each is ordinary, together they are not.
    strange = np.column_stack([rng.permutation(x[labels == 0, j])[:60] for j in range(24)])
    patients = Data.of(strange, np.zeros(24, bool))
    posterior = frozen.mixture.posterior(patients)
    scores = typicality.scores(frozen.mixture, frozen.factors, patients, posterior)
    assert (frozen.conformal.typicality(scores)[:, 0] <= 0.05).mean() > 0.9
    alone = frozen.mixture.strangeness(patients)[:, 0]
    members = np.quantile(frozen.mixture.strangeness(data)[labels == 0, 0], 0.95)
    assert (alone > members).mean() < 0.5


def test_a_class_never_shown_is_not_called():
    rng = np.random.default_rng(9)
    labels = rng.integers(0, 4, 400)
    rates = np.full((4, 12), 0.03)
    for c in range(4):
        rates[c, 3 * c : 3 * c + 3] = 0.9
    x = (rng.random((400, 12)) < rates[labels]).astype(float)
    data, kinds = Data.of(x, np.ones(12, bool)), np.ones(12, bool)
    shown = labels < 3
    with threadpool_limits(1):
        frozen = freeze_labels(data.rows(shown), labels[shown], 3, 0.03, 1)
    model = Scheme(("a", "b", "c"), (), Limits(0.8, 0.03)).model(frozen, int(shown.sum()))
    _, reason = call(model, Data.of(x[~shown], kinds))
    assert (reason != "").mean() >= 0.9
    fresh = rng.integers(0, 3, 400)
    known = Data.of((rng.random((400, 12)) < rates[fresh]).astype(float), kinds)
    assert (call(model, known)[1] != "").mean() <= 0.1


def test_information_of_binary_features_equals_the_joint_distribution():
    rng = np.random.default_rng(10)
    labels = rng.integers(0, 3, 200)
    x = (rng.random((200, 5)) < rng.uniform(0.05, 0.9, (3, 5))[labels]).astype(float)
    mixture = mixture_of(Data.of(x, np.ones(5, bool)), np.eye(3)[labels])
    found = discrimination(mixture)
    for j in range(5):
        assert found[j] == pytest.approx(
            twin.binary_information(mixture.weights, mixture.location[:, j]), rel=1e-9
        )
    values = np.where(np.arange(5) == found.argmax(), np.nan, x)
    fraction = information_fraction(mixture, Data.of(values, np.ones(5, bool)))
    np.testing.assert_allclose(fraction, 1 - found.max() / found.sum())
    assert information_fraction(mixture, Data.of(np.full((1, 5), np.nan), np.ones(5, bool)))[0] == 0


def test_ancestry_inside_outside_and_unknown():
    rng = np.random.default_rng(11)
    pcs = pd.DataFrame(rng.normal(np.repeat([[0, 0], [10, 0]], 150, axis=0), 1), columns=["pc1", "pc2"])
    span = fit_ancestry(pcs, ["pc1", "pc2"], 1)
    assert (span.status(pcs) == "inside").mean() >= 0.985
    new = pd.DataFrame({"pc1": [0.0, 5.0, 10.0, 0.0], "pc2": [0.0, 0.0, 1.0, np.nan]})
    assert span.status(new).tolist() == ["inside", "outside", "inside", "not_assessed"]
    assert span.status(new[["pc1"]]).tolist() == ["not_assessed"] * 4
    assert fit_ancestry(pcs.iloc[:10], ["pc1", "pc2"], 1) is None


def test_values_in_other_units_are_not_usable():
    grams = feature_range("hb", "g/L", np.array([60.0, 90, 120, 170, np.nan]), False)
    assert grams.unusable(np.array([9.2, 100.0, np.nan, 260.0, 1700.0])).tolist() == [
        True,
        False,
        False,
        False,
        True,
    ]
    assert "g/L" in grams.message(9.2)
    assert FeatureRange("x", None, 0, 1, True).unusable(np.array([0.0, 1.0, 2.0, np.nan])).tolist() == [
        False,
        False,
        True,
        False,
    ]
