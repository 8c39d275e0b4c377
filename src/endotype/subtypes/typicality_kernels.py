"""Inner loops of typicality: arrays in, arrays out, one thread.

Every patient is computed alone and in the order of the columns, so that one patient gives the same bits
alone as among others.
"""

from __future__ import annotations

import math

import numba
import numpy as np


@numba.njit(cache=True)
def factor_distance(
    x: np.ndarray,
    seen: np.ndarray,
    location: np.ndarray,
    variance: np.ndarray,
    loadings: np.ndarray,
    strength: np.ndarray,
    noise: float,
) -> np.ndarray:
    """Squared Mahalanobis distance from each group over the columns seen, shape (n, k).

    Residuals r = (x - location) / sd, with one ``variance`` (p,) for all groups, have covariance
    L' diag(strength) L + noise I with L of shape (d, p) in every group. By Woodbury's identity the distance
    is (r'r - b' M^-1 b) / noise with b = L r and M = noise diag(1 / strength) + L L', all over the columns
    seen; M is solved by Cholesky's method.
    """
    n, p = x.shape
    k, d = location.shape[0], loadings.shape[0]
    out = np.zeros((n, k))
    M = np.empty((d, d))
    b = np.empty(d)
    for i in range(n):
        for s in range(d):
            for t in range(s + 1):
                total = 0.0
                for j in range(p):
                    if seen[i, j]:
                        total += loadings[s, j] * loadings[t, j]
                M[s, t] = total
            M[s, s] += noise / strength[s]
        for s in range(d):
            for t in range(s + 1):
                total = M[s, t]
                for u in range(t):
                    total -= M[s, u] * M[t, u]
                M[s, t] = math.sqrt(total) if s == t else total / M[t, t]
        for c in range(k):
            square = 0.0
            b[:] = 0.0
            for j in range(p):
                if seen[i, j]:
                    r = (x[i, j] - location[c, j]) / math.sqrt(variance[j])
                    square += r * r
                    for s in range(d):
                        b[s] += loadings[s, j] * r
            for s in range(d):
                total = b[s]
                for u in range(s):
                    total -= M[s, u] * b[u]
                b[s] = total / M[s, s]
                square -= b[s] * b[s]
            out[i, c] = max(square, 0.0) / noise
    return out


@numba.njit(cache=True)
def rarest(
    x: np.ndarray, seen: np.ndarray, shift: np.ndarray, category: np.ndarray, location: np.ndarray
) -> np.ndarray:
    """Largest -log probability of one binary or category value in each group, shape (n, k); 0 if none is
    seen."""
    n, p = x.shape
    k = location.shape[0]
    out = np.zeros((n, k))
    for i in range(n):
        for j in range(p):
            if not seen[i, j] or (category[j] and x[i, j] != 1.0):
                continue
            for c in range(k):
                m = location[c, j]
                if category[j]:
                    surprise = -math.log(m)
                else:
                    odds = math.log(m) - math.log1p(-m) + shift[i, j]
                    # -log of the chance of the value: log(1 + exp(-odds)) for 1, log(1 + exp(odds)) for 0.
                    side = -odds if x[i, j] == 1.0 else odds
                    surprise = max(side, 0.0) + math.log1p(math.exp(-abs(side)))
                if surprise > out[i, c]:
                    out[i, c] = surprise
    return out
