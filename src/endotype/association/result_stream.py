"""Scanning and writing in blocks, so that memory does not grow with the number of variants."""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from endotype.association.null_model import Scores
from endotype.association.trait_groups import TraitGroup, score_traits
from endotype.engine import Engine, LocalEngine, run_blocks, spans_of
from endotype.errors import InputError, Problem, input_error
from endotype.files import atomic_path

BLOCK = 2048
"""Variants that are worked on at once."""

ROW_GROUP = 32_768
"""Rows of a row group of Parquet, and of what is held back before it is written."""

SITE_COLUMNS = {
    "chrom": pa.string(),
    "id": pa.string(),
    "pos": pa.int64(),
    "alt": pa.string(),
    "ref": pa.string(),
}
"""Columns of :func:`read_sites`."""

_BIM = {"chrom": pa.string(), "id": pa.string(), "cm": pa.string(), "pos": pa.int64()} | SITE_COLUMNS
_MAGIC_BYTES = 3


class Plan(Protocol):
    """Traits that are ready to be scored."""

    @property
    def groups(self) -> Sequence[TraitGroup]:
        """Of the traits; see :func:`~endotype.association.trait_groups.score_traits`."""
        ...

    def rows(self, number: int, scores: Scores, sites: pa.Table, packed: np.ndarray) -> pa.Table:
        """Rows of the result from the number of a trait, its scores, sites and genotypes of a block."""
        ...


def stream_result(
    bfile: str | Path,
    n_people: int,
    runs: Iterable[tuple[slice, Plan]],
    n_traits: int,
    schema: pa.Schema,
    out: str | Path,
    missing: str = "drop",
    engine: Engine | None = None,
    block: int = BLOCK,
    report: Callable[[int], None] | None = None,
) -> None:
    """Score runs of variants of a fileset and write the result, by trait, then by variant.

    Args:
        bfile: prefix of the .bed and .bim.
        n_people: of the .fam.
        runs: which variants (start and stop are given) with the plan they are scored by.
        n_traits: of every plan.
        schema: of the rows, with the metadata of the file.
        missing: as in :func:`~endotype.association.trait_groups.score_traits`.
        out: .parquet, .tsv or .tsv.gz. Neither ``block`` nor the engine changes a byte of it.
        engine: scores the blocks; None is one thread of this process.
        block: variants of a block.
        report: is told how many more variants are done.

    Raises:
        InputError: the .bim has fewer lines, or a line that is none; ``out`` has another suffix.
    """
    engine = engine or LocalEngine()
    with ResultWriter(out, schema, n_traits) as writer:
        for variants, plan in runs:
            lines = line_offsets(f"{bfile}.bim", variants, block)
            scored = ScanBlock(str(bfile), n_people, plan, missing, lines)
            for tables in run_blocks(scored, spans_of(variants.start, variants.stop, block), engine):
                for t, rows in enumerate(tables):
                    writer.append(t, rows)
                if report is not None and tables:
                    report(len(tables[0]))


@dataclass(frozen=True)
class ScanBlock:
    """Variants of a fileset scored by a plan: what one block of a scan does, here or on a worker.

    Attributes:
        bfile: prefix of the .bed and .bim, which are read here: they don't travel.
        n_people: of the .fam.
        plan: traits that are ready to be scored.
        missing: as in :func:`~endotype.association.trait_groups.score_traits`.
        lines: where in the .bim the line of each block's first variant begins, of :func:`line_offsets`.
    """

    bfile: str
    n_people: int
    plan: Plan
    missing: str
    lines: Mapping[int, int]

    def __call__(self, start: int, end: int) -> list[pa.Table]:
        """Rows of the result, a table for each trait of the plan."""
        genotypes = read_packed(f"{self.bfile}.bed", self.n_people, start, end)
        sites = self._sites(start, end)
        scores = score_traits(genotypes, self.plan.groups, self.missing)
        return [self.plan.rows(t, of_trait, sites, genotypes) for t, of_trait in enumerate(scores)]

    def name(self, start: int, end: int) -> str:
        """The variants by their lines, and from where to where they are where that can be read."""
        name = f"variants {start + 1} to {end} of {self.bfile}.bim"
        with contextlib.suppress(InputError, OSError):
            sites = self._sites(start, end)
            first, last = ({c: sites[c][i].as_py() for c in ("chrom", "pos")} for i in (0, -1))
            name += f" ({first['chrom']}:{first['pos']} to {last['chrom']}:{last['pos']})"
        return name

    def __getstate__(self) -> dict[str, Any]:
        """A worker has another working directory."""
        return self.__dict__ | {"bfile": str(Path(self.bfile).absolute())}

    def _sites(self, start: int, end: int) -> pa.Table:
        return read_sites(f"{self.bfile}.bim", self.lines[start], start, end)


def read_packed(bed: str | Path, n_people: int, start: int, end: int) -> np.ndarray:
    """Packed rows of a .bed, uint8 (end - start, ceil(n_people / 4)), read rather than mapped.

    Mapped pages stay in the memory of the process for as long as nobody else wants it.
    """
    n_bytes = -(-n_people // 4)
    rows = np.fromfile(bed, np.uint8, (end - start) * n_bytes, offset=_MAGIC_BYTES + start * n_bytes)
    return rows.reshape(end - start, n_bytes)


def line_offsets(bim: str | Path, variants: slice, block: int = BLOCK) -> dict[int, int]:
    """Where in a .bim the lines of variants start, start + block, ... begin, in bytes.

    Raises:
        InputError: too few lines.
    """
    found, number, at = {}, 0, 0
    with Path(bim).open("rb") as stream:
        for line in stream:
            if number >= variants.stop:
                break
            if line.strip():
                if number >= variants.start and (number - variants.start) % block == 0:
                    found[number] = at
                number += 1
            at += len(line)
    if number < variants.stop:
        raise input_error(bim, f"{number} lines", f"{variants.stop} variants or more")
    return found


def read_sites(bim: str | Path, offset: int, start: int, end: int) -> pa.Table:
    """Lines of a .bim as a table of :data:`SITE_COLUMNS`.

    Args:
        bim: the file.
        offset: where the line of variant ``start`` begins.
        start, end: which variants; blank lines count for nothing.

    Raises:
        InputError: a line without six columns or with a position that is no number.
    """
    convert = pa.csv.ConvertOptions(
        column_types=_BIM, include_columns=list(SITE_COLUMNS), strings_can_be_null=False
    )
    parse = pa.csv.ParseOptions(delimiter="\t", quote_char=False, newlines_in_values=False)
    read = pa.csv.ReadOptions(column_names=list(_BIM), use_threads=False)
    with Path(bim).open("rb") as stream:
        stream.seek(offset)
        lines = list(itertools.islice((line for line in stream if line.strip()), end - start))
    text = b"".join(lines)
    if b" " in text or text.count(b"\t") != 5 * len(lines):  # PLINK takes any run of blanks
        text = b"".join(b"\t".join(line.split()) + b"\n" for line in lines)
    try:
        return pa.csv.read_csv(io.BytesIO(text), read, parse, convert)
    except pa.ArrowInvalid:
        raise InputError(_faults(bim, start, lines)) from None


def _faults(bim: str | Path, first: int, lines: list[bytes]) -> list[Problem]:
    problems = []
    for number, line in enumerate(lines, first + 1):
        cells = line.decode("utf-8", "replace").split()
        if len(cells) != len(_BIM):
            problems.append(Problem(str(bim), number, "", f"{len(cells)} columns", f"{len(_BIM)} columns"))
        elif not cells[3].lstrip("-").isdigit():
            problems.append(Problem(str(bim), number, "pos", f"'{cells[3]}'", "a whole number"))
    return problems or [Problem(str(bim), first + 1, "", "text that is not UTF-8", "UTF-8 text")]


class ResultWriter:
    """Writes rows of several parts (traits) as they come; the file has part after part.

    Rows of the second and later parts wait on disk, beside the result, until the scan is over. The file
    takes its name when the block ends without an error, and there is none otherwise. Its bytes depend on
    the rows only.
    """

    def __init__(self, out: str | Path, schema: pa.Schema, n_parts: int) -> None:
        self._out, self._schema, self._n_parts = Path(out), schema, n_parts
        if not self._out.name.endswith((".parquet", ".tsv", ".tsv.gz")):
            raise input_error(out, f"the suffix '{self._out.suffix}'", ".parquet, .tsv or .tsv.gz")
        self._held: list[pa.Table] = []
        self._n_held = 0
        self._spools: list[pa.ipc.RecordBatchStreamWriter] = []

    def __enter__(self) -> ResultWriter:
        with contextlib.ExitStack() as stack:
            path = stack.enter_context(atomic_path(self._out))
            self._sink = stack.enter_context(_sink(path, self._schema))
            if self._n_parts > 1:
                self._folder = Path(
                    stack.enter_context(tempfile.TemporaryDirectory(dir=self._out.parent, prefix=".tmp-"))
                )
                options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
                for part in range(1, self._n_parts):
                    sink = stack.enter_context(pa.OSFile(str(self._folder / str(part)), "wb"))
                    spool = pa.ipc.new_stream(sink, self._schema, options=options)
                    self._spools.append(stack.enter_context(spool))
            self._stack = stack.pop_all()
        return self

    def append(self, part: int, rows: pa.Table) -> None:
        """Add rows to a part."""
        if part == 0:
            self._write(rows)
        else:
            self._spools[part - 1].write_table(rows)

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            if kind is None:
                self._finish()
        except BaseException as error:
            if not self._stack.__exit__(type(error), error, error.__traceback__):
                raise
        else:
            self._stack.__exit__(kind, *rest)  # type: ignore[arg-type]

    def _finish(self) -> None:
        for part, spool in enumerate(self._spools, 1):
            spool.close()
            with (
                pa.OSFile(str(self._folder / str(part)), "rb") as source,
                pa.ipc.open_stream(source) as batches,
            ):
                for batch in batches:
                    self._write(pa.Table.from_batches([batch]))
        if self._n_held:
            self._sink(pa.concat_tables(self._held).combine_chunks())

    def _write(self, rows: pa.Table) -> None:
        """Hand rows on in groups of one size, whatever the blocks were."""
        self._held.append(rows)
        self._n_held += len(rows)
        if self._n_held < ROW_GROUP:
            return
        held = pa.concat_tables(self._held)
        whole = self._n_held - self._n_held % ROW_GROUP
        for first in range(0, whole, ROW_GROUP):
            self._sink(held.slice(first, ROW_GROUP).combine_chunks())
        self._held = [held.slice(whole)]
        self._n_held -= whole


@contextlib.contextmanager
def _sink(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """A function that writes rows in the format of the file's name."""
    if path.suffix == ".parquet":
        # A dictionary is worth its time where few values repeat; ids and numbers hardly ever do.
        repeated = [f.name for f in schema if pa.types.is_string(f.type) and f.name != "id"]
        with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=repeated) as writer:
            yield lambda rows: writer.write_table(rows, row_group_size=ROW_GROUP)
        return
    with path.open("wb") as raw, contextlib.ExitStack() as stack:
        stream: BinaryIO = raw
        if path.suffix == ".gz":  # neither name nor time in the header: equal rows are equal bytes
            stream = stack.enter_context(gzip.GzipFile("", "wb", 6, raw, mtime=0))  # type: ignore[assignment]
        options = pa.csv.WriteOptions(delimiter="\t", quoting_style="none", quoting_header="none")
        writer = stack.enter_context(pa.csv.CSVWriter(stream, schema, write_options=options))

        def write(rows: pa.Table) -> None:
            try:
                writer.write_table(rows)
            except pa.ArrowInvalid:
                raise input_error(
                    path.name, "an id with a quotation mark", "plain ids", "write .parquet instead"
                ) from None

        yield write
