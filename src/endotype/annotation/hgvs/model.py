"""What an HGVS name says, as objects; ``str`` of each is its canonical text.

Only the grammar lives here: whether a position exists and what stands there is for
:mod:`endotype.annotation.hgvs.normalise`. Follows the HGVS recommendations 21 (den Dunnen et al. 2016,
doi:10.1002/humu.22981; https://hgvs-nomenclature.org).
"""

from __future__ import annotations

from dataclasses import dataclass, field


class HgvsError(ValueError):
    """A name that can't be read or that doesn't fit its sequence.

    Attributes:
        text: the whole name.
        place: 0-based character at which reading stopped; None where the fault isn't of the grammar.
        reason: what was found and what is expected.
    """

    def __init__(self, reason: str, text: str = "", place: int | None = None) -> None:
        self.text, self.place, self.reason = text, place, reason
        super().__init__(f"at character {place + 1}: {reason}" if place is not None else reason)

    def __reduce__(self) -> tuple[type[HgvsError], tuple[str, str, int | None]]:
        return type(self), (self.reason, self.text, self.place)


@dataclass(frozen=True)
class Point:
    """One position.

    Attributes:
        base: 1-based; negative before the start codon of a c. or r. name; None for ``?``.
        offset: bases into an intron, positive behind ``base``, negative before it; 0 in an exon.
        after: counted from the end of the coding bases (``*12``).
        offset_known: False for ``+?`` and ``-?``, of which ``offset`` has the sign.
        end: ``pter``, ``qter`` or ``cen``, in place of all of it.
    """

    base: int | None
    offset: int = 0
    after: bool = False
    offset_known: bool = True
    end: str = ""

    def __str__(self) -> str:
        if self.end:
            return self.end
        text = ("*" if self.after else "") + ("?" if self.base is None else str(self.base))
        if not self.offset_known:
            return text + ("+?" if self.offset > 0 else "-?")
        return text + (f"{self.offset:+d}" if self.offset else "")

    @property
    def known(self) -> bool:
        """Whether it names one base."""
        return bool(self.end) or (self.base is not None and self.offset_known)


@dataclass(frozen=True)
class Bounds:
    """A position that is not known exactly: ``(100_110)``, or ``(100)`` with ``last`` None."""

    first: Point
    last: Point | None

    def __str__(self) -> str:
        return f"({self.first})" if self.last is None else f"({self.first}_{self.last})"


@dataclass(frozen=True)
class Span:
    """From ``first`` to ``last``, both included."""

    first: Point | Bounds
    last: Point | Bounds

    def __str__(self) -> str:
        return f"{self.first}_{self.last}"


Location = Point | Bounds | Span


@dataclass(frozen=True)
class Count:
    """How many: ``low`` to ``high``, equal if it is known exactly, None for ``?``."""

    low: int | None
    high: int | None

    def __str__(self) -> str:
        words = ["?" if one is None else str(one) for one in (self.low, self.high)]
        return words[0] if words[0] == words[1] else f"({words[0]}_{words[1]})"


@dataclass(frozen=True)
class Piece:
    """A part of an inserted sequence.

    Attributes:
        bases: the sequence itself; or empty if it is a copy of ``location``.
        location: a range of the same sequence, or of ``reference`` if that isn't empty.
        reference, selector, kind: of a copy from elsewhere.
        inverted: the reverse complement of it.
        count: how many times; of bases that are not known, with ``bases`` empty, how many there are.
    """

    bases: str = ""
    location: Location | None = None
    reference: str = ""
    selector: str = ""
    kind: str = ""
    inverted: bool = False
    count: Count | None = None

    def __str__(self) -> str:
        if not self.bases and self.location is None:
            text = str(self.count)
            return text if text.startswith("(") else f"({text})"
        text = self.bases
        if self.location is not None:
            text = head(self.reference, self.selector, self.kind) if self.reference else ""
            text += str(self.location)
        return text + ("inv" if self.inverted else "") + (f"[{self.count}]" if self.count else "")


def head(reference: str, selector: str, kind: str) -> str:
    """What stands before the first position."""
    accession = f"{reference}({selector})" if selector else reference
    return (accession + ":" if accession else "") + (kind + "." if kind else "")


@dataclass(frozen=True)
class Edit:
    """What happens at a location of DNA or RNA.

    Attributes:
        kind: ``substitution deletion duplication insertion delins inversion repeat equal unknown``, or, of
            RNA as a whole, ``spliced`` (``r.spl``) and ``none`` (``r.0``).
        ref: bases that the name says are there; never written, but checked against the sequence.
        length: number of them, where the name gives that instead (``del3``).
        alt: the new base of a substitution.
        inserted: of ``insertion`` and ``delins``.
        units: of ``repeat``: each unit (empty: the location itself) and how many copies.
    """

    kind: str
    ref: str = field(default="", compare=False)
    length: int | None = field(default=None, compare=False)
    alt: str = ""
    inserted: tuple[Piece, ...] = ()
    units: tuple[tuple[str, Count], ...] = ()

    def __str__(self) -> str:
        if self.kind == "substitution":
            return f"{self.ref}>{self.alt}"
        if self.kind == "repeat":
            return "".join(f"{unit}[{count}]" for unit, count in self.units)
        words = {
            "deletion": "del",
            "duplication": "dup",
            "insertion": "ins",
            "delins": "delins",
            "inversion": "inv",
            "equal": "=",
            "unknown": "?",
            "spliced": "spl",
            "none": "0",
        }
        inserted = ";".join(map(str, self.inserted))
        copies = len(self.inserted) == 1 and self.inserted[0].reference
        if len(self.inserted) > 1 or copies:
            inserted = f"[{inserted}]"
        return words[self.kind] + inserted


@dataclass(frozen=True)
class Change:
    """One change of DNA or RNA.

    Attributes:
        location: None where the name is of the whole sequence (``c.=``) or repeats the one before it.
        predicted: in parentheses.
        mosaic: ``/`` or ``//`` (chimeric) where the reference is there as well (``85=/T>C``).
    """

    location: Location | None
    edit: Edit
    predicted: bool = False
    mosaic: str = ""

    def __str__(self) -> str:
        where = "" if self.location is None else str(self.location)
        text = where + (f"={self.mosaic}" if self.mosaic else "") + str(self.edit)
        return f"({text})" if self.predicted else text


@dataclass(frozen=True)
class Residue:
    """An amino acid of a protein, three letters, and its 1-based position."""

    amino: str
    position: int

    def __str__(self) -> str:
        return f"{self.amino}{self.position}"


@dataclass(frozen=True)
class ProteinChange:
    """One change of a protein.

    Attributes:
        first, last: residues it is about; equal for one; None for the whole protein (``p.=``, ``p.0``,
            ``p.?``).
        kind: ``substitution deletion duplication insertion delins frameshift extension repeat equal unknown
            none possibly_none`` (``p.0?``).
        residues: new ones, three letters each; several of a substitution with ``alternatives``.
        alternatives: ``Gly56Ala^Ser^Cys``.
        count: of a repeat, or of inserted residues that are not known (``ins(5)``).
        stop: position of the new stop counted from the first residue that changes; for an extension to
            the N-terminus, the negative position of the new start.
        stop_given: a stop is part of the name; with ``stop`` None it is not found (``fsTer?``).
        predicted, mosaic: as in :class:`Change`.
    """

    first: Residue | None
    last: Residue | None
    kind: str
    residues: tuple[str, ...] = ()
    alternatives: bool = False
    count: Count | None = None
    stop: int | None = None
    stop_given: bool = False
    predicted: bool = False
    mosaic: str = ""

    def __str__(self) -> str:
        text = self._plain()
        return f"({text})" if self.predicted else text

    def _plain(self) -> str:
        where = ""
        if self.first is not None:
            where = str(self.first) if self.first == self.last else f"{self.first}_{self.last}"
        where += f"={self.mosaic}" if self.mosaic else ""
        residues = "".join(self.residues)
        stop = "?" if self.stop is None else str(self.stop)
        match self.kind:
            case "substitution":
                return where + ("^" if self.alternatives else "").join(self.residues)
            case "deletion":
                return where + "del"
            case "duplication":
                return where + "dup"
            case "insertion" | "delins":
                words = {"insertion": "ins", "delins": "delins"}[self.kind]
                if self.count is None:
                    return where + words + residues + (stop if self.stop is not None else "")
                count = str(self.count)
                if residues:
                    return f"{where}{words}{residues}[{count}]"
                return where + words + (count if count.startswith("(") else f"({count})")
            case "frameshift":
                return where + residues + "fs" + (f"Ter{stop}" if self.stop_given else "")
            case "extension":
                if self.stop is not None and self.stop < 0:
                    return f"{where}ext{stop}"
                return where + residues[:3] + "ext" + residues[3:] + "Ter" + self._stop_number(stop, residues)
            case "repeat":
                return f"{where}[{self.count}]"
            case "equal":
                return where + "="
            case "unknown":
                return where + "?"
            case "none":
                return "0"
            case "possibly_none":
                return "0?"
        raise AssertionError(self.kind)

    def _stop_number(self, stop: str, residues: str) -> str:
        return "" if len(residues) > 3 and self.stop is None else stop


@dataclass(frozen=True)
class Allele:
    """Changes on one chromosome, ``[a;b]``, or one change outside brackets.

    ``predicted``: the parentheses are round all of them, ``[(a;b)]``.
    """

    changes: tuple[Change, ...] | tuple[ProteinChange, ...]
    bracketed: bool = False
    predicted: bool = False

    def __str__(self) -> str:
        text = ";".join(map(str, self.changes))
        if self.predicted:
            text = f"({text})"
        return f"[{text}]" if self.bracketed else text


@dataclass(frozen=True)
class Description:
    """A whole name.

    Attributes:
        reference: accession, contig or gene symbol; empty where a bare name was asked for.
        selector: in parentheses behind it (``NG_012337.1(NM_003002.2)``).
        kind: ``g m o c n r p``.
        alleles: in the order of the name.
        joins: what stands between them: ``;`` (in trans) or ``(;)`` (phase not known).
    """

    reference: str
    selector: str
    kind: str
    alleles: tuple[Allele, ...]
    joins: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = head(self.reference, self.selector, self.kind)
        for allele, join in zip(self.alleles, ("", *self.joins), strict=True):
            text += join + str(allele)
        return text

    @property
    def single(self) -> Change | ProteinChange | None:
        """The one change that the name is about, or None if there are several."""
        if len(self.alleles) == 1 and len(self.alleles[0].changes) == 1:
            return self.alleles[0].changes[0]
        return None


@dataclass(frozen=True)
class Fusion:
    """RNA of two or more origins joined end to end (``::``); each part is a name without an edit, or
    bases."""

    parts: tuple[tuple[str, str, str, Location] | str, ...]

    def __str__(self) -> str:
        return "::".join(
            part if isinstance(part, str) else head(*part[:3]) + str(part[3]) for part in self.parts
        )
