"""Association tests, slow and obvious: one variant at a time, straight from the formulae."""

from __future__ import annotations

import math

import numpy as np


def ordinary_least_squares(
    trait: np.ndarray, covariates: np.ndarray, dosage: np.ndarray
) -> tuple[float, float, int]:
    """beta, standard error and degrees of freedom of the dosage; people with dosage -1 are left out."""
    called = dosage >= 0
    design = np.column_stack([np.ones(called.sum()), covariates[called], dosage[called]])
    coefficients, _, rank, _ = np.linalg.lstsq(design, trait[called], rcond=None)
    df = int(called.sum() - rank)
    residual = trait[called] - design @ coefficients
    covariance = np.linalg.pinv(design.T @ design) * (residual @ residual) / df
    return float(coefficients[-1]), math.sqrt(covariance[-1, -1]), df


def logistic_null(case: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """Coefficients (intercept first) by iteratively reweighted least squares."""
    design = np.column_stack([np.ones(len(case)), covariates])
    coefficients = np.zeros(design.shape[1])
    for _ in range(100):
        risk = 1 / (1 + np.exp(-design @ coefficients))
        weight = risk * (1 - risk)
        working = design @ coefficients + (case - risk) / weight
        root = np.sqrt(weight)
        coefficients = np.linalg.lstsq(design * root[:, None], working * root, rcond=None)[0]
    return coefficients


def logistic_score(case: np.ndarray, covariates: np.ndarray, dosage: np.ndarray) -> tuple[float, float]:
    """Efficient score U and information V of the dosage.

    The null coefficients are those of everybody; among the called one Newton step corrects them.
    """
    coefficients = logistic_null(case, covariates)
    called = dosage >= 0
    design = np.column_stack([np.ones(len(case)), covariates])[called]
    risk = 1 / (1 + np.exp(-design @ coefficients))
    weight = np.diag(risk * (1 - risk))
    g = dosage[called].astype(float)
    project = g @ weight @ design @ np.linalg.pinv(design.T @ weight @ design)
    score = g @ (case[called] - risk) - project @ design.T @ (case[called] - risk)
    information = g @ weight @ g - project @ design.T @ weight @ g
    return float(score), float(information)


def cox_derivatives(
    time: np.ndarray,
    event: np.ndarray,
    columns: np.ndarray,
    coefficients: np.ndarray,
    entry: np.ndarray | None = None,
    ties: str = "efron",
) -> tuple[float, np.ndarray, np.ndarray]:
    """Log partial likelihood, its gradient and its information, by explicit risk sets."""
    hazard = np.exp(columns @ coefficients)
    start = np.full(len(time), -np.inf) if entry is None else entry
    likelihood = float((columns @ coefficients)[event].sum())
    gradient = columns[event].sum(axis=0)
    information = np.zeros((columns.shape[1],) * 2)
    for t in np.unique(time[event]):
        at_risk = (start < t) & (time >= t)
        tied = event & (time == t)
        for r in range(tied.sum()):
            share = r / tied.sum() if ties == "efron" else 0.0
            weight = hazard * at_risk - share * hazard * tied
            likelihood -= math.log(weight.sum())
            weight = weight / weight.sum()
            mean = weight @ columns
            centred = columns - mean
            gradient = gradient - mean
            information += centred.T @ (weight[:, None] * centred)
    return likelihood, gradient, information


def cox_null(
    time: np.ndarray,
    event: np.ndarray,
    covariates: np.ndarray,
    entry: np.ndarray | None = None,
    ties: str = "efron",
) -> np.ndarray:
    """Coefficients of the null model by plain Newton steps."""
    coefficients = np.zeros(covariates.shape[1])
    for _ in range(30):
        _, gradient, information = cox_derivatives(time, event, covariates, coefficients, entry, ties)
        coefficients = coefficients + np.linalg.solve(information, gradient)
    return coefficients


def cox_score(
    time: np.ndarray,
    event: np.ndarray,
    covariates: np.ndarray,
    coefficients: np.ndarray,
    dosage: np.ndarray,
    entry: np.ndarray | None = None,
    ties: str = "efron",
) -> tuple[float, float]:
    """Efficient score U and information V of the dosage in the risk sets of the called.

    ``coefficients`` are those of :func:`cox_null`.
    """
    called = dosage >= 0
    columns = np.column_stack([covariates, dosage])[called].astype(float)
    _, gradient, information = cox_derivatives(
        time[called],
        event[called],
        columns,
        np.append(coefficients, 0.0),
        None if entry is None else entry[called],
        ties,
    )
    project = information[-1, :-1] @ np.linalg.pinv(information[:-1, :-1])
    return float(gradient[-1] - project @ gradient[:-1]), float(
        information[-1, -1] - project @ information[:-1, -1]
    )
