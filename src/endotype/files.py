"""Writing so that a crash leaves no half file, and naming files by their content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from endotype.errors import input_error


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its name when the block ends without an error.

    The temporary name keeps all suffixes of the final one, because programs choose formats by them.
    On an error the temporary file is removed and ``path`` is as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tmp-", suffix="-" + path.name)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text under its final name at once."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def to_json(value: Any, indent: int | None = 2) -> str:
    """Canonical JSON: sorted keys, two spaces, UTF-8; NaN and infinity are errors, never ``NaN``.

    Without ``indent`` it is one line, several times smaller and faster: for files that only machines read.
    """
    separators = None if indent else (",", ":")
    return (
        json.dumps(
            value,
            sort_keys=True,
            indent=indent,
            separators=separators,
            ensure_ascii=False,
            allow_nan=False,
        )
        + "\n"
    )


def write_json(path: str | Path, value: Any, indent: int | None = 2) -> None:
    """Write :func:`to_json` of ``value`` under its final name at once."""
    write_text(path, to_json(value, indent))


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def sha256_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes, read in blocks."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


_BLOCK = 64 * 1024
_BLOCKS = 32


def fingerprint(path: str | Path) -> str:
    """SHA-256 of a file's size and of blocks from its beginning to its end.

    32 blocks of 64 KiB, evenly spaced, the first and the last among them; so a file of up to 2 MiB is read
    whole, and one of 100 GB takes no longer. It tells that a file was replaced, cut off or written again; it
    isn't proof against someone who changes single bytes on purpose (:func:`sha256_file` is).

    Raises:
        OSError: the file can't be read.
    """
    with Path(path).open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        digest = hashlib.sha256(size.to_bytes(8, "little"))
        last = max(size - _BLOCK, 0)
        for block in range(_BLOCKS):
            stream.seek(last * block // (_BLOCKS - 1))
            digest.update(stream.read(_BLOCK))
    return digest.hexdigest()


def content_digest(paths: Iterable[str | Path]) -> str:
    """16 hex digits over the names and the :func:`fingerprint` of files, whatever their order.

    A file that is not there counts as such.
    """
    digest = hashlib.sha256()
    for path in sorted({str(path) for path in paths}):
        held = fingerprint(path) if Path(path).is_file() else "none"
        digest.update(f"{path}\0{held}\0".encode())
    return digest.hexdigest()[:16]


def check_unchanged(path: str | Path, expected: str) -> None:
    """See that a file is the one whose :func:`fingerprint` was taken when the input was checked.

    Raises:
        InputError: it is gone, or another file than it was.
    """
    try:
        found = fingerprint(path)
    except OSError as error:
        reason = f"a file that can't be read any more ({error.strerror})"
    else:
        if found == expected:
            return
        reason = "another content than when the input was checked"
    raise input_error(
        path, reason, "the same file until the run is finished", "run again: the input is checked anew"
    )
