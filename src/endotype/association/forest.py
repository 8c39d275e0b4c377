"""The strongest hits over all traits: effect and 95 % interval of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from matplotlib.axes import Axes

from endotype.association.canvas import BLUE, GREY, RED, Picture, printable, rounded, say, shortened

FOREST_COLUMNS = {
    "id": "str", "label": "str", "trait": "str", "kind": "str", "beta": "float64", "se": "float64",
    "scale": "float64", "neg_log10_p": "float64", "n": "Int64", "status": "str", "is_hit": "bool",
}  # fmt: skip
"""Columns of the table behind the picture. ``scale`` is the trait's standard deviation (1 for others), which
beta and se are divided by in the picture; ``is_hit``: the variant is a lead of that trait."""

_Z = 1.959963984540054
_QUANTITATIVE = "linear"
_MAX_LETTERS = 34


def forest_table(
    loci: pd.DataFrame,
    results: Mapping[str, str | Path],
    kinds: Mapping[str, str],
    standard_deviations: Mapping[str, float],
    n_hits: int = 8,
) -> pd.DataFrame:
    """Effects of the leads of the strongest loci on every trait.

    Args:
        loci: ``loci.parquet``; only rows of variants count.
        results: path of ``{trait}.parquet`` by trait; only the rows of the leads are read.
        kinds: ``linear``, ``logistic`` or ``cox`` by trait.
        standard_deviations: of quantitative traits, among the people of the model.
        n_hits: how many leads, strongest first.

    Returns:
        :data:`FOREST_COLUMNS`, by hit, then by trait. A variant without a statistic has its row, with the
        status that says why.
    """
    leads = loci[loci["kind"] == "variant"].sort_values("neg_log10_p", ascending=False, kind="stable")
    chosen = leads.drop_duplicates("id").head(n_hits)
    ids = chosen["id"].tolist()
    hits = set(zip(leads["id"], leads["trait"], strict=True))
    columns = ["id", "beta", "se", "neg_log10_p", "n", "status"]
    parts = []
    for trait in sorted(results):
        rows = pq.read_table(results[trait], columns=columns, filters=[("id", "in", ids)]) if ids else None
        if rows is None:
            continue
        frame = rows.to_pandas().assign(trait=trait, kind=kinds[trait])
        frame["scale"] = standard_deviations[trait] if kinds[trait] == _QUANTITATIVE else 1.0
        parts.append(frame)
    if not parts:
        return pd.DataFrame(columns=list(FOREST_COLUMNS)).astype(FOREST_COLUMNS)
    table = pd.concat(parts, ignore_index=True)
    fields = ("id", "gene", "chrom", "pos", "effect_allele")
    labels = {row[0]: _label(*row[1:]) for row in zip(*(chosen[c] for c in fields), strict=True)}
    table["label"] = table["id"].map(labels)
    table["is_hit"] = [pair in hits for pair in zip(table["id"], table["trait"], strict=True)]
    table["rank"] = table["id"].map({v: i for i, v in enumerate(ids)})
    table = table.sort_values(["rank", "trait"], kind="stable").reset_index(drop=True)
    return table[list(FOREST_COLUMNS)].astype(FOREST_COLUMNS)


def plot_forest(path: str | Path, title: str, table: pd.DataFrame) -> None:
    """Write the forest plot of :func:`forest_table`.

    Quantitative traits stand on the left in standard deviations; binary traits and times to event on the
    right as log odds and log hazard ratios: the two scales can't be compared. Red rows are hits.
    """
    quantitative = table["kind"] == _QUANTITATIVE
    panels = [
        (table[mask], label)
        for mask, label in (
            (quantitative, "standard deviations per allele"),
            (~quantitative, "log odds or hazard ratio per allele"),
        )
        if mask.any()
    ]
    rows = max((_height(part) for part, _ in panels), default=0)
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
    text = {name: table[name].tolist() for name in ("id", "label", "trait", "kind", "status", "is_hit")}
    columns = text | numbers
    return [{name: values[i] for name, values in columns.items()} for i in range(len(table))]


def _panel(axes: Axes, table: pd.DataFrame, label: str) -> None:
    heights, names, heads = [], [], []
    y = 0.0
    for _, group in table.groupby("id", sort=False):
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
            -0.02, where, shortened(text, _MAX_LETTERS), fontsize=8, fontweight="bold", ha="right", va="center",
            transform=axes.get_yaxis_transform(),
        )  # fmt: skip
    axes.set_yticks(at, names, fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(y + 0.6, 0.8)
    axes.set_xlabel(label)


def _height(table: pd.DataFrame) -> float:
    return len(table) + 1.4 * table["id"].nunique()


def _label(gene: object, chrom: str, pos: int, effect_allele: object) -> str:
    words = [gene, f"{chrom}:{pos}", effect_allele]
    return " ".join(word for word in words if isinstance(word, str))


def trait_deviations(design_frame: pd.DataFrame, rows: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """Standard deviation (n - 1) of quantitative traits among the people of their models, by trait."""
    return {
        trait: float(design_frame[trait].to_numpy("float64", na_value=np.nan)[list(at)].std(ddof=1))
        for trait, at in rows.items()
    }
