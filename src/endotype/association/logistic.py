"""Logistic regression of a binary trait: fitted once without the dosage, which is then scored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from endotype.association import kernels
from endotype.association.null_model import Scores, Statistics
from endotype.association.tails import neg_log10_p_normal

_MAX_ITERATIONS = 50
_MAX_HALVINGS = 30
_TOLERANCE = 1e-10
_ROUNDING = 1e-13
_CERTAIN = 30.0
"""A linear predictor beyond this means that covariates separate the cases: there is no finite estimate."""


@dataclass(frozen=True)
class LogisticModel:
    """A binary trait with the covariates' part of its risk.

    Attributes:
        case: bool (n,).
        basis: float64 (n, k), with ``basis' diag(weight) basis = I``.
        weight: float64 (n,), ``risk (1 - risk)``.
        residual: float64 (n,), ``case - risk``.
    """

    case: np.ndarray
    basis: np.ndarray
    weight: np.ndarray
    residual: np.ndarray
    converged: bool

    @property
    def n(self) -> int:
        """People in the model."""
        return len(self.case)

    def score(self, packed: np.ndarray, place: np.ndarray) -> Scores:
        """See :class:`~endotype.association.null_model.NullModel`."""
        weighted = self.weight[:, None] * self.basis
        return Scores(
            *kernels.score_packed(
                packed, place, self.basis, weighted, self.weight, self.residual, self.case.astype(np.uint8)
            )
        )

    def score_dense(self, dosages: np.ndarray) -> Scores:
        """See :class:`~endotype.association.null_model.NullModel`."""
        weighted = self.weight[:, None] * self.basis
        sums, rank = kernels.score_dense(dosages, self.basis, weighted, self.weight, self.residual)
        return Scores(np.zeros((len(sums), kernels.N_COUNTS), np.int64), sums, rank)

    def statistics(self, scores: Scores) -> Statistics:
        """The efficient score test (Rao 1948), and the one-step estimates that belong to it.

        ``z = U / sqrt(V)``; ``beta = U / V`` and ``se = 1 / sqrt(V)`` are one Newton step from the null, a
        log odds ratio that is close for small effects and too small for large ones. People without a
        genotype are left out; the null coefficients then follow by one Newton step too.
        """
        return score_statistics(scores, "logistic_score")


def score_statistics(scores: Scores, test: str) -> Statistics:
    """z, one-step beta and standard error of score tests."""
    score, information = scores.sums[:, kernels.SCORE], scores.sums[:, kernels.INFORMATION]
    stat = score / np.sqrt(information)
    return Statistics(
        score / information,
        1 / np.sqrt(information),
        stat,
        neg_log10_p_normal(stat),
        np.full(len(stat), test, object),
    )


def fit_logistic(case: np.ndarray, covariates: np.ndarray) -> LogisticModel:
    """Fit the null model by Newton's method with step halving.

    Args:
        case: bool (n,).
        covariates: float64 (n, c), complete, of full rank together with an intercept.

    Returns:
        A model; ``converged`` is false when the covariates separate the cases from the controls, or the
        iteration did not settle.
    """
    scale = covariates.std(axis=0)
    centred = (covariates - covariates.mean(axis=0)) / np.where(scale > 0, scale, 1)
    design = np.column_stack([np.ones(len(case)), centred])
    outcome = case.astype(float)
    coefficients = np.zeros(design.shape[1])
    likelihood = _log_likelihood(design @ coefficients, outcome)
    converged = False
    for _ in range(_MAX_ITERATIONS):
        risk = expit(design @ coefficients)
        gradient = design.T @ (outcome - risk)
        information = (design * (risk * (1 - risk))[:, None]).T @ design
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            break
        # The decrement is twice what a Newton step can still gain in log-likelihood.
        if gradient @ step < _TOLERANCE:
            converged = True
            coefficients = coefficients + step
            break
        for _ in range(_MAX_HALVINGS):
            trial = _log_likelihood(design @ (coefficients + step), outcome)
            if trial >= likelihood - _ROUNDING * abs(likelihood):
                break
            step = step / 2
        else:
            break
        coefficients, likelihood = coefficients + step, trial
    predictor = design @ coefficients
    risk = expit(predictor)
    weight = risk * (1 - risk)
    converged = converged and bool(np.all(np.abs(predictor) < _CERTAIN))
    try:
        lower = np.linalg.cholesky((design * weight[:, None]).T @ design)
    except np.linalg.LinAlgError:
        lower, converged = np.eye(design.shape[1]), False
    basis = np.ascontiguousarray(np.linalg.solve(lower, design.T).T)
    return LogisticModel(case.astype(bool), basis, weight, outcome - risk, converged)


def _log_likelihood(predictor: np.ndarray, outcome: np.ndarray) -> float:
    return float(np.sum(outcome * predictor - np.logaddexp(0, predictor)))
