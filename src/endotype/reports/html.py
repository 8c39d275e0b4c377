"""HTML renderings: one self-contained file, readable without scripts, on a phone and on paper."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from endotype.reports import svg
from endotype.reports.language import _, between_sentences, language, ngettext
from endotype.reports.text import FILTERS, clean

CONTENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)
"""What a page may load: nothing but its own styles and pictures inside it."""


def render(template: str, **values: Any) -> str:
    """Fill a template of ``templates/``. Values are escaped; a missing value is an error, never a blank."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("endotype.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= FILTERS | {"emphasise": emphasise}
    assert environment.loader is not None
    # The style sheet is a file of ours, never patient text: embedded as it stands.
    style = Markup(environment.loader.get_source(environment, "style.css")[0])
    environment.globals |= {"svg": svg, "style": style, "content_policy": CONTENT_POLICY}
    environment.globals |= {
        "_": _,
        "ngettext": ngettext,
        "language": language,
        "between_sentences": between_sentences,
    }
    return environment


def emphasise(text: str, *parts: str) -> Markup:
    """``text`` with some of its words in bold, wherever a translation puts them."""
    shown = escape(clean(text))
    for part in parts:
        word = escape(clean(part))
        shown = shown.replace(word, Markup("<b>{}</b>").format(word), 1)
    return shown


def _visible(value: Any) -> Any:
    """Every value on its way to the page; markup comes from our own ``svg`` and is clean."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value
