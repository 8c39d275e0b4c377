"""The simulation's kernels and tables as a reader would write them. Slow on purpose."""

from __future__ import annotations

import numpy as np

CODONS = {
    "F": "TTT TTC", "L": "TTA TTG CTT CTC CTA CTG", "I": "ATT ATC ATA", "M": "ATG",
    "V": "GTT GTC GTA GTG", "S": "TCT TCC TCA TCG AGT AGC", "P": "CCT CCC CCA CCG",
    "T": "ACT ACC ACA ACG", "A": "GCT GCC GCA GCG", "Y": "TAT TAC", "*": "TAA TAG TGA",
    "H": "CAT CAC", "Q": "CAA CAG", "N": "AAT AAC", "K": "AAA AAG", "D": "GAT GAC",
    "E": "GAA GAG", "C": "TGT TGC", "W": "TGG", "R": "CGT CGC CGA CGG AGA AGG", "G": "GGT GGC GGA GGG",
}  # fmt: skip
AMINO_ACID = {codon: aa for aa, codons in CODONS.items() for codon in codons.split()}


def translate(coding: str) -> str:
    """Protein of a coding sequence, one letter per codon."""
    return "".join(AMINO_ACID[coding[i : i + 3]] for i in range(0, len(coding), 3))


def reverse_complement(sequence: str) -> str:
    """The other strand, read the other way."""
    return sequence.translate(str.maketrans("ACGT", "TGCA"))[::-1]


def vcf_lines(
    prefixes: list[bytes],
    alleles: np.ndarray,
    ploidy: np.ndarray,
    n_alleles: np.ndarray,
    depths: np.ndarray,
    quality: np.ndarray,
) -> bytes:
    """What ``endotype.simulation.kernels.format_records`` writes."""

    def shown(allele: int) -> str:
        return "." if allele < 0 else str(allele)

    lines = []
    for v, prefix in enumerate(prefixes):
        cells = [prefix.decode()]
        for p in range(len(ploidy)):
            first, second = (int(a) for a in alleles[v, p])
            if ploidy[p] < 2:
                missing = ploidy[p] == 0 or first < 0
                genotype = "." if missing else str(first)
            else:
                missing = first < 0 and second < 0
                genotype = "/".join(shown(a) for a in sorted((first, second)))
            if missing:
                cells.append(f"{genotype}:.:.:.")
                continue
            reads = [int(n) for n in depths[v, p, : n_alleles[v]]]
            cells.append(f"{genotype}:{','.join(map(str, reads))}:{sum(reads)}:{quality[v, p]}")
        lines.append("\t".join(cells) + "\n")
    return "".join(lines).encode()
