"""Wald's test of a logistic model: the maximum likelihood of the dosage and its covariates, together."""

from __future__ import annotations

import numpy as np

from endotype.association import rare_case_kernels as kernels
from endotype.association.rare_case import BinaryNull, Refined, refined
from endotype.association.tail_kernels import neg_log10_p_normal


def refine_wald(
    packed: np.ndarray, place: np.ndarray, null: BinaryNull, rows: np.ndarray, *, missing: str = "drop"
) -> Refined:
    """Wald's test of some variants of a block.

    Newton's method from the null; who is left out is left out exactly, of the covariates' fit too.

    Args:
        packed: uint8 (n_variants, ceil(n_people / 4)), PLINK 1 rows.
        place: int64 (n_people,), the row of each person in the model, -1 for people who are not in it.
        null: the covariates alone.
        rows: int64, which variants.
        missing: ``drop`` leaves people without a genotype out; ``mean`` gives them that of the called.

    Returns:
        Log odds ratio by copy of the effect allele, its standard error, ``z = beta / se``; test
        ``logistic_wald``. Statuses ``OK``, ``SEPARATION``, ``NOT_CONVERGED``, ``COLLINEAR``.
    """
    fits, outcome = kernels.wald_packed(
        packed, np.asarray(rows, np.int64), place, null.basis, null.predictor, null.case, missing == "mean"
    )
    beta, se = fits[:, kernels.BETA], fits[:, kernels.SE]
    stat = beta / se
    return refined(beta, se, stat, neg_log10_p_normal(stat), "logistic_wald", outcome, "OK")
