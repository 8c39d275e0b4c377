"""The target table: which intervention is known to act, or must not be given, for which gene."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from endotype.errors import InputError, Problem, nearest, visible
from endotype.tables import TextTable, read_text_table, require_columns

COLUMNS = [
    "gene", "intervention", "action", "tier", "level", "direction", "requires", "reliability",
    "source", "source_version", "source_record",
]  # fmt: skip

OPTIONAL_COLUMNS = ["disease", "alteration", "safety", "reference"]
"""Columns that a table may have: the disease that a row is about; the change of a tumour's gene that it asks
for (``V600E``, ``Amplification``); what speaks for caution; a publication."""

WORDS = {
    "action": ("indicated", "contraindicated"),
    "tier": ("R1", "1", "2", "3", "3B", "4", "R2"),
    "level": ("A", "B", "C", "D", "E"),
    "direction": ("loss", "gain", "any"),
    "requires": ("carried_variant", "tumour_variant", "subtype", "association", "any"),
}
"""Allowed values. Tier R1 is resistance and comes before tier 1, the strongest of the others; 3B is evidence
in another disease, R2 weak evidence of resistance."""

REQUIRED = ("gene", "intervention", "source")
KEY = ["gene", "intervention", "action", "source", "source_record"]


def read_targets(path: str | Path | None) -> pd.DataFrame:
    """Read a target table; no path gives a table without rows.

    Returns:
        :data:`COLUMNS` and :data:`OPTIONAL_COLUMNS`, text but for ``reliability`` (float64 from 0 to 1), in
        the order of the file. An optional column that the file lacks is empty.

    Raises:
        InputError: every faulty cell, with its row.
    """
    if path is None:
        names = [*COLUMNS, *OPTIONAL_COLUMNS]
        return pd.DataFrame({name: pd.Series(dtype="str") for name in names}).astype(
            {"reliability": "float64"}
        )
    table = read_text_table(path)
    require_columns(table, COLUMNS)
    rows = table.rows[COLUMNS].apply(lambda column: column.str.strip())
    if problems := _problems(table, rows):
        raise InputError(problems)
    optional = {name: table.rows[name].str.strip() if name in table.rows else "" for name in OPTIONAL_COLUMNS}
    return rows.assign(**optional).astype({"reliability": "float64"}).reset_index(drop=True)


def _problems(table: TextTable, rows: pd.DataFrame) -> list[Problem]:
    file, width = table.path, len(table.rows.columns)
    found = [
        Problem(file, line, "", f"{n} cells", f"{width} cells, as in the header") for line, n in table.ragged
    ]
    found += [Problem(file, 1, name, "the column twice", "it once") for name in table.duplicate_columns]
    if found:
        return found
    for line, row in zip(rows.index.tolist(), rows.to_dict("records"), strict=True):
        for name, words in WORDS.items():
            if row[name] not in words:
                expected = "one of " + ", ".join(words)
                found.append(
                    Problem(file, line, name, visible(row[name]), expected, nearest(row[name], words))
                )
        found += [Problem(file, line, name, "an empty cell", "text") for name in REQUIRED if not row[name]]
        if not _is_share(row["reliability"]):
            found.append(
                Problem(file, line, "reliability", visible(row["reliability"]), "a number from 0 to 1")
            )
        if row["tier"] in ("R1", "R2") and row["action"] == "indicated":
            tier = row["tier"]
            found.append(
                Problem(
                    file,
                    line,
                    "action",
                    f"'indicated' in tier {tier}",
                    f"'contraindicated': {tier} is resistance",
                )
            )
    for line in rows.index[rows.duplicated(KEY)].tolist():
        found.append(
            Problem(
                file,
                line,
                "source_record",
                "a row that is there already",
                f"one row for each {', '.join(KEY)}",
            )
        )
    return found


def _is_share(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False
