"""Is this patient like the members of a group? Conformal p-values, calibrated within each group.

Each side of :mod:`endotype.subtypes.typicality` becomes P = (1 + #{calibration scores >= s}) / (n + 1),
which falls on exponentially beyond the largest calibration score, so that one extreme side is enough. The
posterior, the rarest finding and the shape are joined: the sum of their -log P (Fisher's way) is made a P of
its own. The score u_k is the largest -log P of the joined ones, the shape and the pattern: a sum finds what
is a little strange everywhere, the largest what is very strange in one way. Typicality of group k is
tau_k = (1 + #{i called to k: u_i >= u_k}) / (n_k + 1), a conformal p-value calibrated within the group
(Mondrian, Vovk, Gammerman & Shafer 2005): of patients like the training patients who are called to k, at
most a share alpha has tau_k <= alpha, whatever the law of the scores. Calibration scores come from models
that hadn't seen the patient (cross-conformal).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endotype.subtypes.typicality import FINDING, PATTERN, POSTERIOR, SHAPE

JOINED = "joined"
TOGETHER, ALONE = (POSTERIOR, FINDING, SHAPE), (SHAPE, PATTERN)

TAIL_START = 0.95
"""Where the tail of a side's calibration scores begins."""


@dataclass(frozen=True)
class Conformal:
    """Calibration scores.

    Attributes:
        reference: for each side its sorted scores of calibration patients in their own group, shape (n,); the
            sums of the joined sides are a side of their own.
        groups: for each group the sorted joined scores of its calibration patients; of all of them where the
            group has too few to reach alpha.
    """

    reference: dict[str, np.ndarray]
    groups: tuple[np.ndarray, ...]

    def side(self, name: str, scores: np.ndarray) -> np.ndarray:
        """-log P of one side; any shape."""
        return surprise(self.reference[name], scores)

    def score(self, scores: dict[str, np.ndarray]) -> np.ndarray:
        """u_k of the module's formula, shape (n, k)."""
        return _score(self.reference, scores)

    def typicality(self, scores: dict[str, np.ndarray]) -> np.ndarray:
        """tau_k, shape (n, k)."""
        score = self.score(scores)
        columns = [share_above(group, score[:, k]) for k, group in enumerate(self.groups)]
        return np.column_stack(columns)

    def rather_ambiguous(self, scores: dict[str, np.ndarray], groups: np.ndarray) -> np.ndarray:
        """Whether a poor fit to ``groups`` (n,) comes from an undecided posterior more than from the rest.

        Then the patient lies between groups, not away from all of them.
        """
        row = np.arange(len(groups))
        own = {name: self.side(name, value[row, groups]) for name, value in scores.items()}
        undecided = own.pop(POSTERIOR)
        return undecided > np.max(list(own.values()), axis=0) if own else np.ones(len(groups), bool)


def share_above(sorted_scores: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(1 + #{calibration >= s}) / (n + 1); any shape."""
    n = len(sorted_scores)
    return (1 + n - np.searchsorted(sorted_scores, scores, side="left")) / (n + 1)


def surprise(sorted_scores: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """-log of :func:`share_above`, and beyond the largest score a straight line; any shape.

    The line's slope is 1 over the mean excess of the top twentieth of the scores over the rest, as of an
    exponential tail.
    """
    n = len(sorted_scores)
    result = -np.log(share_above(sorted_scores, scores))
    if n == 0:
        return result
    start = sorted_scores[int(TAIL_START * n)]
    scale = float((sorted_scores[int(TAIL_START * n) :] - start).mean())
    if not scale > 0:
        scale = float(sorted_scores.std()) or 1.0
    return result + np.maximum(scores - sorted_scores[-1], 0.0) / scale


def calibrate(own: dict[str, np.ndarray], labels: np.ndarray, k: int, alpha: float) -> Conformal:
    """Calibration from the scores of patients in the groups they are called to.

    Args:
        own: for each side the score of each patient in the group it is called to, by a model that wasn't
            fitted to the patient; shape (n,).
        labels: those groups, int64, shape (n,).
        k: number of groups.
        alpha: the share that must be reachable: a group of fewer than 1 / alpha - 1 takes the scores of all.
    """
    reference = {name: np.sort(values) for name, values in own.items()}
    reference[JOINED] = np.sort(_sum(reference, own))
    score = _score(reference, own)
    everyone = np.sort(score)
    needed = 1 / alpha - 1
    members = [np.sort(score[labels == group]) for group in range(k)]
    return Conformal(reference, tuple(m if len(m) >= needed else everyone for m in members))


def _sum(reference: dict[str, np.ndarray], scores: dict[str, np.ndarray]) -> np.ndarray:
    sides = [surprise(reference[name], scores[name]) for name in TOGETHER if name in scores]
    return np.sum(sides, axis=0)


def _score(reference: dict[str, np.ndarray], scores: dict[str, np.ndarray]) -> np.ndarray:
    alone = [surprise(reference[name], scores[name]) for name in ALONE if name in scores]
    return np.max([surprise(reference[JOINED], _sum(reference, scores)), *alone], axis=0)
