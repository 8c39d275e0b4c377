"""Is a file there, how is it compressed, and is it whole?"""

from __future__ import annotations

import gzip
import itertools
import zlib
from pathlib import Path
from typing import BinaryIO

from endotype.errors import InputError, input_error, nearest

BGZF_EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block with which every whole BGZF file ends (SAM specification, section 4.1.2)."""

DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)
"""What reading a damaged gzip file raises."""


def compression_of(path: str, expected: str = "a VCF or BCF file") -> str:
    """``plain``, ``gzip`` or ``bgzf``; raises for a file that is missing, empty or cut off.

    ``expected`` is what such an error says the file should be.
    """
    file = Path(path)
    if file.is_dir():
        raise input_error(path, "a folder", expected)
    try:
        with file.open("rb") as stream:
            head = stream.read(18)
            size = stream.seek(0, 2)
            stream.seek(max(0, size - len(BGZF_EOF)))
            tail = stream.read()
    except FileNotFoundError:
        raise input_error(path, "no such file", expected, _sibling(file)) from None
    except PermissionError:
        raise input_error(path, "a file that may not be read", expected) from None
    except OSError as error:
        raise input_error(path, f"a file that can't be read ({error.strerror})", expected) from None
    if not size:
        raise input_error(path, "an empty file (0 bytes)", expected)
    if not head.startswith(b"\x1f\x8b"):
        return "plain"
    if head[3:4] == b"\x04" and head[12:14] == b"BC":
        if tail != BGZF_EOF:
            raise input_error(
                path,
                "a truncated file (the BGZF end-of-file block is missing)",
                "a whole bgzip file",
                "copy or make the file again",
            )
        return "bgzf"
    return "gzip"


def _sibling(file: Path) -> str:
    """A file of nearly the same name in the same folder."""
    try:
        names = sorted(p.name for p in itertools.islice(file.parent.iterdir(), 5000))
    except OSError:
        return f"the folder {file.parent} doesn't exist or can't be read"
    match = nearest(file.name, names)
    return f"did you mean {match}?" if match else ""


def open_stream(path: str, compression: str) -> BinaryIO:
    """The bytes of a file, decompressed as :func:`compression_of` says."""
    return Path(path).open("rb") if compression == "plain" else gzip.open(path, "rb")  # type: ignore[return-value]


def index_of(path: str) -> str | None:
    """The ``.tbi`` or ``.csi`` beside a file, or ``None``."""
    return next((path + suffix for suffix in (".tbi", ".csi") if Path(path + suffix).is_file()), None)


def damaged(path: str, error: Exception) -> InputError:
    """The problem that stands behind one of :data:`DAMAGED`."""
    found = "a truncated file" if isinstance(error, EOFError) else "a damaged file"
    return input_error(
        path, f"{found} (decompression failed: {error})", "a whole file", "copy or make the file again"
    )
