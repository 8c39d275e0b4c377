"""The settings and tables of a user that the reports read, for a check before any job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from endotype.cohort.secondary_genes import read_gene_list
from endotype.config import read_yaml
from endotype.errors import InputError, Problem, input_error, nearest, visible


def report_readers(config: Mapping[str, Any]) -> list[Callable[[], object]]:
    """Calls that check ``reports`` of the configuration; each raises InputError."""
    settings = config["reports"]
    readers: list[Callable[[], object]] = []
    if settings["secondary_genes"]:
        readers.append(partial(read_gene_list, settings["secondary_genes"]))
    if settings["previous"] is not None:
        readers.append(partial(_check_previous, settings["previous"]))
    columns = {key: name for key, name in settings["consent"].items() if name is not None}
    if columns and config["inputs"]["dictionary"]:
        readers.append(partial(_check_consent, columns, config["inputs"]["dictionary"]))
    return readers


def _check_previous(folder: str) -> None:
    path = Path(folder)
    if not path.is_dir():
        raise input_error(path, "no such folder", "the reports of an earlier run", "see reports.previous")
    if path.resolve() == Path("results/reports").resolve():
        found = "the folder that this run writes to"
        raise input_error(path, found, "the reports of an earlier run", "copy them elsewhere first")


def _check_consent(columns: Mapping[str, str], dictionary: str) -> None:
    document = read_yaml(dictionary).value
    known = document.get("columns") if isinstance(document, dict) else None
    roles = {
        str(name): column.get("role") for name, column in (known or {}).items() if isinstance(column, dict)
    }
    problems = [
        Problem(
            dictionary,
            None,
            f"reports.consent.{key}",
            visible(name) if name not in roles else f"{visible(name)} with the role {roles[name]}",
            "a column of the dictionary with the role consent",
            (nearest(name, [n for n, role in roles.items() if role == "consent"]) or ""),
        )
        for key, name in columns.items()
        if roles.get(name) != "consent"
    ]
    if problems:
        raise InputError(problems)
