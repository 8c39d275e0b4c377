"""One feature of a patient, and a view: the features that come from one source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

KINDS = ("gaussian", "binary", "count", "category")


@dataclass(frozen=True)
class Feature:
    """One column of ``features.parquet``.

    Attributes:
        name: the column.
        view: the view it belongs to.
        kind: ``gaussian``, ``binary`` (0 and 1), ``count`` or ``category`` (text).
        source: what it was made from, for people.
        unit: of recorded values, where there is one.
        range: smallest and largest value the dictionary allows, where it says so.
        levels: of a category.
    """

    name: str
    view: str
    kind: str
    source: str
    unit: str | None = None
    range: tuple[float, float] | None = None
    levels: tuple[str, ...] | None = None


@dataclass
class View:
    """Features of one source, with their values.

    Attributes:
        name: of the view.
        source: ``clinical``, ``carriers``, ``scores``, ``tumour``, ``tumour_burden`` or ``matrix``.
        features: in the order of ``columns``.
        columns: values of each, shape (n,): float64 with NaN where missing, or object with None for text.
        left_out: feature -> why it is not used.
        notes: what else a reader has to know.
        components: 0, or to how many a wide view is reduced; -1 where the data decide.
    """

    name: str
    source: str
    features: list[Feature] = field(default_factory=list)
    columns: list[np.ndarray] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    components: int = 0

    def add(self, feature: Feature, values: np.ndarray) -> None:
        """Add one feature."""
        self.features.append(feature)
        self.columns.append(values)

    def record(self) -> dict[str, Any]:
        """What ``features.json`` says of the view."""
        shown = [pd.notna(column) for column in self.columns]
        return {
            "name": self.name,
            "source": self.source,
            "n_features": len(self.features),
            "n_patients": int(np.any(shown, axis=0).sum()) if shown else 0,
            "left_out": self.left_out,
            "notes": self.notes,
            "components": self.components,
        }
