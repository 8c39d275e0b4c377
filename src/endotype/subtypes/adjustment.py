"""From recorded values to model values: transformed, freed of confounders, scaled; frozen for new patients.

A gaussian feature is (g(x) - centre - sum of slope_c * (confounder_c - mean_c)) / scale, with g the
identity or the logarithm. Slopes come by least squares from training patients with the feature and all
confounders recorded. Where a patient's confounder is missing its mean is used, so nothing is taken off.

A binary feature or a count keeps its values, and confounders shift its log odds or its log mean by
sum of slope_c * (confounder_c - mean_c): a logistic or Poisson regression on the confounders, taken only
where they explain the feature better than chance (:data:`MAX_P`). Categories are not adjusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

MIN_CASES_PER_COLUMN = 5
"""Patients with everything recorded that a confounder column needs; with fewer a feature isn't adjusted."""

MAX_P = 0.01
"""p-value under which confounders are taken to explain a binary feature or a count."""

_RIDGE = 1.0
"""Penalty on standardised slopes of binary features and counts; it keeps them finite under separation."""

SKEWED = 1.0
"""Skewness over which a positive feature is modelled on the log scale, if that makes it less skewed."""


@dataclass(frozen=True)
class Confounder:
    """One numeric column of the design.

    Attributes:
        column: of the clinical table, ``pcN`` of the ancestry table, or a column of the feature table.
        source: which of the three.
        level: the category that is coded 1; ``None`` for a number.
        levels: all categories that training knew; others count as missing.
        mean: over the training patients.
    """

    column: str
    source: Literal["clinical", "ancestry", "features"]
    level: str | None
    levels: tuple[str, ...]
    mean: float

    @property
    def name(self) -> str:
        """``column`` or ``column=level``."""
        return self.column if self.level is None else f"{self.column}={self.level}"


@dataclass(frozen=True)
class FeatureScale:
    """How one feature becomes model values.

    Attributes:
        name, view, kind: as in ``features.json``.
        transform: ``identity`` or ``log`` (values of 0 and less then count as missing).
        centre, scale: 0 and 1 unless gaussian.
        slopes: one per confounder, in the units of the transformed feature, or on the log scale.
        levels: of a category, in the order of its columns.
    """

    name: str
    view: str
    kind: Literal["gaussian", "binary", "count", "category"]
    transform: Literal["identity", "log"]
    centre: float
    scale: float
    slopes: tuple[float, ...]
    levels: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the model columns: the feature, or ``feature=level``."""
        return tuple(f"{self.name}={level}" for level in self.levels) if self.levels else (self.name,)


def confounder_values(
    table: pd.DataFrame | None, column: str, level: str | None, levels: tuple[str, ...]
) -> np.ndarray:
    """One design column, float64 with NaN where missing; ``table`` is indexed by patient."""
    if table is None or column not in table.columns:
        return np.full(0 if table is None else len(table), np.nan)
    values = table[column]
    if level is None:
        return pd.to_numeric(values).to_numpy(dtype=float, na_value=np.nan)
    coded = (values == level).to_numpy(dtype=float, na_value=np.nan)
    return np.where(values.isin(levels).to_numpy(bool), coded, np.nan)


def find_confounders(
    dictionary: dict[str, Any],
    clinical: pd.DataFrame,
    ancestry: pd.DataFrame,
    features: pd.DataFrame | None = None,
    from_features: Sequence[str] = (),
) -> list[Confounder]:
    """Design columns that vary among training patients (all tables indexed by patient, same rows).

    Confounders of the dictionary in its order, categories with all levels but the first, then the principal
    components, then the columns ``from_features`` of the feature table.
    """
    wanted: list[tuple[Literal["clinical", "ancestry", "features"], str, str | None, tuple[str, ...]]] = []
    for column, entry in dictionary["columns"].items():
        if entry["role"] != "confounder" or column not in clinical.columns:
            continue
        if entry["type"] == "category":
            levels = tuple(sorted(clinical[column].dropna().unique()))
            wanted += [("clinical", column, level, levels) for level in levels[1:]]
        else:
            wanted.append(("clinical", column, None, ()))
    wanted += [("ancestry", pc, None, ()) for pc in principal_components(ancestry)]
    wanted += [("features", column, None, ()) for column in from_features]
    tables = {"clinical": clinical, "ancestry": ancestry, "features": features}
    found = []
    for source, column, level, levels in wanted:
        values = confounder_values(tables[source], column, level, levels)
        values = values[np.isfinite(values)]
        if values.size and values.min() < values.max():
            found.append(Confounder(column, source, level, levels, float(values.mean())))
    return found


def principal_components(ancestry: pd.DataFrame) -> list[str]:
    """The names ``pc1``, ``pc2`` ... among the columns, in order of their number."""
    names = [c for c in ancestry.columns if c.startswith("pc") and c[2:].isdigit()]
    return sorted(names, key=lambda name: int(name[2:]))


def design_matrix(
    confounders: Sequence[Confounder],
    clinical: pd.DataFrame,
    ancestry: pd.DataFrame,
    features: pd.DataFrame | None = None,
) -> np.ndarray:
    """Confounders less their training means, shape (n, c), NaN where missing."""
    tables = {"clinical": clinical, "ancestry": ancestry, "features": features}
    columns = []
    for c in confounders:
        values = confounder_values(tables[c.source], c.column, c.level, c.levels)
        columns.append(values - c.mean if len(values) == len(clinical) else np.full(len(clinical), np.nan))
    return np.column_stack(columns) if columns else np.empty((len(clinical), 0))


def fit_scale(
    name: str,
    view: str,
    kind: str,
    values: np.ndarray,
    design: np.ndarray,
    levels: Sequence[str] = (),
) -> FeatureScale | str:
    """Learn how a feature becomes model values, or the reason why it can't be used.

    Args:
        name, view, kind: as in ``features.json``.
        values: recorded values of the training patients, NaN or None where missing; shape (n,).
        design: of :func:`design_matrix`; shape (n, c).
        levels: of a category.
    """
    none = (0.0,) * design.shape[1]
    if kind == "category":
        used = tuple(level for level in levels if (values == level).any())
        if len(used) < 2:
            return NOT_RECORDED if not used else ALL_THE_SAME
        return FeatureScale(name, view, "category", "identity", 0.0, 1.0, none, used)
    seen = values[np.isfinite(values)]
    if seen.size == 0:
        return NOT_RECORDED
    if seen.min() == seen.max():
        return ALL_THE_SAME
    if kind in ("binary", "count"):
        slopes = _log_linear(values, design, kind)
        return FeatureScale(name, view, kind, "identity", 0.0, 1.0, slopes)  # type: ignore[arg-type]
    # Only discovery learns scales; to assign patients need not wait for this import.
    from scipy.stats import skew

    transform: Literal["identity", "log"] = "identity"
    if seen.min() > 0 and skew(seen) > SKEWED and abs(skew(np.log(seen))) < skew(seen):
        transform = "log"
    y = transformed(values, transform)
    centre, slopes = _least_squares(y, design)
    bare = FeatureScale(name, view, "gaussian", transform, centre, 1.0, slopes)
    residual = model_values(bare, values, design)[:, 0]
    scale = float(np.nanstd(residual))
    if not scale > 1e-9 * float(np.nanstd(y)):
        return "explained by the confounders alone"
    centre += float(np.nanmean(residual))
    return FeatureScale(name, view, "gaussian", transform, centre, scale, slopes)


NOT_RECORDED = "not recorded in any patient of the training set"
ALL_THE_SAME = "the same in every patient of the training set"


def transformed(values: np.ndarray, transform: str) -> np.ndarray:
    """g(x) of the module's formula."""
    if transform == "identity":
        return values
    return np.log(np.where(values > 0, values, np.nan))


def offsets(scale: FeatureScale, design: np.ndarray) -> np.ndarray:
    """Sum of slope_c * (confounder_c - mean_c), a missing confounder adding nothing; shape (n,).

    Added up column by column rather than as a matrix product, so that a patient alone gets the bits that the
    same patient gets among others.
    """
    total = np.zeros(len(design))
    for slope, column in zip(scale.slopes, design.T, strict=True):
        if slope != 0:
            total = total + slope * np.where(np.isfinite(column), column, 0.0)
    return total


def model_values(scale: FeatureScale, values: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Model values of one feature, NaN where missing; shape (n, 1), or (n, levels) of a category.

    A level that training didn't know is missing.
    """
    if scale.kind == "category":
        hits = np.column_stack([(values == level).astype(float) for level in scale.levels])
        hits[hits.sum(axis=1) == 0] = np.nan
        return hits
    if scale.kind != "gaussian":
        return np.asarray(values, float)[:, None]
    result = transformed(values, scale.transform) - scale.centre - offsets(scale, design)
    return (result / scale.scale)[:, None]


def _log_linear(values: np.ndarray, design: np.ndarray, kind: str) -> tuple[float, ...]:
    """Slopes of a logistic or Poisson regression on the confounders; 0 where they don't explain anything.

    The deviance that the confounders take off is compared with chi-square; of counts it is divided first by
    Pearson's estimate of overdispersion (McCullagh & Nelder 1989). Slopes are shrunk a little.
    """
    n_columns = design.shape[1]
    none = (0.0,) * n_columns
    complete = np.isfinite(values) & np.isfinite(design).all(axis=1)
    y, D = values[complete], design[complete]
    informative = min(y.sum(), (1 - y).sum()) if kind == "binary" else (y > 0).sum()
    if n_columns == 0 or informative < MIN_CASES_PER_COLUMN * (n_columns + 1):
        return none
    size = np.where(D.std(axis=0) > 0, D.std(axis=0), 1.0)
    X = np.column_stack([np.ones(len(y)), (D - D.mean(axis=0)) / size])
    beta = np.zeros(n_columns + 1)
    mean = y.mean()
    beta[0] = np.log(mean / (1 - mean)) if kind == "binary" else np.log(mean)
    penalty = np.r_[0.0, np.full(n_columns, _RIDGE)]
    for _ in range(50):
        eta = np.clip(X @ beta, -30, 30)
        mu = 1 / (1 + np.exp(-eta)) if kind == "binary" else np.exp(eta)
        weight = mu * (1 - mu) if kind == "binary" else mu
        step = np.linalg.solve(
            (X * weight[:, None]).T @ X + np.diag(penalty), X.T @ (y - mu) - penalty * beta
        )
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            break
    eta = np.clip(X @ beta, -30, 30)
    mu = 1 / (1 + np.exp(-eta)) if kind == "binary" else np.exp(eta)
    gain = 2 * (_log_likelihood(y, mu, kind) - _log_likelihood(y, np.full_like(y, mean), kind))
    if kind == "count":
        gain /= max(float(((y - mu) ** 2 / mu).sum()) / max(len(y) - n_columns - 1, 1), 1.0)
    from scipy.stats import chi2

    if chi2.sf(gain, n_columns) >= MAX_P:
        return none
    return tuple(float(b) for b in beta[1:] / size)


def _log_likelihood(y: np.ndarray, mu: np.ndarray, kind: str) -> float:
    if kind == "binary":
        return float((y * np.log(mu) + (1 - y) * np.log1p(-mu)).sum())
    return float((y * np.log(mu) - mu).sum())


def _least_squares(y: np.ndarray, design: np.ndarray) -> tuple[float, tuple[float, ...]]:
    """Intercept and slopes over complete cases; slopes 0 when there are too few."""
    n_columns = design.shape[1]
    complete = np.isfinite(y) & np.isfinite(design).all(axis=1)
    if n_columns == 0 or complete.sum() < MIN_CASES_PER_COLUMN * (n_columns + 1):
        return float(np.nanmean(y)), (0.0,) * n_columns
    D = design[complete]
    # Columns of very different size (a principal component, an age) would spoil the rank decision.
    size = np.where(D.std(axis=0) > 0, D.std(axis=0), 1.0)
    solution, *_ = np.linalg.lstsq(np.column_stack([np.ones(len(D)), D / size]), y[complete], rcond=1e-10)
    return float(solution[0]), tuple(float(s) for s in solution[1:] / size)
