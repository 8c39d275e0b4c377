"""The clinical dictionary: what the columns of the clinical table mean."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from endotype.cohort.findings import Findings
from endotype.config import KeyPath, fill_defaults, read_yaml, schema, schema_problems
from endotype.errors import InputError, nearest, visible
from endotype.ids import ID_RULE, is_id

RESERVED_NAMES = ("design", "genes", "loci", "summary")
"""Names that the association stage gives to its own files; no trait or outcome may have them."""

UNUSED_ROLES = ("identifier", "ignore")

NUMBERS = ("number", "count")
"""Types whose values are numbers."""

TYPES = "number, count, binary or category"


def read_dictionary(path: str | Path) -> dict[str, Any]:
    """Read and check a clinical dictionary.

    Every scalar is read as text, so that the category ``no`` is the word *no* and ``001`` keeps its zeros.

    Returns:
        ``missing`` list of words; ``columns`` name -> ``type unit range values role description``, and
        ``transform`` where it is given; ``outcomes`` name -> ``time event``, and ``entry`` where it is given;
        all defaults filled in. Identifiers and ignored columns have the type ``text``.

    Raises:
        InputError: with every problem of the file.
    """
    source = str(path)
    document = read_yaml(path, text_only=True)
    lines = document.lines
    raw = _typed(document.value)
    rules = schema("dictionary")
    problems = schema_problems(raw, rules, source, lines)
    if problems:
        raise InputError(problems)
    dictionary = fill_defaults(raw, rules)
    dictionary["missing"] = list(dict.fromkeys(["", *(word.strip() for word in dictionary["missing"])]))
    for column in dictionary["columns"].values():
        if column["role"] in UNUSED_ROLES:
            column.setdefault("type", "text")
    findings = Findings()
    _check_columns(dictionary, source, lines, findings)
    _check_outcomes(dictionary, source, lines, findings)
    findings.raise_if_any()
    return dictionary


def names_with_role(dictionary: dict[str, Any], *roles: str) -> list[str]:
    """The columns that have one of these roles, in the order of the dictionary."""
    return [name for name, column in dictionary["columns"].items() if column["role"] in roles]


def _typed(value: Any) -> Any:
    """The text of the file with its numbers made numbers and its empty keys taken out."""
    if not isinstance(value, dict):
        return value
    typed = {key: item for key, item in value.items() if item not in ("", "null", "~") or key == "columns"}
    if isinstance(columns := typed.get("columns"), dict):
        typed["columns"] = {name: _typed_column(column) for name, column in columns.items()}
    return typed


def _typed_column(column: Any) -> Any:
    if not isinstance(column, dict):
        return column
    typed = {key: item for key, item in column.items() if item not in ("", "null", "~")}
    if isinstance(limits := typed.get("range"), list):
        typed["range"] = [_number(limit) for limit in limits]
    return typed


def _number(text: Any) -> Any:
    try:
        return float(text)
    except (TypeError, ValueError):
        return text


def _check_columns(dictionary: dict[str, Any], source: str, lines: Any, findings: Findings) -> None:
    columns = dictionary["columns"]
    identifiers = names_with_role(dictionary, "identifier")
    if len(identifiers) != 1:
        findings.problem(
            source,
            lines.get(("columns",)),
            "role",
            f"{len(identifiers)} columns with the role identifier",
            "exactly one",
            "give the column with the patient ids the role identifier" if not identifiers else "",
        )
    for name, column in columns.items():
        at: KeyPath = ("columns", name)
        row = lines.get(at)
        if not name.strip() or not name.isprintable():
            findings.problem(source, row, name, f"the column name {visible(name)}", "a printable name")
        if name == "patient" and column["role"] not in UNUSED_ROLES:
            findings.problem(
                source,
                row,
                name,
                f"the role {column['role']}",
                "identifier",
                "'patient' is the name of the identifier in every table of the results",
            )
        if column["role"] in UNUSED_ROLES:
            continue
        if "type" not in column:
            findings.problem(source, row, f"{name}.type", "nothing", TYPES)
            continue
        kind = column["type"]
        if kind == "text":
            findings.problem(
                source,
                lines.get((*at, "type"), row),
                f"{name}.type",
                "text",
                TYPES,
                "free text has the role ignore",
            )
        limits = column["range"]
        if limits is not None:
            row_of_range = lines.get((*at, "range"), row)
            if kind not in NUMBERS:
                findings.problem(source, row_of_range, f"{name}.range", f"a range of a {kind}", "no range")
            elif limits[0] > limits[1]:
                findings.problem(
                    source,
                    row_of_range,
                    f"{name}.range",
                    f"{limits[0]:g} to {limits[1]:g}",
                    "the smaller number first",
                    f"[{limits[1]:g}, {limits[0]:g}]",
                )
            elif not all(map(math.isfinite, limits)):
                findings.problem(source, row_of_range, f"{name}.range", "an infinite limit", "two numbers")
        if column["values"] and kind != "category":
            findings.problem(
                source, lines.get((*at, "values"), row), f"{name}.values", f"values of a {kind}", "no values"
            )
        if clash := set(column["values"]) & set(dictionary["missing"]):
            findings.problem(
                source,
                lines.get((*at, "values"), row),
                f"{name}.values",
                f"{visible(min(clash))}, which also means missing",
                "words that don't mean missing",
            )
        if "transform" in column and not (column["role"] == "trait" and kind in NUMBERS):
            findings.problem(
                source,
                lines.get((*at, "transform"), row),
                f"{name}.transform",
                f"{column['transform']} of a {kind} with the role {column['role']}",
                "a trait that is a number, or no transform",
            )
        if column["role"] == "consent" and kind in NUMBERS:
            findings.problem(
                source, lines.get((*at, "type"), row), f"{name}.type", kind, "binary or category"
            )
        if column["role"] == "label" and kind in NUMBERS:
            findings.problem(
                source,
                lines.get((*at, "type"), row),
                f"{name}.type",
                kind,
                "category or binary for a label",
                "a label is a class; write its numbers as the words of a category",
            )
        if column["role"] == "trait" and kind == "category":
            findings.problem(
                source,
                lines.get((*at, "type"), row),
                f"{name}.type",
                "category",
                "number or binary for a trait",
                "make one binary column per category",
            )


def _check_outcomes(dictionary: dict[str, Any], source: str, lines: Any, findings: Findings) -> None:
    columns = dictionary["columns"]
    used: set[str] = set()
    for outcome, parts in dictionary["outcomes"].items():
        for part, kind in (("time", "number"), ("event", "binary"), ("entry", "number")):
            if part not in parts:
                continue
            name = parts[part]
            row = lines.get(("outcomes", outcome, part))
            used.add(name)
            column = columns.get(name)
            if column is None:
                word = nearest(name, columns)
                findings.problem(
                    source,
                    row,
                    f"outcomes.{outcome}.{part}",
                    visible(name),
                    "a column of this dictionary",
                    f"did you mean {word}?" if word else "",
                )
            elif column["role"] != "outcome" or column.get("type") != kind:
                findings.problem(
                    source,
                    row,
                    f"outcomes.{outcome}.{part}",
                    f"{visible(name)} with role {column['role']} and type {column.get('type')}",
                    f"role outcome and type {kind}",
                )
        if parts.get("entry") == parts["time"]:
            findings.problem(
                source,
                lines.get(("outcomes", outcome, "entry")),
                f"outcomes.{outcome}.entry",
                f"{visible(parts['entry'])}, which is its time too",
                "the column with the beginning of observation",
            )
    for name in names_with_role(dictionary, "outcome"):
        if name not in used:
            findings.problem(
                source,
                lines.get(("columns", name)),
                name,
                "the role outcome, and no outcome that uses it",
                "an entry under outcomes, or another role",
            )
    taken: dict[str, str] = {}
    for kind, name in [
        *(("columns", name) for name in names_with_role(dictionary, "trait")),
        *(("outcomes", name) for name in dictionary["outcomes"]),
    ]:
        row = lines.get((kind, name))
        if not is_id(name):
            findings.problem(source, row, name, visible(name), f"a name of {ID_RULE}", "it names a file")
        elif name.casefold() in RESERVED_NAMES or name.casefold().endswith(".genes"):
            findings.problem(source, row, name, f"the reserved name {name}", "another name", f"{name}_trait")
        elif name.casefold() in taken:
            findings.problem(
                source,
                row,
                name,
                f"{name} beside {taken[name.casefold()]}",
                "traits and outcomes whose names differ by more than case",
            )
        taken.setdefault(name.casefold(), name)
