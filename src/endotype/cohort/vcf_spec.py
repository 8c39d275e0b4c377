"""What the VCF specification (4.0 to 4.5) says of names and values, and how a breach of it is noted.

Two classes of breach are kept apart. An *error* is one that could change a genotype, a position, an allele or
a call's quality, or that stops a reader half-way: the file is refused. A *warning* is one in what Endotype
never reads, or in a record that is set aside later with its reason: it is counted and named.
docs/troubleshooting.md lists both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from endotype.errors import InputError, Problem, visible

SHOWN_ERRORS = 10
"""So many errors of a file are shown; the rest are counted."""

Version = tuple[int, int]

STRICT: Version = (4, 3)
"""From this version on the specification fixes the reserved keys, names and the order in a header line."""


class Declared(NamedTuple):
    """How many values a key has (``Number``), and of which type."""

    number: str
    type: str


TYPES = frozenset(("Integer", "Float", "Flag", "Character", "String"))
NUMBERS = re.compile(r"\d+|[ARG.]|P|LA|LR|LG|M")

USED_FORMAT: Mapping[str, frozenset[str]] = {
    "GT": frozenset(("String",)),
    **dict.fromkeys(("AD", "DP", "GQ", "PL"), frozenset(("Integer", "Float"))),
}
"""The FORMAT keys that are read, and the declared types under which they can be."""

_FLAG, _COUNT = Declared("0", "Flag"), Declared("1", "Integer")
_PER_ALLELE = Declared("R", "Integer")

RESERVED_INFO: Mapping[str, Declared] = {
    "AA": Declared("1", "String"), "AC": Declared("A", "Integer"), "AD": _PER_ALLELE, "ADF": _PER_ALLELE,
    "ADR": _PER_ALLELE, "AF": Declared("A", "Float"), "AN": _COUNT, "BQ": Declared("1", "Float"),
    "CIGAR": Declared("A", "String"), "DB": _FLAG, "DP": _COUNT, "END": _COUNT, "H2": _FLAG, "H3": _FLAG,
    "MQ": Declared("1", "Float"), "MQ0": _COUNT, "NS": _COUNT, "SOMATIC": _FLAG, "VALIDATED": _FLAG,
    "1000G": _FLAG,
}  # fmt: skip

RESERVED_FORMAT: Mapping[str, Declared] = {
    "AD": _PER_ALLELE, "ADF": _PER_ALLELE, "ADR": _PER_ALLELE, "DP": _COUNT, "EC": Declared("A", "Integer"),
    "FT": Declared("1", "String"), "GL": Declared("G", "Float"), "GP": Declared("G", "Float"), "GQ": _COUNT,
    "GT": Declared("1", "String"), "HQ": Declared("2", "Integer"), "MQ": _COUNT,
    "PL": Declared("G", "Integer"), "PQ": _COUNT, "PS": _COUNT,
}  # fmt: skip

NEVER_NEGATIVE = frozenset(("AC", "AF", "AN", "DP", "END", "MQ0", "NS"))

KEY = re.compile(rb"[A-Za-z_][0-9A-Za-z_.]*|1000G")
"""A key of INFO or FORMAT."""

_INTEGER = rb"(?:\.|[-+]?\d+)"
_FLOAT = rb"(?:\.|[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|(?i:nan|inf(?:inity)?)))"
_CHARACTER = rb"(?:[^,])"


def _list_of(value: bytes) -> re.Pattern[bytes]:
    return re.compile(value + rb"(?:," + value + rb")*")


VALUES: Mapping[str, re.Pattern[bytes]] = {
    "Integer": _list_of(_INTEGER),
    "Float": _list_of(_FLOAT),
    "Character": _list_of(_CHARACTER),
}
"""What a list of values of a type looks like; text is anything."""

QUALITY = re.compile(_FLOAT)

SMALLEST_INTEGER, LARGEST_INTEGER = -(2**31) + 8, 2**31 - 1
"""Integers have 32 bits, and BCF keeps the eight smallest for itself (VCF 4.3, section 6.3.3)."""


def expected_values(number: str, n_alt: int, ploidy: int) -> int | None:
    """How many values ``Number`` asks for at a record; ``None`` when any count will do.

    A record without ALT alleles is not held to the counts per allele: writers differ there.
    """
    if number.isdigit():
        return int(number)
    if n_alt == 0:
        return None
    if number == "A":
        return n_alt
    if number == "R":
        return n_alt + 1
    if number == "G":
        return math.comb(n_alt + ploidy, ploidy)
    return None


class Defect(NamedTuple):
    """One breach of the specification at one place of a file.

    ``place`` is the contig and position where no line number is known (a record reached through an index).
    """

    line: int | None
    column: str
    found: str
    expected: str
    place: str = ""


@dataclass
class Defects:
    """The breaches found in one file: the first errors and the count of all, warnings counted by kind."""

    path: str
    errors: list[Defect] = field(default_factory=list)
    n_errors: int = 0
    first: dict[tuple[str, str], Defect] = field(default_factory=dict)  # (column, expected) -> first warning
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def error(self, line: int | None, column: str, found: str, expected: str, place: str = "") -> None:
        """Note a breach for which the file is refused."""
        self.n_errors += 1
        if len(self.errors) < SHOWN_ERRORS:
            self.errors.append(Defect(line, column, found, expected, place))

    def warn(self, line: int | None, column: str, found: str, expected: str, place: str = "") -> None:
        """Count a breach that harms nothing."""
        kind = column, expected
        self.first.setdefault(kind, Defect(line, column, found, expected, place))
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def add(
        self, is_error: bool, line: int | None, column: str, found: str, expected: str, place: str = ""
    ) -> None:
        """:meth:`error` or :meth:`warn`."""
        (self.error if is_error else self.warn)(line, column, found, expected, place)

    def raise_if_any(self) -> None:
        """Raise the errors as one :class:`InputError`, the last of its problems the count of the rest."""
        if not self.errors:
            return
        problems = [
            Problem(self.path, d.line, d.column, d.found + (f" at {d.place}" if d.place else ""), d.expected)
            for d in self.errors
        ]
        if rest := self.n_errors - len(self.errors):
            problems.append(
                Problem(self.path, None, "", f"{rest:,} more errors like these", "a valid VCF file")
            )
        raise InputError(problems)

    def warnings(self) -> tuple[str, ...]:
        """One sentence for each kind of breach: the first place, and how many there are."""
        return tuple(
            f"{self.path}: {_where(first)}{first.found}; expected {first.expected}"
            + (f" ({self.counts[kind]:,} such places were seen)." if self.counts[kind] > 1 else ".")
            for kind, first in self.first.items()
        )


def _where(defect: Defect) -> str:
    parts = [f"line {defect.line}"] * (defect.line is not None) + [f"at {defect.place}"] * bool(defect.place)
    parts += [f"column {defect.column}"] * bool(defect.column)
    return ", ".join(parts) + ": " if parts else ""


def shown(text: bytes | str, limit: int = 60) -> str:
    """:func:`~endotype.errors.visible` of text or of the bytes of a file."""
    return visible(text.decode("utf-8", "replace") if isinstance(text, bytes) else text, limit)
