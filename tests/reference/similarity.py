"""Similarity networks, one pair at a time: the slow twins of fusion and NEMO, with patients missing in views.

``where[v]`` lists the patients of view v; a network has them in this order.
"""

from __future__ import annotations

import math

import numpy as np


def squared_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Over the features seen in both, scaled up to all; NaN if there is none."""
    both = [(x - y) ** 2 for x, y in zip(a, b, strict=True) if not (math.isnan(x) or math.isnan(y))]
    return sum(both) * len(a) / len(both) if both else math.nan


def affinity(d: np.ndarray, k: int, sigma: float) -> np.ndarray:
    """Normal density of the distance; its standard deviation is sigma times a mean of three distances."""
    n = len(d)
    near = []
    for i in range(n):
        known = sorted(d[i, j] for j in range(n) if j != i and not math.isnan(d[i, j]))[:k]
        near.append(sum(known) / len(known))
    found = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            apart = 0.0 if i == j else d[i, j]
            width = sigma * (near[i] + near[j] + apart) / 3
            found[i, j] = math.exp(-(apart**2) / (2 * width**2)) / (width * math.sqrt(2 * math.pi))
    pairs = [found[i, j] for i in range(n) for j in range(i) if not math.isnan(found[i, j])]
    found[np.isnan(found)] = sum(pairs) / len(pairs)
    return found


def normalise(w: np.ndarray) -> np.ndarray:
    """Others of a row add up to one half; one half on the diagonal; then symmetric."""
    n = len(w)
    out = np.zeros((n, n))
    for i in range(n):
        total = sum(w[i, j] for j in range(n) if j != i)
        for j in range(n):
            out[i, j] = 0.5 if i == j else w[i, j] / (2 * total)
    return (out + out.T) / 2


def nearest_only(w: np.ndarray, k: int) -> np.ndarray:
    """The k most similar of each row, relative to their sum."""
    n = len(w)
    out = np.zeros((n, n))
    for i in range(n):
        near = sorted(range(n), key=lambda j: (w[i, j], j))[-k:]
        total = sum(w[i, j] for j in near)
        for j in near:
            out[i, j] = w[i, j] / total
    return out


def mean_of_shared(networks: list[np.ndarray], where: list[list[int]], n: int) -> np.ndarray:
    """Mean over the views with both patients; of pairs without any, the mean of the other pairs."""
    out = np.full((n, n), math.nan)
    for i in range(n):
        for j in range(n):
            known = [
                w[rows.index(i), rows.index(j)]
                for w, rows in zip(networks, where, strict=True)
                if i in rows and j in rows
            ]
            if known:
                out[i, j] = sum(known) / len(known)
    pairs = [out[i, j] for i in range(n) for j in range(i) if not math.isnan(out[i, j])]
    out[np.isnan(out)] = sum(pairs) / len(pairs)
    return out


def fuse(networks: list[np.ndarray], k: int, steps: int, where: list[list[int]], n: int) -> np.ndarray:
    """Every view diffuses the mean of the other views that have both patients, or itself if none has."""
    whole = [normalise(w) for w in networks]
    local = [nearest_only(w, k) for w in whole]
    for _ in range(steps):
        renewed = []
        for v, rows in enumerate(where):
            others = whole[v].copy()
            for a, i in enumerate(rows):
                for b, j in enumerate(rows):
                    known = [
                        whole[u][where[u].index(i), where[u].index(j)]
                        for u in range(len(where))
                        if u != v and i in where[u] and j in where[u]
                    ]
                    if known:
                        others[a, b] = sum(known) / len(known)
            renewed.append(normalise(local[v] @ others @ local[v].T))
        whole = renewed
    return normalise(mean_of_shared(whole, where, n))


def nemo(networks: list[np.ndarray], k: list[int], where: list[list[int]], n: int) -> np.ndarray:
    """Relative similarity to the nearest, in both directions, averaged over shared views."""
    relative = []
    for w, near in zip(networks, k, strict=True):
        s = np.zeros(w.shape)
        for i in range(len(w)):
            limit = sorted(w[i], reverse=True)[near - 1]
            kept = [j for j in range(len(w)) if w[i, j] >= limit]
            for j in kept:
                s[i, j] = w[i, j] / sum(w[i, m] for m in kept)
        relative.append(s + s.T)
    return mean_of_shared(relative, where, n)
