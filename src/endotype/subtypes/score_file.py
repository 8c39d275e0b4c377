"""Reading files of polygenic scores: those of the PGS Catalog, as deposited or harmonised, and plain tables.

A file of the PGS Catalog begins with lines ``#key=value`` (``pgs_id``, ``genome_build``, ``HmPOS_build`` ...)
and has the columns ``rsID chr_name chr_position effect_allele other_allele effect_weight``, and ``hm_chr
hm_pos hm_inferOtherAllele`` where it was harmonised (https://www.pgscatalog.org/downloads/#dl_scoring_files).
A plain table has the effect allele and an id or a place under the usual names; without a column of weights
that is known by name every further column is a score of its own. Text or gzip.

A fault that nobody meant (a weight that is no number, a row of too many cells) is an error with its line. A
row that is right but can't be used (a haplotype, weights of genotypes) stays in the table with the reason.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv

from endotype.cohort.assembly import canonical_assembly
from endotype.errors import InputError, Problem, input_error, nearest, visible

NO_POSITION = -1
"""``pos`` of a row that has none."""

ADDITIVE, DOMINANT, RECESSIVE = "additive", "dominant", "recessive"

_MAX_PROBLEMS = 20
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_WEIGHT = "effect_weight"
_COLUMNS = {
    "id": ("rsid", "id", "snp", "snpid", "variant_id", "varid", "marker", "markername"),
    "chrom": ("chr_name", "chrom", "#chrom", "chr", "chromosome"),
    "pos": ("chr_position", "pos", "position", "bp", "base_pair_location"),
    "effect_allele": ("effect_allele", "a1", "ea"),
    "other_allele": ("other_allele", "reference_allele", "a2", "oa", "nea"),
    _WEIGHT: (_WEIGHT, "weight", "beta"),
    "hm_chrom": ("hm_chr",),
    "hm_pos": ("hm_pos",),
    "hm_other_allele": ("hm_inferotherallele",),
}
_FLAGS = ("is_dominant", "is_recessive", "is_haplotype", "is_diplotype", "is_interaction")
_GENOTYPE_WEIGHTS = tuple(f"dosage_{i}_weight" for i in range(3))
_TRUE, _FALSE = ("true", "t", "1", "yes"), ("false", "f", "0", "no", "", "na")


@dataclass(frozen=True)
class ScoreFile:
    """The scores of one file, before anything is known of a cohort.

    Attributes:
        path: the file.
        names: of its scores: the ``pgs_id`` (else ``pgs_name``, else the file's name), or the columns.
        build: assembly of ``chrom`` and ``pos``, ``None`` where the file doesn't say.
        harmonised_build: assembly of ``hm_chrom`` and ``hm_pos``.
        rows: one row a line of the file, in its order: ``line id chrom pos effect_allele other_allele
            hm_chrom hm_pos hm_other_allele model fault``. Text is empty and a position -1 where there is
            none; alleles are in capitals; ``model`` is additive, dominant or recessive; ``fault`` is empty,
            or why the row can't be used by anybody.
        weights: float64 (n_rows, n_scores); 0 where ``fault`` says that there is no one weight.
    """

    path: str
    names: tuple[str, ...]
    build: str | None
    harmonised_build: str | None
    rows: pd.DataFrame
    weights: np.ndarray


def read_score_file(path: str | Path) -> ScoreFile:
    """Read one file.

    Raises:
        InputError: no such file, not text, no column that is needed, rows of another number of cells,
            weights, positions or flags that are none; each with its line.
    """
    path = Path(path)
    header, first_line, body = _split(path, _text(path))
    table, lines = _table(path, first_line, body)
    columns = _known_columns(path, table, first_line)
    problems: list[Problem] = []

    def column(role: str) -> pd.Series:
        if role not in columns:
            return pd.Series("", index=table.index, dtype="str")
        return table[columns[role]].str.strip().replace("NA", "")

    flags = {name: _flag(path, table, lines, name, problems) for name in _FLAGS}
    both = np.flatnonzero(flags["is_dominant"] & flags["is_recessive"])
    _fault(path, lines, both, "is_recessive", ["dominant and recessive"] * len(both), "one of them", problems)
    rows = pd.DataFrame(
        {
            "line": lines,
            "id": column("id"),
            "chrom": column("chrom"),
            "pos": _positions(path, lines, column("pos"), columns.get("pos", ""), problems),
            "effect_allele": column("effect_allele").str.upper(),
            "other_allele": column("other_allele").str.upper(),
            "hm_chrom": column("hm_chrom"),
            "hm_pos": _positions(path, lines, column("hm_pos"), "hm_pos", problems),
            "hm_other_allele": column("hm_other_allele").str.upper(),
        }
    )
    rows["model"] = np.select(
        [flags["is_dominant"], flags["is_recessive"]], [DOMINANT, RECESSIVE], ADDITIVE
    ).astype(object)
    composed = flags["is_haplotype"] | flags["is_diplotype"] | flags["is_interaction"]
    by_genotype = np.zeros(len(table), bool)
    for name in _GENOTYPE_WEIGHTS:
        if name in table:
            by_genotype = by_genotype | (table[name].str.strip() != "").to_numpy(bool)
    names: tuple[str, ...]
    if _WEIGHT in columns:
        weighed, names = [columns[_WEIGHT]], (_name(path, header),)
        by_genotype = by_genotype & (column(_WEIGHT) == "").to_numpy(bool)
    elif by_genotype.any():
        weighed, names = [_GENOTYPE_WEIGHTS[0]], (_name(path, header),)
    else:
        known = {*columns.values(), *_FLAGS, *_GENOTYPE_WEIGHTS}
        weighed = [name for name in table.columns if name not in known]
        names = tuple(weighed)
    rows["fault"] = np.select(
        [composed, by_genotype], ["several_variants_in_a_row", "weights_of_genotypes"], ""
    ).astype(object)
    no_weight = (rows["fault"] != "").to_numpy(bool)
    weights = np.zeros((len(table), len(weighed)))
    for j, name in enumerate(weighed):
        weights[:, j] = _weights(path, lines, table[name].str.strip(), name, no_weight, problems)
    _raise_all(problems)
    if table.empty:
        raise input_error(path, "no rows", "variants with weights")
    return ScoreFile(
        str(path),
        names,
        _build(header, "genome_build"),
        _build(header, "hmpos_build"),
        rows.astype({"model": "str", "fault": "str"}),
        weights,
    )


def _text(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except FileNotFoundError:
        raise input_error(path, "no such file", "a file of polygenic scores") from None
    except IsADirectoryError:
        raise input_error(path, "a folder", "a file of polygenic scores") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise input_error(path, f"damaged gzip ({error})", "a whole file", "fetch the file again") from None
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            Problem(str(path), line, "", "bytes that are not UTF-8", "UTF-8 text", "save the file as UTF-8")
        ) from None
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise InputError(Problem(str(path), line, "", "a NUL byte", "text"))
    return content


def _split(path: Path, content: bytes) -> tuple[dict[str, str], int, bytes]:
    """``#key=value`` by key in small letters; the line of the column names; everything from there on."""
    header: dict[str, str] = {}
    line, start = 1, 0
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        text = content[start:end].decode("utf-8").strip()
        if text and (not text.startswith("#") or text.casefold().startswith("#chrom")):
            return header, line, content[start:]
        key, equals, value = text.lstrip("#").partition("=")
        if equals:
            header.setdefault(key.strip().casefold(), value.strip())
        line, start = line + 1, end + 1
    raise input_error(path, "no line of column names", "column names and rows below the lines with '#'")


def _table(path: Path, first_line: int, body: bytes) -> tuple[pd.DataFrame, np.ndarray]:
    """All cells as text, blank lines left out; and the line of each row."""
    head = body.split(b"\n", 1)[0].decode("utf-8").rstrip("\r")
    delimiter = max("\t,;", key=head.count)
    if delimiter not in head:
        body = re.sub(rb"(?m)^[ ]+|[ \r]+$", b"", body)
        body, delimiter = re.sub(rb"[ ]+", b"\t", body), "\t"
        head = body.split(b"\n", 1)[0].decode("utf-8")
    names = [name.strip().strip('"') for name in head.split(delimiter)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            Problem(str(path), first_line, "", f"the column {visible(twice[0])} twice", "each column once")
        )
    wrong: list[tuple[int, int]] = []

    def set_aside(row: pacsv.InvalidRow) -> str:
        if row.text.strip():
            wrong.append((int(row.number), int(row.actual_columns)))
        passed_over.append(int(row.number))
        return "skip"

    passed_over: list[int] = []
    try:
        table = pacsv.read_csv(
            io.BytesIO(body),
            read_options=pacsv.ReadOptions(use_threads=False, column_names=names, skip_rows=1),
            parse_options=pacsv.ParseOptions(
                delimiter=delimiter, invalid_row_handler=set_aside, ignore_empty_lines=False
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        ).to_pandas()
    except pa.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            raise input_error(path, f"a table that can't be read ({error})", "one row a line") from None
        table = pd.DataFrame({name: pd.Series(dtype="str") for name in names})
    _raise_all(
        [
            Problem(str(path), first_line - 1 + number, "", f"{cells} cells", f"{len(names)} cells")
            for number, cells in wrong
        ]
    )
    # A row of the table is a line of the file, but for those that the parser handed over.
    total = len(table) + len(passed_over)
    numbers = np.setdiff1d(np.arange(2, total + 2), passed_over)
    blank = np.logical_and.reduce([(table[name].str.strip() == "").to_numpy(bool) for name in names])
    table = table[~blank].reset_index(drop=True).astype("str")
    return table, (numbers[~blank] + first_line - 1).astype(np.int64)


def _known_columns(path: Path, table: pd.DataFrame, line: int) -> dict[str, str]:
    """The column of each role, by its names in the order of :data:`_COLUMNS`."""
    by_fold: dict[str, str] = {}
    for name in table.columns:
        by_fold.setdefault(name.casefold(), name)
    found = {
        role: by_fold[names[0]]
        for role, known in _COLUMNS.items()
        if (names := [name for name in known if name in by_fold])
    }
    problems = []
    placed = {"chrom", "pos"} <= set(found) or {"hm_chrom", "hm_pos"} <= set(found) or "id" in found
    wanted = [("effect_allele", "effect_allele" in found), ("chr_name and chr_position", placed)]
    unknown = [
        name
        for name in table.columns
        if name not in found.values() and name not in (*_FLAGS, *_GENOTYPE_WEIGHTS)
    ]
    weighed = _WEIGHT in found or bool(unknown) or bool(set(_GENOTYPE_WEIGHTS) & set(table.columns))
    wanted.append((_WEIGHT, weighed))
    for what, there in wanted:
        if not there:
            shown = ", ".join(visible(name) for name in table.columns)
            hint = nearest(what, unknown)
            problems.append(
                Problem(
                    str(path),
                    line,
                    "",
                    f"the columns {shown}",
                    f"a column {what}",
                    hint and f"is it '{hint}'?",
                )
            )
    if problems:
        raise InputError(problems)
    return found


def _name(path: Path, header: dict[str, str]) -> str:
    stem = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    return header.get("pgs_id") or header.get("pgs_name") or stem


def _build(header: dict[str, str], key: str) -> str | None:
    """The assembly that the header names; ``None`` for none and for ``NR``, not reported."""
    word = header.get(key, "").strip()
    if word.casefold() in ("", "nr", "na", "none", "unknown"):
        return None
    return canonical_assembly(word) or word


def _flag(path: Path, table: pd.DataFrame, lines: np.ndarray, name: str, problems: list) -> np.ndarray:
    if name not in table:
        return np.zeros(len(table), bool)
    word = table[name].str.strip().str.casefold()
    wrong = np.flatnonzero(~word.isin([*_TRUE, *_FALSE]).to_numpy(bool))
    _fault(path, lines, wrong, name, table[name].iloc[wrong].tolist(), "TRUE or FALSE", problems)
    return word.isin(_TRUE).to_numpy(bool)


def _positions(path: Path, lines: np.ndarray, text: pd.Series, name: str, problems: list) -> np.ndarray:
    filled = (text != "").to_numpy(bool)
    wrong = np.flatnonzero(filled & ~text.str.fullmatch(r"0*[1-9][0-9]{0,9}").to_numpy(bool))
    _fault(path, lines, wrong, name, text.iloc[wrong].tolist(), "a whole number from 1", problems)
    value = np.full(len(text), NO_POSITION, np.int64)
    right = filled.copy()
    right[wrong] = False
    value[right] = text[right].astype("int64")
    return value


def _weights(
    path: Path, lines: np.ndarray, text: pd.Series, name: str, none: np.ndarray, problems: list
) -> np.ndarray:
    right = text.str.fullmatch(_NUMBER).to_numpy(bool)
    value = np.zeros(len(text))
    value[right] = text[right].astype("float64")
    right = right & np.isfinite(value)
    wrong = np.flatnonzero(~right & ~none)
    _fault(path, lines, wrong, name, text.iloc[wrong].tolist(), "a number", problems)
    value[~right | none] = 0
    return value


def _fault(
    path: Path,
    lines: np.ndarray,
    rows: np.ndarray,
    column: str,
    found: Sequence[str],
    expected: str,
    problems: list[Problem],
) -> None:
    problems.extend(
        Problem(str(path), int(lines[row]), column, visible(text), expected)
        for row, text in zip(rows, found, strict=True)
    )


def _raise_all(problems: list[Problem]) -> None:
    if len(problems) > _MAX_PROBLEMS:
        more = len(problems) - _MAX_PROBLEMS
        last = problems[_MAX_PROBLEMS - 1]
        rest = Problem(last.file, None, "", f"{more} more such rows", "none")
        raise InputError([*problems[:_MAX_PROBLEMS], rest])
    if problems:
        raise InputError(problems)
