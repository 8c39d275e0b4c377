"""Whether covariates together separate cases from controls, so that a logistic model has no estimate."""

from __future__ import annotations

import numpy as np

_MARGIN = 1e-6


def separating_columns(covariates: np.ndarray, cases: np.ndarray) -> list[int]:
    """Columns of a combination that is never lower in a case than in a control, and somewhere higher.

    The estimate is finite if and only if there is none (Albert and Anderson 1984). A linear programme finds
    it (Konis 2007): with ``z = x`` for a case and ``-x`` for a control, maximise ``sum z'b`` while every
    ``z'b >= 0`` and ``-1 <= b <= 1``.

    Args:
        covariates: float64 (n, c), complete and varying; the intercept is added here.
        cases: bool (n,).

    Returns:
        Positions of a smallest set of columns that separates, ascending: none of them can be left out.
        Earlier columns are given up first, so those that stay are late ones. Empty where nothing separates.
    """
    columns = list(range(covariates.shape[1]))
    if not columns or cases.all() or not cases.any() or not _separate(covariates, cases):
        return []
    for column in list(columns):
        rest = [c for c in columns if c != column]
        if rest and _separate(covariates[:, rest], cases):
            columns = rest
    return columns


def _separate(covariates: np.ndarray, cases: np.ndarray) -> bool:
    from scipy.optimize import linprog  # here: quantitative traits need not wait for it

    standard = (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)
    design = np.column_stack([np.ones(len(cases)), standard])
    signed = np.unique(np.where(cases[:, None], design, -design), axis=0)  # people alike are one constraint
    gain = -signed.sum(axis=0) / len(signed)
    found = linprog(gain, A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1))
    return found.status == 0 and bool((signed @ found.x).max() > _MARGIN)
