"""Declared relations: a pedigree in PED format."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from endotype.cohort.sheet import SEX_WORDS
from endotype.errors import InputError, Problem, input_error, visible

PEDIGREE_COLUMNS = ["family", "individual", "father", "mother", "sex"]

_HEADER_WORDS = frozenset(["father", "fatherid", "paternal", "paternal_id", "pat"])


def read_pedigree(path: str | Path) -> pd.DataFrame:
    """Read a PED file: ``family individual father mother sex [phenotype]``, separated by blanks or tabs.

    A header line and lines that begin with ``#`` are passed over.

    Returns:
        Columns :data:`PEDIGREE_COLUMNS`, sorted by individual; ``sex`` is ``male``, ``female`` or
        ``unknown``; an unknown parent is the empty string.

    Raises:
        InputError: with every problem of the file.
    """
    source = str(path)
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise input_error(path, "no such file", "a pedigree in PED format") from None
    except (IsADirectoryError, PermissionError) as error:
        raise input_error(path, f"not readable ({error.strerror})", "a pedigree in PED format") from None
    except UnicodeDecodeError:
        raise input_error(path, "bytes that are not UTF-8", "a pedigree in PED format") from None
    rows: list[tuple[str, ...]] = []
    problems: list[Problem] = []
    first: dict[str, int] = {}
    seen = False
    for number, line in enumerate(lines, start=1):
        cells = line.split()
        if not cells or line.startswith("#"):
            continue
        is_first, seen = not seen, True
        if is_first and _is_header(cells):
            continue
        if len(cells) < 5:
            problems.append(Problem(source, number, "", f"{len(cells)} columns", "at least 5 columns"))
            continue
        family, individual, father, mother, sex = cells[:5]
        word = SEX_WORDS.get(sex.casefold(), "unknown" if sex in (".", "-9") else None)
        if word is None:
            problems.append(
                Problem(source, number, "sex", visible(sex), "1 (male), 2 (female) or 0 (unknown)")
            )
        if individual in first:
            found = f"{visible(individual)} again (first in row {first[individual]})"
            problems.append(Problem(source, number, "individual", found, "each individual once"))
        if individual in (father, mother):
            problems.append(Problem(source, number, "individual", "a parent of itself", "two other people"))
        first.setdefault(individual, number)
        father, mother = ("" if parent in ("0", ".") else parent for parent in (father, mother))
        rows.append((family, individual, father, mother, word or "unknown"))
    if problems:
        raise InputError(problems)
    frame = pd.DataFrame(rows, columns=PEDIGREE_COLUMNS, dtype="str")
    return frame.sort_values("individual", ignore_index=True)


def _is_header(cells: list[str]) -> bool:
    """Names of columns rather than a person: ``father`` as a father, and no sex where the sex stands."""
    return len(cells) > 4 and cells[2].casefold() in _HEADER_WORDS and cells[4].casefold() not in SEX_WORDS
