"""The tumour sheet: which tumour of which patient is in which file, and whether the files bear it out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence, Set
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from endotype.cohort.builds import Genome, check_build
from endotype.cohort.contigs import map_contigs
from endotype.cohort.coverage_files import bed_intervals
from endotype.cohort.findings import Findings
from endotype.cohort.identity import check_collisions, id_suggestion
from endotype.cohort.maf_table import MafSurvey, assembly_of_maf, survey_maf
from endotype.cohort.reference import Reference
from endotype.cohort.sheet import resolve
from endotype.cohort.tumour_header import TumourHeader, has_fields_of, read_tumour_header
from endotype.cohort.variant_file import inspect
from endotype.config import schema
from endotype.errors import nearest, visible
from endotype.ids import ID_RULE, is_id
from endotype.tables import TextTable, read_text_table

SHEET_COLUMNS: list[str] = schema("tumours")["required"]
OPTIONAL_COLUMNS = ["caller", "callable"]
FILE_TYPES: list[str] = schema("tumours")["properties"]["file_type"]["enum"]
CALLERS: list[str] = schema("tumours")["properties"]["caller"]["enum"]

TUMOUR_COLUMNS = [*SHEET_COLUMNS, *OPTIONAL_COLUMNS, "tumour_in_file", "normal_in_file"]
"""Columns of ``cohort/tumours.parquet``: the sheet, paths as they open, and the names found in the files."""

_TCGA = re.compile(r"TCGA-\w{2}-\w{4}(-.*)?", re.IGNORECASE)


def no_tumours() -> pd.DataFrame:
    """The table of a cohort without tumours."""
    return pd.DataFrame({name: pd.Series(dtype="str") for name in TUMOUR_COLUMNS})


def read_tumours(
    path: str, people: Set[str] | None, genome: Genome, reference: Reference | None, findings: Findings
) -> pd.DataFrame:
    """Read the tumour sheet, open every file it names, and find every tumour there.

    Args:
        path: the sheet.
        people: patients of the sample sheet and of the clinical table; ``None`` when these can't be read.
        genome: what is known of the run's genome.
        reference: the open FASTA, if there is one.
        findings: where to note what is wrong.

    Returns:
        The columns :data:`TUMOUR_COLUMNS`, in the order of the sheet; of use only when nothing was found.
    """
    sheet = _read_sheet(path, findings)
    if sheet is None:
        return no_tumours()
    _check_ids(path, sheet, people, findings)
    _check_words(path, sheet, findings)
    for column in ("path", "callable"):
        sheet[column] = [resolve(text, path) if text.strip() else "" for text in sheet[column]]
    _check_rows(path, sheet, findings)
    files = _Files(genome, reference, findings)
    found = [_find(path, row, files, findings) for row in sheet.itertuples()]
    sheet["tumour_in_file"] = [tumour for tumour, _ in found]
    sheet["normal_in_file"] = [normal for _, normal in found]
    _check_shared_columns(path, sheet, findings)
    _warn_of_left_out(sheet, files, findings)
    for bed in dict.fromkeys(text for text in sheet["callable"] if text):
        findings.attempt(_check_bed, bed)
    return sheet[TUMOUR_COLUMNS].astype("str").reset_index(drop=True)


def _check_bed(path: str) -> None:
    for _ in bed_intervals(path):
        pass


# -- the sheet itself --------------------------------------------------------------------------------


def _read_sheet(path: str, findings: Findings) -> pd.DataFrame | None:
    """The cells of the sheet, index: line of the file; ``None`` when it can't be read or lacks a column."""
    table = findings.attempt(read_text_table, path)
    if table is None or not _header_is_sound(table, findings):
        return None
    for line, cells in table.ragged:
        expected = f"{len(table.rows.columns)} cells, as in the header"
        findings.problem(path, line, "", f"{cells} cells", expected)
    if table.rows.empty and not table.ragged:
        findings.problem(path, None, "", "no rows", "one row per tumour and file")
    return table.rows.reindex(columns=[*SHEET_COLUMNS, *OPTIONAL_COLUMNS], fill_value="").copy()


def _header_is_sound(table: TextTable, findings: Findings) -> bool:
    header = list(map(str, table.rows.columns))
    ours = [*SHEET_COLUMNS, *OPTIONAL_COLUMNS]
    twice = [name for name in table.duplicate_columns if name in ours]
    for name in twice:
        findings.problem(table.path, 1, name, f"the column {visible(name)} twice", "each column once")
    absent = [name for name in SHEET_COLUMNS if name not in header]
    for name in absent:
        word = nearest(name, [other for other in header if other not in ours])
        findings.problem(
            table.path,
            1,
            name,
            f"the columns {visible(', '.join(header))}",
            f"a column '{name}'",
            f"did you mean it by {visible(word)}?" if word else "",
        )
    return not absent and not twice


def _check_ids(path: str, sheet: pd.DataFrame, people: Set[str] | None, findings: Findings) -> None:
    for column in ("patient", "tumour", "normal"):
        first: dict[str, int] = {}
        for line, text in _cells(sheet[column]):
            first.setdefault(text, line)
            if not is_id(text) and not (column == "normal" and not text):
                findings.problem(
                    path, line, column, visible(text), f"an id of {ID_RULE}", id_suggestion(text)
                )
        if column == "patient":
            check_collisions(path, column, first, findings)
            for text, line in first.items():
                if people is not None and is_id(text) and text not in people:
                    word = nearest(text, sorted(people))
                    findings.problem(
                        path,
                        line,
                        column,
                        visible(text),
                        "a patient of the sample sheet or of the clinical table",
                        f"did you mean {word}?" if word else "",
                    )


def _check_words(path: str, sheet: pd.DataFrame, findings: Findings) -> None:
    for column, words in (("file_type", FILE_TYPES), ("caller", CALLERS)):
        for line, text in _cells(sheet[column]):
            if text not in words:
                word = nearest(text, words)
                findings.problem(
                    path,
                    line,
                    column,
                    visible(text),
                    f"one of {', '.join(filter(None, words))}" + (", or nothing" if "" in words else ""),
                    f"did you mean {word}?" if word else "",
                )
    for column in ("path", "callable"):
        for line, text in _cells(sheet[column]):
            if not text.isprintable() or (column == "path" and not text.strip()):
                findings.problem(path, line, column, visible(text), "the path of a file")


def _check_rows(path: str, sheet: pd.DataFrame, findings: Findings) -> None:
    """A file twice for one tumour; two normals or two callable regions of one tumour."""
    first_row: dict[tuple[str, str, str], int] = {}
    first_of_tumour: dict[tuple[str, str], Any] = {}
    for row in sheet.itertuples():
        line, patient, tumour = int(str(row.Index)), str(row.patient), str(row.tumour)
        key = (patient, tumour, os.path.normpath(str(row.path)))
        if key in first_row:
            found = f"{visible(tumour)} with this file again (first in row {first_row[key]})"
            findings.problem(path, line, "tumour", found, "one row per tumour and file")
            continue
        first_row[key] = line
        other = first_of_tumour.setdefault((patient, tumour), row)
        for column in ("normal", "callable"):
            ours, theirs = str(getattr(row, column)), str(getattr(other, column))
            if ours != theirs:
                found = f"{visible(ours)}, but {visible(theirs)} in row {other.Index}"
                findings.problem(path, line, column, found, f"one {column} per tumour")


def _cells(column: pd.Series) -> list[tuple[int, str]]:
    return [(int(str(line)), str(text)) for line, text in column.items()]


# -- the files it names ------------------------------------------------------------------------------


class _Files:
    """The files of a sheet, each opened and checked once."""

    def __init__(self, genome: Genome, reference: Reference | None, findings: Findings) -> None:
        self._genome, self._reference, self._findings = genome, reference, findings
        self.vcf: Callable[[str], TumourHeader | None] = cache(self._vcf)
        self.maf: Callable[[str], MafSurvey | None] = cache(self._maf)

    def _vcf(self, path: str) -> TumourHeader | None:
        file = self._findings.attempt(inspect, path, needs_samples=False)
        if file is None:
            return None
        mapped = map_contigs(file, self._reference, self._genome.excerpt, self._findings)
        check_build(mapped.file, self._genome, self._reference, self._findings, mapped.different)
        return read_tumour_header(path)

    def _maf(self, path: str) -> MafSurvey | None:
        survey = self._findings.attempt(survey_maf, path)
        if survey is not None:
            self._check_maf_build(path, survey)
        return survey

    def _check_maf_build(self, path: str, survey: MafSurvey) -> None:
        """One build in the whole file, and the run's."""
        builds: dict[str, tuple[str, int]] = {}
        for word, line in survey.builds.items():
            if word:
                builds.setdefault(assembly_of_maf(word), (word, line))
        if len(builds) > 1:
            found = " and ".join(f"{visible(word)} (row {line})" for word, line in builds.values())
            self._findings.problem(path, None, "NCBI_Build", found, "one assembly in a file")
            return
        for build, (word, line) in builds.items():
            if self._genome.known and build != self._genome.known:
                self._findings.problem(
                    path,
                    line,
                    "NCBI_Build",
                    visible(word),
                    f"variants on {self._genome.known}, the assembly of the run",
                    f"lift the variants over to {self._genome.known}",
                )


def _find(sheet_path: str, row: Any, files: _Files, findings: Findings) -> tuple[str, str]:
    """The names of a row's tumour and normal in its file, empty where there are none."""
    line, path = int(str(row.Index)), str(row.path)
    if not path or row.file_type not in FILE_TYPES or not is_id(str(row.tumour)):
        return "", ""
    try:
        if row.file_type == "vcf":
            header = files.vcf(path)
            return ("", "") if header is None else _find_in_vcf(row, header)
        survey = files.maf(path)
        return ("", "") if survey is None else (_find_barcode(str(row.tumour), survey.barcodes), "")
    except _NotFoundError as error:
        findings.problem(sheet_path, line, error.column, error.found, error.expected, error.suggestion)
        return "", ""


class _NotFoundError(Exception):
    """A name of the sheet that the file doesn't bear out; becomes a problem of the row."""

    def __init__(self, column: str, found: str, expected: str, suggestion: str = "") -> None:
        super().__init__(found)
        self.column, self.found, self.expected, self.suggestion = column, found, expected, suggestion


def _find_in_vcf(row: Any, header: TumourHeader) -> tuple[str, str]:
    tumour, normal, samples = str(row.tumour), str(row.normal), header.samples
    if row.caller in CALLERS and row.caller and not has_fields_of(str(row.caller), header.formats):
        raise _NotFoundError(
            "caller",
            f"{row.caller}, but the file has no read counts as it writes them",
            "the program that wrote the file, or nothing",
            f"the file looks like {header.caller}",
        )
    by_role = {role: name for name in samples for role in [_role(name)] if role}
    in_file = tumour if tumour in samples else by_role.get("tumour", "")
    if samples and not in_file:
        word = nearest(tumour, samples)
        raise _NotFoundError(
            "tumour",
            f"{visible(tumour)}, which isn't among the samples of {Path(row.path).name}",
            f"one of {_few(samples)}",
            f"did you mean {word}?" if word else "",
        )
    if in_file and (in_file == header.normal or _role(in_file) == "normal"):
        raise _NotFoundError(
            "tumour",
            f"{visible(in_file)}, which the file calls the normal",
            "the name of the tumour sample",
            "tumour and normal may be swapped",
        )
    others = [name for name in samples if name != in_file]
    for name in (normal, header.normal, by_role.get("normal", "")):
        if name and name in others:
            return in_file, name
    if normal and others:
        word = nearest(normal, others)
        raise _NotFoundError(
            "normal",
            f"{visible(normal)}, which isn't among the samples of {Path(row.path).name}",
            f"one of {_few(others)}, or nothing",
            f"did you mean {word}?" if word else "",
        )
    return in_file, ""


def _role(name: str) -> str:
    """``tumour`` or ``normal`` for the names that Strelka2, VarScan2 and others give their columns."""
    return {"tumor": "tumour", "tumour": "tumour", "normal": "normal"}.get(name.casefold(), "")


def _find_barcode(tumour: str, barcodes: Mapping[str, int]) -> str:
    """The barcode of a MAF that a tumour of the sheet goes by.

    The same text, or, of TCGA barcodes, the only one that begins with it or that it begins with: patient,
    sample, portion and aliquot make them 12, 15, 16 or 28 characters long.

    Raises:
        _NotFoundError: there is none, or there are several.
    """
    if tumour in barcodes:
        return tumour
    alike = [name for name in barcodes if _TCGA.fullmatch(tumour) and _is_same_tcga_sample(tumour, name)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise _NotFoundError(
            "tumour",
            f"{visible(tumour)}, which is the beginning of {len(alike)} barcodes",
            f"one of {_few(sorted(alike))}",
            "write the whole barcode",
        )
    word = nearest(tumour, barcodes)
    raise _NotFoundError(
        "tumour",
        f"{visible(tumour)}, which is no Tumor_Sample_Barcode of the file",
        f"one of {_few(list(barcodes))}",
        f"did you mean {word}?" if word else "",
    )


def _is_same_tcga_sample(one: str, other: str) -> bool:
    """Whether the shorter barcode is the longer one cut off: at a dash, or before the letter of the vial."""
    short, long = sorted((one.upper(), other.upper()), key=len)
    rest = long[len(short) :]
    return long.startswith(short) and (rest.startswith("-") or (len(short) == 15 and rest[:1].isalpha()))


def _check_shared_columns(path: str, sheet: pd.DataFrame, findings: Findings) -> None:
    """Two tumours of the sheet that are one column or barcode of a file."""
    owner: dict[tuple[str, str], Any] = {}
    for row in sheet.itertuples():
        name = str(row.tumour_in_file)
        if not name:
            continue
        other = owner.setdefault((str(row.path), name), row)
        if (other.patient, other.tumour) != (row.patient, row.tumour):
            findings.problem(
                path,
                int(str(row.Index)),
                "tumour",
                f"{visible(name)} of {Path(str(row.path)).name}, which is {visible(str(other.tumour))} "
                f"of patient {visible(str(other.patient))} in row {other.Index}",
                "one tumour of one patient per sample of a file",
            )


def _warn_of_left_out(sheet: pd.DataFrame, files: _Files, findings: Findings) -> None:
    """Tumours of a MAF, and samples of a VCF, that no row names."""
    for (path, file_type), rows in sheet.groupby(["path", "file_type"], sort=False):
        named = set(rows["tumour_in_file"]) | set(rows["normal_in_file"])
        if file_type == "maf":
            survey = files.maf(str(path))
            left = [name for name in survey.barcodes if name not in named] if survey else []
            what = "tumours"
        else:
            header = files.vcf(str(path)) if path else None
            left = [name for name in header.samples if name not in named] if header else []
            what = "samples"
        if left and named != {""}:
            findings.warnings.append(
                f"{path}: {len(left)} {what} that no row of the tumour sheet names are not analysed: "
                f"{_few(left)}."
            )


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(visible(name) for name in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")
