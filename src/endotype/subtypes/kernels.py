"""Inner loops of the mixture model: arrays in, arrays out, one thread, the same bits on every run.

Shapes are the same everywhere: ``x`` (n, p) float64 with 0 where a value is missing, ``seen`` (n, p) bool,
``kind`` (p,) int8 of :data:`GAUSSIAN` to :data:`CATEGORY`, ``block`` (p,) int64, ``shift`` (n, p),
``weights`` (k,), ``location`` (k, p) and ``variance`` (k, p). Within a group a value is

* gaussian: normal with mean ``location`` and ``variance``;
* binary: 1 with log odds logit(``location``) + ``shift``;
* a count: negative binomial with mean ``location`` x exp(``shift``) and dispersion a, the variance of a count
  of mean m being m + a m²; ``variance`` holds that at ``location``, and a = 0 is Poisson;
* a category: columns of one ``block``, side by side, of which one is 1, with the chances ``location``.

``shift`` is what confounders add, and is read for binary and count features alone. Every patient is computed
alone and in the order of the features, so that one patient gives the same bits alone as among others.
"""

from __future__ import annotations

import math

import numba
import numpy as np

GAUSSIAN, BINARY, COUNT, CATEGORY = 0, 1, 2, 3

RATE_MARGIN = 1e-9
"""Least distance of a rate from 0 and 1, and least mean of a count."""

DISPERSIONS = np.concatenate((np.zeros(1), np.logspace(-3, 2, 120)))
"""Dispersions that a count may have in a group. A step is a factor of 1.1, finer than cohorts can tell."""

_POISSON = 1e-8
"""Dispersion under which a count is Poisson."""

_NEWTON_STEPS, _ROUNDS = 25, 30
_GRID = 2000


@numba.njit(cache=True)
def dispersion_of(mean: float, variance: float) -> float:
    """a of variance = mean + a mean²; 0 where the variance is not above the mean."""
    return max((variance - mean) / (mean * mean), 0.0)


@numba.njit(cache=True)
def log_count(x: float, mean: float, dispersion: float) -> float:
    """Log probability of a count under the negative binomial law, Poisson for dispersion 0."""
    if dispersion < _POISSON:
        return x * math.log(mean) - mean - math.lgamma(x + 1)
    r = 1 / dispersion
    return (
        math.lgamma(x + r)
        - math.lgamma(r)
        - math.lgamma(x + 1)
        - r * math.log1p(dispersion * mean)
        + x * (math.log(mean) + math.log(dispersion) - math.log1p(dispersion * mean))
    )


@numba.njit(cache=True)
def _log_one(x: float, kind: int, m: float, v: float, shift: float) -> float:
    """Log density of one value that was seen."""
    if kind == GAUSSIAN:
        return -0.5 * (math.log(2 * math.pi * v) + (x - m) * (x - m) / v)
    if kind == BINARY:
        odds = math.log(m) - math.log1p(-m) + shift
        return x * odds - max(odds, 0.0) - math.log1p(math.exp(-abs(odds)))
    if kind == COUNT:
        return log_count(x, m * math.exp(shift), dispersion_of(m, v))
    return x * math.log(m)


@numba.njit(cache=True)
def log_joint(
    x: np.ndarray,
    seen: np.ndarray,
    shift: np.ndarray,
    kind: np.ndarray,
    weights: np.ndarray,
    location: np.ndarray,
    variance: np.ndarray,
) -> np.ndarray:
    """log(weight_k) + log f_k(x_i) over the features that were seen; shape (n, k)."""
    n, p = x.shape
    k = weights.shape[0]
    # Most features add constant + linear x + quadratic x²; the others are computed one by one. Groups are the
    # innermost loop: they are independent, so that the processor takes several at once.
    constant = np.zeros((p, k))
    linear = np.zeros((p, k))
    quadratic = np.zeros((p, k))
    size = np.zeros((p, k))
    for c in range(k):
        for j in range(p):
            m, v = location[c, j], variance[c, j]
            if kind[j] == GAUSSIAN:
                constant[j, c] = -0.5 * (np.log(2 * np.pi * v) + m * m / v)
                linear[j, c] = m / v
                quadratic[j, c] = -0.5 / v
            elif kind[j] == BINARY:
                constant[j, c] = np.log1p(-m)
                linear[j, c] = np.log(m) - np.log1p(-m)
            elif kind[j] == CATEGORY:
                linear[j, c] = np.log(m)
            else:
                a = dispersion_of(m, v)
                size[j, c] = 1 / a if a >= _POISSON else 0.0
                constant[j, c] = -math.log1p(a * m) / a - math.lgamma(1 / a) if a >= _POISSON else -m
                linear[j, c] = math.log(m) + (math.log(a) - math.log1p(a * m) if a >= _POISSON else 0.0)
    out = np.empty((n, k))
    log_weights = np.log(weights)
    for i in range(n):
        for c in range(k):
            out[i, c] = log_weights[c]
        for j in range(p):
            if not seen[i, j]:
                continue
            value = x[i, j]
            if shift[i, j] != 0.0 and (kind[j] == COUNT or kind[j] == BINARY):
                for c in range(k):
                    out[i, c] += _log_one(value, kind[j], location[c, j], variance[c, j], shift[i, j])
            elif kind[j] == COUNT:
                free = math.lgamma(value + 1)
                for c in range(k):
                    part = constant[j, c] + value * linear[j, c] - free
                    out[i, c] += part + (math.lgamma(value + size[j, c]) if size[j, c] > 0 else 0.0)
            elif value == 0.0:
                for c in range(k):
                    out[i, c] += constant[j, c]
            else:
                for c in range(k):
                    out[i, c] += constant[j, c] + value * (linear[j, c] + value * quadratic[j, c])
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
def _shifted_rate(x: np.ndarray, shift: np.ndarray, weight: np.ndarray, start: float) -> float:
    """The rate at shift 0 that maximises a weighted Bernoulli likelihood with log-odds offsets."""
    low, high = -30.0, 30.0
    theta = min(max(math.log(start) - math.log1p(-start), low), high)
    for _ in range(_NEWTON_STEPS):
        gradient, curvature = 0.0, 0.0
        for i in range(x.shape[0]):
            if weight[i] > 0:
                p = 1 / (1 + math.exp(-(theta + shift[i])))
                gradient += weight[i] * (x[i] - p)
                curvature += weight[i] * p * (1 - p)
        if gradient > 0:
            low = theta
        else:
            high = theta
        new = theta + gradient / curvature if curvature > 0 else 0.5 * (low + high)
        if not low <= new <= high:
            new = 0.5 * (low + high)
        if abs(new - theta) < 1e-12:
            break
        theta = new
    return 1 / (1 + math.exp(-theta))


@numba.njit(cache=True)
def _shifted_mean(
    x: np.ndarray, shift: np.ndarray, weight: np.ndarray, dispersion: float, start: float
) -> float:
    """The mean at shift 0 that maximises a weighted negative binomial likelihood of given dispersion."""
    low, high = math.log(RATE_MARGIN), 60.0
    theta = min(max(math.log(start), low), high)
    for _ in range(_NEWTON_STEPS):
        gradient, curvature = 0.0, 0.0
        for i in range(x.shape[0]):
            if weight[i] > 0:
                mean = math.exp(theta + shift[i])
                size = 1 + dispersion * mean
                gradient += weight[i] * (x[i] - mean) / size
                curvature += weight[i] * mean * (1 + dispersion * x[i]) / (size * size)
        if gradient > 0:
            low = theta
        else:
            high = theta
        new = theta + gradient / curvature if curvature > 0 else 0.5 * (low + high)
        if not low <= new <= high:
            new = 0.5 * (low + high)
        if abs(new - theta) < 1e-12:
            break
        theta = new
    return math.exp(theta)


@numba.njit(cache=True)
def rising_logs(x: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Sum over t < x_ij of log(1 + a t), for every a of the grid but 0; shape (counts, grid - 1, n).

    It is what of a count's log likelihood depends on the count and the dispersion alone, so EM needs it once.
    """
    n = x.shape[0]
    columns = np.flatnonzero(kind == COUNT)
    out = np.empty((len(columns), len(DISPERSIONS) - 1, n))
    for slot in range(len(columns)):
        for g in range(1, len(DISPERSIONS)):
            r = 1 / DISPERSIONS[g]
            base, step = math.lgamma(r), math.log(r)
            for i in range(n):
                value = x[i, columns[slot]]
                out[slot, g - 1, i] = math.lgamma(value + r) - base - value * step
    return out


@numba.njit(cache=True)
def _count_gain(
    x: np.ndarray, shift: np.ndarray, weight: np.ndarray, rising: np.ndarray, mean: float, g: int
) -> float:
    """Weighted log likelihood of counts at one dispersion of the grid, but for what doesn't depend on it."""
    a = DISPERSIONS[g]
    total = 0.0
    for i in range(x.shape[0]):
        if weight[i] > 0:
            m = mean if shift[i] == 0.0 else mean * math.exp(shift[i])
            if g == 0:
                total -= weight[i] * m
            else:
                total += weight[i] * (rising[g - 1, i] - (x[i] + 1 / a) * math.log1p(a * m))
    return total


@numba.njit(cache=True)
def _best_dispersion(
    x: np.ndarray, shift: np.ndarray, weight: np.ndarray, rising: np.ndarray, mean: float
) -> float:
    """The dispersion of the grid that maximises a weighted likelihood of given mean, which has one peak."""
    low, high = 0, len(DISPERSIONS) - 1
    while low < high:
        middle = (low + high) // 2
        if _count_gain(x, shift, weight, rising, mean, middle) < _count_gain(
            x, shift, weight, rising, mean, middle + 1
        ):
            low = middle + 1
        else:
            high = middle
    return DISPERSIONS[low]


@numba.njit(cache=True)
def maximise(
    x: np.ndarray,
    seen: np.ndarray,
    shift: np.ndarray,
    kind: np.ndarray,
    posterior: np.ndarray,
    centre: np.ndarray,
    spread: np.ndarray,
    strength: float,
    floor: float,
    rising: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """M step: weights, location and variance that maximise the penalised likelihood.

    Every component has ``strength`` pseudo-patients like the whole cohort: for gaussian features with mean
    ``centre`` (p,) and variance ``spread`` (p,), for others with the values of all who have one. They keep
    rates off 0 and 1 and variances off 0. With shifts a count's mean and dispersion are maximised in turns.
    ``rising`` is of :func:`rising_logs`.
    """
    n, p = x.shape
    k = posterior.shape[1]
    weights = np.full(k, strength)
    mass = np.full((p, k), strength)
    first = np.zeros((p, k))
    second = np.zeros((p, k))
    for i in range(n):
        for c in range(k):
            weights[c] += posterior[i, c]
        for j in range(p):
            if not seen[i, j]:
                continue
            # About the centre, so that the variance isn't a difference of large numbers.
            d = x[i, j] - centre[j]
            gaussian = kind[j] == GAUSSIAN
            for c in range(k):
                r = posterior[i, c]
                mass[j, c] += r
                first[j, c] += r * d
                if gaussian:
                    second[j, c] += r * d * d
    location = np.empty((k, p))
    variance = np.empty((k, p))
    weight = np.empty(n)
    slot = -1
    for j in range(p):
        slot += kind[j] == COUNT
        shifted = False
        n_seen = 0
        for i in range(n):
            if seen[i, j]:
                n_seen += 1
                shifted = shifted or shift[i, j] != 0.0
        for c in range(k):
            m = mass[j, c]
            moved = first[j, c] / m if m > 0 else 0.0
            location[c, j] = centre[j] + moved
            if kind[j] == GAUSSIAN:
                square = (second[j, c] + strength * spread[j]) / m if m > 0 else spread[j]
                variance[c, j] = max(square - moved * moved, floor)
                continue
            if n_seen > 0 and (kind[j] == COUNT or (kind[j] == BINARY and shifted)):
                for i in range(n):
                    weight[i] = posterior[i, c] + strength / n_seen if seen[i, j] else 0.0
            if kind[j] == COUNT:
                mean = max(location[c, j], RATE_MARGIN)
                dispersion = 0.0
                if n_seen > 0:
                    dispersion = _best_dispersion(x[:, j], shift[:, j], weight, rising[slot], mean)
                    for _ in range(_ROUNDS if shifted else 0):
                        before = mean
                        mean = _shifted_mean(x[:, j], shift[:, j], weight, dispersion, mean)
                        dispersion = _best_dispersion(x[:, j], shift[:, j], weight, rising[slot], mean)
                        if abs(mean - before) < 1e-9 * before:
                            break
                location[c, j] = mean
                variance[c, j] = mean + dispersion * mean * mean
            else:
                rate = min(max(location[c, j], RATE_MARGIN), 1 - RATE_MARGIN)
                if kind[j] == BINARY and shifted and n_seen > 0:
                    rate = _shifted_rate(x[:, j], shift[:, j], weight, rate)
                    rate = min(max(rate, RATE_MARGIN), 1 - RATE_MARGIN)
                location[c, j] = rate
                variance[c, j] = rate * (1 - rate)
    return weights / weights.sum(), location, variance


@numba.njit(cache=True)
def log_prior(
    x: np.ndarray,
    seen: np.ndarray,
    shift: np.ndarray,
    kind: np.ndarray,
    weights: np.ndarray,
    location: np.ndarray,
    variance: np.ndarray,
    centre: np.ndarray,
    spread: np.ndarray,
    strength: float,
) -> float:
    """Log likelihood of the pseudo-patients of :func:`maximise`."""
    n = x.shape[0]
    one_by_one = kind == COUNT
    for i in range(n):
        for j in range(kind.shape[0]):
            if kind[j] == BINARY and seen[i, j] and shift[i, j] != 0.0:
                one_by_one[j] = True
    total = 0.0
    for c in range(weights.shape[0]):
        total += np.log(weights[c])
        for j in range(kind.shape[0]):
            m, v = location[c, j], variance[c, j]
            if kind[j] == GAUSSIAN:
                total -= 0.5 * (np.log(2 * np.pi * v) + ((m - centre[j]) ** 2 + spread[j]) / v)
                continue
            if not one_by_one[j]:
                total += centre[j] * np.log(m)
                if kind[j] == BINARY:
                    total += (1 - centre[j]) * np.log1p(-m)
                continue
            n_seen, part = 0, 0.0
            for i in range(n):
                if seen[i, j]:
                    n_seen += 1
                    part += _log_one(x[i, j], kind[j], m, v, shift[i, j])
            total += part / max(n_seen, 1)
    return strength * total


@numba.njit(cache=True, nogil=True)
def em(
    x: np.ndarray,
    seen: np.ndarray,
    shift: np.ndarray,
    kind: np.ndarray,
    posterior: np.ndarray,
    centre: np.ndarray,
    spread: np.ndarray,
    strength: float,
    floor: float,
    tolerance: float,
    max_iterations: int,
    rising: np.ndarray,
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
    weights, location, variance = maximise(
        x, seen, shift, kind, posterior, centre, spread, strength, floor, rising
    )
    for iteration in range(max_iterations):
        joint = log_joint(x, seen, shift, kind, weights, location, variance)
        posterior, density = normalise_rows(joint)
        likelihood = density.sum()
        trace[iteration] = likelihood + log_prior(
            x, seen, shift, kind, weights, location, variance, centre, spread, strength
        )
        done = iteration + 1
        if iteration > 0 and trace[iteration] - trace[iteration - 1] < tolerance * n:
            break
        if done < max_iterations:
            weights, location, variance = maximise(
                x, seen, shift, kind, posterior, centre, spread, strength, floor, rising
            )
    return weights, location, variance, likelihood, trace[:done]


@numba.njit(cache=True)
def distances_to(points: np.ndarray, seen: np.ndarray, i: int) -> np.ndarray:
    """Mean squared difference of patient ``i`` from each patient over features seen in both; shape (n,).

    Infinite where no feature was seen in both. ``points`` (n, p) are values on comparable scales.
    """
    n, p = points.shape
    out = np.full(n, np.inf)
    for other in range(n):
        total, count = 0.0, 0
        for j in range(p):
            if seen[i, j] and seen[other, j]:
                d = points[i, j] - points[other, j]
                total += d * d
                count += 1
        if count > 0:
            out[other] = total / count
    return out


@numba.njit(cache=True, nogil=True)
def seed_posteriors(points: np.ndarray, seen: np.ndarray, k: int, uniforms: np.ndarray) -> np.ndarray:
    """Starting posteriors (n, k), each patient wholly in the class of the nearest seed.

    The first seed is any patient; each next one is drawn with probability proportional to the squared
    distance from the nearest seed so far (k-means++, Arthur & Vassilvitskii 2007).

    Args:
        points, seen: as in :func:`distances_to`.
        k: number of classes.
        uniforms: shape (k,), numbers in [0, 1) that make the draws.
    """
    n = points.shape[0]
    nearest = np.full(n, np.inf)
    label = np.zeros(n, np.int64)
    for c in range(k):
        finite = np.where(np.isfinite(nearest), nearest, 0.0)
        total = finite.sum()
        if total > 0:
            seed = min(np.searchsorted(np.cumsum(finite), uniforms[c] * total, side="right"), n - 1)
        else:
            seed = min(int(uniforms[c] * n), n - 1)
        d = distances_to(points, seen, seed)
        for i in range(n):
            if d[i] < nearest[i]:
                nearest[i] = d[i]
                label[i] = c
    posterior = np.zeros((n, k))
    for i in range(n):
        posterior[i, label[i]] = 1.0
    return posterior


@numba.njit(cache=True)
def neighbour_distance(points: np.ndarray, seen: np.ndarray, rank: int) -> np.ndarray:
    """Root mean squared difference of each patient from the ``rank``-th nearest other patient; shape (n,)."""
    n = points.shape[0]
    out = np.full(n, np.nan)
    for i in range(n):
        d = distances_to(points, seen, i)
        d[i] = np.inf
        out[i] = np.sqrt(np.partition(d, rank - 1)[rank - 1])
    return out


@numba.njit(cache=True)
def _count_surprise(mean: float, dispersion: float) -> tuple[float, float]:
    """Expectation and variance of -log f(x) of a count, over a grid where its range is long."""
    spread = math.sqrt(mean + dispersion * mean * mean)
    top = mean + 12 * spread + 20
    step = max(math.floor(top / _GRID), 1.0)
    weight, first, second = 0.0, 0.0, 0.0
    x = 0.0
    while x <= top:
        log_p = log_count(x, mean, dispersion)
        p = math.exp(log_p)
        weight += p
        first -= p * log_p
        second += p * log_p * log_p
        x += step
    first /= weight
    return first, max(second / weight - first * first, 0.0)


@numba.njit(cache=True)
def surprise(
    x: np.ndarray,
    seen: np.ndarray,
    shift: np.ndarray,
    kind: np.ndarray,
    block: np.ndarray,
    location: np.ndarray,
    variance: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """-log f_k(x_i) less its expectation in class k, and its variance there; both of shape (n, k).

    Both are sums over the features that were seen: for a gaussian feature (z² - 1) / 2 with variance 1/2, for
    a binary one of rate q the centred code length with variance q (1 - q) log(q / (1 - q))², for a category
    the same over its levels, for a count the moments of its law.
    """
    n, p = x.shape
    k = location.shape[0]
    excess = np.zeros((n, k))
    scatter = np.zeros((n, k))
    usual = np.zeros((k, p, 2))
    for c in range(k):
        for j in range(p):
            if kind[j] == COUNT:
                usual[c, j] = _count_surprise(location[c, j], dispersion_of(location[c, j], variance[c, j]))
    for i in range(n):
        for c in range(k):
            # Sums of p log p and p log² p over the levels of a category, whose columns lie side by side.
            mean_log, mean_square = 0.0, 0.0
            for j in range(p):
                if not seen[i, j]:
                    continue
                m = location[c, j]
                if kind[j] == GAUSSIAN:
                    d = x[i, j] - m
                    excess[i, c] += 0.5 * (d * d / variance[c, j] - 1)
                    scatter[i, c] += 0.5
                elif kind[j] == BINARY:
                    odds = np.log(m) - np.log1p(-m) + shift[i, j]
                    rate = m if shift[i, j] == 0.0 else 1 / (1 + np.exp(-odds))
                    excess[i, c] -= odds * (x[i, j] - rate)
                    scatter[i, c] += rate * (1 - rate) * odds * odds
                elif kind[j] == COUNT:
                    v = variance[c, j]
                    expected, square = usual[c, j, 0], usual[c, j, 1]
                    if shift[i, j] != 0.0:
                        expected, square = _count_surprise(m * np.exp(shift[i, j]), dispersion_of(m, v))
                    excess[i, c] -= _log_one(x[i, j], COUNT, m, v, shift[i, j]) + expected
                    scatter[i, c] += square
                else:
                    excess[i, c] -= (x[i, j] - m) * np.log(m)
                    mean_log += m * np.log(m)
                    mean_square += m * np.log(m) ** 2
                    if j + 1 == p or block[j + 1] != block[j]:
                        scatter[i, c] += max(mean_square - mean_log * mean_log, 0.0)
                        mean_log, mean_square = 0.0, 0.0
    return excess, scatter
