"""What is wrong with an input, said so that the person who owns it can mend it.

A check never stops at the first fault: it collects :class:`Problem` rows, and the caller raises them
together as one :class:`InputError`. Commands turn that into a readable page and exit code 2
(:mod:`endotype.command`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True, order=True)
class Problem:
    """One fault of one input.

    ``row`` is the 1-based line of the file as an editor shows it (the header is line 1), or ``None`` when
    the fault is of the file as a whole. ``suggestion`` is the nearest valid value or the way out; empty
    when none is known.
    """

    file: str
    row: int | None
    column: str
    found: str
    expected: str
    suggestion: str = ""

    def as_row(self) -> dict[str, str]:
        """The problem as a table row of text; a missing row number is the empty string."""
        return {f.name: "" if (v := getattr(self, f.name)) is None else str(v) for f in fields(self)}


class InputError(Exception):
    """Input that can't be used. Carries every :class:`Problem` that was found."""

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__(format_problems(self.problems))

    def __reduce__(self) -> tuple[type[InputError], tuple[list[Problem]]]:
        """From one process to another with its problems, not with their text."""
        return type(self), (self.problems,)


def input_error(file: object, found: str, expected: str, suggestion: str = "") -> InputError:
    """An :class:`InputError` about a file as a whole."""
    return InputError(Problem(str(file), None, "", found, expected, suggestion))


def nearest(word: str, choices: Iterable[str]) -> str:
    """The choice most like ``word``, or the empty string when nothing is alike."""
    by_fold = {c.casefold(): c for c in choices}
    match = difflib.get_close_matches(word.strip().casefold(), list(by_fold), n=1, cutoff=0.6)
    return by_fold[match[0]] if match else ""


def visible(text: str, limit: int = 80) -> str:
    """``text`` quoted, with control, bidirectional and zero-width characters made visible."""
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return f"'{shown[: limit - 1]}…'" if len(shown) > limit else f"'{shown}'"


def format_problems(problems: Sequence[Problem]) -> str:
    """All problems as a page of text, grouped by file, in the order of their rows."""
    by_file: dict[str, list[Problem]] = {}
    for problem in problems:
        by_file.setdefault(problem.file, []).append(problem)
    count = len(problems)
    lines = [f"{count} problem{'s' if count != 1 else ''} in the input; nothing was run."]
    for file, group in by_file.items():
        lines.append(f"\n{file}")
        for p in sorted(group, key=lambda p: (p.row or 0, p.column)):
            place = ", ".join(
                [f"row {p.row}"] * (p.row is not None) + [f"column {p.column}"] * bool(p.column)
            )
            lines.append(f"  {place + ': ' if place else ''}found {p.found}; expected {p.expected}")
            if p.suggestion:
                lines.append(f"    -> {p.suggestion}")
    return "\n".join(lines)
