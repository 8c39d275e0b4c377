"""Files of knowledge as batches of text columns, whatever their form: VCF or BCF, TSV, CSV, BED or JSON.

Every record has its 1-based number in the file, ``source_row``: what is derived from it can be traced back.
Nothing is guessed: cells are text, and of text only an empty cell and ``.`` are missing. Compressed files are
read whole or refused.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pysam

from endotype import bcftools
from endotype.cohort.assembly import canonical_assembly
from endotype.cohort.compression import DAMAGED, compression_of, damaged, open_stream
from endotype.errors import InputError, Problem, input_error, visible

SOURCE_ROW = "source_row"
VCF_FIELDS = ("CHROM", "POS", "ID", "REF", "ALT", "FILTER")
_BLOCK_BYTES = 16 << 20
_HEADER_LINES = 60
"""A header line stands among the first lines, behind whatever a file says of itself."""
_JSON_BATCH = 20_000

IsHeader = Callable[[Sequence[str]], bool]


@dataclass(frozen=True)
class RecordFile:
    """A file of records, opened far enough to know its columns.

    Attributes:
        path: the file.
        form: ``vcf``, ``delimited`` or ``json``.
        columns: names of its columns; of VCF the fixed fields, then the INFO tags.
        numbers: of VCF, the ``Number`` of each INFO tag.
        version, date, assembly: what the file says of itself; ``None`` when it doesn't. The date is
            ``YYYY-MM-DD``.
        contigs: of VCF, the lengths that the header gives.
        header_line, delimiter, quoted: of delimited text; ``header_line`` is 0 without a header.
    """

    path: str
    form: str
    columns: tuple[str, ...]
    numbers: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    date: str | None = None
    assembly: str | None = None
    contigs: Mapping[str, int] = field(default_factory=dict)
    header_line: int = 0
    delimiter: str = "\t"
    quoted: bool = False

    def how_to_read(self) -> dict[str, Any]:
        """What finding a record again needs to know."""
        return {name: getattr(self, name) for name in ("form", "header_line", "delimiter", "quoted")}

    def batches(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The records as tables of text, with the given columns and ``source_row``, in the file's order.

        Raises:
            InputError: a damaged or truncated file, a row with too many or too few cells, no UTF-8.
        """
        read = {"vcf": _vcf_batches, "delimited": _delimited_batches, "json": _json_batches}[self.form]
        n = 0
        for table in read(self, list(dict.fromkeys(columns))):
            rows = pa.array(range(n + 1, n + 1 + len(table)), pa.int64())
            n += len(table)
            yield table.append_column(SOURCE_ROW, rows)

    def record(self, number: int) -> str | None:
        """The text of record ``number`` (1-based) as the file has it; ``None`` when it has fewer."""
        return next(itertools.islice(_texts(self), number - 1, None), None)


def open_records(
    path: str, is_header: IsHeader, expected: str, names: Sequence[str] | None = None
) -> RecordFile:
    """Open a file and find out what its columns are.

    Args:
        path: the file; plain, gzip or bgzip.
        is_header: whether the cells of a line are those of the header.
        expected: what an error says the file should be.
        names: of a file without a header (BED), the names of its columns in order.

    Raises:
        InputError: no such file, an empty or cut off one, no header.
    """
    compression = compression_of(path, expected)
    try:
        with open_stream(path, compression) as stream:
            head = stream.read(64 << 10)
    except DAMAGED as error:
        raise damaged(path, error) from None
    if head.startswith((b"##fileformat=VCF", b"BCF\2")):
        return open_vcf(path)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"{")):
        file = RecordFile(path, "json", ())
        fields = dict.fromkeys(field for record in _json_records(file) for field in record)
        if not is_header(list(fields)):
            shown = visible(", ".join(fields))
            raise input_error(path, f"records without the fields it needs (they have {shown})", expected)
        return RecordFile(path, "json", tuple(fields))
    if b"\0" in head:
        raise input_error(path, "a binary file", expected)
    lines = head.decode("utf-8-sig", errors="replace").splitlines()[:_HEADER_LINES]
    if names is not None:
        return _without_header(path, lines, names)
    for number, line in enumerate(lines, start=1):
        delimiter = max("\t,;", key=line.count)
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
        if is_header(cells):
            about = _about(lines[: number - 1])
            return RecordFile(
                path, "delimited", tuple(cells), {}, *about, {}, number, delimiter,
                delimiter != "\t" or line.lstrip().startswith('"'),
            )  # fmt: skip
    shown = next((line for line in lines if line.strip() and not line.startswith("##")), "")
    raise input_error(
        path, f"no header line with the columns it needs (the file has {visible(shown)})", expected
    )


def _without_header(path: str, lines: Sequence[str], names: Sequence[str]) -> RecordFile:
    """BED and the like: lines before the first record are of the browser, or comments."""
    head = 0
    for line in lines:
        if line.strip() and not line.startswith(("#", "track", "browser")):
            break
        head += 1
    cells = lines[head].split("\t") if head < len(lines) else list(names[:3])
    columns = [*names[: len(cells)], *(f"column{i + 1}" for i in range(len(names), len(cells)))]
    return RecordFile(path, "delimited", tuple(columns), {}, *_about(lines[:head]), {}, -head)


_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?!\d)")


def _about(lines: Sequence[str]) -> tuple[str | None, str | None, str | None]:
    """Version, date and assembly that the lines before a header tell."""
    version = date = assembly = None
    for line in lines:
        text = line.strip('#",; \t')
        if found := re.search(r"version[:= ]\s*([^\s,\"]+)", text, re.IGNORECASE):
            version = version or found[1]
        if re.search("created|version|date|release", text, re.IGNORECASE):
            date = date or date_in(text)
        if found := re.search(r"GRCh3[78]|\bhg(?:19|38)\b", text):
            assembly = assembly or canonical_assembly(found[0])
            if found := re.search(r"GRCh3[78]-(v[\d.]+)", text):
                version = version or found[1]
    return version or date, date, assembly


def date_in(text: str) -> str | None:
    """The first calendar date ``YYYY-MM-DD`` or ``YYYYMMDD`` of a text, as ``YYYY-MM-DD``."""
    for found in _DATE.finditer(text):
        year, month, day = map(int, found.groups())
        if 1990 <= year <= 2100 and 1 <= month <= 12 and 1 <= day <= 31:
            return f"{year:04}-{month:02}-{day:02}"
    return None


# -- VCF ---------------------------------------------------------------------------------------------------


def open_vcf(path: str) -> RecordFile:
    """Open a VCF or BCF file; its columns are the fixed fields and the INFO tags of its header.

    Raises:
        InputError: no such file, a cut off one, or one without a VCF header.
    """
    compression_of(path)
    with tempfile.TemporaryDirectory() as folder:
        alone = f"{folder}/header.vcf"
        try:
            bcftools.run("view", "--no-version", "-h", "-o", alone, path)
        except bcftools.BcftoolsError:
            raise input_error(path, "a file without a VCF header", "a VCF or BCF file") from None
        with pysam.VariantFile(alone) as variants:
            header = variants.header
            numbers = {tag: str(header.info[tag].number) for tag in header.info}
            lines = {r.key: r.value for r in header.records if r.type == "GENERIC"}
            contigs = {str(n): c.length for n, c in header.contigs.items() if c.length}
    # Some files have a path there; only its last part is of the content.
    assembly = Path(lines.get("reference") or "").name or None
    date = date_in(lines.get("fileDate") or "")
    version = " ".join(filter(None, (lines.get("source"), lines.get("fileDate")))) or None
    return RecordFile(path, "vcf", (*VCF_FIELDS, *numbers), numbers, version, date, assembly, contigs)


def _vcf_batches(file: RecordFile, columns: list[str]) -> Iterator[pa.Table]:
    form = "\\t".join(f"%{c}" if c in VCF_FIELDS else f"%INFO/{c}" for c in columns) + "\\n"
    try:
        # Opened by name: `query` of pysam's copy closes its standard output twice, and dies of it.
        with bcftools.stream("query", "-f", form, "-o", "/dev/stdout", file.path) as stream:
            yield from _parse(stream, columns, "\t", columns, quoted=False)
    except bcftools.BcftoolsError as error:
        raise input_error(
            file.path, f"a damaged file ({str(error).splitlines()[-1]})", "VCF or BCF"
        ) from None
    except pa.ArrowInvalid as error:
        raise _unreadable(file.path, error) from None


# -- delimited text ----------------------------------------------------------------------------------------


def _delimited_batches(file: RecordFile, columns: list[str]) -> Iterator[pa.Table]:
    twice = [c for c in columns if file.columns.count(c) > 1]
    if twice:
        raise InputError(
            [Problem(file.path, file.header_line, c, "the column twice", "each column once") for c in twice]
        )
    names = [n if file.columns.count(n) == 1 else f"{n}\x1f{i}" for i, n in enumerate(file.columns)]
    try:
        with _lines_after(file, abs(file.header_line)) as stream:
            yield from _parse(stream, names, file.delimiter, columns, quoted=file.quoted)
    except DAMAGED as error:
        raise damaged(file.path, error) from None
    except pa.ArrowInvalid as error:
        raise _unreadable(file.path, error) from None


@contextlib.contextmanager
def _lines_after(file: RecordFile, n_lines: int) -> Iterator[BinaryIO]:
    """The bytes of a file behind its first lines."""
    with open_stream(file.path, compression_of(file.path)) as stream:
        for _ in range(n_lines):
            stream.readline()
        yield stream


def _parse(
    stream: Any, names: Sequence[str], delimiter: str, columns: Sequence[str], quoted: bool
) -> Iterator[pa.Table]:
    """Tables of the wanted columns; missing cells are null, blanks around a cell are left out."""
    if not columns:
        return
    reader = None
    try:
        reader = pacsv.open_csv(
            stream,
            pacsv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES, column_names=list(names)),
            pacsv.ParseOptions(
                delimiter=delimiter,
                quote_char='"' if quoted else False,
                double_quote=quoted,
                newlines_in_values=quoted,
            ),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=list(columns),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV file" in str(error):
            return
        raise
    with reader:
        for batch in reader:
            table = pa.Table.from_batches([batch])
            yield pa.table({name: _cleaned(table[name]) for name in columns})


def _cleaned(column: pa.ChunkedArray) -> pa.Array:
    text = pc.utf8_trim_whitespace(column.combine_chunks())
    return pc.if_else(pc.is_in(text, pa.array(["", "."])), None, text)


def _unreadable(path: str, error: Exception) -> InputError:
    text = str(error)
    if "Expected" in text and "columns, got" in text:
        found = re.search(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)", text)
        assert found is not None
        row = f" in record {found[1]}" if found[1] else ""
        return input_error(path, f"{found[3]} cells{row}", f"{found[2]} cells, as in the header")
    return input_error(path, f"text that can't be read ({text.splitlines()[0][:200]})", "a UTF-8 table")


# -- JSON --------------------------------------------------------------------------------------------------


def _json_records(file: RecordFile) -> list[dict[str, Any]]:
    try:
        with open_stream(file.path, compression_of(file.path)) as stream:
            value = json.loads(stream.read().decode("utf-8-sig"))
    except DAMAGED as error:
        raise damaged(file.path, error) from None
    except (ValueError, UnicodeDecodeError) as error:
        raise input_error(file.path, f"a damaged file ({error})", "JSON: a list of records") from None
    if isinstance(value, dict):
        value = next((v for v in value.values() if isinstance(v, list)), None)
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise input_error(file.path, "JSON that is no list of records", "JSON: a list of records")
    return value


def _json_batches(file: RecordFile, columns: list[str]) -> Iterator[pa.Table]:
    records = _json_records(file)
    for start in range(0, len(records), _JSON_BATCH):
        part = records[start : start + _JSON_BATCH]
        yield pa.table({c: pa.array([_as_text(r.get(c)) for r in part], pa.string()) for c in columns})


def _as_text(value: object) -> str | None:
    if value is None or value == "":
        return None
    return value.strip() or None if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# -- records as they are written ---------------------------------------------------------------------------


def _texts(file: RecordFile) -> Iterator[str]:
    """The records of a file one by one, as it has them."""
    if file.form == "json":
        yield from (json.dumps(r, ensure_ascii=False) for r in _json_records(file))
        return
    if file.form == "vcf":
        with open_stream(file.path, compression_of(file.path)) as stream:
            is_text = stream.read(1) == b"#"
        if not is_text:
            yield from bcftools.output("view", "--no-version", "-H", file.path).splitlines()
            return
    with _lines_after(file, abs(file.header_line)) as raw:
        lines = io.TextIOWrapper(raw, encoding="utf-8", errors="replace", newline="")
        if file.form == "vcf":
            lines = (line for line in lines if not line.startswith("#"))  # type: ignore[assignment]
        held = ""
        for line in lines:
            held += line
            if file.quoted and held.count('"') % 2:
                continue
            if held.strip():
                yield held.rstrip("\r\n")
            held = ""
