"""Survival curves with their bands, and how many patients each rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from endotype.axes import LINE, Axes, ticks
from endotype.subtypes.picture_canvas import names_width, text

MAX_BANDS = 8
"""With more curves than this the bands would hide them, and are left out."""

_DASHES = ("", "8 2", "3 1.5", "10 2 2 2")
_WIDTH, _PLOT, _ROW, _LETTERS = 460, 270, 17, 13


@dataclass(frozen=True)
class Curve:
    """The product-limit estimate of one group.

    Attributes:
        name: of the group.
        times: distinct times, ascending, shape (m,).
        survival, low, high: estimate from each time on, and its band, shape (m,); the band NaN where there is
            none.
        time, event: of every patient, shape (n,): end of observation, and whether the event ended it.
        entry: shape (n,), when observation began; None: at 0 for everybody.
    """

    name: str
    times: np.ndarray
    survival: np.ndarray
    low: np.ndarray
    high: np.ndarray
    time: np.ndarray
    event: np.ndarray
    entry: np.ndarray | None = None

    def at_risk(self, at: float) -> int:
        """Patients under observation just before ``at``: entered, and neither had the event nor left.

        At 0 those who were observed from 0.
        """
        entered = np.ones(len(self.time), bool)
        if self.entry is not None:
            entered = (self.entry < at) | (self.entry <= 0)
        return int((entered & (self.time >= at)).sum())


def survival_curves(
    curves: Sequence[Curve], colours: Mapping[str, str], time_label: str, title: str
) -> Markup:
    """Kaplan-Meier curves with bands, ticks where observation ended, and the numbers at risk below.

    Args:
        curves: of the groups, in the order of the table.
        colours: by name.
        time_label: of the horizontal axis, with its unit.
        title: for those who can't see it.
    """
    end = max((float(c.time.max()) for c in curves if len(c.time)), default=1.0) or 1.0
    marks = [t for t in ticks(0.0, end) if t <= end]
    left = max(52.0, 46 + names_width([c.name for c in curves], _LETTERS))
    bottom = 60 + _ROW * len(curves)
    plot = Axes(
        (0.0, end), (0.0, 1.0), ("", ""), title, _description(curves, marks),
        size=(_WIDTH, _PLOT + bottom), margins=(left, bottom, 12, 16),
    )  # fmt: skip
    for curve in curves if len(curves) <= MAX_BANDS else []:
        plot.add(_band(plot, curve, colours[curve.name]))
    for i, curve in enumerate(curves):
        plot.add(
            f'<path class="curve" d="{_steps(plot, curve.times, curve.survival)}" fill="none"'
            f' stroke="{colours[curve.name]}" stroke-width="2"{_dashed(i)}/>'
        )
        if marked := _censored(plot, curve):
            plot.add(f'<path class="censored" d="{marked}" stroke="{colours[curve.name]}"/>')
    plot.add(_table(plot, curves, colours, marks))
    plot.add(text((plot.left + plot.right) / 2, plot.bottom + 33, time_label, "middle", 60))
    return plot.markup()


def _table(plot: Axes, curves: Sequence[Curve], colours: Mapping[str, str], marks: Sequence[float]) -> str:
    top = plot.bottom + 48
    parts = [text(4, top, "at risk", more=' font-size="11" font-weight="700"')]
    for i, curve in enumerate(curves):
        y = top + _ROW * (i + 1)
        parts.append(
            f'<path d="M4 {y - 4}h20" stroke="{colours[curve.name]}" stroke-width="2.5"{_dashed(i)}/>'
            + text(28, y, curve.name, letters=_LETTERS)
        )
        parts += [
            text(plot.x(t), y, f"{curve.at_risk(t):,}", "middle", more=' class="at-risk"') for t in marks
        ]
    return f'<path d="M4 {top + 5}H{_WIDTH - 4}" stroke="{LINE}" stroke-width=".5"/>' + "".join(parts)


def _dashed(i: int) -> str:
    """Line patterns by turns, so that curves can be told apart without colour."""
    dash = _DASHES[i % len(_DASHES)]
    return f' stroke-dasharray="{dash}"' if dash else ""


def _steps(plot: Axes, times: np.ndarray, values: np.ndarray) -> str:
    drawn = last = f"M{plot.x(0):.1f} {plot.y(1):.1f}"
    for time, value in zip(times, values, strict=True):
        step = f"H{plot.x(time):.1f}V{plot.y(value):.1f}"
        if step != last:
            drawn, last = drawn + step, step
    return drawn


def _band(plot: Axes, curve: Curve, colour: str) -> str:
    """The area between the limits, left out where there are none."""
    known = np.isfinite(curve.low) & np.isfinite(curve.high)
    if not known.any():
        return ""
    start, stop = int(known.argmax()), int(len(known) - known[::-1].argmax())
    times, low, high = (a[start:stop] for a in (curve.times, curve.low, curve.high))
    ends = np.append(times[1:], curve.times[stop] if stop < len(curve.times) else times[-1])
    there = np.isfinite(low) & np.isfinite(high)
    upper, lower = [], []
    for t, until, a, b, is_there in zip(times, ends, low, high, there, strict=True):
        if is_there:
            x, right = f"{plot.x(t):.1f}", f"{plot.x(until):.1f}"
            upper.append(f"{x} {plot.y(b):.1f}H{right}")
            lower.append(f"{right} {plot.y(a):.1f}H{x}")
    path = "M" + "L".join(upper) + "L" + "L".join(reversed(lower)) + "Z"
    return f'<path class="band" d="{path}" fill="{colour}" fill-opacity=".14"/>'


def _censored(plot: Axes, curve: Curve) -> str:
    """A small tick for each time at which somebody's observation ended without the event."""
    at = np.unique(curve.time[~curve.event.astype(bool)])
    step = np.searchsorted(curve.times, at, side="right") - 1
    height = np.where(step >= 0, curve.survival[np.maximum(step, 0)], 1.0)
    places = dict.fromkeys(f"M{plot.x(t):.1f} {plot.y(s) - 3:.1f}v6" for t, s in zip(at, height, strict=True))
    return "".join(places)


def _description(curves: Sequence[Curve], marks: Sequence[float]) -> str:
    words = [f"{c.name}: {len(c.time)} patients, {int(c.event.sum())} events" for c in curves]
    return f"{'; '.join(words)}. Numbers at risk at {', '.join(f'{t:g}' for t in marks)} stand below."
