"""One transcript and its coding sequence: what is left of it without an exon or without its start.

The arrays are those of :class:`endotype.annotation.transcripts.Transcripts`. Positions in the transcript are
0-based; residues and genomic positions are 1-based.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from endotype.annotation.transcripts import Transcripts

NMD_DISTANCE = 50
"""A stop more than that many bases before the last exon-exon junction is taken to bring decay of the mRNA
about (nonsense-mediated decay; Abou Tayoun et al. 2018, doi:10.1002/humu.23626)."""

_STOPS = {1: ("TAA", "TAG", "TGA"), 2: ("TAA", "TAG", "AGA", "AGG")}


@dataclass(frozen=True)
class Structure:
    """A coding transcript whose protein is known: exons 5' to 3', bases as codes of ``ACGTN``.

    ``coding`` is the half-open interval of coding bases in the transcript, the stop codon included.
    """

    gene_id: str
    name: str
    strand: int
    exon_start: np.ndarray
    exon_end: np.ndarray
    sequence: np.ndarray
    coding: tuple[int, int]
    code: int

    @property
    def exon_first(self) -> np.ndarray:
        """Position in the transcript of each exon's first base, and of the end."""
        return np.concatenate([[0], np.cumsum(self.exon_end - self.exon_start + 1)])

    @property
    def protein_length(self) -> int:
        """Residues, the stop not counted."""
        return (self.coding[1] - self.coding[0]) // 3 - 1

    @property
    def start_codon(self) -> int:
        """Genomic position of the first coding base."""
        return self.genomic(self.coding[0])

    def genomic(self, position: int) -> int:
        """The genomic position of a base of the transcript."""
        first = self.exon_first
        exon = int(np.searchsorted(first, position, side="right")) - 1
        within = position - int(first[exon])
        if self.strand > 0:
            return int(self.exon_start[exon]) + within
        return int(self.exon_end[exon]) - within

    def coding_bases(self, exon: int) -> tuple[int, int]:
        """The coding bases of an exon (0-based), as a half-open interval in the transcript; empty if none."""
        first = self.exon_first
        start, end = max(int(first[exon]), self.coding[0]), min(int(first[exon + 1]), self.coding[1])
        return (start, end) if start < end else (start, start)

    def coding_stretches(self, first: int, last: int) -> list[tuple[int, int]]:
        """Genomic stretches of the coding bases of residues ``first`` to ``last``, 1-based and inclusive."""
        begin, end = self.coding[0] + 3 * (first - 1), min(self.coding[0] + 3 * last, self.coding[1])
        stretches = []
        for exon in range(len(self.exon_start)):
            a, b = self.coding_bases(exon)
            a, b = max(a, begin), min(b, end)
            if a < b:
                ends = sorted((self.genomic(a), self.genomic(b - 1)))
                stretches.append((ends[0], ends[1]))
        return stretches


def structure_of(transcripts: Transcripts, i: int) -> Structure | None:
    """Transcript ``i``; null where its protein is not known."""
    if transcripts.status[i] or transcripts.cds_start[i] < 0:
        return None
    exons = slice(int(transcripts.exon_offset[i]), int(transcripts.exon_offset[i + 1]))
    bases = slice(int(transcripts.sequence_offset[i]), int(transcripts.sequence_offset[i + 1]))
    return Structure(
        transcripts.gene_id[i],
        transcripts.name[i],
        int(transcripts.strand[i]),
        transcripts.exon_start[exons],
        transcripts.exon_end[exons],
        transcripts.sequence[bases],
        (int(transcripts.cds_start[i]), int(transcripts.cds_end[i])),
        int(transcripts.code[i]),
    )


@dataclass(frozen=True)
class Shortened:
    """A transcript without some of its exons.

    ``start_lost`` and ``stop_lost``: the exons hold the start or the stop codon, and nothing more is said.
    ``in_frame``: the protein goes on to its own stop. ``decay``: the new stop brings the mRNA's decay about.
    ``removed``: residues (1-based, inclusive) that are missing or changed; ``share`` of the protein they are.
    """

    coding_lost: int
    start_lost: bool = False
    stop_lost: bool = False
    in_frame: bool = False
    decay: bool = False
    removed: tuple[int, int] = (0, 0)
    share: float = 0.0


def without_exons(structure: Structure, exons: set[int]) -> Shortened:
    """What becomes of the protein when exons (0-based, 5' to 3') are skipped or deleted."""
    first = structure.exon_first
    lost = sum(b - a for a, b in (structure.coding_bases(e) for e in exons))
    if lost == 0:
        return Shortened(0)
    start, end = structure.coding
    holds = [(int(first[e]), int(first[e + 1])) for e in sorted(exons)]
    if any(a < start + 3 and start < b for a, b in holds):
        return Shortened(lost, start_lost=True)
    if any(a < end and end - 3 < b for a, b in holds):
        return Shortened(lost, stop_lost=True)
    kept = [e for e in range(len(first) - 1) if e not in exons]
    sequence = np.concatenate([structure.sequence[first[e] : first[e + 1]] for e in kept])
    new_start = start - sum(b - a for a, b in holds if b <= start)
    length = structure.protein_length
    changed = (min(a for a, b in holds if b > start) - start) // 3 + 1
    stop = _first_stop(sequence[new_start:], structure.code)
    if lost % 3 == 0 and stop == length - lost // 3:
        last = min((max(b for a, b in holds if b > start) - 1 - start) // 3 + 1, length)
        return Shortened(lost, in_frame=True, removed=(changed, last), share=lost / 3 / length)
    share = (length - changed + 1) / length
    if stop is None:
        return Shortened(lost, removed=(changed, length), share=share)
    junctions = np.cumsum([int(first[e + 1] - first[e]) for e in kept])[:-1]
    stop_end = new_start + 3 * (stop + 1)
    decay = bool(len(junctions)) and int(junctions[-1]) - stop_end > NMD_DISTANCE
    return Shortened(lost, decay=decay, removed=(changed, length), share=share)


def next_start(structure: Structure) -> int | None:
    """The residue of the first methionine behind the start, in frame; null where there is none."""
    start, end = structure.coding
    codons = _codons(structure.sequence[start:end])
    at = np.flatnonzero(codons[1:] == _code_of("ATG"))
    return int(at[0]) + 2 if len(at) else None


def lost_exons(structure: Structure, pos: int, ref: str, alt: str, donor: bool, acceptor: bool) -> set[int]:
    """The exons (0-based, 5' to 3') that an allele takes a splice site from, or deletes.

    Each end of an intron is two bases. A deletion touches the sites whose bases it removes; an insertion the
    one it stands in or at. ``donor`` and ``acceptor`` say which kind of site the consequence names.
    """
    shared = 0
    while shared < min(len(ref), len(alt)) and ref[shared] == alt[shared]:
        shared += 1
    first, last = pos + shared, pos + len(ref) - 1
    lost = set()
    n = len(structure.exon_start)
    for exon in range(n):
        start, end = int(structure.exon_start[exon]), int(structure.exon_end[exon])
        before, after = (start - 2, start - 1), (end + 1, end + 2)
        donor_site, acceptor_site = (after, before) if structure.strand > 0 else (before, after)
        if last >= first and first <= start and end <= last:
            lost.add(exon)
        if donor and exon < n - 1 and _touches(first, last, donor_site):
            lost.add(exon)
        if acceptor and exon > 0 and _touches(first, last, acceptor_site):
            lost.add(exon)
    return lost


def _touches(first: int, last: int, site: tuple[int, int]) -> bool:
    if last >= first:
        return first <= site[1] and site[0] <= last
    return site[0] <= first <= site[1] + 1


def _codons(bases: np.ndarray) -> np.ndarray:
    """Codons as one number each; one with an unknown base is not any that is looked for."""
    whole = bases[: len(bases) // 3 * 3].reshape(-1, 3).astype(np.int64)
    return np.where((whole > 3).any(axis=1), -1, whole @ np.array([16, 4, 1]))


@cache
def _code_of(codon: str) -> int:
    a, b, c = ("ACGT".index(base) for base in codon)
    return 16 * a + 4 * b + c


def _first_stop(bases: np.ndarray, code: int) -> int | None:
    """Residues before the first stop codon."""
    at = np.flatnonzero(np.isin(_codons(bases), [_code_of(codon) for codon in _STOPS[code]]))
    return int(at[0]) if len(at) else None
