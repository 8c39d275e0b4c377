"""Whom the model can speak for: the range of its training patients' ancestry and of their measurements.

Ancestry: training patients' principal components are described by a few gaussian groups; a patient is inside
if the distance from the nearest group is no more than chance allows for one in a thousand of its members, or
than the farthest hundredth of the training patients. No patient's components are kept. Measurements: a
number far from all of training is more likely in other units than real.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from endotype.subtypes.adjustment import FeatureScale
from endotype.subtypes.mixture import Data, fit
from endotype.subtypes.transform import recorded

MAX_ANCESTRIES = 5
MIN_PATIENTS = 30
"""Patients with ancestry that a range needs."""

INSIDE_CHANCE, INSIDE_SHARE = 0.999, 0.99
BEYOND_SPANS, BEYOND_FACTOR = 1.0, 3.0
"""A value is far off if it is this many spans of training beyond its end, or, of a positive feature, this
many times under the smallest."""

INSIDE, OUTSIDE, NOT_ASSESSED, NOT_IN_MODEL = "inside", "outside", "not_assessed", "not_in_model"


@dataclass(frozen=True)
class AncestryRange:
    """Groups of ancestry.

    Attributes:
        components: names of the principal components, as in the ancestry table.
        mean, variance: of each group, shape (k, c).
        limit: largest root mean squared distance, in standard deviations, of a patient inside.
    """

    components: tuple[str, ...]
    mean: np.ndarray
    variance: np.ndarray
    limit: float

    def status(self, ancestry: pd.DataFrame) -> np.ndarray:
        """``inside``, ``outside`` or ``not_assessed`` (a component is missing) for each row."""
        values = _components(ancestry, self.components)
        known = np.isfinite(values).all(axis=1)
        distance = _distance(np.where(np.isfinite(values), values, 0.0), self.mean, self.variance)
        return np.where(known, np.where(distance <= self.limit, INSIDE, OUTSIDE), NOT_ASSESSED)


def fit_ancestry(ancestry: pd.DataFrame, components: list[str], seed: int) -> AncestryRange | None:
    """The range of training patients, or none if too few have all components."""
    from scipy.stats import chi2

    values = _components(ancestry, components)
    values = values[np.isfinite(values).all(axis=1)]
    if not components or len(values) < MIN_PATIENTS:
        return None
    centre, scale = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-12)
    data = Data.of((values - centre) / scale, np.zeros(len(components), bool))
    fits = [fit(data, k, np.random.default_rng([seed, 71, k]), 10) for k in range(1, MAX_ANCESTRIES + 1)]
    best = min(fits, key=lambda mixture: mixture.bic(data.n))
    mean, variance = best.location * scale + centre, best.variance * scale**2
    distance = np.sort(_distance(values, mean, variance))
    chance = float(np.sqrt(chi2.ppf(INSIDE_CHANCE, len(components)) / len(components)))
    return AncestryRange(
        tuple(components), mean, variance, max(chance, float(np.quantile(distance, INSIDE_SHARE)))
    )


def _components(ancestry: pd.DataFrame, names: list[str] | tuple[str, ...]) -> np.ndarray:
    columns = [
        ancestry[name].to_numpy(dtype=float, na_value=np.nan)
        if name in ancestry.columns
        else np.full(len(ancestry), np.nan)
        for name in names
    ]
    return np.column_stack(columns) if columns else np.empty((len(ancestry), 0))


def _distance(values: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Root mean squared distance from the nearest group, shape (n,); summed component by component."""
    nearest = np.full(len(values), np.inf)
    for m, v in zip(mean, variance, strict=True):
        total = np.zeros(len(values))
        for j in range(values.shape[1]):
            total += (values[:, j] - m[j]) ** 2 / v[j]
        nearest = np.minimum(nearest, total / values.shape[1])
    return np.sqrt(nearest)


@dataclass(frozen=True)
class FeatureRange:
    """What training patients had of one feature.

    Attributes:
        name: of the feature.
        unit: of its recorded values; ``None`` if the study named none.
        low, high: least and largest recorded value.
        binary: whether only 0 and 1 are values.
    """

    name: str
    unit: str | None
    low: float
    high: float
    binary: bool

    def unusable(self, values: np.ndarray) -> np.ndarray:
        """Which recorded values (n,) can't be of this feature in this unit; missing ones are not among
        them."""
        with np.errstate(invalid="ignore"):
            if self.binary:
                return np.isfinite(values) & ~np.isin(values, (0.0, 1.0))
            span = BEYOND_SPANS * (self.high - self.low)
            far = (values > self.high + span) | (values < self.low - span)
            if self.low > 0:
                far |= values < self.low / BEYOND_FACTOR
            return np.isfinite(values) & far | np.isinf(values)

    def message(self, value: float) -> str:
        """Why ``value`` isn't used."""
        if self.binary:
            return f"{self.name} = {value:g} is neither 0 nor 1"
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"{self.name} = {value:g} is far from the {self.low:g} to {self.high:g}{unit} of the training "
            "patients; is it in another unit?"
        )


def feature_range(name: str, unit: str | None, values: np.ndarray, binary: bool) -> FeatureRange:
    """The range of recorded values (n,), NaN where missing; at least one is there."""
    return FeatureRange(name, unit, float(np.nanmin(values)), float(np.nanmax(values)), binary)


def feature_ranges(
    features: pd.DataFrame, info: Sequence[Mapping[str, Any]], scales: Sequence[FeatureScale]
) -> dict[str, FeatureRange]:
    """Ranges of the features in use but for categories, from training patients.

    Args:
        features: recorded values.
        info: entries of ``features.json``, for the units.
        scales: features in use.
    """
    units = {entry["name"]: entry.get("unit") for entry in info}
    return {
        scale.name: feature_range(
            scale.name, units.get(scale.name), recorded(features, scale), scale.kind == "binary"
        )
        for scale in scales
        if scale.kind != "category"
    }
