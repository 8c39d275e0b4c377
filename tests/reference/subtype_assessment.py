"""Slow, obvious twins of the measures by which subtypes are assessed."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np


def adjusted_rand_index(a: np.ndarray, b: np.ndarray) -> float:
    """By going through all pairs."""
    both = first = second = n = 0
    for i, j in itertools.combinations(range(len(a)), 2):
        in_a, in_b = a[i] == a[j], b[i] == b[j]
        both, first, second, n = both + (in_a and in_b), first + in_a, second + in_b, n + 1
    expected = Fraction(int(first) * int(second), n)
    return float((both - expected) / (Fraction(int(first) + int(second), 2) - expected))


def cramers_v(a: np.ndarray, b: np.ndarray) -> float:
    """Bergsma 2013, equations 2 to 4, cell by cell."""
    n = len(a)
    rows, columns = sorted(set(a.tolist())), sorted(set(b.tolist()))
    phi2 = 0.0
    for i in rows:
        for j in columns:
            p = sum((a == i) & (b == j)) / n
            pi, pj = sum(a == i) / n, sum(b == j) / n
            phi2 += (p - pi * pj) ** 2 / (pi * pj)
    r, c = len(rows), len(columns)
    phi2 = max(0.0, phi2 - (r - 1) * (c - 1) / (n - 1))
    return math.sqrt(phi2 / (min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1))


def fisher_mid_p(a: int, b: int, c: int, d: int) -> Fraction:
    """In whole numbers: tables as probable as the observed one count, of its own only half."""
    members, carriers, total = a + b, a + c, a + b + c + d

    def ways(x: int) -> int:
        return math.comb(carriers, x) * math.comb(total - carriers, members - x)

    possible = range(max(0, members - (total - carriers)), min(members, carriers) + 1)
    as_rare = sum(ways(x) for x in possible if ways(x) <= ways(a))
    return (as_rare - Fraction(ways(a), 2)) / math.comb(total, members)


def concordance(
    time: np.ndarray, event: np.ndarray, risk: np.ndarray, entry: np.ndarray | None
) -> tuple[int, int, int]:
    """Pair by pair: higher, lower, same."""
    higher = lower = same = 0
    for i in range(len(time)):
        for j in range(len(time)):
            if i == j or not event[i] or (entry is not None and not entry[j] < time[i]):
                continue
            if not (time[j] > time[i] or (time[j] == time[i] and not event[j])):
                continue
            higher += bool(risk[i] > risk[j])
            lower += bool(risk[i] < risk[j])
            same += bool(risk[i] == risk[j])
    return higher, lower, same


def product_limit(
    time: np.ndarray, event: np.ndarray, entry: np.ndarray | None, at: float, before: bool = False
) -> float:
    """Survival at a time, or just before it."""
    survival = 1.0
    for t in sorted(set(time[event.astype(bool)].tolist())):
        if t > at or (before and t == at):
            break
        started = np.ones(len(time), bool) if entry is None else entry < t
        survival *= 1 - (event & (time == t)).sum() / (started & (time >= t)).sum()
    return survival


def restricted_mean(
    time: np.ndarray, event: np.ndarray, entry: np.ndarray | None, horizon: float
) -> tuple[float, float]:
    """Area under the curve, step by step, and its standard error by the sum over events."""
    knots = [0.0, *sorted({t for t in time.tolist() if t < horizon}), horizon]
    height = [product_limit(time, event, entry, k) for k in knots[:-1]]
    area = [(b - a) * h for a, b, h in zip(knots, knots[1:], height, strict=False)]
    variance = 0.0
    for position, t in enumerate(knots[1:-1], start=1):
        started = np.ones(len(time), bool) if entry is None else entry < t
        r, d = int((started & (time >= t)).sum()), int((event & (time == t)).sum())
        if r > d:
            variance += sum(area[position:]) ** 2 * d / (r * (r - d))
    return sum(area), math.sqrt(variance)


def proportionality(
    time: np.ndarray,
    event: np.ndarray,
    entry: np.ndarray | None,
    columns: np.ndarray,
    beta: np.ndarray,
    tested: list[int],
) -> float:
    """Score test of x (g(t) - mean g) beside x, its sums written out event by event with Efron's shares."""
    n, c = columns.shape
    hazard = np.exp(columns @ beta)
    times = sorted(set(time[event.astype(bool)].tolist()))
    number = [int((event & (time == t)).sum()) for t in times]
    g = np.array([1 - product_limit(time, event, entry, t, before=True) for t in times])
    g = g - (g * number).sum() / sum(number)
    score, information = np.zeros(2 * c), np.zeros((2 * c, 2 * c))
    for t, d, change in zip(times, number, g, strict=True):
        z = np.hstack([columns, columns * change])
        at_risk = (time >= t) & (np.ones(n, bool) if entry is None else entry < t)
        tied = event & (time == t)
        score += z[tied].sum(axis=0)
        for r in range(d):
            weight = hazard * at_risk - (r / d) * hazard * tied
            mean = weight @ z / weight.sum()
            score -= mean
            information += (z * weight[:, None]).T @ z / weight.sum() - np.outer(mean, mean)
    keep = [*range(c), *(c + j for j in tested)]
    part, u = information[np.ix_(keep, keep)], score[keep]
    u[:c] = 0.0  # at the estimates of the smaller model
    return float(u @ np.linalg.solve(part, u))


def benjamini_hochberg(p: list[float]) -> list[float]:
    """Of each p the least p(j) m / j over ranks j from its own on."""
    ordered = sorted(p)
    m = len(p)
    return [min(min(ordered[j] * m / (j + 1) for j in range(m) if ordered[j] >= x), 1.0) for x in p]
