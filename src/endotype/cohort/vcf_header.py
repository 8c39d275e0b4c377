"""The header lines of a VCF file (``##...``), against the specification.

A line that declares what is read (a contig; AD, DP, GQ or PL) must be sound, because htslib leaves out a line
that it can't parse and goes on. Faults in other lines are warnings, and most of them only from VCF 4.3 on,
where the specification fixed what older files do in many ways.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from endotype.cohort.vcf_spec import (
    NUMBERS,
    RESERVED_FORMAT,
    RESERVED_INFO,
    STRICT,
    TYPES,
    USED_FORMAT,
    Declared,
    Defects,
    Version,
    shown,
)

CONTIG_NAME = re.compile(r"[^\s,<>\"'`(){}\[\]\\]+")
"""A contig name that can be told from everything around it in a record."""

_PLAIN_NAME = re.compile(r"[0-9A-Za-z!#$%&+./;?@^_|~-][0-9A-Za-z!#$%&+./;?@^_|~=-]*")
_ITEM = re.compile(r'([^=,<>"]+)=("(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^,<>]*)(,|$)')
_URL = re.compile(r"[a-z]+://(?:[^/@]+@)?([^/:@]+)(?::\d+)?(?:/.*)?")
_HOST = re.compile(r"(?=.*[A-Za-z])[\w.-]+|\d{1,3}(?:\.\d{1,3}){3}")
_STRUCTURED = ("INFO", "FORMAT", "FILTER", "ALT", "contig", "SAMPLE", "PEDIGREE", "META")
_ORDER = {
    "INFO": ("ID", "Number", "Type", "Description"),
    "FORMAT": ("ID", "Number", "Type", "Description"),
    "ALT": ("ID", "Description"),
    "META": ("ID",),
}


class Item(NamedTuple):
    """One ``key=value`` of a structured line; ``value`` is as written, quotes included."""

    key: str
    value: str


@dataclass
class Declarations:
    """What the header declares: keys of INFO and FORMAT, and flags with a count of values."""

    version: Version
    info: dict[str, Declared] = field(default_factory=dict)
    format: dict[str, Declared] = field(default_factory=dict)
    odd_flags: dict[str, int] = field(default_factory=dict)  # Flag with Number other than 0 -> line

    @property
    def is_strict(self) -> bool:
        """Whether the file says that it keeps to the stricter versions."""
        return self.version >= STRICT

    def of_info(self, key: str) -> Declared | None:
        """Number and type of an INFO key, reserved ones included where the version fixes them."""
        return (self.is_strict and RESERVED_INFO.get(key)) or self.info.get(key) or None

    def of_format(self, key: str) -> Declared | None:
        """Number and type of a FORMAT key, likewise."""
        return (self.is_strict and RESERVED_FORMAT.get(key)) or self.format.get(key) or None


def parse_version(first_line: str) -> Version | None:
    """``(4, 2)`` for ``##fileformat=VCFv4.2``; ``None`` for anything else."""
    match = re.fullmatch(r"##fileformat=VCFv(\d+)\.(\d+)", first_line.rstrip())
    return (int(match[1]), int(match[2])) if match else None


def check_meta(line: str, number: int, declared: Declarations, defects: Defects) -> None:
    """Check one header line and take its declaration.

    Args:
        line: the line, which begins with ``##``, without its end.
        number: its 1-based number in the file.
        declared: gets what the line declares.
        defects: gets what is wrong with it.
    """
    key, equals, value = line[2:].partition("=")
    if not (equals and key and value):
        defects.warn(number, "##", f"the line {shown(line)}", "##key=value")
        return
    if key in _STRUCTURED:
        if value.startswith("<"):
            _check_structured(key, value, number, declared, defects)
        elif key == "contig":
            defects.error(number, "##contig", f"the line {shown(line)}", "##contig=<ID=...>")
        else:
            defects.warn(number, f"##{key}", f"the line {shown(line)}", f"##{key}=<ID=...>")
    elif key in ("assembly", "pedigreeDB") and declared.is_strict:
        url = _URL.fullmatch(value)
        if not (url and _HOST.fullmatch(url[1])):
            defects.warn(number, f"##{key}", shown(value), "the URL of a file")


def split_items(value: str) -> list[Item]:
    """The ``key=value`` items of ``<...>``.

    Raises:
        ValueError: the text where it stops making sense.
    """
    if not value.endswith(">"):
        raise ValueError("no > at the end")
    text, at, items = value[1:-1], 0, []
    while at < len(text):
        match = _ITEM.match(text, at)
        if not match or (match[2][:1] == '"' and not _is_quoted(match[2])):
            raise ValueError(shown(text[at:], 40))
        items.append(Item(match[1].strip(), match[2]))
        at = match.end()
    return items


def _is_quoted(value: str) -> bool:
    return len(value) >= 2 and value[0] == value[-1] == '"' and not re.search(r'(?<!\\)"', value[1:-1])


def _check_structured(kind: str, value: str, number: int, declared: Declarations, defects: Defects) -> None:
    column = f"##{kind}"
    try:
        items = split_items(value)
    except ValueError as error:
        name = re.search(r"[<,]ID=([^,>]*)", value)
        is_read = kind == "contig" or (kind == "FORMAT" and (not name or name[1] in USED_FORMAT))
        found = f"a line that can't be parsed ({error})"
        defects.add(is_read, number, column, found, f"##{kind}=<key=value,...>, text in double quotes")
        return
    values = dict(items)
    if "ID" not in values:
        if kind != "PEDIGREE" or declared.is_strict:
            defects.add(kind == "contig", number, column, "a line without ID", "ID=...")
        return
    if kind == "contig":
        _check_contig(values["ID"], number, declared, defects)
    if kind in ("INFO", "FORMAT"):
        _check_declaration(kind, values, number, declared, defects)
    if declared.is_strict:
        _check_strictly(kind, items, number, defects)


def _check_contig(name: str, number: int, declared: Declarations, defects: Defects) -> None:
    if not CONTIG_NAME.fullmatch(name):
        defects.error(number, "##contig", f"the contig {shown(name)}", "a name without blanks or brackets")
    elif declared.is_strict and not _PLAIN_NAME.fullmatch(name):
        defects.warn(number, "##contig", f"the contig {shown(name)}", "a name without * and :")


def _check_declaration(
    kind: str, values: dict[str, str], number: int, declared: Declarations, defects: Defects
) -> None:
    """``Number`` and ``Type`` of a key of INFO or FORMAT; the first declaration of a key counts."""
    column, name = f"##{kind}", values["ID"]
    own = Declared(values.get("Number", ""), values.get("Type", ""))
    used = USED_FORMAT.get(name) if kind == "FORMAT" else None
    must_be_sound = used is not None and name != "GT"  # GT is known by its name, whatever is declared
    if not (NUMBERS.fullmatch(own.number) or (declared.version == (4, 0) and own.number == "-1")):
        defects.warn(
            number, column, f"{name} with Number={own.number}", "Number=A, R, G, . or a whole number"
        )
    if own.type not in TYPES or (kind == "FORMAT" and own.type == "Flag"):
        words = "Type=Integer, Float, Character or String" + ", or Flag" * (kind == "INFO")
        defects.add(must_be_sound, number, column, f"{name} with Type={own.type}", words)
    elif used and own.type not in used:
        expected = f"Type={' or '.join(sorted(used, reverse=True))}, because it is read"
        defects.add(must_be_sound, number, column, f"{name} with Type={own.type}", expected)
    reserved = (RESERVED_INFO if kind == "INFO" else RESERVED_FORMAT).get(name)
    if declared.is_strict and reserved and reserved != own:
        found = f"{name} with Number={own.number}, Type={own.type}"
        expected = f"Number={reserved.number}, Type={reserved.type}, which are fixed for it"
        # MQ is written as a whole number by many callers; the specification says no more than "1".
        if not (name == "MQ" and kind == "INFO" and own == Declared("1", "Integer")):
            defects.warn(number, column, found, expected)
    table = declared.info if kind == "INFO" else declared.format
    earlier = table.setdefault(name, own)
    if earlier != own:
        found = f"{name} again, with Number={own.number}, Type={own.type}"
        expected = f"Number={earlier.number}, Type={earlier.type} as before"
        defects.add(must_be_sound, number, column, found, expected)
    if kind == "INFO" and own.type == "Flag" and own.number != "0":
        declared.odd_flags.setdefault(name, number)


def _check_strictly(kind: str, items: list[Item], number: int, defects: Defects) -> None:
    """What VCF 4.3 fixed: the order of the items, quotes, and the characters of names."""
    column, values = f"##{kind}", dict(items)
    order = _ORDER.get(kind, ())
    if tuple(item.key for item in items[: len(order)]) != order:
        defects.warn(number, column, f"items {', '.join(i.key for i in items)}", f"first {', '.join(order)}")
    elif "Description" in order and not _is_quoted(values["Description"]):
        defects.warn(number, column, f"Description={shown(values['Description'])}", "text in double quotes")
    if kind == "ALT":
        head, colon, _ = values["ID"].partition(":")
        if re.search(r"\s", values["ID"]) or (colon and head not in ("DEL", "INS", "DUP", "INV", "CNV")):
            expected = "no blanks, and DEL, INS, DUP, INV or CNV before a colon"
            defects.warn(number, column, f"the allele {shown(values['ID'])}", expected)
    elif kind == "META":
        if not NUMBERS.fullmatch(values.get("Number", "")) or values.get("Type") not in TYPES:
            found = f"Number={values.get('Number')}, Type={values.get('Type')}"
            defects.warn(number, column, found, "a Number and a Type as in ##FORMAT")
        if not values.get("Values", "").startswith("["):
            defects.warn(number, column, f"Values={shown(values.get('Values', ''))}", "Values=[...]")
    elif kind == "SAMPLE" and not _PLAIN_NAME.fullmatch(values["ID"]):
        defects.warn(number, column, f"the sample {shown(values['ID'])}", "a name without blanks, * or :")
    elif kind == "PEDIGREE":
        for item in items:
            if not (re.fullmatch(r"[\w.-]+", item.value) or _is_quoted(item.value)):
                defects.warn(number, column, f"{item.key}={shown(item.value)}", "names of samples")
