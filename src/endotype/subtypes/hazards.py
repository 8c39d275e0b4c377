"""Cox regression as the assessment of subtypes uses it: coded terms, estimates, predicted survival."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import special

from endotype.association import cox_kernels
from endotype.association.cox_risk_sets import RiskSets
from endotype.association.newton import Derivatives, maximise, standardised
from endotype.subtypes.kaplan_meier import NORMAL_975

NO_ESTIMATE = 100.0
"""A standard error over this, per standard deviation of its column, means that no estimate is finite."""

RESAMPLE_RIDGE = 1e-4
"""Penalty per standardised coefficient in resamples: a level that a resample has without events, or not at
all, then keeps a finite coefficient; others move by less than a thousandth of their error."""


@dataclass(frozen=True)
class Term:
    """One variable of a regression.

    Attributes:
        name: of the variable.
        columns: names of its design columns; ``name`` or ``name=level``.
        values: float64 (n, number of columns), NaN where missing.
        reference: the level that has no column; ``None`` for numbers.
    """

    name: str
    columns: tuple[str, ...]
    values: np.ndarray
    reference: str | None = None

    def rows(self, index: np.ndarray) -> Term:
        """The term of some of the people."""
        return Term(self.name, self.columns, self.values[index], self.reference)


@dataclass(frozen=True)
class SurvivalData:
    """Follow-up of n people, complete.

    Attributes:
        time: float64 (n,), end of follow-up.
        event: bool (n,), whether it ended with the event.
        entry: float64 (n,), before ``time``, or ``None``: everybody from the beginning.
    """

    time: np.ndarray
    event: np.ndarray
    entry: np.ndarray | None = None

    def rows(self, index: np.ndarray) -> SurvivalData:
        """Some of the people, in any order and as often as ``index`` says."""
        return SurvivalData(
            self.time[index], self.event[index], None if self.entry is None else self.entry[index]
        )

    @property
    def n(self) -> int:
        """Number of people."""
        return len(self.time)


@dataclass(frozen=True)
class HazardFit:
    """A fitted Cox model.

    Attributes:
        coefficients: float64 (c,), log hazard ratio per unit of each design column; 0 of constant columns.
        errors: float64 (c,), standard errors; NaN where there is no finite estimate.
        covariance: float64 (c, c).
        means: float64 (c,), of the columns; predictions are relative to them.
        log_likelihood, log_likelihood_null: with the columns and without.
        converged: whether the climb ended at a maximum.
        sets: who was at risk when.
        predictor: float64 (n,), of the people fitted.
    """

    coefficients: np.ndarray
    errors: np.ndarray
    covariance: np.ndarray
    means: np.ndarray
    log_likelihood: float
    log_likelihood_null: float
    converged: bool
    sets: RiskSets
    predictor: np.ndarray

    def predict(self, columns: np.ndarray) -> np.ndarray:
        """Log relative hazard of people with these columns (n, c), against the mean of the fitted."""
        # Column by column, so that nobody's value depends on who else is there.
        total = np.zeros(len(columns))
        for coefficient, mean, column in zip(self.coefficients, self.means, columns.T, strict=True):
            total = total + coefficient * (column - mean)
        return total

    @cached_property
    def baseline(self) -> tuple[np.ndarray, np.ndarray]:
        """Event times, and the cumulative hazard of an average person up to each (ties by Efron's rule)."""
        n = len(self.predictor)
        hazard, weight = np.exp(self.predictor), np.empty(n)
        n_events = int(self.sets.event.sum())
        at, share = np.empty(n_events, np.int64), np.empty(n_events)
        inverse, many = np.empty(n_events), np.empty(n_events)
        n_slots, _ = cox_kernels.find_slots(
            hazard, np.ones(n), *self.sets.arrays, weight, at, share, inverse, many
        )
        steps = np.bincount(at[:n_slots], weights=(many * inverse)[:n_slots], minlength=len(self.sets.times))
        return self.sets.times, np.cumsum(steps)

    def survival(self, columns: np.ndarray, horizon: float) -> np.ndarray:
        """Predicted probability of no event up to ``horizon``, shape (n,)."""
        times, hazard = self.baseline
        step = int(np.searchsorted(times, horizon, side="right")) - 1
        total = hazard[step] if step >= 0 else 0.0
        return np.exp(-total * np.exp(self.predict(columns)))

    def ratio(self, column: int) -> dict[str, float | None]:
        """Hazard ratio of one column with its 95 % interval and two-sided p (Wald); null without one."""
        beta, error = float(self.coefficients[column]), float(self.errors[column])
        if not np.isfinite(error) or error <= 0 or not self.converged:
            return {"hazard_ratio": None, "low": None, "high": None, "p": None}
        return {
            "hazard_ratio": float(np.exp(beta)),
            "low": float(np.exp(beta - NORMAL_975 * error)),
            "high": float(np.exp(beta + NORMAL_975 * error)),
            "p": float(2 * special.ndtr(-abs(beta) / error)),
        }


def fit_hazards(survival: SurvivalData, columns: np.ndarray, ridge: float = 0.0) -> HazardFit:
    """Fit by Newton's method; ties by Efron's rule.

    Args:
        survival: complete follow-up of n people.
        columns: float64 (n, c), complete; constant columns get the coefficient 0.
        ridge: penalty ridge / 2 on the square of each standardised coefficient.
    """
    sets = RiskSets.of(survival.time, survival.event, survival.entry)
    means, scale = columns.mean(axis=0), columns.std(axis=0)
    varies = scale > 1e-12 * np.maximum(np.abs(columns).max(axis=0, initial=0.0), 1e-300)
    design = np.ascontiguousarray(standardised(columns[:, varies]).T)

    def penalised(b: np.ndarray) -> Derivatives:
        value, gradient, information = cox_kernels.partial_likelihood(design, b, *sets.arrays)
        return value - ridge / 2 * (b @ b), gradient - ridge * b, information + ridge * np.eye(len(b))

    found = maximise(penalised, len(design))
    likelihood, _, information = cox_kernels.partial_likelihood(design, found.coefficients, *sets.arrays)
    null, _, _ = cox_kernels.partial_likelihood(design, np.zeros(len(design)), *sets.arrays)
    size, c = scale[varies], columns.shape[1]
    coefficients, errors, covariance = np.zeros(c), np.full(c, np.nan), np.zeros((c, c))
    coefficients[varies] = found.coefficients / size
    inverse = _inverse(information)
    if inverse is not None:
        own = np.sqrt(np.maximum(np.diag(inverse), 0))
        errors[varies] = np.where(own < NO_ESTIMATE, own / size, np.nan)
        covariance[np.ix_(varies, varies)] = inverse / np.outer(size, size)
    predictor = np.zeros(survival.n)
    for b, row in zip(found.coefficients, design, strict=True):
        predictor = predictor + b * row
    return HazardFit(
        coefficients,
        errors,
        covariance,
        means,
        float(likelihood),
        float(null),
        bool(found.converged and inverse is not None),
        sets,
        predictor,
    )


def likelihood_ratio(larger: HazardFit, smaller: HazardFit, df: int) -> dict[str, float | int | None]:
    """Likelihood-ratio test of nested models on the same people; null where a fit has no maximum."""
    if df <= 0 or not (larger.converged and smaller.converged):
        return {"chi2": None, "df": df, "p": None}
    chi2 = max(2 * (larger.log_likelihood - smaller.log_likelihood), 0.0)
    return {"chi2": chi2, "df": df, "p": float(special.chdtrc(df, chi2))}


def code_term(name: str, values: pd.Series) -> Term:
    """A column of the clinical table as design columns.

    Numbers and yes/no stay one column. Words get a column for each level but the most frequent, in the order
    of the alphabet; ties go to the first.
    """
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_numeric_dtype(values.dtype):
        return Term(name, (name,), values.to_numpy(dtype=float, na_value=np.nan)[:, None])
    text = values.astype("object").where(values.notna(), None)
    seen = [str(v) for v in text if v is not None]
    levels = sorted(set(seen))
    if not levels:
        return Term(name, (name,), np.full((len(values), 1), np.nan))
    reference = max(levels, key=lambda level: (seen.count(level), [-ord(c) for c in level]))
    others = [level for level in levels if level != reference]
    coded = np.array(
        [[np.nan if v is None else float(str(v) == level) for level in others] for v in text], float
    ).reshape(len(values), len(others))
    return Term(name, tuple(f"{name}={level}" for level in others), coded, reference)


def code_groups(name: str, labels: np.ndarray, names: list[str]) -> Term:
    """Groups as columns; the first, the largest, is the reference."""
    values = np.column_stack([(labels == g).astype(float) for g in range(1, len(names))])
    return Term(name, tuple(f"{name}={n}" for n in names[1:]), values, names[0])


def design_of(terms: list[Term], n: int) -> np.ndarray:
    """All columns side by side, float64 (n, c)."""
    return np.column_stack([t.values for t in terms]) if terms else np.empty((n, 0))


def independent_terms(terms: list[Term], n: int) -> tuple[list[Term], list[str]]:
    """Terms without the columns that don't vary or repeat what columns before them say, and their names.

    Args:
        terms: complete, in the order in which they are preferred.
        n: number of people.
    """
    kept: list[np.ndarray] = [np.ones(n) / np.sqrt(n)]
    result, dropped = [], []
    for term in terms:
        use = []
        for j, column in enumerate(term.values.T):
            rest = column.astype(float)
            length = float(np.linalg.norm(rest))
            for _ in range(2):  # twice is enough: Gram-Schmidt loses digits the first time
                for basis in kept:
                    rest = rest - basis * float(basis @ rest)
            size = float(np.linalg.norm(rest))
            if size > 1e-8 * max(length, 1e-300):
                kept.append(rest / size)
                use.append(j)
            else:
                dropped.append(term.columns[j])
        if use:
            columns = tuple(term.columns[j] for j in use)
            result.append(Term(term.name, columns, term.values[:, use], term.reference))
    return result, dropped


def _inverse(information: np.ndarray) -> np.ndarray | None:
    if len(information) == 0:
        return information
    try:
        np.linalg.cholesky(information)
        return np.linalg.inv(information)
    except np.linalg.LinAlgError:
        return None
