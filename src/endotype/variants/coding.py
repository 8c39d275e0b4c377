"""Coding bases of each gene: the union of the CDS of its protein-coding transcripts, from a GFF3 file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from endotype import gff
from endotype.cohort.assembly import match_contigs
from endotype.errors import InputError, Problem, input_error, nearest, visible
from endotype.variants.intervals import union

_MAX_PROBLEMS = 20


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


def read_coding(path: str | Path, contigs: Iterable[str] = ()) -> Coding:
    """Read the coding bases of every gene from GFF3 of Ensembl, GENCODE or RefSeq, plain or gzip.

    Only transcripts with the biotype ``protein_coding``, or with none, count. A gene without any has no row.

    Args:
        path: GFF3.
        contigs: names to use for the contigs of the file that mean the same chromosome.

    Raises:
        InputError: no such file, damaged, or malformed lines.
    """
    dialect = gff.detect_dialect(path)
    problems: list[Problem] = []
    names: dict[str, tuple[str, str, str]] = {}  # ID of a gene -> id, symbol, strand
    gene_of: dict[str, str] = {}  # ID of a protein-coding transcript -> that of its gene
    parts: dict[str, list[tuple[str, int, int]]] = {}  # ID of either -> contig, start, end of its CDS
    for feature in gff.read_features(path, lambda contig: True, problems):
        if feature.kind == "CDS":
            for parent in feature.parents():
                parts.setdefault(parent, []).append((feature.chrom, feature.start, feature.end))
        elif feature.kind not in gff.SEGMENTS | gff.UNTRANSLATED:
            identifier = gff.attributes_of(feature.attributes).get("ID", "")
            if parents := feature.parents():
                if gff.transcript_names(feature, dialect).biotype in ("protein_coding", ""):
                    gene_of[identifier] = parents[0]
            elif identifier:
                gene = gff.gene_names(feature, dialect)
                names[identifier] = gene.gene_id, gene.gene, feature.strand
                if gene.biotype == "protein_coding":
                    gene_of[identifier] = identifier  # RefSeq's mitochondrial CDS are parts of their gene.
    if problems:
        raise InputError(problems[:_MAX_PROBLEMS])
    found = {contig for segments in parts.values() for contig, *_ in segments}
    ours = {name: match_contigs([name], contigs).get(name, name) for name in found}
    renamed = {
        owner: [(ours[contig], start, end) for contig, start, end in segments]
        for owner, segments in parts.items()
    }
    return _coding(names, gene_of, renamed)


def _coding(
    names: dict[str, tuple[str, str, str]],
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
    for (identifier, chrom), intervals in by_gene.items():
        first, last = union(*np.array(intervals, np.int64).T)
        gene_id, symbol, strand = names.get(identifier, (gff.plain_id(identifier),) * 2 + (".",))
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
