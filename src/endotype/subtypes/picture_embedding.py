"""The cohort on the two widest axes of its features, and one patient's place among the subtypes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from endotype.axes import GREY, INK, Axes, padded_range
from endotype.subtypes.picture_canvas import NAME_LETTERS, NO_CALL, names_width, text

MIN_MEMBERS = 5
"""An outline of fewer patients than this isn't drawn: it would describe persons, not a group."""

MAX_LABELS = 8
"""Of more subtypes the names stand in a legend, because they would hide the patients."""

INNER, OUTER = 1.1774100225154747, 2.145966026289347
"""Radii, in standard deviations, that hold 50 % and 90 % of a normal distribution on two axes."""

_LINE, _LEGEND_COLUMNS = 14, 3
_FAN_STEP, _FAN_RADIUS, _GOLDEN = 2.2, 14.0, 2.399963229728653
_HALO = ' font-weight="700" stroke="#fff" stroke-width="3.5" paint-order="stroke" stroke-linejoin="round"'


def embedding_map(
    scores: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    colours: Mapping[str, str],
    share: np.ndarray,
    highlighted: np.ndarray | None = None,
) -> Markup:
    """Patients on two axes; those without a subtype are hollow.

    Args:
        scores: shape (n, 2), NaN for patients without a place; they aren't drawn.
        labels: int64, shape (n,), which of ``names``, -1 for none.
        names: of the subtypes.
        colours: by name.
        share: of the variation that each axis takes up, shape (2,).
        highlighted: scores of one patient, shape (2,), ringed.
    """
    placed = np.isfinite(scores).all(axis=1)
    x, y = scores[placed].T if placed.any() else np.empty((2, 0))
    groups = labels[placed]
    crowded = len(names) > MAX_LABELS
    below = 42 + (_LINE + 3) * -(-len(names) // _LEGEND_COLUMNS) if crowded else 42
    across, up = axis_labels(share)
    plot = Axes(
        padded_range(x, 0.05), padded_range(y, 0.05), ("", up), "Patients on two axes",
        _description(groups, names, int((~placed).sum())),
        size=(460, 358 + below), margins=(52, below, 10, 10),
    )  # fmt: skip
    plot.add(text((plot.left + plot.right) / 2, plot.bottom + 35, across, "middle"))
    size = 6.0 if len(x) <= 400 else 4.4 if len(x) <= 1500 else 3.2
    points = _fanned(np.array([(plot.x(a), plot.y(b)) for a, b in zip(x, y, strict=True)]), groups)
    hollow = _dots(points[groups < 0])
    if hollow:
        plot.add(_stroke(hollow, GREY, size, 'class="no-call"'))
        plot.add(_stroke(hollow, "#fff", size - 2.2))
    for group, name in enumerate(names):
        if dots := _dots(points[groups == group]):
            plot.add(_stroke(dots, colours[name], size, 'class="subtype" opacity=".8"'))
    named = [(name, groups == group) for group, name in enumerate(names) if (groups == group).any()]
    centres = [(float(np.median(x[members])), float(np.median(y[members]))) for _, members in named]
    if crowded:
        plot.add(_legend(names, colours, plot.bottom + 54))
    else:
        plot.add(_labels(plot, [name for name, _ in named], centres))
    if highlighted is not None and np.isfinite(highlighted).all():
        plot.add(_patient(plot, highlighted))
    return plot.markup()


def outlines(scores: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """Where each subtype lies: ``subtype n centre sides angle``; none of fewer than :data:`MIN_MEMBERS`.

    ``centre`` is the mean; ``sides`` are the standard deviations along the two main directions, ``angle`` (in
    radians) is that of the first. Nothing of single patients is in it.
    """
    found = []
    for group, name in enumerate(names):
        members = scores[(labels == group) & np.isfinite(scores).all(axis=1)]
        if len(members) < MIN_MEMBERS:
            continue
        variance, directions = np.linalg.eigh(np.cov(members.T))
        major = directions[:, 1] * (-1.0 if directions[:, 1][np.abs(directions[:, 1]).argmax()] < 0 else 1.0)
        found.append(
            {
                "subtype": str(name),
                "n": len(members),
                "centre": members.mean(axis=0).tolist(),
                "sides": np.sqrt(np.maximum(variance[::-1], 0.0)).tolist(),
                "angle": float(np.arctan2(major[1], major[0])),
            }
        )
    return found


def place_among(
    position: Mapping[str, Any], colours: Mapping[str, str], title: str, axes: tuple[str, str] | None = None
) -> Markup:
    """One patient among the outlines of the subtypes: inner ones hold about half of the members, outer 90 %.

    Args:
        position: ``patient`` (two scores, or None), ``groups`` of :func:`outlines`, ``share`` of the axes.
        colours: by subtype.
        title: for those who can't see it.
        axes: what the axes are called; :func:`axis_labels` without.
    """
    groups = position["groups"]
    patient = position["patient"]
    reach = [
        np.add(group["centre"], side * OUTER * np.array(_extent(group)))
        for group in groups
        for side in (-1, 1)
    ]
    points = np.array([*reach, *([patient] if patient else [])], float).reshape(-1, 2)
    plot = Axes(
        padded_range(points[:, 0], 0.06), padded_range(points[:, 1], 0.06),
        axes or axis_labels(np.array(position["share"], float)), title, size=(360, 290),
    )  # fmt: skip
    for group in groups:
        colour = colours.get(group["subtype"], GREY)
        for radius, opacity in ((OUTER, 0.12), (INNER, 0.22)):
            plot.add(
                f'<path class="outline" d="{_ellipse(plot, group, radius)}" fill="{colour}"'
                f' fill-opacity="{opacity}" stroke="{colour}" stroke-opacity=".6"/>'
            )
    plot.add(_labels(plot, [g["subtype"] for g in groups], [g["centre"] for g in groups]))
    if patient:
        plot.add(_patient(plot, np.array(patient, float)))
    return plot.markup()


def axis_labels(share: np.ndarray) -> tuple[str, str]:
    """What the two axes are called."""
    first, second = (f"axis {i + 1} ({100 * s:.0f} % of the variation)" for i, s in enumerate(share[:2]))
    return first, second


def _description(groups: np.ndarray, names: Sequence[str], n_unplaced: int) -> str:
    words = [f"{name}, {int((groups == g).sum())} patients" for g, name in enumerate(names)]
    if (groups < 0).any():
        words.append(f"{NO_CALL} (hollow), {int((groups < 0).sum())} patients")
    if n_unplaced:
        words.append(f"{n_unplaced} patients without any feature aren't drawn")
    return "; ".join(words) + "."


def _fanned(points: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Places on the canvas, shape (n, 2); patients of one place stand in a spiral around it, by group.

    Patients with the same yes-or-no features would hide each other otherwise.
    """
    points = points.reshape(-1, 2).copy()
    _, place = np.unique(np.rint(points), axis=0, return_inverse=True)
    order = np.lexsort((groups, place.ravel()))
    for members in np.split(order, np.flatnonzero(np.diff(place.ravel()[order])) + 1):
        if len(members) > 2:
            step = np.arange(len(members))
            radius = min(_FAN_STEP, _FAN_RADIUS / np.sqrt(len(members))) * np.sqrt(step)
            points[members, 0] += radius * np.cos(_GOLDEN * step)
            points[members, 1] += radius * np.sin(_GOLDEN * step)
    return points


def _dots(points: np.ndarray) -> str:
    """All points as one path of zero-length strokes, so that ten thousand stay small."""
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)


def _stroke(dots: str, colour: str, size: float, more: str = "") -> str:
    return f'<path {more} d="{dots}" stroke="{colour}" stroke-width="{size:g}" stroke-linecap="round"/>'


def _legend(names: Sequence[str], colours: Mapping[str, str], top: float) -> str:
    parts = []
    for i, name in enumerate(names):
        x, y = 8 + 150 * (i % _LEGEND_COLUMNS), top + (_LINE + 3) * (i // _LEGEND_COLUMNS)
        parts.append(f'<circle cx="{x}" cy="{y - 4:.1f}" r="5" fill="{colours[name]}"/>')
        parts.append(text(x + 10, y, name, letters=NAME_LETTERS))
    return "".join(parts)


def _labels(plot: Axes, names: Sequence[str], points: Sequence[Sequence[float]]) -> str:
    """Names at points, moved up or down where they would cover one that was placed before."""
    taken: list[tuple[float, float, float]] = []  # left, right, foot
    parts = []
    for name, point in zip(names, points, strict=True):
        half = 0.55 * names_width([name], NAME_LETTERS)
        x = min(max(plot.x(point[0]), plot.left + half), plot.right - half)
        foot = plot.y(point[1]) + 4
        for shift in (s * _LINE for i in range(len(names) + 1) for s in (i, -i)):
            beside = [t for t in taken if t[0] < x + half and x - half < t[1]]
            if all(abs(foot + shift - t[2]) >= _LINE for t in beside):
                foot += shift
                break
        taken.append((x - half, x + half, foot))
        parts.append(text(x, foot, name, "middle", NAME_LETTERS, _HALO))
    return "".join(parts)


def _patient(plot: Axes, point: np.ndarray) -> str:

    at = f'cx="{plot.x(point[0]):.1f}" cy="{plot.y(point[1]):.1f}"'
    return f'<circle class="patient" {at} r="6.5" fill="{INK}" stroke="#fff" stroke-width="2"/>'


def _extent(group: Mapping[str, Any]) -> tuple[float, float]:
    """Half the width and height of the box around an ellipse of one standard deviation."""
    (a, b), angle = group["sides"], group["angle"]
    return float(np.hypot(a * np.cos(angle), b * np.sin(angle))), float(
        np.hypot(a * np.sin(angle), b * np.cos(angle))
    )


def _ellipse(plot: Axes, group: Mapping[str, Any], radius: float) -> str:
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    (a, b), angle = group["sides"], group["angle"]
    u, v = radius * a * np.cos(turn), radius * b * np.sin(turn)
    x = group["centre"][0] + u * np.cos(angle) - v * np.sin(angle)
    y = group["centre"][1] + u * np.sin(angle) + v * np.cos(angle)
    return "M" + "L".join(f"{plot.x(p):.1f} {plot.y(q):.1f}" for p, q in zip(x, y, strict=True)) + "Z"
