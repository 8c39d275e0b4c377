"""The blocks that a report is set from where a form is made of lines and tables.

A block is a mapping that JSON can hold, with ``kind``:

* ``text``: ``text`` and ``style`` (empty, ``muted``, ``notice`` or ``alarm``);
* ``heading``: ``text``, under that of the chapter;
* ``list``: ``items``, texts;
* ``facts``: ``items``, pairs of a name and a text;
* ``table``: ``caption``, ``columns`` (``title`` and ``width``, a share) and ``rows`` of cells;
* ``picture``: ``svg``, ``alt`` and ``width`` in points;
* ``findings``: ``items``, each with ``look``, ``word``, ``text``, ``why``, ``chapter`` and ``tone``;
* ``claim``: ``id``, ``look``, ``word``, ``number``, ``text`` and ``lines``.

A cell is a list of lines, each ``{"t": text, "s": style}`` with the styles ``strong``, ``sub``, ``code`` and
``chip`` (a word in a frame, whose ``look`` goes by the English word), with an ``href`` that was checked; or a
picture, ``svg alt width``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from endotype.reports.language import _
from endotype.reports.text import https_link, listed, number, shorten, words

Block = dict[str, Any]
Line = dict[str, Any]
Cell = list[Line]

MAX_COLUMNS = 6
"""Columns of a table that is set from JSON alone; records with more parts are set one below the other."""

MAX_TEXT = 2000
"""Characters of one value that is set from JSON alone; ``report.json`` has all of it."""


def text(content: str, style: str = "") -> Block:
    """A paragraph."""
    return {"kind": "text", "text": content, "style": style}


def heading(content: str) -> Block:
    """A heading under that of the chapter."""
    return {"kind": "heading", "text": content}


def table(columns: Sequence[tuple[str, float]], rows: Sequence[Sequence[Cell]], caption: str = "") -> Block:
    """A table; ``columns`` are titles and shares of the width."""
    return {
        "kind": "table",
        "caption": caption,
        "columns": [{"title": title, "width": width} for title, width in columns],
        "rows": [list(row) for row in rows],
    }


def cell(*lines: str | Line | None) -> Cell:
    """A cell of lines; empty ones and None are left out."""
    return [{"t": part, "s": ""} if isinstance(part, str) else part for part in lines if part]


def strong(content: str) -> Line:
    """A line that stands out."""
    return {"t": content, "s": "strong"}


def sub(content: str) -> Line:
    """A smaller line under another."""
    return {"t": content, "s": "sub"}


def code(content: str) -> Line:
    """An id or a name of a machine."""
    return {"t": content, "s": "code"}


def chip(word: str) -> Line:
    """A word of a result in a frame; the frame only repeats what the word says."""
    return {"t": words(word), "s": "chip", "look": word}


def source(record: str) -> Line:
    """The record of a source, a link where it is an address that a report may link to."""
    address = https_link(record)
    return sub(shorten(record, 80)) | ({"href": address} if address else {})


def drawing(svg: str, alt: str, width: float = 120) -> Line:
    """A small picture in a cell; ``width`` in points."""
    return {"svg": svg, "alt": alt, "width": width}


def generic(value: Any, title: str = "") -> list[Block]:
    """Blocks of any JSON: a sentence first, then single values, then tables and parts of their own."""
    if isinstance(value, dict):
        return _mapping(value, title)
    if isinstance(value, list):
        return ([heading(title)] if title else []) + _sequence(value)
    shown = _shown(value)
    return [text(_("{name}: {text}", name=title, text=shown) if title else shown)]


def _mapping(value: dict[str, Any], title: str) -> list[Block]:
    blocks: list[Block] = [heading(title)] if title else []
    if isinstance(value.get("statement"), str):
        blocks.append(text(value["statement"]))
    single = {k: v for k, v in value.items() if not isinstance(v, dict | list) and k != "statement"}
    if single:
        blocks.append({"kind": "facts", "items": [[_title(k), _shown(v)] for k, v in single.items()]})
    for key, part in value.items():
        if isinstance(part, dict | list):
            none = _("{name}: {text}", name=_title(key), text=_("none"))
            blocks += generic(part, _title(key)) if part else [text(none, "muted")]
    return blocks


def _sequence(items: list[Any]) -> list[Block]:
    if not items:
        return [text(_("None."), "muted")]
    if not any(isinstance(item, dict | list) for item in items):
        return [{"kind": "list", "items": [_shown(item) for item in items]}]
    if all(isinstance(item, dict) for item in items):
        keys = list(dict.fromkeys(key for item in items for key in item))
        flat = not any(isinstance(v, dict) or _deep(v) for item in items for v in item.values())
        if flat and len(keys) <= MAX_COLUMNS:
            rows = [[cell(_shown(item.get(key))) for key in keys] for item in items]
            return [table([(_title(key), 1) for key in keys], rows)]
    return [block for i, item in enumerate(items, start=1) for block in generic(item, f"{i}")]


def _deep(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict | list) for item in value)


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return yes_or_no(value)
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list):
        return listed(map(_shown, value)) or _("none")
    return shorten(str(value), MAX_TEXT)


def yes_or_no(value: Any) -> str:
    """A yes or no of a table as a word."""
    return _("yes") if value else _("no")


def _title(key: str) -> str:
    name = words(key)
    return name[:1].upper() + name[1:]


def texts(blocks: Iterable[Any]) -> Iterable[str]:
    """Every text of some blocks, wherever it stands."""
    for block in blocks:
        if isinstance(block, str):
            yield block
        elif isinstance(block, dict):
            yield from texts(v for k, v in block.items() if k not in ("svg", "kind", "style"))
        elif isinstance(block, list):
            yield from texts(block)
