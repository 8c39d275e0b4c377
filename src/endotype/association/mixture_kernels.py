"""Numba kernels of the distribution of ``Q = sum of lambda_j X_j``, X_j independent chi-squares of 1 df.

The lambda are positive. ``K(s) = -1/2 sum log(1 - 2 s lambda_j)`` is the cumulant generating function of Q.
"""

from __future__ import annotations

import math

import numba
import numpy as np

CONVERGED, NOT_CONVERGED, TOO_MANY_TERMS = range(3)
"""Return codes."""

MAX_HALVINGS = 12
MAX_POINTS = 100_000

_NEGLIGIBLE = 1e-18
_RESCALE = 16


@numba.njit(cache=True, nogil=True)
def saddle(eigenvalues: np.ndarray, q: float) -> float:
    """The s with ``K'(s) = q``, by Newton's method inside a bracket; q > 0."""
    largest = eigenvalues.max()
    m = eigenvalues.shape[0]
    total = 0.0
    for value in eigenvalues:
        total += value
    # K'(s) lies between one and m times the term of the largest weight.
    if q >= total:
        low, high = max(0.0, 0.5 / largest - 0.5 * m / q), 0.5 / largest - 0.5 / q
    else:
        low, high = -0.5 * m / q, 0.0
    s = 0.5 * (low + high)
    for _ in range(200):
        first, second = 0.0, 0.0
        for value in eigenvalues:
            ratio = value / (1 - 2 * s * value)
            first += ratio
            second += 2 * ratio * ratio
        if first > q:
            high = s
        else:
            low = s
        if abs(first - q) <= 1e-10 * q:
            break
        step = s - (first - q) / second
        s = step if low < step < high else 0.5 * (low + high)
    return s


@numba.njit(cache=True, nogil=True)
def cumulants(eigenvalues: np.ndarray, s: float) -> tuple[float, float, float]:
    """K, K'' and K''' at a real s."""
    value, second, third = 0.0, 0.0, 0.0
    for weight in eigenvalues:
        left = 1 - 2 * s * weight
        ratio = weight / left
        value -= 0.5 * math.log(left)
        second += 2 * ratio**2
        third += 8 * ratio**3
    return value, second, third


@numba.njit(cache=True, nogil=True)
def invert(eigenvalues: np.ndarray, q: float, tolerance: float) -> tuple[float, bool, float, int]:
    """Tail of Q by integrating its moment generating function along a path of steepest descent.

    ``P(Q > q)`` is the integral of ``exp(K(s) - s q) / (2 pi i s)`` up any path that crosses the real axis
    between 0 and the first singularity; left of 0 the same integral is ``-P(Q < q)``. A parabola through the
    saddle point that bends with the third cumulant keeps the integrand from oscillating, and the trapezoidal
    rule on it gains digits geometrically (Rice 1980; Helstrom 1996). The step is halved until two sums agree.

    Args:
        eigenvalues: float64 (m,), positive.
        q: positive.
        tolerance: relative, of the tail that is computed.

    Returns:
        Natural logarithm of the tail, whether it is the upper one (else the lower), the relative difference
        of the last two sums, and a return code.
    """
    scale = eigenvalues.max()
    weights = eigenvalues / scale
    q = q / scale
    mean, square = 0.0, 0.0
    for value in weights:
        mean += value
        square += value * value
    at = saddle(weights, q)
    upper = q >= mean
    # Near the mean the saddle point is near the pole at 0, from which the path must keep away.
    away = min(0.25, 1 / math.sqrt(2 * square))
    if upper and at < away:
        at = away
    if not upper and at > -away:
        at = -away
    value, second, third = cumulants(weights, at)
    base = value - at * q
    bend = third / (6 * second)
    step = 1 / math.sqrt(second)
    n = 0
    total = 0.5 / at
    found, used = _walk(weights, q, at, bend, base, step, step)
    n += used
    current = step * (total + found)
    total += found
    for _ in range(MAX_HALVINGS):
        found, used = _walk(weights, q, at, bend, base, 0.5 * step, step)
        n += used
        total += found
        step *= 0.5
        previous, current = current, step * total
        error = abs(current / previous - 1)
        if error <= tolerance:
            return base + math.log(abs(current) / math.pi), upper, error, CONVERGED
        if n > MAX_POINTS:
            break
    return base + math.log(abs(current) / math.pi), upper, error, NOT_CONVERGED


@numba.njit(cache=True, nogil=True)
def _walk(
    weights: np.ndarray, q: float, at: float, bend: float, base: float, first: float, step: float
) -> tuple[float, int]:
    """Sum of the integrand over ``s = at + bend y^2 + i y`` for y = first, first + step, ..."""
    total = 0.0
    floor = math.log(_NEGLIGIBLE)
    for n in range(MAX_POINTS):
        y = first + n * step
        x = at + bend * y * y
        # The product of the factors 1 - 2 s lambda; each turns clockwise by less than half a circle.
        re, im = 1.0, 0.0
        log_size, turns = 0.0, 0
        for j in range(weights.shape[0]):
            a, b = 1 - 2 * x * weights[j], -2 * y * weights[j]
            new_re, new_im = re * a - im * b, re * b + im * a
            if im <= 0 and new_im > 0:
                turns += 1
            re, im = new_re, new_im
            if j % _RESCALE == _RESCALE - 1:
                size = math.sqrt(re * re + im * im)
                log_size += math.log(size)
                re, im = re / size, im / size
        log_size += 0.5 * math.log(re * re + im * im)
        angle = math.atan2(im, re)
        if angle > 0:  # the principal value of an angle between -2 pi and -pi of this turn
            angle -= 2 * math.pi
            turns -= 1
        angle -= 2 * math.pi * turns
        log_height = -0.5 * log_size - x * q - base
        if log_height - 0.5 * math.log(x * x + y * y) < floor - math.log(abs(at)):
            return total, n + 1
        turn = -0.5 * angle - y * q
        # exp(i turn) (1 - 2 i bend y) / (x + i y), real part
        c, d = math.cos(turn), math.sin(turn)
        top_re, top_im = c + 2 * bend * y * d, d - 2 * bend * y * c
        total += math.exp(log_height) * (top_re * x + top_im * y) / (x * x + y * y)
    return total, MAX_POINTS


@numba.njit(cache=True, nogil=True)
def davies(eigenvalues: np.ndarray, q: float, accuracy: float, max_terms: int) -> tuple[float, float, int]:
    """``P(Q > q)`` by Davies' method: the inversion formula as a trapezoidal sum on the imaginary axis.

    The step is such that the probability outside one period of the aliased distribution, bounded by
    Chernoff, is below half of ``accuracy``; the sum ends where the bound on what is left of the integral is
    below the other half (Davies 1973, 1980). The convergence factor of the 1980 paper, which shortens the
    sum when few weights matter, is not used: such mixtures get TOO_MANY_TERMS.

    Args:
        eigenvalues: float64 (m,), positive.
        q: positive.
        accuracy: absolute.
        max_terms: of the sum.

    Returns:
        The probability, the number of terms, and a return code.
    """
    weights = -np.sort(-eigenvalues / eigenvalues.max())
    q = q / eigenvalues.max()
    far = q + 2.0 * weights.sum()
    while _log_chernoff(weights, far) > math.log(0.5 * accuracy):
        far *= 1.1
    step = 2 * math.pi / max(far - q, q)
    low, high = 0.0, 1.0
    while _truncation(weights, high) > 0.5 * accuracy and high < step * max_terms:
        low, high = high, 2 * high
    if _truncation(weights, high) > 0.5 * accuracy or high > step * max_terms:
        return math.nan, high / step, TOO_MANY_TERMS
    for _ in range(20):
        middle = 0.5 * (low + high)
        if _truncation(weights, middle) > 0.5 * accuracy:
            low = middle
        else:
            high = middle
    n = int(high / step) + 1
    total = 0.0
    for k in range(n - 1, -1, -1):  # from the small terms to the large ones
        u = (k + 0.5) * step
        angle, log_size = -u * q, 0.0
        for weight in weights:
            x = 2 * u * weight
            angle += 0.5 * math.atan(x)
            log_size -= 0.25 * math.log1p(x * x)
        total += math.exp(log_size) * math.sin(angle) / (math.pi * (k + 0.5))
    return 0.5 + total, float(n), CONVERGED


@numba.njit(cache=True, nogil=True)
def _log_chernoff(weights: np.ndarray, x: float) -> float:
    """Logarithm of Chernoff's bound on ``P(Q > x)``, x above the mean."""
    s = saddle(weights, x)
    return cumulants(weights, s)[0] - s * x


@numba.njit(cache=True, nogil=True)
def _truncation(weights: np.ndarray, u: float) -> float:
    """Bound on the inversion integral beyond u; weights descending.

    The modulus of the characteristic function is at most ``(2 lambda u)^-1/2`` for each weight, and falls:
    the integral over u of the power that belongs to the large weights, times the rest as it is at u.
    """
    count, log_bound = 0, 0.0
    for weight in weights:
        x = 2 * u * weight
        if x > 1:
            count += 1
            log_bound -= 0.5 * math.log(x)
        else:
            log_bound -= 0.25 * math.log1p(x * x)
    return 2 / (math.pi * count) * math.exp(log_bound) if count else math.inf
