"""Coding bases of each gene: the union of the CDS of its protein-coding transcripts, from a GFF3 file."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd

from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.variants.intervals import union

_COORDINATE = re.compile("[0-9]{1,10}").fullmatch
_WANTED = ("\tCDS\t", "ID=gene:", "ID=transcript:")


@dataclass(frozen=True)
class Coding:
    """Genes with coding sequence, in the order of the file's contigs and of their first coding base.

    Attributes:
        genes: ``gene`` (symbol, else id), ``gene_id``, ``chrom``, ``strand``, ``start`` and ``end`` of the
            coding sequence, ``n_coding`` bases; its index is 0, 1, ...
        gene: int64 (m,), the gene of each segment, ascending.
        start, end: int64 (m,), the segments: 1-based, inclusive, disjoint and ascending within a gene.
    """

    genes: pd.DataFrame
    gene: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def segments_by_contig(self) -> dict[str, np.ndarray]:
        """Contig -> the numbers of its segments."""
        chrom = self.genes["chrom"].to_numpy()[self.gene] if len(self.gene) else np.empty(0, object)
        return {str(name): np.flatnonzero(chrom == name) for name in dict.fromkeys(self.genes["chrom"])}

    def per_gene(self, of_segments: np.ndarray) -> np.ndarray:
        """Sums of whole numbers over the segments of each gene, int64 (number of genes,)."""
        totals = np.zeros(len(self.genes), np.int64)
        np.add.at(totals, self.gene, of_segments)
        return totals

    def find(self, name: str) -> int:
        """The number of the gene with this symbol or id.

        Raises:
            InputError: there is none, or several share the symbol.
        """
        matching = self.genes.index[(self.genes["gene"] == name) | (self.genes["gene_id"] == name)]
        if len(matching) == 1:
            return int(matching[0])
        if len(matching):
            ids = ", ".join(self.genes.loc[matching, "gene_id"])
            raise input_error(
                "--gene", f"{visible(name)}, which names {len(matching)} genes", f"one of {ids}"
            )
        word = nearest(name, [*self.genes["gene"], *self.genes["gene_id"]])
        raise input_error(
            "--gene",
            visible(name),
            "the symbol or id of a gene with coding sequence in the gene models",
            f"did you mean {word}?" if word else "",
        )


def read_coding(path: str | Path) -> Coding:
    """Read the coding bases of every gene from Ensembl-style GFF3, plain or gzip.

    Only transcripts with ``biotype=protein_coding`` count. A gene without any has no row.

    Raises:
        InputError: no such file, damaged, or a malformed line.
    """
    names: dict[str, tuple[str, str]] = {}  # gene id -> symbol, strand
    gene_of: dict[str, str] = {}  # protein-coding transcript -> gene id
    parts: dict[str, list[tuple[str, int, int]]] = {}  # transcript -> contig, start, end of its CDS
    for number, line in _lines(path):
        if not any(word in line for word in _WANTED) or line.startswith("#"):
            continue
        cells = line.rstrip("\r\n").split("\t")
        if len(cells) != 9 or not (_COORDINATE(cells[3]) and _COORDINATE(cells[4])):
            found = f"the line {visible(line.rstrip(), 60)}"
            raise InputError(Problem(str(path), number, "", found, "the nine columns of GFF3"))
        chrom, _, kind, start, end, _, strand, _, text = cells
        if not 1 <= int(start) <= int(end):
            found = f"start {start}, end {end}"
            raise InputError(Problem(str(path), number, "", found, "1 <= start <= end"))
        if kind == "CDS":
            for transcript in _attribute(text, "Parent").split(","):
                parts.setdefault(transcript, []).append((chrom, int(start), int(end)))
            continue
        name = _attribute(text, "ID")
        if name.startswith("gene:"):
            gene_id = unquote(name[5:])
            names[gene_id] = unquote(_attribute(text, "Name")) or gene_id, strand
        elif name.startswith("transcript:") and _attribute(text, "biotype") == "protein_coding":
            gene_of[name] = unquote(_attribute(text, "Parent").removeprefix("gene:"))
    return _coding(names, gene_of, parts)


def _attribute(text: str, key: str) -> str:
    """The value of one attribute of a GFF3 line, '' when it has none."""
    for pair in text.split(";"):
        name, _, value = pair.strip().partition("=")
        if name == key:
            return value
    return ""


def _coding(
    names: dict[str, tuple[str, str]],
    gene_of: dict[str, str],
    parts: dict[str, list[tuple[str, int, int]]],
) -> Coding:
    by_gene: dict[tuple[str, str], list[tuple[int, int]]] = {}
    contigs: dict[str, int] = {}
    for transcript, segments in parts.items():
        for chrom, start, end in segments if transcript in gene_of else ():
            contigs.setdefault(chrom, len(contigs))
            by_gene.setdefault((gene_of[transcript], chrom), []).append((start, end))
    rows, starts, ends = [], [], []
    for (gene_id, chrom), intervals in by_gene.items():
        first, last = union(*np.array(intervals, np.int64).T)
        symbol, strand = names.get(gene_id, (gene_id, "."))
        n_coding = int((last - first + 1).sum())
        rows.append((symbol, gene_id, chrom, strand, int(first[0]), int(last[-1]), n_coding))
        starts.append(first)
        ends.append(last)
    columns = ["gene", "gene_id", "chrom", "strand", "start", "end", "n_coding"]
    genes = pd.DataFrame(rows, columns=columns)
    order = sorted(range(len(rows)), key=lambda i: (contigs[rows[i][2]], rows[i][4], rows[i][1]))
    lengths = [len(starts[i]) for i in order]
    return Coding(
        genes.iloc[order].reset_index(drop=True),
        np.repeat(np.arange(len(order)), lengths),
        np.concatenate([starts[i] for i in order]) if order else np.empty(0, np.int64),
        np.concatenate([ends[i] for i in order]) if order else np.empty(0, np.int64),
    )


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    try:
        with Path(path).open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with (gzip.open if packed else open)(path, "rt", encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                if line.startswith("##FASTA"):
                    return
                yield number, line
    except FileNotFoundError:
        raise input_error(path, "no such file", "gene models in GFF3") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise input_error(path, f"a damaged file ({error})", "GFF3 text, plain or gzip") from None
