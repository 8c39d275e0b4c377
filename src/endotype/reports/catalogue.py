"""Keeps the catalogues of translations in step with the texts of the code and of the templates."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TypeGuard

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from endotype.reports.language import ENGLISH, LANGUAGES, LOCALE, OF_RESULT, read_catalogue

PACKAGE = Path(__file__).parents[1]
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}
METHODS = [("**.py", "python"), ("**.html", "jinja2.ext.babel_extract")]
OPTIONS = {"**.html": {"trimmed": "true", "silent": "false"}}
WIDTH = 110


def extract() -> Catalog:
    """Every message of the package, without translations, sorted by text."""
    template = Catalog(charset="utf-8")
    found = extract_from_dir(PACKAGE, METHODS, OPTIONS, KEYWORDS, ("Translators:",))
    of_results = marked()
    for _file, _line, message, comments, context in found:
        comments = [*comments, OF_RESULT] if message in of_results else comments
        template.add(message, auto_comments=comments, context=context)
    return template


def marked() -> set[str]:
    """The messages that :func:`~endotype.message.N_` marks: patterns of what results hold."""
    texts = (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    calls = (node for text in texts if "N_(" in text for node in ast.walk(ast.parse(text)) if _is_mark(node))
    return {str(call.args[0].value) for call in calls if isinstance(call.args[0], ast.Constant)}


def _is_mark(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "N_"


def update(code: str) -> Catalog:
    """The catalogue of a language with the messages of today; those that left the code are dropped."""
    template, old = extract(), read_catalogue(code)
    fresh = Catalog(locale=code, charset="utf-8", fuzzy=False, header_comment=f"# {LANGUAGES[code]}")
    fresh.revision_date = fresh.creation_date = old.creation_date
    for message in template:
        if message.id:
            before = old.get(message.id)
            told = before.string if before else None
            if isinstance(told, str) and message.pluralizable:
                told = (told,)  # a text that has become one for a count
            fresh.add(message.id, told, auto_comments=message.auto_comments)
    return fresh


def write_catalogues(folder: Path = LOCALE) -> list[str]:
    """Write the catalogue of every language anew, and say of each how much of it is translated."""
    said = []
    for code in [code for code in LANGUAGES if code != ENGLISH]:
        catalogue = update(code)
        with (folder / f"{code}.po").open("wb") as file:
            write_po(file, catalogue, width=WIDTH, no_location=True, sort_output=True, omit_header=True)
        missing = [message for message in catalogue if message.id and not any_text(message.string)]
        said.append(f"{code}: {len(catalogue)} messages, {len(missing)} without a translation")
    return said


def any_text(string: str | tuple[str, ...] | list[str] | None) -> bool:
    """Whether a message has a translation."""
    return all(string) if isinstance(string, tuple | list) and string else bool(string)
