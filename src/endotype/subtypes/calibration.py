"""How far a stated probability can be believed, and the one number that mends it.

Probabilities of a classifier that was fitted to few patients are too sure. Dividing all log odds by one
temperature, chosen on patients the classifier hasn't seen, mends that without changing any call (Guo et al.
2017, *On Calibration of Modern Neural Networks*). Measures: expected calibration error with equal-width bins
(the same source), the Brier score of all classes (Brier 1950), accuracy, macro F1, adjusted Rand index.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from endotype.subtypes.agreement import rand_of_table

N_BINS = 15
"""Bins of the expected calibration error, of equal width on the stated probability of the call."""

THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Limits of the posterior at which coverage and accuracy are told."""

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0
_GOLDEN = (5**0.5 - 1) / 2
_STEPS = 60


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Probabilities (n, k) from log odds (n, k)."""
    scaled = logits / temperature
    exponent = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return exponent / exponent.sum(axis=1, keepdims=True)


def log_loss(posterior: np.ndarray, labels: np.ndarray) -> float:
    """Mean -log probability of the true class."""
    own = posterior[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(own, 1e-300)).mean())


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature of least log loss, by golden section on its logarithm.

    Args:
        logits: log odds of patients that the classifier wasn't fitted to, shape (n, k).
        labels: their classes, int64, shape (n,).
    """
    low, high = np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE)

    def loss(log_temperature: float) -> float:
        return log_loss(softmax(logits, float(np.exp(log_temperature))), labels)

    a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    loss_a, loss_b = loss(a), loss(b)
    for _ in range(_STEPS):
        if loss_a <= loss_b:
            high, b, loss_b = b, a, loss_a
            a = high - _GOLDEN * (high - low)
            loss_a = loss(a)
        else:
            low, a, loss_a = a, b, loss_b
            b = low + _GOLDEN * (high - low)
            loss_b = loss(b)
    return float(np.exp((low + high) / 2))


def expected_calibration_error(posterior: np.ndarray, labels: np.ndarray, bins: int = N_BINS) -> float:
    """Mean over patients of |share right - mean stated probability| of the patient's bin.

    Bins are (0, 1/b], (1/b, 2/b], ... on the highest posterior.
    """
    stated, right = posterior.max(axis=1), posterior.argmax(axis=1) == labels
    bin_of = np.clip(np.ceil(stated * bins).astype(int) - 1, 0, bins - 1)
    gap = np.bincount(bin_of, right.astype(float), bins) - np.bincount(bin_of, stated, bins)
    return float(np.abs(gap).sum() / len(labels))


def brier_score(posterior: np.ndarray, labels: np.ndarray) -> float:
    """Mean over patients of the squared distance of the posterior from the truth, from 0 to 2."""
    truth = np.zeros_like(posterior)
    truth[np.arange(len(labels)), labels] = 1.0
    return float(((posterior - truth) ** 2).sum(axis=1).mean())


def confusion_matrix(labels: np.ndarray, called: np.ndarray, k: int) -> np.ndarray:
    """Patients by true class (rows) and called class (columns), int64, shape (k, k)."""
    counts = np.zeros((k, k), np.int64)
    np.add.at(counts, (labels, called), 1)
    return counts


def f1_scores(confusion: np.ndarray) -> np.ndarray:
    """2 TP / (2 TP + FP + FN) of each class, shape (k,); 0 for a class that never occurs nor is called."""
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    return 2 * np.diag(confusion) / np.maximum(both, 1)


def coverage_curve(posterior: np.ndarray, labels: np.ndarray) -> list[dict[str, float | None]]:
    """Share of patients called at each of :data:`THRESHOLDS`, and the accuracy among them."""
    stated, right = posterior.max(axis=1), posterior.argmax(axis=1) == labels
    rows: list[dict[str, float | None]] = []
    for threshold in THRESHOLDS:
        called = stated >= threshold
        accuracy = float(right[called].mean()) if called.any() else None
        rows.append({"threshold": threshold, "coverage": float(called.mean()), "accuracy": accuracy})
    return rows


def measures(posterior: np.ndarray, labels: np.ndarray, names: list[str]) -> dict[str, Any]:
    """All measures of this module for posteriors (n, k) of patients that weren't fitted to."""
    confusion = confusion_matrix(labels, posterior.argmax(axis=1), len(names))
    f1 = f1_scores(confusion)
    return {
        "n": len(labels),
        "accuracy": float(np.diag(confusion).sum() / len(labels)),
        "macro_f1": float(f1.mean()),
        "adjusted_rand": rand_of_table(confusion),
        "f1": dict(zip(names, f1.tolist(), strict=True)),
        "ece": expected_calibration_error(posterior, labels),
        "ece_bins": N_BINS,
        "brier": brier_score(posterior, labels),
        "log_loss": log_loss(posterior, labels),
        "confusion": confusion.tolist(),
        "coverage": coverage_curve(posterior, labels),
    }
