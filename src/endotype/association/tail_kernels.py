"""Numba kernels of tail probabilities as -log10 p that do not underflow, without the start-up time of
SciPy."""

from __future__ import annotations

import math

import numba
import numpy as np

_LN10 = math.log(10.0)
_SERIES = 6.0  # below this t^2 the series is short, and p so large that its complement keeps the digits
_ERFC = 30.0  # below this |z| erfc does not underflow


@numba.njit(cache=True)
def neg_log10_p_t(t: np.ndarray, df: np.ndarray) -> np.ndarray:
    """-log10 of the two-sided p-value of Student's t; NaN where t is NaN or the degrees of freedom are not
    positive.

    With ``x = df / (df + t^2)`` ``p = I_x(df/2, 1/2)``, the regularised incomplete beta function (DLMF
    26.2, 8.17): for small t one minus the power series of its complement (DLMF 8.17.8), else its continued
    fraction (8.17.22), whose logarithm is taken.

    Args:
        t: float64 (n,).
        df: float64 (n,), degrees of freedom.
    """
    result = np.empty(t.shape[0])
    last, log_beta = np.nan, np.nan
    for i in range(t.shape[0]):
        if not df[i] > 0 or np.isnan(t[i]):
            result[i] = np.nan
            continue
        if np.isinf(t[i]):
            result[i] = np.inf
            continue
        a = df[i] / 2
        if df[i] != last:  # the same for most variants
            last = df[i]
            log_beta = _log_beta_half(a)
        square = t[i] * t[i] / df[i]
        if square == 0.0:
            result[i] = 0.0
            continue
        # log of x^a (1 - x)^(1/2) / B(a, 1/2)
        log_front = -a * math.log1p(square) - 0.5 * math.log1p(1.0 / square) - log_beta
        if t[i] * t[i] < _SERIES and square < 1.0:
            log_p = math.log1p(-2.0 * math.exp(log_front) * _series(a, square / (1.0 + square)))
        else:
            log_p = log_front - math.log(a) + math.log(_fraction(a, 1.0 / (1.0 + square)))
        result[i] = max(0.0, -log_p / _LN10)
    return result


@numba.njit(cache=True)
def neg_log10_p_normal(z: np.ndarray) -> np.ndarray:
    """-log10 of the two-sided normal p-value of each z, float64 (n,); NaN stays NaN.

    Beyond 30 the logarithm of the continued fraction of Mills' ratio (Laplace; DLMF 7.9.3).
    """
    result = np.empty(z.shape[0])
    for i in range(z.shape[0]):
        size = abs(z[i])
        if size < _ERFC:
            result[i] = max(0.0, -math.log(math.erfc(size * math.sqrt(0.5))) / _LN10)
        elif np.isinf(size):
            result[i] = np.inf
        else:
            fraction = size
            for term in range(40, 0, -1):
                fraction = size + term / fraction
            log_p = math.log(2.0) - 0.5 * size * size - 0.5 * math.log(2 * math.pi) - math.log(fraction)
            result[i] = -log_p / _LN10
    return result


@numba.njit(cache=True)
def _log_beta_half(a: float) -> float:
    """``log B(a, 1/2)``; for large ``a``, where two log gammas would cancel, by Stirling's series (DLMF
    5.11.1)."""
    if a < 20.0:
        return math.lgamma(a) + math.lgamma(0.5) - math.lgamma(a + 0.5)
    b = a + 0.5
    # (a - 1/2) log a - a - (b - 1/2) log b + b, without the cancellation
    main = 0.5 - a * math.log1p(0.5 / a) - 0.5 * math.log(a)
    return 0.5 * math.log(math.pi) + main + _stirling(a) - _stirling(b)


@numba.njit(cache=True)
def _stirling(a: float) -> float:
    inverse = 1.0 / (a * a)
    return (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / a


@numba.njit(cache=True)
def _series(a: float, y: float) -> float:
    """``sum_n (a + 1/2)_n / (3/2)_n y^n``: twice its front factor is the complement of ``I``."""
    term = total = 1.0
    n = 0
    while term > 1e-17 * total:
        term *= (a + 0.5 + n) / (1.5 + n) * y
        total += term
        n += 1
    return total


@numba.njit(cache=True)
def _fraction(a: float, x: float) -> float:
    """The continued fraction of ``I_x(a, 1/2)`` by Lentz's method."""
    b = 0.5
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / (1 + even * d)
        c = 1 + even / c
        fraction *= c * d
        d = 1 / (1 + odd * d)
        c = 1 + odd / c
        fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return fraction
