"""Credible sets: which variants of a locus may be the cause, how probably, and through which gene."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from endotype.errors import InputError, Problem, visible
from endotype.tables import read_text_table, require_columns

COLUMNS = ["trait", "set", "variant_id", "effect_allele", "gene", "pip"]


def read_credible_sets(path: str | Path | None) -> pd.DataFrame | None:
    """Read credible sets; ``None`` without a path.

    Returns:
        :data:`COLUMNS`, text but for ``pip``, the posterior inclusion probability (of the variant, through
        this gene), from 0 to 1.

    Raises:
        InputError: every row that can't be used; probabilities of a variant that sum to more than 1.
    """
    if path is None:
        return None
    table = read_text_table(path)
    require_columns(table, COLUMNS)
    rows = table.rows[COLUMNS].apply(lambda column: column.str.strip())
    pip = pd.to_numeric(rows["pip"], errors="coerce")
    wrong = ~((pip >= 0) & (pip <= 1))
    problems = [
        Problem(table.path, int(str(line)), "pip", visible(rows["pip"][line]), "a number from 0 to 1")
        for line in rows.index[wrong]
    ]
    for name in COLUMNS[:-1]:
        problems += [
            Problem(table.path, int(str(line)), name, "an empty cell", "text")
            for line in rows.index[rows[name] == ""]
        ]
    total = pip.groupby([rows["trait"], rows["set"], rows["variant_id"]]).transform("sum")
    problems += [
        Problem(
            table.path, int(str(line)), "pip", f"{total[line]:g} over the genes of the variant", "at most 1"
        )
        for line in rows.index[(total > 1 + 1e-6) & ~wrong]
    ]
    problems += [
        Problem(table.path, line, "cells", f"{n} cells", f"{len(table.rows.columns)}, as in the header")
        for line, n in table.ragged
    ]
    if problems:
        raise InputError(problems)
    return rows.assign(pip=pip).reset_index(drop=True)
