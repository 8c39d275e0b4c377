"""Firth's penalised Cox regression, for variants whose events or carriers are few.

Half the log determinant of the information is added to the log partial likelihood, so that a variant none of
whose carriers had the event, or all of them at once, has a finite estimate (Heinze and Schemper 2001,
Biometrics 57:114).
"""

from __future__ import annotations

import numpy as np

from endotype.association import rare_case_kernels as kernels
from endotype.association.cox_risk_sets import RiskSets, climb
from endotype.association.newton import standardised
from endotype.association.rare_case import Refined, refined
from endotype.association.tails import neg_log10_p_normal
from endotype.variants.plink import unpack

_COLLINEAR = 1e-9


def refine_cox_firth(
    packed: np.ndarray,
    place: np.ndarray,
    time: np.ndarray,
    event: np.ndarray,
    covariates: np.ndarray,
    rows: np.ndarray,
    *,
    entry: np.ndarray | None = None,
    ties: str = "breslow",
) -> Refined:
    """Firth's Cox regression of some variants of a block: all coefficients penalised and free.

    People without a genotype are left out of every risk set. Each variant costs O(n k^2) an iteration: it is
    for the few that a score test has picked.

    Args:
        packed: uint8 (n_variants, ceil(n_people / 4)), PLINK 1 rows.
        place: int64 (n_people,), the row of each person in the model, -1 for people who are not in it.
        time: float64 (n,), end of follow-up.
        event: bool (n,).
        covariates: float64 (n, c), complete, of full rank together with an intercept.
        rows: int64, which variants.
        entry: float64 (n,), start of follow-up (left truncation), None for 0.
        ties: ``breslow`` or ``efron``.

    Returns:
        Log hazard ratio by copy of the effect allele, its standard error from the information, ``stat`` the
        signed root of the penalised likelihood ratio; test ``cox_firth``. Statuses ``FIRTH``,
        ``NOT_CONVERGED``, ``COLLINEAR``.
    """
    rows = np.asarray(rows, np.int64)
    inside = np.flatnonzero(place >= 0)
    dosages = np.empty((len(rows), len(time)), np.int8)
    dosages[:, place[inside]] = unpack(packed[rows], len(place))[:, inside]
    fits = np.full((3, len(rows)), np.nan)
    outcome = np.empty(len(rows), np.int8)
    for v, dosage in enumerate(dosages):
        called = dosage >= 0
        outcome[v], fits[:, v] = _fit(
            RiskSets.of(time[called], event[called], None if entry is None else entry[called], ties),
            standardised(covariates[called]),
            dosage[called].astype(float),
        )
    beta, se, ratio = fits
    stat = np.sign(beta) * np.sqrt(np.maximum(ratio, 0))
    return refined(beta, se, stat, neg_log10_p_normal(stat), "cox_firth", outcome, "FIRTH")


def _fit(sets: RiskSets, covariates: np.ndarray, dosage: np.ndarray) -> tuple[int, tuple[float, ...]]:
    nothing = (np.nan,) * 3
    varies = covariates.std(axis=0) > 0
    columns = np.column_stack([covariates[:, varies], dosage - dosage.mean()]) if len(dosage) else covariates
    if len(sets.event) == 0 or not np.ptp(dosage) > 0:
        return kernels.DEPENDENT, nothing
    norm = columns / np.linalg.norm(columns, axis=0)
    left = norm[:, -1] - norm[:, :-1] @ np.linalg.lstsq(norm[:, :-1], norm[:, -1], rcond=None)[0]
    if left @ left < _COLLINEAR:
        return kernels.DEPENDENT, nothing
    free = np.arange(columns.shape[1]) < columns.shape[1] - 1
    null = climb(sets, columns, np.zeros(len(free)), free, penalised=True)
    best = climb(sets, columns, null.coefficients, penalised=True)
    if not (null.converged and best.converged):
        return kernels.NO_CONVERGENCE, nothing
    se = float(np.sqrt(np.linalg.inv(best.information)[-1, -1]))
    return kernels.FITTED, (float(best.coefficients[-1]), se, 2 * (best.likelihood - null.likelihood))
