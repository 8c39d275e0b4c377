"""The way from a patient's recorded features to the columns of the mixture, fitted once and frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from endotype.subtypes.adjustment import (
    Confounder,
    FeatureScale,
    design_matrix,
    find_confounders,
    fit_scale,
    model_values,
    offsets,
)
from endotype.subtypes.kernels import BINARY, CATEGORY, COUNT, GAUSSIAN
from endotype.subtypes.mixture import Data
from endotype.subtypes.projection import Projection, fit_projection

MIN_CARRIERS = 5
"""Patients who have, and who lack, a binary feature for it to be modelled."""

KIND_CODE = {"gaussian": GAUSSIAN, "binary": BINARY, "count": COUNT, "category": CATEGORY}


@dataclass(frozen=True)
class FeatureTransform:
    """Confounders, scales and projections.

    Attributes:
        confounders: columns of the design.
        features: every feature that is used.
        projections: views that are reduced; their features don't stand among the columns themselves.
    """

    confounders: tuple[Confounder, ...]
    features: tuple[FeatureScale, ...]
    projections: tuple[Projection, ...] = ()

    @property
    def direct(self) -> list[FeatureScale]:
        """Features that are columns of their own."""
        reduced = {name for projection in self.projections for name in projection.features}
        return [feature for feature in self.features if feature.name not in reduced]

    @property
    def columns(self) -> list[str]:
        """Names of the model columns: features, ``feature=level``, then components."""
        names = [column for feature in self.direct for column in feature.columns]
        return names + [column for projection in self.projections for column in projection.columns]

    @property
    def views(self) -> list[str]:
        """The view of each column."""
        names = [feature.view for feature in self.direct for _ in feature.columns]
        return names + [p.view for p in self.projections for _ in p.columns]

    @property
    def kind(self) -> np.ndarray:
        """Kind of each column, int8, shape (columns,)."""
        codes = [KIND_CODE[feature.kind] for feature in self.direct for _ in feature.columns]
        return np.array(codes + [GAUSSIAN for p in self.projections for _ in p.columns], np.int8)

    @property
    def block(self) -> np.ndarray:
        """Which feature each column belongs to, int64, shape (columns,)."""
        widths = [len(feature.columns) for feature in self.direct]
        widths += [1 for projection in self.projections for _ in projection.columns]
        return np.repeat(np.arange(len(widths)), widths)

    def data(self, features: pd.DataFrame, clinical: pd.DataFrame, ancestry: pd.DataFrame) -> Data:
        """Model values of some patients; all tables are indexed by patient, with the same rows.

        A feature that ``features`` lacks is missing. A patient alone gets the same bits as among others.
        """
        design = design_matrix(self.confounders, clinical, ancestry, features)
        values: list[np.ndarray] = []
        shifts: list[np.ndarray] = []
        for scale in self.direct:
            part = model_values(scale, recorded(features, scale), design)
            shift = offsets(scale, design) if scale.kind in ("binary", "count") else np.zeros(len(features))
            values.append(part)
            shifts.append(np.repeat(shift[:, None], part.shape[1], axis=1))
        by_name = {scale.name: scale for scale in self.features}
        with threadpool_limits(1, user_api="blas"):
            for projection in self.projections:
                wide = np.column_stack(
                    [
                        model_values(by_name[name], recorded(features, by_name[name]), design)[:, 0]
                        for name in projection.features
                    ]
                )
                values.append(projection.values(wide))
                shifts.append(np.zeros_like(values[-1]))
        if not values:
            empty = np.empty((len(features), 0))
            return Data.of(empty, self.kind, self.block, empty)
        return Data.of(np.hstack(values), self.kind, self.block, np.hstack(shifts))

    def content(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {
            "confounders": [asdict(c) | {"levels": list(c.levels)} for c in self.confounders],
            "features": [
                asdict(f) | {"slopes": list(f.slopes), "levels": list(f.levels)} for f in self.features
            ],
            "projections": [
                {
                    "view": p.view,
                    "features": list(p.features),
                    "loadings": p.loadings.tolist(),
                    "noise": p.noise,
                    "scale": p.scale.tolist(),
                    "explained": p.explained.tolist(),
                }
                for p in self.projections
            ],
        }

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> FeatureTransform:
        """Back from :meth:`content`."""
        return cls(
            tuple(Confounder(**c | {"levels": tuple(c["levels"])}) for c in content["confounders"]),
            tuple(
                FeatureScale(**f | {"slopes": tuple(f["slopes"]), "levels": tuple(f["levels"])})
                for f in content["features"]
            ),
            tuple(
                Projection(
                    p["view"],
                    tuple(p["features"]),
                    np.array(p["loadings"], float).reshape(len(p["features"]), -1),
                    p["noise"],
                    np.array(p["scale"], float),
                    np.array(p["explained"], float),
                )
                for p in content["projections"]
            ),
        )


def recorded(features: pd.DataFrame, scale: FeatureScale) -> np.ndarray:
    """Recorded values of one feature: float64 with NaN, or object with None; all missing without a column."""
    if scale.kind == "category":
        if scale.name not in features.columns:
            return np.full(len(features), None, object)
        column = features[scale.name]
        return column.astype(object).where(column.notna(), None).to_numpy()
    if scale.name not in features.columns:
        return np.full(len(features), np.nan)
    return features[scale.name].to_numpy(dtype=float, na_value=np.nan)


def fit_transform(
    features: pd.DataFrame,
    clinical: pd.DataFrame,
    ancestry: pd.DataFrame,
    info: Mapping[str, Any],
    dictionary: Mapping[str, Any],
    keep_constant: bool = False,
) -> tuple[FeatureTransform, dict[str, str]]:
    """Learn the transform from training patients.

    Args:
        features, clinical, ancestry: indexed by patient, with the same rows.
        info: ``features.json``.
        dictionary: ``dictionary.json``.
        keep_constant: keep binary features that hardly anybody has: who has one is unlike all of training.

    Returns:
        The transform, and why features are left out of it.
    """
    confounders = find_confounders(
        dict(dictionary), clinical, ancestry, features, info.get("confounders", ())
    )
    design = design_matrix(confounders, clinical, ancestry, features)
    scales: list[FeatureScale] = []
    left_out: dict[str, str] = {}
    for feature in info["features"]:
        found = _scale(features, feature, design, keep_constant)
        if isinstance(found, str):
            left_out[feature["name"]] = found
        else:
            scales.append(found)
    projections = _projections(scales, info.get("views", ()), features, design)
    return FeatureTransform(tuple(confounders), tuple(scales), tuple(projections)), left_out


def _scale(
    features: pd.DataFrame, feature: Mapping[str, Any], design: np.ndarray, keep_constant: bool
) -> FeatureScale | str:
    name, kind = feature["name"], feature["kind"]
    if kind == "category":
        column = features[name]
        values = column.astype(object).where(column.notna(), None).to_numpy()
    else:
        values = features[name].to_numpy(dtype=float, na_value=np.nan)
    if kind == "binary" and np.isfinite(values).any():
        if keep_constant and np.nanmin(values) == np.nanmax(values):
            none = (0.0,) * design.shape[1]
            return FeatureScale(name, feature["view"], "binary", "identity", 0.0, 1.0, none)
        if keep_constant:
            return fit_scale(name, feature["view"], kind, values, design)
        have, lack = int(np.nansum(values)), int(np.nansum(1 - values))
        if min(have, lack) < MIN_CARRIERS:
            word = "have" if have < lack else "lack"
            return f"{min(have, lack)} patients of the training set {word} it, fewer than {MIN_CARRIERS}"
    return fit_scale(name, feature["view"], kind, values, design, feature.get("levels") or ())


def _projections(
    scales: Sequence[FeatureScale],
    views: Sequence[Mapping[str, Any]],
    features: pd.DataFrame,
    design: np.ndarray,
) -> list[Projection]:
    found = []
    for view in views:
        members = [s for s in scales if s.view == view["name"] and s.kind == "gaussian"]
        if not view.get("components") or len(members) < 2:
            continue
        wide = np.column_stack([model_values(s, recorded(features, s), design)[:, 0] for s in members])
        with threadpool_limits(1, user_api="blas"):
            projection = fit_projection(
                view["name"], tuple(s.name for s in members), wide, view["components"]
            )
        if projection is not None:
            found.append(projection)
    return found
