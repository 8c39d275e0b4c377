"""The picture of a gene: how deep each of its coding bases was sequenced in one person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from endotype.cohort.coverage_files import open_alignment
from endotype.errors import input_error, visible
from endotype.files import atomic_path
from endotype.variants.alignment import read_depth
from endotype.variants.callable_sources import Genome, Limits, Place
from endotype.variants.coding import Coding, read_coding
from endotype.variants.intervals import union

FLANK = 15
"""Bases shown on either side of a coding segment, where splice sites are."""

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "endotype",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,
}
_DEPTH, _FLANK, _LOW, _LIMIT, _EXON = "#7aa6c2", "#d5e2ec", "#b5341f", "#555555", "#1f4e79"
_GAP_SHARE, _LABEL_SHARE = 0.012, 0.035


@dataclass(frozen=True)
class GeneDepth:
    """Depth along the coding bases of a gene.

    Attributes:
        position: int64 (k,), 1-based: coding bases and :data:`FLANK` bases on either side, ascending.
        depth: int64 (k,), -1 where nothing is known.
        coding: bool (k,).
        callable: bool (k,), whether a variant could have been seen.
    """

    position: np.ndarray
    depth: np.ndarray
    coding: np.ndarray
    callable: np.ndarray

    @property
    def fraction(self) -> float:
        """Share of the coding bases that are callable."""
        return float(self.callable[self.coding].mean())


def plot_depth(
    genes: str | Path,
    gene: str,
    out: str | Path,
    limits: Limits,
    alignment: str | Path | None = None,
    fasta: str | Path | None = None,
    blocks: Sequence[str | Path] = (),
    patient: str = "",
    sex: str = "unknown",
    assembly: str = "unspecified",
) -> float:
    """Draw the depth of one gene in one person as SVG; return the callable fraction of its coding bases.

    Args:
        genes: GFF3.
        gene: symbol or id.
        out: SVG.
        limits: of a callable base, as for ``callability.parquet``.
        alignment: BAM or CRAM; or else
        blocks: Parquet tables of gVCF blocks, of which ``patient`` is drawn.
        fasta: reference, which a CRAM needs.
        patient: named in the title.
        sex: a male needs half the depth on X and Y outside the pseudoautosomal regions, as in genotypes.
        assembly: names these regions.

    Raises:
        InputError: no such gene, a contig the file doesn't have, nobody of that id, no record on the gene.
    """
    coding = read_coding(genes)
    number = coding.find(gene)
    row = coding.genes.loc[number]
    least = _least(coding, number, limits, sex, assembly)
    if alignment is not None:
        seen, asked = by_reads(coding, number, alignment, fasta, least), ""
    else:
        seen = by_blocks(coding, number, blocks, patient, least, limits.min_genotype_quality)
        asked = f" and genotype quality ≥ {limits.min_genotype_quality:g}"
    name = patient or Path(str(alignment)).name
    symbol = row["gene"] if row["gene"] == row["gene_id"] else f"{row['gene']} ({row['gene_id']})"
    percent = f"{np.floor(1000 * seen.fraction) / 10:g} %"
    title = f"{symbol} in {name}: {percent} of {row['n_coding']:,} coding bases callable"
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10, 3.4), dpi=150, layout="constrained")
        figure.suptitle(_printable(title), x=0.01, ha="left", fontsize=11, fontweight="bold")
        _draw(figure, seen, least, row, f"depth ≥ {least:g}{asked}")
        with atomic_path(out) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
    return seen.fraction


def by_reads(
    coding: Coding, number: int, path: str | Path, fasta: str | Path | None, least: float
) -> GeneDepth:
    """Usable reads over each base of a gene (:func:`endotype.variants.alignment.read_depth`)."""
    chrom = str(coding.genes.loc[number, "chrom"])
    position, is_coding = _positions(coding, number)
    with open_alignment(path, fasta) as reads:
        lengths = dict(zip(reads.references, reads.lengths, strict=True))
        if lengths.get(chrom, 0) < int(coding.genes["end"].iloc[number]):
            found = f"no contig {visible(chrom)} that reaches the gene"
            raise input_error(path, found, "the contigs of the gene models")
        position, is_coding = position[position <= lengths[chrom]], is_coding[position <= lengths[chrom]]
        parts = [
            read_depth(reads, chrom, int(a), int(b)) for a, b in zip(*union(position, position), strict=True)
        ]
    depth = np.concatenate(parts)
    return GeneDepth(position, depth, is_coding, depth >= least)


def by_blocks(
    coding: Coding, number: int, paths: Sequence[str | Path], patient: str, least: float, min_quality: float
) -> GeneDepth:
    """Depth of the gVCF's blocks and calls over each base of a gene; of several the deepest callable one."""
    chrom = str(coding.genes.loc[number, "chrom"])
    position, is_coding = _positions(coding, number)
    filters = [
        *(("patient", "=", patient), ("chrom", "=", chrom)),
        *(("start", "<=", int(position[-1])), ("end", ">=", int(position[0]))),
    ]
    tables = [pq.read_table(path, filters=filters) for path in paths]
    table = pa.concat_tables(tables)
    if not len(table):
        found = f"no record of patient {visible(patient)} on the gene"
        raise input_error(", ".join(map(str, paths)), found, "gVCF blocks that reach it")
    depth = np.full(len(position), -1, np.int64)
    is_callable = np.zeros(len(position), bool)
    columns = [pc.fill_null(table[c], -1).to_pylist() for c in ("start", "end", "depth", "quality")]
    for start, end, d, q in zip(*columns, strict=True):
        here = slice(*np.searchsorted(position, [start, end + 1]))
        # What a record doesn't give isn't held against it, as for genotypes.
        enough = (d == -1 or d >= least) and (q == -1 or q >= min_quality)
        depth[here] = np.maximum(depth[here], d)
        is_callable[here] |= enough
    return GeneDepth(position, depth, is_coding, is_callable)


def _positions(coding: Coding, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The coding bases of a gene with their flanks, and which of them are coding."""
    mine = coding.gene == number
    start, end = coding.start[mine], coding.end[mine]
    shown = union(np.maximum(start - FLANK, 1), end + FLANK)
    position = np.concatenate([np.arange(a, b + 1) for a, b in zip(*shown, strict=True)])
    inside = np.searchsorted(start, position, side="right") - 1
    return position, (inside >= 0) & (position <= end[np.maximum(inside, 0)])


def _least(coding: Coding, number: int, limits: Limits, sex: str, assembly: str) -> float:
    """The least depth of a callable base of the gene."""
    place = Place(coding, Genome({}, assembly))
    return max(limits.depth(int(place.copies(sex)[coding.gene == number][0])), 1)


def _draw(figure: Figure, seen: GeneDepth, least: float, gene: Any, rule: str) -> None:
    """Depth above, coding sequence below; introns are narrow gaps, what is not callable is red."""
    stretch = np.r_[0, np.cumsum(np.diff(seen.position) > 1)]
    gap = max(3.0, _GAP_SHARE * len(seen.position))
    x = np.arange(len(seen.position)) + gap * stretch
    depth = np.maximum(seen.depth, 0)
    low = seen.coding & ~seen.callable
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[12, 1])
    for number in range(int(stretch[-1]) + 1):
        here = np.flatnonzero(stretch == number)
        edges = np.r_[x[here], x[here[-1]] + 1]
        above.stairs(depth[here], edges, fill=True, color=_FLANK, linewidth=0)
        above.stairs(np.where(seen.coding, depth, 0)[here], edges, fill=True, color=_DEPTH, linewidth=0)
        above.stairs(depth[here], edges, color=_EXON, linewidth=0.7, baseline=None)
    exons, gone = _runs(seen.coding, stretch), _runs(low, stretch)
    for first, last in gone:
        above.axvspan(
            x[first], x[last] + 1, facecolor=_LOW, edgecolor=_LOW, alpha=0.25, linewidth=0.8, zorder=0
        )
    above.axhline(least, color=_LIMIT, linewidth=0.9, linestyle=(0, (4, 3)))
    top = max(float(depth.max()), least) * 1.12
    above.set_ylim(0, top)
    above.set_ylabel("reads")
    above.set_title(f"callable: {rule}; coding bases that are not: red", loc="left", fontsize=8)
    above.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    above.tick_params(axis="x", length=0, labelbottom=False)
    above.spines["bottom"].set_visible(False)
    below.axhline(0.5, color=_EXON, linewidth=0.8)
    below.broken_barh([(x[a], x[b] + 1 - x[a]) for a, b in exons], (0, 1), facecolor=_EXON, linewidth=0)
    below.broken_barh([(x[a], x[b] + 1 - x[a]) for a, b in gone], (0, 1), color=_LOW, linewidth=0.8)
    below.set_ylim(0, 1)
    below.set_yticks([])
    below.set_xlim(-gap / 2, x[-1] + 1 + gap / 2)
    shown = _spread([float(x[a] + x[b] + 1) / 2 for a, b in exons], float(x[-1]))
    below.set_xticks(
        [(x[a] + x[b] + 1) / 2 for a, b in (exons[n] for n in shown)],
        [f"{seen.position[exons[n][0]]:,}" for n in shown],
        rotation=30 if len(shown) > 6 else 0,
        ha="right" if len(shown) > 6 else "center",
        fontsize=7,
    )
    for side in ("left", "bottom"):
        below.spines[side].set_visible(False)
    strand = {"+": "forward strand, 5′ on the left", "-": "reverse strand, 5′ on the right"}
    direction = strand.get(gene["strand"], "strand not given")
    below.set_xlabel(
        _printable(f"{gene['chrom']}: first base of each coding segment, introns not to scale ({direction})")
    )


def _runs(flags: np.ndarray, stretch: np.ndarray) -> list[tuple[int, int]]:
    """First and last of each run of true values; a run ends where a stretch does."""
    marked = np.flatnonzero(flags)
    if not len(marked):
        return []
    cut = np.flatnonzero((np.diff(marked) > 1) | (np.diff(stretch[marked]) > 0)) + 1
    return [(int(run[0]), int(run[-1])) for run in np.split(marked, cut)]


def _spread(centres: Sequence[float], width: float) -> list[int]:
    """Of labels at these places, which can be read side by side; the first is one of them."""
    chosen: list[int] = []
    for number, centre in enumerate(centres):
        if not chosen or centre - centres[chosen[-1]] >= _LABEL_SHARE * width:
            chosen.append(number)
    return chosen


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
