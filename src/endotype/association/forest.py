"""The strongest hits over all traits: effect and 95 % interval of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from endotype.association.canvas import BLUE, GREY, RED, Picture, printable, rounded, say, shortened
from endotype.association.genome_order import genome_rank
from endotype.association.result_files import read_rows

FOREST_COLUMNS = {
    "id": "str", "chrom": "str", "pos": "int64", "effect_allele": "str", "label": "str", "trait": "str",
    "kind": "str", "beta": "float64", "se": "float64", "scale": "float64", "neg_log10_p": "float64",
    "n": "Int64", "status": "str", "is_hit": "bool",
}  # fmt: skip
"""Columns of the table behind the picture. ``scale`` is the trait's standard deviation (1 for others), which
beta and se are divided by in the picture; ``is_hit``: the variant is a lead of that trait."""

_KEY = ["chrom", "pos", "id", "effect_allele"]
_Z = 1.959963984540054
_QUANTITATIVE = "linear"
_MAX_LETTERS = 34
_MAX_TRAITS = 12


def forest_table(
    loci: pd.DataFrame,
    results: Mapping[str, str | Path],
    kinds: Mapping[str, str],
    standard_deviations: Mapping[str, float] | None = None,
    n_hits: int = 8,
) -> pd.DataFrame:
    """Effects of the leads of the strongest loci on every trait.

    Args:
        loci: ``loci.parquet``; only rows of variants count.
        results: path of the result by trait; only the rows of the leads are read.
        kinds: ``linear``, ``logistic`` or ``cox`` by trait.
        standard_deviations: of quantitative traits, among the people of the model; without them effects
            stay in the unit of each trait.
        n_hits: how many leads, strongest first; of equals, the first along the genome.

    Returns:
        :data:`FOREST_COLUMNS`, by hit, then by trait. A variant without a statistic has its row, with the
        status that says why.
    """
    variants = loci[loci["kind"] == "variant"]
    leads = variants.assign(rank=genome_rank(variants["chrom"])).sort_values(
        ["neg_log10_p", "rank", "pos", "effect_allele", "id"], ascending=[False] + [True] * 4, kind="stable"
    )
    # Ids may be '.' throughout, so a variant is known by its place and allele as well.
    chosen = leads.drop_duplicates(_KEY).head(n_hits).reset_index(drop=True)
    labels = list(zip(*(chosen[c] for c in ("gene", "chrom", "pos", "effect_allele")), strict=True))
    places = chosen[_KEY].assign(rank=np.arange(len(chosen)), label=[_label(*row) for row in labels])
    hits = set(zip(*(leads[c] for c in (*_KEY, "trait")), strict=True))
    columns = [*_KEY, "beta", "se", "neg_log10_p", "n", "status"]
    parts = []
    for trait in sorted(results) if len(chosen) else []:
        found = read_rows(results[trait], trait, columns, [("pos", "in", chosen["pos"].tolist())])
        frame = places.merge(found.astype({"chrom": "str"}), on=_KEY).drop_duplicates("rank")
        frame = frame.assign(trait=trait, kind=kinds[trait], scale=1.0)
        if kinds[trait] == _QUANTITATIVE and standard_deviations is not None:
            frame["scale"] = standard_deviations[trait]
        parts.append(frame)
    if not parts:
        return pd.DataFrame(columns=list(FOREST_COLUMNS)).astype(FOREST_COLUMNS)
    table = pd.concat(parts, ignore_index=True)
    table["is_hit"] = [row in hits for row in zip(*(table[c] for c in (*_KEY, "trait")), strict=True)]
    table = table.sort_values(["rank", "trait"], kind="stable").reset_index(drop=True)
    return table[list(FOREST_COLUMNS)].astype(FOREST_COLUMNS)


def plot_forest(path: str | Path, title: str, table: pd.DataFrame, in_deviations: bool = True) -> None:
    """Write the forest plot of :func:`forest_table`.

    Quantitative traits stand on the left in standard deviations (or, if not, each in its unit); binary traits
    and times to event on the right as log odds and log hazard ratios: the two scales can't be compared. Red
    rows are hits. Of more than twelve traits of a scale each hit shows the twelve with the lowest p.
    """
    quantitative = table["kind"] == _QUANTITATIVE
    panels = [
        (_drawn(table[mask]), label)
        for mask, label in (
            (quantitative, "standard deviations per allele" if in_deviations else "trait units per allele"),
            (~quantitative, "log odds or hazard ratio per allele"),
        )
        if mask.any()
    ]
    rows = max((_height(part) for part, _ in panels), default=0)
    n_traits = table["trait"].nunique()
    if sum(len(part) for part, _ in panels) < len(table):
        title += f" (of {n_traits} traits those with the lowest p)"
    with Picture(path, title, (5.2 * max(len(panels), 1), 1.1 + 0.19 * max(rows, 6))) as figure:
        if not panels:
            say(figure.subplots(), "No significant variant.")
            return
        for axes, (part, label) in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
            _panel(axes, part, label)


def forest_data(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of :func:`forest_table` for JSON, with ``low`` and ``high`` of the 95 % interval."""
    beta, se, scale = (table[c].to_numpy(float) for c in ("beta", "se", "scale"))
    effect = {"effect": beta / scale, "low": (beta - _Z * se) / scale, "high": (beta + _Z * se) / scale}
    numbers = {name: rounded(values) for name, values in effect.items()}
    numbers["neg_log10_p"] = rounded(table["neg_log10_p"])
    names = ("id", "chrom", "effect_allele", "label", "trait", "kind", "status", "is_hit")
    text: dict[str, list] = {name: table[name].tolist() for name in names}
    columns = text | numbers | {"pos": [int(p) for p in table["pos"]]}
    return [{name: values[i] for name, values in columns.items()} for i in range(len(table))]


def _drawn(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of one scale that there is room for, in the same order."""
    if table["trait"].nunique() <= _MAX_TRAITS:
        return table
    place = table.sort_values("neg_log10_p", ascending=False, kind="stable").groupby(_KEY, sort=False)
    return table[place.cumcount().reindex(table.index) < _MAX_TRAITS]


def _panel(axes: Axes, table: pd.DataFrame, label: str) -> None:
    heights, names, heads = [], [], []
    y = 0.0
    for _, group in table.groupby(_KEY, sort=False):
        heads.append((y, str(group["label"].iloc[0])))
        y -= 1
        for trait in group["trait"]:
            heights.append(y)
            names.append(shortened(str(trait), _MAX_LETTERS))
            y -= 1
        y -= 0.4
    at = np.array(heights)
    scale = table["scale"].to_numpy(float)
    effect, half = table["beta"].to_numpy(float) / scale, _Z * table["se"].to_numpy(float) / scale
    there = np.isfinite(effect) & np.isfinite(half)
    hit = table["is_hit"].to_numpy(bool)
    axes.axvline(0, color=GREY, linewidth=0.8)
    for mask, colour, marker in ((there & ~hit, BLUE, "o"), (there & hit, RED, "D")):
        axes.errorbar(
            effect[mask], at[mask], xerr=half[mask], fmt=marker, color=colour, markersize=4.5, linewidth=1.3
        )
    reach = float(np.max(np.abs(effect[there]) + half[there], initial=0.1)) * 1.08
    axes.set_xlim(-reach, reach)
    for where, status in zip(at[~there], table["status"][~there], strict=True):
        axes.text(0, where, f" {printable(str(status))}", fontsize=7, color=GREY, va="center")
    for where, text in heads:
        axes.text(
            -0.02,
            where,
            shortened(text, _MAX_LETTERS),
            fontsize=8,
            fontweight="bold",
            ha="right",
            va="center",
            transform=axes.get_yaxis_transform(),
        )
    axes.set_yticks(at, names, fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(y + 0.6, 0.8)
    axes.set_xlabel(label)


def _height(table: pd.DataFrame) -> float:
    return len(table) + 1.4 * len(table.drop_duplicates(_KEY))


def _label(gene: object, chrom: str, pos: int, effect_allele: object) -> str:
    words = [gene, f"{chrom}:{pos}", effect_allele]
    return " ".join(word for word in words if isinstance(word, str))
