"""Texts of reports in the language of the run: a gettext catalogue per language, English beside the code.

The English text stands in the code and is the key of its translation in ``locale/{language}.po``; what is
filled in is named, so that a translation may put it elsewhere::

    _("{count} of {total} people", count=3, total=9)
    ngettext("{n:,} gene", "{n:,} genes", 3)

A text that an earlier stage wrote into a result file is English there. :func:`known` translates such a text
by its pattern, if that stage has marked it with :func:`N_`; any other text is shown as it is written.

A test extracts every message and holds the catalogues to them: ``scripts/update_catalogue.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from pathlib import Path
from string import Formatter
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from endotype.message import N_

__all__ = ["ENGLISH", "LANGUAGES", "N_", "_", "in_language", "known", "language", "ngettext", "sentences"]

ENGLISH = "en"
LANGUAGES = {"en": "English", "zh": "简体中文"}
"""Languages that reports can be written in, with their own names."""

_TAGS = {"en": "en", "zh": "zh-CN"}
_BETWEEN_SENTENCES = {"en": " ", "zh": ""}

LOCALE = Path(__file__).parent / "locale"

SENTENCE = "{sentence}."
"""A message: how a language ends a sentence."""

_current: ContextVar[str] = ContextVar("language", default=ENGLISH)


@contextmanager
def in_language(code: str) -> Iterator[None]:
    """Write every text inside in a language of :data:`LANGUAGES`."""
    token = _current.set(code)
    try:
        yield
    finally:
        _current.reset(token)


def language() -> str:
    """The code of the language that texts are written in now."""
    return _current.get()


def language_tag() -> str:
    """The tag of the current language after BCP 47, with the country whose script it is written in."""
    return _TAGS[_current.get()]


def between_sentences() -> str:
    """What the current language puts between one sentence and the next."""
    return _BETWEEN_SENTENCES[_current.get()]


def sentences(*parts: str | None) -> str:
    """Sentences one after the other, as the current language sets them; empty ones are left out."""
    return between_sentences().join(part for part in parts if part)


def _(message: str, /, **values: Any) -> str:
    """``message`` in the current language, filled with ``values`` by their names.

    A message without a translation stays English: a reader of a second language is better served by it than
    by nothing. A test keeps the catalogues whole.
    """
    translated = _messages(_current.get()).get(message, message)
    return translated.format(**values) if values else translated


def ngettext(one: str, many: str, n: int, /, **values: Any) -> str:
    """The form of a message for a count, which is filled in as ``n``."""
    translated = _messages(_current.get()).get(one)
    if translated is None:
        translated = one if n == 1 else many
    return translated.format(n=n, **values)


def known(text: str) -> str:
    """A text of a result file in the current language, as far as the catalogue knows its pattern.

    Patterns are tried as whole texts, those that begin with a word of theirs and the longest first; what
    they hold is translated in the same way. A field that is converted or formatted, as ``{n!s}`` or
    ``{p:.3f}``, holds no blank, and no field the end of a sentence. Of a sentence whose pattern has no
    full stop, the current language's is put back; of several sentences, and of the parts of a list, each must
    be known.
    """
    return text if _current.get() == ENGLISH else _known(_current.get(), text)


@lru_cache(maxsize=20_000)
def _known(code: str, text: str) -> str:
    told = _whole(code, text)
    if told is None:
        told = _joined(code, _SENTENCES.split(text))
    return text if told is None and (told := _listed(code, text)) is None else told


def _whole(code: str, text: str) -> str | None:
    """The translation of a text that is one message, ``None`` if it is none."""
    exact = _messages(code).get(text)
    if exact is not None:
        return exact
    for pattern, translated in _patterns(code):
        if found := pattern.fullmatch(text):
            return _filled(translated, {k: _known(code, v) for k, v in found.groupdict().items()})
    if text.endswith(".") and (inside := _whole(code, text[:-1])) is not None:
        return _messages(code).get(SENTENCE, SENTENCE).format(sentence=inside)
    return None


def _listed(code: str, text: str) -> str | None:
    """The translation of a list of which every part is known."""
    for separator in ("; ", ", "):
        told = [_whole(code, part) for part in text.split(separator)]
        if len(told) > 1 and None not in told:
            return _messages(code).get(separator, separator).join(filter(None, told))
    return None


def _joined(code: str, parts: list[str]) -> str | None:
    """The translation of sentences that are several messages one after the other."""
    for i in range(len(parts) - 1, 0, -1):
        first = _whole(code, " ".join(parts[:i]))
        if first is not None:
            rest = _whole(code, " ".join(parts[i:])) or _joined(code, parts[i:])
            if rest is not None:
                return first + rest
    return None


@cache
def _messages(code: str) -> dict[str, str]:
    """Translations by message; a plural message by its singular (the languages here have one form)."""
    if code == ENGLISH:
        return {}
    found = {}
    for message in read_catalogue(code):
        texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
        key = message.id[0] if isinstance(message.id, tuple | list) else message.id
        if key and texts[0] and not message.fuzzy:
            found[str(key)] = str(texts[0])
    return found


def read_catalogue(code: str) -> Catalog:
    """The catalogue of a language, as translators edit it."""
    with (LOCALE / f"{code}.po").open("rb") as file:
        return read_po(file, locale=code)


def _filled(translated: str, values: dict[str, str]) -> str:
    return _BARE.sub(lambda field: values[field[1]], translated)


_SENTENCES = re.compile(r"(?<=\.)(?<! al\.) (?=[A-Z0-9])")
_BARE = re.compile(r"\{([A-Za-z_]\w*)[^{}]*\}")


@cache
def _patterns(code: str) -> list[tuple[re.Pattern[str], str]]:
    """Messages with fields as patterns of whole texts, the most telling first.

    Only those that :func:`N_` marks: ``gene {gene}`` of a page would match a column called ``gene_count``.
    """
    found = []
    of_results = [str(m.id) for m in read_catalogue(code) if OF_RESULT in m.auto_comments]
    for message, translated in ((m, _messages(code)[m]) for m in of_results if m in _messages(code)):
        parts = list(Formatter().parse(message))
        names = [name for _fixed, name, _spec, _conversion in parts if name]
        fixed = "".join(part for part, *_rest in parts)
        if names and len(set(names)) == len(names) and _WORD.search(fixed):
            pattern = "".join(re.escape(part) + _as_pattern(*field) for part, *field in parts)
            order = (message.startswith("{"), -len(fixed), message)
            found.append((order, re.compile(pattern, re.DOTALL), translated))
    return [(pattern, translated) for _order, pattern, translated in sorted(found, key=lambda f: f[0])]


def _as_pattern(name: str | None, spec: str | None, conversion: str | None) -> str:
    if not name:
        return ""
    if spec or conversion:
        return f"(?P<{name}>\\S*[^\\s.])"
    return rf"(?P<{name}>(?:(?!\. [A-Z0-9]).)+?)"


OF_RESULT = "A text that results hold."
"""What the catalogue says of a message that :func:`N_` marks."""

_WORD = re.compile(r"[^\W\d_]{4}|[^\W\d_]+ [^\W\d_]+")
"""A word, or two short ones, that a message needs to be a pattern: ``{n} of {total}`` fits too much."""
