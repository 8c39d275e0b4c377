"""The cohort on the two widest axes of its features, and one patient's place among the subtypes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from endotype.axes import GREY, INK, Axes, padded_range
from endotype.subtypes.picture_canvas import NO_CALL, text

MIN_MEMBERS = 5
"""An outline of fewer patients than this isn't drawn: it would describe persons, not a group."""

INNER, OUTER = 1.1774100225154747, 2.145966026289347
"""Radii, in standard deviations, that hold 50 % and 90 % of a normal distribution on two axes."""

_LETTER = 7.2
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
    plot = Axes(
        padded_range(x, 0.05), padded_range(y, 0.05), axis_labels(share), "Patients on two axes",
        _description(groups, names, int((~placed).sum())), size=(460, 400),
    )  # fmt: skip
    size = 6.0 if len(x) <= 400 else 4.4 if len(x) <= 1500 else 3.2
    hollow = _dots(plot, x[groups < 0], y[groups < 0])
    if hollow:
        plot.add(_stroke(hollow, GREY, size, 'class="no-call"'))
        plot.add(_stroke(hollow, "#fff", size - 2.2))
    for group, name in enumerate(names):
        if dots := _dots(plot, x[groups == group], y[groups == group]):
            plot.add(_stroke(dots, colours[name], size, 'class="subtype" opacity=".8"'))
    for group, name in enumerate(names):
        members = groups == group
        if members.any():
            at = plot.x(float(np.median(x[members]))), plot.y(float(np.median(y[members])))
            plot.add(_label(plot, name, at))
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


def place_among(position: Mapping[str, Any], colours: Mapping[str, str], title: str) -> Markup:
    """One patient among the outlines of the subtypes: inner ones hold about half of the members, outer 90 %.

    Args:
        position: ``patient`` (two scores, or None), ``groups`` of :func:`outlines`, ``share`` of the axes.
        colours: by subtype.
        title: for those who can't see it.
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
        axis_labels(np.array(position["share"], float)), title, size=(360, 290),
    )  # fmt: skip
    for group in groups:
        colour = colours.get(group["subtype"], GREY)
        for radius, opacity in ((OUTER, 0.12), (INNER, 0.22)):
            plot.add(
                f'<path class="outline" d="{_ellipse(plot, group, radius)}" fill="{colour}"'
                f' fill-opacity="{opacity}" stroke="{colour}" stroke-opacity=".6"/>'
            )
    for group in groups:
        at = plot.x(group["centre"][0]), plot.y(group["centre"][1])
        plot.add(_label(plot, group["subtype"], at))
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


def _dots(plot: Axes, x: np.ndarray, y: np.ndarray) -> str:
    """All points as one path of zero-length strokes, so that ten thousand stay small."""
    return "".join(f"M{plot.x(a):.1f} {plot.y(b):.1f}h0" for a, b in zip(x, y, strict=True))


def _stroke(dots: str, colour: str, size: float, more: str = "") -> str:
    return f'<path {more} d="{dots}" stroke="{colour}" stroke-width="{size:g}" stroke-linecap="round"/>'


def _label(plot: Axes, name: str, at: tuple[float, float]) -> str:
    half = _LETTER * min(len(name), 24) / 2
    x = min(max(at[0], plot.left + half), plot.right - half)
    return text(x, at[1] + 4, name, "middle", 24, _HALO)


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
