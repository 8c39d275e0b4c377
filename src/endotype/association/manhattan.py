"""Manhattan and QQ plots, and the same points for an interactive page."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from scipy import stats

from endotype.association.canvas import (
    BLUE,
    GREY,
    LIGHT_BLUE,
    RED,
    SERIES,
    Bend,
    Picture,
    lift_labels,
    printable,
    rounded,
    say,
    shortened,
    text_width,
)
from endotype.association.genome_order import in_genome_order
from endotype.association.inflation import FREQUENCY_BINS, MIN_BEYOND, genomic_inflation

_GRID = (1200, 400)
"""Cells of the picture, of which each shows its strongest point."""

DATA_GRID = (500, 120)
"""The same of the data for a page, so at most 60,000 points below the threshold."""

MAX_HITS = 2000
"""Points above the threshold in the data for a page: the strongest; how many there are is said."""

_MAX_VECTOR_POINTS = 1500
_BLOCK = 100_000
_MAX_LABELS = 10
_MAX_LABEL_LETTERS = 24
_LABEL_SIZE = 8.0
_MIN_SHARE_OF_TICK = 0.029


@dataclass(frozen=True)
class Genome:
    """Where chromosomes lie side by side, in the order of :mod:`~endotype.association.genome_order`.

    Attributes:
        start: for each chromosome, where its position 0 would be.
        centre: for each chromosome, of what was tested of it.
        width: of all.
        gap: between two, 1 % of the whole.
    """

    start: dict[str, float]
    centre: dict[str, float]
    width: float
    gap: float

    def place(self, chrom: pd.Series, pos: pd.Series) -> np.ndarray:
        """Where variants lie."""
        return pos.to_numpy(float) + chrom.map(self.start).to_numpy(float)


def lay_out(results: pd.DataFrame) -> Genome:
    """Put the chromosomes of a result (columns ``chrom pos``, rows in any order) side by side."""
    by_chrom = results.groupby("chrom", sort=False, observed=True)["pos"]
    first, length = by_chrom.min(), by_chrom.max() - by_chrom.min()
    gap = 0.01 * max(float(length.sum()), 1.0)
    start: dict[str, float] = {}
    centre: dict[str, float] = {}
    at = 0.0
    for chrom in in_genome_order(first.index):
        start[chrom] = at - float(first[chrom])
        centre[chrom] = at + float(length[chrom]) / 2
        at += float(length[chrom]) + gap
    return Genome(start, centre, at, gap)


def draw_manhattan(
    axes: Axes, results: pd.DataFrame, loci: pd.DataFrame, threshold: float | None, axes_points: float = 465
) -> None:
    """Draw -log10 p along the genome.

    Points below the threshold are thinned to one for each cell of a fine grid and drawn as a bitmap; the
    strongest 1,500 above it stay vector graphics. So the picture is small, and quickly drawn, for any number
    of variants.

    Args:
        axes: to draw on.
        results: columns ``chrom pos neg_log10_p``, in any order.
        loci: rows of ``loci.parquet`` of this trait whose leads are labelled with their gene.
        threshold: p-value of significance.
        axes_points: width of the axes in points, for the labels.
    """
    tested = results.dropna(subset=["neg_log10_p"])
    genome = lay_out(results)
    x, y = genome.place(tested["chrom"], tested["pos"]), tested["neg_log10_p"].to_numpy(float)
    limit = np.inf if threshold is None else -np.log10(threshold)
    labels = _labels(loci[loci["chrom"].isin(genome.start)])
    height = 1.25 * _LABEL_SIZE / 190  # the axes are about 190 points high
    highest = float(max(y.max(), 1.0 if threshold is None else limit))
    bend = Bend.of(highest, limit)
    top = float(bend.forward(highest)) * 1.06  # of the picture: heights, which are values unless it bends
    full = genome.width + genome.gap
    at_x, at_y = genome.place(labels["chrom"], labels["pos"]), labels["neg_log10_p"].to_numpy(float)
    share = [text_width(f"{name} ", _LABEL_SIZE, axes_points) for name in labels["gene"]]
    at = (at_x + genome.gap) / full
    # A label stands above all points that it would cover.
    near = [_highest(x, y, px, wide * full) for px, wide in zip(at_x, share, strict=True)]
    above = bend.forward(np.maximum(np.array(near, float), at_y))
    centres, bottoms = at, above / top
    for _ in range(8):  # labels may need more room above, which moves the points below them
        centres, bottoms = lift_labels(list(at), list(above / top), share, height)
        if len(bottoms) == 0 or bottoms.max() <= 1 - height:
            break
        top *= float(bottoms.max()) + height

    parity = {c: i % 2 for i, c in enumerate(genome.start)}
    colour = np.array([parity[c] for c in tested["chrom"]])
    quiet, crowd, loud = thinned(x, bend.forward(y), float(bend.forward(limit)), genome.width, top)
    for odd, shade in enumerate((BLUE, LIGHT_BLUE)):
        chosen = quiet[colour[quiet] == odd]
        axes.scatter(x[chosen], y[chosen], s=4, c=shade, linewidths=0, rasterized=True)
    axes.scatter(x[crowd], y[crowd], s=12, c=RED, linewidths=0, rasterized=True)
    axes.scatter(x[loud], y[loud], s=12, c=RED, linewidths=0)
    if threshold is not None:
        axes.axhline(limit, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    label_x = centres * full - genome.gap
    levels = bend.inverse(bottoms * top).tolist()
    for px, py, to, level in zip(at_x, at_y, label_x, levels, strict=True):
        axes.plot([px, to], [py, level], color=GREY, linewidth=0.5, zorder=3)
    for name, to, level in zip(labels["gene"], label_x, levels, strict=True):
        axes.text(
            to,
            level,
            name,
            ha="center",
            va="bottom",
            fontsize=_LABEL_SIZE,
            fontstyle="italic",
            zorder=4,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
        )
    if len(genome.start) == 1:
        ((chrom, start),) = genome.start.items()
        axes.xaxis.set_major_formatter(lambda at, _: f"{(at - start) / 1e6:.10g}")
        ends = (0 - start) / 1e6, (genome.width - start) / 1e6
        ticks = MaxNLocator(8, steps=[1, 2, 5, 10]).tick_values(*ends)
        alone = genome.width - genome.gap < 1  # one position
        axes.set_xticks([0.0] if alone else [t * 1e6 + start for t in ticks])
        axes.set_xlabel(f"position on chromosome {printable(chrom)} (Mb)")
    else:
        named = _ticks(genome, full)
        axes.set_xticks([genome.centre[c] for c in named], [printable(c) for c in named], fontsize=8)
        axes.tick_params(axis="x", length=0)
        axes.set_xlabel("chromosome")
    margin = max(genome.gap, 1.0)
    axes.set_xlim(-margin, genome.width - genome.gap + margin)
    bend.apply(axes, float(bend.inverse(top)), "−log₁₀ p")


def draw_qq(axes: Axes, neg_log10_p: np.ndarray, inflation: float | None) -> None:
    """Draw observed against expected -log10 p, with the 95 % band of each order statistic.

    The band is that of *independent* uniform p-values: the k-th smallest of n has a beta(k, n - k + 1)
    distribution.
    """
    expected, observed, low, high = qq_points(neg_log10_p)
    axes.fill_between(expected, low, high, color="#dddddd", linewidth=0)
    axes.plot([0, expected[0]], [0, expected[0]], color=GREY, linewidth=0.8)
    axes.scatter(expected, observed, s=6, c=BLUE, linewidths=0, rasterized=True)
    _qq_axes(axes, float(observed[0]), float(high[0]))
    if inflation is not None:
        axes.text(0.05, 0.95, f"λ = {inflation:.3f}", transform=axes.transAxes, va="top")


def plot_qq_by_frequency(path: str | Path, title: str, results: pd.DataFrame) -> None:
    """Write a QQ plot with a curve for each bin of minor allele frequency, and its lambda.

    Args:
        path: of the SVG.
        title: shown above.
        results: columns ``eaf neg_log10_p``.
    """
    tested = results.dropna(subset=["neg_log10_p", "eaf"])
    values = tested["neg_log10_p"].to_numpy(float)
    eaf = tested["eaf"].to_numpy(float)
    minor = np.minimum(eaf, 1 - eaf)
    with Picture(path, title, (4.6, 4.2)) as figure:
        axes = figure.subplots()
        if len(values) == 0:
            say(axes, "No variant could be tested.")
            return
        expected, _, low, high = qq_points(values)
        axes.fill_between(expected, low, high, color="#dddddd", linewidth=0)
        axes.plot([0, expected[0]], [0, expected[0]], color=GREY, linewidth=0.8)
        for (above, up_to), colour in zip(pairwise(FREQUENCY_BINS), SERIES, strict=True):
            inside = values[(minor > above) & (minor <= up_to)]
            if len(inside) == 0:
                continue
            found = genomic_inflation(inside) if len(inside) >= 2 * MIN_BEYOND else None
            shown = "not estimated" if found is None else f"{found:.3f}"
            name = f"{above:g} < MAF ≤ {up_to:g}: λ {'= ' if found else ''}{shown}, n = {len(inside):,}"
            x, y, _, _ = qq_points(inside)
            axes.scatter(x, y, s=7, c=colour, linewidths=0, rasterized=True, label=name)
        axes.legend(loc="upper left", frameon=False, fontsize=7.5, markerscale=2, handletextpad=0.2)
        _qq_axes(axes, float(values.max()), float(high[0]), room=1.35)  # for the legend
        note = "Grey: 95 % of as many independent uniform p-values (all variants)."
        axes.text(0, -0.19, note, transform=axes.transAxes, fontsize=7, color=GREY)


def interactive_data(
    results: pd.DataFrame, hits: pd.DataFrame, loci: pd.DataFrame, threshold: float | None
) -> dict[str, Any]:
    """The points of the Manhattan and the QQ plot, for a page that draws them itself; bounded in size.

    Args:
        results: columns ``chrom pos neg_log10_p``, in any order.
        hits: columns ``id chrom pos neg_log10_p beta se eaf`` of the rows above the threshold.
        loci: rows of ``loci.parquet`` of this trait.
        threshold: p-value of significance.

    Returns:
        ``n_tests``; ``threshold`` (p); ``chromosomes`` (``name start centre``; a position lies at
        ``start + pos``); ``quiet`` (``x y``: the strongest point below the threshold in each cell of
        :data:`DATA_GRID`); ``n_quiet``, of which ``quiet`` is a part; ``hits`` (the strongest
        :data:`MAX_HITS` above the threshold, in genome order: ``x y id chrom pos beta se eaf``); ``n_hits``;
        ``leads`` (``x y id gene``); ``qq`` (``expected observed low high``); ``inflation``. Lists of one
        length side by side; numbers of six digits, null where there is none.
    """
    tested = results.dropna(subset=["neg_log10_p"])
    y = tested["neg_log10_p"].to_numpy(float)
    if len(tested) == 0:
        return {"n_tests": 0}
    genome = lay_out(results)
    x = genome.place(tested["chrom"], tested["pos"])
    quiet = np.flatnonzero(y <= (np.inf if threshold is None else -np.log10(threshold)))
    quiet = quiet[strongest_per_cell(x[quiet], y[quiet], genome.width, float(max(y.max(), 1)), DATA_GRID)]
    order = ["neg_log10_p", "id", "effect_allele"] if "effect_allele" in hits else ["neg_log10_p", "id"]
    shown = hits.sort_values(order, ascending=[False] + [True] * (len(order) - 1), kind="stable")
    shown = shown.head(MAX_HITS).assign(x=lambda t: genome.place(t["chrom"], t["pos"]))
    shown = shown.sort_values("x", kind="stable")
    leads = loci[loci["chrom"].isin(genome.start)]
    return {
        "n_tests": len(tested),
        "threshold": threshold,
        "chromosomes": [
            {"name": c, "start": int(genome.start[c]), "centre": int(v)} for c, v in genome.centre.items()
        ],
        "quiet": {"x": [int(v) for v in x[quiet]], "y": rounded(y[quiet], 4)},
        "n_quiet": len(tested) - len(hits),
        "hits": {
            "x": [int(v) for v in shown["x"]],
            "y": rounded(shown["neg_log10_p"]),
            "id": shown["id"].tolist(),
            "chrom": shown["chrom"].tolist(),
            "pos": [int(v) for v in shown["pos"]],
            **{name: rounded(shown[name]) for name in ("beta", "se", "eaf")},
        },
        "n_hits": len(hits),
        "leads": {
            "x": [int(v) for v in genome.place(leads["chrom"], leads["pos"])],
            "y": rounded(leads["neg_log10_p"]),
            "id": leads["id"].tolist(),
            "gene": [g if isinstance(g, str) else None for g in leads["gene"]],
        },
        "qq": dict(
            zip(("expected", "observed", "low", "high"), (rounded(v) for v in qq_points(y)), strict=True)
        ),
        "inflation": genomic_inflation(y),
    }


def qq_points(neg_log10_p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Expected and observed -log10 p, and the 95 % band: the strongest 300, and 600 more over the range."""
    observed = np.sort(neg_log10_p)[::-1]
    n = len(observed)
    rank = np.unique(np.concatenate([np.arange(1, min(n, 300) + 1), np.geomspace(1, n, 600).astype(int)]))
    high, low = (-np.log10(stats.beta.ppf(q, rank, n - rank + 1)) for q in (0.025, 0.975))
    return -np.log10((rank - 0.5) / n), observed[rank - 1], low, high


def thinned(
    x: np.ndarray, y: np.ndarray, limit: float, width: float, top: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions of the points to draw: up to the limit, one for each cell; of those above it, when there are
    many, the weaker ones, one for each cell; and the strongest, all."""
    quiet = np.flatnonzero(y <= limit)
    quiet = quiet[strongest_per_cell(x[quiet], y[quiet], width, top, _GRID)]
    above = np.flatnonzero(y > limit)
    above = above[np.lexsort((x[above], -y[above]))]
    loud, crowd = above[:_MAX_VECTOR_POINTS], above[_MAX_VECTOR_POINTS:]
    crowd = crowd[strongest_per_cell(x[crowd], y[crowd], width, top, _GRID)]
    return quiet, crowd, loud[np.argsort(x[loud], kind="stable")]


def strongest_per_cell(
    x: np.ndarray, y: np.ndarray, width: float, height: float, grid: tuple[int, int]
) -> np.ndarray:
    """Positions of the highest point in each cell of a grid over the picture, the leftmost of equals.

    By cell, so the points chosen and their order don't depend on the order of the rows. Blocks of rows are
    thinned on their own first, which keeps the memory small.
    """
    if len(x) > _BLOCK:
        parts = [np.arange(i, min(i + _BLOCK, len(x))) for i in range(0, len(x), _BLOCK)]
        kept = [part[_strongest(x[part], y[part], width, height, grid)] for part in parts]
        chosen = np.concatenate(kept)
        return chosen[_strongest(x[chosen], y[chosen], width, height, grid)]
    return _strongest(x, y, width, height, grid)


def _strongest(
    x: np.ndarray, y: np.ndarray, width: float, height: float, grid: tuple[int, int]
) -> np.ndarray:
    columns = np.clip(x / width * grid[0], 0, grid[0] - 1).astype(np.int64)
    rows = np.clip(y / height * grid[1], 0, grid[1] - 1).astype(np.int64)
    cell = columns * grid[1] + rows
    order = np.lexsort((x, -y, cell))
    return order[np.unique(cell[order], return_index=True)[1]]


def _highest(x: np.ndarray, y: np.ndarray, centre: float, width: float) -> float:
    near = y[np.abs(x - centre) < width / 2]
    return float(near.max()) if near.size else 0.0


def _labels(loci: pd.DataFrame) -> pd.DataFrame:
    """``chrom pos neg_log10_p gene`` of the strongest leads that have a gene, each gene once."""
    named = loci.dropna(subset=["gene"]).drop_duplicates("gene").head(_MAX_LABELS)
    shown = [shortened(str(gene), _MAX_LABEL_LETTERS) for gene in named["gene"]]
    return named[["chrom", "pos", "neg_log10_p"]].assign(gene=shown)


def _ticks(genome: Genome, full: float) -> list[str]:
    """Chromosomes whose names don't touch the one before; the first and the big ones always fit."""
    named: list[str] = []
    last = -np.inf
    for chrom, centre in genome.centre.items():
        needed = _MIN_SHARE_OF_TICK * full * (1 + 0.35 * max(0, len(chrom) - 2))
        if centre - last >= needed:
            named.append(chrom)
            last = centre
    return named


def _qq_axes(axes: Axes, highest: float, band: float, room: float = 1.0) -> None:
    axes.set_xlabel("expected −log₁₀ p")
    axes.set_xlim(left=0)
    bend = Bend.of(highest, None)
    top = float(bend.forward(max(highest, band))) * 1.05 * room
    bend.apply(axes, float(bend.inverse(top)), "observed −log₁₀ p")
