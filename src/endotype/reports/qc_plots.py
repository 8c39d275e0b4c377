"""Plots of a cohort's quality: one measure of everybody as a strip, two as a scatter with marks.

Who is told apart by colour is told apart by shape as well. The size of a picture is bounded: points that
would cover each other are drawn once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from endotype.axes import Axes, fit, padded_range
from endotype.columns import columns
from endotype.reports.language import _
from endotype.reports.text import clean, number

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#3a9ad9", "#555555", "#7b3fa0")
"""Hues that people with a colour vision deficiency tell apart (after Okabe and Ito), darkened for white."""

SHAPES = ("circle", "triangle", "square", "diamond", "inverted")
PASS, WARN, FAIL = "#5c7f92", "#b35c00", "#b3261e"
BEYOND, BETWEEN = "#fbeceb", "#fdf5e6"
_MAX_LABELS = 6
_LABEL_LENGTH = 18
_CHARACTER = 6.1
"""Width of a column of a label, in units of the canvas, on the safe side."""


@dataclass(frozen=True)
class Group:
    """Points of one kind: float64 arrays ``x`` and ``y``, drawn with one mark.

    A ``hollow`` group is drawn as outlines; the shape ``cross`` has none.
    """

    name: str
    colour: str
    shape: str
    x: np.ndarray
    y: np.ndarray
    hollow: bool = False

    @property
    def n_shown(self) -> int:
        """Points with both coordinates."""
        return int((np.isfinite(self.x) & np.isfinite(self.y)).sum())


def palette(i: int) -> tuple[str, str]:
    """Colour and shape of group ``i``: no two of the first forty are the same."""
    return COLOURS[i % len(COLOURS)], SHAPES[i % len(SHAPES)]


def mark(group: Group) -> Markup:
    """The mark of a group, for a legend."""
    return Markup(
        f'<svg class="mark" width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">'
        f"{_marks([(7.0, 7.0)], group.shape, group.colour, group.hollow, 4.0)}</svg>"
    )


def strip(
    values: np.ndarray,
    verdicts: Sequence[str],
    names: Sequence[str],
    limits: tuple[np.ndarray, np.ndarray],
    axis: str,
    title: str,
    unit: str = "",
) -> Markup:
    """One measure of everybody: a dot each, piled up where they are many, the median, and the limits.

    Args:
        values: float64 (n,), all finite.
        verdicts: ``pass``, ``warn`` (drawn as a triangle) or ``fail`` (a cross) of each.
        names: whom a dot stands for. The most remarkable of those that warn or fail are named.
        limits: lower and upper limit of each, float64 (n,), NaN where there is none. Those who fail are held
            to the limit of a failure, the others to that of a remark. One limit for all is a line; limits
            that differ between people, because ancestry is allowed for, are a band.
        axis: what is measured, with its unit.
        title: for a screen reader.
        unit: behind a limit.
    """
    verdict = np.asarray(verdicts, str)
    flagged = np.flatnonzero((verdict == "warn") | (verdict == "fail"))
    held = verdict != "fail" if (verdict != "fail").any() else np.ones(len(values), bool)
    lower, upper = (_limit_range(edge[held]) for edge in limits)
    fails_below, fails_above = (_limit_range(edge[~held]) for edge in limits)
    low, high = _strip_range(values, [*lower, *upper, *fails_below, *fails_above])
    diameter = 5.0 if len(values) <= 300 else 3.6 if len(values) <= 1500 else 2.6
    plot_width = 460 - 28
    x = 14 + (values - low) / (high - low) * plot_width
    offset = _pile(x, diameter, half_height=40.0)
    half = max(9.0, float(np.abs(offset).max()) + diameter)
    labels = _label_rows(x, values, verdict, names, flagged)
    n_rows = 1 + max((row for *_place, row in labels), default=-1)
    top = 20 + 15 * n_rows
    middle = top + half + 4
    bottom = middle + half + 6
    plot = Axes(
        (low, high),
        None,
        (axis, ""),
        title,
        _strip_in_words(values, verdict, lower, upper),
        size=(460, bottom + 42),
        margins=(14, 42, top, 14),
    )
    # Where one person's lower limit is above another's upper one, bands would cover all and tell nothing.
    apart = not (lower and upper and lower[1] >= upper[0])
    for edge, fails, side in ((lower, fails_below, "lower"), (upper, fails_above, "upper")):
        plot.add(_limit(plot, edge, fails, side, unit, apart))
    median = float(np.median(values))
    plot.add(
        f'<path d="M{plot.x(median):.1f} {middle - half:.1f}V{bottom}" stroke="#14232e"'
        ' stroke-opacity=".55"/>'
    )
    calm = np.setdiff1d(np.arange(len(values)), flagged)
    dots = dict.fromkeys((f"{x[i]:.1f}", f"{middle + offset[i]:.1f}") for i in calm)
    path = "".join(f"M{a} {b}h0" for a, b in dots)
    plot.add(
        f'<path d="{path}" fill="none" stroke="{PASS}" stroke-width="{diameter}" stroke-linecap="round"'
        ' stroke-opacity=".85"/>'
        if path
        else ""
    )
    for i, label_x, row in labels:
        y = 20 + 15 * row + 11
        anchor = plot.x(float(values[i]))
        plot.add(
            f'<path d="M{anchor:.1f} {middle + offset[i]:.1f}V{y + 3:g}" stroke="{_colour(verdict[i])}"'
            ' stroke-opacity=".6"/>'
            f'<text x="{label_x:.1f}" y="{y:g}" font-size="11.5" font-weight="600"'
            f' fill="{_colour(verdict[i])}">{escape(_label(names[i]))}</text>'
        )
    for word, shape in (("warn", "triangle"), ("fail", "cross")):
        here = [i for i in flagged if verdict[i] == word]
        points = [(float(x[i]), float(middle + offset[i])) for i in here]
        plot.add(_marks(points, shape, _colour(word), False, 4.2))
    return plot.markup()


def scatter(
    groups: Sequence[Group],
    axes: tuple[str, str],
    title: str,
    levels: Sequence[tuple[float, str]] = (),
    labels: Sequence[tuple[float, float, str]] = (),
    include: tuple[Sequence[float], Sequence[float]] = ((), ()),
) -> Markup:
    """Two measures of everybody, or of pairs.

    Args:
        groups: drawn in their order; points without both coordinates are left out.
        axes: what is measured, with units.
        title: for a screen reader.
        levels: limits of the vertical axis with a word that says what lies above: dashed lines.
        labels: names of single points: x, y, text. One that has no room beside its point is left out.
        include: values that the axes reach in any case.
    """
    kept = []
    for group in groups:
        there = np.isfinite(group.x) & np.isfinite(group.y)
        kept.append((group, group.x[there], group.y[there]))
    x_range = padded_range(
        np.concatenate([*(x for _group, x, _y in kept), np.array(include[0], float)]), 0.05
    )
    y_range = padded_range(
        np.concatenate([*(y for _group, _x, y in kept), np.array(include[1], float)]), 0.05
    )
    told = _("; ").join(
        _("{name}: {part}", name=group.name, part=number(len(x))) for group, x, _y in kept if len(x)
    )
    plot = Axes(x_range, y_range, axes, title, told, margins=(58, 42, 10, 10))
    for level, word in levels:
        if y_range[0] < level < y_range[1]:
            y = plot.y(level)
            plot.add(
                f'<path d="M{plot.left} {y:.1f}H{plot.right}" stroke="#52636f" stroke-dasharray="4 4"/>'
                f'<text x="{plot.right}" y="{y - 4:.1f}" text-anchor="end" font-size="11" fill="#4b5d69">'
                f"{escape(clean(word))}</text>"
            )
    n_points = sum(len(x) for _group, x, _y in kept)
    radius = 3.2 if n_points <= 500 else 2.4
    for group, x, y in kept:
        points = [(plot.x(a), plot.y(b)) for a, b in zip(x, y, strict=True)]
        plot.add(_marks(points, group.shape, group.colour, group.hollow, radius))
    for x_text, y_text, anchor, text in _beside(plot, labels):
        plot.add(
            f'<text x="{x_text:.1f}" y="{y_text:.1f}" text-anchor="{anchor}" font-size="11" font-weight="600"'
            f' stroke="#fff" stroke-width="3" paint-order="stroke">{escape(text)}</text>'
        )
    return plot.markup()


def _marks(
    points: Sequence[tuple[float, float]], shape: str, colour: str, hollow: bool, radius: float
) -> str:
    """All marks of one kind as one path; those in the same place are drawn once."""
    r, wide, high = radius, 1.1 * radius, 1.3 * radius
    forms = {
        "circle": f"m{-r:g} 0a{r:g} {r:g} 0 1 0 {2 * r:g} 0a{r:g} {r:g} 0 1 0 {-2 * r:g} 0z",
        "square": f"m{-0.9 * r:g} {-0.9 * r:g}h{1.8 * r:g}v{1.8 * r:g}h{-1.8 * r:g}z",
        "triangle": f"m0 {-wide:g}l{wide:g} {2 * r:g}h{-2 * wide:g}z",
        "inverted": f"m0 {wide:g}l{wide:g} {-2 * r:g}h{-2 * wide:g}z",
        "diamond": f"m0 {-high:g}l{high:g} {high:g} {-high:g} {high:g} {-high:g} {-high:g}z",
        "cross": f"m{-r:g} {-r:g}l{2 * r:g} {2 * r:g}m0 {-2 * r:g}l{-2 * r:g} {2 * r:g}",
    }
    form = forms[shape]
    # Positions are rounded, the more the more points there are: that bounds the size of the picture.
    grid = 0.5 if len(points) <= 2000 else 1.0 if len(points) <= 20_000 else 2.0
    places = dict.fromkeys((round(x / grid) * grid, round(y / grid) * grid) for x, y in points)
    path = "".join(f"M{x:g} {y:g}{form}" for x, y in places)
    if not path:
        return ""
    if shape == "cross":
        return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    if hollow:
        return f'<path d="{path}" fill="#fff" fill-opacity=".6" stroke="{colour}" stroke-width="1.3"/>'
    return f'<path d="{path}" fill="{colour}" fill-opacity=".7"/>'


def _colour(verdict: str) -> str:
    return FAIL if verdict == "fail" else WARN


def _label(name: str) -> str:
    return fit(clean(name), _LABEL_LENGTH)


def _limit_range(edge: np.ndarray) -> list[float]:
    """Smallest and largest limit; empty without any."""
    known = edge[np.isfinite(edge)]
    return [float(known.min()), float(known.max())] if known.size else []


def _strip_range(values: np.ndarray, limits: Sequence[float]) -> tuple[float, float]:
    """The values, and those limits that don't squeeze them into a corner."""
    low, high = float(values.min()), float(values.max())
    span = high - low or 0.1 * abs(high) or 1.0
    near = [limit for limit in limits if low - 2 * span <= limit <= high + 2 * span]
    shown_low, shown_high = min([low, *near]), max([high, *near])
    pad = 0.06 * (shown_high - shown_low or span)
    floor = 0.0 if low >= 0 and shown_low >= 0 else -np.inf
    return max(shown_low - pad, floor - 0.02 * span), shown_high + pad


def _pile(x: np.ndarray, diameter: float, half_height: float) -> np.ndarray:
    """Vertical offsets, float64 (n,): dots of one column stand by turns above and below the middle."""
    column = np.floor(x / diameter).astype(np.int64)
    order = np.argsort(column, kind="stable")
    _columns, first, count = np.unique(column[order], return_index=True, return_counts=True)
    place = np.empty(len(x), np.int64)
    place[order] = np.arange(len(x)) - np.repeat(first, count)
    tallest = int(count.max() // 2) if len(x) else 0
    step = min(diameter, half_height / max(tallest, 1))
    return np.where(place % 2 == 1, -1, 1) * ((place + 1) // 2) * step


def _label_rows(
    x: np.ndarray, values: np.ndarray, verdict: np.ndarray, names: Sequence[str], flagged: np.ndarray
) -> list[tuple[int, float, int]]:
    """Whom to name: index, left edge of the text, row of text. The furthest from the median come first."""
    median = np.median(values)
    chosen = sorted(flagged, key=lambda i: (verdict[i] != "fail", -abs(values[i] - median), names[i]))
    taken: list[list[tuple[float, float]]] = []
    labels = []
    for i in sorted(chosen[:_MAX_LABELS], key=lambda i: (x[i], names[i])):
        width = _CHARACTER * columns(_label(names[i])) + 8
        left = min(max(float(x[i]) - width / 2 + 4, 2.0), 460 - width)
        row = next(
            (r for r, spans in enumerate(taken) if all(left > b or left + width < a for a, b in spans)),
            len(taken),
        )
        if row == len(taken):
            taken.append([])
        taken[row].append((left, left + width))
        labels.append((int(i), left, row))
    return labels


def _limit(plot: Axes, edge: list[float], fails: list[float], side: str, unit: str, with_band: bool) -> str:
    """A limit with all that lies beyond it shaded; where it isn't on the axis, a word at its end.

    ``fails``: where those who fail are held to another limit, that one.
    """
    if not edge:
        return ""
    low, high = plot.x_range
    text = _limit_in_words(edge, fails, side, unit)
    inner, outer = (edge[1], edge[0]) if side == "lower" else (edge[0], edge[1])
    inner = inner if with_band else outer
    if not low <= inner <= high:
        x, anchor = (plot.left, "start") if inner < low else (plot.right, "end")
        arrows = ("◂ ", "") if anchor == "start" else ("", " ▸")
        return _limit_text(x, anchor, arrows[0] + _("limit {limit}", limit=text) + arrows[1], "#4b5d69")
    a, b = plot.x(inner), plot.x(outer)
    end = plot.left if side == "lower" else plot.right
    drawn = _area(b, end, plot.bottom, BEYOND) + ("" if a == b else _area(a, b, plot.bottom, BETWEEN))
    for x in sorted({a, b} | {plot.x(limit) for limit in fails if low <= limit <= high}):
        drawn += f'<path d="M{x:.1f} 16V{plot.bottom}" stroke="#8c3b34" stroke-dasharray="4 3"/>'
    # The words stand over what is shaded, so that those of two limits keep apart, if there is room.
    room = a - plot.left if side == "lower" else plot.right - a
    outward = room > _CHARACTER * columns(text)
    return drawn + _limit_text(a, "end" if outward == (side == "lower") else "start", text, "#8c3b34")


def _limit_text(x: float, anchor: str, text: str, colour: str) -> str:
    return (
        f'<text x="{x:.1f}" y="12" text-anchor="{anchor}" font-size="11.5" fill="{colour}">'
        f"{escape(text)}</text>"
    )


def _limit_in_words(edge: list[float], fails: list[float], side: str, unit: str) -> str:
    sign, beyond = ("≥", "<") if side == "lower" else ("≤", ">")
    unit = f" {unit}" if unit else ""
    if fails and fails != edge and edge[0] == edge[1] and fails[0] == fails[1]:
        warning, failure = (f"{beyond} {number(limit)}{unit}" for limit in (edge[0], fails[0]))
        return _("{warning} warns, {failure} fails", warning=warning, failure=failure)
    if edge[0] == edge[1]:
        return f"{sign} {number(edge[0])}{unit}"
    return f"{sign} " + _("{low} to {high}", low=number(edge[0]), high=number(edge[1])) + unit


def _area(a: float, b: float, bottom: float, colour: str) -> str:
    left, width = min(a, b), abs(a - b)
    return f'<rect x="{left:.1f}" y="16" width="{width:.1f}" height="{bottom - 16:g}" fill="{colour}"/>'


def _strip_in_words(values: np.ndarray, verdict: np.ndarray, lower: list[float], upper: list[float]) -> str:
    limits = [f"{sign} {number(edge[0])}" for sign, edge in (("≥", lower), ("≤", upper)) if edge]
    return _("; ").join(
        [
            _(
                "{n} people, median {median}, from {low} to {high}",
                n=number(len(values)),
                median=number(float(np.median(values))),
                low=number(float(values.min())),
                high=number(float(values.max())),
            ),
            *(_("limit {limit}", limit=limit) for limit in limits),
            _(
                "{n_warn} warned, {n_fail} failed.",
                n_warn=(verdict == "warn").sum(),
                n_fail=(verdict == "fail").sum(),
            ),
        ]
    )


def _beside(plot: Axes, labels: Sequence[tuple[float, float, str]]) -> list[tuple[float, float, str, str]]:
    """Where labels stand beside their points: x, y, anchor, text. None covers another."""
    boxes: list[tuple[float, float, float, float]] = []
    placed = []
    for x_value, y_value, name in labels:
        x, y, text = plot.x(x_value), plot.y(y_value), _label(name)
        width = _CHARACTER * columns(text)
        for dx, dy, anchor in ((7, 4, "start"), (-7, 4, "end"), (0, -8, "middle"), (0, 16, "middle")):
            left = x + dx - {"start": 0.0, "end": width, "middle": width / 2}[anchor]
            box = (left, y + dy - 10, left + width, y + dy + 2)
            inside = box[0] >= plot.left and box[2] <= plot.width and box[1] >= 0 and box[3] <= plot.bottom
            if inside and not any(_overlap(box, other) for other in boxes):
                boxes.append(box)
                placed.append((x + dx, y + dy, anchor, text))
                break
    return placed


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
