"""Saddlepoint tails of a score, slow and obvious, and the tail itself by adding up every outcome."""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm


def adjusted(weight: np.ndarray, covariates: np.ndarray, dosage: np.ndarray) -> np.ndarray:
    """The dosage minus its weighted regression on an intercept and the covariates; -1 is left out (0)."""
    called = dosage >= 0
    design = np.column_stack([np.ones(len(dosage)), covariates])[called]
    root = np.sqrt(weight[called])
    slope = np.linalg.lstsq(design * root[:, None], dosage[called] * root, rcond=None)[0]
    left = np.zeros(len(dosage))
    left[called] = dosage[called] - design @ slope
    return left


def two_sided(score: float, g: np.ndarray, expected: np.ndarray, poisson: bool = False) -> float:
    """P(S >= |score|) + P(S <= -|score|) of ``S = sum g (seen - expected)``."""

    def cumulants(t: float) -> tuple[float, float, float]:
        if poisson:
            e = np.exp(g * t)
            parts = expected * (e - 1 - g * t), expected * g * (e - 1), expected * g * g * e
        else:
            share = expected * np.exp(g * t) / (1 - expected + expected * np.exp(g * t))
            value = np.log(1 - expected + expected * np.exp(g * t)) - g * t * expected
            parts = value, g * (share - expected), g * g * share * (1 - share)
        return tuple(float(part.sum()) for part in parts)  # type: ignore[return-value]

    def tail(at: float) -> float:
        t = brentq(lambda t: cumulants(t)[1] - at, -60, 60, xtol=1e-14, rtol=1e-14)
        value, _, curvature = cumulants(t)
        w = math.copysign(math.sqrt(2 * (t * at - value)), t)
        v = t * math.sqrt(curvature)
        return float(norm.sf(abs(w + math.log(v / w) / w)))

    return tail(abs(score)) + tail(-abs(score))


def enumerated(score: float, g: np.ndarray, expected: np.ndarray) -> float:
    """The same probability without approximation: all outcomes of a handful of people."""
    total = 0.0
    for outcome in itertools.product((0, 1), repeat=len(g)):
        seen = np.array(outcome)
        if abs(g @ (seen - expected)) >= abs(score) - 1e-12:
            total += float(np.prod(np.where(seen == 1, expected, 1 - expected)))
    return total
