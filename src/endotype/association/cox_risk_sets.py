"""Risk sets of a Cox model with late entry and ties, and its partial likelihood, plain and penalised.

Someone is at risk at a time when she entered before it and is still followed at it. Sorted once by the end
and once by the entry of follow-up, every risk set is a difference of two running sums, and Efron's rule for
ties takes a share of the sum over the tied events off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TIES = ("breslow", "efron")

_MAX_ITERATIONS = 60
_MAX_HALVINGS = 40


@dataclass(frozen=True)
class RiskSets:
    """Who is at risk at each event; n people, e events.

    Attributes:
        event: int64 (e,), the person of each event.
        by_end: int64 (n,), people by falling end of follow-up.
        by_entry: int64 (n,), people by falling entry.
        followed: int64 (e,), how many of ``by_end`` are still followed at the event.
        not_entered: int64 (e,), how many of ``by_entry`` have not entered before it.
        tie: int64 (e,), the number of the event's time among the times of events.
        share: float64 (e,), the share of the tied events' sum that is taken off (Efron), 0 (Breslow).
    """

    event: np.ndarray
    by_end: np.ndarray
    by_entry: np.ndarray
    followed: np.ndarray
    not_entered: np.ndarray
    tie: np.ndarray
    share: np.ndarray

    @classmethod
    def of(
        cls, time: np.ndarray, event: np.ndarray, entry: np.ndarray | None = None, ties: str = "breslow"
    ) -> RiskSets:
        """Find them.

        Args:
            time: float64 (n,), end of follow-up.
            event: bool (n,), whether it ended with the event.
            entry: float64 (n,), start of follow-up, before ``time``; None: all from the start.
            ties: ``breslow`` or ``efron``.

        Raises:
            ValueError: another rule for ties, or a follow-up that ends when it begins or before.
        """
        if ties not in TIES:
            raise ValueError(f"ties '{ties}', expected {' or '.join(TIES)}")
        start = np.full(len(time), -np.inf) if entry is None else np.asarray(entry, float)
        if not np.all(start < time):
            row = int(np.argmin(start < time))
            raise ValueError(f"row {row}: entry {start[row]} is not before the end of follow-up {time[row]}")
        events = np.flatnonzero(event)
        events = events[np.argsort(time[events], kind="stable")]
        at = time[events]
        _, tie, size = np.unique(at, return_inverse=True, return_counts=True)
        rank = np.arange(len(at)) - np.searchsorted(at, at)
        share = rank / size[tie] if ties == "efron" and len(at) else np.zeros(len(at))
        by_end, by_entry = np.argsort(-time, kind="stable"), np.argsort(-start, kind="stable")
        return cls(
            events,
            by_end,
            by_entry,
            np.searchsorted(-time[by_end], -at, "right"),
            np.searchsorted(-start[by_entry], -at, "right"),
            tie,
            share,
        )

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of ``values`` (n, ...) over the risk set of each event, (e, ...)."""
        empty = np.zeros((1, *values.shape[1:]))
        by_end = np.concatenate([empty, np.cumsum(values[self.by_end], axis=0)])
        found = by_end[self.followed]
        if self.not_entered.any():
            by_entry = np.concatenate([empty, np.cumsum(values[self.by_entry], axis=0)])
            found = found - by_entry[self.not_entered]
        if self.share.any():
            tied = np.zeros((self.tie[-1] + 1, *values.shape[1:]))
            np.add.at(tied, self.tie, values[self.event])
            found = found - self.share.reshape(-1, *(1,) * (values.ndim - 1)) * tied[self.tie]
        return found


@dataclass(frozen=True)
class Climb:
    """A maximum: coefficients (k,), information (k, k) there, log-likelihood, and whether it is one."""

    coefficients: np.ndarray
    information: np.ndarray
    likelihood: float
    converged: bool


def derivatives(
    sets: RiskSets, columns: np.ndarray, coefficients: np.ndarray, *, penalised: bool = False
) -> tuple[float, np.ndarray, np.ndarray]:
    """Log partial likelihood, its gradient (k,) and the information (k, k) at ``coefficients``.

    ``penalised`` adds half the log determinant of the information to the likelihood (Heinze and Schemper
    2001, Biometrics 57:114) and its derivative to the gradient; the information is the plain one in either
    case.
    """
    predictor = columns @ coefficients
    predictor = predictor - predictor.max()  # a factor that cancels; without it the hazards may overflow
    hazard = np.exp(predictor)
    risk = sets.sums(hazard)
    weighted = hazard[:, None] * columns
    mean = sets.sums(weighted) / risk[:, None]
    square = sets.sums(weighted[:, :, None] * columns[:, None, :]) / risk[:, None, None]
    information = square.sum(axis=0) - mean.T @ mean
    likelihood = float(predictor[sets.event].sum() - np.log(risk).sum())
    gradient = columns[sets.event].sum(axis=0) - mean.sum(axis=0)
    if not penalised:
        return likelihood, gradient, information
    sign, log_determinant = np.linalg.slogdet(information)
    if sign <= 0:
        return -np.inf, gradient, information
    # Half the trace of inv(information) times its derivative: third central moments within the risk sets,
    # contracted to the distance q = (x - mean)' inv(information) (x - mean) of everyone at risk.
    inverse = np.linalg.inv(information)
    distance = np.einsum("ij,jk,ik->i", columns, inverse, columns)
    far = sets.sums(hazard * distance) / risk
    far_x = sets.sums((hazard * distance)[:, None] * columns) / risk[:, None]
    pulled = mean @ inverse
    middle = np.einsum("ij,ij->i", pulled, mean)
    third = far_x - 2 * np.einsum("ej,ejk->ek", pulled, square) + (2 * middle - far)[:, None] * mean
    return likelihood + 0.5 * float(log_determinant), gradient + 0.5 * third.sum(axis=0), information


def climb(
    sets: RiskSets,
    columns: np.ndarray,
    start: np.ndarray,
    free: np.ndarray | None = None,
    *,
    penalised: bool = False,
) -> Climb:
    """Newton's method with step halving.

    Args:
        sets: of n people.
        columns: float64 (n, k).
        start: float64 (k,).
        free: bool (k,), coefficients that may move; all by default. The penalty is that of all columns.
        penalised: see :func:`derivatives`.
    """
    free = np.ones(len(start), bool) if free is None else free
    coefficients = start.astype(float)
    value, gradient, information = derivatives(sets, columns, coefficients, penalised=penalised)
    for _ in range(_MAX_ITERATIONS):
        step = np.zeros(len(start))
        try:
            step[free] = np.linalg.solve(information[np.ix_(free, free)], gradient[free])
        except np.linalg.LinAlgError:
            return Climb(coefficients, information, value, False)
        if not np.isfinite(step).all():
            return Climb(coefficients, information, value, False)
        if gradient @ step < 1e-12:
            return Climb(coefficients, information, value, True)
        step *= min(1.0, 5.0 / np.abs(step).max())
        for _ in range(_MAX_HALVINGS):
            found = derivatives(sets, columns, coefficients + step, penalised=penalised)
            if found[0] >= value - 1e-13 * abs(value):
                break
            step = step / 2
        else:
            return Climb(coefficients, information, value, bool(gradient @ step < 1e-9))
        coefficients = coefficients + step
        value, gradient, information = found
    return Climb(coefficients, information, value, False)


def score_test(
    sets: RiskSets, covariates: np.ndarray, coefficients: np.ndarray, dosage: np.ndarray
) -> tuple[float, float]:
    """Efficient score and information of a dosage (n,) at the null ``coefficients`` of covariates (n, c).

    ``score^2 / information`` is the score test of the joint model, started from the null (Cox 1972).
    """
    columns = np.column_stack([covariates, dosage])
    _, gradient, information = derivatives(sets, columns, np.append(coefficients, 0.0))
    project = np.linalg.lstsq(information[:-1, :-1], information[:-1, -1], rcond=None)[0]
    return (
        float(gradient[-1] - project @ gradient[:-1]),
        float(information[-1, -1] - project @ information[:-1, -1]),
    )
