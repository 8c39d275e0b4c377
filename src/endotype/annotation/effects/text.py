"""Text made in bytes: what the writers of names and codons share, and Arrow strings of the bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
import pyarrow as pa


@numba.njit(cache=True)
def put_int(out: np.ndarray, at: int, number: int) -> int:
    """Write a number of zero or more in decimal; returns where it ends."""
    digits = 1
    ten = 10
    while number >= ten:
        digits += 1
        ten *= 10
    for q in range(at + digits - 1, at - 1, -1):
        out[q] = 48 + number % 10
        number //= 10
    return at + digits


@numba.njit(cache=True)
def put(out: np.ndarray, at: int, word: np.ndarray) -> int:
    """Write bytes; returns where they end."""
    for q in range(len(word)):
        out[at + q] = word[q]
    return at + len(word)


def letters(text: str) -> np.ndarray:
    """The bytes of a text, for a kernel."""
    return np.frombuffer(text.encode(), np.uint8).copy()


def joined(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of texts, and where each begins, shape (n + 1,)."""
    encoded = [text.encode() for text in texts]
    offset = np.cumsum([0, *map(len, encoded)]).astype(np.int64)
    return offset, np.frombuffer(b"".join(encoded) or b"\0", np.uint8)


def string_array(offset: np.ndarray, data: np.ndarray, valid: np.ndarray | None = None) -> pa.StringArray:
    """An Arrow array of strings; null where not ``valid``."""
    mask = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.StringArray.from_buffers(
        len(offset) - 1, pa.py_buffer(offset.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(data)), mask
    )


def chosen(texts: Sequence[str], index: np.ndarray, valid: np.ndarray | None = None) -> pa.StringArray:
    """``texts[i]`` for each ``i`` of ``index``; null where not ``valid``, and where the text is empty."""
    words = pa.array([text or None for text in texts], pa.string())
    numbers = pa.array(index, mask=None if valid is None else ~valid)
    return words.take(numbers)
