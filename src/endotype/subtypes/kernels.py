"""Inner loops of the mixture model: arrays in, arrays out, one thread, the same bits on every run.

Shapes are the same everywhere: ``x`` (n, p) float64 with 0 where a value is missing, ``seen`` (n, p) bool,
``binary`` (p,) bool, ``weights`` (k,), ``location`` (k, p) means or rates, ``variance`` (k, p), which is
ignored for binary features. Every patient is computed alone and in the order of the features, so that one
patient gives the same bits alone as among others.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True)
def log_joint(
    x: np.ndarray,
    seen: np.ndarray,
    binary: np.ndarray,
    weights: np.ndarray,
    location: np.ndarray,
    variance: np.ndarray,
) -> np.ndarray:
    """log(weight_k) + log f_k(x_i) over the features that were seen; shape (n, k)."""
    n, p = x.shape
    k = weights.shape[0]
    # Each feature adds constant + linear x + quadratic x², of both kinds.
    constant = np.empty((k, p))
    linear = np.empty((k, p))
    quadratic = np.zeros((k, p))
    for c in range(k):
        for j in range(p):
            m, v = location[c, j], variance[c, j]
            if binary[j]:
                constant[c, j] = np.log1p(-m)
                linear[c, j] = np.log(m) - np.log1p(-m)
            else:
                constant[c, j] = -0.5 * (np.log(2 * np.pi * v) + m * m / v)
                linear[c, j] = m / v
                quadratic[c, j] = -0.5 / v
    out = np.empty((n, k))
    for i in range(n):
        for c in range(k):
            total = np.log(weights[c])
            for j in range(p):
                if seen[i, j]:
                    total += constant[c, j] + x[i, j] * (linear[c, j] + x[i, j] * quadratic[c, j])
            out[i, c] = total
    return out


@numba.njit(cache=True)
def normalise_rows(joint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Posterior probabilities (n, k) and log densities (n,) from :func:`log_joint`."""
    n, k = joint.shape
    posterior = np.empty((n, k))
    density = np.empty(n)
    for i in range(n):
        top = joint[i, 0]
        for c in range(1, k):
            top = max(top, joint[i, c])
        total = 0.0
        for c in range(k):
            posterior[i, c] = np.exp(joint[i, c] - top)
            total += posterior[i, c]
        for c in range(k):
            posterior[i, c] /= total
        density[i] = top + np.log(total)
    return posterior, density


@numba.njit(cache=True)
def maximise(
    x: np.ndarray,
    seen: np.ndarray,
    binary: np.ndarray,
    posterior: np.ndarray,
    centre: np.ndarray,
    spread: np.ndarray,
    strength: float,
    floor: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """M step: weights, location and variance that maximise the penalised likelihood.

    Every component has ``strength`` pseudo-patients whose features have mean ``centre`` (p,) and variance
    ``spread`` (p,), those of the whole cohort. They keep rates off 0 and 1 and variances off 0.
    """
    n, p = x.shape
    k = posterior.shape[1]
    weights = np.full(k, strength)
    mass = np.full((k, p), strength)
    first = np.zeros((k, p))
    second = np.zeros((k, p))
    for i in range(n):
        for c in range(k):
            r = posterior[i, c]
            weights[c] += r
            for j in range(p):
                if seen[i, j]:
                    mass[c, j] += r
                    # About the centre, so that the variance isn't a difference of large numbers.
                    d = x[i, j] - centre[j]
                    first[c, j] += r * d
                    second[c, j] += r * d * d
    location = np.empty((k, p))
    variance = np.empty((k, p))
    for c in range(k):
        for j in range(p):
            m = mass[c, j]
            shift = first[c, j] / m if m > 0 else 0.0
            location[c, j] = centre[j] + shift
            if binary[j]:
                location[c, j] = min(max(location[c, j], 1e-9), 1 - 1e-9)
                variance[c, j] = location[c, j] * (1 - location[c, j])
            else:
                square = (second[c, j] + strength * spread[j]) / m if m > 0 else spread[j]
                variance[c, j] = max(square - shift * shift, floor)
    return weights / weights.sum(), location, variance


@numba.njit(cache=True)
def log_prior(
    binary: np.ndarray,
    weights: np.ndarray,
    location: np.ndarray,
    variance: np.ndarray,
    centre: np.ndarray,
    spread: np.ndarray,
    strength: float,
) -> float:
    """Log likelihood of the pseudo-patients of :func:`maximise`."""
    total = 0.0
    for c in range(weights.shape[0]):
        total += np.log(weights[c])
        for j in range(binary.shape[0]):
            m, v = location[c, j], variance[c, j]
            if binary[j]:
                total += centre[j] * np.log(m) + (1 - centre[j]) * np.log1p(-m)
            else:
                total -= 0.5 * (np.log(2 * np.pi * v) + ((m - centre[j]) ** 2 + spread[j]) / v)
    return strength * total


@numba.njit(cache=True, nogil=True)
def em(
    x: np.ndarray,
    seen: np.ndarray,
    binary: np.ndarray,
    posterior: np.ndarray,
    centre: np.ndarray,
    spread: np.ndarray,
    strength: float,
    floor: float,
    tolerance: float,
    max_iterations: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, np.ndarray]:
    """Expectation maximisation (Dempster, Laird & Rubin 1977) from starting posteriors (n, k).

    Stops when the penalised log likelihood gains less than ``tolerance`` per patient.

    Returns:
        weights, location, variance, log likelihood (without the penalty), and the penalised log likelihood
        after each iteration.
    """
    n = x.shape[0]
    trace = np.empty(max_iterations)
    likelihood = 0.0
    done = 0
    weights, location, variance = maximise(x, seen, binary, posterior, centre, spread, strength, floor)
    for iteration in range(max_iterations):
        joint = log_joint(x, seen, binary, weights, location, variance)
        posterior, density = normalise_rows(joint)
        likelihood = density.sum()
        trace[iteration] = likelihood + log_prior(
            binary, weights, location, variance, centre, spread, strength
        )
        done = iteration + 1
        if iteration > 0 and trace[iteration] - trace[iteration - 1] < tolerance * n:
            break
        if done < max_iterations:
            weights, location, variance = maximise(
                x, seen, binary, posterior, centre, spread, strength, floor
            )
    return weights, location, variance, likelihood, trace[:done]


@numba.njit(cache=True)
def distances_to(x: np.ndarray, seen: np.ndarray, i: int) -> np.ndarray:
    """Mean squared difference of patient ``i`` from each patient over features seen in both; shape (n,).

    Infinite where no feature was seen in both.
    """
    n, p = x.shape
    out = np.full(n, np.inf)
    for other in range(n):
        total, count = 0.0, 0
        for j in range(p):
            if seen[i, j] and seen[other, j]:
                d = x[i, j] - x[other, j]
                total += d * d
                count += 1
        if count > 0:
            out[other] = total / count
    return out


@numba.njit(cache=True, nogil=True)
def seed_posteriors(x: np.ndarray, seen: np.ndarray, k: int, uniforms: np.ndarray) -> np.ndarray:
    """Starting posteriors (n, k), each patient wholly in the class of the nearest seed.

    The first seed is any patient; each next one is drawn with probability proportional to the squared
    distance from the nearest seed so far (k-means++, Arthur & Vassilvitskii 2007).

    Args:
        x, seen: as everywhere in this module.
        k: number of classes.
        uniforms: shape (k,), numbers in [0, 1) that make the draws.
    """
    n = x.shape[0]
    nearest = np.full(n, np.inf)
    label = np.zeros(n, np.int64)
    for c in range(k):
        finite = np.where(np.isfinite(nearest), nearest, 0.0)
        total = finite.sum()
        if total > 0:
            seed = min(np.searchsorted(np.cumsum(finite), uniforms[c] * total, side="right"), n - 1)
        else:
            seed = min(int(uniforms[c] * n), n - 1)
        d = distances_to(x, seen, seed)
        for i in range(n):
            if d[i] < nearest[i]:
                nearest[i] = d[i]
                label[i] = c
    posterior = np.zeros((n, k))
    for i in range(n):
        posterior[i, label[i]] = 1.0
    return posterior


@numba.njit(cache=True)
def neighbour_distance(x: np.ndarray, seen: np.ndarray, rank: int) -> np.ndarray:
    """Root mean squared difference of each patient from the ``rank``-th nearest other patient; shape (n,)."""
    n = x.shape[0]
    out = np.full(n, np.nan)
    for i in range(n):
        d = distances_to(x, seen, i)
        d[i] = np.inf
        out[i] = np.sqrt(np.partition(d, rank - 1)[rank - 1])
    return out


@numba.njit(cache=True)
def surprise(
    x: np.ndarray,
    seen: np.ndarray,
    binary: np.ndarray,
    location: np.ndarray,
    variance: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """-log f_k(x_i) less its expectation in class k, and its variance there; both of shape (n, k).

    Both are sums over the features that were seen: for a gaussian feature (z² - 1) / 2 with variance 1/2, for
    a binary one of rate q the centred code length with variance q (1 - q) log(q / (1 - q))².
    """
    n, p = x.shape
    k = location.shape[0]
    excess = np.zeros((n, k))
    scatter = np.zeros((n, k))
    for i in range(n):
        for c in range(k):
            for j in range(p):
                if not seen[i, j]:
                    continue
                m = location[c, j]
                if binary[j]:
                    odds = np.log(m) - np.log1p(-m)
                    excess[i, c] -= odds * (x[i, j] - m)
                    scatter[i, c] += m * (1 - m) * odds * odds
                else:
                    d = x[i, j] - m
                    excess[i, c] += 0.5 * (d * d / variance[c, j] - 1)
                    scatter[i, c] += 0.5
    return excess, scatter
