"""Which words may name a patient or a sample.

An id becomes a file name, a word in a shell command and a cell of a spreadsheet, so the pattern is strict:
letters, digits, ``_``, ``.`` and ``-``, beginning with a letter or digit, at most 64 characters.
Nothing is repaired silently; :func:`fold` says which ids a person would take for the same.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
ID_RULE = "letters, digits, '_', '.', '-', beginning with a letter or digit, at most 64 characters"

_INVISIBLE = dict.fromkeys(
    [0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)


def is_id(text: str) -> bool:
    """Whether ``text`` may be used as an id as it stands."""
    return ID_PATTERN.fullmatch(text) is not None


def strip_invisible(text: str) -> str:
    """``text`` in NFKC without zero-width and bidirectional characters and outer white space."""
    return unicodedata.normalize("NFKC", text).translate(_INVISIBLE).strip()


def fold(text: str) -> str:
    """A key that is equal for ids that differ only by case, blanks, invisible characters or leading zeros.

    ``"P-007"``, ``"p-7"`` and ``"P-007 "`` share one key. Used to find near misses, never to join.
    """
    folded = re.sub(r"\s+", "", strip_invisible(text)).casefold()
    return re.sub(r"(?<!\d)0+(?=\d)", "", folded)


def file_word(text: str) -> str:
    """A word for file names that stands for ``text``: itself if it is an id, else a legible one of its own.

    Characters that an id can't have become ``_``, and eight digits of the text's SHA-256 keep words of
    different texts apart: ``LDL/HDL ratio`` is ``LDL_HDL_ratio-418b29d1``.
    """
    if is_id(text):
        return text
    legible = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")[:40]
    return "-".join(
        filter(None, [legible, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]])
    )
