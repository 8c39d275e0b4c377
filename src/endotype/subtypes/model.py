"""The frozen subtype model: all that a new patient's call needs, in one JSON file with its own hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from endotype.errors import input_error
from endotype.files import read_json, to_json, write_json
from endotype.subtypes.mixture import Data, Mixture
from endotype.subtypes.transform import FeatureTransform

FORMAT = 2
MIN_OBSERVED = 0.5
"""Share of the model's features that a patient needs for a call."""


@dataclass(frozen=True)
class SubtypeModel:
    """A mixture, the way to its features, and the limits of a call.

    Attributes:
        transform: how recorded values become the columns of the mixture.
        mixture: groups in the order S1, S2, ..., largest first.
        calibration: per group the sorted strangeness of its training members, or of all training patients
            where the group has too few to reach ``typicality_alpha``.
        call_probability, typicality_alpha, min_observed: limits of a call.
        n_training: patients the mixture was fitted to.
    """

    transform: FeatureTransform
    mixture: Mixture
    calibration: tuple[np.ndarray, ...]
    call_probability: float
    typicality_alpha: float
    min_observed: float
    n_training: int

    @property
    def subtypes(self) -> list[str]:
        """Names of the groups; none when the cohort is not divided."""
        return subtype_names(self.mixture.k) if self.mixture.k > 1 else []

    def data(self, features: pd.DataFrame, clinical: pd.DataFrame, ancestry: pd.DataFrame) -> Data:
        """Model values of some patients; all tables are indexed by patient, with the same rows."""
        return self.transform.data(features, clinical, ancestry)

    def typicality(self, data: Data, labels: np.ndarray) -> np.ndarray:
        """Share of calibration patients at least as strange as each patient is to its group, shape (n,).

        (1 + #{i: s_i >= s}) / (n + 1): the conformal p-value of Vovk, Gammerman & Shafer (2005).
        """
        strangeness = self.mixture.strangeness(data)
        result = np.empty(data.n)
        for i, group in enumerate(labels):
            scores = self.calibration[group]
            as_strange = len(scores) - int(np.searchsorted(scores, strangeness[i, group], side="left"))
            result[i] = (1 + as_strange) / (1 + len(scores))
        return result


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
        raise input_error(path, "another format", f"a subtype model of format {FORMAT}")
    recorded = content.pop("sha256", None)
    if recorded != _digest(content):
        raise input_error(
            path,
            f"content with SHA-256 {_digest(content)[:12]}…",
            f"{str(recorded)[:12]}…, as the model says of itself",
            "the file was changed after it was made; make the model again",
        )
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
    return SubtypeModel(
        transform=transform,
        mixture=mixture,
        calibration=tuple(np.array(scores, float) for scores in content["calibration"]),
        **{name: content[name] for name in _PLAIN},
    )


_PLAIN = ("call_probability", "typicality_alpha", "min_observed", "n_training")


def _content(model: SubtypeModel) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "k": model.mixture.k,
        "subtypes": model.subtypes,
        **model.transform.content(),
        "weights": model.mixture.weights.tolist(),
        "location": model.mixture.location.tolist(),
        "variance": model.mixture.variance.tolist(),
        "log_likelihood": model.mixture.log_likelihood,
        "calibration": [scores.tolist() for scores in model.calibration],
        **{name: getattr(model, name) for name in _PLAIN},
    }


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(to_json(content).encode()).hexdigest()
