"""An allele of a user's file under the name that the cohort's variants have."""

from __future__ import annotations

import re
from typing import NamedTuple

from endotype.annotation.reference import Reference, match_contigs
from endotype.variants.alleles import left_align, trim

_SEQUENCE = re.compile("[ACGT]+")


class Placed(NamedTuple):
    """A normalised allele, or the reason why it has none."""

    chrom: str
    pos: int
    ref: str
    alt: str
    reason: str = ""


class Placer:
    """Splits nothing: takes one ALT at a time, checks it against the reference, trims and left-aligns it.

    Args:
        reference: ``None``: alleles are trimmed only, and contigs keep their names.
    """

    def __init__(self, reference: Reference | None) -> None:
        self._reference = reference
        self._contigs: dict[str, str | None] = {}

    def __call__(self, chrom: str, pos: int, ref: str, alt: str) -> Placed:
        """The allele as the cohort has it. ``-`` is the empty allele of a MAF."""
        if alt == "*":
            return Placed(chrom, pos, ref, alt, "spanning_deletion")
        if alt in ("", "."):
            return Placed(chrom, pos, ref, alt, "no_alternate_allele")
        if alt != "-" and not _SEQUENCE.fullmatch(alt):
            symbolic = re.search(r"[][<>.]", alt)
            return Placed(chrom, pos, ref, alt, "symbolic_allele" if symbolic else "alt_not_acgt")
        if ref != "-" and not _SEQUENCE.fullmatch(ref):
            return Placed(chrom, pos, ref, alt, "ref_not_acgt")
        if ref == alt:
            return Placed(chrom, pos, ref, alt, "alt_equals_ref")
        if self._reference is None:
            if "-" in (ref, alt):
                return Placed(chrom, pos, ref, alt, "needs_reference")
            return Placed(chrom, *trim(pos, ref, alt))
        return self._on_reference(self._reference, chrom, pos, ref, alt)

    def _on_reference(self, reference: Reference, chrom: str, pos: int, ref: str, alt: str) -> Placed:
        if chrom not in self._contigs:
            self._contigs[chrom] = match_contigs([chrom], reference.lengths).get(chrom)
        name = self._contigs[chrom]
        if name is None:
            return Placed(chrom, pos, ref, alt, "contig_not_in_reference")
        n_ref = 0 if ref == "-" else len(ref)
        if pos < 1 + (alt == "-") or pos + max(n_ref, 1) - 1 > reference.lengths[name]:
            return Placed(chrom, pos, ref, alt, "beyond_contig")
        if n_ref and reference.bases(name, pos, n_ref) != ref:
            return Placed(chrom, pos, ref, alt, "ref_mismatch")
        if ref == "-":  # a MAF gives an insertion the position of the base before it
            ref = reference.bases(name, pos, 1)
            alt = ref + alt
        elif alt == "-":  # and a deletion that of its first base
            pos, alt = pos - 1, reference.bases(name, pos - 1, 1)
            ref = alt + ref
        if not _SEQUENCE.fullmatch(ref):
            return Placed(chrom, pos, ref, alt, "ref_not_acgt")

        def fetch(start: int, end: int) -> str:
            return reference.bases(name, start, end - start + 1)

        return Placed(name, *left_align(pos, ref, alt, fetch))
