"""Inner loops of the classifier: arrays in, arrays out, one thread.

Every patient is computed alone and in the order of the columns, so that one patient gives the same bits
alone as among others.
"""

from __future__ import annotations

import math

import numba
import numpy as np


@numba.njit(cache=True)
def logits(columns: np.ndarray, intercept: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """intercept_k + sum_j coefficient_kj x_ij; columns (n, q), coefficients (k, q), result (n, k)."""
    n, q = columns.shape
    k = intercept.shape[0]
    out = np.empty((n, k))
    for i in range(n):
        for c in range(k):
            total = intercept[c]
            for j in range(q):
                total += coefficients[c, j] * columns[i, j]
            out[i, c] = total
    return out


@numba.njit(cache=True)
def mean_softmax(logit: np.ndarray, temperature: float, draws: int) -> np.ndarray:
    """Softmax of each row over the temperature, averaged over every ``draws`` rows in turn.

    ``logit`` (n draws, k); result (n, k).
    """
    rows, k = logit.shape
    n = rows // draws
    out = np.zeros((n, k))
    one = np.empty(k)
    for i in range(n):
        for d in range(draws):
            row = i * draws + d
            top = logit[row, 0]
            for c in range(1, k):
                top = max(top, logit[row, c])
            total = 0.0
            for c in range(k):
                one[c] = math.exp((logit[row, c] - top) / temperature)
                total += one[c]
            for c in range(k):
                out[i, c] += one[c] / total
        for c in range(k):
            out[i, c] /= draws
    return out
