"""Text columns of records as typed values: lists resolved, faults with their record."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from endotype.cohort.knowledge_kinds import Column
from endotype.errors import InputError, Problem, visible

ARROW_TYPES = {"text": pa.string(), "number": pa.float64(), "integer": pa.int64(), "flag": pa.bool_()}
_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
_NO_NUMBER = pa.array(
    ["na", "n/a", "nan", "none", "null", "-", "inf", "+inf", "-inf", "infinity", "not yet evaluated"]
)
_TRUE, _FALSE = pa.array(["true", "1", "yes", "t", "y"]), pa.array(["false", "0", "no", "f", "n"])
_MAX_PROBLEMS = 20


def typed(text: pa.Array, column: Column, path: str, rows: pa.Array) -> pa.Array:
    """A column of text as values of the column's type; missing text is null.

    Several values in one cell (``column.separator``) become one by ``column.combine``.

    Args:
        text: string array, shape (n,), null where missing.
        column: what it is.
        path, rows: the file and ``source_row`` of each value, for messages.

    Raises:
        InputError: a cell that isn't of the type, with its record.
    """
    if column.separator:
        return _resolved(text, column, path, rows)
    if column.type == "text":
        return text
    if column.type == "flag":
        return _flags(text, column, path, rows)
    numbers = _numbers(text, column, path, rows)
    if column.type == "number":
        return pa.array(numbers, pa.float64(), from_pandas=True)
    broken = np.flatnonzero(~np.isnan(numbers) & (numbers != np.round(numbers)))
    if broken.size:
        raise InputError(list(_problems(text, broken, column, path, rows, "a whole number")))
    return pa.array(numbers, pa.float64(), from_pandas=True).cast(pa.int64())


def _numbers(text: pa.Array, column: Column, path: str, rows: pa.Array) -> np.ndarray:
    """float64; NaN where missing, not a number by its own word, or not finite."""
    missing = pc.fill_null(pc.is_in(pc.utf8_lower(text), _NO_NUMBER), True)
    cells = pc.if_else(missing, None, text)
    wrong = np.flatnonzero(
        ~pc.fill_null(pc.match_substring_regex(cells, _NUMBER), True).to_numpy(zero_copy_only=False)
    )
    if wrong.size:
        raise InputError(list(_problems(text, wrong, column, path, rows, "a number")))
    numbers = pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _flags(text: pa.Array, column: Column, path: str, rows: pa.Array) -> pa.Array:
    folded = pc.utf8_lower(text)
    yes, no = pc.is_in(folded, _TRUE), pc.is_in(folded, _FALSE)
    known = pc.or_(pc.or_(yes, no), pc.or_(pc.is_null(text), pc.is_in(folded, _NO_NUMBER)))
    wrong = np.flatnonzero(~known.to_numpy(zero_copy_only=False))
    if wrong.size:
        raise InputError(list(_problems(text, wrong, column, path, rows, "true or false")))
    return pc.if_else(pc.or_(yes, no), yes, None)


def _problems(
    text: pa.Array, wrong: np.ndarray, column: Column, path: str, rows: pa.Array, expected: str
) -> Iterator[Problem]:
    for i in wrong[:_MAX_PROBLEMS]:
        where = f"{column.names[0]} of record {rows[int(i)].as_py()}"
        yield Problem(path, None, where, visible(text[int(i)].as_py()), expected)


def _resolved(text: pa.Array, column: Column, path: str, rows: pa.Array) -> pa.Array:
    """Cells of several values, each as one value."""
    parts = pc.split_pattern(text, column.separator)
    owner = pc.list_parent_indices(parts)
    flat = pc.utf8_trim_whitespace(parts.flatten())
    flat = pc.if_else(pc.is_in(flat, pa.array(["", "."])), None, flat)
    single = Column(column.name, column.names, column.type)
    if column.type in ("number", "integer"):
        values = np.asarray(
            typed(flat, single, path, rows.take(owner)).cast(pa.float64()).to_numpy(zero_copy_only=False)
        )
        ends = np.flatnonzero(np.diff(np.append(owner.to_numpy(), -1)))
        best = np.full(len(text), np.nan)
        if len(values):
            starts = np.append(0, ends[:-1] + 1)
            best[owner.to_numpy()[starts]] = reduce_by(column.combine, values, starts)
        return pa.array(best, pa.float64(), from_pandas=True).cast(ARROW_TYPES[column.type])
    joined = [None if cell is None else join_text(cell, column.combine) for cell in parts.to_pylist()]
    return typed(pa.array(joined, pa.string()), single, path, rows)


def reduce_by(combine: str, values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """One number of each run of ``values`` that begins at ``starts``; NaN only where all of them are.

    ``combine`` is ``max``, ``min``, or ``first`` (of those that are there).
    """
    if combine == "max":
        return np.fmax.reduceat(values, starts)
    if combine == "min":
        return np.fmin.reduceat(values, starts)
    place = np.where(np.isnan(values), len(values), np.arange(len(values)))
    first = np.minimum.reduceat(place, starts)
    return np.append(values, np.nan)[first]


def join_text(values: list[str | None], combine: str) -> str | None:
    """One text of several: the first that is there, or all, sorted, joined by ``|``."""
    there = [v for v in values if v and v != "."]
    if not there:
        return None
    return there[0] if combine == "first" else "|".join(sorted(set(there)))
