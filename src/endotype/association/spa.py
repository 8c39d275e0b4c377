"""Saddlepoint tails of score tests, for variants whose cases or carriers are few.

The normal tail of a score is wrong where few cases make its distribution skew. Its cumulant generating
function is known, and gives the tail with a relative error (Daniels 1954; Lugannani and Rice 1980; for
association Dey et al. 2017, Am J Hum Genet 101:37).
"""

from __future__ import annotations

import numpy as np

from endotype.association import rare_case_kernels as kernels
from endotype.association.rare_case import BinaryNull, Refined, refined
from endotype.association.tail_kernels import neg_log10_p_normal

SWITCH = 2.0
"""Below this ``|z|`` the normal tail stands: near the middle it is right, and the saddlepoint is 0 / 0."""

_LN10 = np.log(10.0)


def refine_spa(
    packed: np.ndarray,
    place: np.ndarray,
    null: BinaryNull,
    rows: np.ndarray,
    switch: float = SWITCH,
    *,
    missing: str = "drop",
) -> Refined:
    """Score test of some variants of a block with saddlepoint tails.

    The dosage has its covariates taken out with the weights of the null. Two-sided: the tail beyond the score
    and the tail beyond its mirror image, which differ, are added. People without the rarer allele are a
    normal variable while they carry at most ``rare_case_kernels.SPLIT`` of the variance.

    Args:
        packed: uint8 (n_variants, ceil(n_people / 4)), PLINK 1 rows.
        place: int64 (n_people,), the row of each person in the model, -1 for people who are not in it.
        null: the covariates alone.
        rows: int64, which variants.
        switch: ``|z|`` from which the saddlepoint is taken.
        missing: ``drop`` or ``mean``, as in :func:`~endotype.association.wald.refine_wald`.

    Returns:
        ``stat`` is the normal deviate that has the p-value; ``se = 1 / sqrt(V)``, ``beta = stat se`` (as
        regenie's), a log odds ratio that is close for small effects; test ``logistic_spa``, or
        ``logistic_score`` below the switch. Statuses ``SPA``, ``OK`` (below the switch), ``NOT_CONVERGED``,
        ``COLLINEAR``.
    """
    tails = kernels.saddlepoint_packed(
        packed,
        np.asarray(rows, np.int64),
        place,
        null.basis,
        null.weight,
        null.risk,
        null.predictor,
        null.case,
        False,
        switch,
        missing == "mean",
    )
    return from_tails(tails, switch, "logistic")


def from_tails(tails: np.ndarray, switch: float, kind: str) -> Refined:
    """A two-sided test from the kernel's columns; ``kind`` begins the test's name."""
    from scipy import special  # here, because other tests need not wait for it

    score, information, beyond, mirror = tails.T
    with np.errstate(all="ignore"):
        z = score / np.sqrt(information)
        tail = np.logaddexp(special.log_ndtr(-np.abs(beyond)), special.log_ndtr(-np.abs(mirror)))
        taken = np.abs(z) >= switch
        neg_log10_p = np.where(taken, np.maximum(0.0, -tail / _LN10), neg_log10_p_normal(z))
        stat = np.where(taken, np.sign(z) * deviate(neg_log10_p), z)
        se = 1 / np.sqrt(information)
    outcome = np.where(np.isfinite(neg_log10_p), kernels.FITTED, kernels.NO_CONVERGENCE)
    outcome = np.where(np.isnan(beyond), kernels.DEPENDENT, outcome)
    found = refined(stat * se, se, stat, neg_log10_p, f"{kind}_spa", outcome, "SPA")
    plain = ~taken & (outcome == kernels.FITTED)
    found.statistics.test[~taken] = f"{kind}_score"
    found.status[plain] = "OK"
    return found


def deviate(neg_log10_p: np.ndarray) -> np.ndarray:
    """|z| of a two-sided p-value, the inverse of ``tails.neg_log10_p_normal``; NaN stays NaN.

    Newton steps on the logarithm of the tail, so that p = 1e-400 has a deviate too.
    """
    from scipy import special

    target = -np.asarray(neg_log10_p, float) * _LN10 - np.log(2.0)
    z = np.sqrt(np.maximum(0.0, -2 * target))
    for _ in range(60):
        log_tail = special.log_ndtr(-z)
        hazard = np.exp(-0.5 * z * z - 0.5 * np.log(2 * np.pi) - log_tail)
        z = np.maximum(0.0, z + (log_tail - target) / hazard)
    return z
