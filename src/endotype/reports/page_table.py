"""Tables of the cohort's page that can be searched, sorted and filtered: the first rows, and all as data.

What a cell shows is decided here once. The template draws the first rows from it, so that they can be read
without scripts, and the script of the page draws all others from the same cells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from endotype.axes import natural
from endotype.reports.text import words

ROWS_PER_PAGE = 50
"""Rows that are in the page at a time, whatever the number of all."""

MAX_CHOICES = 40
"""Values of a filter; a column with more is left to the search."""

_LOCAL = re.compile(r"#[a-z0-9-]+|(?:\.\./)?(?:[A-Za-z0-9][A-Za-z0-9_.-]*/)*[A-Za-z0-9][A-Za-z0-9_.-]*")

Row = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """What stands in a table, from left to right: a dot, the text, a muted note, a chip.

    Attributes:
        text: may be empty.
        note: muted words behind it.
        chip: a word in a box, one of those that the style sheet knows; shown in the current language.
        colour: of the dot, ``#rrggbb``.
        link: a place in this page or in the folders beside it.
        zoom: trait and region, ``chromosome:start-end``, that the chart of associations can be turned to.
        key: what the column is sorted by; ``None`` is last in both directions.
        group: the value under which the column's filter has it.
    """

    text: str = ""
    note: str = ""
    chip: str = ""
    colour: str = ""
    link: str = ""
    zoom: tuple[str, str] | None = None
    key: float | str | None = None
    group: str = ""

    def __post_init__(self) -> None:
        if self.link and not _LOCAL.fullmatch(self.link):
            raise ValueError(f"not a link into the results: {self.link!r}")


@dataclass(frozen=True)
class Column:
    """A column: its heading and how its cells look.

    Attributes:
        label: the heading.
        numeric: set to the right, figures of one width.
        code: an identifier.
        choice: what its filter is called; empty: it has none.
    """

    label: str
    numeric: bool = False
    code: bool = False
    choice: str = ""


@dataclass(frozen=True)
class Table:
    """A table of n rows.

    Attributes:
        name: of its elements in the page.
        noun: what a row is, in the plural.
        columns: m columns.
        rows: n rows of m cells, in the order in which they are first shown.
        sorted_by: the column that they are sorted by, -1 for none.
    """

    name: str
    noun: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]] = field(repr=False)
    sorted_by: int = -1

    @property
    def first(self) -> Sequence[Sequence[Cell]]:
        """The rows that are in the page before a script runs."""
        return self.rows[:ROWS_PER_PAGE]

    @property
    def rest(self) -> Sequence[Sequence[Cell]]:
        """The others."""
        return self.rows[ROWS_PER_PAGE:]

    def data(self) -> Row:
        """All rows as the script reads them: of each column its different cells, and which each row has."""
        columns = [_column(column, [row[j] for row in self.rows]) for j, column in enumerate(self.columns)]
        return {
            "name": self.name,
            "noun": self.noun,
            "n": len(self.rows),
            "per_page": ROWS_PER_PAGE,
            "sorted_by": self.sorted_by,
            "columns": columns,
        }


def _column(column: Column, cells: list[Cell]) -> Row:
    number: dict[Cell, int] = {}
    rows = [number.setdefault(cell, len(number)) for cell in cells]
    different = list(number)
    ranks = _ranks([cell.key for cell in different])
    described: Row = {"label": column.label, "rows": rows}
    described["cells"] = [_short(cell, rank) for cell, rank in zip(different, ranks, strict=True)]
    described |= {name: True for name in ("numeric", "code") if getattr(column, name)}
    groups = sorted({cell.group for cell in different} - {""}, key=natural)
    if column.choice and 1 < len(groups) <= MAX_CHOICES:
        described |= {"choice": column.choice, "groups": groups}
    return described


_SHORT: list[tuple[str, Callable[[Cell], Any]]] = [
    ("t", lambda c: c.text),
    ("n", lambda c: c.note),
    ("c", lambda c: c.chip),
    ("w", lambda c: word if (word := words(c.chip)) != c.chip else ""),
    ("d", lambda c: c.colour),
    ("h", lambda c: c.link),
    ("z", lambda c: list(c.zoom) if c.zoom else None),
    ("g", lambda c: c.group),
]


def _short(cell: Cell, rank: int | None) -> Row:
    found = {letter: value for letter, of in _SHORT if (value := of(cell))}
    return found if rank is None else found | {"k": rank}


def _ranks(keys: list[float | str | None]) -> list[int | None]:
    """The place of each key among the different ones: numbers by size, then words as people count."""
    known = sorted({key for key in keys if key is not None}, key=_order)
    place = {key: i for i, key in enumerate(known)}
    return [None if key is None else place[key] for key in keys]


def _order(key: float | str) -> tuple[int, float, list[tuple[int, int, str]], str]:
    if isinstance(key, str):
        return 1, 0.0, natural(key.casefold()), key
    return 0, float(key), [], ""
