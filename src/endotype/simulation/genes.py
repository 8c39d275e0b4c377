"""Protein-coding genes on both strands: where they lie, what they spell, and what a change in them does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from endotype.simulation.genome import AUTOSOMES, Contig
from endotype.simulation.parameters import ASSEMBLY, Parameters

SYNONYMOUS, MISSENSE, STOP_GAINED, START_OR_STOP_LOST = range(4)

# The standard code with codons counted in the order of base codes, AAA, AAC, AAG, AAT, ACA ...
_AMINO_ACIDS = np.frombuffer(b"KNKNTTTTRSRSIIMIQHQHPPPPRRRRLLLLEDEDAAAAGGGGVVVV*Y*YSSSS*CWCLFLF", np.uint8)
_STOP = ord("*")
_ATG = np.array([0, 3, 2], np.uint8)
_TAA = np.array([3, 0, 0], np.uint8)
# AGA and AGG end a vertebrate mitochondrial protein; no gene uses them, so each reads the same in both codes.
_SENSE_CODONS = np.array([c for c in range(64) if _AMINO_ACIDS[c] != _STOP and c not in (0b001000, 0b001010)])


@dataclass(frozen=True)
class Gene:
    """One gene with one transcript. Coordinates are 1-based and inclusive; intervals ascend on the contig."""

    name: str
    gene_id: str
    contig: str
    strand: str
    exons: tuple[tuple[int, int], ...]
    cds: tuple[tuple[int, int], ...]

    @property
    def start(self) -> int:
        """First base of the gene."""
        return self.exons[0][0]

    @property
    def end(self) -> int:
        """Last base of the gene."""
        return self.exons[-1][1]

    @property
    def transcript_id(self) -> str:
        """Name of the only transcript."""
        return self.gene_id.replace("G", "T", 1)

    @cached_property
    def coding_positions(self) -> np.ndarray:
        """Position of every coding base in the order of translation, int64 of shape (3 x codons,)."""
        ascending = np.concatenate([np.arange(start, end + 1) for start, end in self.cds])
        return ascending if self.strand == "+" else ascending[::-1]

    @property
    def splice_positions(self) -> np.ndarray:
        """The two intronic bases at either side of each exon border inside the gene."""
        borders = [p for _, e in self.exons[:-1] for p in (e + 1, e + 2)]
        borders += [p for s, _ in self.exons[1:] for p in (s - 2, s - 1)]
        return np.array(sorted(borders), np.int64)


def place_genes(contigs: Sequence[Contig], parameters: Parameters) -> list[Gene]:
    """Genes of all contigs in genome order: one per slot of equal size, none on Y, one on MT."""
    random = parameters.stream("genes")
    hosts = [c for c in contigs if c.name in (*AUTOSOMES, "X")]
    total = sum(c.length for c in hosts)
    wanted = max(parameters.min_genes, round(total / parameters.gene_spacing))
    genes: list[Gene] = []
    for contig in contigs:
        if contig.name == "MT":
            genes.append(_lay_out(len(genes) + 1, "MT", 3000, "+", _Parts([900], [], 60, 60)))
        elif contig in hosts:
            count = max(6, round(wanted * contig.length / total))
            room = contig.length // count
            for slot in range(count):
                parts = _random_parts(random)
                start = slot * room + 100 + int(random.integers(0, max(1, room - parts.span - 200)))
                strand = "+" if random.random() < 0.5 else "-"
                genes.append(_lay_out(len(genes) + 1, contig.name, start, strand, parts))
    return genes


@dataclass(frozen=True)
class _Parts:
    """Lengths of a gene's parts in the order of transcription."""

    coding: list[int]
    introns: list[int]
    utr5: int
    utr3: int

    @property
    def span(self) -> int:
        return sum(self.coding) + sum(self.introns) + self.utr5 + self.utr3


def _random_parts(random: np.random.Generator) -> _Parts:
    coding = [int(n) for n in random.integers(150, 300, random.integers(2, 7))]
    coding[-1] += -sum(coding) % 3
    introns = [int(n) for n in random.integers(120, 900, len(coding) - 1)]
    utr5, utr3 = (int(n) for n in random.integers(60, 220, 2))
    return _Parts(coding, introns, utr5, utr3)


def _lay_out(number: int, contig: str, start: int, strand: str, parts: _Parts) -> Gene:
    exons, cds = [], []
    here = 0
    for i, coding in enumerate(parts.coding):
        before = parts.utr5 if i == 0 else 0
        after = parts.utr3 if i == len(parts.coding) - 1 else 0
        cds.append((here + before, here + before + coding - 1))
        exons.append((here, here + before + coding + after - 1))
        here += before + coding + after + (parts.introns[i] if i < len(parts.introns) else 0)

    def on_contig(intervals: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        if strand == "+":
            return tuple((start + a, start + b) for a, b in intervals)
        last = start + parts.span - 1
        return tuple((last - b, last - a) for a, b in reversed(intervals))

    return Gene(f"EG{number:03d}", f"EGG{number:08d}", contig, strand, on_contig(exons), on_contig(cds))


def write_gene(bases: np.ndarray, gene: Gene, random: np.random.Generator) -> None:
    """Write an open reading frame and GT..AG introns of ``gene`` into its contig, in place.

    Between ATG and TAA stand sense codons only. ``bases`` are the codes of the whole contig.
    """
    codons = random.choice(_SENSE_CODONS, len(gene.coding_positions) // 3 - 2)
    frame = np.stack([codons >> 4, (codons >> 2) & 3, codons & 3], axis=1).astype(np.uint8)
    spelled = np.concatenate([_ATG, frame.ravel(), _TAA])
    forward = gene.strand == "+"
    bases[gene.coding_positions - 1] = spelled if forward else 3 - spelled
    donor_acceptor = np.array([2, 3, 0, 2] if forward else [1, 3, 0, 1], np.uint8)  # GT..AG, or CT..AC
    for (_, end), (start, _) in zip(gene.exons[:-1], gene.exons[1:], strict=True):
        bases[[end, end + 1, start - 3, start - 2]] = donor_acceptor


def coding_effects(gene: Gene, bases: np.ndarray) -> np.ndarray:
    """What each single-base change of the coding sequence does, uint8 of shape (coding bases, 4).

    Rows follow ``gene.coding_positions``; columns are the new base on the forward strand. Values are
    ``SYNONYMOUS`` (the reference base itself too), ``MISSENSE``, ``STOP_GAINED`` and ``START_OR_STOP_LOST``.
    """
    forward = bases[gene.coding_positions - 1].astype(np.int64)
    frame = (forward if gene.strand == "+" else 3 - forward).reshape(-1, 3)
    before = _AMINO_ACIDS[frame @ [16, 4, 1]]
    effects = np.zeros((len(forward), 4), np.uint8)
    for place in range(3):
        for new in range(4):
            changed = frame.copy()
            changed[:, place] = new if gene.strand == "+" else 3 - new
            after = _AMINO_ACIDS[changed @ [16, 4, 1]]
            effect = np.where(after == before, SYNONYMOUS, np.where(after == _STOP, STOP_GAINED, MISSENSE))
            effect[-1] = SYNONYMOUS if after[-1] == _STOP else START_OR_STOP_LOST
            effect[0] = SYNONYMOUS if np.array_equal(changed[0], frame[0]) else START_OR_STOP_LOST
            effects[place::3, new] = effect
    return effects


_LETTERS = "ACDEFGHIKLMNPQRSTVWY*"
_NAMES = "AlaCysAspGluPheGlyHisIleLysLeuMetAsnProGlnArgSerThrValTrpTyrTer"
_THREE_LETTERS = {letter: _NAMES[3 * i : 3 * i + 3] for i, letter in enumerate(_LETTERS)}


def coding_change(gene: Gene, bases: np.ndarray, pos: int, alt: int) -> str:
    """The HGVS name of what a missense or nonsense variant does to a protein: ``p.(Trp24Ter)``.

    Args:
        gene: the gene.
        bases: codes of the whole contig.
        pos: 1-based position of a coding base.
        alt: code of the new base on the forward strand.
    """
    place = int(np.flatnonzero(gene.coding_positions == pos)[0])
    frame = bases[gene.coding_positions[place - place % 3 :][:3] - 1].astype(np.int64)
    changed = frame.copy()
    changed[place % 3] = alt
    if gene.strand == "-":
        frame, changed = 3 - frame, 3 - changed
    before, after = (_THREE_LETTERS[chr(_AMINO_ACIDS[codon @ [16, 4, 1]])] for codon in (frame, changed))
    return f"p.({before}{place // 3 + 1}{after})"


def gff3_header(contigs: Sequence[Contig]) -> str:
    """Head of the gene file."""
    regions = "".join(f"##sequence-region {c.name} 1 {c.length}\n" for c in contigs)
    return f"##gff-version 3\n{regions}#!genome-build {ASSEMBLY} (synthetic, not of any organism)\n"


def gff3_lines(gene: Gene) -> Iterator[str]:
    """Lines of one gene in Ensembl's manner, as ``bcftools csq`` wants them."""

    def line(kind: str, start: int, end: int, attributes: str, phase: str = ".") -> str:
        columns = [gene.contig, "endotype", kind, str(start), str(end), ".", gene.strand, phase, attributes]
        return "\t".join(columns) + "\n"

    transcript = f"transcript:{gene.transcript_id}"
    coding = "biotype=protein_coding"
    yield line("gene", gene.start, gene.end, f"ID=gene:{gene.gene_id};Name={gene.name};{coding}")
    yield line(
        "mRNA",
        gene.start,
        gene.end,
        f"ID={transcript};Parent=gene:{gene.gene_id};Name={gene.name}-1;{coding}",
    )
    first_utr, last_utr = ("five_prime_UTR", "three_prime_UTR")[:: 1 if gene.strand == "+" else -1]
    yield line(first_utr, gene.start, gene.cds[0][0] - 1, f"Parent={transcript}")
    for start, end in gene.exons:
        yield line("exon", start, end, f"Parent={transcript}")
    translated = 0
    coded = []
    for start, end in gene.cds if gene.strand == "+" else reversed(gene.cds):
        protein = f"ID=CDS:{gene.gene_id.replace('G', 'P', 1)};Parent={transcript}"
        coded.append((start, line("CDS", start, end, protein, str(-translated % 3))))
        translated += end - start + 1
    yield from (shown for _, shown in sorted(coded))
    yield line(last_utr, gene.cds[-1][1] + 1, gene.end, f"Parent={transcript}")
