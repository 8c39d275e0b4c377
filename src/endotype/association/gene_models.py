"""Genes and exons near a few places of the genome, for the pictures of loci."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from endotype.cohort.assembly import bare_name
from endotype.errors import InputError, Problem, input_error
from endotype.gff import SEGMENTS, attributes_of, detect_dialect, gene_names, read_features

GENE_COLUMNS = ["gene", "chrom", "start", "end", "strand", "biotype"]
EXON_COLUMNS = ["gene", "chrom", "start", "end"]

Region = tuple[str, int, int]
"""Chromosome, first and last position, 1-based."""


@dataclass(frozen=True)
class GeneModels:
    """Genes (:data:`GENE_COLUMNS`) and exons (:data:`EXON_COLUMNS`) with bare chromosome names.

    ``exons`` is None where only the extent of genes is known.
    """

    genes: pd.DataFrame
    exons: pd.DataFrame | None

    def within(self, region: Region) -> tuple[pd.DataFrame, pd.DataFrame | None]:
        """Genes that reach into a region, and all their exons that do."""
        return _overlapping(self.genes, region), (
            None if self.exons is None else _overlapping(self.exons, region)
        )


def read_gene_models(path: str | Path, regions: Iterable[Region]) -> GeneModels | None:
    """The genes near some regions.

    Args:
        path: ``annotation/genes.parquet``, or a GFF3 file of Ensembl, GENCODE or RefSeq, which has exons too.
        regions: what is outside of them is not kept. Names of chromosomes may differ by ``chr``.

    Returns:
        The genes; None where no gene of the table has a place, as in a run without gene models.

    Raises:
        InputError: neither of the two, or a malformed line.
    """
    wanted = _Intervals(regions)
    return _from_parquet(path, wanted) if _is_parquet(path) else _from_gff(path, wanted)


class _Intervals:
    """Whether anything lies in one of many regions; overlapping ones are joined."""

    def __init__(self, regions: Iterable[Region]) -> None:
        by_chrom: dict[str, list[tuple[int, int]]] = {}
        for chrom, start, end in regions:
            by_chrom.setdefault(bare_name(chrom), []).append((start, end))
        self._joined: Mapping[str, list[list[int]]] = {c: _join(spans) for c, spans in by_chrom.items()}
        self._starts = {c: [start for start, _ in spans] for c, spans in self._joined.items()}

    def has_chromosome(self, contig: str) -> bool:
        return bare_name(contig) in self._joined

    def touch(self, contig: str, start: int, end: int) -> bool:
        chrom = bare_name(contig)
        before = bisect_right(self._starts.get(chrom, []), end)
        return before > 0 and self._joined[chrom][before - 1][1] >= start


def _join(spans: list[tuple[int, int]]) -> list[list[int]]:
    joined: list[list[int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return joined


def _is_parquet(path: str | Path) -> bool:
    try:
        with Path(path).open("rb") as stream:
            return stream.read(4) == b"PAR1"
    except OSError:
        raise input_error(path, "no such file", "annotation/genes.parquet, or a GFF3 file") from None


def _from_parquet(path: str | Path, wanted: _Intervals) -> GeneModels | None:
    try:
        names = pq.read_schema(path).names
        missing = [c for c in ("gene", "chrom", "start", "end") if c not in names]
        if missing:
            raise input_error(path, f"no column {', '.join(missing)}", "columns gene chrom start end")
        table = pq.read_table(path, columns=[c for c in GENE_COLUMNS if c in names]).to_pandas()
    except pa.ArrowInvalid as error:
        raise input_error(path, f"a damaged file ({error})", "annotation/genes.parquet") from None
    table = table.reindex(columns=GENE_COLUMNS).dropna(subset=["gene", "chrom", "start", "end"])
    if table.empty:
        return None
    near = [
        wanted.touch(chrom, int(start), int(end))
        for chrom, start, end in zip(table["chrom"], table["start"], table["end"], strict=True)
    ]
    table = table[pd.Series(near, index=table.index, dtype=bool)]
    table = table.assign(chrom=[bare_name(c) for c in table["chrom"]])
    return GeneModels(_typed(table, GENE_COLUMNS), None)


def _from_gff(path: str | Path, wanted: _Intervals) -> GeneModels:
    dialect = detect_dialect(path)
    genes: dict[str, tuple] = {}
    parent: dict[str, list[str]] = {}
    exons: list[tuple[list[str], str, int, int]] = []
    problems: list[Problem] = []
    for feature in read_features(path, wanted.has_chromosome, problems):
        if not wanted.touch(feature.chrom, feature.start, feature.end):
            continue
        place = (bare_name(feature.chrom), feature.start, feature.end)
        parents = feature.parents()
        identifier = attributes_of(feature.attributes).get("ID", "")  # as written, as parents are
        if feature.kind in SEGMENTS:
            exons.append((parents, *place))
        elif parents:
            parent[identifier] = parents
        elif feature.kind.lower().endswith("gene"):
            names = gene_names(feature, dialect)
            strand = feature.strand if feature.strand in "+-" else None
            genes[identifier] = (names.gene, *place, strand, names.biotype)
    if problems:
        raise InputError(problems)
    rows = {
        (genes[top][0], *place)
        for parents, *place in exons
        for name in parents
        for top in (name, *parent.get(name, []))  # some genes have exons without a transcript
        if top in genes
    }
    return GeneModels(
        _typed(pd.DataFrame(list(genes.values()), columns=GENE_COLUMNS), GENE_COLUMNS),
        _typed(pd.DataFrame(sorted(rows), columns=EXON_COLUMNS), EXON_COLUMNS),
    )


def _typed(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    kinds = {c: "int64" if c in ("start", "end") else "str" for c in columns}
    return table[columns].astype(kinds).sort_values(["chrom", "start", "end", "gene"], ignore_index=True)


def _overlapping(table: pd.DataFrame, region: Region) -> pd.DataFrame:
    chrom, start, end = region
    inside = (table["chrom"] == bare_name(chrom)) & (table["end"] >= start) & (table["start"] <= end)
    return table[inside].reset_index(drop=True)
