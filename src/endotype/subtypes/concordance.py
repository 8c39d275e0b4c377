"""Harrell's concordance index (Harrell et al. 1982, JAMA 247:2543), late entry counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from endotype.subtypes.concordance_kernels import count_pairs


@dataclass(frozen=True)
class Concordance:
    """Comparable pairs: of one with the event, and one who was followed at its time and beyond.

    Attributes:
        higher: pairs in which the person with the event had the higher risk.
        lower: in which the other one had.
        same: in which both had the same risk.
    """

    higher: int
    lower: int
    same: int

    @property
    def index(self) -> float:
        """(higher + same / 2) / all comparable pairs; NaN without any."""
        pairs = self.higher + self.lower + self.same
        return (self.higher + self.same / 2) / pairs if pairs else float("nan")


def concordance(
    time: np.ndarray, event: np.ndarray, risk: np.ndarray, entry: np.ndarray | None = None
) -> Concordance:
    """Count the pairs; as ``concordance(Surv(entry, time, event) ~ risk, reverse = TRUE)`` of R's survival.

    Two events at the same time are not comparable; a censoring at the time of an event came after it. Who
    enters at the time of an event, or after it, was not at risk and is not compared.

    Args:
        time: float64 (n,), end of follow-up.
        event: bool (n,), whether it ended with the event.
        risk: float64 (n,), higher where the event is expected earlier.
        entry: float64 (n,), before ``time``; None: everybody from the beginning.
    """
    start = np.full(len(time), -np.inf) if entry is None else np.asarray(entry, float)
    distinct, rank = np.unique(risk, return_inverse=True)
    counts = count_pairs(
        rank.astype(np.int64) + 1,
        len(distinct),
        np.asarray(event, bool).astype(np.uint8),
        np.argsort(-np.asarray(time, float), kind="stable"),
        np.asarray(time, float),
        np.argsort(-start, kind="stable"),
        start,
    )
    return Concordance(*map(int, counts))
