"""Saddlepoint tails of a Cox model's score test, for variants whose events or carriers are few.

Given her cumulative hazard, a person's events are a Poisson process stopped at one: her martingale residual
is a Poisson count minus its expectation, and the score a weighted sum of them whose cumulant generating
function is known. (The form of Dey et al. 2022, Nat Commun 13:5437, without random effects; an empirical
function of the residuals, Bi et al. 2020, Am J Hum Genet 107:222, would forget that residuals go with
follow-up and covariates.) The variance is that of the hazard, not of the risk sets that happened to occur,
which is small for the same reason that the score of a rare allele is large.
"""

from __future__ import annotations

import numpy as np

from endotype.association import rare_case_kernels as kernels
from endotype.association.cox import CoxModel
from endotype.association.rare_case import Refined
from endotype.association.spa import SWITCH, from_tails


def refine_cox_spa(
    packed: np.ndarray, place: np.ndarray, model: CoxModel, rows: np.ndarray, switch: float = SWITCH
) -> Refined:
    """Score test of some variants of a block with saddlepoint tails.

    Args:
        packed: uint8 (n_variants, ceil(n_people / 4)), PLINK 1 rows.
        place: int64 (n_people,), the row of each person in the data that the model was fitted to, -1 for
            people who are not in it.
        model: the covariates alone.
        rows: int64, which variants.
        switch: ``|z|`` from which the saddlepoint is taken.

    Returns:
        As :func:`~endotype.association.spa.refine_spa`; tests ``cox_spa`` and ``cox_score``. The score below
        the switch has the variance of the hazard too. People without a genotype are left out of the score;
        the hazard is everybody's.
    """
    expected = cumulative_hazard(model)
    design = np.column_stack([np.ones(model.n), model.covariates])
    lower = np.linalg.cholesky(design.T @ (expected[:, None] * design))
    basis = np.ascontiguousarray(np.linalg.solve(lower, design.T))
    row_of = np.empty(model.n, np.int64)
    row_of[model.order] = np.arange(model.n)
    tails = kernels.saddlepoint_packed(
        packed,
        np.asarray(rows, np.int64),
        np.where(place < 0, -1, row_of[place]),
        basis,
        expected,
        expected,
        np.zeros(model.n),
        model.event.astype(float),
        True,
        switch,
        False,
    )
    return from_tails(tails, switch, "cox")


def cumulative_hazard(model: CoxModel) -> np.ndarray:
    """Expected events of each person in her follow-up, (n,), times descending (Breslow 1974)."""
    at_risk = np.cumsum(model.hazard)[model.tie_end - 1]
    first = np.append(0, model.tie_end[:-1])
    events = np.add.reduceat(model.event.astype(float), first) if model.n else np.zeros(0)
    increment = events / at_risk
    until = np.cumsum(increment[::-1])[::-1]
    return model.hazard * np.repeat(until, np.diff(np.append(0, model.tie_end)))
