"""Measures of stated probabilities against twins, scikit-learn and known truth."""

from __future__ import annotations

import numpy as np
import pytest

from endotype.subtypes import calibration
from tests.reference import frozen as twin


def stated(
    rng: np.random.Generator, n: int = 500, k: int = 4, sharpen: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Log odds, and labels drawn from the probabilities they mean before being multiplied by ``sharpen``."""
    logits = rng.normal(0, 2, (n, k))
    cumulative = calibration.softmax(logits).cumsum(axis=1)
    return logits * sharpen, (cumulative < rng.random((n, 1))).sum(axis=1)


def test_calibration_error_equals_the_twin():
    logits, labels = stated(np.random.default_rng(1))
    posterior = calibration.softmax(logits)
    for bins in (5, 15):
        expected = twin.calibration_error(posterior, labels, bins)
        assert calibration.expected_calibration_error(posterior, labels, bins) == pytest.approx(
            expected, abs=1e-12
        )


def test_measures_equal_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    logits, labels = stated(np.random.default_rng(2))
    posterior = calibration.softmax(logits)
    result = calibration.measures(posterior, labels, list("abcd"))
    called = posterior.argmax(axis=1)
    assert result["accuracy"] == pytest.approx(metrics.accuracy_score(labels, called), abs=1e-12)
    assert result["macro_f1"] == pytest.approx(metrics.f1_score(labels, called, average="macro"), abs=1e-12)
    rand = metrics.adjusted_rand_score(labels, called)
    assert result["adjusted_rand"] == pytest.approx(rand, abs=1e-12)
    assert result["log_loss"] == pytest.approx(metrics.log_loss(labels, posterior), abs=1e-12)
    assert result["confusion"] == metrics.confusion_matrix(labels, called).tolist()
    expected = ((posterior - np.eye(4)[labels]) ** 2).sum(axis=1).mean()
    assert result["brier"] == pytest.approx(expected, abs=1e-12)


def test_temperature_undoes_what_made_the_odds_too_sure():
    logits, labels = stated(np.random.default_rng(3), n=4000, sharpen=3.0)
    temperature = calibration.fit_temperature(logits, labels)
    assert temperature == pytest.approx(3.0, rel=0.1)
    grid = np.exp(np.linspace(-1, 2, 601))
    losses = [calibration.log_loss(calibration.softmax(logits, t), labels) for t in grid]
    assert temperature == pytest.approx(grid[int(np.argmin(losses))], rel=0.01)
    before, after = (
        calibration.expected_calibration_error(calibration.softmax(logits, t), labels)
        for t in (1.0, temperature)
    )
    assert after < 0.03 < before


def test_coverage_falls_as_the_limit_rises():
    logits, labels = stated(np.random.default_rng(4))
    rows = calibration.coverage_curve(calibration.softmax(logits), labels)
    coverage = [row["coverage"] for row in rows]
    assert coverage[0] == 1.0 and coverage == sorted(coverage, reverse=True)
    assert rows[-1]["accuracy"] is None or rows[-1]["accuracy"] > rows[0]["accuracy"]
