"""Slow, obvious twins of what a frozen model computes: classifier, calibration, typicality, information."""

from __future__ import annotations

import math

import numpy as np


def softmax(row: list[float]) -> list[float]:
    total = sum(math.exp(v) for v in row)
    return [math.exp(v) / total for v in row]


def penalised_loss(
    columns: np.ndarray, labels: np.ndarray, intercept: np.ndarray, coefficients: np.ndarray, penalty: float
) -> float:
    """-sum log p(y_i) + ||b||² / 2C."""
    loss = 0.0
    for row, label in zip(columns, labels, strict=True):
        logits = [
            a + sum(b * v for b, v in zip(bs, row, strict=True))
            for a, bs in zip(intercept, coefficients, strict=True)
        ]
        loss -= math.log(softmax(logits)[label])
    return loss + sum(float(b) ** 2 for bs in coefficients for b in bs) / (2 * penalty)


def posterior_over_holes(
    row: np.ndarray, rates: np.ndarray, weights: np.ndarray, intercept: np.ndarray, coefficients: np.ndarray
) -> np.ndarray:
    """Posterior of a patient with binary features of which some are NaN: the sum over all their fillings.

    A filling's chance is that under the class-conditional rates, with the classes weighed by what was seen.
    """
    k, holes = len(weights), [j for j, v in enumerate(row) if math.isnan(v)]
    belief = np.array(weights, float)
    for c in range(k):
        for j, v in enumerate(row):
            if not math.isnan(v):
                belief[c] *= rates[c, j] if v == 1 else 1 - rates[c, j]
    belief /= belief.sum()
    result = np.zeros(k)
    for filling in range(2 ** len(holes)):
        values = row.copy()
        for bit, j in enumerate(holes):
            values[j] = filling >> bit & 1
        chance = sum(
            belief[c] * math.prod(rates[c, j] if values[j] == 1 else 1 - rates[c, j] for j in holes)
            for c in range(k)
        )
        logits = [intercept[c] + float(coefficients[c] @ values) for c in range(k)]
        result += chance * np.array(softmax(logits))
    return result


def calibration_error(posterior: np.ndarray, labels: np.ndarray, bins: int) -> float:
    total = 0.0
    for b in range(bins):
        low, high = b / bins, (b + 1) / bins
        members = [i for i, row in enumerate(posterior) if low < max(row) <= high]
        if members:
            right = sum(int(np.argmax(posterior[i])) == labels[i] for i in members) / len(members)
            stated = sum(max(posterior[i]) for i in members) / len(members)
            total += len(members) / len(labels) * abs(right - stated)
    return total


def conformal_p(calibration: list[float], score: float) -> float:
    return (1 + sum(s >= score for s in calibration)) / (len(calibration) + 1)


def mahalanobis(
    row: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    loadings: np.ndarray,
    strength: np.ndarray,
    noise: float,
) -> float:
    """Squared distance over the values that are there, with the covariance written out and inverted."""
    seen = ~np.isnan(row)
    covariance = loadings.T @ np.diag(strength) @ loadings + noise * np.eye(len(row))
    residual = ((row - mean) / np.sqrt(variance))[seen]
    return float(residual @ np.linalg.inv(covariance[np.ix_(seen, seen)]) @ residual)


def rarest(row: np.ndarray, rates: np.ndarray) -> float:
    """The largest -log chance of one binary value that is there."""
    return max(
        (-math.log(q if v == 1 else 1 - q) for v, q in zip(row, rates, strict=True) if not math.isnan(v)),
        default=0.0,
    )


def binary_information(weights: np.ndarray, rates: np.ndarray) -> float:
    """I(X; group) of a binary X, as the sum over its joint distribution."""
    total = 0.0
    for value in (0, 1):
        chance = [w * (q if value else 1 - q) for w, q in zip(weights, rates, strict=True)]
        for w, joint in zip(weights, chance, strict=True):
            total += joint * math.log(joint / (w * sum(chance)))
    return total
