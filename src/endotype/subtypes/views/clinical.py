"""Clinical features: the columns of the dictionary whose role is ``feature``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from endotype.subtypes.views.feature import Feature, View


def clinical_view(name: str, clinical: pd.DataFrame, dictionary: dict[str, Any]) -> View:
    """Features of role ``feature``, in the dictionary's order.

    A category of two levels is one binary feature, whether it is the second; of more levels it stays a
    category.

    Args:
        name: of the view.
        clinical: indexed by patient.
        dictionary: ``dictionary.json``.
    """
    view = View(name, "clinical")
    for column, entry in dictionary["columns"].items():
        if entry["role"] != "feature" or column not in clinical.columns:
            continue
        values = clinical[column]
        if entry["type"] != "category":
            kind = {"binary": "binary", "count": "count"}.get(entry["type"], "gaussian")
            limits = entry.get("range")
            feature = Feature(
                column,
                name,
                kind,
                entry.get("description") or column,
                entry.get("unit"),
                (float(limits[0]), float(limits[1])) if limits else None,
            )
            view.add(feature, values.to_numpy(dtype=float, na_value=np.nan))
            continue
        levels = tuple(str(v) for v in entry.get("values") or sorted(values.dropna().unique()))
        if len(levels) == 2:
            hit = (values == levels[1]).to_numpy(dtype=float, na_value=np.nan)
            feature = Feature(f"{column}={levels[1]}", name, "binary", f"{column} is {levels[1]}")
            view.add(feature, np.where(values.isna(), np.nan, hit))
        else:
            feature = Feature(column, name, "category", entry.get("description") or column, levels=levels)
            view.add(feature, values.astype(object).where(values.notna(), None).to_numpy())
    return view
