"""A design from phenotype and covariate sheets, for PLINK filesets that did not come from this workflow."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from endotype.association.covariates import one_hot
from endotype.association.design import Design, describe
from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.tables import read_text_table

MISSING_WORDS = frozenset({"", "NA", "NaN", "nan", "N/A", ".", "-9"})
"""Words for a missing value in a sheet, PLINK's -9 among them."""

ID_COLUMNS = ("IID", "#IID", "patient")
_FAMILY_COLUMNS = ("FID", "#FID")


def design_from_sheets(
    people: pd.Series,
    phenotypes: str | Path,
    covariates: str | Path | None,
    traits: list[str],
    event: str | None = None,
) -> Design:
    """The design of traits that are columns of a sheet.

    A trait whose values are all 0 and 1, or 1 and 2 (PLINK: 2 is a case), is binary. With ``event`` the one
    trait is a time, and ``event`` the binary column that says whether it ended with the event. Covariates
    are all columns of the covariate sheet; those with words are made into indicators.

    Args:
        people: IIDs in the order of the .fam.
        phenotypes: sheet with an ``IID`` or ``patient`` column; columns separated by tabs, commas or blanks.
        covariates: as ``phenotypes``.
        traits: columns of ``phenotypes``.
        event: column of ``phenotypes``.

    Raises:
        InputError: a sheet can't be read, has no such column, names a person twice, or holds no number.
    """
    patients = people.astype("str").reset_index(drop=True)
    sheet = read_sheet(phenotypes)
    wanted = [*traits, *([event] if event else [])]
    available = [c for c in sheet.columns if c not in _FAMILY_COLUMNS]
    problems = [
        Problem(
            str(phenotypes), 1, "", f"no column '{name}'", "a column of the sheet", nearest(name, available)
        )
        for name in wanted
        if name not in available
    ]
    if problems:
        raise InputError(problems)
    values = {name: _to_numbers(sheet[name], phenotypes) for name in wanted}

    columns: dict[str, pd.Series] = {}
    kinds: dict[str, str] = {}
    if event:
        if len(traits) != 1:
            raise input_error(phenotypes, f"{len(traits)} traits and one event column", "one trait, the time")
        columns = {f"{traits[0]}.time": values[traits[0]], f"{traits[0]}.event": _binary(values[event])}
        kinds = {traits[0]: "cox"}
        if not set(columns[f"{traits[0]}.event"].dropna()) <= {0.0, 1.0}:
            raise input_error(phenotypes, f"other values than 0 and 1 in column '{event}'", "0 and 1")
    else:
        for name in traits:
            columns[name] = _binary(values[name])
            kinds[name] = "logistic" if set(columns[name].dropna()) == {0.0, 1.0} else "linear"
    frame = pd.DataFrame(columns).reindex(patients)
    design_columns = _read_covariates(covariates, patients) if covariates else pd.DataFrame(index=patients)
    clash = sorted({*frame.columns, "patient", "in_analysis"} & set(design_columns.columns))
    if clash:
        raise input_error(covariates, f"a column '{clash[0]}', which the phenotypes have too", "other names")
    frame = pd.concat([frame, design_columns], axis=1).reset_index(drop=True)
    frame.insert(0, "patient", patients)
    frame["in_analysis"] = True
    return Design(frame, describe(frame, kinds, list(design_columns.columns)))


def read_sheet(path: str | Path) -> pd.DataFrame:
    """A sheet as text, indexed by person; missing words are null.

    Raises:
        InputError: it can't be read, has no id column, or names a person twice.
    """
    table = read_text_table(path)
    rows = table.rows
    ragged = list(table.ragged)
    if len(rows.columns) == 1:  # neither tab nor comma in the header: columns are separated by blanks
        lines = [re.split(r"\s+", line.strip()) for line in rows.iloc[:, 0]]
        header = re.split(r"\s+", str(rows.columns[0]).strip())
        ragged = [(n, len(c)) for n, c in zip(rows.index, lines, strict=True) if len(c) != len(header)]
        whole = [(n, c) for n, c in zip(rows.index, lines, strict=True) if len(c) == len(header)]
        rows = pd.DataFrame([c for _, c in whole], columns=header, index=[n for n, _ in whole], dtype="str")
    key = next((name for name in ID_COLUMNS if name in rows.columns), None)
    if key is None:
        raise input_error(
            path, "the columns " + ", ".join(map(visible, rows.columns)), "a column IID or patient"
        )
    problems = [
        Problem(str(path), line, "", f"{count} cells", f"{len(rows.columns)} cells as in the header")
        for line, count in ragged
    ]
    problems += [
        Problem(str(path), int(str(line)), key, f"{visible(person)} again", "one row a person")
        for line, person in rows.loc[rows[key].duplicated(), key].items()
    ]
    problems += [
        Problem(str(path), 1, name, "the column twice", "different names") for name in table.duplicate_columns
    ]
    if problems:
        raise InputError(problems)
    rows = rows.set_index(key)
    return rows.mask(rows.isin(MISSING_WORDS))


def _to_numbers(column: pd.Series, path: str | Path) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    bad = column[column.notna() & ~np.isfinite(numbers.astype("float64"))]
    if len(bad):
        raise InputError(
            [
                Problem(
                    str(path),
                    None,
                    str(column.name),
                    f"{visible(text)} of {visible(str(person))}",
                    "a number",
                )
                for person, text in bad.items()
            ]
        )
    return numbers.astype("float64")


def _binary(numbers: pd.Series) -> pd.Series:
    """PLINK's 1 and 2 as 0 and 1; anything else as it is."""
    return numbers - 1 if set(numbers.dropna()) == {1.0, 2.0} else numbers


def _read_covariates(path: str | Path, patients: pd.Series) -> pd.DataFrame:
    sheet = read_sheet(path).reindex(patients)
    parts = []
    for name in [c for c in sheet.columns if c not in _FAMILY_COLUMNS]:
        numbers = pd.to_numeric(sheet[name], errors="coerce").astype("float64")
        words = bool((sheet[name].notna() & ~np.isfinite(numbers)).any())
        parts.append(
            one_hot(name, sheet[name], sorted(sheet[name].dropna().unique())) if words else numbers.to_frame()
        )
    return pd.concat(parts, axis=1) if parts else pd.DataFrame(index=patients)
