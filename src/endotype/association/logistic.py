"""Logistic regression of a binary trait: fitted once without the dosage, which is then scored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endotype.association import kernels
from endotype.association.log_odds import expit
from endotype.association.newton import CERTAIN, Derivatives, maximise, standardised
from endotype.association.null_model import Scores, Statistics
from endotype.association.packed_scan import as_words, score_block, score_group
from endotype.association.tail_kernels import neg_log10_p_normal


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
        layout = score_group(place, self.basis, self.residual[:, None], self.weight, self.case)
        (scores,) = score_block(as_words(packed), layout)
        return scores

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
    design = np.column_stack([np.ones(len(case)), standardised(covariates)])
    outcome = case.astype(float)
    found = maximise(lambda b: _log_likelihood(b, design, outcome), design.shape[1])
    predictor = design @ found.coefficients
    risk = expit(predictor)
    weight = risk * (1 - risk)
    converged = found.converged and bool(np.all(np.abs(predictor) < CERTAIN))
    try:
        lower = np.linalg.cholesky((design * weight[:, None]).T @ design)
    except np.linalg.LinAlgError:
        lower, converged = np.eye(design.shape[1]), False
    basis = np.ascontiguousarray(np.linalg.solve(lower, design.T).T)
    return LogisticModel(case.astype(bool), basis, weight, outcome - risk, converged)


def _log_likelihood(coefficients: np.ndarray, design: np.ndarray, outcome: np.ndarray) -> Derivatives:
    predictor = design @ coefficients
    risk = expit(predictor)
    likelihood = float(np.sum(outcome * predictor - np.logaddexp(0, predictor)))
    information = (design * (risk * (1 - risk))[:, None]).T @ design
    return likelihood, design.T @ (outcome - risk), information
