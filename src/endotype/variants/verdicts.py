"""Every measure of every person with its limits, a verdict, and one plain sentence that says why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from endotype.message import N_

VERDICTS = ("not_assessed", "pass", "warn", "fail")
"""From what says least to what says most; a person's verdict is the last of those of its measures."""

COLUMNS = {
    "patient": "str",
    "metric": "str",
    "value": "float64",
    "lower": "float64",
    "upper": "float64",
    "verdict": "str",
    "explanation": "str",
    "population": "str",
}


@dataclass(frozen=True)
class Bounds:
    """Limits of a measure, scalars or float64 (n,), NaN for none; ``fail`` lies outside ``warn``."""

    warn_below: float | np.ndarray = np.nan
    warn_above: float | np.ndarray = np.nan
    fail_below: float | np.ndarray = np.nan
    fail_above: float | np.ndarray = np.nan


class Verdicts:
    """Collects the measures of a cohort, one metric at a time."""

    def __init__(self, patients: Sequence[str]) -> None:
        self._patients = np.array(patients, object)
        self._metrics: dict[str, dict[str, np.ndarray]] = {}

    def add(
        self,
        metric: str,
        value: np.ndarray,
        verdict: Sequence[str],
        explanation: Sequence[str],
        lower: float | np.ndarray = np.nan,
        upper: float | np.ndarray = np.nan,
    ) -> None:
        """Take a metric whose verdicts are known, one entry per person."""
        n = len(self._patients)
        self._metrics[metric] = {
            "value": np.asarray(value, float),
            "lower": np.broadcast_to(np.asarray(lower, float), n),
            "upper": np.broadcast_to(np.asarray(upper, float), n),
            "verdict": np.array(verdict, object),
            "explanation": np.array(explanation, object),
        }

    def judge(
        self,
        metric: str,
        label: str,
        value: np.ndarray,
        bounds: Bounds,
        otherwise: str | Sequence[str],
        detail: Callable[[int], str] | None = None,
    ) -> None:
        """Compare a measure with its limits.

        Args:
            metric: name of the measure in the table.
            label: its name at the head of a sentence.
            value: float64 (n,); NaN is not assessed.
            bounds: the limits.
            otherwise: why it isn't assessed, for all or each; a whole sentence.
            detail: what is added to the sentence of a person (by index) who is outside the limits.
        """
        n = len(self._patients)
        value = np.asarray(value, float)
        warn_below, warn_above, fail_below, fail_above = (
            np.broadcast_to(np.asarray(limit, float), n)
            for limit in (bounds.warn_below, bounds.warn_above, bounds.fail_below, bounds.fail_above)
        )
        failed = (value < fail_below) | (value > fail_above)
        warned = (value < warn_below) | (value > warn_above)
        lower = np.where(failed | np.isnan(warn_below), fail_below, warn_below)
        upper = np.where(failed | np.isnan(warn_above), fail_above, warn_above)
        verdict = np.select([np.isnan(value), failed, warned], ["not_assessed", "fail", "warn"], "pass")
        reasons = [otherwise] * n if isinstance(otherwise, str) else otherwise
        sentences = []
        for i in range(n):
            if verdict[i] == "not_assessed":
                sentences.append(reasons[i])
                continue
            why = detail(i) if detail is not None and verdict[i] != "pass" else ""
            sentences.append(f"{_compare(label, value[i], lower[i], upper[i], why)}.")
        self.add(metric, value, verdict.tolist(), sentences, lower, upper)

    def failed(self) -> np.ndarray:
        """Bool per person: some metric failed so far."""
        return self._any("fail")

    def overall(self) -> list[str]:
        """The worst verdict of each person; who was assessed in nothing at all is ``not_assessed``."""
        grade = np.zeros(len(self._patients), int)
        for columns in self._metrics.values():
            grade = np.maximum(grade, [VERDICTS.index(v) for v in columns["verdict"]])
        return [VERDICTS[g] for g in grade]

    def reasons(self) -> list[str]:
        """What speaks against each person, failures first, joined by ``; ``."""
        found: list[list[str]] = [[] for _ in self._patients]
        for wanted in ("fail", "warn"):
            for columns in self._metrics.values():
                for i in np.flatnonzero(columns["verdict"] == wanted):
                    found[i].append(columns["explanation"][i].removesuffix("."))
        return ["; ".join(reasons) for reasons in found]

    def table(self, populations: Sequence[str | None]) -> pd.DataFrame:
        """One row per patient and metric, columns ``COLUMNS``; patients and metrics in their order."""
        n, names = len(self._patients), list(self._metrics)
        columns: dict[str, object] = {
            "patient": np.repeat(self._patients, len(names)),
            "metric": np.tile(np.array(names, object), n),
        }
        for column in ("value", "lower", "upper", "verdict", "explanation"):
            columns[column] = np.stack([self._metrics[name][column] for name in names], axis=1).ravel()
        columns["population"] = np.repeat(np.array(populations, object), len(names))
        return pd.DataFrame(columns)[list(COLUMNS)].astype(COLUMNS)

    def _any(self, verdict: str) -> np.ndarray:
        found = np.zeros(len(self._patients), bool)
        for columns in self._metrics.values():
            found |= columns["verdict"] == verdict
        return found


_BELOW = (
    N_("{measure} {value!s} is below {limit!s}"),
    N_("{measure} {value!s} is below {limit!s}, {detail}"),
)
_ABOVE = (
    N_("{measure} {value!s} is above {limit!s}"),
    N_("{measure} {value!s} is above {limit!s}, {detail}"),
)


def _compare(label: str, value: float, lower: float, upper: float, detail: str) -> str:
    """``Call rate 0.71 is below 0.9``."""
    limits = [limit for limit in (lower, upper) if not np.isnan(limit)]
    if not limits:
        return N_("{measure} {value!s} has no limit").format(measure=label, value=_number(value, 3))
    digits = next((d for d in range(3, 17) if _tells_apart(value, limits, d)), 17)
    said, low, high = (_number(number, digits) for number in (value, lower, upper))
    if value < lower:
        return _BELOW[bool(detail)].format(measure=label, value=said, limit=low, detail=detail)
    if value > upper:
        return _ABOVE[bool(detail)].format(measure=label, value=said, limit=high, detail=detail)
    if not high:
        return N_("{measure} {value!s} is at least {low!s}").format(measure=label, value=said, low=low)
    if not low:
        return N_("{measure} {value!s} is at most {high!s}").format(measure=label, value=said, high=high)
    return N_("{measure} {value!s} is at least {low!s} and at most {high!s}").format(
        measure=label, value=said, low=low, high=high
    )


def _tells_apart(value: float, limits: list[float], digits: int) -> bool:
    """Whether the value, written so, is on the same side of each limit, written so, as it truly is."""
    said = float(_number(value, digits))
    return all(np.sign(said - float(_number(limit, digits))) == np.sign(value - limit) for limit in limits)


def _number(value: float, digits: int) -> str:
    """A number with so many significant digits, whole numbers with all of theirs; never an exponent."""
    if np.isnan(value):
        return ""
    if abs(value) < 1e-12:
        return "0"
    digits = max(digits, int(np.floor(np.log10(abs(value)))) + 1)
    return np.format_float_positional(value, precision=digits, unique=False, fractional=False, trim="-")
