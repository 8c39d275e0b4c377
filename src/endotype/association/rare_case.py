"""A binary trait's null model as the tests for few cases or few carriers take it, and what they give back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from endotype.association import rare_case_kernels as kernels
from endotype.association.log_odds import expit, logit
from endotype.association.logistic import LogisticModel
from endotype.association.newton import MAX_HALVINGS, MAX_ITERATIONS, TOLERANCE
from endotype.association.null_model import Statistics

_FAILURES = {
    kernels.SEPARATED: "SEPARATION",
    kernels.NO_CONVERGENCE: "NOT_CONVERGED",
    kernels.DEPENDENT: "COLLINEAR",
}


@dataclass(frozen=True)
class Refined:
    """What a test says of the rows that were given to it, arrays of their number.

    ``status`` (text) is ``OK``, ``FIRTH`` or ``SPA`` where there is a result, else the reason why there is
    none: ``SEPARATION`` (no finite estimate: a threshold of the dosage parts cases from controls, or dosage
    and covariates together do), ``NOT_CONVERGED`` or ``COLLINEAR``; the statistics are then NaN.
    ``statistics.se`` is from the information.
    """

    statistics: Statistics
    status: np.ndarray

    @property
    def ratio_se(self) -> np.ndarray:
        """The standard error that agrees with the p-value, ``|beta / stat|``; NaN where stat is 0."""
        found = self.statistics
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(found.stat != 0, np.abs(found.beta / found.stat), np.nan)


Refine = Callable[[np.ndarray], Refined]
"""From the rows (int64) of a block that the score test finds remarkable to what another test says of them."""


def with_refined(
    statistics: Statistics, status: np.ndarray, refine: Refine, threshold: float
) -> tuple[Statistics, np.ndarray]:
    """Statistics and statuses (text) of a block, rows with ``|stat| >= threshold`` tested again."""
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero((status == "OK") & (np.abs(statistics.stat) >= threshold))
    if not len(rows):
        return statistics, status
    again = refine(rows)
    columns = []
    for field in fields(Statistics):
        column = getattr(statistics, field.name).copy()
        column[rows] = getattr(again.statistics, field.name)
        columns.append(column)
    status = status.copy()
    status[rows] = again.status
    return Statistics(*columns), status


@dataclass(frozen=True)
class BinaryNull:
    """A fitted :class:`~endotype.association.logistic.LogisticModel`, laid out for the kernels.

    An offset that the model was fitted with is part of its risk, and so of everything that follows.

    Attributes:
        case: float64 (n,), 1 for a case.
        basis: float64 (k, n), ``basis diag(weight) basis' = I``.
        weight: float64 (n,).
        risk: float64 (n,).
    """

    case: np.ndarray
    basis: np.ndarray
    weight: np.ndarray
    risk: np.ndarray

    @classmethod
    def of(cls, model: LogisticModel) -> BinaryNull:
        """Lay out a model that converged."""
        case = model.case.astype(float)
        return cls(case, np.ascontiguousarray(model.basis.T), model.weight, case - model.residual)

    @cached_property
    def predictor(self) -> np.ndarray:
        """float64 (n,), log odds at the maximum of the likelihood."""
        return logit(self.risk)

    @cached_property
    def penalised_predictor(self) -> np.ndarray:
        """float64 (n,), log odds at the maximum of Firth's penalised likelihood of the covariates.

        Steps of Newton's method with the weights ``w (1 + leverage)``, halved until they help.
        """
        current = self.predictor
        value, step, decrement = self._penalised_step(current)
        for _ in range(MAX_ITERATIONS):
            if decrement < TOLERANCE:
                return current + step @ self.basis
            for _ in range(MAX_HALVINGS):
                trial = current + step @ self.basis
                found = self._penalised_step(trial)
                if found[0] >= value - 1e-11 * abs(value):
                    break
                step = step / 2
            current, (value, step, decrement) = trial, found
        return current

    def _penalised_step(self, predictor: np.ndarray) -> tuple[float, np.ndarray, float]:
        risk = expit(predictor)
        weight = risk * (1 - risk)
        information = (self.basis * weight) @ self.basis.T
        leverage = weight * np.sum(self.basis * np.linalg.solve(information, self.basis), axis=0)
        value = self.case @ predictor - np.logaddexp(0, predictor).sum()
        value += 0.5 * np.linalg.slogdet(information)[1]
        gradient = self.basis @ (self.case - risk + leverage * (0.5 - risk))
        step = np.linalg.solve((self.basis * (weight * (1 + leverage))) @ self.basis.T, gradient)
        return float(value), step, float(gradient @ step)


def refined(
    beta: np.ndarray,
    se: np.ndarray,
    stat: np.ndarray,
    neg_log10_p: np.ndarray,
    test: str,
    outcome: np.ndarray,
    success: str,
) -> Refined:
    """Statistics where the kernel's ``outcome`` is a fit; NaN and the reason elsewhere."""
    fitted = outcome == kernels.FITTED
    beta, se, stat, neg_log10_p = (
        np.where(fitted, values, np.nan) for values in (beta, se, stat, neg_log10_p)
    )
    status = np.array([_FAILURES.get(int(o), success) for o in outcome], object)
    return Refined(Statistics(beta, se, stat, neg_log10_p, np.full(len(outcome), test, object)), status)
