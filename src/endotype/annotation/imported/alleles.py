"""Which ALT an entry means: programs write alleles by rules of their own."""

from __future__ import annotations

from collections.abc import Sequence

Spelling = dict[str, int]
"""Text of an allele -> its place among the ALTs."""


def vep_spelling(ref: str, alts: Sequence[str]) -> Spelling:
    """The alleles as Ensembl VEP writes them: where any ALT is an insertion or deletion and all alleles begin
    with one base, without that base, and ``-`` for nothing; else as they stand. ``*`` is passed over.
    """
    real = [alt for alt in alts if alt != "*"]
    is_indel = any(len(alt) != len(ref) for alt in real)
    if is_indel and len({allele[:1] for allele in (ref, *real)}) == 1:
        return _places([alt if alt == "*" else alt[1:] or "-" for alt in alts])
    return _places(alts)


def minimal_spelling(ref: str, alts: Sequence[str]) -> Spelling:
    """Each allele without what it shares with REF at both ends (VEP with ``--minimal``)."""
    return _places([_without_shared(ref, alt) for alt in alts])


def match_alleles(
    ref: str, alts: Sequence[str], written: Sequence[str], as_they_stand: bool = False
) -> list[int | None] | None:
    """The ALT that each entry of a record means.

    The first of these spellings is taken by which every entry is an allele of the record: VEP's, the alleles
    as they stand, the minimal one. Where none fits all, as in a record that was split after it was annotated,
    entries of other alleles have none.

    Args:
        ref, alts: of the record, upper case.
        written: the allele of each entry.
        as_they_stand: the program (SnpEff) has no other spelling.

    Returns:
        Places among ``alts``, ``None`` for an entry of another allele; ``None`` for the whole when two
        spellings mean different entries by the same allele.
    """
    spellings = [_places(alts)]
    if not as_they_stand:
        spellings = [vep_spelling(ref, alts), *spellings, minimal_spelling(ref, alts)]
    for spelling in spellings:
        if all(text in spelling for text in written):
            return [spelling[text] for text in written]
    answers = [[spelling.get(text) for text in written] for spelling in spellings]
    fitting = {tuple(answer) for answer in answers if any(place is not None for place in answer)}
    if len(fitting) > 1:
        return None
    return list(fitting.pop()) if fitting else [None] * len(written)


def _places(alleles: Sequence[str]) -> Spelling:
    return {allele: place for place, allele in reversed(list(enumerate(alleles)))}


def _without_shared(ref: str, alt: str) -> str:
    end = 0
    while end < min(len(ref), len(alt)) and ref[-1 - end] == alt[-1 - end]:
        end += 1
    ref, alt = ref[: len(ref) - end], alt[: len(alt) - end]
    start = 0
    while start < min(len(ref), len(alt)) and ref[start] == alt[start]:
        start += 1
    return alt[start:] or "-"
