"""The sha256 of all that a run made, in the form that ``sha256sum`` writes and checks."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from endotype.errors import InputError, Problem, input_error, visible
from endotype.files import sha256_file, write_text

APART = "provenance"
"""The folder that the manifest leaves out: it tells of the machine as well as of the data."""

NAME = f"{APART}/manifest.sha256"
CRATE = "ro-crate-metadata.json"
"""What describes the folder of results as a whole and lies in it for that reason; it is no result either."""

_LINE = re.compile(r"(\\?)([0-9a-f]{64})  (.+)")
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_READERS = 4


def write_manifest(results: str | Path, out: str | Path) -> None:
    """List every file under ``results`` but the provenance folder, in the form of ``sha256sum``."""
    root = Path(results)
    write_text(out, "".join(_line(name, digest) for name, digest in hash_files(root, result_files(root))))


def result_files(results: str | Path) -> list[str]:
    """Names, below ``results``, of every file that a manifest lists, sorted.

    Files whose name begins with a dot, or that of a folder above, are no results: half-written files, notes
    of Snakemake.
    """
    root = Path(results)
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file()
        and path.relative_to(root).parts[0] not in (APART, CRATE)
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    )


def read_manifest(path: str | Path) -> dict[str, str]:
    """Name -> sha256 of a file that :func:`write_manifest` wrote.

    Raises:
        InputError: no such file, or a line that is none of ``sha256sum``.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError:
        raise input_error(
            path, "no file that can be read", "the manifest of a finished run", "finish the run"
        ) from None
    except UnicodeDecodeError:
        raise input_error(path, "bytes that are not UTF-8", "lines of sha256sum") from None
    listed, problems = {}, []
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], 1):
        if match := _LINE.fullmatch(line):
            listed[_plain(match[3]) if match[1] else match[3]] = match[2]
        else:
            expected = "64 hexadecimal digits, two blanks, a name"
            problems.append(Problem(str(path), number, "", visible(line), expected))
    if problems:
        raise InputError(problems)
    if not listed:
        raise input_error(path, "no line", "the sha256 of every result")
    return listed


def hash_files(
    root: Path, names: Iterable[str], progress: Callable[[int, int], None] | None = None
) -> Iterator[tuple[str, str]]:
    """``(name, sha256)`` of files below ``root``, in the order of ``names``; several are read at a time.

    ``progress`` is called with the files and bytes done so far.
    """
    done = 0

    def digest(name: str) -> tuple[str, int]:
        path = root / name
        return sha256_file(path), path.stat().st_size

    names = list(names)
    with ThreadPoolExecutor(_READERS) as pool:
        for count, (name, (value, size)) in enumerate(zip(names, pool.map(digest, names), strict=True), 1):
            done += size
            if progress:
                progress(count, done)
            yield name, value


def progress_line(total: int, every: float = 2.0) -> Callable[[int, int], None]:
    """A ``progress`` for :func:`hash_files` that says on stderr, from time to time, how far it is."""
    last = time.monotonic()

    def show(files: int, size: int) -> None:
        nonlocal last
        if time.monotonic() - last >= every:
            last = time.monotonic()
            print(f"checked: {files:,} of {total:,} files, {size / 1e9:.1f} GB", file=sys.stderr, flush=True)

    return show


def _line(name: str, digest: str) -> str:
    escaped = "".join(_ESCAPES.get(character, character) for character in name)
    return f"{chr(92) if escaped != name else ''}{digest}  {escaped}\n"


def _plain(name: str) -> str:
    plain = {short: long for long, short in _ESCAPES.items()}
    return re.sub(r"\\[\\nr]", lambda match: plain[match[0]], name)
