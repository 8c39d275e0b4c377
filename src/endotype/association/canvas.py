"""What all pictures of this stage share: style, colours that everybody can tell apart, labels that fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from endotype.files import atomic_path

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "endotype",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,
}
BLUE, LIGHT_BLUE, RED, GREY = "#1f4e79", "#7aa6c2", "#b5341f", "#555555"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Of curves: blue, vermilion, green, purple of Okabe and Ito, told apart with any colour vision."""
SHADES = ("#c9d6e3", "#8fb8c9", "#4f97a3", "#2a6f77", "#12353b")
"""From low to high by lightness, so in grey as well."""

_LETTER = 0.64
"""Mean width of a letter over the font size; an overestimate for most fonts."""


class Picture:
    """A figure that is written as SVG, the same bytes for the same content, when the block ends well."""

    def __init__(self, path: str | Path, title: str, size: tuple[float, float] = (10, 3.6)) -> None:
        self._path = path
        self._title = title
        self._size = size

    def __enter__(self) -> Figure:
        self._context = mpl.rc_context(STYLE)
        self._context.__enter__()
        self._figure = Figure(figsize=self._size, dpi=150, layout="constrained")
        title = shortened(self._title, int(72 * self._size[0] / (11 * _LETTER)))
        self._figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
        return self._figure

    def __exit__(self, *error: Any) -> None:
        try:
            if error[0] is None:
                with atomic_path(self._path) as temporary:
                    metadata = {"Date": None, "Creator": None}
                    self._figure.savefig(temporary, format="svg", metadata=metadata)
        finally:
            self._context.__exit__(*error)


def say(axes: Axes, text: str) -> None:
    """Axes with a sentence instead of a plot."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, printable(text), ha="center", va="center", transform=axes.transAxes, wrap=True)


def printable(text: str) -> str:
    """Text without control, bidirectional and other invisible characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def shortened(text: str, letters: int) -> str:
    """:func:`printable` text of at most so many letters, with an ellipsis where it was cut."""
    shown = printable(text)
    return shown if len(shown) <= letters else shown[: letters - 1] + "…"


def text_width(text: str, font_size: float, axes_points: float) -> float:
    """About how much of axes that are ``axes_points`` wide a text takes."""
    return len(text) * _LETTER * font_size / axes_points


@dataclass(frozen=True)
class Bend:
    """A scale of -log10 p that is logarithmic above ``at``, so that one p of 1e-400 doesn't flatten the rest.

    ``at`` is infinite where all of it is linear. Value and slope are continuous there.
    """

    at: float

    @classmethod
    def of(cls, highest: float, limit: float | None) -> Bend:
        """The scale for values up to the highest, with the limit of significance in its linear part."""
        at = 20.0
        if limit is not None and limit > 10:
            at = 20.0 * np.ceil(limit / 10)
        return cls(at if highest > 3 * at else np.inf)

    def forward(self, y: Any) -> np.ndarray:
        """Heights of values."""
        y = np.asarray(y, float)
        if np.isinf(self.at):
            return y
        return np.where(y > self.at, self.at * (1 + np.log(np.maximum(y, self.at) / self.at)), y)

    def inverse(self, height: Any) -> np.ndarray:
        """Values of heights."""
        height = np.asarray(height, float)
        if np.isinf(self.at):
            return height
        return np.where(height > self.at, self.at * np.exp(np.maximum(height, self.at) / self.at - 1), height)

    def apply(self, axes: Axes, top: float, label: str) -> None:
        """Give the y axis this scale, from 0 to ``top``, with ticks, and a label that says so."""
        if np.isinf(self.at):
            axes.set_ylim(0, top)
            axes.set_ylabel(label)
            return
        axes.set_yscale("function", functions=(self.forward, self.inverse))
        axes.set_ylim(0, top)
        above = [m * 10.0**e for e in range(1, 7) for m in (1, 2, 5) if 1.4 * self.at < m * 10.0**e <= top]
        ticks = [*np.linspace(0, self.at, 5), *above]
        axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
        axes.minorticks_off()
        axes.set_ylabel(f"{label} (logarithmic above {self.at:g})")


def lift_labels(
    x: Sequence[float], y: Sequence[float], width: Sequence[float], height: float
) -> tuple[np.ndarray, np.ndarray]:
    """Where to put labels so that none covers another, as near above their points as that allows.

    In the order given each label takes the lowest place above its point that is free.

    Args:
        x: of the points, as shares of the axes' width; labels are centred but stay inside the axes.
        y: of the points, as shares of the axes' height.
        width: of the labels, as shares of the axes' width.
        height: of a label, as a share of the axes' height.

    Returns:
        Centres, and lower edges; an edge above ``1 - height`` means that the axes are too low.
    """
    placed: list[tuple[float, float, float]] = []  # left, right, bottom
    centres, bottoms = [], []
    for at, low, wide in zip(x, y, width, strict=True):
        centre = min(max(at, wide / 2), max(1 - wide / 2, wide / 2))
        left, right, bottom = centre - wide / 2, centre + wide / 2, low + 0.3 * height
        for _ in range(len(placed) + 1):
            under = [b for a, z, b in placed if a < right and left < z and abs(b - bottom) < height]
            if not under:
                break
            bottom = max(under) + height
        placed.append((left, right, bottom))
        centres.append(centre)
        bottoms.append(bottom)
    return np.array(centres, float), np.array(bottoms, float)


def lanes(start: Sequence[float], end: Sequence[float]) -> np.ndarray:
    """The lane of each interval, 0 first, so that intervals of one lane don't touch; in the order given."""
    ends: list[list[tuple[float, float]]] = []
    chosen = []
    for low, high in zip(start, end, strict=True):
        free = (i for i, lane in enumerate(ends) if all(high < a or b < low for a, b in lane))
        lane = next(free, len(ends))
        if lane == len(ends):
            ends.append([])
        ends[lane].append((low, high))
        chosen.append(lane)
    return np.array(chosen, np.int64)


def rounded(values: Any, digits: int = 6) -> list[float | None]:
    """Numbers for JSON: so many significant digits, null for NaN and infinity."""
    array = np.asarray(values, float)
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in array]
