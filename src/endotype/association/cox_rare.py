"""The test of a Cox model for few events or few carriers: saddlepoint tails, Firth's estimate.

The saddlepoint keeps the level where Firth's likelihood ratio does not (1 % of events, alleles of 0.3 to 1 %:
twice too many p < 0.001), but has no estimate of its own beyond one Newton step. Firth's estimate is finite
and close also for large effects.
"""

from __future__ import annotations

import numpy as np

from endotype.association.cox import CoxModel
from endotype.association.cox_firth import refine_cox_firth, refine_cox_firth_dense
from endotype.association.cox_spa import refine_cox_spa, refine_cox_spa_dense
from endotype.association.null_model import Statistics
from endotype.association.rare_case import Refined


def refine_cox(packed: np.ndarray, place: np.ndarray, model: CoxModel, rows: np.ndarray) -> Refined:
    """Saddlepoint p-values of some variants of a block, with the estimates of Firth's regression.

    Args:
        packed: uint8 (n_variants, ceil(n_people / 4)), PLINK 1 rows.
        place: int64 (n_people,), the row of each person in the model, -1 for people who are not in it.
        model: the covariates alone.
        rows: int64, which variants.

    Returns:
        ``stat`` is the normal deviate that has the p-value of
        :func:`~endotype.association.cox_spa.refine_cox_spa`; ``beta`` is that of Firth's regression along the
        dosage with its covariates taken out, and ``se = |beta / stat|`` agrees with the p-value; test
        ``cox_spa_firth``. Where Firth's climb fails, or its estimate has another sign than the score, the
        row is that of ``cox_spa``. Statuses ``SPA``, ``NOT_CONVERGED``, ``COLLINEAR``.
    """
    return _joined(
        refine_cox_spa(packed, place, model, rows),
        refine_cox_firth(packed, place, model, rows, approximate=True),
    )


def refine_cox_dense(dosages: np.ndarray, model: CoxModel, rows: np.ndarray) -> Refined:
    """As :func:`refine_cox` for rows of complete float64 dosages (m, n), such as burdens."""
    dosages = np.ascontiguousarray(dosages[rows], float)
    return _joined(
        refine_cox_spa_dense(dosages, model), refine_cox_firth_dense(dosages, model, approximate=True)
    )


def _joined(tails: Refined, estimates: Refined) -> Refined:
    found, beta = tails.statistics, estimates.statistics.beta
    with np.errstate(invalid="ignore", divide="ignore"):
        use = (beta * found.stat > 0) & (tails.status == "SPA")
        se = np.where(use, np.abs(beta / found.stat), found.se)
    return Refined(
        Statistics(
            np.where(use, beta, found.beta),
            se,
            found.stat,
            found.neg_log10_p,
            np.where(use, "cox_spa_firth", found.test),
        ),
        tails.status,
    )
