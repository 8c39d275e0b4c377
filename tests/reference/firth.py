"""Firth's penalised likelihoods and the plain ones, slow and obvious: maximised by a general optimiser."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize


def log_likelihood(
    coefficients: np.ndarray, design: np.ndarray, case: np.ndarray, offset: np.ndarray
) -> float:
    predictor = offset + design @ coefficients
    return float(case @ predictor - np.logaddexp(0, predictor).sum())


def information(coefficients: np.ndarray, design: np.ndarray, offset: np.ndarray) -> np.ndarray:
    risk = 1 / (1 + np.exp(-offset - design @ coefficients))
    return design.T @ ((risk * (1 - risk))[:, None] * design)


def penalised(coefficients: np.ndarray, design: np.ndarray, case: np.ndarray, offset: np.ndarray) -> float:
    """Firth (1993): the log-likelihood plus half the log determinant of the information."""
    sign, log_determinant = np.linalg.slogdet(information(coefficients, design, offset))
    assert sign > 0
    return log_likelihood(coefficients, design, case, offset) + 0.5 * float(log_determinant)


def climb(function, start: np.ndarray) -> tuple[np.ndarray, float]:
    """The maximum of a function, first without derivatives and then by differences of them."""
    found = minimize(lambda b: -function(b), start, method="BFGS", options={"gtol": 1e-7})
    for _ in range(3):
        found = minimize(
            lambda b: -function(b), found.x, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13}
        )
        found = minimize(lambda b: -function(b), found.x, method="BFGS", options={"gtol": 1e-9})
    return found.x, float(-found.fun)


def firth(
    case: np.ndarray, covariates: np.ndarray, dosage: np.ndarray, offset: np.ndarray | None = None
) -> tuple[float, float, float]:
    """beta, standard error (from the information) and likelihood ratio of one dosage.

    All coefficients are penalised. In the likelihood ratio the penalty of both sides is that of the whole
    design (Heinze and Schemper 2002). ``covariates`` (n, c) come without an intercept; people with dosage -1
    are left out.
    """
    called = dosage >= 0
    offset = np.zeros(len(case)) if offset is None else offset
    design = np.column_stack([dosage, np.ones(len(case)), covariates])[called].astype(float)
    y, o = case[called].astype(float), offset[called]
    start = np.zeros(design.shape[1])
    best, top = climb(lambda b: penalised(b, design, y, o), start)
    _, bottom = climb(lambda b: penalised(np.append(0.0, b), design, y, o), best[1:])
    se = np.sqrt(np.linalg.inv(information(best, design, o))[0, 0])
    return float(best[0]), float(se), 2 * (top - bottom)


def firth_with_offset(case: np.ndarray, dosage: np.ndarray, offset: np.ndarray) -> tuple[float, float, float]:
    """As :func:`firth` for a dosage alone: everything else is known and stands in ``offset``."""
    called = np.isfinite(dosage)
    design, y, o = dosage[called, None].astype(float), case[called].astype(float), offset[called]
    best, top = climb(lambda b: penalised(b, design, y, o), np.zeros(1))
    se = 1 / np.sqrt(information(best, design, o)[0, 0])
    return float(best[0]), float(se), 2 * (top - penalised(np.zeros(1), design, y, o))


def firth_covariates(case: np.ndarray, covariates: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """The predictor of the covariates alone, penalised."""
    design = np.column_stack([np.ones(len(case)), covariates])
    best, _ = climb(lambda b: penalised(b, design, case.astype(float), offset), np.zeros(design.shape[1]))
    return offset + design @ best


def wald(
    case: np.ndarray, covariates: np.ndarray, dosage: np.ndarray, offset: np.ndarray | None = None
) -> tuple[float, float]:
    """beta and standard error of the plain logistic model, among the called."""
    called = dosage >= 0
    offset = np.zeros(len(case)) if offset is None else offset
    design = np.column_stack([dosage, np.ones(len(case)), covariates])[called].astype(float)
    y, o = case[called].astype(float), offset[called]
    best, _ = climb(lambda b: log_likelihood(b, design, y, o), np.zeros(design.shape[1]))
    for _ in range(5):  # Newton steps polish what the optimiser left
        risk = 1 / (1 + np.exp(-o - design @ best))
        best = best + np.linalg.solve(information(best, design, o), design.T @ (y - risk))
    return float(best[0]), float(np.sqrt(np.linalg.inv(information(best, design, o))[0, 0]))
