"""Tables too long to hold: written to Parquet piece by piece, the same bytes however they come in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from endotype.files import atomic_path


@contextmanager
def row_group_writer(path: str | Path, schema: pa.Schema, rows: int) -> Iterator[Callable[[pa.Table], None]]:
    """A function that appends a table to ``path``; the file takes its name when the block ends.

    Every row group but the last has exactly ``rows`` rows.
    """
    waiting: list[pa.Table] = []

    def flush(size: int) -> None:
        table = pa.concat_tables(waiting)
        cut = len(table) // size * size
        for at in range(0, cut, size):
            writer.write_table(table.slice(at, size), row_group_size=size)
        waiting[:] = [table.slice(cut)]

    def append(table: pa.Table) -> None:
        waiting.append(table.cast(schema))
        if sum(map(len, waiting)) >= rows:
            flush(rows)

    with (
        atomic_path(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd", write_statistics=True) as writer,
    ):
        yield append
        if rest := sum(map(len, waiting)):
            flush(rest)
