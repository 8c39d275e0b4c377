"""Principal components with missing values, patient by patient and feature by feature (Ilin & Raiko 2010)."""

from __future__ import annotations

import numpy as np


def expected(
    row: np.ndarray, mean: np.ndarray, weights: np.ndarray, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of a patient's z given the values that were seen."""
    seen = np.isfinite(row)
    W = weights[seen]
    inverse = np.linalg.inv(W.T @ W + noise * np.eye(weights.shape[1]))
    return inverse @ W.T @ (row[seen] - mean[seen]), noise * inverse


def em_step(
    values: np.ndarray, mean: np.ndarray, weights: np.ndarray, noise: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """One step: means, then weights, then noise, each with the others as they are."""
    n, p = values.shape
    q = weights.shape[1]
    z = [expected(values[i], mean, weights, noise) for i in range(n)]
    mean = np.array(
        [
            np.mean([values[i, j] - weights[j] @ z[i][0] for i in range(n) if np.isfinite(values[i, j])])
            for j in range(p)
        ]
    )
    new = np.empty((p, q))
    for j in range(p):
        left, right = 1e-9 * np.eye(q), np.zeros(q)
        for i in range(n):
            if np.isfinite(values[i, j]):
                left += z[i][1] + np.outer(z[i][0], z[i][0])
                right += (values[i, j] - mean[j]) * z[i][0]
        new[j] = np.linalg.solve(left, right)
    total, count = 0.0, 0
    for i in range(n):
        for j in range(p):
            if np.isfinite(values[i, j]):
                total += (values[i, j] - mean[j] - new[j] @ z[i][0]) ** 2 + new[j] @ z[i][1] @ new[j]
                count += 1
    return mean, new, total / count


def log_likelihood(values: np.ndarray, mean: np.ndarray, weights: np.ndarray, noise: float) -> float:
    """Of the seen values: each patient's are normal with covariance W W' + noise."""
    total = 0.0
    for row in values:
        seen = np.isfinite(row)
        covariance = weights[seen] @ weights[seen].T + noise * np.eye(seen.sum())
        rest = row[seen] - mean[seen]
        _, logdet = np.linalg.slogdet(covariance)
        total -= 0.5 * (seen.sum() * np.log(2 * np.pi) + logdet + rest @ np.linalg.solve(covariance, rest))
    return total
