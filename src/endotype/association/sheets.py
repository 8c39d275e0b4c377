"""A design from phenotype and covariate sheets, for PLINK filesets that did not come from this workflow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from endotype.association.covariates import one_hot
from endotype.association.design import Design, describe
from endotype.association.reconcile import RECONCILIATION_COLUMNS, reconcile, require_overlap
from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.tables import read_text_table

MISSING_WORDS = frozenset({"", "NA", "NaN", "nan", "N/A", ".", "-9"})
"""Words for a missing value in a sheet, PLINK's -9 among them."""

ID_COLUMNS = ("IID", "#IID", "patient")
FAMILY_COLUMNS = ("FID", "#FID")
FAMILY_DIFFERS = "family_differs"
"""A status of the reconciliation: the IID is the same, the FID is not. The person is kept; IIDs decide."""

_NO_FAMILY = ("0", "")
_MAX_PROBLEMS = 20


@dataclass(frozen=True)
class Sheet:
    """A phenotype or covariate sheet as text.

    Attributes:
        path: of the file.
        rows: columns as written, without the ids, indexed by IID; missing words are null.
        families: FID by IID, where the sheet has them.
        lines: 1-based line of the file by IID.
    """

    path: str
    rows: pd.DataFrame
    families: pd.Series | None
    lines: pd.Series

    def line(self, person: object) -> int:
        """The line of a person."""
        return int(self.lines.loc[str(person)])


def design_from_sheets(
    people: pd.Series,
    phenotypes: str | Path,
    covariates: str | Path | None,
    traits: list[str],
    event: str | None = None,
    families: pd.Series | None = None,
    *,
    entry: str | None = None,
    linear: bool = False,
) -> Design:
    """The design of traits that are columns of a sheet.

    A trait whose values are all 0 and 1, or 1 and 2 (PLINK: 2 is a case), is binary. With ``event`` the one
    trait is a time, and ``event`` the binary column that says whether it ended with the event; ``entry`` is
    then the column of the time at which observation began, on the clock of the trait. Covariates
    are all columns of the covariate sheet; those of words are made into indicators.

    Args:
        people: IIDs in the order of the .fam.
        phenotypes: sheet with an ``IID`` or ``patient`` column, and ``FID`` if it likes; columns separated by
            tabs, commas or blanks.
        covariates: as ``phenotypes``.
        traits: columns of ``phenotypes``.
        event: column of ``phenotypes``.
        families: FIDs in the order of the .fam, to be compared with those of the sheets.
        linear: take traits of two values for quantitative ones.
        entry: column of ``phenotypes``, with ``event`` only.

    Returns:
        A design; ``info["reconciliation"]`` holds, for each sheet, how many people match, are only in the
        genotypes, or only in the sheet (:data:`~endotype.association.reconcile.RECONCILIATION_COLUMNS`).

    Raises:
        InputError: a sheet can't be read, has no such column, names a person twice, shares nobody with the
            genotypes, holds something else than a number, or an entry that is not before the time; or the
            .fam has an IID twice.
    """
    patients = people.astype("str").reset_index(drop=True)
    if patients.duplicated().any():
        again = visible(patients[patients.duplicated()].iloc[0])
        raise input_error("the .fam", f"the IID {again} twice", "IIDs that differ, whatever the FIDs")
    sheet = read_sheet(phenotypes)
    if entry and not event:
        raise input_error(phenotypes, f"an entry column '{entry}' without an event column", "both, or none")
    wanted = list(dict.fromkeys([*traits, *([event] if event else []), *([entry] if entry else [])]))
    problems = [
        Problem(
            str(phenotypes),
            1,
            "",
            f"no column '{name}'",
            "a column of the sheet",
            nearest(name, map(str, sheet.rows)),
        )
        for name in wanted
        if name not in sheet.rows
    ]
    if problems:
        raise InputError(problems)
    reconciled = [match_sheet("phenotypes", sheet, patients, families)]
    values = {name: _to_numbers(sheet, name) for name in wanted}

    columns: dict[str, pd.Series] = {}
    kinds: dict[str, str] = {}
    if event:
        if len(traits) != 1:
            raise input_error(phenotypes, f"{len(traits)} traits and one event column", "one trait, the time")
        columns = {f"{traits[0]}.time": values[traits[0]], f"{traits[0]}.event": _binary(values[event])}
        kinds = {traits[0]: "cox"}
        if entry:
            _check_entries(sheet, traits[0], values[traits[0]], entry, values[entry])
            columns[f"{traits[0]}.entry"] = values[entry]
        if not set(columns[f"{traits[0]}.event"].dropna()) <= {0.0, 1.0}:
            raise input_error(phenotypes, f"other values than 0 and 1 in column '{event}'", "0 and 1")
    else:
        for name in traits:
            columns[name] = _binary(values[name])
            kinds[name] = "logistic" if set(columns[name].dropna()) == {0.0, 1.0} and not linear else "linear"
    frame = pd.DataFrame(columns).reindex(patients)
    design_columns = pd.DataFrame(index=patients)
    if covariates:
        adjusted = read_sheet(covariates)
        reconciled.append(match_sheet("covariates", adjusted, patients, families))
        design_columns = _covariates(adjusted, patients)
    clash = sorted({*frame.columns, "patient", "in_analysis"} & set(design_columns.columns))
    if clash:
        raise input_error(covariates, f"a column '{clash[0]}', which the phenotypes have too", "other names")
    frame = pd.concat([frame, design_columns], axis=1).reset_index(drop=True)
    frame.insert(0, "patient", patients)
    frame["in_analysis"] = True
    info = describe(frame, kinds, list(design_columns.columns))
    info["reconciliation"] = pd.concat(reconciled, ignore_index=True).to_dict("records")
    return Design(frame, info)


def match_sheet(
    source: str, sheet: Sheet, patients: pd.Series, families: pd.Series | None = None
) -> pd.DataFrame:
    """Compare a sheet's people with those of the genotypes, by IID.

    Args:
        source: what the sheet is called in the result.
        sheet: read by :func:`read_sheet`.
        patients: IIDs in the order of the .fam.
        families: FIDs in the order of the .fam.

    Returns:
        As :func:`~endotype.association.reconcile.reconcile`, and a row :data:`FAMILY_DIFFERS` where both
        sides have FIDs (``0`` is none) that are not the same.

    Raises:
        InputError: nobody is in both.
    """
    table = reconcile(source, patients.tolist(), [str(person) for person in sheet.rows.index])
    require_overlap(table, sheet.path)
    if families is None or sheet.families is None:
        return table
    ours = pd.Series(families.astype("str").to_numpy(), index=patients.to_numpy())
    ours, theirs = ours.align(sheet.families.astype("str"), join="inner")
    differs = (ours != theirs) & ~ours.isin(_NO_FAMILY) & ~theirs.isin(_NO_FAMILY)
    if not differs.any():
        return table
    pairs = [f"{visible(str(i))}: {visible(ours[i])}, {visible(theirs[i])}" for i in ours.index[differs][:5]]
    row = (
        source,
        FAMILY_DIFFERS,
        int(differs.sum()),
        "; ".join(pairs),
        "matched by IID; FIDs of .fam, sheet",
    )
    more = pd.DataFrame([row], columns=list(RECONCILIATION_COLUMNS)).astype(RECONCILIATION_COLUMNS)
    return pd.concat([table, more], ignore_index=True)


def read_sheet(path: str | Path) -> Sheet:
    """A sheet as text; missing words are null.

    Raises:
        InputError: it can't be read, has no id column, or names a person twice.
    """
    table = read_text_table(path)
    rows = table.rows
    ragged, duplicates = list(table.ragged), list(table.duplicate_columns)
    if len(rows.columns) == 1:  # neither tab nor comma in the header: columns are separated by blanks
        lines = [re.split(r"\s+", line.strip()) for line in rows.iloc[:, 0]]
        header = re.split(r"\s+", str(rows.columns[0]).strip())
        duplicates = sorted({name for name in header if header.count(name) > 1})
        ragged = [(n, len(c)) for n, c in zip(rows.index, lines, strict=True) if len(c) != len(header)]
        whole = [(n, c) for n, c in zip(rows.index, lines, strict=True) if len(c) == len(header)]
        index = pd.Index([n for n, _ in whole], name="line")
        rows = pd.DataFrame([c for _, c in whole], columns=header, index=index, dtype="str")
    problems = [Problem(str(path), 1, name, "the column twice", "different names") for name in duplicates]
    if problems:
        raise InputError(problems)
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
    if problems:
        raise InputError(problems)
    lines_of = pd.Series(rows.index, index=rows[key].to_numpy())
    rows = rows.set_index(key)
    family = next((name for name in FAMILY_COLUMNS if name in rows), None)
    values = rows.drop(columns=[family] if family else [])
    return Sheet(
        str(path), values.mask(values.isin(MISSING_WORDS)), rows[family] if family else None, lines_of
    )


def _to_numbers(sheet: Sheet, name: str) -> pd.Series:
    """A column as numbers.

    Raises:
        InputError: words or infinite values; the first twenty rows of them.
    """
    column = sheet.rows[name]
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    bad = column[column.notna() & ~np.isfinite(numbers)]
    if len(bad):
        raise InputError(_not_numbers(sheet, bad, "a finite number, or NA"))
    return numbers


def _not_numbers(sheet: Sheet, bad: pd.Series, expected: str) -> list[Problem]:
    name = str(bad.name)
    first = bad.head(_MAX_PROBLEMS)
    problems = [
        Problem(sheet.path, sheet.line(person), name, f"{visible(text)} of {visible(str(person))}", expected)
        for person, text in first.items()
    ]
    if len(bad) > len(first):
        more = f"{len(bad) - len(first)} more such values"
        problems.append(Problem(sheet.path, None, name, more, expected))
    return problems


def _check_entries(sheet: Sheet, end: str, ends: pd.Series, entry: str, entries: pd.Series) -> None:
    """Refuse people who are followed no longer when they enter; the first twenty of them."""
    late = sheet.rows.loc[(entries >= ends) | (entries < 0), entry]
    if len(late):
        expected = f"a number from 0 up to, not including, '{end}' of the same row"
        raise InputError(_not_numbers(sheet, late, expected))


def _binary(numbers: pd.Series) -> pd.Series:
    """PLINK's 1 and 2 as 0 and 1; anything else as it is."""
    return numbers - 1 if set(numbers.dropna()) == {1.0, 2.0} else numbers


def _covariates(sheet: Sheet, patients: pd.Series) -> pd.DataFrame:
    """Columns of numbers as they are, columns of words as indicators, for all patients.

    Raises:
        InputError: a column of numbers with a word or an infinite value in it.
    """
    parts = []
    for name in sheet.rows.columns:
        column = sheet.rows[name]
        numbers = pd.to_numeric(column, errors="coerce").astype("float64")
        bad = column[column.notna() & ~np.isfinite(numbers)]
        if len(bad) == 0:
            parts.append(numbers.to_frame().reindex(patients))
        elif np.isfinite(numbers).any() or np.isinf(numbers).any():
            raise InputError(
                _not_numbers(sheet, bad, "a finite number like the others, or words in all rows")
            )
        else:
            words = column.reindex(patients)
            parts.append(one_hot(name, words, sorted(words.dropna().unique())))
    return pd.concat(parts, axis=1) if parts else pd.DataFrame(index=patients)
