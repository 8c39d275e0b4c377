"""Which people of a sheet are the people of the genotypes, counted, so that nobody vanishes unseen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from endotype.errors import input_error, visible
from endotype.ids import fold

KEPT, ONLY_GENOTYPES, ONLY_SHEET = "kept", "only_in_genotypes", "only_in_sheet"

N_EXAMPLES = 5

RECONCILIATION_COLUMNS = {"source": "str", "status": "str", "n": "Int64", "examples": "str", "detail": "str"}
"""Columns of a reconciliation. ``source`` is the sheet; ``examples`` are the first ids, joined by ``; ``."""


def reconcile(source: str, genotypes: Sequence[str], sheet: Sequence[str]) -> pd.DataFrame:
    """Compare two lists of ids, each without repetition.

    Args:
        source: what the sheet is called, e.g. ``phenotypes``.
        genotypes: ids in the order of the .fam.
        sheet: ids in the order of the sheet.

    Returns:
        :data:`RECONCILIATION_COLUMNS`, one row for each status. ``kept + only_in_genotypes`` are all people
        of the genotypes, ``kept + only_in_sheet`` all rows of the sheet. ``detail`` names ids that would
        match but for case, blanks, invisible characters or leading zeros; they are never joined.
    """
    in_genotypes, in_sheet = set(genotypes), set(sheet)
    kept = [i for i in genotypes if i in in_sheet]
    only_genotypes = [i for i in genotypes if i not in in_sheet]
    only_sheet = [i for i in sheet if i not in in_genotypes]
    by_fold = {fold(i): i for i in reversed(only_genotypes)}
    near = [(i, by_fold[fold(i)]) for i in only_sheet if fold(i) in by_fold]
    detail = "; ".join(f"{visible(a)} is like {visible(b)}" for a, b in near[:N_EXAMPLES])
    if near:
        detail = f"{len(near)} differ from an id of the genotypes only in writing: {detail}"
    rows = [
        (source, KEPT, len(kept), _examples(kept), ""),
        (source, ONLY_GENOTYPES, len(only_genotypes), _examples(only_genotypes), ""),
        (source, ONLY_SHEET, len(only_sheet), _examples(only_sheet), detail),
    ]
    return pd.DataFrame(rows, columns=list(RECONCILIATION_COLUMNS)).astype(RECONCILIATION_COLUMNS)


def require_overlap(table: pd.DataFrame, path: str | Path) -> None:
    """Refuse a sheet that shares nobody with the genotypes; the message carries the reconciliation.

    Raises:
        InputError: nobody was kept.
    """
    rows = {str(row["status"]): row for row in table.to_dict("records")}
    kept, sheet, genotypes = rows[KEPT], rows[ONLY_SHEET], rows[ONLY_GENOTYPES]
    if kept["n"] > 0:
        return
    raise input_error(
        path,
        f"none of its {sheet['n']} people in the genotypes (it has {sheet['examples'] or 'nobody'})",
        f"ids of the .fam, which has {genotypes['n']} people ({genotypes['examples'] or 'nobody'})",
        str(sheet["detail"]),
    )


def _examples(ids: Iterable[str]) -> str:
    first = list(ids)
    return "; ".join(map(visible, first[:N_EXAMPLES])) + ("; …" if len(first) > N_EXAMPLES else "")
