"""A language in which every message is itself in brackets, so that a text outside of them is one that no
catalogue has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from string import Formatter
from unittest import mock

from endotype.reports import language

CODE = "zh"
"""The language that is replaced: the configuration has to know it."""

SPOKEN = ("aria-label", "aria-roledescription", "alt", "data-label", "placeholder", "title")
"""Attributes that a reader sees or hears."""

_BRACKETS = re.compile("^[^⟦⟧]*⟧|⟦[^⟦⟧]*(?:⟧|$)")
"""Pictures break their texts into lines, so that a bracket may be open at the end of one."""

_WORD = re.compile(r"[^\W\d_]{3,}")


@contextmanager
def pseudo_language() -> Iterator[None]:
    """Inside, :data:`CODE` is the language in brackets; its catalogue says which messages there are."""
    messages = {}
    for message in language.read_catalogue(CODE):
        one, many = message.id if isinstance(message.id, tuple | list) else (message.id, message.id)
        if one:
            messages[one] = _in_brackets(many)
    with mock.patch.object(language, "_messages", lambda code: messages if code == CODE else {}):
        _forget()
        try:
            yield
        finally:
            _forget()


def outside(page: str) -> list[str]:
    """What stands outside of brackets in the texts of a page and in the data for its scripts, if it has a
    word of three letters."""
    parser = _Texts()
    parser.feed(page)
    left = (_BRACKETS.sub(" ", text) for text in parser.texts)
    return sorted({" ".join(text.split()) for text in left if _WORD.search(text)})


def _in_brackets(message: str) -> str:
    """The fixed parts of a message in brackets; what is filled in stays outside."""
    parts = []
    for fixed, name, spec, conversion in Formatter().parse(message):
        parts.append(f"⟦{fixed}⟧" if fixed else "")
        if name is not None:
            parts.append(f"{{{name}{f'!{conversion}' if conversion else ''}{f':{spec}' if spec else ''}}}")
    return "".join(parts)


def _forget() -> None:
    language._known.cache_clear()
    language._patterns.cache_clear()


class _Texts(HTMLParser):
    """Texts between tags but those of pictures that other stages drew, of attributes, and of data islands."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts += [value for name, value in attrs if name in SPOKEN and value]
        if tag not in ("meta", "img", "br"):
            self._open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tag, attributes = self._open[-1] if self._open else ("", {})
        if tag == "script" and attributes.get("type") == "application/json":
            self._island(json.loads(data), str(attributes["id"]))
        elif tag not in ("script", "style") and not any(a.get("class") == "frame" for _, a in self._open):
            self.texts.append(data)

    def _island(self, content: dict, name: str) -> None:
        if name == "words":
            self.texts += [re.sub(r"\{\w+\}", "", text) for text in content.values()]
        elif name.startswith("rows-"):
            self.texts.append(content["noun"])
            for column in content["columns"]:
                self.texts += [column["label"], column.get("choice", ""), *column.get("groups", [])]
                self.texts += [cell.get(part, "") for cell in column["cells"] for part in ("t", "n")]
                self.texts += [cell.get("w", cell.get("c", "")) for cell in column["cells"]]
