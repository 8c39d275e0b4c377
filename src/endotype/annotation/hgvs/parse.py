"""Read an HGVS name.

A descent by hand over the text, one method a rule of the grammar, so that an error says where reading stopped
and what was expected there. Reads what the recommendations call valid and the older spellings that user
tables are full of (``delA``, ``del3``, ``delAinsT``, ``Trp26*``, ``W26X``, ``fsX23``), which come out in
canonical form.

Not read, with a reason: ``con`` (dropped from HGVS in 2020), methylation (``|gom``), a substitution of
several bases (``GC>TG``), a missing or unknown kind of name.
"""

from __future__ import annotations

from collections.abc import Callable

from endotype.annotation.hgvs.cursor import KINDS, MAX_PARTS, T
from endotype.annotation.hgvs.grammar_dna import RNA, DnaGrammar
from endotype.annotation.hgvs.grammar_protein import ProteinGrammar
from endotype.annotation.hgvs.model import (
    Allele,
    Change,
    Description,
    Edit,
    Fusion,
    HgvsError,
    Location,
    ProteinChange,
)

MAX_LENGTH = 100_000
"""Characters of a name."""


def parse(text: str, *, bare: bool = False) -> Description:
    """The description that ``text`` is.

    Args:
        text: such as ``NM_004006.2:c.4375C>T``; blanks around it are passed over.
        bare: the reference may be missing (``c.4375C>T``).

    Raises:
        HgvsError: it is no HGVS name, or one of the forms named above.
    """
    return _read(text, lambda reader: reader.description(bare))


def parse_fusion(text: str) -> Fusion:
    """A transcript of several origins, ``NM_152263.2:r.-115_775::NM_002609.3:r.1580_*1924``."""
    return _read(text, lambda reader: reader.fusion())


def _read(text: str, rule: Callable[[_Reader], T]) -> T:
    stripped = text.strip()
    if len(stripped) > MAX_LENGTH:
        raise HgvsError(
            f"a name of {len(stripped):,} characters; {MAX_LENGTH:,} are read at most", stripped[:100]
        )
    reader = _Reader(stripped)
    found = rule(reader)
    if reader.at < len(stripped):
        raise reader.error("the end of the name")
    return found


class _Reader(DnaGrammar, ProteinGrammar):
    """The rules of a whole name: its reference, its alleles, their changes."""

    def heading(self) -> tuple[str, str, str]:
        """All up to the first position."""
        return *self.source(), self.kind_of_name()

    def description(self, bare: bool) -> Description:
        """A whole name."""
        reference = selector = ""
        if bare and self.text[1:2] == "." and self.text[0] in KINDS:
            self.kind = self.kind_of_name()
        else:
            reference, selector, self.kind = self.heading()
        alleles, joins = [self.allele()], []
        while True:
            if self.take("(;)"):
                joins.append("(;)")
            elif self.sees(";") and self.text.startswith("[", self.at + 1):
                self.at += 1
                joins.append(";")
            else:
                break
            alleles.append(self.allele(behind=True))
            if len(alleles) > MAX_PARTS:
                raise self.error(f"at most {MAX_PARTS} alleles")
        return Description(reference, selector, self.kind, tuple(alleles), tuple(joins))

    def fusion(self) -> Fusion:
        """Parts joined by ``::``."""
        self.kind = "r"
        parts: list[tuple[str, str, str, Location] | str] = []
        while True:
            bases = self.while_in(RNA)
            if bases and (self.sees("::") or self.at == len(self.text)):
                parts.append(bases)
            else:
                self.at -= len(bases)
                reference, selector, kind = self.heading()
                if kind != "r":
                    raise self.error("r.", self.at - 2)
                parts.append((reference, selector, kind, self.location()))
            if not self.take("::"):
                break
        if len(parts) < 2:
            raise self.error("'::'")
        return Fusion(tuple(parts))

    def allele(self, behind: bool = False) -> Allele:
        """One change, or several in brackets; ``behind`` another allele."""
        if not self.take("["):
            return Allele((self.change(),))  # type: ignore[arg-type]
        if behind:
            count = self.attempt(self.closed_count)
            if count is not None:  # Ala2[10];[11]: the same place, another number of copies
                again: Change | ProteinChange = (
                    ProteinChange(None, None, "repeat", count=count)
                    if self.kind == "p"
                    else Change(None, Edit("repeat", units=(("", count),)))
                )
                return Allele((again,))  # type: ignore[arg-type]
        predicted = self.attempt(self.predicted_list)
        changes = predicted or self.changes()
        self.need("]", "';' or ']'")
        return Allele(tuple(changes), bracketed=True, predicted=bool(predicted))  # type: ignore[arg-type]

    def predicted_list(self) -> list[Change | ProteinChange]:
        """Several changes in parentheses."""
        self.need("(")
        changes = self.changes()
        self.need(")")
        if len(changes) < 2 or not self.sees("]"):
            raise self.error("several changes")
        return changes

    def changes(self) -> list[Change | ProteinChange]:
        """Changes separated by semicolons."""
        found = [self.change()]
        while self.take(";"):
            found.append(self.change())
            if len(found) > MAX_PARTS:
                raise self.error(f"at most {MAX_PARTS} changes of one allele")
        return found

    def change(self) -> Change | ProteinChange:
        """A change of the kind of the name, maybe in parentheses."""
        if self.kind == "p":
            return self.protein_change()
        if self.sees("("):
            predicted = self.attempt(self.predicted_change)
            if predicted is not None:
                return predicted
        return self.plain_change()

    def predicted_change(self) -> Change:
        """A change of DNA or RNA in parentheses."""
        self.need("(")
        change = self.plain_change()
        self.need(")")
        return Change(change.location, change.edit, True, change.mosaic)
