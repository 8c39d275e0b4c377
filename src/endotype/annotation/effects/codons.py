"""The genetic codes that human transcripts are read by."""

from __future__ import annotations

import numpy as np

from endotype.annotation.transcripts import BASES

_ORDER = "TCAG"
_AMINO_ACIDS = {
    1: "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
    2: "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSS**VVVVAAAADDEEGGGG",
}
"""NCBI's genetic codes, codons in the order TTT, TTC, TTA, TTG, TCT ..."""

STOP, UNKNOWN = ord("*"), ord("X")


def _table() -> np.ndarray:
    table = np.full((3, 125), UNKNOWN, np.uint8)
    for code, letters in _AMINO_ACIDS.items():
        codons = (a + b + c for a in _ORDER for b in _ORDER for c in _ORDER)
        for codon, letter in zip(codons, letters, strict=True):
            x, y, z = (BASES.index(base) for base in codon)
            table[code, 25 * x + 5 * y + z] = ord(letter)
    return table


AMINO_ACIDS = _table()
"""ASCII letter of the amino acid of codon ``25 x + 5 y + z`` by genetic code; ``*`` stop, ``X`` unknown."""

_NAMES = (
    *("Ala", "Arg", "Asn", "Asp", "Cys", "Gln", "Glu", "Gly", "His", "Ile", "Leu"),
    *("Lys", "Met", "Phe", "Pro", "Ser", "Thr", "Trp", "Tyr", "Val", "Ter", "Xaa"),
)


def _names() -> np.ndarray:
    names = np.full((256, 3), ord("?"), np.uint8)
    for letter, name in zip("ARNDCQEGHILKMFPSTWYV*X", _NAMES, strict=True):
        names[ord(letter)] = np.frombuffer(name.encode(), np.uint8)
    return names


AMINO_ACID_NAMES = _names()
"""The three letters of each amino acid, by its one."""
