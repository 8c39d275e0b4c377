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
from endotype.association.spa import from_tails


def refine_cox_spa(
    packed: np.ndarray, place: np.ndarray, model: CoxModel, rows: np.ndarray, switch: float = 0.0
) -> Refined:
    """Score test of some variants of a block with saddlepoint tails.

    Args:
        packed: uint8 (n_variants, ceil(n_people / 4)), PLINK 1 rows.
        place: int64 (n_people,), the row of each person in the data that the model was fitted to, -1 for
            people who are not in it.
        model: the covariates alone.
        rows: int64, which variants.
        switch: ``|z|`` from which the saddlepoint is taken; below it the tail is normal.

    Returns:
        As :func:`~endotype.association.spa.refine_spa`; tests ``cox_spa`` and ``cox_score``. The score below
        the switch has the variance of the hazard too. People without a genotype are left out of the score;
        the hazard is everybody's.
    """
    tails = kernels.saddlepoint_packed(
        packed,
        np.asarray(rows, np.int64),
        place,
        *_poisson(model),
        switch,
        False,
    )
    return from_tails(tails, switch, "cox")


def refine_cox_spa_dense(dosages: np.ndarray, model: CoxModel, switch: float = 0.0) -> Refined:
    """As :func:`refine_cox_spa` for complete float64 dosages (m, n), such as burdens."""
    return from_tails(kernels.saddlepoint_dense(dosages, *_poisson(model), switch), switch, "cox")


def _poisson(model: CoxModel) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, bool]:
    """Basis, weight, expectation, unread log odds, events: what the kernel takes of Poisson counts."""
    expected = model.expected
    return model.count_basis, expected, expected, np.zeros(model.n), model.case.astype(float), True
