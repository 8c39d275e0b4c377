"""From posterior, typicality, information and ancestry to a call, or to the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endotype.subtypes.mixture import Data
from endotype.subtypes.model import SubtypeModel
from endotype.subtypes.reference_range import OUTSIDE

REASONS = (
    "no_subtypes",
    "failed_qc",
    "insufficient_data",
    "out_of_reference",
    "atypical",
    "unclassified",
    "ambiguous",
)
"""Reasons against a call; the first that holds is given."""


@dataclass(frozen=True)
class Calls:
    """Of each patient; arrays of shape (n,) unless said otherwise.

    Attributes:
        reason: empty where a call is made.
        best, second: the most probable group and the next.
        posterior: of every group, shape (n, k).
        typicality: of every group, shape (n, k).
        information: fraction of the model's information.
    """

    reason: np.ndarray
    best: np.ndarray
    second: np.ndarray
    posterior: np.ndarray
    typicality: np.ndarray
    information: np.ndarray

    @property
    def possible(self) -> np.ndarray:
        """Typicality of the best group, shape (n,)."""
        return self.typicality[np.arange(len(self.best)), self.best]


def decide(model: SubtypeModel, data: Data, failed: np.ndarray, ancestry: np.ndarray) -> Calls:
    """Calls of patients by a model of two groups or more; each depends on that patient alone.

    The prediction set S holds the groups whose typicality exceeds alpha. Empty, the patient is ``atypical``,
    or ``ambiguous`` where the undecided posterior is what makes the patient strange. A best group that
    stands for patients without a subtype makes the patient ``unclassified``. More than one group in S with
    the best under the least posterior, or the best not in S, is ``ambiguous``.

    Args:
        model: the frozen model.
        data: model values.
        failed: who failed quality control, bool, shape (n,).
        ancestry: status of :class:`AncestryRange`, shape (n,).
    """
    posterior = model.posterior(data)
    scores = model.scores(data, posterior)
    typicality = model.conformal.typicality(scores)
    order = np.argsort(-posterior, axis=1, kind="stable")
    best, second, row = order[:, 0], order[:, 1], np.arange(data.n)
    information = model.information(data)
    possible = typicality > model.limits.typicality_alpha
    nothing = ~possible.any(axis=1)
    between = nothing & model.conformal.rather_ambiguous(scores, best)
    unclassified = np.isin(np.array(model.names, dtype=object)[best], model.unclassified)
    reason = np.select(
        [
            failed,
            information < model.limits.min_observed,
            ancestry == OUTSIDE,
            nothing & ~between,
            unclassified,
            between | ~possible[row, best] | (posterior[row, best] < model.limits.call_probability),
        ],
        REASONS[1:],
        "",
    )
    return Calls(reason, best, second, posterior, typicality, information)
