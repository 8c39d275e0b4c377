"""The gene model as ``bcftools csq`` reads it.

csq has its own idea of GFF3: ``ID=transcript:``, ``Parent=``, a biotype of its list, and untranslated regions
(it would call them introns). It gets exactly that, for the chosen transcripts alone, with genes and
transcripts named by number, so that its output is safe to parse whatever a name contains.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from endotype.annotation.gene_model import GeneModel, Transcript

# What csq 1.24 translates, of the words that it knows (gff.c). It passes over words that it doesn't know.
_TRANSLATED = frozenset(
    [
        *("protein_coding", "polymorphic_pseudogene", "nonsense_mediated_decay", "non_stop_decay"),
        *("IG_C_gene", "IG_D_gene", "IG_J_gene", "IG_LV_gene", "IG_V_gene"),
        *("TR_C_gene", "TR_D_gene", "TR_J_gene", "TR_V_gene"),
    ]
)
_KNOWN_UNTRANSLATED = frozenset(["processed_transcript", "retained_intron"])
CODING_BIOTYPE = "protein_coding"
"""Given to a transcript with CDS whose biotype csq doesn't know; a file need not name any."""


def write_csq_gff(model: GeneModel, numbers: Sequence[int], chrom: str, out: str | Path) -> list[str]:
    """Write some transcripts of a gene model in the form that ``bcftools csq`` reads.

    Args:
        model: has the transcripts.
        numbers: which of them; transcript ``i`` of the file is ``numbers[i]`` of the model.
        chrom: what to call the contig: its name in the variant file.
        out: plain GFF3.

    Returns:
        The ids of the genes: gene ``j`` of the file is the ``j``-th.
    """
    every = model.by_number
    by_gene: dict[str, list[Transcript]] = {}
    for number in numbers:
        by_gene.setdefault(every[number].gene_id, []).append(every[number])
    gene_number = {gene_id: j for j, gene_id in enumerate(by_gene)}
    with Path(out).open("w", encoding="utf-8", newline="\n") as stream:

        def line(kind: str, start: int, end: int, strand: str, attributes: str, phase: str = ".") -> None:
            stream.write(f"{chrom}\t.\t{kind}\t{start}\t{end}\t.\t{strand}\t{phase}\t{attributes}\n")

        for j, members in enumerate(by_gene.values()):
            start, end = min(t.start for t in members), max(t.end for t in members)
            line("gene", start, end, members[0].strand, f"ID=gene:{j};Name={j};biotype={CODING_BIOTYPE}")
        for i, number in enumerate(numbers):
            t = every[number]
            exons, coding = model.exons.of(number), model.coding.of(number)
            word = csq_biotype(t.biotype, coding.start < coding.stop)
            attributes = f"ID=transcript:{i};Parent=gene:{gene_number[t.gene_id]};biotype={word}"
            line("transcript", t.start, t.end, t.strand, attributes)
            spans = [*zip(model.exons.start[exons].tolist(), model.exons.end[exons].tolist(), strict=True)]
            for first, last in spans:
                line("exon", first, last, t.strand, f"Parent=transcript:{i}")
            if coding.start == coding.stop:
                continue
            for k in range(coding.start, coding.stop):
                phase = int(model.coding.phase[k])
                bounds = int(model.coding.start[k]), int(model.coding.end[k])
                line("CDS", *bounds, t.strand, f"Parent=transcript:{i}", "." if phase < 0 else str(phase))
            region = int(model.coding.start[coding].min()), int(model.coding.end[coding].max())
            for kind, first, last in _untranslated(spans, region, t.strand):
                line(kind, first, last, t.strand, f"Parent=transcript:{i}")
    return list(by_gene)


def csq_biotype(biotype: str, coding: bool) -> str:
    """The biotype to tell csq: that of the file, unless it has CDS and csq would not translate it."""
    if coding and biotype not in _TRANSLATED | _KNOWN_UNTRANSLATED:
        return CODING_BIOTYPE
    # A word with a separator in it is none of csq's.
    return biotype if biotype.replace("_", "").isalnum() else "unknown"


def _untranslated(
    exons: Iterable[tuple[int, int]], coding: tuple[int, int], strand: str
) -> Iterator[tuple[str, int, int]]:
    """Stretches of exons outside the coding region."""
    first, last = coding
    before, after = ("five_prime_UTR", "three_prime_UTR")[:: 1 if strand == "+" else -1]
    for start, end in exons:
        if start < first:
            yield before, start, min(end, first - 1)
        if end > last:
            yield after, max(start, last + 1), end
