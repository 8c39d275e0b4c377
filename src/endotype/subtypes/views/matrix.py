"""Any molecular matrix: expression, protein, methylation, copy number, signatures, imaging features.

A delimited file or Parquet table of patients x features (or turned), read column by column as numbers. A
patient who is not in the file has no values; a patient of the file who is not in the cohort is counted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from endotype.errors import InputError, Problem, input_error, visible
from endotype.subtypes.views.feature import Feature, View
from endotype.tables import TextTable, read_parquet, read_text_table

MISSING_WORDS = frozenset(("", "na", "nan", "null", "none", ".", "n/a"))
WIDE = 50
"""Gaussian features over which a view is reduced to its principal components, unless told otherwise."""

_SHOWN = 5


def matrix_view(
    name: str,
    path: str | Path,
    patients: pd.Index,
    kind: str = "gaussian",
    orientation: str = "patients_in_rows",
    log: bool = False,
    top: int | None = None,
    components: int | None = None,
) -> View:
    """Read a matrix as a view.

    Args:
        name: of the view; features are called ``name:column``.
        path: TSV, CSV or Parquet; the first column (or row) holds the ids.
        patients: of the cohort, in the order wanted.
        kind: of all features.
        orientation: ``patients_in_rows`` or ``patients_in_columns``.
        log: take log2(x + 1) of gaussian values.
        top: keep only this many features, those of largest median absolute deviation (variance, where most
            values are equal).
        components: to how many principal components a gaussian view is reduced; 0 for none; None where the
            data decide, for more than :data:`WIDE` features.

    Raises:
        InputError: all faults of the file, each with row and column.
    """
    table = _table(path)
    if orientation == "patients_in_columns":
        table = table.set_index(table.columns[0]).T.rename_axis(table.columns[0]).reset_index()
    ids = table.iloc[:, 0].astype(str).str.strip()
    if twice := sorted(set(ids[ids.duplicated()])):
        raise input_error(path, f"patients twice: {_few(twice)}", "one row of each patient")
    cells = table.iloc[:, 1:]
    if twice := sorted({str(c) for c in cells.columns[cells.columns.duplicated()]}):
        raise input_error(path, f"features twice: {_few(twice)}", "one column of each feature")
    values = _categories(cells) if kind == "category" else _numbers(cells, path, orientation)
    if kind != "category":
        _require_kind(values, kind, log, path, list(cells.columns))
    at = pd.Series(np.arange(len(ids)), index=ids).reindex(patients).to_numpy(dtype=float)
    view = View(name, "matrix")
    if strangers := sorted(set(ids) - set(patients)):
        view.notes.append(f"{len(strangers)} patients of the file are not in the cohort: {_few(strangers)}.")
    if absent := int(np.isnan(at).sum()):
        view.notes.append(f"{absent} patients of the cohort are not in the file.")
    there = np.isfinite(at)
    rows = at[there].astype(int)
    columns: dict[str, np.ndarray] = {}
    for j, column in enumerate(cells.columns):
        full = np.full(len(patients), *((None, object) if kind == "category" else (np.nan,)))
        full[there] = values[rows, j]
        if kind == "gaussian" and log:
            full = np.log2(full + 1)
        columns[str(column)] = full
    for column in _kept(columns, top, view) if kind != "category" else list(columns):
        levels = tuple(sorted({str(v) for v in columns[column] if v is not None}))
        source = f"{column} of {Path(path).name}" + (", log2(x + 1)" if log and kind == "gaussian" else "")
        feature = Feature(
            f"{name}:{column}", name, kind, source, levels=levels if kind == "category" else None
        )
        view.add(feature, columns[column])
    if kind == "gaussian":
        view.components = (-1 if len(view.features) > WIDE else 0) if components is None else components
    return view


def check_matrix(path: str | Path, orientation: str = "patients_in_rows") -> None:
    """Read the ids of a matrix and raise for what can be seen in them before any job."""
    table = _table(path)
    ids = table.iloc[:, 0] if orientation == "patients_in_rows" else pd.Series(table.columns[1:])
    ids = ids.astype(str).str.strip()
    if twice := sorted(set(ids[ids.duplicated()])):
        raise input_error(path, f"patients twice: {_few(twice)}", "one row of each patient")


def _table(path: str | Path) -> pd.DataFrame:
    if str(path).endswith(".parquet"):
        try:
            return read_parquet(path)
        except FileNotFoundError:
            raise input_error(path, "no such file", "a readable table") from None
        except (OSError, ValueError):
            raise input_error(path, "no readable Parquet", "a Parquet table") from None
    read = read_text_table(path)
    _require_sound(read)
    if read.rows.shape[1] < 2 or read.rows.empty:
        raise input_error(path, "no values", "an id column, and a column for each feature")
    return read.rows


def _require_sound(table: TextTable) -> None:
    width = len(table.rows.columns)
    problems = [
        Problem(table.path, line, "", f"{n} cells", f"{width} cells, as in the header")
        for line, n in table.ragged
    ]
    problems += [
        Problem(table.path, 1, visible(column), "the column twice", "it once")
        for column in table.duplicate_columns
    ]
    if problems:
        raise InputError(problems)


def _numbers(cells: pd.DataFrame, path: str | Path, orientation: str) -> np.ndarray:
    values = np.empty(cells.shape)
    problems: list[Problem] = []
    lines = cells.index.to_numpy()
    for j, column in enumerate(cells.columns):
        cell = cells[column]
        if pd.api.types.is_numeric_dtype(cell) or pd.api.types.is_bool_dtype(cell):
            values[:, j] = cell.to_numpy(dtype=float, na_value=np.nan)
        else:
            text = cell.astype("str").str.strip()
            values[:, j] = pd.to_numeric(text, errors="coerce").to_numpy(dtype=float)
            wrong = np.isnan(values[:, j]) & ~text.str.lower().isin(MISSING_WORDS).fillna(True).to_numpy(bool)
            for i in np.flatnonzero(wrong):
                line = int(lines[i]) if orientation == "patients_in_rows" else None
                problems.append(
                    Problem(str(path), line, visible(str(column)), visible(text.iloc[i]), "a number")
                )
        for i in np.flatnonzero(np.isinf(values[:, j])):
            line = int(lines[i]) if orientation == "patients_in_rows" else None
            problems.append(Problem(str(path), line, visible(str(column)), "infinity", "a finite number"))
    if problems:
        raise InputError(problems)
    return values


def _categories(cells: pd.DataFrame) -> np.ndarray:
    text = cells.astype("str").apply(lambda column: column.str.strip())
    missing = text.apply(lambda column: column.str.lower().isin(MISSING_WORDS) | column.isna())
    return text.astype(object).mask(missing.to_numpy(bool), None).to_numpy(dtype=object)


def _require_kind(values: np.ndarray, kind: str, log: bool, path: str | Path, names: list[str]) -> None:
    seen = np.isfinite(values)
    if kind == "binary":
        wrong, expected = seen & (values != 0) & (values != 1), "0 or 1"
    elif kind == "count":
        with np.errstate(invalid="ignore"):
            wrong, expected = seen & ((values < 0) | (values != np.round(values))), "a whole number from 0"
    elif log:
        wrong, expected = seen & (values <= -1), "a number above -1, as its logarithm is wanted"
    else:
        return
    if wrong.any():
        problems = [
            Problem(str(path), None, visible(str(names[j])), f"{values[i, j]:g}", expected)
            for i, j in np.argwhere(wrong)
        ]
        raise InputError(problems)


def _kept(columns: dict[str, np.ndarray], top: int | None, view: View) -> list[str]:
    names = list(columns)
    if top is None or len(names) <= top:
        return names
    spread = []
    for name in names:
        seen = columns[name][np.isfinite(columns[name])]
        deviation = float(np.median(np.abs(seen - np.median(seen)))) if seen.size else 0.0
        spread.append((deviation, float(seen.var()) if seen.size else 0.0))
    chosen = set(sorted(range(len(names)), key=lambda j: (-spread[j][0], -spread[j][1], j))[:top])
    view.notes.append(f"{len(names) - top} features that vary least are left out; {top} are kept.")
    return [name for j, name in enumerate(names) if j in chosen]


def _few(names: list[str]) -> str:
    shown = ", ".join(visible(name) for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
