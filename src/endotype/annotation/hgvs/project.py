"""Carry a name from a transcript to its contig, back, and to the allele a VCF would have.

A change is resolved on the axis it is named on, turned into the other one's direction, and named afresh
there, so the 3' rule holds on both sides: the same deletion in a repeat has one place in a c. name of a
transcript on the minus strand and another one, at the other end of the repeat, in its g. name.
"""

from __future__ import annotations

from typing import NamedTuple

from endotype.annotation.hgvs.axis import Axis, Contig, Placed
from endotype.annotation.hgvs.model import Change, Description, HgvsError
from endotype.annotation.hgvs.normalise import Replacement, Sequences, interval, name, rename, resolve, turned
from endotype.annotation.hgvs.parse import parse
from endotype.variants.alleles import left_align


class Allele(NamedTuple):
    """A change as a VCF has it: left-aligned, ``pos`` 1-based; ``chrom`` as its axis is called."""

    chrom: str
    pos: int
    ref: str
    alt: str


def to_axis(
    text: str | Description, target: Axis, sequences: Sequences, *, repeats: bool = False
) -> Description:
    """A name on another axis of the same contig: c. to g., g. to c., one transcript to another.

    ``repeats`` is as in :func:`~endotype.annotation.hgvs.normalise.normalise`.

    Raises:
        HgvsError: as :func:`~endotype.annotation.hgvs.normalise.normalise`; or the two are on different
        contigs, or
            a changed base has no position on the target.
    """
    description = parse(text) if isinstance(text, str) else text
    if description.kind == "p":
        raise HgvsError("a protein name doesn't tell the bases")
    source = sequences.axis(description.reference, description.selector, description.kind)
    if _contig(source).reference != _contig(target).reference:
        raise HgvsError(f"{target.reference} is not on {_contig(source).reference}")
    return rename(description, source, target, sequences, repeats=repeats)


def to_genomic(text: str | Description, sequences: Sequences, *, repeats: bool = False) -> Description:
    """The g. (or m.) name of a change."""
    description = parse(text) if isinstance(text, str) else text
    source = sequences.axis(description.reference, description.selector, description.kind)
    return to_axis(description, _contig(source), sequences, repeats=repeats)


def to_vcf(text: str | Description, sequences: Sequences) -> Allele:
    """The VCF allele of a name of one change.

    Raises:
        HgvsError: as :func:`to_axis`; or the name is of several changes, or of none.
    """
    description = parse(text) if isinstance(text, str) else text
    change = description.single
    if not isinstance(change, Change):
        raise HgvsError("a VCF allele is of one change of DNA")
    source = sequences.axis(description.reference, description.selector, description.kind)
    contig = _contig(source)
    found = turned(resolve(change, source, sequences), source, contig)
    ref = contig.fetch(found.start, found.end)
    if ref == found.alt:
        raise HgvsError("nothing is changed")
    pos, alt = found.start, found.alt
    if not (ref and alt):
        if pos > 1:
            pos -= 1
            anchor = contig.fetch(pos, pos + 1)
            ref, alt = anchor + ref, anchor + alt
        else:  # in front of the first base there is none: the one behind is the anchor
            anchor = contig.fetch(found.end, found.end + 1)
            ref, alt = ref + anchor, alt + anchor
    return Allele(contig.reference, *left_align(pos, ref, alt, contig.bases))


def from_vcf(pos: int, ref: str, alt: str, axis: Axis) -> Change:
    """The words for a VCF allele on an axis of its contig.

    Raises:
        HgvsError: REF isn't what the contig has, or no changed base lies within the axis.
    """
    contig = _contig(axis)
    if contig.fetch(pos, pos + len(ref)) != ref:
        raise HgvsError(f"REF {ref[:40]} is not what {contig.reference} has at {pos:,}")
    found = Replacement(pos, pos + len(ref), alt)
    if len(ref) > 1 or len(alt) > 1:
        shared = 0  # the anchor may lie outside a transcript that the change itself is in
        while shared < min(len(ref), len(alt)) and ref[shared] == alt[shared]:
            shared += 1
        found = Replacement(pos + shared, pos + len(ref), alt[shared:])
    change = name(turned(found, contig, axis), axis)
    assert change.location is not None
    start, end = interval(change.location, axis)
    inside = range(max(start, axis.low), min(end, axis.high))
    if not inside or (change.edit.kind == "insertion" and len(inside) < 2):
        raise HgvsError(f"outside {axis.selector or axis.reference}")
    return change


def _contig(axis: Axis) -> Contig:
    if isinstance(axis, Contig):
        return axis
    if isinstance(axis, Placed):
        return axis.contig
    raise HgvsError(f"{axis.reference} has no place on a contig here")
