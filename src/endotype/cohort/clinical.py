"""The clinical table: every cell read as text, understood by the dictionary, or set aside.

A cell that can't be what the dictionary says is not repaired and does not stop a run: it becomes missing
and is listed in the quarantine with its row, column and what was expected. Only when a large part of a
column is so does the run stop, because then the dictionary is of another table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from endotype.cohort.dictionary import UNUSED_ROLES, names_with_role
from endotype.cohort.findings import Findings
from endotype.cohort.identity import check_collisions, id_suggestion
from endotype.errors import Problem, nearest, visible
from endotype.ids import ID_RULE, is_id, strip_invisible
from endotype.message import N_
from endotype.tables import TextTable, read_text_table

MAX_DIRTY = 0.2
"""A column with a larger share of its filled cells set aside is an error, not a quarantine."""

QUARANTINE_COLUMNS = ["file", "row", "column", "found", "expected", "suggestion"]

TRUE_WORDS = frozenset(["1", "yes", "y", "true", "t"])
FALSE_WORDS = frozenset(["0", "no", "n", "false", "f"])

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+", re.ASCII)

_LARGEST_COUNT = float(2**53)
"""Whole numbers up to here are exact as float64, which cells are read as."""


@dataclass(frozen=True)
class ClinicalTable:
    """The clinical records as they were understood.

    Attributes:
        frame: one row per person, sorted by ``patient``; then one column per used entry of the dictionary:
            float64 for ``number``, Int64 for ``count``, boolean for ``binary``, text for ``category``;
            missing is null.
        quarantine: cells and rows that were set aside, columns :data:`QUARANTINE_COLUMNS`.
        n_rows: rows of the file. ``n_rows`` = rows of ``frame`` + ``n_rows_quarantined``.
        n_rows_quarantined: rows that were set aside whole.
    """

    frame: pd.DataFrame
    quarantine: pd.DataFrame
    n_rows: int
    n_rows_quarantined: int


def read_clinical(path: str | Path, dictionary: dict[str, Any], findings: Findings) -> ClinicalTable | None:
    """Read the clinical table; ``None`` when it can't be read as a table with the dictionary's columns."""
    table = findings.attempt(read_text_table, path)
    if table is None or not _structure_is_sound(table, dictionary, findings):
        return None
    (identifier,) = names_with_role(dictionary, "identifier")
    rows = table.rows
    aside: list[Problem] = []
    blank = rows[identifier].map(lambda text: not strip_invisible(text)).astype(bool)
    for line in rows.index[blank]:
        aside.append(
            Problem(
                str(path),
                int(line),
                identifier,
                visible(str(rows.loc[line, identifier])),
                "a patient id",
                "the whole row is set aside",
            )
        )
    rows = rows[~blank]
    _check_ids(str(path), identifier, rows[identifier], findings)
    columns: dict[str, Any] = {"patient": rows[identifier].to_numpy()}
    times = {
        outcome[part]
        for outcome in dictionary["outcomes"].values()
        for part in ("time", "entry")
        if part in outcome
    }
    for name, column in dictionary["columns"].items():
        if column["role"] in UNUSED_ROLES:
            continue
        parse = _parser(column, is_time=name in times)
        columns[name], dirty = _parse_column(str(path), name, rows[name], parse, dictionary["missing"])
        _check_share(str(path), name, rows[name], dirty, dictionary["missing"], findings)
        aside += dirty
    aside += _check_entries(str(path), rows, columns, dictionary, findings)
    frame = _typed_frame(columns, dictionary).sort_values("patient", ignore_index=True)
    _check_traits(str(path), frame, dictionary, findings)
    aside.sort(key=lambda p: (p.row or 0, list(table.rows.columns).index(p.column)))
    quarantine = pd.DataFrame([p.as_row() for p in aside], columns=QUARANTINE_COLUMNS, dtype="str")
    return ClinicalTable(frame, quarantine, len(table.rows), int(blank.sum()))


def _structure_is_sound(table: TextTable, dictionary: dict[str, Any], findings: Findings) -> bool:
    """Whether the header agrees with the dictionary; ragged rows are reported but do not hide the rest."""
    path = table.path
    header = list(map(str, table.rows.columns))
    for name in table.duplicate_columns:
        findings.problem(path, 1, name, f"the column {visible(name)} twice", "each column once")
    for line, cells in table.ragged:
        findings.problem(
            path,
            line,
            "",
            f"{cells} cells",
            f"{len(header)} cells, as in the header",
            "a separator inside a cell must be in quotes",
        )
    known = dictionary["columns"]
    unknown = [name for name in header if name not in known]
    absent = [name for name in known if name not in header]
    for name in unknown:
        word = nearest(name, absent)
        findings.problem(
            path,
            1,
            name,
            f"the column {visible(name)}, which the dictionary doesn't have",
            "a column of the dictionary",
            f"did you mean {word}?"
            if word
            else "add it to the dictionary; with the role ignore it is not read",
        )
    for name in absent:
        word = nearest(name, unknown)
        findings.problem(
            path,
            1,
            name,
            "no such column",
            f"the column {visible(name)} of the dictionary",
            f"did you mean {word}?" if word else "",
        )
    return not (table.duplicate_columns or absent)


def _check_ids(path: str, column: str, ids: pd.Series, findings: Findings) -> None:
    first: dict[str, int] = {}
    for line, text in ids.items():
        row = int(str(line))
        if not is_id(text):
            findings.problem(path, row, column, visible(text), f"an id of {ID_RULE}", id_suggestion(text))
        if text in first:
            findings.problem(
                path, row, column, f"{visible(text)} again (first in row {first[text]})", "each patient once"
            )
        first.setdefault(text, row)
    check_collisions(path, column, first, findings)


# -- cells -------------------------------------------------------------------------------------------


class _DirtyCellError(ValueError):
    """A cell that isn't what the dictionary says: ``expected`` and ``suggestion``."""

    def __init__(self, expected: str, suggestion: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.suggestion = suggestion


def _parser(column: dict[str, Any], is_time: bool) -> Callable[[str], Any]:
    """The function that reads one filled cell of a column, or raises :class:`_DirtyCellError`."""
    if column["type"] == "number":
        low, high = column["range"] or (-math.inf, math.inf)
        return _number_parser(max(low, 0.0) if is_time else low, high, column["unit"])
    if column["type"] == "count":
        low, high = column["range"] or (0.0, math.inf)
        return _count_parser(max(low, 0.0), high, column["unit"])
    if column["type"] == "binary":
        return _parse_binary
    return _category_parser(column["values"])


def _number_parser(low: float, high: float, unit: str) -> Callable[[str], float]:
    if math.isinf(low) and math.isinf(high):
        expected = N_("a number")
    elif math.isinf(high):
        expected = N_("a number of at least {low:g}").format(low=low)
    else:
        expected = N_("a number from {low:g} to {high:g}").format(low=low, high=high)
    expected += f" {unit}" if unit else ""

    def parse(text: str) -> float:
        if not _NUMBER.fullmatch(text):
            if _DECIMAL_COMMA.fullmatch(text):
                raise _DirtyCellError(expected, f"{text.replace(',', '.')}, if the comma is a decimal point")
            match = _NUMBER.search(text)
            raise _DirtyCellError(expected, f"{match[0]}, if that is what is meant" if match else "")
        value = float(text)
        if not (math.isfinite(value) and low <= value <= high):
            raise _DirtyCellError(expected, "check the unit" if unit else "")
        return value

    return parse


def _count_parser(low: float, high: float, unit: str) -> Callable[[str], int]:
    number = _number_parser(low, min(high, _LARGEST_COUNT), unit)
    limits = f"of at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
    expected = f"a whole number {limits}" + (f" {unit}" if unit else "")

    def parse(text: str) -> int:
        try:
            value = number(text)
        except _DirtyCellError as fault:
            raise _DirtyCellError(expected, fault.suggestion) from None
        if not value.is_integer():
            raise _DirtyCellError(expected, "a measure that isn't counted has the type number")
        return int(value)

    return parse


def _parse_binary(text: str) -> bool:
    word = text.casefold()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise _DirtyCellError(
        "0/1, yes/no, true/false or y/n", "1 is false and 2 is true in PLINK files" * (word == "2")
    )


def _category_parser(values: list[str]) -> Callable[[str], str]:
    words = set(values)

    def parse(text: str) -> str:
        if not words or text in words:
            return text
        raise _DirtyCellError(f"one of {', '.join(values)}", nearest(text, values))

    return parse


def _parse_column(
    path: str, name: str, cells: pd.Series, parse: Callable[[str], Any], missing: list[str]
) -> tuple[list[Any], list[Problem]]:
    """Values of a column (``None`` where missing or dirty), and the dirty cells."""
    values: list[Any] = []
    dirty: list[Problem] = []
    for line, text in cells.items():
        word = text.strip()
        value = None
        if word not in missing:
            try:
                value = parse(word)
            except _DirtyCellError as fault:
                dirty.append(
                    Problem(path, int(str(line)), name, visible(text), fault.expected, fault.suggestion)
                )
        values.append(value)
    return values, dirty


def _check_share(
    path: str, name: str, cells: pd.Series, dirty: list[Problem], missing: list[str], findings: Findings
) -> None:
    filled = sum(text.strip() not in missing for text in cells)
    if filled and len(dirty) / filled > MAX_DIRTY:
        first = dirty[0]
        findings.problem(
            path,
            first.row,
            name,
            f"{len(dirty)} of {filled} cells that can't be read, the first {first.found}",
            first.expected,
            "the entry of this column in the dictionary probably doesn't fit",
        )


# -- entries -----------------------------------------------------------------------------------------


def _check_entries(
    path: str, rows: pd.DataFrame, columns: dict[str, Any], dictionary: dict[str, Any], findings: Findings
) -> list[Problem]:
    """Empty the entries that are not before the end of observation, and list them; count who lacks one.

    An entry that several outcomes share stays if one of them ends after it: somebody who relapsed before she
    entered can still be followed until she dies.
    """
    ends: dict[str, list[str]] = {}
    for outcome, parts in dictionary["outcomes"].items():
        if "entry" in parts:
            ends.setdefault(parts["entry"], []).append(parts["time"])
            time, event, entry = (columns[parts[part]] for part in ("time", "event", "entry"))
            _warn_of_entries(outcome, time, event, entry, findings)
    aside: list[Problem] = []
    for name, until in ends.items():
        faults = []
        for at, (line, text) in enumerate(rows[name].items()):
            entry = columns[name][at]
            known = [columns[end][at] for end in until if columns[end][at] is not None]
            if entry is None or not known or entry < max(known):
                continue
            columns[name][at] = None
            expected = f"a number below {' or '.join(dict.fromkeys(until))} of the same row"
            hint = f"that is {max(known):g}; both must be on one clock, such as age"
            faults.append(Problem(path, int(str(line)), name, visible(text), expected, hint))
        _check_share(path, name, rows[name], faults, dictionary["missing"], findings)
        aside += faults
    return aside


def _warn_of_entries(
    outcome: str, time: list[Any], event: list[Any], entry: list[Any], findings: Findings
) -> None:
    n_unknown = n_late = 0
    for end, seen, begin in zip(time, event, entry, strict=True):
        if end is not None and seen is not None:
            n_unknown += begin is None
            n_late += begin is not None and begin >= end
    for count, what in ((n_unknown, "no entry"), (n_late, "an entry that is not before the time")):
        if count:
            who = "1 patient has" if count == 1 else f"{count} patients have"
            findings.warnings.append(
                f"{who} time and event of the outcome {outcome}, but {what}; left out of this outcome."
            )


_DTYPES = {"number": "float64", "count": "Int64", "binary": "boolean", "category": "str"}


def _typed_frame(columns: dict[str, Any], dictionary: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: pd.Series(
                values, dtype="str" if name == "patient" else _DTYPES[dictionary["columns"][name]["type"]]
            )
            for name, values in columns.items()
        }
    )


# -- traits ------------------------------------------------------------------------------------------


def _check_traits(path: str, frame: pd.DataFrame, dictionary: dict[str, Any], findings: Findings) -> None:
    """Traits without a value are errors; constant ones are warnings, unless nothing else is left."""
    unusable: dict[str, str] = {}
    traits = names_with_role(dictionary, "trait")
    for name in traits:
        values = frame[name].dropna()
        if values.empty:
            findings.problem(
                path,
                None,
                name,
                "no value in any row",
                "a trait with values",
                "give the column the role ignore if it was not measured",
            )
        elif (values == values.iloc[0]).all():
            unusable[name] = f"the trait {name} has the same value in every patient"
    for outcome, parts in dictionary["outcomes"].items():
        known = frame[list(parts.values())].dropna()
        if "entry" in parts:
            known = known[known[parts["entry"]] < known[parts["time"]]]
        if known.empty:
            needed = "time, event and an earlier entry" if "entry" in parts else "both time and event"
            unusable[outcome] = f"the outcome {outcome} has no patient with {needed}"
        elif not known[parts["event"]].any():
            unusable[outcome] = f"the outcome {outcome} has no event"
    n_traits = len(traits) + len(dictionary["outcomes"])
    if n_traits == 0:
        findings.warnings.append(
            "The dictionary has no trait and no outcome; nothing is tested for association."
        )
    elif len(unusable) == n_traits:
        findings.problem(
            path,
            None,
            ", ".join(unusable),
            "; ".join(unusable.values()),
            "at least one trait or outcome that varies",
        )
    else:
        findings.warnings += [f"{text[0].upper()}{text[1:]}; it is not tested." for text in unusable.values()]
