"""Established pathogenic alleles by where they are in the protein, for PS1, PM5, PVS1's start codon, PP2
and BP1.

Made of the clinical source's (likely) pathogenic alleles, described on the same transcripts by the same
engine as the cohort's variants. The clinical source is asked about *other* alleles only: never does a
variant's own record become evidence for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from endotype.annotation.severity import clinical_words


class KnownAllele(NamedTuple):
    """A pathogenic allele of the clinical source. ``row`` is its 1-based record there."""

    variant_id: str
    gene: str
    transcript: str
    position: int
    amino_acids: str
    missense: bool
    near_splice_site: bool
    likely: bool
    stars: int
    clinical_id: str | None
    row: int | None


class GeneCounts(NamedTuple):
    """How many established pathogenic alleles of a gene are missense and how many truncate."""

    missense: int = 0
    truncating: int = 0


class Known:
    """Established alleles, looked up by transcript and residue.

    ``counts`` are of genes, by id (else symbol); ``read`` says how many alleles there were, and what became
    of them.
    """

    def __init__(
        self,
        alleles: Iterable[KnownAllele],
        counts: Mapping[str, GeneCounts],
        read: Mapping[str, int] | None = None,
    ) -> None:
        self._at: dict[tuple[str, int], list[KnownAllele]] = {}
        self._positions: dict[str, list[int]] = {}
        for allele in alleles:
            self._at.setdefault((allele.transcript, allele.position), []).append(allele)
        for transcript, position in sorted(self._at):
            self._positions.setdefault(transcript, []).append(position)
        for group in self._at.values():
            group.sort(key=lambda a: (a.likely, -a.stars, a.variant_id))
        self.counts = counts
        self.read = dict(read or {})

    def at(self, transcript: str | None, position: int | None) -> list[KnownAllele]:
        """Alleles at a residue: pathogenic before likely pathogenic, then those of more stars."""
        if transcript is None or position is None:
            return []
        return self._at.get((transcript, position), [])

    def first_between(self, transcript: str | None, first: int, last: int, but: str) -> KnownAllele | None:
        """The first allele at residues ``first`` to ``last`` that is not the variant ``but``."""
        if transcript is None:
            return None
        for position in self._positions.get(transcript, []):
            if first <= position <= last:
                for allele in self._at[transcript, position]:
                    if allele.variant_id != but:
                        return allele
        return None


def pathogenic_kind(significance: str | None) -> str | None:
    """``pathogenic``, ``likely_pathogenic`` or null: what a clinical significance calls the allele.

    Both words together are the weaker one; conflicting classifications are neither, nor are words beside them
    such as risk factors.
    """
    if significance is None:
        return None
    words = {word.casefold() for word in clinical_words(significance)}
    if any("conflicting" in word for word in words):
        return None
    if "likely_pathogenic" in words:
        return "likely_pathogenic"
    return "pathogenic" if "pathogenic" in words else None
