"""What the pictures of subtypes share: a file of their own, an image inside it, labels that don't collide."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from endotype.axes import INK, fit
from endotype.visible import clean

NO_CALL = "no call"
"""Group of those who were called to no subtype."""

PALE = "#f0f3f5"
LETTER = 7.6
"""Width of a letter; more than that of most, so that names fit."""

NAME_LETTERS = 16
"""Letters of a subtype's name that a picture shows."""

_XMLNS = 'xmlns="http://www.w3.org/2000/svg"'
_FONT = 'font-family="Arial, \'Liberation Sans\', sans-serif" font-size="12"'


def standalone(markup: Markup) -> str:
    """An inline SVG as a file: the same elements, with the name space and the style of the page around it."""
    # Of plain text: Markup would escape the attributes.
    return str(markup).replace("<svg ", f'<svg {_XMLNS} {_FONT} fill="{INK}" ', 1) + "\n"


def text(x: float, y: float, words: str, anchor: str = "start", letters: int = 40, more: str = "") -> str:
    """A line of text, escaped and cut to so many letters; ``more`` are further attributes, of ours only."""
    end = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}"{end}{more}>{escape(fit(clean(words), letters))}</text>'


def names_width(names: Sequence[str], letters: int) -> float:
    """How wide names of at most so many letters are at the size of the page."""
    return LETTER * max((min(len(name), letters) for name in names), default=0)


def image(levels: np.ndarray, colours: np.ndarray, x: float, y: float, width: float, height: float) -> str:
    """Cells of a matrix as an embedded PNG, cells kept sharp.

    Args:
        levels: uint8, shape (rows, columns): which colour each cell has.
        colours: uint8, shape (n, 3), n at most 256.
        x, y, width, height: where it stands.
    """
    data = base64.b64encode(_png(levels, colours)).decode("ascii")
    return (
        f'<image x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" preserveAspectRatio="none"'
        f' image-rendering="pixelated" href="data:image/png;base64,{data}"/>'
    )


def shades(n: int, dark: tuple[int, int, int] = (18, 53, 91)) -> np.ndarray:
    """Colours from white to dark, uint8, shape (n, 3); lightness alone tells them apart, in grey as well."""
    share = np.linspace(0, 1, n)[:, None]
    middle, end = np.array([118, 169, 196]), np.array(dark)
    low = 255 + (middle - 255) * np.minimum(2 * share, 1)
    return np.rint(low + (end - middle) * np.maximum(2 * share - 1, 0)).astype(np.uint8)


def headings(names: Sequence[str], centres: Sequence[float], y: float, room: float) -> str:
    """Names above columns: level where each has ``room``, else slanting, from ``y`` upwards."""
    if slanting(names, room):
        return "".join(
            text(
                x,
                y,
                name,
                "start",
                NAME_LETTERS,
                f' font-weight="600" transform="rotate(-40 {x:.1f} {y:.1f})"',
            )
            for name, x in zip(names, centres, strict=True)
        )
    return "".join(
        text(x, y, name, "middle", NAME_LETTERS, ' font-weight="600"')
        for name, x in zip(names, centres, strict=True)
    )


def slanting(names: Sequence[str], room: float) -> bool:
    """Whether names need more than the ``room`` of their columns."""
    return names_width(names, NAME_LETTERS) * 1.1 > room


def headings_height(names: Sequence[str], room: float) -> float:
    """What :func:`headings` take above their foot."""
    if not slanting(names, room):
        return 14.0
    return 12.0 + 0.65 * names_width(names, NAME_LETTERS)


def spread(centres: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places of labels, near ``centres`` (ascending), at least ``gap`` apart and within ``low .. high``.

    Where there is no room for all of them they are evenly spaced.
    """
    n = len(centres)
    if n == 0:
        return []
    if (n - 1) * gap >= high - low:
        return [low + (high - low) * i / max(n - 1, 1) for i in range(n)]
    placed: list[float] = []
    for centre in centres:
        placed.append(max(centre, low, placed[-1] + gap if placed else low))
    last = high
    for i in range(n - 1, -1, -1):
        placed[i] = min(placed[i], last)
        last = placed[i] - gap
    return placed


def _png(levels: np.ndarray, colours: np.ndarray) -> bytes:
    """An indexed PNG (ISO/IEC 15948), no filter, no metadata."""
    height, width = levels.shape
    rows = np.hstack([np.zeros((height, 1), np.uint8), levels.astype(np.uint8)])
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", colours.astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    ]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
