"""A classifier of given labels: multinomial logistic regression with a ridge penalty.

log odds of class k = a_k + sum_j b_kj z_j, where z are the model values (counts as logarithms) and, when
there are binary columns, the number of them that are 1: rules that say "at least two of these" need it. a
and b maximise sum_i log p(y_i) - ||b||² / 2C; C is chosen by cross-validated log loss. The log odds are
divided by a temperature that was fitted on held-out patients. Holes are averaged over, not filled
(:mod:`endotype.subtypes.completion`). Source: Hastie, Tibshirani & Friedman 2009, section 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from endotype.subtypes import classifier_kernels as kernels
from endotype.subtypes.calibration import fit_temperature, log_loss, softmax
from endotype.subtypes.completion import DRAWS, TRAINING_DRAWS, completed
from endotype.subtypes.kernels import BINARY, COUNT
from endotype.subtypes.mixture import Data, Mixture

PENALTIES = (0.01, 0.1, 1.0, 10.0, 30.0)
"""Values of C that are tried."""

BURDEN_SCALE = 4.0
"""Binary columns that are 1 count this much less than a column of their own."""

MAX_ITERATIONS, GRADIENT_TOLERANCE = 1000, 1e-6


@dataclass(frozen=True)
class Classifier:
    """Fitted coefficients; columns are those of the mixture, then the burden when ``burden`` is set.

    Attributes:
        intercept: shape (k,).
        coefficients: shape (k, q).
        temperature: what log odds are divided by.
        penalty: C.
        burden: whether the number of binary columns that are 1 is the last column.
    """

    intercept: np.ndarray
    coefficients: np.ndarray
    temperature: float
    penalty: float
    burden: bool

    def posterior(self, data: Data, mixture: Mixture) -> np.ndarray:
        """Calibrated probability of each class given the values seen, shape (n, k).

        ``mixture`` is the class-conditional one, from which the missing values are drawn.
        """
        result = np.empty((data.n, len(self.intercept)))
        complete = data.seen.all(axis=1)
        whole = np.flatnonzero(complete)
        result[whole] = self._mean(data.x[whole], data.kind, 1)
        for i in np.flatnonzero(~complete):
            one = data.rows(np.array([i]))
            values, _ = completed(mixture, one, mixture.posterior(one), DRAWS)
            result[i] = self._mean(values, data.kind, DRAWS)[0]
        return result

    def _mean(self, values: np.ndarray, kind: np.ndarray, draws: int) -> np.ndarray:
        columns = design_columns(values, kind, self.burden)
        logit = kernels.logits(columns, self.intercept, self.coefficients)
        return kernels.mean_softmax(logit, self.temperature, draws)

    def logits(self, data: Data, mixture: Mixture) -> np.ndarray:
        """Log odds before the temperature, up to a constant per patient, shape (n, k)."""
        return np.log(np.maximum(replace(self, temperature=1.0).posterior(data, mixture), 1e-300))


def design_columns(values: np.ndarray, kind: np.ndarray, burden: bool) -> np.ndarray:
    """Columns of the regression from model values (n, p) without holes, shape (n, q)."""
    columns = values.copy()
    counts = kind == COUNT
    columns[:, counts] = np.log1p(np.maximum(columns[:, counts], 0.0))
    if burden:
        present = values[:, kind == BINARY].sum(axis=1) / BURDEN_SCALE
        columns = np.column_stack([columns, present])
    return np.ascontiguousarray(columns)


def fit_classifier(data: Data, labels: np.ndarray, mixture: Mixture, penalty: float) -> Classifier:
    """Coefficients for one penalty, at temperature 1.

    BLAS must be held to one thread by the caller. Patients with holes enter a few times, each time with
    values drawn from their class, and weigh one in all.

    Args:
        data: training patients.
        labels: their classes, int64, shape (n,), each of 0..k-1 at least once.
        mixture: class-conditional mixture of the same patients.
        penalty: C; larger is looser.
    """
    # Only learning needs it; to apply a model need not wait for this import.
    from scipy.optimize import minimize

    k = mixture.k
    complete = data.seen.all(axis=1)
    parts = [(data.x[complete], labels[complete], np.ones(int(complete.sum())))]
    if not complete.all():
        holey = data.rows(np.flatnonzero(~complete))
        known = np.eye(k)[labels[~complete]]
        values, groups = completed(mixture, holey, known, TRAINING_DRAWS)
        parts.append((values, groups, np.full(len(values), 1 / TRAINING_DRAWS)))
    values, classes, weight = (np.concatenate([part[i] for part in parts]) for i in range(3))
    burden = int((data.kind == BINARY).sum()) > 1
    X = design_columns(values, data.kind, burden)
    truth = np.eye(k)[classes]
    q = X.shape[1]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        a, b = flat[:k], flat[k:].reshape(k, q)
        logit = X @ b.T + a
        top = logit.max(axis=1, keepdims=True)
        total = np.log(np.exp(logit - top).sum(axis=1)) + top[:, 0]
        own = logit[np.arange(len(classes)), classes]
        residual = (np.exp(logit - total[:, None]) - truth) * weight[:, None]
        value = float((weight * (total - own)).sum()) + 0.5 / penalty * float((b * b).sum())
        gradient = np.concatenate([residual.sum(axis=0), (residual.T @ X + b / penalty).ravel()])
        return value / len(labels), gradient / len(labels)

    start = np.zeros(k * (q + 1))
    options = {"maxiter": MAX_ITERATIONS, "gtol": GRADIENT_TOLERANCE, "ftol": 1e-12, "maxcor": 20}
    solution = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    return Classifier(solution[:k], solution[k:].reshape(k, q), 1.0, penalty, burden)


@dataclass(frozen=True)
class Choice:
    """The penalty of least held-out log loss, its temperature, and the held-out log odds (n, k)."""

    penalty: float
    temperature: float
    logits: np.ndarray
    losses: dict[float, float]


def choose_penalty(data: Data, labels: np.ndarray, folds: np.ndarray, mixtures: list[Mixture]) -> Choice:
    """Cross-validate :data:`PENALTIES`.

    Args:
        data, labels: training patients and their classes; every class is in every training fold.
        folds: the fold of each patient, int64, shape (n,).
        mixtures: for each fold, the class-conditional mixture of the patients outside it.
    """
    best: Choice | None = None
    losses: dict[float, float] = {}
    for penalty in PENALTIES:
        held_out = np.empty((data.n, mixtures[0].k))
        for fold, mixture in enumerate(mixtures):
            inside, outside = folds == fold, folds != fold
            fitted = fit_classifier(data.rows(outside), labels[outside], mixture, penalty)
            held_out[inside] = fitted.logits(data.rows(inside), mixture)
        temperature = fit_temperature(held_out, labels)
        losses[penalty] = log_loss(softmax(held_out, temperature), labels)
        if best is None or losses[penalty] < losses[best.penalty]:
            best = Choice(penalty, temperature, held_out, losses)
    assert best is not None
    return best
