"""The frozen subtype model: all that a new patient's call needs, in one JSON file with its own hash.

Nothing in it is a training patient's record: parameters, ranges, and calibration scores that belong to
nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from endotype.errors import input_error, visible
from endotype.files import read_json, to_json, write_json
from endotype.subtypes import typicality
from endotype.subtypes.classifier import Classifier
from endotype.subtypes.conformal import Conformal
from endotype.subtypes.information import discrimination, information_fraction
from endotype.subtypes.mixture import Data, Mixture
from endotype.subtypes.reference_range import AncestryRange, FeatureRange
from endotype.subtypes.transform import FeatureTransform, recorded
from endotype.subtypes.typicality import Factors

FORMAT = 3
MIN_OBSERVED = 0.5
"""Share of the model's information that a patient needs for a call."""


@dataclass(frozen=True)
class Limits:
    """Limits of a call.

    Attributes:
        call_probability: least posterior.
        typicality_alpha: typicality that a group must exceed to be possible.
        min_observed: least information fraction.
    """

    call_probability: float
    typicality_alpha: float
    min_observed: float = MIN_OBSERVED


@dataclass(frozen=True)
class SubtypeModel:
    """Groups, the way to their features, and the limits of a call.

    Attributes:
        names: of the groups, in the order of the mixture; labels of a published scheme, or S1, S2, ... by
        size. unclassified: names that stand for patients without a subtype ("not otherwise specified"); who
        is like
            them is not called.
        transform: how recorded values become the columns of the mixture.
        mixture: the features' laws in each group.
        classifier: gives the posterior where labels were learnt; without one the mixture does.
        factors, conformal: typicality.
        ranges: of recorded values, by feature name.
        ancestry: range of the training patients' ancestry; ``None`` if it wasn't known.
        limits: of a call.
        n_training: patients the model was fitted to.
        evaluation, provenance: what was measured on patients left out, and where the model comes from.
    """

    names: tuple[str, ...]
    transform: FeatureTransform
    mixture: Mixture
    factors: Factors
    conformal: Conformal
    limits: Limits
    n_training: int
    ranges: Mapping[str, FeatureRange] = field(default_factory=dict)
    ancestry: AncestryRange | None = None
    classifier: Classifier | None = None
    unclassified: tuple[str, ...] = ()
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def subtypes(self) -> list[str]:
        """Names of the groups; none when the cohort is not divided."""
        return list(self.names) if self.mixture.k > 1 else []

    def data(self, features: pd.DataFrame, clinical: pd.DataFrame, ancestry: pd.DataFrame) -> Data:
        """Model values of some patients; all tables are indexed by patient, with the same rows."""
        return self.transform.data(features, clinical, ancestry)

    def usable(self, features: pd.DataFrame) -> tuple[pd.DataFrame, list[list[str]]]:
        """The model's features of a table, without values that can't be; and why, for each patient.

        A feature that the table lacks is missing in everyone. Values that are far from all of training count
        as missing, never as what they say.
        """
        taken: dict[str, np.ndarray] = {}
        messages: list[list[str]] = [[] for _ in range(len(features))]
        for scale in self.transform.features:
            values = recorded(features, scale)
            if scale.kind == "category":
                for i, value in enumerate(values):
                    if value is not None and value not in scale.levels:
                        messages[i].append(
                            f"{scale.name} = {visible(str(value))} is no level of the training set"
                        )
            elif (limits := self.ranges.get(scale.name)) is not None:
                refused = limits.unusable(values)
                for j in np.flatnonzero(refused):
                    messages[j].append(limits.message(float(values[j])))
                values = np.where(refused, np.nan, values)
            taken[scale.name] = values
        for confounder in self.transform.confounders:
            # A feature may be a confounder as well, and then isn't among the columns.
            column = confounder.column
            if confounder.source == "features" and column in features.columns and column not in taken:
                taken[column] = features[column].to_numpy()
        return pd.DataFrame(taken, index=features.index), messages

    def posterior(self, data: Data) -> np.ndarray:
        """Probability of each group, shape (n, k)."""
        if self.classifier is None:
            return self.mixture.posterior(data)
        return self.classifier.posterior(data, self.mixture)

    def scores(self, data: Data, posterior: np.ndarray) -> dict[str, np.ndarray]:
        """How unlike each group the patients are, from each side."""
        return typicality.scores(self.mixture, self.factors, data, posterior)

    def information(self, data: Data) -> np.ndarray:
        """Information fraction, shape (n,)."""
        return information_fraction(self.mixture, data)


def subtype_names(k: int) -> list[str]:
    """``S1`` to ``Sk``."""
    return [f"S{i + 1}" for i in range(k)]


def save_model(model: SubtypeModel, path: str | Path) -> None:
    """Write a model with the SHA-256 of its content."""
    content = _content(model)
    write_json(path, content | {"sha256": _digest(content)})


def load_model(path: str | Path) -> SubtypeModel:
    """Read a model.

    Raises:
        InputError: the file isn't a model of this format, or was changed after it was written.
    """
    try:
        content = read_json(path)
    except (OSError, ValueError):
        raise input_error(path, "no readable JSON", "a subtype model") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise input_error(
            path,
            f"format {content.get('format')}" if isinstance(content, dict) else "another format",
            f"a subtype model of format {FORMAT}",
            "make the model again with this version",
        )
    recorded = content.pop("sha256", None)
    if recorded != _digest(content):
        raise input_error(
            path,
            f"content with SHA-256 {_digest(content)[:12]}…",
            f"{str(recorded)[:12]}…, as the model says of itself",
            "the file was changed after it was made; make the model again",
        )
    return _model(content)


def _content(model: SubtypeModel) -> dict[str, Any]:
    mixture, factors = model.mixture, model.factors
    return {
        "format": FORMAT,
        "k": mixture.k,
        "names": list(model.names),
        "subtypes": model.subtypes,
        "unclassified": list(model.unclassified),
        **model.transform.content(),
        "ranges": {name: asdict(r) for name, r in model.ranges.items()},
        "weights": mixture.weights.tolist(),
        "location": mixture.location.tolist(),
        "variance": mixture.variance.tolist(),
        "log_likelihood": mixture.log_likelihood,
        "information": discrimination(mixture).tolist(),
        "factors": {
            "variance": factors.variance.tolist(),
            "loadings": factors.loadings.tolist(),
            "strength": factors.strength.tolist(),
            "noise": factors.noise,
        },
        "conformal": {
            "reference": {name: v.tolist() for name, v in model.conformal.reference.items()},
            "groups": [v.tolist() for v in model.conformal.groups],
        },
        "classifier": None if model.classifier is None else _listed(asdict(model.classifier)),
        "ancestry": None if model.ancestry is None else _listed(asdict(model.ancestry)),
        **asdict(model.limits),
        "n_training": model.n_training,
        "evaluation": dict(model.evaluation),
        "provenance": dict(model.provenance),
    }


def _listed(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in fields.items()}


def _model(content: dict[str, Any]) -> SubtypeModel:
    transform = FeatureTransform.from_content(content)
    shape = (len(content["weights"]), len(transform.kind))
    mixture = Mixture(
        kind=transform.kind,
        block=transform.block,
        weights=np.array(content["weights"], float),
        location=np.array(content["location"], float).reshape(shape),
        variance=np.array(content["variance"], float).reshape(shape),
        log_likelihood=content["log_likelihood"],
    )
    strength = np.array(content["factors"]["strength"], float)
    factors = Factors(
        np.array(content["factors"]["variance"], float),
        np.array(content["factors"]["loadings"], float).reshape(
            len(strength), len(content["factors"]["variance"])
        ),
        strength,
        content["factors"]["noise"],
    )
    conformal = Conformal(
        {name: np.array(v, float) for name, v in content["conformal"]["reference"].items()},
        tuple(np.array(v, float) for v in content["conformal"]["groups"]),
    )
    classifier = content["classifier"]
    if classifier is not None:
        arrays = {name: np.array(classifier[name], float) for name in ("intercept", "coefficients")}
        classifier = Classifier(**classifier | arrays)
    ancestry = content["ancestry"]
    if ancestry is not None:
        arrays = {name: np.array(ancestry[name], float) for name in ("mean", "variance")}
        ancestry = AncestryRange(**ancestry | arrays | {"components": tuple(ancestry["components"])})
    return SubtypeModel(
        names=tuple(content["names"]),
        unclassified=tuple(content["unclassified"]),
        transform=transform,
        ranges={name: FeatureRange(**r) for name, r in content["ranges"].items()},
        mixture=mixture,
        factors=factors,
        conformal=conformal,
        classifier=classifier,
        ancestry=ancestry,
        limits=Limits(*(content[name] for name in ("call_probability", "typicality_alpha", "min_observed"))),
        n_training=content["n_training"],
        evaluation=content["evaluation"],
        provenance=content["provenance"],
    )


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(to_json(content).encode()).hexdigest()
