"""One locus close up: every variant by its linkage with the lead, over the genes that lie there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from endotype.association.canvas import (
    BLUE,
    GREY,
    RED,
    SHADES,
    Bend,
    Picture,
    lanes,
    rounded,
    say,
    shortened,
    text_width,
)
from endotype.association.manhattan import strongest_per_cell
from endotype.variants.plink import MISSING, GenotypeStore

R2_LIMITS = (0.2, 0.4, 0.6, 0.8)
"""Limits between the shades; a value on a limit has the darker one."""

MAX_VARIANTS = 2000
"""Variants of a region's data up to which all are given."""

_DATA_GRID = (150, 20)
_MAX_VECTOR_POINTS = 1500
_PROTEIN = "protein_coding"
_MAX_LANES = 7
_BLOCK = 512
_LABEL_SIZE = 7.5
_AXES_POINTS = 470.0
_NO_R2 = "#ffffff"


def ld_with_lead(
    store: GenotypeStore, lead: int, variants: np.ndarray, people: np.ndarray | None = None
) -> np.ndarray:
    """Squared correlation of dosages with those of a lead variant, among the people called for both.

    This is the genotypic r^2 (Rogers and Huff 2009), an estimate of the haplotypic one under random mating.

    Args:
        store: the genotypes.
        lead: index of the lead variant.
        variants: int64, indices of the variants, which need not be neighbours.
        people: indices of the people to use, e.g. those of the trait's model; all without.

    Returns:
        float64 (n_variants,), NaN where either does not vary among the people called for both.
    """
    chosen = slice(None) if people is None else people
    reference = store.dosages(slice(lead, lead + 1))[0, chosen].astype(float)
    called = reference != MISSING
    y = np.where(called, reference, 0)
    r2 = []
    for first in range(0, len(variants), _BLOCK):
        dosages = store.dosages(variants[first : first + _BLOCK])[:, chosen]
        both = (dosages != MISSING) & called
        x = np.where(both, dosages, 0).astype(float)
        n = both.sum(axis=1)
        # Whole numbers, so these sums are exact and their differences lose nothing.
        sum_x, sum_xx, sum_xy = x.sum(axis=1), (x * x).sum(axis=1), x @ y
        sum_y, sum_yy = both @ y, both @ (y * y)
        spread = (n * sum_xx - sum_x**2) * (n * sum_yy - sum_y**2)
        covariance = n * sum_xy - sum_x * sum_y
        r2.append(np.divide(covariance**2, spread, out=np.full(len(n), np.nan), where=spread > 0))
    return np.concatenate(r2) if r2 else np.zeros(0)


def plot_region(
    path: str | Path,
    title: str,
    results: pd.DataFrame,
    genes: pd.DataFrame,
    window: tuple[int, int],
    threshold: float | None,
    exons: pd.DataFrame | None = None,
    *,
    assessed_genes: bool = True,
    ld_people: str = "",
) -> None:
    """Write the regional plot of one locus.

    Args:
        path: of the SVG.
        title: shown above.
        results: columns ``id chrom pos neg_log10_p r2 is_lead`` of the region, one chromosome; a null r2 is
            drawn hollow.
        genes: columns ``gene start end strand`` (``+``, ``-`` or null), and ``biotype`` where known; those
            outside are cut or left out.
        window: first and last position.
        threshold: p-value of significance.
        exons: columns ``gene start end``, drawn as boxes.
        assessed_genes: false where no gene model is at hand, which the picture then says.
        ld_people: among whom r2 was taken, e.g. ``1,204 people of the model``.
    """
    with Picture(path, title, (7.6, 4.8)) as figure:
        top, track = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1.3])
        tested = results.dropna(subset=["neg_log10_p"])
        if len(tested) == 0:
            say(top, "No variant could be tested.")
            track.set_axis_off()
            return
        start, end = _limits(window)
        _points(top, tested, window, threshold, ld_people)
        top.set_xlim(start, end)
        if assessed_genes:
            _genes(track, genes, exons, start, end)
        else:
            _hide(track)
            track.text(0.5, 0.5, "Genes: not assessed.", ha="center", va="center", transform=track.transAxes)
        track.set_xlim(start, end)
        track.xaxis.set_major_locator(MaxNLocator(6))
        track.xaxis.set_major_formatter(lambda value, _: f"{value / 1e6:.10g}")
        track.set_xlabel(f"position on chromosome {shortened(str(results['chrom'].iloc[0]), 40)} (Mb)")


def region_data(
    results: pd.DataFrame, genes: pd.DataFrame, window: tuple[int, int], threshold: float | None
) -> dict[str, Any]:
    """The same region for a page that draws it itself; bounded in size.

    Returns:
        ``window``; ``threshold`` (p); ``lead`` (id); ``variants`` (``id pos y r2``; of more than
        :data:`MAX_VARIANTS` the strongest half that many, and of the others the strongest in each cell of
        a grid); ``n_tests``, of which these are a part; ``genes`` (``gene start end strand``). Null where
        there is no value.
    """
    tested = results.dropna(subset=["neg_log10_p"])
    start, end = _limits(window)
    near = genes[(genes["end"] >= start) & (genes["start"] <= end)]
    leads = tested.loc[tested["is_lead"], "id"]
    shown = tested.iloc[_shown(tested, window)]
    return {
        "window": list(window),
        "lead": str(leads.iloc[0]) if len(leads) else None,
        "threshold": threshold,
        "n_tests": len(tested),
        "variants": {
            "id": shown["id"].tolist(),
            "pos": [int(p) for p in shown["pos"]],
            "y": rounded(shown["neg_log10_p"]),
            "r2": rounded(shown["r2"].to_numpy("float64", na_value=np.nan), 4),
        },
        "genes": [
            {"gene": gene, "start": int(first), "end": int(last), "strand": strand}
            for gene, first, last, strand in zip(
                near["gene"].astype(str),
                near["start"],
                near["end"],
                [s if isinstance(s, str) else None for s in near["strand"]],
                strict=True,
            )
        ],
    }


def _shown(tested: pd.DataFrame, window: tuple[int, int]) -> np.ndarray:
    """Rows that the data of a region keep, ascending."""
    n = len(tested)
    if n <= MAX_VARIANTS:
        return np.arange(n)
    x, y = tested["pos"].to_numpy(float), tested["neg_log10_p"].to_numpy(float)
    order = np.lexsort((x, -y))
    loud, quiet = order[: MAX_VARIANTS // 2], order[MAX_VARIANTS // 2 :]
    width = max(1.0, window[1] - window[0] + 1.0)
    cells = strongest_per_cell(x[quiet] - window[0], y[quiet], width, max(float(y.max()), 1.0), _DATA_GRID)
    return np.sort(np.concatenate([loud, quiet[cells]]))


def _limits(window: tuple[int, int]) -> tuple[float, float]:
    low, high = map(float, window)
    margin = max(0.02 * (high - low), 50.0)
    return low - margin, high + margin


def _points(
    axes: Axes, tested: pd.DataFrame, window: tuple[int, int], threshold: float | None, ld_people: str
) -> None:
    r2 = tested["r2"].to_numpy("float64", na_value=np.nan)
    x, y = tested["pos"].to_numpy(float), tested["neg_log10_p"].to_numpy(float)
    is_lead = tested["is_lead"].to_numpy(bool)
    shade = np.digitize(r2, R2_LIMITS)
    unknown = np.isnan(r2) & ~is_lead
    bitmap = len(tested) > _MAX_VECTOR_POINTS
    if unknown.any():
        axes.scatter(
            x[unknown],
            y[unknown],
            s=16,
            c=_NO_R2,
            edgecolors=GREY,
            linewidths=0.6,
            label="r² not assessed",
            rasterized=bitmap,
        )
    names = ["< 0.2", "0.2–0.4", "0.4–0.6", "0.6–0.8", "≥ 0.8"]
    for i, (name, colour) in enumerate(zip(names, SHADES, strict=True)):
        chosen = ~unknown & ~is_lead & (shade == i)  # dark ones last, on top
        if not np.isfinite(r2).any():
            break
        axes.scatter(
            x[chosen],
            y[chosen],
            s=18,
            c=colour,
            label=f"r² {name}",
            edgecolors=BLUE,
            linewidths=0.3,
            rasterized=bitmap,
        )
    if is_lead.any():
        axes.scatter(x[is_lead], y[is_lead], s=48, c=RED, marker="D", linewidths=0, label="lead", zorder=3)
    limit = 0.0
    if threshold is not None:
        limit = -np.log10(threshold)
        axes.axhline(limit, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    highest = max(float(y.max()), limit, 1.0)
    bend = Bend.of(highest, limit)
    bend.apply(axes, float(bend.inverse(bend.forward(highest) * 1.15)), "−log₁₀ p")
    start, end = _limits(window)
    for px, py, lead in zip(x[is_lead], y[is_lead], tested.loc[is_lead, "id"], strict=True):
        name = shortened(str(lead), 40)
        half = text_width(name, _LABEL_SIZE, _AXES_POINTS) / 2
        at = (px - start) / (end - start)
        side = "left" if at < half else "right" if at > 1 - half else "center"
        axes.annotate(
            name, (px, py), xytext=(0, 7), textcoords="offset points", ha=side, fontsize=_LABEL_SIZE
        )
    legend = axes.legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=_LABEL_SIZE, alignment="left"
    )
    if ld_people:
        legend.set_title("r² with the lead\namong the\n" + ld_people)
        legend.get_title().set_fontsize(_LABEL_SIZE)


def _genes(axes: Axes, genes: pd.DataFrame, exons: pd.DataFrame | None, start: float, end: float) -> None:
    _hide(axes)
    near = genes[(genes["end"] >= start) & (genes["start"] <= end)]
    # Where there is no room for all, genes of proteins come first.
    minor = near["biotype"].ne(_PROTEIN).to_numpy(bool) if "biotype" in near else np.ones(len(near), bool)
    near = near.assign(_minor=minor).sort_values(["_minor", "start", "end", "gene"], kind="stable")
    if len(near) == 0:
        axes.text(0.5, 0.5, "No gene of the gene model lies here.", ha="center", transform=axes.transAxes)
        return
    low = np.maximum(near["start"].to_numpy(float), start)
    high = np.minimum(near["end"].to_numpy(float), end)
    names = [shortened(str(g), 24) for g in near["gene"]]
    arrows = [{"+": " →", "-": " ←"}.get(s, "") for s in near["strand"].fillna("")]
    width = np.array(
        [text_width(f"{n}{a} ", _LABEL_SIZE, _AXES_POINTS) for n, a in zip(names, arrows, strict=True)]
    ) * (end - start)
    centre = np.clip((low + high) / 2, start + width / 2, np.maximum(end - width / 2, start + width / 2))
    room = 0.008 * (end - start)
    lane = lanes(
        list(np.minimum(low, centre - width / 2) - room), list(np.maximum(high, centre + width / 2) + room)
    )
    for i in np.flatnonzero(lane < _MAX_LANES):
        y = -float(lane[i])
        axes.plot([low[i], high[i]], [y, y], color=BLUE, linewidth=1.2, solid_capstyle="butt")
        axes.text(
            centre[i], y + 0.2, names[i] + arrows[i], ha="center", fontsize=_LABEL_SIZE, fontstyle="italic"
        )
        if exons is None:
            axes.plot([low[i], high[i]], [y, y], color=BLUE, linewidth=4, solid_capstyle="butt")
            continue
        for exon in exons[exons["gene"] == near["gene"].iloc[i]].itertuples():
            inside = (max(float(exon.start), start), min(float(exon.end), end))
            if inside[0] <= inside[1]:
                axes.plot(inside, [y, y], color=BLUE, linewidth=5, solid_capstyle="butt")
    hidden = int((lane >= _MAX_LANES).sum())
    if hidden:
        axes.set_title(f"{hidden} more genes are not drawn", fontsize=7, color=GREY, loc="right", pad=2)
    axes.set_ylim(-min(max(int(lane.max()) + 1, 3), _MAX_LANES) + 0.4, 0.95)


def _hide(axes: Axes) -> None:
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
