"""What a curator decided: shown beside the automatic result, with who, when and why, and never hiding it.

A table of the user's: ``variant_id`` (or ``chrom pos ref alt``), ``gene``, then either ``class`` or
``criterion`` with ``status`` and ``strength``, then ``who when why reference``.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from endotype.annotation.acmg.combine import CLASSES
from endotype.annotation.acmg.criteria import CRITERIA, MET, POINTS, STATUSES
from endotype.errors import InputError, Problem, nearest, visible
from endotype.tables import read_text_table, require_columns

COLUMNS = ["gene", "who", "when", "why", "reference"]


class Override(NamedTuple):
    """A class, or a criterion's status and strength. ``row`` is the line of the table."""

    variant_id: str
    gene: str
    class_: str
    criterion: str
    status: str
    strength: str
    who: str
    when: str
    why: str
    reference: str
    row: int


class Curated(NamedTuple):
    """The overrides of one variant in one gene."""

    class_: Override | None
    criteria: Mapping[str, Override]


Overrides = Mapping[tuple[str, str], Curated]
"""By variant and gene (symbol or id)."""


def read_overrides(path: str | Path) -> Overrides:
    """Read the table of overrides.

    Raises:
        InputError: with every fault: words that are not in a vocabulary, who, when or why missing, a date
            that is none, a class or a criterion of a variant and gene twice.
    """
    table = read_text_table(path)
    columns = set(table.rows.columns)
    require_columns(table, [*COLUMNS, *([] if "variant_id" in columns else ["chrom", "pos", "ref", "alt"])])
    problems = [
        Problem(table.path, line, "", f"{cells} cells", f"{table.rows.shape[1]} cells, as in the header")
        for line, cells in table.ragged
    ]
    found: dict[tuple[str, str], dict[str, Override]] = {}
    for line, row in zip(table.rows.index, table.rows.to_dict("records"), strict=True):
        cells = {str(name): str(value).strip() for name, value in row.items()}
        wrong = _problems(table.path, int(line), cells)
        problems += wrong
        if wrong:
            continue
        override = _override(int(line), cells)
        group = found.setdefault((override.variant_id, override.gene), {})
        if override.criterion in group:
            what = override.criterion or "class"
            problems.append(
                Problem(
                    table.path, int(line), "", f"the {what} of {override.variant_id} a second time", "one row"
                )
            )
        group[override.criterion] = override
    if problems:
        raise InputError(problems)
    return {
        key: Curated(group.get(""), {name: o for name, o in group.items() if name})
        for key, group in found.items()
    }


def _override(line: int, cells: Mapping[str, str]) -> Override:
    variant_id = cells.get("variant_id") or ":".join(cells[n] for n in ("chrom", "pos", "ref", "alt"))
    criterion = cells.get("criterion", "")
    strength = cells.get("strength", "")
    if criterion and cells.get("status") == MET:
        strength = strength or CRITERIA[criterion].strength
    return Override(
        variant_id,
        cells["gene"],
        cells.get("class", ""),
        criterion,
        cells.get("status", ""),
        strength,
        cells["who"],
        cells["when"],
        cells["why"],
        cells["reference"],
        line,
    )


def _problems(path: str, line: int, cells: Mapping[str, str]) -> list[Problem]:
    problems = []

    def problem(column: str, expected: str, choices: tuple[str, ...] = ()) -> None:
        value = cells.get(column, "")
        problems.append(Problem(path, line, column, visible(value), expected, nearest(value, choices)))

    variant_id = cells.get("variant_id", "")
    if variant_id:
        if not _is_variant(variant_id):
            problem("variant_id", "chrom:pos:ref:alt")
    elif not all(cells.get(name) for name in ("chrom", "pos", "ref", "alt")):
        problem("variant_id", "chrom:pos:ref:alt, or the four columns")
    elif not _is_variant(":".join(cells[name] for name in ("chrom", "pos", "ref", "alt"))):
        problem("pos", "a position, and REF and ALT in ACGTN")
    for column in ("gene", "who", "why"):
        if not cells[column]:
            problem(column, "not an empty cell")
    try:
        datetime.date.fromisoformat(cells["when"])
    except ValueError:
        problem("when", "a date such as 2026-01-31")
    klass, criterion = cells.get("class", ""), cells.get("criterion", "")
    status, strength = cells.get("status", ""), cells.get("strength", "")
    if bool(klass) == bool(criterion):
        problem("class", "either a class or a criterion")
    elif klass and klass not in CLASSES:
        problem("class", "one of " + ", ".join(CLASSES), CLASSES)
    elif criterion and criterion not in CRITERIA:
        problem("criterion", "an ACMG/AMP criterion", tuple(CRITERIA))
    elif criterion and status not in STATUSES:
        problem("status", "one of " + ", ".join(STATUSES), STATUSES)
    if strength and strength not in POINTS:
        problem("strength", "one of " + ", ".join(POINTS), tuple(POINTS))
    elif strength and (klass or status != MET):
        problem("strength", "a strength only where a criterion is met")
    elif strength == "stand_alone" and criterion != "BA1":
        problem("strength", "stand_alone only for BA1")
    return problems


def _is_variant(text: str) -> bool:
    parts = text.rsplit(":", 3)
    if len(parts) != 4 or not parts[0] or not parts[1].isdecimal() or int(parts[1]) < 1:
        return False
    return all(bases and set(bases) <= set("ACGTN") for bases in parts[2:])
