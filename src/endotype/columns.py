"""How wide a text is drawn: a Chinese, Japanese or Korean character takes the room of two Latin ones."""

from __future__ import annotations

import textwrap
import unicodedata

_CLOSING = "，。、；：！？）”’》」』〕】%"
_OPENING = "（“‘《「『〔【"


def columns(text: str) -> int:
    """Columns of a text; a character that Unicode (Standard Annex 11) calls wide, W or F, counts two."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def cut(text: str, limit: int) -> str:
    """``text``, or as much of it as ``limit`` columns hold, with an ellipsis at its end."""
    if columns(text) <= limit:
        return text
    shown = text[: limit - 1]
    while columns(shown) > limit - 1:
        shown = shown[:-1]
    return shown + "…"


def wrap(text: str, limit: int, indent: str = "", max_lines: int | None = None) -> list[str]:
    """``text`` in lines of ``limit`` columns, broken at spaces, and between characters that are two wide.

    No line starts with a closing mark or ends with an opening one.

    Args:
        text: what is to be wrapped.
        limit: columns of a line.
        indent: before every line but the first.
        max_lines: the last of so many lines ends with an ellipsis where there were more.
    """
    if columns(text) == len(text):
        return textwrap.wrap(text, limit, subsequent_indent=indent, max_lines=max_lines, placeholder="…")
    lines, line = [], ""
    for piece in _pieces(text):
        if line.strip() and columns(line + piece.rstrip()) > limit:
            lines.append(line.rstrip())
            line = indent
            piece = piece.lstrip()
        line += piece
    lines.append(line.rstrip())
    if max_lines is not None and len(lines) > max_lines:
        rest = lines[max_lines - 1] + "".join(line[len(indent) :] for line in lines[max_lines:])
        lines = [*lines[: max_lines - 1], cut(rest, limit)]
    return lines


def _pieces(text: str) -> list[str]:
    """What a line may be broken between, whole: a word with its space, a wide character with its marks."""
    found: list[str] = []
    for character in text:
        last = found[-1][-1] if found else " "
        wide = columns(character) == 2 and character not in _CLOSING
        ends = last.isspace() or (columns(last) == 2 and last not in _OPENING)
        stays = character.isspace() or character in _CLOSING or last in _OPENING
        if not found or (not stays and (wide or ends)):
            found.append(character)
        else:
            found[-1] += character
    return found
