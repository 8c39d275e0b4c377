"""The synthetic genome: contigs 1 to 4, X, Y and MT of an assembly that is nobody's.

Bases are the codes 0 to 3 for A, C, G, T, so that ``3 - code`` is the complement and ``code ^ 2`` the
transition partner.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, TextIO

import numpy as np

from endotype.simulation.parameters import Parameters

LETTERS = np.frombuffer(b"ACGT", np.uint8)
AUTOSOMES = ("1", "2", "3", "4")
FASTA_LINE = 60

_SHARES = {"1": 0.26, "2": 0.24, "3": 0.20, "4": 0.16, "X": 0.12, "Y": 0.02}


@dataclass(frozen=True)
class Contig:
    """One contig: its length in bases, and its population size and mutation rate relative to autosomes."""

    name: str
    length: int
    relative_size: float = 1.0
    relative_rate: float = 1.0

    @property
    def recombines(self) -> bool:
        """Y and MT are inherited whole."""
        return self.name not in ("Y", "MT")

    def ploidy(self, male: np.ndarray) -> np.ndarray:
        """Copies per person, uint8: haploid X and Y in males, no Y in females, MT haploid."""
        if self.name == "X":
            return np.where(male, 1, 2).astype(np.uint8)
        if self.name == "Y":
            return np.where(male, 1, 0).astype(np.uint8)
        return np.full(len(male), 1 if self.name == "MT" else 2, np.uint8)


def contigs(parameters: Parameters) -> list[Contig]:
    """Contigs of such a length that about ``parameters.variants`` sites segregate."""
    sizes = {"X": 0.75, "Y": 0.25}
    # X and Y have shorter trees, for their smaller population size; that they have fewer copies matters less.
    relative = sum(share * sizes.get(name, 1.0) for name, share in _SHARES.items())
    total = parameters.variants / (expected_sites_per_base(parameters) * relative)
    return [Contig(name, round(share * total), sizes.get(name, 1.0)) for name, share in _SHARES.items()] + [
        Contig("MT", parameters.mitochondrial_length, 0.25, parameters.mitochondrial_rate_factor)
    ]


def expected_sites_per_base(parameters: Parameters) -> float:
    """Segregating autosomal sites per base: the mutation rate times the expected length of the genealogy.

    The number of lineages k of a population falls as dk/dt = -k (k - 1) / 2 with time in units of 2N
    generations, and the genealogy's length from n to m lineages is 2 ln((n - 1) / (m - 1))
    (deterministic coalescent, Griffiths 1984); within the last population it is twice the harmonic number
    of m - 1 (Watterson 1975).
    """
    unit = 2 * parameters.population_size
    recent, old = (t / unit for t in parameters.split_generations)
    first, second, third = (2 * parameters.patients * share for share in parameters.population_shares)
    length = 0.0

    def pass_time(lineages: float, duration: float) -> float:
        nonlocal length
        left = 1 / (1 - (1 - 1 / lineages) * math.exp(-duration / 2))
        length += 2 * math.log((lineages - 1) / (left - 1))
        return left

    joined = pass_time(pass_time(first, recent) + pass_time(second, recent), old - recent)
    remaining = joined + pass_time(third, old)
    length += 2 * (math.log(remaining) + 0.5772)
    return parameters.mutation_rate * unit * length


def random_bases(length: int, gc_content: float, random: np.random.Generator) -> np.ndarray:
    """Independent bases, uint8 codes of shape (length,)."""
    at, gc = (1 - gc_content) / 2, gc_content / 2
    limits = np.cumsum([at, gc, gc]).astype(np.float32)
    return np.searchsorted(limits, random.random(length, np.float32), side="right").astype(np.uint8)


def text(bases: np.ndarray) -> str:
    """Letters of an array of base codes."""
    return LETTERS[bases].tobytes().decode("ascii")


def write_fasta_record(fasta: BinaryIO, index: TextIO, name: str, bases: np.ndarray) -> None:
    """Append one contig to a FASTA file and its line to the ``.fai`` index."""
    fasta.write(f">{name} synthetic sequence, not of any organism\n".encode())
    offset = fasta.tell()
    letters = LETTERS[bases]
    whole = len(letters) // FASTA_LINE * FASTA_LINE
    lines = np.full((whole // FASTA_LINE, FASTA_LINE + 1), ord("\n"), np.uint8)
    lines[:, :FASTA_LINE] = letters[:whole].reshape(-1, FASTA_LINE)
    fasta.write(lines.tobytes())
    if whole < len(letters):
        fasta.write(letters[whole:].tobytes() + b"\n")
    index.write(f"{name}\t{len(letters)}\t{offset}\t{FASTA_LINE}\t{FASTA_LINE + 1}\n")


def windows(length: int, size: int) -> Iterable[tuple[int, int]]:
    """Half-open 0-based windows that cover a contig; the last one is never shorter than half of ``size``."""
    count = max(1, round(length / size))
    edges = [length * i // count for i in range(count + 1)]
    return itertools.pairwise(edges)
