"""What a user says about the sources of knowledge of a run: which files, of what kind, version and date."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from endotype.cohort.knowledge_kinds import COMBINE, FIXED_NAMES, KEYS, KINDS, TYPES, Column, Kind
from endotype.errors import InputError, Problem, nearest, visible

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_RESERVED = {"genes", "gene_model", "knowledge", "variants", "people", "scores"}
_FIELDS = ("name", "kind", "path", "version", "date", "licence", "assembly", "key", "columns", "min_covered")
_COLUMN_FIELDS = ("from", "type", "combine", "separator")
KEY_NAMES = ("chrom", "pos", "ref", "alt", "start", "end", "gene", "gene_key")
"""Columns of a key, which a description may name as well: ``{chrom: {from: CHR}}``."""

DEFAULT_MIN_COVERED = 0.5
"""Share of people with 20 reads or more from which a position counts as covered."""


@dataclass(frozen=True)
class Source:
    """One source of knowledge.

    Attributes:
        name: what it is called in ``knowledge.json``, and its table.
        kind: a name of ``KINDS``.
        paths: its files; of several, the records count on from one to the next.
        version, date, licence, assembly: as the user says; ``None`` leaves it to the file. ``date`` is
            ``YYYY-MM-DD``.
        key: what a row is about, one of ``KEYS``.
        columns: the columns that are taken.
        key_names: names in the file of the columns of the key, where the user says them.
        min_covered: of ``coverage``, see ``DEFAULT_MIN_COVERED``.
    """

    name: str
    kind: str
    paths: tuple[str, ...]
    version: str | None = None
    date: str | None = None
    licence: str | None = None
    assembly: str | None = None
    key: str = ""
    columns: tuple[Column, ...] = ()
    key_names: tuple[tuple[str, str], ...] = ()
    min_covered: float = DEFAULT_MIN_COVERED

    @property
    def joined(self) -> bool:
        """Whether its columns come into ``variants.parquet``."""
        return KINDS[self.kind].joined or (self.kind == "table" and self.key != "disease")


def own_source(kind: str, path: str) -> Source:
    """The source of one of the four files that have a key of their own in the configuration."""
    return Source(FIXED_NAMES[kind], kind, (str(path),), key=KINDS[kind].key)


def load_sources(text_or_path: str) -> list[Source]:
    """The sources that a YAML or JSON file describes, or that the text itself does when it begins with ``[``.

    The file holds a list of descriptions, or a mapping with ``sources``, or one with ``knowledge: sources``.

    Raises:
        InputError: with every fault of every description.
    """
    where = "--sources"
    if text_or_path.lstrip().startswith("["):
        text = text_or_path
    else:
        where = text_or_path
        try:
            text = Path(text_or_path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            found = getattr(error, "strerror", None) or "bytes that are not UTF-8"
            raise InputError(Problem(where, None, "", found, "a list of sources in YAML or JSON")) from None
    try:
        value = json.loads(text) if where == "--sources" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        found = f"text that can't be read ({str(error).splitlines()[0]})"
        raise InputError(Problem(where, None, "", found, "a list of sources in YAML or JSON")) from None
    for key in ("knowledge", "sources"):
        if isinstance(value, dict) and key in value:
            value = value[key]
    return describe_sources(value, where)


def describe_sources(value: object, where: str) -> list[Source]:
    """Sources from a list of mappings ``{name, kind, path, version, date, licence, assembly, key, columns}``.

    Args:
        value: the list, as YAML or JSON gives it.
        where: what problems are reported against.

    Raises:
        InputError: with every fault of every description.
    """
    problems: list[Problem] = []
    if not isinstance(value, list):
        raise InputError(Problem(where, None, "sources", type(value).__name__, "a list of sources"))
    sources = []
    for number, item in enumerate(value, start=1):
        source = _describe(item, where, f"source {number}", problems)
        if source is not None:
            sources.append(source)
    problems += _clashes(sources, where)
    if problems:
        raise InputError(problems)
    return sources


def _describe(item: object, where: str, place: str, problems: list[Problem]) -> Source | None:
    n_before = len(problems)

    def wrong(column: str, found: object, expected: str, suggestion: str = "") -> None:
        problems.append(Problem(where, None, f"{place}, {column}", visible(str(found)), expected, suggestion))

    if not isinstance(item, dict):
        problems.append(Problem(where, None, place, visible(str(item)), "a mapping with name, kind and path"))
        return None
    for field in item:
        if field not in _FIELDS:
            wrong(str(field), field, f"one of {', '.join(_FIELDS)}", nearest(str(field), _FIELDS))
    kind = KINDS.get(str(item.get("kind")))
    if kind is None:
        wrong("kind", item.get("kind"), f"one of {', '.join(KINDS)}", nearest(str(item.get("kind")), KINDS))
        return None
    name = str(item.get("name") or FIXED_NAMES.get(kind.name, kind.name))
    if kind.name in FIXED_NAMES and name != FIXED_NAMES[kind.name]:
        wrong("name", name, f"{FIXED_NAMES[kind.name]}, as a source of kind {kind.name} is called")
    elif not _NAME.fullmatch(name) or name in _RESERVED or "__" in name:
        wrong("name", name, "up to 40 lower-case letters, digits and single _, and no name that is taken")
    path = item.get("path")
    paths = path if isinstance(path, list) else [path]
    if not paths or not all(isinstance(p, str) and p for p in paths):
        wrong("path", path, "a path, or a list of paths")
    date = item.get("date")
    if isinstance(date, datetime.date):
        date = date.isoformat()[:10]
    if date is not None and not is_date(str(date)):
        wrong("date", date, "a date YYYY-MM-DD")
    key = str(item.get("key") or kind.key)
    if kind.key and key != kind.key:
        wrong("key", key, f"{kind.key}, as a source of kind {kind.name} has")
    elif key not in KEYS:
        wrong("key", key, f"one of {', '.join(KEYS)}", nearest(key, KEYS))
    columns, key_names = _columns(item.get("columns"), kind, wrong)
    covered = item.get("min_covered", DEFAULT_MIN_COVERED)
    if isinstance(covered, bool) or not isinstance(covered, int | float) or not 0 <= covered <= 1:
        wrong("min_covered", covered, "a number from 0 to 1")
    if len(problems) > n_before:
        return None
    texts = {f: None if item.get(f) is None else str(item[f]) for f in ("version", "licence", "assembly")}
    return Source(
        name=name,
        kind=kind.name,
        paths=tuple(str(p) for p in paths),
        date=None if date is None else str(date),
        key=key,
        columns=columns,
        key_names=key_names,
        min_covered=float(covered),
        **texts,
    )


def _columns(value: object, kind: Kind, wrong: Any) -> tuple[tuple[Column, ...], tuple[tuple[str, str], ...]]:
    """Columns and names of key columns of a description; without one, those of the kind."""
    if value is None:
        if kind.name in ("table", "scores"):
            wrong("columns", "no columns", "columns: {name: {from: name in the file, type: text or number}}")
        return kind.columns, ()
    if not isinstance(value, Mapping):
        wrong("columns", value, "a mapping of columns")
        return (), ()
    own = {column.name: column for column in kind.columns}
    columns, keys = [], []
    for name, spec in value.items():
        name, spec = str(name), {"from": spec} if isinstance(spec, str) else spec
        if not isinstance(spec, Mapping) or any(field not in _COLUMN_FIELDS for field in spec):
            wrong(f"columns, {name}", spec, f"a name, or a mapping of {', '.join(_COLUMN_FIELDS)}")
            continue
        source = str(spec.get("from", name))
        if name in KEY_NAMES:
            keys.append((name, source))
            continue
        if not _NAME.fullmatch(name) or "__" in name or name in ("source_row", "mapped_by", "gene_source"):
            wrong(f"columns, {name}", name, "up to 40 lower-case letters, digits and single _")
            continue
        column = own.get(name, Column(name, (source,), required=True))
        if "from" in spec:
            column = replace(column, names=(source,), required=True)
        for field, allowed in (("type", TYPES), ("combine", COMBINE)):
            if field in spec and spec[field] not in allowed:
                wrong(f"columns, {name}, {field}", spec[field], f"one of {', '.join(allowed)}")
        column = replace(
            column,
            type=str(spec.get("type", column.type)),
            combine=str(spec.get("combine", column.combine)),
            separator=str(spec.get("separator", column.separator)),
        )
        if column.combine in ("max", "min") and column.type not in ("number", "integer"):
            wrong(f"columns, {name}, combine", column.combine, "first or join for what is no number")
        columns.append(column)
    return tuple(columns) or kind.columns, tuple(keys)


def _clashes(sources: Iterable[Source], where: str) -> list[Problem]:
    """Names that two sources share, and score columns that two score tables both bring."""
    problems: list[Problem] = []
    names: set[str] = set()
    scores: dict[str, str] = {}
    for source in sources:
        if source.name in names:
            problems.append(Problem(where, None, "name", visible(source.name) + " twice", "each name once"))
        names.add(source.name)
        if KINDS[source.kind].joined and source.key == "allele":
            for column in source.columns:
                if column.name in scores and scores[column.name] != source.name:
                    found = f"the column {column.name} of {scores[column.name]} and of {source.name}"
                    expected = "each score from one source, chosen beforehand"
                    problems.append(Problem(where, None, source.name, found, expected, "name its columns"))
                scores[column.name] = source.name
    return problems


def is_date(text: str) -> bool:
    """Whether a text is a calendar date ``YYYY-MM-DD``."""
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
