"""What the checks of the input have found so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypeVar

from endotype.errors import InputError, Problem

P = ParamSpec("P")
T = TypeVar("T")

SHOWN_OF_A_KIND = 50


@dataclass
class Findings:
    """Problems, which stop a run, and warnings, which the reports repeat.

    A check adds to this and goes on, so that the user hears of everything at once.
    """

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def problem(
        self, file: object, row: int | None, column: str, found: str, expected: str, suggestion: str = ""
    ) -> None:
        """Add one problem; the arguments are the fields of :class:`Problem`."""
        self.problems.append(Problem(str(file), row, column, found, expected, suggestion))

    def attempt(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """The result of ``function``, or ``None`` after noting the problems it raised."""
        try:
            return function(*args, **kwargs)
        except InputError as error:
            self.problems += error.problems
            return None

    def raise_if_any(self) -> None:
        """Raise all problems as one :class:`InputError`; long runs of the same problem are cut short."""
        if self.problems:
            raise InputError(_condense(self.problems))


def _condense(problems: list[Problem]) -> list[Problem]:
    """Of the problems of one file, column and expectation, the first ones and the count of the rest."""
    kinds: dict[tuple[str, str, str], list[Problem]] = defaultdict(list)
    for problem in dict.fromkeys(problems):
        kinds[problem.file, problem.column, problem.expected].append(problem)
    shown: list[Problem] = []
    for alike in kinds.values():
        shown += alike[:SHOWN_OF_A_KIND]
        rest = len(alike) - SHOWN_OF_A_KIND
        if rest > 0:
            found = f"{rest:,} more like the ones above"
            shown.append(replace(alike[-1], row=alike[-1].row, found=found, suggestion=""))
    return shown
