"""Firth's penalised Cox regression, for variants whose events or carriers are few.

Half the log determinant of the information is added to the log partial likelihood, so that a variant none of
whose carriers had the event, or all of them at once, has a finite estimate (Heinze and Schemper 2001,
Biometrics 57:114).
"""

from __future__ import annotations

import numpy as np

from endotype.association import rare_case_kernels as kernels
from endotype.association.cox import CoxModel
from endotype.association.cox_firth_kernels import cox_firth_dense, cox_firth_packed
from endotype.association.rare_case import Refined, refined
from endotype.association.tail_kernels import neg_log10_p_normal


def refine_cox_firth(
    packed: np.ndarray,
    place: np.ndarray,
    model: CoxModel,
    rows: np.ndarray,
    *,
    approximate: bool = False,
) -> Refined:
    """Firth's Cox regression of some variants of a block: a penalised likelihood ratio.

    Exactly, all coefficients are penalised and free, and both sides of the ratio have the penalty of the
    whole design. Approximately, the covariates keep their fit as an offset and are taken out of the dosage;
    only beta is free and penalised. People without a genotype are left out of every risk set in both. Late
    entry and the rule for ties are the model's.

    Args:
        packed: uint8 (n_variants, ceil(n_people / 4)), PLINK 1 rows.
        place: int64 (n_people,), the row of each person in the model, -1 for people who are not in it.
        model: the covariates alone.
        rows: int64, which variants.
        approximate: see above.

    Returns:
        Log hazard ratio by copy of the effect allele, its standard error from the information, ``stat`` the
        signed root of the penalised likelihood ratio; test ``cox_firth`` or ``cox_firth_approximate``.
        Statuses ``FIRTH``, ``NOT_CONVERGED``, ``COLLINEAR``.
    """
    fits, outcome = cox_firth_packed(
        packed,
        np.asarray(rows, np.int64),
        place,
        model.rows.columns,
        model.rows.rows,
        np.log(model.hazard),
        *model.sets.arrays,
        approximate,
    )
    return _found(fits, outcome, approximate)


def refine_cox_firth_dense(dosages: np.ndarray, model: CoxModel, *, approximate: bool = False) -> Refined:
    """As :func:`refine_cox_firth` for complete float64 dosages (m, n), such as burdens."""
    fits, outcome = cox_firth_dense(
        dosages, model.rows.columns, model.rows.rows, np.log(model.hazard), *model.sets.arrays, approximate
    )
    return _found(fits, outcome, approximate)


def _found(fits: np.ndarray, outcome: np.ndarray, approximate: bool) -> Refined:
    beta, se = fits[:, kernels.BETA], fits[:, kernels.SE]
    stat = np.sign(beta) * np.sqrt(fits[:, kernels.LIKELIHOOD_RATIO])
    test = "cox_firth_approximate" if approximate else "cox_firth"
    return refined(beta, se, stat, neg_log10_p_normal(stat), test, outcome, "FIRTH")
