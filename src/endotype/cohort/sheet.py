"""The sample sheet: which person has which sample in which file."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from endotype.cohort.findings import Findings
from endotype.cohort.identity import check_collisions, id_suggestion
from endotype.config import schema
from endotype.errors import nearest, visible
from endotype.ids import ID_RULE, is_id
from endotype.tables import TextTable, read_text_table

SEX_WORDS = {
    "male": "male", "m": "male", "1": "male",
    "female": "female", "f": "female", "2": "female",
    "unknown": "unknown", "u": "unknown", "0": "unknown", "": "unknown",
}  # fmt: skip

SHEET_COLUMNS: list[str] = schema("samples")["required"]
COVERAGE_COLUMNS = ["callable", "alignment"]
"""Optional columns: files that tell which bases of the person were seen."""

FILE_TYPES: list[str] = schema("samples")["properties"]["file_type"]["enum"]


def no_samples() -> pd.DataFrame:
    """The sheet of a cohort in which nobody has germline calls."""
    return pd.DataFrame({name: pd.Series(dtype="str") for name in [*SHEET_COLUMNS, *COVERAGE_COLUMNS]})


def read_sheet(path: str | Path, findings: Findings) -> pd.DataFrame | None:
    """Read the sample sheet and check every cell of it.

    Returns:
        The columns ``patient sample sex file_type path callable alignment`` with the line of the file as
        index, ``sex`` in the words ``male female unknown``; paths as written, the last two empty when not
        given. Faulty rows stay in, so that the files they name are checked as well. ``None`` when the
        sheet can't be read or lacks a column.
    """
    table = findings.attempt(read_text_table, path)
    if table is None or not _header_is_sound(table, findings):
        return None
    source = str(path)
    for line, cells in table.ragged:
        findings.problem(
            source, line, "", f"{cells} cells", f"{len(table.rows.columns)} cells, as in the header"
        )
    sheet = table.rows[SHEET_COLUMNS].copy()
    for column in COVERAGE_COLUMNS:
        sheet[column] = table.rows[column].str.strip() if column in table.rows else ""
        for line, text in _cells(sheet[column]):
            if not text.isprintable():
                findings.problem(source, line, column, visible(text), "the path of a file, or nothing")
    if sheet.empty and not table.ragged:
        findings.problem(source, None, "", "no rows", "one row per person and file")
    for column in ("patient", "sample"):
        _check_id_column(source, column, sheet[column], findings)
    sheet["sex"] = [_sex(source, line, text, findings) for line, text in _cells(sheet["sex"])]
    for line, text in _cells(sheet["file_type"]):
        if text not in FILE_TYPES:
            word = nearest(text, FILE_TYPES)
            findings.problem(
                source,
                line,
                "file_type",
                visible(text),
                f"one of {', '.join(FILE_TYPES)}",
                f"did you mean {word}?" if word else "",
            )
    for line, text in _cells(sheet["path"]):
        if not text.strip() or not text.isprintable():
            findings.problem(source, line, "path", visible(text), "the path of a file")
    _check_rows(source, sheet, findings)
    return sheet


def resolve(path: str, beside: str | Path) -> str:
    """A path that is relative to the folder of the file ``beside``, as the working directory sees it.

    A relative path stays relative, so that no table of the results holds the name of a machine's folder
    unless the user wrote it. The result never begins with ``-``, which programs would take for an option.
    """
    opened = os.path.normpath(os.path.join(os.path.dirname(beside), path))  # noqa: PTH118, PTH120
    return f"./{opened}" if opened.startswith("-") else opened


def _header_is_sound(table: TextTable, findings: Findings) -> bool:
    header = list(map(str, table.rows.columns))
    for name in table.duplicate_columns:
        findings.problem(table.path, 1, name, f"the column {visible(name)} twice", "each column once")
    absent = [name for name in SHEET_COLUMNS if name not in header]
    for name in absent:
        word = nearest(name, [h for h in header if h not in SHEET_COLUMNS])
        findings.problem(
            table.path,
            1,
            name,
            f"the columns {visible(', '.join(header))}",
            f"a column '{name}'",
            f"did you mean it by {visible(word)}?" if word else "",
        )
    known = {*SHEET_COLUMNS, *COVERAGE_COLUMNS}
    return not absent and not known.intersection(table.duplicate_columns)


def _cells(column: pd.Series) -> list[tuple[int, str]]:
    return [(int(str(line)), str(text)) for line, text in column.items()]


def _check_id_column(source: str, name: str, ids: pd.Series, findings: Findings) -> None:
    first: dict[str, int] = {}
    for line, text in _cells(ids):
        first.setdefault(text, line)
        if not is_id(text):
            findings.problem(source, line, name, visible(text), f"an id of {ID_RULE}", id_suggestion(text))
    if name == "patient":
        check_collisions(source, name, first, findings)


def _sex(source: str, line: int, text: str, findings: Findings) -> str:
    word = SEX_WORDS.get(text.strip().casefold())
    if word is None:
        meant = nearest(text, ["male", "female", "unknown"])
        findings.problem(
            source,
            line,
            "sex",
            visible(text),
            "male, female or unknown",
            f"did you mean {meant}?" if meant else "",
        )
        return "unknown"
    return word


def _check_rows(source: str, sheet: pd.DataFrame, findings: Findings) -> None:
    """Repeated rows; two samples or two sexes of one person; two people in one sample."""
    first_row: dict[tuple[str, str, str], int] = {}
    first_of_patient: dict[str, tuple[int, str, str]] = {}
    owner: dict[tuple[str, str], tuple[int, str]] = {}
    for row in sheet.itertuples():
        line, patient, sample = int(str(row.Index)), str(row.patient), str(row.sample)
        path = os.path.normpath(str(row.path))
        if (patient, sample, path) in first_row:
            findings.problem(
                source,
                line,
                "patient",
                f"{visible(patient)} with this file again (first in row {first_row[patient, sample, path]})",
                "one row per person and file",
            )
            continue
        first_row[patient, sample, path] = line
        other_line, other_sample, other_sex = first_of_patient.setdefault(
            patient, (line, sample, str(row.sex))
        )
        if other_sample != sample:
            findings.problem(
                source,
                line,
                "sample",
                f"sample {visible(sample)} of patient {visible(patient)}, who has "
                f"sample {visible(other_sample)} in row {other_line}",
                "one germline sample per patient",
            )
        if other_sex != row.sex:
            findings.problem(
                source, line, "sex", f"{row.sex}, but {other_sex} in row {other_line}", "one sex per patient"
            )
        owner_line, owner_patient = owner.setdefault((sample, path), (line, patient))
        if owner_patient != patient:
            findings.problem(
                source,
                line,
                "sample",
                f"sample {visible(sample)}, which is of patient {visible(owner_patient)} in row {owner_line}",
                "one patient per sample of a file",
            )
