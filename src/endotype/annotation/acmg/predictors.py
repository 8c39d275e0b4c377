"""What a prediction is worth: calibrated intervals of single tools, from
``resources/acmg/predictors.tsv``."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

from endotype.cohort.assembly import RESOURCES

PREDICTORS = RESOURCES / "acmg" / "predictors.tsv"


class Interval(NamedTuple):
    """A stretch of scores that is worth one strength of one criterion; null ends are open."""

    criterion: str
    strength: str
    above: float | None
    above_included: bool
    below: float | None
    below_included: bool
    source: str

    def holds(self, score: float) -> bool:
        """Whether the score lies in it."""
        if self.above is not None and (
            score < self.above or (score == self.above and not self.above_included)
        ):
            return False
        return self.below is None or score < self.below or (score == self.below and self.below_included)


Predictor = tuple[Interval, ...]


@cache
def read_predictors(path: Path = PREDICTORS) -> dict[str, Predictor]:
    """All tools with their intervals."""
    tools: dict[str, list[Interval]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            tools.setdefault(row["tool"], []).append(
                Interval(
                    row["criterion"],
                    row["strength"],
                    float(row["above"]) if row["above"] else None,
                    row["above_included"] == "yes",
                    float(row["below"]) if row["below"] else None,
                    row["below_included"] == "yes",
                    f"{row['source']}, doi:{row['doi']}",
                )
            )
    return {tool: tuple(intervals) for tool, intervals in tools.items()}


def interval_of(predictor: Predictor, criterion: str, score: float) -> Interval | None:
    """The interval of the criterion that holds the score; null where the score says nothing for it."""
    return next((i for i in predictor if i.criterion == criterion and i.holds(score)), None)
