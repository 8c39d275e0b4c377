"""Tables in and out: text read as text, Parquet and TSV written the same way every time."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from endotype.errors import InputError, input_error
from endotype.files import atomic_path, write_text


@dataclass(frozen=True)
class TextTable:
    """A delimited file as it was written: every cell text, nothing guessed, nothing dropped.

    ``rows`` has the header's names as columns and the 1-based line number of each row as its index.
    ``ragged`` lists (line, number of cells) of rows that don't have as many cells as the header; they are
    not in ``rows``. ``duplicate_columns`` lists names that occur twice.
    """

    path: str
    delimiter: str
    rows: pd.DataFrame
    ragged: tuple[tuple[int, int], ...] = ()
    duplicate_columns: tuple[str, ...] = ()


def read_text_table(path: str | Path) -> TextTable:
    """Read a TSV or CSV file as text.

    The delimiter is the one of tab, comma and semicolon that occurs most in the header line. A byte order
    mark and Windows line ends are accepted. Blank lines and lines that begin with ``##`` are passed over.

    Raises:
        InputError: no such file, not UTF-8, a NUL byte, or no header.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise input_error(path, "no such file", "a readable table") from None
    except IsADirectoryError:
        raise input_error(path, "a folder", "a readable table") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise input_error(
            path, f"bytes that are not UTF-8 on line {line}", "UTF-8 text", "save the table as UTF-8"
        ) from None
    if "\0" in text:
        raise input_error(path, "a NUL byte", "UTF-8 text")
    header_line = next((ln for ln in text.splitlines() if ln.strip() and not ln.startswith("##")), "")
    if not header_line:
        raise input_error(path, "an empty file", "a header line and rows")
    delimiter = max("\t,;", key=header_line.count)
    header: list[str] | None = None
    rows: list[list[str]] = []
    lines: list[int] = []
    ragged: list[tuple[int, int]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    first_line = 1
    for cells in reader:
        line, first_line = first_line, reader.line_num + 1
        if not any(cell.strip() for cell in cells) or cells[0].startswith("##"):
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
        elif len(cells) == len(header):
            rows.append(cells)
            lines.append(line)
        else:
            ragged.append((line, len(cells)))
    assert header is not None
    duplicates = sorted({name for name in header if header.count(name) > 1})
    frame = pd.DataFrame(rows, columns=header, index=pd.Index(lines, name="line"), dtype="str")
    return TextTable(str(path), delimiter, frame, tuple(ragged), tuple(duplicates))


def write_parquet(frame: pd.DataFrame, path: str | Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a table as Parquet (zstd), byte for byte the same for the same content.

    The index is not written. ``metadata`` becomes key-value metadata of the schema.
    """
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(
        {str(k): str(v) for k, v in (metadata or {}).items()}
    )
    write_arrow(table, path)


def write_arrow(table: pa.Table, path: str | Path) -> None:
    """Write an Arrow table as Parquet (zstd) under its final name at once."""
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_statistics=True)


def read_parquet(path: str | Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a Parquet table, or only some of its columns."""
    return pq.read_table(path, columns=columns).to_pandas()


def spreadsheet_safe(cell: object) -> object:
    """Text that a spreadsheet would run as a formula, made text by a leading apostrophe.

    Numbers and numeric text such as ``-1.5`` stay as they are.
    """
    if not isinstance(cell, str) or not cell or cell[0] not in "=+-@\t\r":
        return cell
    try:
        float(cell)
    except ValueError:
        return "'" + cell
    return cell


def write_tsv(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table as TSV for people: missing values empty, formulas disarmed, no index."""
    safe = frame.apply(lambda column: column.map(spreadsheet_safe))
    write_text(path, safe.to_csv(sep="\t", index=False, na_rep="", lineterminator="\n"))


def read_tsv(path: str | Path) -> pd.DataFrame:
    """Read a TSV file of ours back, every cell as text."""
    return read_text_table(path).rows.reset_index(drop=True)


def require_columns(table: TextTable, columns: list[str]) -> None:
    """Raise an :class:`InputError` that names every column of ``columns`` which ``table`` lacks."""
    missing = [name for name in columns if name not in table.rows.columns]
    if missing:
        raise InputError(
            [
                p
                for name in missing
                for p in input_error(
                    table.path,
                    f"the columns {', '.join(map(str, table.rows.columns))}",
                    f"a column '{name}'",
                ).problems
            ]
        )
