"""The picture of a trait: Manhattan and QQ plot in one SVG, the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from endotype.association.canvas import Picture, say
from endotype.association.manhattan import draw_manhattan, draw_qq


def plot_trait(
    path: str | Path,
    title: str,
    results: pd.DataFrame,
    loci: pd.DataFrame,
    threshold: float | None,
    inflation: float | None,
) -> None:
    """Write the Manhattan and QQ plot of one trait.

    Args:
        path: of the SVG.
        title: shown above, as it is (no mathematics in it).
        results: columns ``chrom pos neg_log10_p``, genome order.
        loci: rows of ``loci.parquet`` of this trait whose leads are labelled with their gene.
        threshold: p-value of significance.
        inflation: genomic inflation factor.
    """
    tested = results["neg_log10_p"].dropna()
    with Picture(path, title) as figure:
        manhattan, qq = figure.subplots(1, 2, width_ratios=[3, 1])
        if len(tested):
            draw_manhattan(manhattan, results, loci, threshold)
            draw_qq(qq, tested.to_numpy(float), inflation)
        else:
            say(manhattan, "No variant could be tested.")
            qq.set_axis_off()


def plot_not_assessed(path: str | Path, title: str, reason: str) -> None:
    """Write a picture that says why there is none."""
    with Picture(path, title) as figure:
        say(figure.subplots(), f"Not assessed: {reason}.")
