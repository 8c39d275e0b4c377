"""The grammar of changes of DNA and RNA."""

from __future__ import annotations

from endotype.annotation.hgvs.cursor import MAX_PARTS, Cursor
from endotype.annotation.hgvs.model import Bounds, Change, Count, Edit, Location, Piece, Point, Span

DNA = frozenset("ACGTMRWSYKVHDBN")
RNA = frozenset("acgumrwsykvhdbn")


class DnaGrammar(Cursor):
    """The rules of g., m., o., c., n. and r. names."""

    def plain_change(self) -> Change:
        """A location and its edit, or a word about the whole sequence."""
        if self.take("="):
            return Change(None, Edit("equal"))
        if self.sees("?") and self.text[self.at + 1 : self.at + 2] in ("", "]", ")", ";"):
            self.at += 1
            return Change(None, Edit("unknown"))
        if self.kind == "r" and self.take("spl"):
            return Change(None, Edit("spliced"))
        if (
            self.kind == "r"
            and self.sees("0")
            and self.text[self.at + 1 : self.at + 2] in ("", "]", ")", ";")
        ):
            self.at += 1
            return Change(None, Edit("none"))
        location = self.location()
        for mosaic in ("=//", "=/"):
            if self.take(mosaic):
                return Change(location, self.edit(location), mosaic=mosaic[1:])
        return Change(location, self.edit(location))

    def location(self) -> Location:
        """One place, or a range."""
        start = self.at
        first = self.place()
        if not self.take("_"):
            return first
        last = self.place()
        circular = self.kind in "mo"
        if isinstance(first, Point) and isinstance(last, Point) and not circular and _reversed(first, last):
            raise self.error(f"a range that runs forward, {last}_{first}", start)
        return Span(first, last)

    def place(self) -> Point | Bounds:
        """A position, or the two in parentheses that it lies between."""
        if not self.take("("):
            return self.point()
        first = self.point()
        last = self.point() if self.take("_") else None
        self.need(")")
        return Bounds(first, last)

    def point(self) -> Point:
        """A position."""
        for end in ("pter", "qter", "cen"):
            if self.take(end):
                return Point(None, end=end)
        start = self.at
        coded = self.kind in "cr"
        after = coded and self.take("*")
        before = not after and coded and self.take("-")
        base: int | None = None
        if not self.take("?"):
            base = self.number("a position")
            if base == 0:
                raise self.error("a position from 1 on; there is no 0", start)
        base = -base if before and base is not None else base
        offset, known = 0, True
        if self.kind in "cnr" and (self.sees("+") or self.sees("-")):
            sign = 1 if self.text[self.at] == "+" else -1
            self.at += 1
            if self.take("?"):
                offset, known = sign, False
            else:
                offset = sign * self.number("bases into the intron")
                if offset == 0:
                    raise self.error("an offset from 1 on", start)
        return Point(base, offset, after, known)

    def bases(self) -> str:
        """Bases in their canonical case: upper for DNA, lower for RNA."""
        if self.kind == "r":
            return self._bases(RNA)
        start, at = self.at, self.at
        while at < len(self.text) and self.text[at].upper() in DNA and self.text[at].isascii():
            if self.text[at] in "di" and (self.text.startswith(("del", "dup", "ins", "inv"), at)):
                break
            at += 1
        self.at = at
        return self.text[start:at].upper()

    def _bases(self, letters: frozenset[str]) -> str:
        start, at = self.at, self.at
        while at < len(self.text) and self.text[at] in letters:
            if self.text.startswith(("del", "dup"), at):
                break
            at += 1
        self.at = at
        return self.text[start:at]

    def edit(self, location: Location) -> Edit:
        """What happens at a location; the bases that are named must fit its size."""
        start = self.at
        edit = self.plain_edit(location)
        size = _size(location)
        named = len(edit.ref) or edit.length
        if size is not None and named is not None and named and edit.kind != "repeat" and named != size:
            raise self.error(f"a position for each of the {named} bases, or none of the bases", start)
        if edit.kind == "inversion" and isinstance(location, Point):
            raise self.error("two positions before 'inv'; one base can't be turned round", start)
        return edit

    def plain_edit(self, location: Location) -> Edit:
        """What happens at a location."""
        if self.take("="):
            return Edit("equal")
        if self.sees("con") and self.kind != "r":
            raise self.error("'delins': conversions are written as a delins")
        if self.take("delins"):
            return Edit("delins", inserted=self.inserted())
        if self.take("del"):
            ref, length = self.described()
            if self.take("ins"):
                return Edit("delins", ref, length, inserted=self.inserted())
            return Edit("deletion", ref, length)
        if self.take("dup"):
            return Edit("duplication", *self.described())
        if self.take("inv"):
            return Edit("inversion", *self.described())
        if self.sees("ins"):
            neighbours = _neighbours(location)
            if neighbours is False:
                raise self.error("two neighbouring positions before 'ins', such as 12_13ins")
            self.at += 3
            return Edit("insertion", inserted=self.inserted())
        start = self.at
        ref = self.bases()
        if self.take(">"):
            if isinstance(location, Span):
                raise self.error("one position before a substitution; more than that is a delins", start)
            return self.substitution(ref, start)
        if self.take("="):  # 123C=, 12_14ACG=
            return Edit("equal", ref)
        if self.sees("["):
            return self.repeat(ref)
        raise self.error("'>', '=' or '['" if ref else "a base and '>', or one of = del dup ins inv delins [")

    def substitution(self, ref: str, start: int) -> Edit:
        """The new base, behind ``ref>``."""
        alt = self.bases()
        if len(ref) != 1 or len(alt) != 1:
            raise self.error("one base for one base, such as A>G; more than that is a delins", start)
        return Edit("substitution", ref, alt=alt)

    def described(self) -> tuple[str, int | None]:
        """The bases or the number of them that a name may repeat behind del, dup and inv."""
        if self.at < len(self.text) and self.text[self.at] in "123456789":
            return "", self.number()
        return self.bases(), None

    def repeat(self, unit: str) -> Edit:
        """Copies of one unit or of several, ``GCA[23]ACA[1]``."""
        units = []
        while True:
            self.need("[")
            units.append((unit, self.count()))
            self.need("]")
            if len(units) > MAX_PARTS:
                raise self.error(f"at most {MAX_PARTS} units")
            unit = self.bases()
            if not unit:
                return Edit("repeat", units=tuple(units))
            if not self.sees("["):
                raise self.error("'[' and the number of copies")

    def inserted(self) -> tuple[Piece, ...]:
        """What is put in: one piece, or several in brackets."""
        if not self.take("["):
            return (self.piece(),)
        pieces = [self.piece()]
        while self.take(";"):
            pieces.append(self.piece())
            if len(pieces) > MAX_PARTS:
                raise self.error(f"at most {MAX_PARTS} pieces")
        self.need("]", "';' or ']'")
        return tuple(pieces)

    def piece(self) -> Piece:
        """Bases, a number of bases that are not known, or a copied range."""
        source = self.attempt(self.source)
        if source is not None:
            return self.piece_of(*source)
        bases = self.bases()
        if bases:
            return Piece(bases, count=self.closed())
        if self.sees("("):
            start = self.at
            count = self.attempt(self.count)
            if count is not None and not self.sees("_"):
                return Piece(count=count)
            self.at = start
        if self.sees("?") and not self.text.startswith("_", self.at + 1):
            return Piece(count=self.count())
        if self.text[self.at : self.at + 1] not in set("0123456789-*?(pqc"):
            raise self.error("the inserted bases, or the range they are copied from")
        location = self.location()
        if isinstance(location, Point) and location.base is not None:
            if location.base < 0 or location.after or location.offset:
                raise self.error("bases or a range of positions")
            return Piece(count=Count(location.base, location.base))  # ins10: ten bases
        return Piece(location=location, inverted=self.take("inv"), count=self.closed())

    def piece_of(self, reference: str, selector: str) -> Piece:
        """A copy from elsewhere, ``NC_000022.11:g.10_20``; older names leave out the ``g.``."""
        outer = self.kind
        at = self.at
        self.kind = self.kind_of_name() if self.text[at + 1 : at + 2] == "." else ""
        inner = self.kind
        if inner == "p":
            raise self.error("g., m., o., c., n. or r.", at)
        location = self.location()
        self.kind = outer
        return Piece("", location, reference, selector, inner, self.take("inv"), self.closed())


def _reversed(first: Point, last: Point) -> bool:
    """Whether a range between two known places runs backward."""
    if first.end or last.end:
        return (first.end == "qter" and last.end != "qter") or (last.end == "pter" and first.end != "pter")
    if first.base is None or last.base is None or not (first.offset_known and last.offset_known):
        return False
    if first.after != last.after:
        return first.after
    if first.base != last.base:
        return first.base > last.base
    return first.offset > last.offset


def _size(location: Location) -> int | None:
    """Bases of a location, where its name alone tells that."""
    if isinstance(location, Point):
        return 1
    if (
        isinstance(location, Bounds)
        or isinstance(location.first, Bounds)
        or isinstance(location.last, Bounds)
    ):
        return None
    first, last = location.first, location.last
    if (
        not (first.known and last.known)
        or first.base is None
        or last.base is None
        or first.after != last.after
    ):
        return None
    if last.base < first.base:  # over the origin of a circle
        return None
    if first.base == last.base:
        return last.offset - first.offset + 1
    if first.offset or last.offset:
        return None
    return last.base - first.base + 1 - (first.base < 0 < last.base)


def _neighbours(location: Location) -> bool | None:
    """Whether a location is two bases side by side; None where that can't be told."""
    if isinstance(location, Point):
        return None if location.base is None and not location.end else False
    size = _size(location)
    return None if size is None else size == 2
