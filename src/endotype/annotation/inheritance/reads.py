"""Phase of two neighbouring variants by the fragments that cover both."""

from __future__ import annotations

from dataclasses import dataclass

import pysam

from endotype.annotation.reference import match_contigs
from endotype.variants.alignment import MIN_BASE_QUALITY, MIN_MAPPING_QUALITY

Variant = tuple[str, int, str, str]
"""Contig, 1-based position, REF and ALT."""

MAX_READS = 5000
"""Reads looked at for each variant; at more than that the place is an artefact, and phase isn't judged."""

_UNUSED = pysam.FUNMAP | pysam.FSECONDARY | pysam.FQCFAIL | pysam.FDUP | pysam.FSUPPLEMENTARY
_FLANK = 5


@dataclass(frozen=True)
class Fragments:
    """Fragments that tell the alleles of two variants, by what they carry of ALT."""

    both: int = 0
    first_only: int = 0
    second_only: int = 0
    neither: int = 0


def count_fragments(alignment: pysam.AlignmentFile, first: Variant, second: Variant) -> Fragments:
    """Count the fragments of an alignment that show an allele of both variants.

    Mates count as one fragment; where they contradict each other the fragment is left out. Reads and bases
    are held to the quality of ``variants.alignment``.
    """
    ours = _alleles(alignment, first)
    theirs = _alleles(alignment, second)
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for name, carries in ours.items():
        other = theirs.get(name)
        if carries is not None and other is not None:
            counts[carries, other] += 1
    return Fragments(counts[True, True], counts[True, False], counts[False, True], counts[False, False])


def judge(fragments: Fragments, min_fragments: int, max_conflicting: float) -> str:
    """``cis``, ``trans`` or ``unknown``.

    In cis the two ALT alleles ride on one fragment; in trans each rides without the other. At least
    ``min_fragments`` must say so, of each kind for trans, and of those that carry an ALT allele at most the
    share ``max_conflicting`` may say otherwise.
    """
    together, apart = fragments.both, fragments.first_only + fragments.second_only
    informative = together + apart
    if together >= min_fragments and apart <= max_conflicting * informative:
        return "cis"
    fewest = min(fragments.first_only, fragments.second_only)
    if fewest >= min_fragments and together <= max_conflicting * informative:
        return "trans"
    return "unknown"


def _alleles(alignment: pysam.AlignmentFile, variant: Variant) -> dict[str, bool | None]:
    """Fragment -> whether it carries ALT; ``None`` where its mates disagree."""
    chrom, pos, ref, alt = variant
    contig = match_contigs([chrom], alignment.references).get(chrom)
    found: dict[str, bool | None] = {}
    if contig is None or pos + len(ref) > alignment.get_reference_length(contig):
        return found
    for n, read in enumerate(alignment.fetch(contig, pos - 1, pos - 1 + len(ref))):
        if n >= MAX_READS:
            return {}
        if read.flag & _UNUSED or read.mapping_quality < MIN_MAPPING_QUALITY or read.query_name is None:
            continue
        carries = carries_alt(read, pos, ref, alt)
        if carries is not None:
            known = found.setdefault(read.query_name, carries)
            if known != carries:
                found[read.query_name] = None
    return found


def carries_alt(read: pysam.AlignedSegment, pos: int, ref: str, alt: str) -> bool | None:
    """Whether a read has ALT (true) or REF (false) at a variant; ``None`` where it shows neither clearly.

    A read that ends within a repeat of the inserted or deleted bases, or that has another insertion or
    deletion near by, may carry the same change written otherwise: it says nothing.
    """
    bases, quality = read.query_sequence, read.query_qualities
    if bases is None:
        return None
    first, end = pos - 1, pos - 1 + len(ref)
    at = {r: q for q, r in read.get_aligned_pairs(matches_only=True)}
    if first not in at:
        return None
    start = at[first]
    if len(ref) == len(alt):
        places = [at.get(p) for p in range(first, end)]
        if places != list(range(start, start + len(ref))):
            return None
        stop = start + len(ref)
    else:
        if end not in at or any(p not in at for p in (first - _FLANK, end + _FLANK)):
            return None
        stop = at[end]
        if not _spans_repeat(read, bases, start + 1, max(ref, alt, key=len)[1:]) or _other_indel(
            at, first, end
        ):
            return None
    if quality is not None and min(quality[start:stop]) < MIN_BASE_QUALITY:
        return None
    return {ref: False, alt: True}.get(bases[start:stop].upper())


def _spans_repeat(read: pysam.AlignedSegment, bases: str, at: int, unit: str) -> bool:
    """Whether the aligned part of a read goes on past the copies of ``unit`` that begin at ``at``."""
    n = 0
    while at + n < read.query_alignment_end and bases[at + n].upper() == unit[n % len(unit)]:
        n += 1
    return at + n < read.query_alignment_end


def _other_indel(at: dict[int, int], first: int, end: int) -> bool:
    """Whether bases are inserted or deleted near a variant, outside of it."""
    near = 2 * (end - first) + 2 * _FLANK
    left = [at[p] - p for p in range(first - near, first + 1) if p in at]
    right = [at[p] - p for p in range(end, end + near + 1) if p in at]
    return any(side and min(side) != max(side) for side in (left, right))
