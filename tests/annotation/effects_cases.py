"""Small genomes with one gene, variants of every kind on them, and the engine asked about both."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from endotype.annotation.effects.alleles import CODES
from endotype.annotation.effects.table import Window, describe_block
from endotype.annotation.transcripts import Transcripts
from tests.reference import hgvs as twin

Variant = tuple[int, str, str]

_CODONS = ("AAA", "AAG", "CTG", "GCA", "GGT", "CAA", "ACC", "TAT", "GCT", "TGG", "GTA", "GTG", "CAG")
_COMPLEMENT = dict(zip("ACGT", "TGCA", strict=True))


@dataclass(frozen=True)
class Gene:
    """A genome of one contig and its only transcript, as the twin has it."""

    genome: str
    transcript: twin.Transcript
    status: str = ""

    @property
    def messenger(self) -> str:
        exons = sorted(self.transcript.exons, reverse=self.transcript.strand < 0)
        pieces = [self.genome[a - 1 : b] for a, b in exons]
        if self.transcript.strand < 0:
            pieces = [twin.reverse_complement(piece) for piece in pieces]
        return "".join(pieces)

    @property
    def protein(self) -> str:
        return twin.translate(self.messenger[self.transcript.cds[0] :], self.transcript.mitochondrial)


def transcripts_of(gene: Gene, *, phase: int = 0, biotype: str = "protein_coding") -> Transcripts:
    """The gene's transcript as the engine reads it."""
    own = gene.transcript
    exons = sorted(own.exons, reverse=own.strand < 0)
    cds = own.cds or (-1, -1)
    sizes = [b - a + 1 for a, b in exons]

    def numbers(*values: int) -> np.ndarray:
        return np.array(values, np.int64)

    return Transcripts(
        chrom="1",
        name=("T.1",),
        gene=("GENE",),
        gene_id=("G",),
        biotype=(biotype,),
        protein_id=("P.1",),
        start=numbers(min(a for a, _ in exons)),
        end=numbers(max(b for _, b in exons)),
        strand=np.array([own.strand], np.int8),
        exon_offset=numbers(0, len(exons)),
        exon_start=numbers(*(a for a, _ in exons)),
        exon_end=numbers(*(b for _, b in exons)),
        exon_first=np.cumsum([0, *sizes])[:-1].astype(np.int64),
        sequence_offset=numbers(0, sum(sizes)),
        sequence=CODES[np.frombuffer(gene.messenger.encode(), np.uint8)],
        cds_start=numbers(cds[0]),
        cds_end=numbers(cds[1]),
        phase=np.array([phase], np.int8),
        code=np.array([2 if own.mitochondrial else 1], np.int8),
        status=(gene.status or ("" if own.cds else "not_coding"),),
        mane=("select",),
        canonical=np.array([True]),
    )


def window_of(genome: str) -> Window:
    return Window(CODES[np.frombuffer(genome.encode(), np.uint8)], 1, len(genome))


def described(gene: Gene, variants: Sequence[Variant], **options: Any) -> list[dict[str, Any]]:
    """The engine's row of each variant; a distance that makes every variant one of the transcript."""
    positions, refs, alts = zip(*variants, strict=True)
    of = transcripts_of(gene, **options)
    table = describe_block(of, window_of(gene.genome), np.array(positions), refs, alts, distance=10_000)
    assert table.num_rows == len(variants)
    return table.to_pylist()


def random_gene(seed: random.Random) -> Gene:
    """A gene of one to four exons with a reading frame, on a genome full of repeats."""
    while True:
        letters = seed.choice(["ACGT", "AC", "AT", "ACG"])
        n = seed.choice([200, 400])
        bases = [seed.choice(seed.choice(["ACGT", letters])) for _ in range(n)]
        k = seed.randint(1, 4)
        cuts = sorted(seed.sample(range(20, n - 20), 2 * k))
        exons = tuple((cuts[2 * i], cuts[2 * i + 1]) for i in range(k))
        places = [p for a, b in exons for p in range(a, b + 1)]
        if len(places) >= 20 and all(exons[i + 1][0] - exons[i][1] > 1 for i in range(k - 1)):
            break
    strand = seed.choice([1, -1])
    if strand < 0:
        places.reverse()
    start = seed.randint(0, len(places) - 10)
    codons = seed.randint(2, (len(places) - start) // 3)
    frame = ["ATG", *(seed.choice(_CODONS) for _ in range(codons - 2)), seed.choice(["TAA", "TAG", "TGA"])]
    for place, base in zip(places[start:], "".join(frame), strict=False):
        bases[place - 1] = base if strand > 0 else _COMPLEMENT[base]
    cds = (start, start + 3 * codons) if seed.random() < 0.93 else None
    return Gene("".join(bases), twin.Transcript(strand, exons, cds))


def random_variant(seed: random.Random, genome: str) -> Variant:
    """A substitution, deletion, duplication, insertion or anything else of up to nine bases."""
    while True:
        pos = seed.randint(1, len(genome) - 12)
        ref = genome[pos - 1 : pos - 1 + seed.choice([1, 1, 1, 2, 3, 4, 7])]
        kind = seed.random()
        if kind < 0.3:
            alt = _letters(seed, len(ref))
        elif kind < 0.55:
            ref = genome[pos - 1 : pos + seed.choice([1, 2, 3, 3, 6, 9])]
            alt = ref[0]
        elif kind < 0.75:
            ref = genome[pos - 1]
            alt = ref + genome[pos : pos + seed.choice([1, 2, 3, 3, 6])]
        elif kind < 0.9:
            ref = genome[pos - 1]
            alt = ref + _letters(seed, seed.choice([1, 2, 3, 6]))
        else:
            alt = _letters(seed, seed.randint(1, 6))
        if ref != alt:
            return pos, ref, alt


def _letters(seed: random.Random, n: int) -> str:
    return "".join(seed.choice("ACGT") for _ in range(n))


def spellings(genome: str, variant: Variant) -> list[Variant]:
    """Other ways to write a variant: padded on either side, and at every place where it can stand."""
    pos, ref, alt = variant
    found = {variant}
    for _ in range(12):
        if pos > 1:
            base = genome[pos - 2]
            found.add((pos - 1, base + ref, base + alt))
        after = pos - 1 + len(ref)
        if after < len(genome):
            found.add((pos, ref + genome[after], alt + genome[after]))
        # One base to the right, if both alleles begin alike.
        if len(ref) != len(alt) and ref[0] == alt[0] and after < len(genome):
            longer, shorter = ref + genome[after], alt + genome[after]
            if longer[0] == shorter[0] and len(longer) > 1 and len(shorter) > 1:
                pos, ref, alt = pos + 1, longer[1:], shorter[1:]
                changed = genome[: pos - 1] + alt + genome[pos - 1 + len(ref) :]
                original = genome[: variant[0] - 1] + variant[2] + genome[variant[0] - 1 + len(variant[1]) :]
                if changed == original and genome[pos - 1 : pos - 1 + len(ref)] == ref:
                    found.add((pos, ref, alt))
                    continue
        break
    return sorted(found)


def bare(name: object) -> str | None:
    """A name without its accession, and without the parentheses of a prediction."""
    return None if not isinstance(name, str) else name.split(":", 1)[1].replace("(", "").replace(")", "")
