"""The fonts that a PDF is set in, and the characters that they have.

All come from packages of the locked environment, never from the machine, so that the same report is the same
bytes everywhere: DejaVu Sans from matplotlib (Latin, Greek, Cyrillic, Hebrew, Arabic, Armenian, Georgian,
signs), and Noto Sans SC from ``pylopdf-fonts-zh-cn`` where it is installed (Chinese, kana).
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font

LATIN, MONO, CHINESE = "DejaVu Sans", "DejaVu Sans Mono", "Noto Sans SC"

_CHINESE_PACKAGE = "pylopdf_fonts_zh_cn"
_CHINESE_FILE = "NotoSansSC-Regular.otf"
_LONG = 18
_LONG_WORD = re.compile(rf"\S{{{_LONG + 1},}}")
_PLACE_TO_BREAK = re.compile(r"(?<=[_:/.,;>)&=+|-])(?=\w)")


def folders() -> list[Path]:
    """The folders of the fonts that are there; that of Latin first."""
    found = [Path(matplotlib.get_data_path()) / "fonts/ttf"]
    chinese = importlib.util.find_spec(_CHINESE_PACKAGE)
    if chinese is not None and chinese.submodule_search_locations:
        found.append(Path(chinese.submodule_search_locations[0]))
    return found


def families() -> list[str]:
    """Names of the families of a text, the first that has a character sets it."""
    return [LATIN, *([CHINESE] if len(folders()) > 1 else [])]


@cache
def characters() -> frozenset[str]:
    """Every character that can be set, upright and bold."""
    latin, *chinese = folders()
    upright, bold = (_characters(latin / name) for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"))
    further = (_characters(folder / _CHINESE_FILE) for folder in chinese)
    return (upright & bold).union(*further, " ")


def settable(text: str) -> str:
    """``text`` with each character that no font has as ``[U+0E01]``: seen by the reader, never left out."""
    if text.isascii():
        return text
    known = characters()
    return "".join(c if c in known else f"[U+{ord(c):04X}]" for c in text)


def breakable(text: str) -> str:
    """``text`` with zero-width spaces where its long words may be broken, so that none leaves its column."""
    return _LONG_WORD.sub(lambda word: _broken(word[0]), text)


def _broken(word: str) -> str:
    parts = _PLACE_TO_BREAK.sub("\u200b", word).split("\u200b")
    pieces = [part[i : i + _LONG] for part in parts for i in range(0, len(part), _LONG)]
    return "\u200b".join(pieces)


def _characters(path: Path) -> frozenset[str]:
    return frozenset(map(chr, FT2Font(str(path)).get_charmap()))
