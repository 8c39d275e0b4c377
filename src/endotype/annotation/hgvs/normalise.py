"""One name for one change: trimmed, at its 3' end, in the simplest words.

A name is resolved into what it does to its sequence, a :class:`Replacement`, and that is named again from
scratch. So any two spellings of one change get the same name, whatever words they used. Members of an allele
that touch each other are one change; two substitutions in one codon with a base between them as well; all
others stay apart (HGVS recommendations, general: "two variants separated by one or more nucleotides").

What replaces something is always written as bases; a name that copies a range (``ins401_419``) is spelled
out. Not done: protein names are only brought into canonical form, for they don't tell the bases; positions
that are not known exactly are refused.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Protocol

from endotype.annotation.hgvs.axis import Axis, reverse_complement
from endotype.annotation.hgvs.model import (
    Allele,
    Change,
    Count,
    Description,
    Edit,
    HgvsError,
    Location,
    Piece,
    Point,
    Span,
)
from endotype.annotation.hgvs.parse import parse
from endotype.errors import visible

MAX_INSERTED = 1_000_000
"""Bases that a name may bring in."""

STEP = 16
"""Bases read first to see how far a change moves; twice as many each time they don't suffice."""


class Sequences(Protocol):
    """Where the sequences come from."""

    def axis(self, reference: str, selector: str, kind: str) -> Axis:
        """The axis of a name. Raises HgvsError if the reference is unknown or has no such names."""
        ...


@dataclass(frozen=True, order=True)
class Replacement:
    """``alt`` in place of the bases of the half-open interval ``start .. end`` of an axis."""

    start: int
    end: int
    alt: str


def normalise(text: str, sequences: Sequences, *, repeats: bool = False) -> str:
    """The canonical name of what ``text`` describes.

    Args:
        text: an HGVS name with its reference.
        sequences: must know the reference.
        repeats: write two or more further copies of a repeated unit as ``unit[n]`` in place of ``dup`` or
            ``ins``. The recommendations have that only outside coding bases or for units of whole codons, and
            the tables of this program never do; other programs write it everywhere.

    Raises:
        HgvsError: no HGVS name, or one that contradicts its sequence.
    """
    return str(normalise_description(parse(text), sequences, repeats=repeats))


def normalise_description(
    description: Description, sequences: Sequences, *, repeats: bool = False
) -> Description:
    """:func:`normalise` for a name that was read already."""
    if description.kind == "p":
        return description
    source = sequences.axis(description.reference, description.selector, description.kind)
    target = source
    if description.kind == "n":  # n. is for transcripts that code for nothing; of others it's c.
        with contextlib.suppress(HgvsError):
            target = sequences.axis(description.reference, description.selector, "c")
    return rename(description, source, target, sequences, repeats=repeats)


def rename(
    description: Description, source: Axis, target: Axis, sequences: Sequences, *, repeats: bool = False
) -> Description:
    """Every allele of a name on another axis of the same contig, or on its own, in canonical form."""
    alleles = []
    for allele in description.alleles:
        if any(not isinstance(change, Change) for change in allele.changes):
            raise HgvsError("a protein name doesn't tell the bases")
        if len(allele.changes) == 1 and _whole(allele.changes[0]):  # type: ignore[arg-type]
            alleles.append(allele)
            continue
        changes = _rename_allele(allele, source, target, sequences, repeats)
        several = len(changes) > 1 or (len(description.alleles) > 1 and allele.bracketed)
        alleles.append(Allele(changes, several, allele.predicted and len(changes) > 1))
    return Description(target.reference, target.selector, target.kind, tuple(alleles), description.joins)


def _whole(change: Change) -> bool:
    """``c.=``, ``c.?``: nothing to place."""
    return change.location is None and change.edit.kind in ("equal", "unknown", "spliced", "none")


def _rename_allele(
    allele: Allele, source: Axis, target: Axis, sequences: Sequences, repeats: bool
) -> tuple[Change, ...]:
    resolved: list[tuple[Replacement, Change]] = []
    for change in allele.changes:
        assert isinstance(change, Change)
        resolved.append((turned(resolve(change, source, sequences), source, target), change))
    predicted = all(change.predicted for _, change in resolved)
    mosaic = {change.mosaic for _, change in resolved}
    if len(resolved) > 1 and mosaic != {""}:
        raise HgvsError("a mosaic among several changes of one allele isn't supported")
    merged = merge([found for found, _ in resolved], target)
    changes = [name(one, target, repeats=repeats) for one in merged]
    changed = [one for one in changes if one.edit.kind != "equal"]
    kept = changed or changes[:1]
    return tuple(replace(one, predicted=predicted, mosaic=next(iter(mosaic))) for one in kept)


def merge(found: list[Replacement], axis: Axis) -> list[Replacement]:
    """The changes of one allele in order, those that touch each other as one.

    Raises:
        HgvsError: two of them change the same base, or insert at the same place.
    """
    ordered = sorted(found)
    merged: list[Replacement] = []
    for one in ordered:
        last = merged[-1] if merged else None
        if last is None or last.end < one.start:
            between = "" if last is None else _codon_between(last, one, axis)
            if last is not None and between:
                merged[-1] = Replacement(last.start, one.end, last.alt + between + one.alt)
            else:
                merged.append(one)
            continue
        both_insert = last.start == last.end == one.start == one.end
        if one.start < last.end or both_insert:
            raise HgvsError("two changes of one allele overlap")
        merged[-1] = Replacement(last.start, one.end, last.alt + one.alt)
    return merged


def _codon_between(first: Replacement, second: Replacement, axis: Axis) -> str:
    """The base between two substitutions of one codon; empty if they aren't that."""
    substitutions = all(one.end - one.start == len(one.alt) == 1 for one in (first, second))
    if not substitutions or second.start != first.end + 1 or not axis.contiguous(first.start, second.start):
        return ""
    left, right = axis.coding(first.start), axis.coding(second.start)
    if left is None or right is None or left // 3 != right // 3:
        return ""
    return axis.fetch(first.end, second.start)


def turned(found: Replacement, source: Axis, target: Axis) -> Replacement:
    """A replacement on another axis of the same contig, or of the same transcript."""
    if source is target or source.strand == target.strand != 0:
        return found
    if source.strand == target.strand and source.reference == target.reference:
        return found
    if not source.strand or not target.strand:
        raise HgvsError(f"{source.reference} has no place on a contig here")
    return Replacement(1 - found.end, 1 - found.start, reverse_complement(found.alt))


# From words to bases


def resolve(change: Change, axis: Axis, sequences: Sequences) -> Replacement:
    """What a change does to its sequence.

    Raises:
        HgvsError: a position that doesn't exist or isn't known, bases that the sequence doesn't have there,
        an
            insertion between bases that aren't neighbours, bases that aren't told.
    """
    edit = change.edit
    if change.location is None:
        raise HgvsError("there is no position to change")
    start, end = interval(change.location, axis)
    _check_described(edit, start, end, axis)
    match edit.kind:
        case "substitution":
            return Replacement(start, end, _dna(edit.alt))
        case "deletion":
            return Replacement(start, end, "")
        case "duplication":
            return Replacement(end, end, axis.fetch(start, end))
        case "inversion":
            return Replacement(start, end, reverse_complement(axis.fetch(start, end)))
        case "equal":
            return Replacement(start, end, axis.fetch(start, end))
        case "delins":
            return Replacement(start, end, inserted_bases(edit.inserted, axis, sequences))
        case "insertion":
            if end - start != 2:
                raise HgvsError(f"{change.location} is not two neighbouring positions")
            return Replacement(start + 1, start + 1, inserted_bases(edit.inserted, axis, sequences))
        case "repeat":
            return _resolve_repeat(change.location, edit, start, end, axis)
    raise HgvsError("what becomes of the sequence isn't told")


def interval(location: Location, axis: Axis) -> tuple[int, int]:
    """Half-open indices of a location."""
    if isinstance(location, Point):
        index = axis.index(location)
        return index, index + 1
    if isinstance(location, Span) and isinstance(location.first, Point) and isinstance(location.last, Point):
        start, last = axis.index(location.first), axis.index(location.last)
        if last < start:
            raise HgvsError(f"{location} runs backward")
        return start, last + 1
    raise HgvsError(f"position {location} is not known exactly")


def _check_described(edit: Edit, start: int, end: int, axis: Axis) -> None:
    if edit.kind == "repeat" or not (edit.ref or edit.length):
        return
    if (len(edit.ref) or edit.length) != end - start:
        raise HgvsError(f"{len(edit.ref) or edit.length} bases are named, at a location of {end - start:,}")
    found = axis.fetch(start, end)
    if edit.ref and _dna(edit.ref) != found:
        raise HgvsError(
            f"the name says {visible(edit.ref, 40)}, {axis.reference} has {visible(found, 40)} there"
        )


def _dna(bases: str) -> str:
    return bases.upper().replace("U", "T")


def inserted_bases(pieces: tuple[Piece, ...], axis: Axis, sequences: Sequences) -> str:
    """The bases that pieces of an insertion stand for."""
    bases = ""
    for piece in pieces:
        if piece.location is None:
            one = _dna(piece.bases)
            if not one:
                raise HgvsError("the inserted bases aren't told")
        else:
            other = axis
            if piece.reference:
                kind = piece.kind or "g"
                other = sequences.axis(piece.reference, piece.selector, kind)
            start, end = interval(piece.location, other)
            if end - start > MAX_INSERTED:
                raise HgvsError(f"more than {MAX_INSERTED:,} inserted bases")
            if not other.contiguous(start, end - 1):
                raise HgvsError(
                    f"{piece.location} crosses the border of an exon: with or without the intron?"
                )
            one = other.fetch(start, end)
        if piece.inverted:
            one = reverse_complement(one)
        copies = _exactly(piece.count) if piece.count else 1
        if len(bases) + copies * len(one) > MAX_INSERTED:
            raise HgvsError(f"more than {MAX_INSERTED:,} inserted bases")
        bases += one * copies
    return bases


def _exactly(count: Count) -> int:
    if count.low is None or count.low != count.high:
        raise HgvsError(f"the number of copies, {count}, is not known exactly")
    return count.low


def _resolve_repeat(location: Location, edit: Edit, start: int, end: int, axis: Axis) -> Replacement:
    """The tract of a repeat in its new length.

    A single position is the first base of the first copy, and the tract all copies that follow; a range is
    the tract.
    """
    total = 0
    for unit, count in edit.units:
        total += len(unit or "N") * _exactly(count)
    if total > MAX_INSERTED:
        raise HgvsError(f"more than {MAX_INSERTED:,} bases of repeats")
    new = "".join((_dna(unit) or axis.fetch(start, end)) * _exactly(count) for unit, count in edit.units)
    if isinstance(location, Point):
        if len(edit.units) > 1 or not edit.units[0][0]:
            raise HgvsError("a repeat of several units needs the range of the whole tract")
        unit = _dna(edit.units[0][0])
        end = start
        while end + len(unit) <= axis.high and axis.fetch(end, end + len(unit)) == unit:
            end += len(unit)
        if end == start:
            raise HgvsError(f"the name says {visible(unit, 40)}, {axis.reference} has something else there")
        return Replacement(start, end, new)
    if len(edit.units) == 1 and edit.units[0][0]:
        unit, tract = _dna(edit.units[0][0]), axis.fetch(start, end)
        if len(tract) % len(unit) or unit * (len(tract) // len(unit)) != tract:
            raise HgvsError(f"{visible(tract, 40)} is not made of {visible(unit, 40)}")
    return Replacement(start, end, new)


# From bases to words


def name(found: Replacement, axis: Axis, *, repeats: bool = False) -> Change:
    """The canonical words for a replacement."""
    start, end, alt = found.start, found.end, found.alt
    ref = axis.fetch(start, end)
    if ref == alt:
        if start == end:
            raise HgvsError("nothing is changed, and there is no position to say so of")
        return Change(_location(start, end, axis), Edit("equal"))
    shared = _shared(ref[::-1], alt[::-1])
    end, ref, alt = end - shared, ref[: len(ref) - shared], alt[: len(alt) - shared]
    shared = _shared(ref, alt)
    start, ref, alt = start + shared, ref[shared:], alt[shared:]
    if ref and alt:
        if len(ref) == len(alt) == 1:
            edit = Edit("substitution", *_spelled(axis, ref), alt=_spelled(axis, alt)[0])
            return Change(axis.point(start), edit)
        if alt == reverse_complement(ref):
            return Change(_location(start, end, axis), Edit("inversion"))
        return Change(_location(start, end, axis), _bringing("delins", alt, axis))
    if ref:
        moved = _moved(ref, start, end, axis.high, axis)
        return Change(_location(start + moved, end + moved, axis), Edit("deletion"))
    return _name_insertion(start, alt, axis, repeats)


def _name_insertion(start: int, alt: str, axis: Axis, repeats: bool) -> Change:
    for high in (axis.high, axis.high - 1):  # behind the last base only a dup can be named
        moved = _moved(alt, start, start, high, axis)
        at, turn = start + moved, moved % len(alt)
        bases = alt[turn:] + alt[:turn]
        found = _repeat(at, bases, axis) if repeats else None
        if found is not None:
            return found
        if at - len(bases) >= axis.low and axis.fetch(at - len(bases), at) == bases:
            return Change(_location(at - len(bases), at, axis), Edit("duplication"))
        if at != axis.high:
            break
    if at == axis.floor:  # in front of the first base there is none to name
        return Change(axis.point(at), _bringing("delins", bases + axis.fetch(at, at + 1), axis))
    if at == axis.limit:
        return Change(axis.point(at - 1), _bringing("delins", axis.fetch(at - 1, at) + bases, axis))
    return Change(Span(axis.point(at - 1), axis.point(at)), _bringing("insertion", bases, axis))


def _repeat(at: int, bases: str, axis: Axis) -> Change | None:
    """An insertion of two or more copies of a unit that stands in front of it, as ``unit[n]``."""
    size = next(n for n in range(1, len(bases) + 1) if bases == bases[:n] * (len(bases) // n))
    unit = bases[:size]
    first = at
    while first - size >= axis.low and axis.fetch(first - size, first) == unit:
        first -= size
    copies = (at - first) // size
    if not copies or len(bases) == size:
        return None
    count = copies + len(bases) // size
    spelled = _spelled(axis, unit)[0]
    return Change(_location(first, at, axis), Edit("repeat", units=((spelled, Count(count, count)),)))


def _shared(first: str, second: str) -> int:
    count = 0
    while count < min(len(first), len(second)) and first[count] == second[count]:
        count += 1
    return count


def _moved(moving: str, start: int, end: int, high: int, axis: Axis) -> int:
    """How far a deletion of ``moving`` at ``start .. end``, or an insertion of it at ``end``, is moved.

    To the last of all places that mean the same and end in front of ``high``; if none does, to the last one.
    A base that is not known stops it.
    """
    back = end - high
    if back <= 0:
        return _ahead(moving, end, high, axis)
    if start - back >= axis.low:
        before = axis.fetch(start - back, start)
        if all(before[-1 - i] == moving[-1 - i % len(moving)] != "N" for i in range(back)):
            return -back
    return _ahead(moving, end, axis.limit, axis)


def _ahead(moving: str, after: int, limit: int, axis: Axis) -> int:
    """Steps to the 3' end that ``moving``, which ends in front of ``after``, can go."""
    steps, bases = 0, ""
    while after + steps < limit:
        if steps == len(bases):
            bases += axis.fetch(after + steps, min(limit, after + steps + max(STEP, steps)))
        base = bases[steps]
        if base == "N" or base != moving[steps % len(moving)]:
            break
        steps += 1
    return steps


def _location(start: int, end: int, axis: Axis) -> Location:
    first = axis.point(start)
    return first if end == start + 1 else Span(first, axis.point(end - 1))


def _spelled(axis: Axis, bases: str) -> tuple[str]:
    return (bases.lower().replace("t", "u"),) if axis.kind == "r" else (bases,)


def _bringing(kind: str, bases: str, axis: Axis) -> Edit:
    return Edit(kind, inserted=(Piece(_spelled(axis, bases)[0]),))
