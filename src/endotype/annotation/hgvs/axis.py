"""What the positions of a name are positions of: a contig, a transcript by itself, a transcript on its
contig.

All names are normalised, compared and projected on an axis, which gives every position a whole number, an
*index*, that rises in the direction in which the name is read. On a contig the index is the 1-based position;
on a transcript of the minus strand it is that position with a minus sign, so that turning a change round
needs no length of anything. On a transcript by itself the index is the position in the transcript, from 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from dataclasses import dataclass

from endotype.annotation.hgvs.model import HgvsError, Point
from endotype.variants.alleles import Fetch

COMPLEMENT = str.maketrans("ACGTMRWSYKVHDBN", "TGCAKYWSRMBDHVN")


def reverse_complement(sequence: str) -> str:
    """The other strand, 5' to 3'; ambiguity codes included, upper case."""
    return sequence.translate(COMPLEMENT)[::-1]


@dataclass(frozen=True)
class Axis(ABC):
    """A numbered sequence.

    Attributes:
        reference, selector, kind: how a name on it begins, ``reference(selector):kind.``
    """

    reference: str
    selector: str
    kind: str

    @property
    @abstractmethod
    def low(self) -> int:
        """Index of the first base of the sequence or transcript."""

    @property
    @abstractmethod
    def high(self) -> int:
        """Index behind its last base; no change is moved over that."""

    @property
    def floor(self) -> int:
        """Index of the first base that can be read."""
        return self.low

    @property
    def limit(self) -> int:
        """Index behind the last base that can be read."""
        return self.high

    @property
    def strand(self) -> int:
        """1 or -1 on a contig, 0 for an axis without a place on one."""
        return 1

    @abstractmethod
    def fetch(self, start: int, end: int) -> str:
        """Upper-case bases of indices ``start`` to ``end - 1``, which must exist."""

    @abstractmethod
    def index(self, point: Point) -> int:
        """Where a position is. Raises HgvsError if there is none."""

    @abstractmethod
    def point(self, index: int) -> Point:
        """The canonical name of a place. Raises HgvsError if it has none."""

    def coding(self, index: int) -> int | None:
        """Position among the coding bases, from 0; None outside them."""
        return None

    def contiguous(self, first: int, last: int) -> bool:
        """Whether no border between exon and intron lies between two indices."""
        return True


@dataclass(frozen=True)
class Contig(Axis):
    """A chromosome, or another genomic sequence, for g. and m. names.

    ``bases`` gives an interval, 1-based and inclusive, as :mod:`endotype.variants.alleles` has it.
    """

    length: int
    bases: Fetch

    @property
    def low(self) -> int:
        """The first position, 1."""
        return 1

    @property
    def high(self) -> int:
        """One more than the last position."""
        return self.length + 1

    def fetch(self, start: int, end: int) -> str:
        """Bases of positions ``start`` to ``end - 1``."""
        return self.bases(start, end - 1).upper() if end > start else ""

    def index(self, point: Point) -> int:
        """The position itself."""
        if point.end in ("pter", "qter"):
            return 1 if point.end == "pter" else self.length
        if not point.known or point.base is None:
            raise HgvsError(f"position {point} is not known exactly")
        if point.offset or point.after:
            raise HgvsError(f"there is no position {point} in {self.reference}")
        return self._inside(point.base)

    def point(self, index: int) -> Point:
        """The position itself."""
        return Point(self._inside(index))

    def _inside(self, position: int) -> int:
        if not 1 <= position <= self.length:
            raise HgvsError(
                f"there is no position {position} in {self.reference}, which has {self.length:,} bases"
            )
        return position


@dataclass(frozen=True)
class Numbering:
    """How positions of a transcript are numbered: from its first base (n.) or by its coding bases (c., r.).

    Attributes:
        name: for messages.
        length: bases of the transcript.
        cds: half-open interval of its coding bases; None if positions are counted from the first base.
    """

    name: str
    length: int
    cds: tuple[int, int] | None

    def position(self, point: Point, beyond: bool = False) -> int:
        """0-based position in the transcript of the base that ``point`` counts from.

        ``beyond``: positions of c. names go on in front of the transcript and behind it.
        """
        if not point.known or point.base is None:
            raise HgvsError(f"position {point} is not known exactly")
        start, end = self.cds or (0, self.length)
        base = point.base
        if self.cds is None and (point.after or base < 0):
            raise HgvsError(f"there is no position {point} where positions are counted from the first base")
        if point.after:
            position, part, size = end + base - 1, "bases behind its stop codon", self.length - end
        elif base < 0:
            position, part, size = start + base, "bases in front of its start codon", start
        else:
            position, part, size = start + base - 1, "coding bases" if self.cds else "bases", end - start
        if abs(base) > size and not (beyond and (point.after or base < 0)):
            reason = f"there is no position {point} in {self.name}, which has {size:,} {part}"
            if self.cds and not point.after and base > 0 and position < self.length:
                reason += f"; behind the stop codon it would be *{base - size}"
            raise HgvsError(reason)
        return position

    def point(self, position: int, offset: int = 0) -> Point:
        """The position that a 0-based place in the transcript, or ``offset`` bases into its intron, is."""
        if self.cds is None:
            return Point(position + 1, offset)
        start, end = self.cds
        if position >= end:
            return Point(position - end + 1, offset, after=True)
        return Point(position - start + (position >= start), offset)

    def coding(self, position: int) -> int | None:
        """Position among the coding bases, from 0; None outside them."""
        return position - self.cds[0] if self.cds and self.cds[0] <= position < self.cds[1] else None


@dataclass(frozen=True)
class Messenger(Axis):
    """A transcript by its own sequence, without introns; its names can't be projected."""

    sequence: str
    numbering: Numbering

    @property
    def low(self) -> int:
        """The first base, 0."""
        return 0

    @property
    def high(self) -> int:
        """Bases of the transcript."""
        return len(self.sequence)

    @property
    def strand(self) -> int:
        """No place on a contig."""
        return 0

    def fetch(self, start: int, end: int) -> str:
        """Bases of the transcript."""
        return self.sequence[start:end]

    def index(self, point: Point) -> int:
        """Position in the transcript, from 0."""
        if point.end in ("pter", "qter"):
            return 0 if point.end == "pter" else len(self.sequence) - 1
        if point.offset:
            raise HgvsError(
                f"position {point} is in an intron, and {self.reference} has none; name the genome too"
            )
        return self.numbering.position(point)

    def point(self, index: int) -> Point:
        """Of a position in the transcript."""
        if not 0 <= index < len(self.sequence):
            raise HgvsError(f"outside {self.reference}")
        return self.numbering.point(index)

    def coding(self, index: int) -> int | None:
        """Position among the coding bases."""
        return self.numbering.coding(index)


@dataclass(frozen=True)
class Placed(Axis):
    """A transcript on its contig, with its introns.

    Positions of c. names go on beyond its ends, as they do in the names of promoter variants.

    Attributes:
        contig: where it lies.
        exons: indices of each exon's first and last base, 5' to 3'.
        firsts: position in the transcript of each exon's first base.
        direction: 1 or -1.
    """

    contig: Contig
    exons: tuple[tuple[int, int], ...]
    firsts: tuple[int, ...]
    numbering: Numbering
    direction: int

    @property
    def low(self) -> int:
        """Index of the first base of the transcript."""
        return self.exons[0][0]

    @property
    def high(self) -> int:
        """Index behind the last base of the transcript."""
        return self.exons[-1][1] + 1

    @property
    def floor(self) -> int:
        """Index of the first base of the contig, or of the last one on the minus strand."""
        return 1 if self.direction > 0 else -self.contig.length

    @property
    def limit(self) -> int:
        """Index behind the last base of the contig, or the first one on the minus strand."""
        return self.contig.length + 1 if self.direction > 0 else 0

    @property
    def strand(self) -> int:
        """Of the transcript."""
        return self.direction

    def fetch(self, start: int, end: int) -> str:
        """Bases of the contig in the direction of the transcript."""
        if end <= start:
            return ""
        if self.direction > 0:
            return self.contig.fetch(start, end)
        return reverse_complement(self.contig.fetch(1 - end, 1 - start))

    def index(self, point: Point) -> int:
        """Where a position of the transcript or of one of its introns is."""
        if point.end:
            raise HgvsError(f"{point.end} is an end of a chromosome, not of a transcript")
        position = self.numbering.position(point, beyond=True)
        exon = max(0, bisect_right(self.firsts, position) - 1)
        start, end = self.exons[exon]
        index = start + position - self.firsts[exon]
        if not point.offset:
            self.contig.point(abs(index))
            return index
        if point.offset > 0:
            last = exon + 1 == len(self.exons)
            fits = index == end and not last and index + point.offset < self.exons[exon + 1][0]
        else:
            fits = index == start and exon > 0 and index + point.offset > self.exons[exon - 1][1]
        if not fits:
            raise HgvsError(f"position {point} isn't in an intron of {self.numbering.name}")
        return index + point.offset

    def point(self, index: int) -> Point:
        """Of an index in an exon, an intron (its middle counts from the exon before it) or beyond."""
        self.contig.point(abs(index))
        if self.numbering.cds is None and not self.low <= index < self.high:
            raise HgvsError(f"outside {self.numbering.name}")
        exon = self._exon(index)
        start, end = self.exons[exon]
        if index <= end or exon + 1 == len(self.exons):
            return self.numbering.point(self.firsts[exon] + index - start)
        last = self.firsts[exon] + end - start
        up, down = index - end, self.exons[exon + 1][0] - index
        return self.numbering.point(last, up) if up <= down else self.numbering.point(last + 1, -down)

    def coding(self, index: int) -> int | None:
        """Position among the coding bases; None in an intron."""
        start, end = self.exons[self._exon(index)]
        if not start <= index <= end:
            return None
        return self.numbering.coding(self.firsts[self._exon(index)] + index - start)

    def contiguous(self, first: int, last: int) -> bool:
        """Whether two indices are in one exon or in one intron."""
        return not any(first <= end < last or first < start <= last for start, end in self.exons)

    def _exon(self, index: int) -> int:
        """The last exon that begins at an index or before it; the first one if none does."""
        return max(0, bisect_right(self.exons, (index, self.high)) - 1)


def placed(
    reference: str,
    name: str,
    kind: str,
    contig: Contig,
    strand: int,
    exons: list[tuple[int, int]],
    cds: tuple[int, int] | None,
) -> Placed:
    """A transcript on its contig.

    Args:
        reference: of the contig, as names are to begin.
        name: of the transcript.
        kind: c, n or r.
        exons: bounds on the contig, 1-based and inclusive, in any order.
        cds: half-open interval of coding positions in the transcript, or None.
    """
    order = sorted(exons) if strand > 0 else sorted((-end, -start) for start, end in exons)
    firsts, length = [], 0
    for start, end in order:
        firsts.append(length)
        length += end - start + 1
    numbering = Numbering(name, length, numbered_by(kind, name, cds))
    selector = name if reference else ""
    places = tuple(order), tuple(firsts)
    return Placed(reference or name, selector, kind, contig, *places, numbering, strand)


def numbered_by(kind: str, name: str, cds: tuple[int, int] | None) -> tuple[int, int] | None:
    """The coding interval that positions of a ``kind`` of name are counted by."""
    if kind == "c" and cds is None:
        raise HgvsError(f"{name} codes for nothing: its names begin with n.")
    return None if kind == "n" else cds
