"""Correlations of latent normals, one pair of features at a time."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from endotype.subtypes.kernels import BINARY, CATEGORY, COUNT
from endotype.subtypes.mixture import Data


def latent_correlation(data: Data) -> np.ndarray:
    p = data.x.shape[1]
    discrete = np.isin(data.kind, (BINARY, CATEGORY))
    x = np.where(data.kind == COUNT, data.points, data.x)
    result = np.eye(p)
    for a in range(p):
        for b in range(a):
            both = data.seen[:, a] & data.seen[:, b]
            result[a, b] = result[b, a] = _pair(x[both, a], x[both, b], bool(discrete[a]), bool(discrete[b]))
    return result


def _pair(u: np.ndarray, v: np.ndarray, u_binary: bool, v_binary: bool) -> float:
    if len(u) < 3 or u.std() == 0 or v.std() == 0:
        return 0.0
    if u_binary and v_binary:
        return _tetrachoric(u, v)
    r = float(((u - u.mean()) * (v - v.mean())).mean() / (u.std() * v.std()))
    for values, binary in ((u, u_binary), (v, v_binary)):
        if binary:
            rate = float(values.mean())
            r *= (rate * (1 - rate)) ** 0.5 / float(norm.pdf(norm.ppf(rate)))
    return float(np.clip(r, -0.99, 0.99))


def _tetrachoric(u: np.ndarray, v: np.ndarray) -> float:
    n11, n10 = float((u * v).sum()), float((u * (1 - v)).sum())
    n01, n00 = float(((1 - u) * v).sum()), float(((1 - u) * (1 - v)).sum())
    odds_ratio = (n11 + 0.5) * (n00 + 0.5) / ((n10 + 0.5) * (n01 + 0.5))
    p1, p2 = float(u.mean()), float(v.mean())
    least = min(p1, 1 - p1, p2, 1 - p2)
    power = (1 - abs(p1 - p2) / 5 - (0.5 - least) ** 2) / 2
    return float(np.cos(np.pi / (1 + odds_ratio**power)))
