"""Result tables as the reports read them: some columns of some rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from endotype.errors import input_error


def read_result(
    path: Path, columns: list[str] | None = None, where: pc.Expression | None = None
) -> pd.DataFrame:
    """Rows of a Parquet table.

    Raises:
        InputError: there is no such file.
    """
    if not path.is_file():
        raise input_error(path, "no such file", "a result of an earlier stage")
    return pq.read_table(path, columns=columns, filters=where, use_threads=False).to_pandas()


def is_one_of(column: str, values: Sequence[str]) -> pc.Expression:
    """Rows whose text is one of ``values``; a column without values may have no type, hence the casts."""
    return pc.field(column).cast(pa.string()).isin(pa.array(values, pa.string()))
