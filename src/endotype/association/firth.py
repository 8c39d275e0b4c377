"""Firth's penalised logistic regression, for variants whose cases or carriers are few.

The log-likelihood is raised by half the log determinant of the information, Jeffreys' prior, which takes away
the estimates' first-order bias and gives a finite estimate to every variant (Firth 1993, Biometrika 80:27;
Heinze and Schemper 2002, Stat Med 21:2409).
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from endotype.association import rare_case_kernels as kernels
from endotype.association.null_model import Statistics
from endotype.association.rare_case import BinaryNull, Refined, refined
from endotype.association.tail_kernels import neg_log10_p_normal
from endotype.association.wald import refine_wald
from endotype.variants.plink import unpack

FEW_ALLELES = 20
"""Minor alleles expected among the cases, or the controls where they are fewer, from which on Wald's test
keeps its level: at p < 0.001 it finds 3.5 times too much below one, 1.3 times at two to five, and no more
from ten on (180,000 null tests, 1 to 30 % cases); Firth's likelihood ratio 0.5 to 1.1 times everywhere."""


def refine_firth(
    packed: np.ndarray,
    place: np.ndarray,
    null: BinaryNull,
    rows: np.ndarray,
    *,
    approximate: bool = False,
    missing: str = "drop",
) -> Refined:
    """Firth's test of some variants of a block: a penalised likelihood ratio.

    Exactly, all coefficients are penalised and free (as in logistf, plink2 and regenie), and both sides of
    the ratio have the penalty of the whole design. Approximately (as in regenie), the covariates keep their
    own penalised fit as an offset and are taken out of the dosage with the weights of the null; only beta is
    free. There people without the rarer allele are summed by a second-order expansion while they carry at
    most ``rare_case_kernels.SPLIT`` of the information, so that a rare variant costs its carriers only.

    Args:
        packed: uint8 (n_variants, ceil(n_people / 4)), PLINK 1 rows.
        place: int64 (n_people,), the row of each person in the model, -1 for people who are not in it.
        null: the covariates alone.
        rows: int64, which variants.
        approximate: see above.
        missing: ``drop`` leaves people without a genotype out, exactly; ``mean`` gives them that of the
            called.

    Returns:
        Log odds ratio, its standard error from the information (plink2's), ``stat`` the signed root of the
        likelihood ratio; test ``logistic_firth`` or ``logistic_firth_approximate``. Statuses ``FIRTH``,
        ``NOT_CONVERGED``, ``COLLINEAR``.
    """
    rows = np.asarray(rows, np.int64)
    fits, outcome = kernels.firth_packed(
        packed,
        rows,
        place,
        null.basis,
        null.weight,
        null.penalised_predictor,
        null.case,
        approximate,
        missing == "mean",
    )
    beta, se = fits[:, kernels.BETA], fits[:, kernels.SE]
    stat = np.sign(beta) * np.sqrt(fits[:, kernels.LIKELIHOOD_RATIO])
    test = "logistic_firth_approximate" if approximate else "logistic_firth"
    return refined(beta, se, stat, neg_log10_p_normal(stat), test, outcome, "FIRTH")


def refine_wald_or_firth(
    packed: np.ndarray, place: np.ndarray, null: BinaryNull, rows: np.ndarray, *, missing: str = "drop"
) -> Refined:
    """Wald's test, and Firth's of the variants that have no finite or no estimate (plink2's firth-fallback).

    Args and returns as :func:`refine_firth` (exact); ``test`` and ``status`` of a row say which it was.
    """
    rows = np.asarray(rows, np.int64)
    found = refine_wald(packed, place, null, rows, missing=missing)
    again = np.isin(found.status.astype(str), ["SEPARATION", "NOT_CONVERGED"])
    if not again.any():
        return found
    return _put(found, again, refine_firth(packed, place, null, rows[again], missing=missing))


def refine_by_count(
    packed: np.ndarray, place: np.ndarray, null: BinaryNull, rows: np.ndarray, *, missing: str = "drop"
) -> Refined:
    """Firth's test of variants with few alleles, Wald's (Firth's where that has no estimate) of the others.

    Few are fewer than :data:`FEW_ALLELES` minor alleles expected among the cases, or the controls where they
    are fewer. There Wald's p-values are too small as often as too large.

    Args and returns as :func:`refine_firth` (exact); ``test`` and ``status`` of a row say which it was.
    """
    rows = np.asarray(rows, np.int64)
    share = float(null.case.mean())
    few = minor_alleles(packed[rows], place) * min(share, 1 - share) < FEW_ALLELES
    found = _empty(len(rows))
    for chosen, test in ((few, refine_firth), (~few, refine_wald_or_firth)):
        if chosen.any():
            found = _put(found, chosen, test(packed, place, null, rows[chosen], missing=missing))
    return found


def _empty(n: int) -> Refined:
    unknown, nothing = np.full(n, np.nan), np.full(n, "", object)
    return Refined(Statistics(unknown, unknown, unknown, unknown, nothing), nothing)


def minor_alleles(packed: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Copies of the rarer allele among the called of a model, int64 (n_variants,)."""
    dosages = unpack(np.ascontiguousarray(packed), len(place))[:, place >= 0]
    called = dosages >= 0
    alleles = np.where(called, dosages, 0).sum(axis=1, dtype=np.int64)
    return np.minimum(alleles, 2 * called.sum(axis=1) - alleles)


def _put(whole: Refined, chosen: np.ndarray, part: Refined) -> Refined:
    """Results with those of some rows (bool) replaced."""
    columns = []
    for field in fields(Statistics):
        column = getattr(whole.statistics, field.name).copy()
        column[chosen] = getattr(part.statistics, field.name)
        columns.append(column)
    status = whole.status.copy()
    status[chosen] = part.status
    return Refined(Statistics(*columns), status)
