"""Tables of patients and their features as a hospital sends them: every cell a number, or said to be none.

TSV, CSV or Parquet, one row per patient, a column ``patient``. All faults are found before anything is
computed and told together, by file, row and column.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.ids import ID_RULE, is_id
from endotype.subtypes.views.feature import KINDS
from endotype.tables import read_parquet, read_text_table

PATIENT = "patient"
MISSING_WORDS = ("", "NA", "NaN", "nan", "N/A", ".")
CATEGORY = "category"


def read_table(path: str | Path) -> tuple[pd.DataFrame, list[int]]:
    """A table as text or, from Parquet, as it is typed; and the file's row of each of its rows.

    Raises:
        InputError: unreadable, no column ``patient``, rows of another length, a column or a patient twice, or
            something that can't be an id.
    """
    if Path(path).suffix == ".parquet":
        try:
            frame = read_parquet(path)
        except (OSError, ValueError) as error:
            raise input_error(path, f"no readable Parquet ({type(error).__name__})", "a table") from None
        lines = list(range(1, len(frame) + 1))
        problems = []
    else:
        table = read_text_table(path)
        frame, lines = table.rows.reset_index(drop=True), [int(i) for i in table.rows.index]
        problems = [
            Problem(str(path), line, "", f"{n} cells", f"{len(frame.columns)}, as in the header")
            for line, n in table.ragged
        ]
        problems += [
            Problem(str(path), 1, name, "the column twice", "once") for name in table.duplicate_columns
        ]
    if PATIENT not in frame.columns:
        shown = ", ".join(visible(str(c), 30) for c in frame.columns[:8])
        raise input_error(path, f"the columns {shown}", f"a column '{PATIENT}'")
    if problems:
        raise InputError(problems)
    first: dict[str, int] = {}
    for line, patient in zip(lines, frame[PATIENT].astype("str"), strict=True):
        if not is_id(patient):
            problems.append(Problem(str(path), line, PATIENT, visible(patient), ID_RULE))
        elif patient in first:
            problems.append(
                Problem(
                    str(path), line, PATIENT, f"{visible(patient)} again", f"it once; row {first[patient]}"
                )
            )
        first.setdefault(patient, line)
    if problems:
        raise InputError(problems)
    return frame, lines


def read_features(path: str | Path, kinds: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """The columns of ``kinds`` by kind, indexed by patient; and the columns of other names.

    Float64 with NaN where missing, of a category text with None. A column that isn't there is not in the
    result.

    Raises:
        InputError: see :func:`read_table`, and a cell that is no number.
    """
    frame, lines = read_table(path)
    wanted, problems = set(kinds), []
    columns: dict[str, np.ndarray] = {}
    for name in [c for c in frame.columns if c in wanted]:
        if kinds[name] == CATEGORY:
            missing = frame[name].isna() | frame[name].isin(MISSING_WORDS)
            columns[name] = frame[name].astype(object).mask(missing, None).to_numpy()
            continue
        values = np.full(len(frame), np.nan)
        for i, cell in enumerate(frame[name]):
            number = _number(cell)
            if number is None:
                problems.append(
                    Problem(
                        str(path), lines[i], str(name), visible(str(cell)), "a number, or empty where missing"
                    )
                )
            else:
                values[i] = number
        columns[name] = values
    if problems:
        raise InputError(problems)
    index = pd.Index(frame[PATIENT].astype("str"), name=PATIENT)
    others = [str(c) for c in frame.columns if c not in wanted and c != PATIENT]
    return pd.DataFrame(columns, index=index), others


def read_covariates(path: str | Path | None, index: pd.Index, numbers: bool) -> pd.DataFrame:
    """A clinical or ancestry table with the rows of ``index``; without a file, no columns.

    Text columns whose every cell is a number are numbers; with ``numbers`` others are errors.
    """
    if path is None:
        return pd.DataFrame(index=index)
    frame, lines = read_table(path)
    columns: dict[str, Any] = {}
    problems = []
    for name in frame.columns:
        if name == PATIENT:
            continue
        parsed = [_number(cell) for cell in frame[name]]
        if all(v is not None for v in parsed):
            columns[name] = np.array(parsed, float)
        elif numbers:
            i = parsed.index(None)
            problems.append(Problem(str(path), lines[i], str(name), visible(str(frame[name][i])), "a number"))
        else:
            text = frame[name].astype("str")
            columns[name] = text.mask(text.isin(MISSING_WORDS) | frame[name].isna()).to_numpy()
    if problems:
        raise InputError(problems)
    table = pd.DataFrame(columns, index=pd.Index(frame[PATIENT].astype("str"), name=PATIENT))
    return table.reindex(index)


def read_description(path: str | Path) -> list[dict[str, Any]]:
    """Features as described in YAML or JSON: a list, or a key ``features``, of name, kind, unit and view.

    Raises:
        InputError: not readable, no name, a name twice, or a kind that isn't known.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise input_error(
            path, f"no readable YAML or JSON ({type(error).__name__})", "a list of features"
        ) from None
    entries = content.get("features") if isinstance(content, dict) else content
    if not isinstance(entries, list) or not all(isinstance(e, dict) and "name" in e for e in entries):
        raise input_error(path, "another structure", "a list of features, each with a name and a kind")
    problems, seen = [], set()
    for entry in entries:
        name, kind = str(entry["name"]), str(entry.get("kind", "gaussian"))
        if name in seen or name == PATIENT:
            problems.append(Problem(str(path), None, name, "the name again", "each feature once"))
        if kind not in KINDS:
            problems.append(
                Problem(
                    str(path),
                    None,
                    name,
                    f"kind {visible(kind)}",
                    f"one of {', '.join(KINDS)}",
                    nearest(kind, KINDS),
                )
            )
        seen.add(name)
    if problems:
        raise InputError(problems)
    return [
        {
            "name": str(e["name"]),
            "kind": str(e.get("kind", "gaussian")),
            "unit": None if e.get("unit") in (None, "") else str(e["unit"]),
            "view": str(e.get("view", "features")),
            "levels": None if e.get("levels") is None else [str(level) for level in e["levels"]],
        }
        for e in entries
    ]


def unknown_columns(path: str | Path, unknown: list[str], known: list[str], lacking: list[str]) -> list[str]:
    """What to tell about columns that the model doesn't know and features that the table doesn't have."""
    messages = []
    for name in unknown:
        near = nearest(name, lacking or known)
        hint = f"; is it {near}?" if near else ""
        messages.append(f"{path}: column {visible(name)} is no feature of the model and isn't used{hint}")
    if lacking:
        shown = ", ".join(lacking[:10]) + (", …" if len(lacking) > 10 else "")
        messages.append(
            f"{path}: {len(lacking)} features of the model have no column and count as missing: {shown}"
        )
    return messages


def _number(cell: object) -> float | None:
    """A cell's number, NaN where it is missing, ``None`` where it is neither."""
    if cell is None or cell is pd.NA:
        return math.nan
    if isinstance(cell, str):
        if cell.strip() in MISSING_WORDS:
            return math.nan
        try:
            number = float(cell)
        except ValueError:
            return None
        # float() takes "1_000", "inf" and Arabic digits; a laboratory means none of them.
        return number if cell.strip().isascii() and "_" not in cell and math.isfinite(number) else None
    if isinstance(cell, int | float | np.number | np.bool_):
        return float(cell)
    return None
