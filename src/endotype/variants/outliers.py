"""Who differs from people of the same ancestry.

What people carry depends on where their ancestors lived, so a measure is compared within a population where
these are known; otherwise the ancestry axes are regressed out, as gnomAD does (Karczewski et al. 2020,
doi:10.1038/s41586-020-2308-7). The scale is the median absolute deviation, which outliers don't stretch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MIN_PEOPLE = 20
"""Fewer people say nothing about what is usual."""

TO_SIGMA = 1.4826
"""A median absolute deviation of a normal distribution is one standard deviation by this factor."""


@dataclass(frozen=True)
class Usual:
    """What is usual for each person: ``center`` and ``deviation``, float64 (n,); NaN where nobody can say."""

    center: np.ndarray
    deviation: np.ndarray


def usual(
    values: np.ndarray, fit: np.ndarray, scores: np.ndarray | None, populations: np.ndarray | None
) -> Usual:
    """What a measure usually is among people of the same ancestry.

    Args:
        values: float64 (n,), NaN where not measured.
        fit: bool (n,), unrelated people of good quality, by whom it is judged.
        scores: ancestry axes (n, k), or ``None``: then everybody is one group.
        populations: text (n,), empty for people who have none, or ``None``. People of populations with fewer
            than ``MIN_PEOPLE`` in the fit, or of none, aren't judged.
    """
    n = len(values)
    center, deviation = np.full(n, np.nan), np.full(n, np.nan)
    known = fit & np.isfinite(values)
    if populations is not None:
        for name in sorted(set(populations) - {""}):
            here = populations == name
            if (here & known).sum() >= MIN_PEOPLE:
                center[here] = np.median(values[here & known])
                deviation[here] = _deviation(values[here & known])
        return Usual(center, deviation)
    if known.sum() < MIN_PEOPLE:
        return Usual(center, deviation)
    axes = np.ones((n, 1)) if scores is None else np.column_stack([np.ones(n), scores])
    placed = np.isfinite(axes).all(axis=1)
    known &= placed
    if known.sum() < MIN_PEOPLE:
        return Usual(center, deviation)
    coefficients, *_ = np.linalg.lstsq(axes[known], values[known], rcond=None)
    expected = axes @ coefficients
    residual = values[known] - expected[known]
    center[placed] = (expected + np.median(residual))[placed]
    deviation[placed] = _deviation(residual)
    return Usual(center, deviation)


def _deviation(values: np.ndarray) -> float:
    """Scaled median absolute deviation; NaN when more than half are equal, and there is no scale."""
    mad = TO_SIGMA * float(np.median(np.abs(values - np.median(values))))
    # Values that differ by rounding alone are equal.
    return mad if mad > 1e-9 * max(1.0, float(np.abs(values).max())) else np.nan
