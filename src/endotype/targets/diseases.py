"""Whether a piece of evidence is about the disease that a patient has.

Diseases are compared by name or code, case and punctuation aside. A table of diseases in the form of OncoTree
(``code main_type name tissue``) tells which code is which name, and which main type and tissue it belongs to.
Nothing is guessed from parts of names: what isn't known to be the same is another disease.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from endotype.tables import read_text_table, require_columns

SAME, OTHER, NOT_STATED = "same", "other", "not_stated"

ANY_TUMOUR = frozenset({"cancer", "tumor", "tumour", "any tumor", "any cancer"})
ANY_SOLID = frozenset({"any solid tumor", "any solid tumour", "solid tumor", "solid tumour", "solid tumors"})
_BLOOD = re.compile(r"leuka?emia|lymphoma|lymphoid|myelo|mast cell|mastocytosis|histiocytosis|polycythemia")
_BLOOD_CODES = frozenset({"aml", "all", "cll", "cml", "cmml", "jmml", "mds", "mm", "mpn", "laml", "dlbcl"})
_BLOOD_TISSUES = frozenset({"myeloid", "lymphoid", "blood"})


def plain_name(text: object) -> str:
    """A name or code in lower case, with single blanks for anything but letters, digits and colons."""
    return re.sub(r"[^a-z0-9:]+", " ", str(text).lower()).strip() if isinstance(text, str) else ""


@dataclass(frozen=True)
class Diseases:
    """What is known of names of diseases.

    Attributes:
        known_as: plain name or code -> plain names and codes of the same disease.
        wider: plain name or code -> plain names of what it is a kind of.
        tissue: plain name or code -> tissue.
    """

    known_as: dict[str, frozenset[str]] = field(default_factory=dict)
    wider: dict[str, frozenset[str]] = field(default_factory=dict)
    tissue: dict[str, str] = field(default_factory=dict)

    def names(self, stated: Iterable[str]) -> frozenset[str]:
        """All that the stated diseases are called, wider terms included."""
        found: set[str] = set()
        for name in filter(None, map(plain_name, stated)):
            found |= {name} | self.known_as.get(name, frozenset()) | self.wider.get(name, frozenset())
        return frozenset(found)

    def of_blood(self, names: frozenset[str]) -> bool:
        """Whether a disease is of blood or lymph, and so no solid tumour."""
        tissues = {self.tissue[name] for name in names if name in self.tissue}
        if tissues:
            return bool(tissues & _BLOOD_TISSUES)
        return bool(names & _BLOOD_CODES) or any(_BLOOD.search(name) for name in names)

    def match(self, patient: frozenset[str], evidence: Iterable[str]) -> str:
        """``same``, ``other`` or ``not_stated``.

        Args:
            patient: of :meth:`names`; empty where the disease isn't stated.
            evidence: name and code of the disease that the evidence is about.
        """
        theirs = {name for name in map(plain_name, evidence) if name}
        if not patient or not theirs:
            return NOT_STATED
        if theirs & ANY_TUMOUR:
            return SAME
        if theirs & ANY_SOLID:
            return OTHER if self.of_blood(patient) else SAME
        alike = theirs.union(*(self.known_as.get(name, frozenset()) for name in theirs))
        return SAME if alike & patient else OTHER


def read_diseases(path: str | Path | None) -> Diseases:
    """Read a table of diseases, TSV or CSV with ``code main_type name tissue``; no path knows nothing.

    Raises:
        InputError: no such file, or columns that are missing.
    """
    if path is None:
        return Diseases()
    table = read_text_table(path)
    require_columns(table, ["code", "main_type", "name", "tissue"])
    known: dict[str, frozenset[str]] = {}
    wider: dict[str, frozenset[str]] = {}
    tissue: dict[str, str] = {}
    for row in table.rows.to_dict("records"):
        own = frozenset(filter(None, (plain_name(row["code"]), plain_name(row["name"]))))
        for name in own:
            known[name] = known.get(name, frozenset()) | own
            wider[name] = wider.get(name, frozenset()) | frozenset(
                filter(None, [plain_name(row["main_type"])])
            )
            tissue[name] = plain_name(row["tissue"])
    return Diseases(known, wider, tissue)
