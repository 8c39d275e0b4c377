"""Reading single traits, columns and stretches of a result, without the rest of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from endotype.association.statement import STATEMENT
from endotype.errors import InputError, Problem, input_error, nearest

Filters = list[tuple[str, str, Any]]


def require_result(path: str | Path, columns: Sequence[str]) -> pa.Schema:
    """The schema of a result that has some columns.

    Raises:
        InputError: no such file, no Parquet, or a column is missing.
    """
    try:
        schema = pq.read_schema(path)
    except FileNotFoundError:
        raise input_error(path, "no such file", "a result of associate.py, as Parquet") from None
    except (pa.ArrowInvalid, OSError):
        hint = "run associate.py with --out NAME.parquet"
        raise input_error(path, "no Parquet file", "a result of associate.py, as Parquet", hint) from None
    missing = [c for c in columns if c not in schema.names]
    if missing:
        expected = "a column of a result of this program"
        raise InputError([Problem(str(path), None, c, "no such column", expected) for c in missing])
    return schema


def traits_of(path: str | Path) -> list[str]:
    """The traits of a result in their order; one without a column ``trait`` holds one, named by the file."""
    path = Path(path)
    if "trait" not in pq.read_schema(path).names:
        return [path.name.removesuffix(".parquet")]
    seen: dict[str, None] = {}
    for batch in pq.ParquetFile(path).iter_batches(columns=["trait"]):
        seen |= dict.fromkeys(pc.unique(batch.column(0)).to_pylist())
    return list(seen)


def trait_of(path: str | Path, trait: str) -> str:
    """``trait``, which must be in the result.

    Raises:
        InputError: it isn't.
    """
    known = traits_of(path)
    if trait not in known and "trait" in pq.read_schema(path).names:
        expected = "one of " + ", ".join(known) if known else "a result with rows"
        raise input_error(path, f"no trait '{trait}'", expected, nearest(trait, known))
    return trait


def read_rows(
    path: str | Path, trait: str, columns: Sequence[str], filters: Filters | None = None
) -> pd.DataFrame:
    """Some columns of those rows of a trait that pass; row groups that can't hold one are not read.

    ``chrom`` comes as a category, which needs a byte or four a row.
    """
    chosen = list(filters or [])
    if "trait" in pq.read_schema(path).names:
        chosen.append(("trait", "=", trait))
    form = ds.ParquetFileFormat(
        dictionary_columns=[c for c in columns if c == "chrom"],
        default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=False),
    )
    # One batch at a time, in order; reading ahead holds much of the file in memory.
    scanner = ds.dataset(path, format=form).scanner(
        columns=list(columns),
        filter=pq.filters_to_expression(chosen) if chosen else None,
        batch_readahead=1,
        fragment_readahead=1,
        use_threads=False,
    )
    return scanner.to_table().unify_dictionaries().to_pandas(self_destruct=True, split_blocks=True)


def kind_of(path: str | Path, trait: str) -> str:
    """``linear``, ``logistic`` or ``cox``, by the tests of a trait's rows; linear where there are none."""
    tests = read_rows(path, trait, ["test"])["test"].dropna().unique()
    return next((kind for kind in ("logistic", "cox") if any(t.startswith(kind) for t in tests)), "linear")


def statement_of(path: str | Path, trait: str) -> str:
    """What the result itself says was done about missing data, relatives and multiple testing, or ''.

    A result of several traits has a line for each, as JSON.
    """
    text = (pq.read_schema(path).metadata or {}).get(STATEMENT.encode(), b"").decode()
    return str(json.loads(text).get(trait, "")) if text.startswith("{") else text
