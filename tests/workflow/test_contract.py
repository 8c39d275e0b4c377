"""docs/results.md is the contract: what it lists is what a run leaves behind, no more and no less."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "results.md"


class Entry(NamedTuple):
    """A file of the page. ``columns`` is None where the page lists none."""

    path: str
    columns: tuple[str, ...] | None


def read_page(text: str) -> list[Entry]:
    """The files of the page's tables; a section's heading is the folder, a row names one or more files."""
    entries, folder, inside = [], "", ""
    for line in text.splitlines():
        if heading := re.fullmatch(r"## `(\w+/)`", line):
            folder = heading[1]
            inside = "" if folder == "results/" else folder
        elif folder and line.startswith("| `"):
            files, _, content = (cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"), maxsplit=2))
            listed = re.match(r"`([^`]+)`", content)
            columns = tuple(listed[1].split()) if listed else None
            entries += [Entry(inside + name, columns) for name in re.findall(r"`([^`]+)`", files)]
    return entries


def pattern_of(template: str) -> re.Pattern[str]:
    """``{name}`` stands for any name of a file, ``x1..xN`` for a numbered series."""
    if series := re.fullmatch(r"(.*\D)1\.\.\1N", template):
        return re.compile(re.escape(series[1]) + r"\d+")
    parts = re.split(r"\{\w+\}", template)
    return re.compile("[^/]+?".join(map(re.escape, parts)))


def entry_of(path: str, entries: list[Entry]) -> Entry | None:
    """The entry of a file, of several that fit the one that spells out most: genes.parquet is no trait."""
    fitting = [entry for entry in entries if pattern_of(entry.path).fullmatch(path)]
    return max(fitting, key=lambda entry: len(re.sub(r"\{\w+\}", "", entry.path)), default=None)


def columns_of(path: Path) -> set[str] | None:
    """Columns of a table or keys of a JSON file; None for other files."""
    if path.suffix == ".parquet":
        return set(pq.read_schema(path).names)
    if path.suffix == ".tsv":
        return set(path.read_text(encoding="utf-8").partition("\n")[0].split("\t"))
    if path.suffix == ".json":
        content = json.loads(path.read_text(encoding="utf-8"))
        return set(content[0] if isinstance(content, list) else content)
    return None


def differences(columns: set[str], documented: tuple[str, ...]) -> tuple[set[str], set[str]]:
    """Columns that are not documented, and documented ones that are not there."""
    names = {name.strip("[]"): name.startswith("[") for name in documented if name != "..."}
    unknown = {c for c in columns if not any(pattern_of(name).fullmatch(c) for name in names)}
    absent = {
        name
        for name, optional in names.items()
        if not optional and not any(pattern_of(name).fullmatch(c) for c in columns)
    }
    return (set() if "..." in documented else unknown), absent


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return read_page(PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def files(finished_run) -> dict[str, Path]:
    """Every file under ``results/`` by its name there; of reports, one patient's."""
    results = finished_run / "results"
    paths = sorted(path for path in results.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(results).as_posix(): path for path in paths}


def test_the_page_is_understood(entries):
    assert {entry.path.partition("/")[0] for entry in entries} == {
        *("cohort", "variants", "annotation", "association"),
        *("subtypes", "targets", "reports", "provenance", "ro-crate-metadata.json"),
    }
    tables = [entry for entry in entries if entry.path.endswith((".parquet", ".tsv")) and entry.columns]
    assert len(tables) > 20
    without_columns = {entry.path for entry in entries if entry.columns is None}
    assert not {path for path in without_columns if path.endswith((".parquet", ".tsv"))} - {
        f"variants/shards/{{shard}}.{kind}"
        for kind in ("qc.parquet", "reads.parquet", "rejects.tsv", "monomorphic.parquet")
    }


def test_every_file_is_on_the_page(entries, files):
    assert [path for path in files if entry_of(path, entries) is None] == []


def test_every_file_of_the_page_is_there(entries, files):
    found = {entry.path for path in files if (entry := entry_of(path, entries))}
    assert [entry.path for entry in entries if entry.path not in found] == []


def test_every_column_is_on_the_page_and_every_column_of_the_page_is_there(entries, files):
    wrong = {}
    for path, file in files.items():
        entry = entry_of(path, entries)
        columns = columns_of(file)
        if entry is None or entry.columns is None or columns is None:
            continue
        unknown, absent = differences(columns, entry.columns)
        if unknown or absent:
            wrong[path] = {"not on the page": sorted(unknown), "not in the file": sorted(absent)}
    assert wrong == {}


def test_every_optional_column_is_in_some_file(entries, files):
    seen: dict[str, set[str]] = {}
    for path, file in files.items():
        if (entry := entry_of(path, entries)) and entry.columns:
            seen.setdefault(entry.path, set()).update(columns_of(file) or ())
    for entry in entries:
        for name in entry.columns or ():
            if name.startswith("[") and entry.path != "subtypes/assignments.parquet":
                assert any(pattern_of(name.strip("[]")).fullmatch(c) for c in seen[entry.path]), name


def test_a_renamed_column_and_a_forgotten_one_are_noticed():
    documented = ("patient", "pc1..pcN", "[seldom]", "used")
    assert differences({"patient", "pc1", "pc2", "used"}, documented) == (set(), set())
    assert differences({"patient", "pc1", "used", "new"}, documented) == ({"new"}, set())
    assert differences({"patient", "pcx", "used"}, documented) == ({"pcx"}, {"pc1..pcN"})
    assert differences({"patient", "age", "bmi"}, ("patient", "...")) == (set(), set())
