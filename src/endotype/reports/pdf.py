"""``report.pdf``: a patient's report set in pages by typst, the same bytes for the same report.

The report goes to the template as data (JSON in ``sys.inputs``), never as typst source: nothing that it holds
can be markup. The file is tagged for screen readers and checked by typst as PDF/UA-1; it holds no date and
no random id, and needs neither the network nor a font of the machine.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import typst

from endotype.axes import INK
from endotype.reports import fonts
from endotype.reports.blocks import texts
from endotype.reports.document import document
from endotype.reports.inputs import Row
from endotype.reports.language import ENGLISH, N_, _, language, language_tag

TEMPLATE = Path(__file__).parent / "templates/report.typ"

_STRIP = re.compile(r'width="100%" height="(\d+)"')
_MARGIN = 7
_UNSETTABLE = N_(
    "Characters that no font of this form has are written as their number, [U+0E01] for one; report.html and "
    "report.json have them as they are."
)


def report_pdf(report: Row) -> bytes:
    """``report.json`` as PDF."""
    return _compile(report, "pdf", pdf_standards=["ua-1"])[0]


def report_pictures(report: Row, ppi: float = 72) -> list[bytes]:
    """The pages of :func:`report_pdf` as PNG, to look at."""
    return _compile(report, "png", ppi=ppi)


def _compile(report: Row, form: Any, **options: Any) -> list[bytes]:
    said = _prepared(document(report))
    lines = list(texts([said]))
    said["language"], _dash, said["region"] = language_tag().partition("-")
    said["fonts"], said["mono"] = fonts.families(), [fonts.MONO, *fonts.families()]
    said["unsettable"] = _(_UNSETTABLE) if any("[U+" in line for line in lines) else ""
    made = _compiler().compile(
        format=form, sys_inputs={"report": json.dumps(said, ensure_ascii=False)}, timestamp=0, **options
    )
    return [bytes(page) for page in made] if isinstance(made, list) else [bytes(made or b"")]


@cache
def _compiler() -> typst.Compiler:
    """One for all reports of a process: fonts are read and the template is parsed once."""
    found = typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(folder) for folder in fonts.folders()],
    )
    return typst.Compiler(
        str(TEMPLATE), root=str(TEMPLATE.parent), font_paths=found, ignore_system_fonts=True
    )


_CODES = frozenset({"id", "kind", "s", "style", "tone", "href", "chapter", "look"})
"""Parts of blocks that are no texts."""


def _prepared(value: Any, key: str = "") -> Any:
    """The document with texts that can be set and broken, and pictures that can stand alone."""
    if isinstance(value, dict):
        if "svg" in value:
            picture = _standing_alone(value["svg"], value["width"])
            return value | {"svg": picture, "alt": fonts.settable(value["alt"])}
        return {name: _prepared(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_prepared(part) for part in value]
    if isinstance(value, str) and key not in _CODES:
        return fonts.breakable(fonts.settable(value))
    return value


def _standing_alone(svg: str, width: float) -> str:
    """A picture made for a page, with what it has there from the page: its namespace, its width, its font.

    A strip, whose width is that of its place, keeps a margin for the marks that stand over its ends.
    """
    head, _, body = svg[len("<svg") :].partition(">")
    families = fonts.LATIN if language() == ENGLISH else ", ".join(fonts.families())
    look = f'xmlns="http://www.w3.org/2000/svg" font-family="{families}" font-size="12" fill="{INK}"'
    height = _STRIP.search(head)
    if height is None:
        return f"<svg {look}{head}>{body}"
    inner = f'<svg x="{_MARGIN}" width="{width - 2 * _MARGIN:g}" height="{height[1]}" overflow="visible">'
    return f'<svg {look} width="{width:g}" height="{height[1]}">{inner}{body}</svg>'
