"""Reads what the page of the cohort's quality is made from. Large tables are summed, never loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from pyarrow import dataset

from endotype.errors import input_error
from endotype.files import read_json
from endotype.ids import ID_RULE, is_id
from endotype.tables import read_parquet

Row = dict[str, Any]

_SUMS = ["n_called", "n_missing", "n_masked_quality", "n_masked_depth", "n_masked_balance"]

_KINDS = """
    CASE WHEN length(ref) = 1 AND length(alt) = 1 THEN
             CASE WHEN ref || alt IN ('AG', 'GA', 'CT', 'TC') THEN 'transition' ELSE 'transversion' END
         WHEN length(ref) = 1 AND length(alt) > 1 THEN 'insertion'
         WHEN length(ref) > 1 AND length(alt) = 1 THEN 'deletion'
         ELSE 'several_bases' END
"""


@dataclass(frozen=True)
class QcTables:
    """The tables of a run that tell of its quality.

    Attributes:
        config: the configuration with all defaults filled in.
        people, sample_qc, metrics, relatedness, ancestry, roh: the tables of these names, as they are
            (``metrics`` is ``sample_metrics.parquet``).
        traits: trait or outcome -> the people for whom it is recorded.
        flow, ancestry_info: ``flow.json`` and ``ancestry.json``.
        sites: ``variant_qc.parquet`` summed by ``kept`` and ``reason``, as
            :func:`endotype.reports.consort.consort` takes it.
        kinds: kept variants by kind: ``kind n_variants n_singleton``.
    """

    config: Row
    people: pd.DataFrame
    sample_qc: pd.DataFrame
    metrics: pd.DataFrame
    relatedness: pd.DataFrame
    ancestry: pd.DataFrame
    ancestry_info: Row
    roh: pd.DataFrame
    traits: dict[str, set[str]]
    flow: Row
    sites: pd.DataFrame
    kinds: pd.DataFrame


def read_qc_tables(results: Path, config: Row) -> QcTables:
    """Read the tables of a results folder.

    Raises:
        InputError: a table is missing, or a patient id can't be a file name.
    """
    variants = results / "variants"
    people = _table(results / "cohort/people.parquet").sort_values("patient", ignore_index=True)
    for patient in people["patient"]:
        if not is_id(patient):
            raise input_error(results / "cohort/people.parquet", f"the patient id {patient!r}", ID_RULE)
    return QcTables(
        config=config,
        people=people,
        sample_qc=_table(variants / "sample_qc.parquet"),
        metrics=_table(variants / "sample_metrics.parquet").sort_values(
            ["patient", "metric"], ignore_index=True
        ),
        relatedness=_table(variants / "relatedness.parquet"),
        ancestry=_table(variants / "ancestry.parquet"),
        ancestry_info=_json(variants / "ancestry.json"),
        roh=_table(variants / "roh.parquet"),
        traits=_recorded(results),
        flow=_json(variants / "flow.json"),
        sites=_sites(variants / "variant_qc.parquet"),
        kinds=_kinds(variants / "variant_qc.parquet"),
    )


def _recorded(results: Path) -> dict[str, set[str]]:
    """Trait or outcome -> people with a value; of an outcome, with its time, its event and its entry."""
    dictionary = _json(results / "cohort/dictionary.json")
    clinical = _table(results / "cohort/clinical.parquet")
    columns = {name: [name] for name, entry in dictionary["columns"].items() if entry["role"] == "trait"}
    columns |= {name: list(parts.values()) for name, parts in dictionary["outcomes"].items()}
    return {
        name: set(clinical.loc[clinical[needed].notna().all(axis=1), "patient"])
        for name, needed in columns.items()
    }


def _sites(path: Path) -> pd.DataFrame:
    sums = ", ".join(f"sum({name})::BIGINT AS {name}" for name in _SUMS)
    return _query(
        path,
        f"SELECT kept, reason, count(*) AS n_variants, {sums} FROM sites GROUP BY kept, reason ORDER BY ALL",
    )


def _kinds(path: Path) -> pd.DataFrame:
    return _query(
        path,
        f"SELECT {_KINDS} AS kind, count(*) AS n_variants, count(*) FILTER (alt_count = 1) AS n_singleton"
        " FROM sites WHERE kept GROUP BY kind ORDER BY kind",
    )


def _query(path: Path, sql: str) -> pd.DataFrame:
    """The answer to a question about one Parquet file, called ``sites``. Sums are of whole numbers."""
    if not path.is_file():
        raise input_error(path, "no such file", "a result of an earlier stage")
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        connection.register("sites", dataset.dataset(path, format="parquet"))
        return connection.execute(sql).df()


def _table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise input_error(path, "no such file", "a result of an earlier stage")
    return read_parquet(path)


def _json(path: Path) -> Row:
    if not path.is_file():
        raise input_error(path, "no such file", "a result of an earlier stage")
    return dict(read_json(path))
