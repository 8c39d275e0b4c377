"""What the members of a subtype are like, beside all patients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

PROFILE_COLUMNS = [
    "subtype",
    "feature",
    "n",
    "mean_or_rate",
    "cohort_mean_or_rate",
    "standardised_difference",
]


def profile(
    features: pd.DataFrame, info: list[dict[str, Any]], labels: np.ndarray, subtypes: list[str]
) -> pd.DataFrame:
    """Recorded values of each subtype beside those of all training patients; no rows without subtypes.

    The standardised difference is (mean of the subtype - mean of all) / standard deviation of all. A category
    has a row for each level, ``feature=level``, with the share of patients as mean.
    """
    rows = []
    for index, subtype in enumerate(subtypes):
        for name, values in profile_columns(features, info):
            everyone = values[(labels >= 0) & np.isfinite(values)]
            members = values[(labels == index) & np.isfinite(values)]
            mean, cohort_mean = (float(v.mean()) if v.size else None for v in (members, everyone))
            spread = float(everyone.std()) if everyone.size else 0.0
            difference = (
                (mean - cohort_mean) / spread
                if mean is not None and cohort_mean is not None and spread
                else None
            )
            rows.append((subtype, name, len(members), mean, cohort_mean, difference))
    types = ["str", "str", "int64", "float64", "float64", "float64"]
    return pd.DataFrame(rows, columns=PROFILE_COLUMNS).astype(dict(zip(PROFILE_COLUMNS, types, strict=True)))


def profile_columns(features: pd.DataFrame, info: list[dict[str, Any]]) -> list[tuple[str, np.ndarray]]:
    """Features as numbers, a category as one column of 0 and 1 for each level."""
    columns: list[tuple[str, np.ndarray]] = []
    for feature in info:
        column = features[feature["name"]]
        if feature["kind"] != "category":
            columns.append((feature["name"], numbers(column)))
            continue
        for level in feature["levels"] or ():
            hits = (column == level).to_numpy(dtype=float, na_value=np.nan)
            columns.append((f"{feature['name']}={level}", np.where(column.isna(), np.nan, hits)))
    return columns


def numbers(column: pd.Series) -> np.ndarray:
    """A numeric or boolean column as float64, NaN where missing."""
    return column.to_numpy(dtype=float, na_value=np.nan)
