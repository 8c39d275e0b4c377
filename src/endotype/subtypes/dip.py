"""Whether a score has more than one mode: the dip test of Hartigan & Hartigan (1985, Ann Stat 13:70)."""

from __future__ import annotations

import numpy as np

from endotype.subtypes.dip_kernels import dip, dips

BLOCK = 100
"""Simulated samples that are held at a time."""


def dip_test(values: np.ndarray, draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """The dip of ``values``, and its p-value against a uniform law, the least unimodal of the unimodal.

    p = (1 + #{simulated dip >= dip}) / (draws + 1).

    Args:
        values: finite, shape (n,), in any order.
        draws: simulated samples of n numbers.
        rng: their source.
    """
    observed = dip(np.sort(np.asarray(values, float)))
    exceeding, done = 0, 0
    while done < draws:
        now = min(BLOCK, draws - done)
        exceeding += int((dips(rng.random((now, len(values)))) >= observed - 1e-12).sum())
        done += now
    return float(observed), (1 + exceeding) / (1 + draws)
