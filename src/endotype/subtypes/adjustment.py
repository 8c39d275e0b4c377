"""From recorded values to model values: transformed, freed of confounders, scaled; frozen for new patients.

A gaussian feature is (g(x) - centre - sum of slope_c * (confounder_c - mean_c)) / scale, with g the
identity or the logarithm. Slopes come by least squares from training patients with the feature and all
confounders recorded. Where a patient's confounder is missing its mean is used, so nothing is taken off.
Binary features stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

MIN_CASES_PER_COLUMN = 5
"""Patients with everything recorded that a confounder column needs; with fewer a feature isn't adjusted."""

SKEWED = 1.0
"""Skewness over which a positive feature is modelled on the log scale, if that makes it less skewed."""


@dataclass(frozen=True)
class Confounder:
    """One numeric column of the design.

    Attributes:
        column: of the clinical table, or ``pcN`` of the ancestry table.
        source: which of the two.
        level: the category that is coded 1; ``None`` for a number.
        levels: all categories that training knew; others count as missing.
        mean: over the training patients.
    """

    column: str
    source: Literal["clinical", "ancestry"]
    level: str | None
    levels: tuple[str, ...]
    mean: float

    @property
    def name(self) -> str:
        """``column`` or ``column=level``."""
        return self.column if self.level is None else f"{self.column}={self.level}"


@dataclass(frozen=True)
class FeatureScale:
    """How one feature becomes a model value.

    Attributes:
        name, view, kind: as in ``features.json``.
        transform: ``identity`` or ``log`` (values of 0 and less then count as missing).
        centre, scale: 0 and 1 for binary features.
        slopes: one per confounder, in the units of the transformed feature.
    """

    name: str
    view: str
    kind: Literal["gaussian", "bernoulli"]
    transform: Literal["identity", "log"]
    centre: float
    scale: float
    slopes: tuple[float, ...]


def confounder_values(
    table: pd.DataFrame, column: str, level: str | None, levels: tuple[str, ...]
) -> np.ndarray:
    """One design column, float64 with NaN where missing; ``table`` is indexed by patient."""
    if column not in table.columns:
        return np.full(len(table), np.nan)
    values = table[column]
    if level is None:
        return pd.to_numeric(values).to_numpy(dtype=float, na_value=np.nan)
    coded = (values == level).to_numpy(dtype=float, na_value=np.nan)
    return np.where(values.isin(levels).to_numpy(bool), coded, np.nan)


def find_confounders(
    dictionary: dict[str, Any], clinical: pd.DataFrame, ancestry: pd.DataFrame
) -> list[Confounder]:
    """Design columns that vary among training patients (both tables indexed by patient, same rows).

    Confounders of the dictionary in its order, categories with all levels but the first, then the principal
    components.
    """
    wanted: list[tuple[Literal["clinical", "ancestry"], str, str | None, tuple[str, ...]]] = []
    for column, entry in dictionary["columns"].items():
        if entry["role"] != "confounder" or column not in clinical.columns:
            continue
        if entry["type"] == "category":
            levels = tuple(sorted(clinical[column].dropna().unique()))
            wanted += [("clinical", column, level, levels) for level in levels[1:]]
        else:
            wanted.append(("clinical", column, None, ()))
    wanted += [("ancestry", pc, None, ()) for pc in principal_components(ancestry)]
    found = []
    for source, column, level, levels in wanted:
        values = confounder_values(clinical if source == "clinical" else ancestry, column, level, levels)
        values = values[np.isfinite(values)]
        if values.size and values.min() < values.max():
            found.append(Confounder(column, source, level, levels, float(values.mean())))
    return found


def principal_components(ancestry: pd.DataFrame) -> list[str]:
    """The names ``pc1``, ``pc2`` ... among the columns, in order of their number."""
    names = [c for c in ancestry.columns if c.startswith("pc") and c[2:].isdigit()]
    return sorted(names, key=lambda name: int(name[2:]))


def design_matrix(
    confounders: list[Confounder], clinical: pd.DataFrame, ancestry: pd.DataFrame
) -> np.ndarray:
    """Confounders less their training means, shape (n, c), NaN where missing."""
    columns = [
        confounder_values(clinical if c.source == "clinical" else ancestry, c.column, c.level, c.levels)
        - c.mean
        for c in confounders
    ]
    return np.column_stack(columns) if columns else np.empty((len(clinical), 0))


def fit_scale(name: str, view: str, kind: str, values: np.ndarray, design: np.ndarray) -> FeatureScale | str:
    """Learn how a feature becomes a model value, or the reason why it can't be used.

    Args:
        name, view, kind: as in ``features.json``.
        values: recorded values of the training patients, NaN where missing; shape (n,).
        design: of :func:`design_matrix`; shape (n, c).
    """
    # Only discovery learns scales; to assign patients need not wait for this import.
    from scipy.stats import skew

    seen = values[np.isfinite(values)]
    if seen.size == 0:
        return "not recorded in any patient of the training set"
    if seen.min() == seen.max():
        return "the same in every patient of the training set"
    none = (0.0,) * design.shape[1]
    if kind == "bernoulli":
        return FeatureScale(name, view, "bernoulli", "identity", 0.0, 1.0, none)
    transform: Literal["identity", "log"] = "identity"
    if seen.min() > 0 and skew(seen) > SKEWED and abs(skew(np.log(seen))) < skew(seen):
        transform = "log"
    y = transformed(values, transform)
    centre, slopes = _least_squares(y, design)
    bare = FeatureScale(name, view, "gaussian", transform, centre, 1.0, slopes)
    residual = model_values(bare, values, design)
    scale = float(np.nanstd(residual))
    if not scale > 1e-9 * float(np.nanstd(y)):
        return "explained by the confounders alone"
    centre += float(np.nanmean(residual))
    return FeatureScale(name, view, "gaussian", transform, centre, scale, slopes)


def transformed(values: np.ndarray, transform: str) -> np.ndarray:
    """g(x) of the module's formula."""
    if transform == "identity":
        return values
    return np.log(np.where(values > 0, values, np.nan))


def model_values(scale: FeatureScale, values: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Model values of one feature, shape (n,), NaN where missing.

    Added up column by column rather than as a matrix product, so that a patient alone gets the bits that the
    same patient gets among others.
    """
    if scale.kind == "bernoulli":
        return values
    result = transformed(values, scale.transform) - scale.centre
    for slope, column in zip(scale.slopes, design.T, strict=True):
        result = result - slope * np.where(np.isfinite(column), column, 0.0)
    return result / scale.scale


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
