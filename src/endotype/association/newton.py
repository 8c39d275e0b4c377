"""Newton's method with step halving, for the log-likelihoods of the null models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MAX_ITERATIONS = 50
MAX_HALVINGS = 30

TOLERANCE = 1e-10
"""The decrement at which the climb ends: twice what another step could gain in log-likelihood."""

ROUNDING = 1e-13
"""Relative loss of log-likelihood that is laid to rounding."""

CERTAIN = 30.0
"""A linear predictor beyond this means that a covariate separates the outcomes: no finite estimate."""

Derivatives = tuple[float, np.ndarray, np.ndarray]
"""Log-likelihood, its gradient (c,) and its information (c, c)."""


@dataclass(frozen=True)
class Maximum:
    """Where the climb ended; ``converged`` says whether that is a maximum."""

    coefficients: np.ndarray
    converged: bool


def standardised(covariates: np.ndarray) -> np.ndarray:
    """Covariates (n, c) with mean 0 and, where they vary, standard deviation 1."""
    scale = covariates.std(axis=0)
    return (covariates - covariates.mean(axis=0)) / np.where(scale > 0, scale, 1)


def maximise(log_likelihood: Callable[[np.ndarray], Derivatives], n_coefficients: int) -> Maximum:
    """Climb a concave log-likelihood from zero.

    A step that does not raise the log-likelihood is halved until it does. The climb fails, without an
    exception, when the information is singular or no step helps.
    """
    coefficients = np.zeros(n_coefficients)
    likelihood, gradient, information = log_likelihood(coefficients)
    for _ in range(MAX_ITERATIONS):
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            return Maximum(coefficients, False)
        if gradient @ step < TOLERANCE:
            return Maximum(coefficients + step, True)
        for _ in range(MAX_HALVINGS):
            trial, *derivatives = log_likelihood(coefficients + step)
            if trial >= likelihood - ROUNDING * abs(likelihood):
                break
            step = step / 2
        else:
            return Maximum(coefficients, False)
        coefficients, likelihood = coefficients + step, trial
        gradient, information = derivatives
    return Maximum(coefficients, False)
