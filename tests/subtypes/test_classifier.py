"""The classifier of given labels against scikit-learn, and its answers to patients with holes."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from endotype.subtypes.classifier import Classifier, design_columns, fit_classifier
from endotype.subtypes.completion import completed, uniforms
from endotype.subtypes.folds import stratified_folds
from endotype.subtypes.freeze import mixture_of
from endotype.subtypes.mixture import Data
from tests.reference import frozen as twin


def findings(rng: np.random.Generator, n: int = 300, p: int = 6, k: int = 3) -> tuple[Data, np.ndarray]:
    labels = rng.integers(0, k, n)
    rates = rng.uniform(0.05, 0.6, (k, p))
    x = (rng.random((n, p)) < rates[labels]).astype(float)
    return Data.of(x, np.ones(p, bool)), labels


def fitted(data: Data, labels: np.ndarray, penalty: float = 2.0) -> tuple[Classifier, object]:
    mixture = mixture_of(data, np.eye(labels.max() + 1)[labels])
    with threadpool_limits(1):
        return fit_classifier(data, labels, mixture, penalty), mixture


def test_coefficients_equal_scikit_learn():
    linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    data, labels = findings(np.random.default_rng(3))
    model, _ = fitted(data, labels)
    columns = design_columns(data.x, data.kind, True)
    peer = linear.LogisticRegression(C=2.0, tol=1e-10, max_iter=5000).fit(columns, labels)
    np.testing.assert_allclose(model.coefficients, peer.coef_, atol=2e-4)
    centred = model.intercept - model.intercept.mean()
    np.testing.assert_allclose(centred, peer.intercept_ - peer.intercept_.mean(), atol=2e-4)


def test_the_fit_is_a_minimum_of_the_written_out_loss():
    data, labels = findings(np.random.default_rng(4), n=80)
    model, _ = fitted(data, labels)
    columns = design_columns(data.x, data.kind, True)
    best = twin.penalised_loss(columns, labels, model.intercept, model.coefficients, 2.0)
    rng = np.random.default_rng(0)
    for _ in range(10):
        a = model.intercept + rng.normal(0, 0.05, model.intercept.shape)
        b = model.coefficients + rng.normal(0, 0.05, model.coefficients.shape)
        assert twin.penalised_loss(columns, labels, a, b, 2.0) > best


def test_holes_are_averaged_over_as_the_sum_over_all_fillings():
    data, labels = findings(np.random.default_rng(5))
    model, mixture = fitted(data, labels)
    row = data.x[0].copy()
    row[[1, 3, 4]] = np.nan
    holey = Data.of(row[None], data.kind)
    coefficients = model.coefficients[:, :-1] + model.coefficients[:, -1:] / 4
    exact = twin.posterior_over_holes(row, mixture.location, mixture.weights, model.intercept, coefficients)
    np.testing.assert_allclose(model.posterior(holey, mixture)[0], exact, atol=0.02)


def test_nothing_seen_gives_the_shares_of_the_classes_and_not_a_sure_call():
    data, labels = findings(np.random.default_rng(6), n=600)
    model, mixture = fitted(data, labels)
    nothing = Data.of(np.full((1, data.x.shape[1]), np.nan), data.kind)
    shares = np.bincount(labels) / len(labels)
    np.testing.assert_allclose(model.posterior(nothing, mixture)[0], shares, atol=0.08)


def test_one_patient_alone_gets_the_bits_of_the_batch():
    data, labels = findings(np.random.default_rng(7), n=60)
    model, mixture = fitted(data, labels)
    values = np.where(np.random.default_rng(1).random(data.x.shape) < 0.2, np.nan, data.x)
    holey = Data.of(values, data.kind)
    together = model.posterior(holey, mixture)
    for i in (0, 17, 59):
        assert (model.posterior(holey.rows(np.array([i])), mixture)[0] == together[i]).all()


def test_seen_values_stay_and_drawn_ones_follow_the_class():
    data, labels = findings(np.random.default_rng(8), n=400)
    mixture = mixture_of(data, np.eye(3)[labels])
    values = data.x.copy()
    values[:, 2] = np.nan
    drawn, groups = completed(mixture, Data.of(values, data.kind), np.eye(3)[labels], 64)
    kept = np.delete(np.arange(6), 2)
    assert (drawn[:, kept] == np.repeat(data.x[:, kept], 64, axis=0)).all()
    assert (groups == np.repeat(labels, 64)).all()
    for c in range(3):
        assert drawn[groups == c, 2].mean() == pytest.approx(mixture.location[c, 2], abs=0.03)


def test_uniforms_are_even_in_every_column():
    points = uniforms(64, 300)
    assert ((points > 0) & (points < 1)).all()
    assert np.abs(points.mean(axis=0) - 0.5).max() < 0.12


def test_folds_hold_every_class_evenly():
    labels = np.repeat([0, 1, 2], [50, 13, 5])
    folds = stratified_folds(labels, 5, np.random.default_rng(1))
    sizes = np.bincount(folds, minlength=5)
    assert sizes.max() - sizes.min() <= 1
    for c in range(3):
        spread = np.bincount(folds[labels == c], minlength=5)
        assert spread.max() - spread.min() <= 1
