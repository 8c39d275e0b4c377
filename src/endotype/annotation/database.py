"""DuckDB as the annotation stage uses it: one thread, bounded memory, nothing left behind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import pyarrow as pa

MEMORY_LIMIT = "1GB"


@contextlib.contextmanager
def ordered_duckdb(folder: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that spills into ``folder``.

    One thread: rows that a query leaves in no order would else come in another one at every run.
    """
    with duckdb.connect() as con:
        con.execute("SET threads = 1")
        con.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        con.execute("SET temp_directory = ?", [folder])
        yield con


def arrow_batches(
    con: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any], rows: int
) -> Iterator[pa.RecordBatch]:
    """The result of a query in batches of at most ``rows`` rows, in its order."""
    yield from con.sql(query, params=dict(parameters)).to_arrow_reader(rows)
