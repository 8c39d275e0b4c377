"""The picture of a trait: Manhattan and QQ plot in one SVG, the same bytes every time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from endotype.files import atomic_path

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "endotype",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,
}
_COLOURS = ("#1f4e79", "#7aa6c2")
_HIGHLIGHT = "#b5341f"
_GRID = (1200, 400)
_MAX_VECTOR_POINTS = 1500
_MAX_LABELS = 10


def plot_trait(
    path: str | Path,
    title: str,
    results: pd.DataFrame,
    loci: pd.DataFrame,
    threshold: float | None,
    inflation: float | None,
) -> None:
    """Write the Manhattan and QQ plot of one trait.

    Points below the threshold are thinned to one for each cell of a fine grid and drawn as a bitmap; those
    above it stay vector graphics. So the picture is small, and quickly drawn, for any number of variants.

    Args:
        path: of the SVG.
        title: shown above, as it is (no mathematics in it).
        results: columns ``chrom pos neg_log10_p``, genome order.
        loci: rows of ``loci.parquet`` of this trait whose leads are labelled with their gene.
        threshold: p-value of significance.
        inflation: genomic inflation factor.
    """
    tested = results.dropna(subset=["neg_log10_p"])
    with mpl.rc_context(_STYLE):
        figure = _canvas(title)
        manhattan, qq = figure.subplots(1, 2, width_ratios=[3, 1])
        if len(tested):
            _manhattan(manhattan, results, tested, loci, threshold)
            _qq(qq, tested["neg_log10_p"].to_numpy(float), inflation)
        else:
            _say(manhattan, "No variant could be tested.")
            qq.set_axis_off()
        _save(figure, path)


def plot_not_assessed(path: str | Path, title: str, reason: str) -> None:
    """Write a picture that says why there is none."""
    with mpl.rc_context(_STYLE):
        figure = _canvas(title)
        _say(figure.subplots(), f"Not assessed: {reason}.")
        _save(figure, path)


def _canvas(title: str) -> Figure:
    figure = Figure(figsize=(10, 3.6), dpi=150, layout="constrained")
    figure.suptitle(_printable(title), x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure


def _save(figure: Figure, path: str | Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})


def _say(axes: Axes, text: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, _printable(text), ha="center", va="center", transform=axes.transAxes, wrap=True)


def _manhattan(
    axes: Axes, results: pd.DataFrame, tested: pd.DataFrame, loci: pd.DataFrame, threshold: float | None
) -> None:
    chroms = list(dict.fromkeys(results["chrom"]))
    by_chrom = results.groupby("chrom", sort=False)["pos"]
    first, length = by_chrom.min(), by_chrom.max() - by_chrom.min()
    # A gap of 1 % of the genome keeps neighbouring chromosomes apart.
    gap = 0.01 * max(float(length.sum()), 1.0)
    starts: dict[str, float] = {}  # where position 0 of each chromosome would be
    at = 0.0
    for chrom in chroms:
        starts[chrom] = at - float(first[chrom])
        at += float(length[chrom]) + gap
    x = tested["pos"].to_numpy(float) + tested["chrom"].map(starts).to_numpy(float)
    y = tested["neg_log10_p"].to_numpy(float)
    colour = np.array([chroms.index(c) % 2 for c in chroms])[
        pd.Categorical(tested["chrom"], categories=chroms).codes
    ]
    limit = np.inf if threshold is None else -np.log10(threshold)
    top = float(max(y.max(), 1.0 if threshold is None else limit)) * 1.12
    quiet = np.flatnonzero(y <= limit)
    quiet = quiet[one_per_cell(x[quiet], y[quiet], at, top)]
    loud = np.flatnonzero(y > limit)
    loud = loud[np.sort(np.argsort(-y[loud], kind="stable")[:_MAX_VECTOR_POINTS])]
    for parity in (0, 1):
        chosen = quiet[colour[quiet] == parity]
        axes.scatter(x[chosen], y[chosen], s=4, c=_COLOURS[parity], linewidths=0, rasterized=True)
    axes.scatter(x[loud], y[loud], s=12, c=_HIGHLIGHT, linewidths=0)
    if threshold is not None:
        axes.axhline(limit, color="#555555", linewidth=0.8, linestyle=(0, (4, 3)))
    for chrom, pos, y_lead, gene in _labels(loci):
        if chrom in starts:
            axes.annotate(
                _printable(gene),
                (pos + starts[chrom], y_lead),
                xytext=(0, 4),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                fontstyle="italic",
            )
    axes.set_xticks(
        [starts[c] + float(first[c]) + float(length[c]) / 2 for c in chroms],
        [_printable(c) for c in chroms],
        fontsize=8,
    )
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-gap, at)
    axes.set_ylim(0, top)
    axes.set_xlabel("chromosome")
    axes.set_ylabel("−log₁₀ p")


def _qq(axes: Axes, neg_log10_p: np.ndarray, inflation: float | None) -> None:
    observed = np.sort(neg_log10_p)[::-1]
    n = len(observed)
    rank = np.arange(1, n + 1)
    expected = -np.log10((rank - 0.5) / n)
    keep = np.unique(np.concatenate([rank[:300], np.geomspace(1, n, 600).astype(int)])) - 1
    keep = keep[keep < n]
    band = [stats.beta.ppf(q, rank[keep], n - rank[keep] + 1) for q in (0.025, 0.975)]
    axes.fill_between(expected[keep], *(-np.log10(b) for b in band), color="#dddddd", linewidth=0)
    axes.plot([0, expected[0]], [0, expected[0]], color="#555555", linewidth=0.8)
    axes.scatter(expected[keep], observed[keep], s=6, c=_COLOURS[0], linewidths=0, rasterized=True)
    axes.set_xlabel("expected −log₁₀ p")
    axes.set_ylabel("observed −log₁₀ p")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    if inflation is not None:
        axes.text(0.05, 0.95, f"λ = {inflation:.3f}", transform=axes.transAxes, va="top")


def _labels(loci: pd.DataFrame) -> list[tuple[str, int, float, str]]:
    """chrom, pos, -log10 p and gene of the strongest leads that have a gene."""
    named = loci.dropna(subset=["gene"]).head(_MAX_LABELS)
    columns = (named[c].tolist() for c in ("chrom", "pos", "neg_log10_p", "gene"))
    return list(zip(*columns, strict=True))


def one_per_cell(x: np.ndarray, y: np.ndarray, width: float, height: float) -> np.ndarray:
    """Positions of the first point in each cell of a grid over the picture."""
    columns = np.clip(x / width * _GRID[0], 0, _GRID[0] - 1).astype(np.int64)
    rows = np.clip(y / height * _GRID[1], 0, _GRID[1] - 1).astype(np.int64)
    return np.sort(np.unique(columns * _GRID[1] + rows, return_index=True)[1])


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
