"""The grammar of changes of proteins."""

from __future__ import annotations

from dataclasses import replace

from endotype.annotation.hgvs.cursor import Cursor
from endotype.annotation.hgvs.model import ProteinChange, Residue

AMINO = {
    "A": "Ala", "R": "Arg", "N": "Asn", "D": "Asp", "B": "Asx", "C": "Cys", "Q": "Gln", "E": "Glu",
    "Z": "Glx", "G": "Gly", "H": "His", "I": "Ile", "L": "Leu", "K": "Lys", "M": "Met", "F": "Phe",
    "P": "Pro", "O": "Pyl", "U": "Sec", "S": "Ser", "T": "Thr", "W": "Trp", "Y": "Tyr", "V": "Val",
    "X": "Xaa", "*": "Ter",
}  # fmt: skip
_THREE = frozenset(AMINO.values())


class ProteinGrammar(Cursor):
    """The rules of p. names."""

    def protein_change(self) -> ProteinChange:
        """A change of a protein, maybe in parentheses."""
        predicted = self.take("(")
        start = self.at
        change = self.plain_protein_change()
        if predicted:
            self.need(")")
            if change.kind in ("possibly_none",):
                raise self.error("a prediction or '?', not both", start)
            change = replace(change, predicted=True)
        return change

    def plain_protein_change(self) -> ProteinChange:
        """Residues and their edit, or a word about the whole protein."""
        if self.take("="):
            return ProteinChange(None, None, "equal")
        if self.take("?"):
            return ProteinChange(None, None, "unknown")
        if self.sees("0") and not self.text[self.at + 1 : self.at + 2].isdigit():
            self.at += 1
            return ProteinChange(None, None, "possibly_none" if self.take("?") else "none")
        start = self.at
        first = self.residue()
        last = self.residue() if self.take("_") else first
        if last.position < first.position:
            raise self.error("a range that runs forward", start)
        if first != last and first.position == last.position:
            raise self.error("two different positions", start)
        mosaic = ""
        for one in ("=//", "=/"):
            if not mosaic and self.take(one):
                mosaic = one[1:]
        change = self.protein_edit(first, last)
        return replace(change, mosaic=mosaic) if mosaic else change

    def residue(self) -> Residue:
        """``Trp26`` or ``W26``."""
        amino = self.amino()
        start = self.at
        position = self.number("the position of the residue")
        if position == 0:
            raise self.error("a position from 1 on", start)
        return Residue(amino, position)

    def amino(self) -> str:
        """An amino acid in three letters or one; three letters come out."""
        three = self.text[self.at : self.at + 3]
        if three in _THREE:
            self.at += 3
            return three
        one = self.text[self.at : self.at + 1]
        if one in AMINO and one:
            self.at += 1
            return AMINO[one]
        raise self.error("an amino acid, such as Trp or W")

    def aminos(self) -> tuple[str, ...]:
        """As many amino acids as follow."""
        found = []
        while (one := self.attempt(self.amino)) is not None:
            found.append(one)
        return tuple(found)

    def protein_edit(self, first: Residue, last: Residue) -> ProteinChange:
        """What happens to residues."""

        def change(kind: str, *arguments: tuple[str, ...], **named: object) -> ProteinChange:
            return ProteinChange(first, last, kind, *arguments, **named)  # type: ignore[arg-type]

        if self.take("="):
            return change("equal")
        if self.take("?"):
            return change("unknown")
        if self.take("delins"):
            return self.protein_inserted(first, last, "delins")
        if self.take("del"):
            self.described_residues(first, last)
            return change("deletion")
        if self.take("dup"):
            self.described_residues(first, last)
            return change("duplication")
        if self.sees("ins"):
            if last.position != first.position + 1:
                raise self.error("two neighbouring residues before 'ins', such as Lys2_Gly3ins")
            self.at += 3
            return self.protein_inserted(first, last, "insertion")
        if self.sees("["):
            self.at += 1
            return change("repeat", count=self.closed_count())
        if self.take("fs"):
            given, stop = self.stop()
            return change("frameshift", stop=stop, stop_given=given)
        if self.take("ext"):
            return self.extension(first, last, ())
        start = self.at
        new = [self.amino_or_stop()]
        while self.take("^"):
            new.append(self.amino_or_stop())
        if len(new) > 1:
            return change("substitution", tuple(new), alternatives=True)
        if self.take("fs"):
            given, stop = self.stop()
            if new == ["Ter"]:
                raise self.error(f"{first}Ter: an immediate stop is no frameshift", start)
            return change("frameshift", tuple(new), stop=stop, stop_given=given)
        if self.take("ext"):
            return self.extension(first, last, tuple(new))
        if first != last:
            raise self.error("del, dup, ins, delins or '=' after a range", start)
        return change("substitution", tuple(new))

    def amino_or_stop(self) -> str:
        """A new residue; X is a stop here, as it was written before 2012."""
        amino = self.amino()
        return "Ter" if amino == "Xaa" and self.text[self.at - 1] == "X" else amino

    def described_residues(self, first: Residue, last: Residue) -> None:
        """Residues named behind del or dup; there must be as many as the range has."""
        start = self.at
        named = self.aminos()
        if named and len(named) != last.position - first.position + 1:
            raise self.error(f"{last.position - first.position + 1} residues or none", start)

    def protein_inserted(self, first: Residue, last: Residue, kind: str) -> ProteinChange:
        """New residues, or how many."""
        if self.take("("):
            self.at -= 1
            return ProteinChange(first, last, kind, count=self.count())
        if self.at < len(self.text) and self.text[self.at] in "0123456789":
            return ProteinChange(first, last, kind, count=self.count())
        start = self.at
        residues = self.aminos()
        if not residues:
            raise self.error("the new residues")
        if "Ter" in residues[:-1]:
            raise self.error("nothing after the stop", start)
        if self.take("["):
            return ProteinChange(first, last, kind, residues, count=self.closed_count())
        if residues == ("Ter",) and self.at < len(self.text) and self.text[self.at] in "123456789":
            return ProteinChange(first, last, kind, residues, stop=self.number())  # ins*63
        return ProteinChange(first, last, kind, residues)

    def stop(self) -> tuple[bool, int | None]:
        """``Ter23``, ``*23``, ``X23``, ``Ter?`` or nothing."""
        for word in ("Ter", "*", "X"):
            if self.take(word):
                if self.take("?"):
                    return True, None
                start = self.at
                stop = self.number("how far the new stop is, or '?'")
                if stop < 1:
                    raise self.error("a distance from 1 on", start)
                return True, stop
        return False, None

    def extension(self, first: Residue, last: Residue, new: tuple[str, ...]) -> ProteinChange:
        """Behind ``ext``."""
        if self.take("-"):
            if first.position != 1:
                raise self.error("'Ter' or '*': only Met1 is extended to the front", self.at - 1)
            return ProteinChange(first, last, "extension", stop=-self.number(), stop_given=True)
        if first.amino != "Ter" or not new:
            raise self.error(
                "the new residue of a stop before 'ext', such as Ter110GlnextTer17, or Met1ext-5"
            )
        residues = list(new)
        while True:  # the residues may be written out: Ter315TyrextAsnLysGlyThrTer
            start = self.at
            amino = self.amino()
            if amino == "Ter" or (amino == "Xaa" and self.text[self.at - 1] == "X"):
                break
            residues.append(amino)
        if self.take("?"):
            return ProteinChange(first, last, "extension", tuple(residues), stop_given=True)
        if self.at < len(self.text) and self.text[self.at] in "123456789":
            stop: int | None = self.number()
        elif len(residues) > 1:
            stop = None
        else:
            raise self.error("how far the new stop is, or '?'", start)
        return ProteinChange(first, last, "extension", tuple(residues), stop=stop, stop_given=True)
