"""REGENIE's ``_pred.list``: which file of predictions belongs to which trait."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from endotype.errors import InputError, Problem, input_error, nearest, visible


def read_prediction_list(path: str | Path) -> dict[str, Path]:
    """The .loco file of each trait in a ``_pred.list``.

    A relative path is taken from the folder of the list. A file that isn't there is looked for beside the
    list under its own name, and each name with ``.gz`` too.

    Raises:
        InputError: a line without two words, a trait twice, or a file that can't be found; all of them.
    """
    path = Path(path)
    found: dict[str, Path] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text_lines(path), 1):
        words = line.split(maxsplit=1)
        if not words:
            continue
        if len(words) != 2:
            problems.append(Problem(str(path), number, "", visible(line), "a trait and the path of its file"))
            continue
        trait, name = words[0], Path(words[1].strip())
        places = [path.parent / name, path.parent / name.name]
        choices = [c for place in places for c in (place, Path(f"{place}.gz"))]
        file = next((c for c in choices if c.is_file()), None)
        if trait in found:
            problems.append(Problem(str(path), number, "", f"{visible(trait)} again", "a trait once"))
        elif file is None:
            expected = f"a file, or {visible(name.name)} beside the list"
            problems.append(Problem(str(path), number, "", f"no file {visible(str(name))}", expected))
        else:
            found[trait] = file
    if not found and not problems:
        problems = input_error(path, "an empty file", "a line 'TRAIT PATH' for each trait").problems
    if problems:
        raise InputError(problems)
    return found


def predictions_of(files: dict[str, Path], trait: str, path: str | Path) -> Path:
    """The file of a trait in what :func:`read_prediction_list` read from ``path``.

    Raises:
        InputError: the list doesn't have the trait.
    """
    if trait not in files:
        raise input_error(path, f"no trait {visible(trait)}", "a line for it", nearest(trait, files))
    return files[trait]


def prediction_readers(section: Mapping[str, Any]) -> list[Callable[[], object]]:
    """Calls that read the list of the configuration's section ``association``; each raises InputError."""
    path = section["loco_predictions"]
    return [partial(read_prediction_list, path)] if path else []


def prediction_files(section: Mapping[str, Any]) -> list[str]:
    """The list of the section ``association`` and all files that it names."""
    path = section["loco_predictions"]
    return [path, *map(str, read_prediction_list(path).values())] if path else []


def text_lines(path: Path) -> Iterator[str]:
    """Lines of a text file, plain or gzip, one at a time."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8") as stream:
            yield from stream
    except FileNotFoundError:
        raise input_error(path, "no such file", "a readable file") from None
    except IsADirectoryError:
        raise input_error(path, "a folder", "a readable file") from None
    except UnicodeDecodeError:
        raise input_error(path, "bytes that are not UTF-8", "UTF-8 text") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise input_error(path, "a gzip file that is cut off or damaged", "a whole file") from None
