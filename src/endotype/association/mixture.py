"""The upper tail of a weighted sum of chi-squares, which is the null distribution of SKAT's statistic.

Five methods. ``inversion`` (the default) is exact: its relative error is far below what is reported, whatever
the size of p. ``davies`` is exact to an absolute accuracy. ``saddlepoint``, ``liu_mod`` and ``liu`` are
approximations. A method that fails hands over to the next one of :data:`FALLBACK`, and the result says which
one answered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from endotype.association import mixture_kernels as kernels

METHODS = ("inversion", "davies", "saddlepoint", "liu_mod", "liu")

FALLBACK = ("inversion", "saddlepoint", "liu_mod")
"""Who answers, in this order, when the method that was asked for can't."""

DAVIES_ACCURACY = 1e-10
"""Absolute; a p-value below :data:`DAVIES_DIGITS` of these is not believed."""
DAVIES_DIGITS = 1e4
DAVIES_MAX_TERMS = 200_000

INVERSION_TOLERANCE = 1e-7
"""Relative difference of the last two sums. Halving the step squares the error, so the last one is good to
about the square of this."""

NEGLIGIBLE = 1e-5
"""Eigenvalues below this share of the mean positive one are rounding or without effect, as in R's SKAT."""

_LN10 = math.log(10.0)


@dataclass(frozen=True)
class Tail:
    """An upper tail probability.

    ``method`` is one of :data:`METHODS`; ``fell_back`` says that it is not the one that was asked for.
    """

    neg_log10_p: float
    method: str
    fell_back: bool = False

    @property
    def p(self) -> float:
        """The probability itself, which may underflow to 0."""
        return float(10.0**-self.neg_log10_p)


def mixture_tail(eigenvalues: np.ndarray, q: float, method: str = "inversion") -> Tail:
    """``P(sum of lambda_j X_j > q)`` for independent chi-squares X_j of one degree of freedom.

    Args:
        eigenvalues: float64 (m,), the lambda, all positive, m >= 1; see :func:`positive_eigenvalues`.
        q: the statistic.
        method: one of :data:`METHODS`.

    Raises:
        ValueError: no eigenvalue, or one that is not positive and finite; q is not finite; no such method.

    References:
        ``inversion``: Rice, SIAM J Sci Stat Comput 1:438 (1980); Helstrom, IEEE Trans Aerosp Electron Syst
        32:689 (1996). ``davies``: Davies, Appl Stat 29:323 (1980). ``saddlepoint``: Kuonen, Biometrika 86:929
        (1999). ``liu``: Liu, Tang and Zhang, Comput Stat Data Anal 53:853 (2009); ``liu_mod`` matches the
        kurtosis in place of the skewness (Lee, Wu and Lin, Biostatistics 13:762, 2012).
    """
    if method not in METHODS:
        raise ValueError(f"no method '{method}'; there are {', '.join(METHODS)}")
    weights = np.ascontiguousarray(eigenvalues, float)
    if len(weights) == 0 or not np.all(np.isfinite(weights)) or weights.min() <= 0:
        raise ValueError("eigenvalues must be positive and finite, and there must be one")
    if not math.isfinite(q):
        raise ValueError("the statistic must be finite")
    if q <= 0:
        return Tail(0.0, method)
    for candidate in (method, *(m for m in FALLBACK if m != method)):
        found = _COMPUTE[candidate](weights, float(q))
        if found is not None:
            return Tail(max(0.0, found), candidate, candidate != method)
    raise AssertionError("the last method of the fallback answers always")


def positive_eigenvalues(matrix: np.ndarray) -> np.ndarray:
    """Eigenvalues of a symmetric (m, m) matrix, descending, without those that are zero or negligible."""
    values = np.linalg.eigvalsh(matrix)[::-1]
    positive = values[values > 0]
    return positive[positive > NEGLIGIBLE * positive.mean()] if len(positive) else positive


def neg_log10_p_chi2(x: float, df: float) -> float:
    """-log10 of ``P(chi-square > x)``, without underflow."""
    p = float(special.gammaincc(0.5 * df, 0.5 * x))
    if p > 1e-290:
        return -math.log10(p)
    a, z = 0.5 * df, 0.5 * x
    return -(a * math.log(z) - z - math.lgamma(a) + math.log(_upper_fraction(a, z))) / _LN10


def liu_moments(eigenvalues: np.ndarray) -> tuple[float, float, float]:
    """Mean, standard deviation, and degrees of freedom of the chi-square that ``liu_mod`` matches."""
    squares = eigenvalues * eigenvalues
    c2, c4 = float(squares.sum()), float(squares @ squares)
    return float(eigenvalues.sum()), math.sqrt(2 * c2), c2 * c2 / c4


def _inversion(weights: np.ndarray, q: float) -> float | None:
    log_tail, upper, _, code = kernels.invert(weights, q, INVERSION_TOLERANCE)
    if code != kernels.CONVERGED or not math.isfinite(log_tail):
        return None
    return -log_tail / _LN10 if upper else -math.log1p(-min(math.exp(log_tail), 1 - 1e-16)) / _LN10


def _davies(weights: np.ndarray, q: float) -> float | None:
    p, _, code = kernels.davies(weights, q, DAVIES_ACCURACY, DAVIES_MAX_TERMS)
    if code != kernels.CONVERGED or not DAVIES_DIGITS * DAVIES_ACCURACY < p <= 1:
        return None
    return -math.log10(p)


def _saddlepoint(weights: np.ndarray, q: float) -> float | None:
    """Lugannani and Rice's formula, in logarithms where the tail is small; None next to the mean."""
    s = kernels.saddle(weights, q)
    value, second, _ = kernels.cumulants(weights, s)
    w = math.copysign(math.sqrt(max(0.0, 2 * (s * q - value))), s)
    v = s * math.sqrt(second)
    if abs(w) < 1e-4 or v == 0:
        return None
    r = w + math.log(v / w) / w
    return float(-special.log_ndtr(-r) / _LN10)


def _liu_mod(weights: np.ndarray, q: float) -> float:
    mean, sd, df = liu_moments(weights)
    return neg_log10_p_chi2(max((q - mean) / sd * math.sqrt(2 * df) + df, 0.0), df)


def _liu(weights: np.ndarray, q: float) -> float:
    # For a central mixture s1^2 <= s2 (Cauchy and Schwarz), so the matched chi-square is central too.
    c2, c3 = float(np.sum(weights**2)), float(np.sum(weights**3))
    df = c2**3 / c3**2
    z = (q - float(np.sum(weights))) / math.sqrt(2 * c2)
    return neg_log10_p_chi2(max(z * math.sqrt(2 * df) + df, 0.0), df)


def _upper_fraction(a: float, x: float) -> float:
    """``Gamma(a, x) e^x x^-a`` by its continued fraction (DLMF 8.9.2), Lentz's method; x far above a."""
    b = x + 1 - a
    c, d = math.inf, 1 / b
    value = d
    for k in range(1, 1000):
        top = -k * (k - a)
        b += 2
        d = 1 / (top * d + b)
        c = b + top / c
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value


_COMPUTE = {
    "inversion": _inversion,
    "davies": _davies,
    "saddlepoint": _saddlepoint,
    "liu_mod": _liu_mod,
    "liu": _liu,
}
