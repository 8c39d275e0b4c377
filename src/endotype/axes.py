"""Axes of a small picture: a scale, round ticks, labels, and the frame of an inline SVG."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

import numpy as np
from markupsafe import Markup, escape

from endotype.columns import cut
from endotype.visible import clean

LINE = "#8a979f"
GREY = LINE
INK = "#14232e"
PALETTE = ("#1f6f8b", "#c8553d", "#e69c2e", "#937ee6", "#4c312a", "#26bfa1", "#501f99", "#2e2ee6")
"""Colours of groups in their order, as far apart as eight can be for people with and without red-green
blindness (a test says how far). More groups are paler by turns, and every picture names them in words too."""


class Axes:
    """Two axes on a canvas; points are given in the units of the data, clipped to the ranges.

    Args:
        x_range, y_range: what the axes show, lowest and highest value. Without a ``y_range`` there is no
            vertical axis, and the caller draws in units of the canvas.
        labels: of the two axes.
        title: what the picture is called by a screen reader.
        description: what can be seen in it, in words.
        size: width and height of the canvas.
        margins: left, bottom, top, right.
    """

    def __init__(
        self,
        x_range: tuple[float, float],
        y_range: tuple[float, float] | None,
        labels: tuple[str, str],
        title: str,
        description: str = "",
        size: tuple[float, float] = (460, 320),
        margins: tuple[float, float, float, float] = (52, 42, 10, 10),
    ) -> None:
        self._title, self._description, self._labels = title, description, labels
        self.width, self.height = size
        self.left, margin_bottom, self.top, margin_right = margins
        self.bottom, self.right = self.height - margin_bottom, self.width - margin_right
        self.x_range, self.y_range = x_range, y_range
        self._parts: list[str] = []
        sx = scale(*x_range)
        self.x: Callable[[float], float] = lambda v: self.left + sx(v) * (self.right - self.left)
        sy = scale(*(y_range or (0, 1)))
        self.y: Callable[[float], float] = lambda v: self.bottom - sy(v) * (self.bottom - self.top)

    def add(self, part: str) -> None:
        """Draw something: SVG whose text is escaped already."""
        self._parts.append(part)

    def markup(self) -> Markup:
        """The picture: what was drawn, over the axes."""
        frame = f"M{self.left} {self.bottom}H{self.right}"
        if self.y_range is not None:
            frame = f"M{self.left} {self.top}V{self.bottom}H{self.right}"
        axes = [f'<path d="{frame}" fill="none" stroke="{LINE}"/>']
        for tick in ticks(*self.x_range):
            x = f"{self.x(tick):.1f}"
            axes.append(f'<path d="M{x} {self.bottom}v4" stroke="{LINE}"/>')
            axes.append(f'<text x="{x}" y="{self.bottom + 17}" text-anchor="middle">{_number(tick)}</text>')
        for tick in ticks(*self.y_range) if self.y_range is not None else []:
            y = self.y(tick)
            axes.append(f'<path d="M{self.left} {y:.1f}h-4" stroke="{LINE}"/>')
            axes.append(f'<text x="{self.left - 7}" y="{y + 4:.1f}" text-anchor="end">{_number(tick)}</text>')
        x_label, y_label = (escape(clean(label)) for label in self._labels)
        across, up = (self.left + self.right) / 2, (self.top + self.bottom) / 2
        axes.append(f'<text x="{across:.0f}" y="{self.height - 6}" text-anchor="middle">{x_label}</text>')
        if y_label:
            axes.append(
                f'<text x="12" y="{up:.0f}" text-anchor="middle" transform="rotate(-90 12 {up:.0f})">'
                f"{y_label}</text>"
            )
        return picture(
            "".join([*axes, *self._parts]), self._title, (self.width, self.height), self._description
        )


def picture(
    body: str, title: str, size: tuple[float, float], description: str = "", css_class: str = "plot"
) -> Markup:
    """An inline SVG as wide as its place, with a name and a description for those who can't see it."""
    described = f"<desc>{escape(clean(description))}</desc>" if description else ""
    return Markup(
        f'<svg class="{css_class}" viewBox="0 0 {size[0]:g} {size[1]:g}" role="img">'
        f"<title>{escape(clean(title))}</title>{described}{body}</svg>"
    )


def scale(low: float, high: float) -> Callable[[float], float]:
    """A map from ``low .. high`` to 0 .. 1 that holds values outside at the edge."""
    span = high - low or 1.0
    return lambda value: min(max((float(value) - low) / span, 0.0), 1.0)


def padded_range(values: np.ndarray, margin: float) -> tuple[float, float]:
    """Lowest and highest finite value with a margin, a share of their distance; 0 to 1 without any."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    pad = margin * (high - low) if high > low else 0.5
    return low - pad, high + pad


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """At most ``wanted`` + 1 round numbers from ``low`` to ``high``."""
    step = 10 ** math.floor(math.log10((high - low) / wanted))
    step *= next(m for m in (1, 2, 5, 10) if (high - low) / (m * step) <= wanted)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def group_colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each group, the same in every picture of a run; ``S2`` comes before ``S10``."""
    ordered = sorted(set(names), key=natural)
    return {name: _tint(PALETTE[i % len(PALETTE)], i // len(PALETTE)) for i, name in enumerate(ordered)}


def ink_on(colour: str) -> str:
    """Black or white, whichever can be read on a colour (relative luminance of WCAG 2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if luminance < 0.18 else INK


def fit(text: str, limit: int) -> str:
    """``text``, or as much of it as ``limit`` columns hold."""
    return cut(text, limit)


def _number(tick: float) -> str:
    return f"{tick:,.0f}" if 1e4 <= abs(tick) < 1e9 else f"{tick:g}".replace("-", "−")


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts ``S2`` before ``S10``: numbers by their length, then by their digits."""
    parts = re.split(r"([0-9]+)", name)
    return [(0, len(d := p.lstrip("0")), d) if p.isdigit() else (1, 0, p) for p in parts]


def _tint(colour: str, times: int) -> str:
    """A colour that is drawn towards white."""
    share = 1 - 0.55**times
    channels = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(c + (255 - c) * share):02x}" for c in channels)
