"""Sentences of a page with a link or an emphasis in them, in whatever order a language has them."""

from __future__ import annotations

import html
from typing import Any

from markupsafe import Markup

from endotype.reports.text import clean


def rich(text: str, /, **values: Any) -> Markup:
    """A text of the catalogue between tags, filled with values; only :class:`Markup` is taken as markup."""
    return Markup(html.escape(text, quote=False)).format(**{k: _shown(v) for k, v in values.items()})


def link(address: str, text: str) -> Markup:
    """A link to a place of this page or to a file beside it."""
    return Markup('<a href="{}">{}</a>').format(_shown(address), _shown(text))


def code(text: str) -> Markup:
    """An identifier, set in type of one width."""
    return Markup('<span class="code">{}</span>').format(_shown(text))


def emphasis(text: str) -> Markup:
    """A text that is stressed."""
    return Markup("<em>{}</em>").format(_shown(text))


def _shown(value: Any) -> Any:
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value
