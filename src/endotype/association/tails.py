"""Tail probabilities as -log10 p that do not underflow: p = 1e-400 is the number 400, never infinity."""

from __future__ import annotations

import numpy as np
from scipy import special

_LN10 = np.log(10.0)
_UNDERFLOW = 1e-280


def neg_log10_p_normal(z: np.ndarray) -> np.ndarray:
    """-log10 of the two-sided normal p-value of each z; NaN stays NaN."""
    return np.maximum(0.0, -(np.log(2.0) + special.log_ndtr(-np.abs(z))) / _LN10)


def neg_log10_p_t(t: np.ndarray, df: np.ndarray) -> np.ndarray:
    """-log10 of the two-sided p-value of Student's t with ``df`` degrees of freedom; NaN stays NaN.

    ``p = I_x(df/2, 1/2)`` with ``x = df / (df + t^2)``, the regularised incomplete beta function; where it
    would underflow its logarithm comes from the continued fraction (DLMF 8.17.22).
    """
    t, df = np.broadcast_arrays(np.asarray(t, float), np.asarray(df, float))
    p = np.full(t.shape, np.nan)
    small = t * t < df  # here p is near 1 and its complement keeps the digits
    large = t * t >= df
    p[small] = special.betaincc(0.5, df[small] / 2, t[small] ** 2 / (df[small] + t[small] ** 2))
    p[large] = special.betainc(df[large] / 2, 0.5, df[large] / (df[large] + t[large] ** 2))
    with np.errstate(divide="ignore"):
        result = -np.log(p) / _LN10
    for i in np.argwhere(p < _UNDERFLOW):
        result[tuple(i)] = -_log_p_t(float(t[tuple(i)]), float(df[tuple(i)])) / _LN10
    return np.maximum(result, 0.0)


def _log_p_t(t: float, df: float) -> float:
    a, b = df / 2, 0.5
    ratio = t * t / df
    log_front = -a * np.log1p(ratio) - b * np.log1p(1 / ratio) - special.betaln(a, b) - np.log(a)
    return float(log_front + np.log(_beta_fraction(a, b, 1 / (1 + ratio))))


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function by Lentz's method; x < (a + 1) / (a + b + 2)."""
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 10_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + term * d)
            c = 1 + term / c
            fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return fraction
