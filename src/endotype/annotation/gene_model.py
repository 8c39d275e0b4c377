"""The gene model: genes and transcripts of a GFF3 file in Ensembl's style.

``bcftools csq`` reads such files itself, but is given an own copy (:func:`write_csq_gff`): only the genes
that matter, named by number, with untranslated regions where the file lists exons and coding sequence
alone (csq would else call them introns). Numbers make its output safe to parse, whatever a name contains.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pandas as pd

from endotype.errors import InputError, Problem, input_error, visible

_EXPECTED = (
    "Ensembl-style GFF3: genes with ID=gene:..., transcripts with ID=transcript:...;Parent=gene:...;"
    "biotype=..., exons and CDS with Parent=transcript:..."
)
_PARTS = {"exon", "CDS", "five_prime_UTR", "three_prime_UTR"}
_MAX_PROBLEMS = 20


class Gene(NamedTuple):
    """A gene; coordinates are 1-based and inclusive. ``gene`` is the symbol, else the id."""

    gene: str
    gene_id: str
    chrom: str
    start: int
    end: int
    strand: str
    biotype: str


class Transcript(NamedTuple):
    """A transcript and the id of its gene."""

    transcript: str
    gene_id: str
    chrom: str
    start: int
    end: int
    strand: str
    biotype: str


@dataclass(frozen=True)
class GeneModel:
    """Genes and transcripts by id, in the order of the file. Contigs are named as in the file."""

    genes: Mapping[str, Gene]
    transcripts: Mapping[str, Transcript]


class _Feature(NamedTuple):
    line: int
    chrom: str
    kind: str
    start: int
    end: int
    strand: str
    phase: str
    attributes: str

    def attribute(self, name: str) -> str:
        for pair in self.attributes.split(";"):
            key, _, value = pair.strip().partition("=")
            if key == name:
                return value
        return ""


def read_gene_model(path: str | Path) -> GeneModel:
    """Read genes and transcripts of a GFF3 file (plain or gzip).

    Raises:
        InputError: no such file, malformed lines, ids used twice, a transcript without its gene, or another
            style than Ensembl's (GENCODE and RefSeq write other ids).
    """
    genes: dict[str, Gene] = {}
    transcripts: dict[str, Transcript] = {}
    problems: list[Problem] = []
    for feature in _features(path, problems, lambda text: "ID=gene:" in text or "ID=transcript:" in text):
        kind, _, name = feature.attribute("ID").partition(":")
        if kind not in ("gene", "transcript") or not name:
            continue
        name = unquote(name)
        if name in (genes if kind == "gene" else transcripts):
            problems.append(_problem(path, feature, f"{kind} {visible(name)} a second time", "ids used once"))
            continue
        place = (feature.chrom, feature.start, feature.end, feature.strand)
        biotype = feature.attribute("biotype")
        if kind == "gene":
            genes[name] = Gene(unquote(feature.attribute("Name")) or name, name, *place, biotype)
            continue
        parent = feature.attribute("Parent")
        if not parent.startswith("gene:") or not biotype:
            found = f"transcript {visible(name)} with Parent={parent} and biotype={biotype}"
            problems.append(_problem(path, feature, found, "Parent=gene:... and biotype=..."))
        transcripts[name] = Transcript(name, unquote(parent.removeprefix("gene:")), *place, biotype)
    if not problems:
        for transcript in transcripts.values():
            if transcript.gene_id not in genes:
                found = (
                    f"transcript {visible(transcript.transcript)} of the gene {visible(transcript.gene_id)}"
                )
                problems.append(Problem(str(path), None, "", found, "a gene with that ID"))
    if problems:
        raise InputError(problems[:_MAX_PROBLEMS])
    if not transcripts:
        raise input_error(
            path,
            f"{len(genes)} genes and no transcripts",
            _EXPECTED,
            "take the GFF3 file of Ensembl for the assembly; GENCODE and RefSeq files have other ids",
        )
    return GeneModel(genes, transcripts)


def gene_frame(model: GeneModel) -> pd.DataFrame:
    """All genes as a table: ``gene gene_id chrom start end strand biotype``; empty text is null."""
    frame = pd.DataFrame(list(model.genes.values()), columns=list(Gene._fields))
    frame["biotype"] = frame["biotype"].astype("str").replace("", None)
    return frame


def write_csq_gff(
    path: str | Path, transcripts: Sequence[Transcript], chrom: str, out: str | Path
) -> list[str]:
    """Write the part of a GFF3 file that holds some transcripts, in the form that ``bcftools csq`` reads.

    Genes and transcripts are named by number, the contig ``chrom``: transcript ``i`` is ``transcripts[i]``,
    gene ``j`` is the ``j``-th of the returned gene ids. Untranslated regions are derived from exons and CDS
    for coding transcripts that come without.
    """
    number_of = {t.transcript: i for i, t in enumerate(transcripts)}
    parts: list[list[_Feature]] = [[] for _ in transcripts]
    contigs = tuple({f"{t.chrom}\t" for t in transcripts})
    for feature in _features(path, [], lambda text: text.startswith(contigs)):
        if feature.kind in _PARTS:
            for parent in feature.attribute("Parent").split(","):
                number = number_of.get(unquote(parent.removeprefix("transcript:")))
                if number is not None and feature.chrom == transcripts[number].chrom:
                    parts[number].append(feature)
    by_gene: dict[str, list[Transcript]] = {}
    for t in transcripts:
        by_gene.setdefault(t.gene_id, []).append(t)
    gene_number = {gene_id: j for j, gene_id in enumerate(by_gene)}
    with Path(out).open("w", encoding="utf-8", newline="\n") as stream:

        def line(kind: str, start: int, end: int, strand: str, attributes: str, phase: str = ".") -> None:
            stream.write(f"{chrom}\t.\t{kind}\t{start}\t{end}\t.\t{strand}\t{phase}\t{attributes}\n")

        for j, members in enumerate(by_gene.values()):
            start, end = min(t.start for t in members), max(t.end for t in members)
            attributes = f"ID=gene:{j};Name={j};biotype={members[0].biotype}"
            line("gene", start, end, members[0].strand, attributes)
        for i, t in enumerate(transcripts):
            attributes = f"ID=transcript:{i};Parent=gene:{gene_number[t.gene_id]};biotype={t.biotype}"
            line("transcript", t.start, t.end, t.strand, attributes)
            for part in parts[i]:
                line(part.kind, part.start, part.end, t.strand, f"Parent=transcript:{i}", part.phase)
            for kind, start, end in _missing_utrs(parts[i], t.strand):
                line(kind, start, end, t.strand, f"Parent=transcript:{i}")
    return list(by_gene)


def _missing_utrs(parts: Sequence[_Feature], strand: str) -> Iterator[tuple[str, int, int]]:
    """Stretches of exons outside the coding region, for a transcript whose file has no UTR lines."""
    coding = [p for p in parts if p.kind == "CDS"]
    if not coding or any(p.kind.endswith("_UTR") for p in parts):
        return
    first, last = min(p.start for p in coding), max(p.end for p in coding)
    before, after = ("five_prime_UTR", "three_prime_UTR")[:: 1 if strand == "+" else -1]
    for exon in (p for p in parts if p.kind == "exon"):
        if exon.start < first:
            yield before, exon.start, min(exon.end, first - 1)
        if exon.end > last:
            yield after, max(exon.start, last + 1), exon.end


def _features(path: str | Path, problems: list[Problem], wanted: Callable[[str], bool]) -> Iterator[_Feature]:
    """The wanted feature lines of a GFF3 file; malformed ones become problems."""
    for number, text in _lines(path):
        if text.startswith("##FASTA"):
            return
        if text.startswith("#") or not wanted(text):
            continue
        fields = text.rstrip("\r\n").split("\t")
        if len(fields) != 9:
            problems.append(
                Problem(str(path), number, "", f"{len(fields)} columns", "9 columns separated by tabs")
            )
            continue
        chrom, _, kind, start, end, _, strand, phase, attributes = fields
        if not (start.isdecimal() and end.isdecimal() and 1 <= int(start) <= int(end)):
            found = f"start {visible(start)}, end {visible(end)}"
            problems.append(Problem(str(path), number, "", found, "1 <= start <= end"))
            continue
        yield _Feature(number, chrom, kind, int(start), int(end), strand, phase, attributes)


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    try:
        with Path(path).open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with (gzip.open if packed else open)(path, "rt", encoding="utf-8", errors="strict") as stream:
            yield from enumerate(stream, start=1)
    except FileNotFoundError:
        raise input_error(path, "no such file", "a GFF3 file") from None
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise input_error(path, f"a damaged file ({error})", "GFF3 text, plain or gzip") from None


def _problem(path: str | Path, feature: _Feature, found: str, expected: str) -> Problem:
    return Problem(str(path), feature.line, "", found, expected)
