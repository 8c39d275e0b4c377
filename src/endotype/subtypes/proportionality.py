"""Whether hazard ratios stay the same over time: the score test of Grambsch & Therneau (1994, Biometrika
81:515), in the exact form of ``cox.zph`` of R's survival (3.0 and later).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from endotype.subtypes.hazards import HazardFit, SurvivalData
from endotype.subtypes.kaplan_meier import kaplan_meier
from endotype.subtypes.proportionality_kernels import residual_sums


def proportional_hazards(
    survival: SurvivalData, columns: np.ndarray, fit: HazardFit, groups: dict[str, list[int]]
) -> dict[str, dict[str, Any]]:
    """Score test that coefficients change with g(t) = 1 - S(t-), S the product-limit estimate of everybody.

    Of the larger model with columns x and x (g(t) - mean g), at the estimates without the latter:
    U' (I22 - I21 I11^-1 I12)^-1 U, in which only the tested columns have a changing coefficient.

    Args:
        survival: of the people fitted.
        columns: float64 (n, c), as fitted.
        fit: the model.
        groups: which columns are tested together, by name.

    Returns:
        Name -> ``chi2 df p``; null where it can't be computed.
    """
    sets = fit.sets
    centred = np.ascontiguousarray((columns - columns.mean(axis=0)).T)
    event, first, last, n_times, efron = sets.arrays
    residual, covariance, number = residual_sums(
        centred, np.exp(fit.predictor), event, first, last, n_times, efron
    )
    times, curve, _ = kaplan_meier(survival.time, survival.event, survival.entry)
    before = np.searchsorted(times, sets.times, "left") - 1
    g = 1 - np.where(before >= 0, curve[np.maximum(before, 0)], 1.0)
    g = g - float((g * number).sum() / number.sum())
    plain = covariance.sum(axis=0)
    cross = (covariance * g[:, None, None]).sum(axis=0)
    square = (covariance * (g**2)[:, None, None]).sum(axis=0)
    score = (residual * g[:, None]).sum(axis=0)
    result: dict[str, dict[str, Any]] = {}
    for name, members in groups.items():
        chi2 = _score_test(score, plain, cross, square, np.array(members, int)) if fit.converged else None
        p = None if chi2 is None else float(special.chdtrc(len(members), chi2))
        result[name] = {"chi2": chi2, "df": len(members), "p": p}
    return result


def _score_test(
    score: np.ndarray, plain: np.ndarray, cross: np.ndarray, square: np.ndarray, members: np.ndarray
) -> float | None:
    try:
        inner = square[np.ix_(members, members)] - cross[members] @ np.linalg.solve(plain, cross[:, members])
        value = float(score[members] @ np.linalg.solve(inner, score[members]))
    except np.linalg.LinAlgError:
        return None
    return value if np.isfinite(value) and value >= 0 else None
