"""Faults of the machine, not of the input or the program: what they mean and what to do.

A full disk, a quota, a folder that can't be written: the run is stopped by them but nothing of it is wrong.
Every result takes its name only when it is complete (:mod:`endotype.files`), so that the same command goes on
from there.
"""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

EXIT_MACHINE = 3
"""Exit code of a command that the machine stopped; running it again may succeed."""

_MEANINGS = {
    errno.ENOSPC: ("the disk is full", "free space, or point TMPDIR at a larger disk if it is named here"),
    errno.EDQUOT: ("the disk quota is used up", "free space or ask for more"),
    errno.EROFS: ("the file system is read-only", "choose a working directory that can be written"),
    errno.EACCES: ("permission denied", "see who owns the file and its folder"),
    errno.EPERM: ("permission denied", "see who owns the file and its folder"),
    errno.EIO: ("the disk or the network file system reports an error", "see the system's log"),
    errno.ESTALE: ("the network file system lost the file", "mount it again"),
    errno.EMFILE: ("too many files are open", "raise the limit: ulimit -n 4096"),
    errno.ENFILE: ("too many files are open on this machine", "close other programs"),
    errno.ENOMEM: ("there is no memory left", "give the step more memory, or run fewer at once"),
    errno.EFBIG: ("a file is larger than the limit of the system or of ulimit -f", "raise the limit"),
}
_BY_TEXT = {os.strerror(number).casefold(): number for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)}


def explain(error: BaseException) -> str | None:
    """A sentence on a fault of the machine and the way out, or ``None`` for any other error.

    Libraries wrap the system's error in their own and in an ``OSError`` without a number; a full disk, a
    quota and a read-only file system are told by the system's words for them as well.
    """
    number = _number(error)
    if number is None:
        if not _lost_scratch(error):
            return None
        meaning, hint = "the folder of scratch files is gone", "point TMPDIR at one that stays"
    else:
        meaning, hint = _MEANINGS[number]
    name = getattr(error, "filename", None)
    place = f"{name}: " if isinstance(name, str) else ""
    detail = "" if place or not str(error) else f" ({' '.join(str(error).split())[:300]})"
    return (
        f"{place}{meaning}{detail}.\n"
        f"  -> {hint}; then run the same command again: finished steps are kept, and no half file was left."
    )


def _lost_scratch(error: BaseException) -> bool:
    """Whether a file could not be found because the folder of scratch files was taken away during the run."""
    scratch = Path(tempfile.gettempdir())
    name = getattr(error, "filename", None)
    return (
        isinstance(error, FileNotFoundError)
        and isinstance(name, str)
        and scratch in Path(name).parents
        and not scratch.is_dir()
    )


def _number(error: BaseException) -> int | None:
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, OSError) and error.errno in _MEANINGS:
        return error.errno
    text = str(error).casefold()
    return next((number for words, number in _BY_TEXT.items() if words in text), None)
