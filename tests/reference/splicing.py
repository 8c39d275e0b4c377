"""Spliced transcripts and haplotypes, base by base: the slow twins of splicing and of csq's answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

CODONS = {
    a + b + c: letter
    for (a, b, c), letter in zip(
        ((a, b, c) for a in "TCAG" for b in "TCAG" for c in "TCAG"),
        "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        strict=True,
    )
}
"""NCBI's genetic code 1."""

_COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


def spliced(genome: str, exons: Iterable[tuple[int, int]], strand: str) -> str:
    """The bases of exons (1-based, inclusive) 5' to 3'."""
    joined = "".join(genome[start - 1 : end] for start, end in sorted(exons)).upper()
    return joined if strand == "+" else joined.translate(_COMPLEMENT)[::-1]


def translate(bases: str) -> str:
    """The protein of whole codons, up to and with the first stop."""
    protein = ""
    for i in range(0, len(bases) - 2, 3):
        protein += CODONS[bases[i : i + 3]]
        if protein[-1] == "*":
            break
    return protein


def haplotype_protein(
    genome: str, coding: Sequence[tuple[int, int]], strand: str, alleles: Iterable[tuple[int, str, str]]
) -> str:
    """The protein of a transcript on a haplotype with some substitutions (position, REF, ALT)."""
    bases = list(genome)
    for pos, ref, alt in alleles:
        assert genome[pos - 1 : pos - 1 + len(ref)] == ref
        assert len(ref) == len(alt)
        bases[pos - 1 : pos - 1 + len(ref)] = alt
    return translate(spliced("".join(bases), coding, strand))
