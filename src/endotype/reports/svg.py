"""Small pictures as inline SVG: no script, and widths in percent so that they fit any page.

Every function returns markup that is safe to embed: numbers are formatted here and all text is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from endotype.axes import GREY, PALETTE, Axes, fit, padded_range, picture, scale
from endotype.reports.language import _
from endotype.reports.text import words
from endotype.subtypes.picture_embedding import place_among as place_among

FlowStep = tuple[str, int, Sequence[tuple[str, int]]]
"""A step of a flow: what is counted, how many, and (reason, how many) for those that leave after it."""

_LIGHTS = {"pass": "#1b7f4b", "warn": "#d69300", "fail": "#b3261e"}


def bar(fraction: float, label: str, colour: str = PALETTE[0], marks: Sequence[float] = ()) -> Markup:
    """A horizontal bar that is filled to ``fraction`` (0 to 1), with thin lines at ``marks`` (limits)."""
    lines = "".join(
        f'<line x1="{_pct(m)}" x2="{_pct(m)}" y1="0" y2="14" stroke="#14232e" stroke-dasharray="2 2"/>'
        for m in marks
    )
    return _strip(
        label,
        14,
        f'<rect x="0" y="2" width="100%" height="10" rx="2" fill="#e6ecef"/>'
        f'<rect x="0" y="2" width="{_pct(fraction)}" height="10" rx="2" fill="{colour}"/>{lines}',
    )


def interval(low: float, high: float, point: float, last: int, label: str) -> Markup:
    """A rank with its interval on a scale from 1 to ``last``."""
    place = scale(1, max(last, 2))
    x1, x2, x = place(low), place(high), place(point)
    return _strip(
        label,
        14,
        f'<line x1="0" x2="100%" y1="7" y2="7" stroke="#d5dde3"/>'
        f'<line x1="{_pct(x1)}" x2="{_pct(x2)}" y1="7" y2="7" stroke="{PALETTE[0]}" stroke-width="4"'
        f' stroke-linecap="round"/><circle cx="{_pct(x)}" cy="7" r="5" fill="#0b4f6c"/>',
    )


def cohort_strip(
    value: float | None,
    quantiles: Sequence[float],
    label: str,
    group_mean: float | None = None,
    colour: str = GREY,
    group_half: Sequence[float] | None = None,
) -> Markup:
    """Where a value lies in the cohort.

    A pale bar from the 2.5 to the 97.5 % point, a darker one from the 25 to the 75 % point, a line at the
    median; a diamond at the mean of the patient's group, a line below from its 25 to its 75 % point
    (``group_half``), a dot at the patient.
    """
    low, q1, median, q3, high = quantiles
    margin = 0.12 * ((high - low) or 1)
    place = scale(low - margin, high + margin)
    x = [_pct(place(q)) for q in (low, q1, median, q3, high)]
    width = [_pct(place(high) - place(low)), _pct(place(q3) - place(q1))]
    parts = [
        f'<rect x="{x[0]}" y="8" width="{width[0]}" height="6" rx="3" fill="#dbe3e8"/>',
        f'<rect x="{x[1]}" y="6" width="{width[1]}" height="10" rx="2" fill="#b5c4cd"/>',
        f'<line x1="{x[2]}" x2="{x[2]}" y1="4" y2="18" stroke="#52636f" stroke-width="1.5"/>',
    ]
    if group_half is not None:
        left, right = (_pct(place(point)) for point in group_half)
        parts.append(
            f'<line class="half" x1="{left}" x2="{right}" y1="20.5" y2="20.5" stroke="{colour}"'
            ' stroke-width="3"/>'
        )
    if group_mean is not None:
        parts.append(
            f'<svg x="{_pct(place(group_mean))}" y="11" overflow="visible">'
            f'<path d="M0-7 6 0 0 7-6 0Z" fill="#fff" stroke="{colour}" stroke-width="2.5"/></svg>'
        )
    if value is not None:
        parts.append(
            f'<circle cx="{_pct(place(value))}" cy="11" r="6" fill="#14232e" stroke="#fff"'
            ' stroke-width="1.5"/>'
        )
    return _strip(label, 23, "".join(parts))


def traffic_light(verdict: str | None) -> Markup:
    """Three lamps of which one, or none, is lit. The word stands beside it on the page."""
    lamps = "".join(
        f'<circle cx="{11 + 20 * i}" cy="11" r="7" fill="{colour if word == verdict else "#e6ecef"}"'
        f' stroke="{colour if word == verdict else "#c3cdd3"}"/>'
        for i, (word, colour) in enumerate(_LIGHTS.items())
    )
    title = _("quality: {verdict}", verdict=words(verdict or "not assessed"))
    return Markup(
        f'<svg class="light" width="62" height="22" viewBox="0 0 62 22" role="img">'
        f"<title>{escape(title)}</title>{lamps}</svg>"
    )


def scatter(
    x: np.ndarray,
    y: np.ndarray,
    groups: Sequence[tuple[str, str, np.ndarray]],
    labels: tuple[str, str],
    title: str,
) -> Markup:
    """Points in two dimensions; ``groups`` are (name, colour, bool mask), drawn in that order.

    All points of a group are one path of zero-length strokes, so that ten thousand points stay small.
    """
    plot = Axes(padded_range(x, 0.04), padded_range(y, 0.04), labels, title)
    for _name, colour, mask in groups:
        points = "".join(f"M{plot.x(a):.1f} {plot.y(b):.1f}h0" for a, b in zip(x[mask], y[mask], strict=True))
        if points:
            plot.add(
                f'<path d="{points}" stroke="{colour}" stroke-width="5" stroke-linecap="round"'
                ' opacity=".75"/>'
            )
    return plot.markup()


def flow(steps: Sequence[FlowStep], title: str) -> Markup:
    """A flow of counts from top to bottom: a box for each step, and beside its arrow what leaves after it."""
    box, height, line = 180, 46, 17
    parts, y = [], 0
    for i, (label, count, leaving) in enumerate(steps):
        parts.append(
            f'<rect x=".75" y="{y + 0.75}" width="{box}" height="{height}" rx="5" fill="#f4f7f9"'
            f' stroke="#0b4f6c" stroke-width="1.5"/>'
            f'<text x="12" y="{y + 20}" font-size="15" font-weight="600">{count:,}</text>'
            f'<text x="12" y="{y + 37}">{escape(fit(label, 26))}</text>'
        )
        y += height + 1
        if i == len(steps) - 1:
            break
        gap = max(26, line * len(leaving) + 14)
        parts.append(
            f'<path d="M40 {y}v{gap - 7}" stroke="{GREY}" stroke-width="1.5"/>'
            f'<path d="M35 {y + gap - 8}h10l-5 8z" fill="{GREY}"/>'
        )
        for j, (reason, n) in enumerate(leaving):
            middle = y + gap / 2 - 3 + line * (j - (len(leaving) - 1) / 2)
            parts.append(
                f'<path d="M40 {middle:.1f}h20" stroke="{GREY}"/>'
                f'<text x="66" y="{middle + 4:.1f}" fill="#4b5d69">− {n:,} {escape(fit(reason, 44))}</text>'
            )
        y += gap
    return picture("".join(parts), title, (370, y + 1), css_class="plot flow")


def _strip(label: str, height: int, body: str) -> Markup:
    return Markup(
        f'<svg class="strip" width="100%" height="{height}" role="img">'
        f"<title>{escape(label)}</title>{body}</svg>"
    )


def _pct(fraction: float) -> str:
    return f"{100 * min(max(fraction, 0.0), 1.0):.2f}%"
