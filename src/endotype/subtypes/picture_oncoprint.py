"""The oncoprint: which genes are altered in which patient, patients by subtype."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise

import numpy as np
from markupsafe import Markup

from endotype.axes import GREY, picture
from endotype.subtypes.alterations import KINDS, memo_order
from endotype.subtypes.picture_canvas import PALE, headings, headings_height, slanting, spread, text

KIND_COLOURS = ("#14232e", "#d81b60", "#8a5fbf", "#9a7b4f", "#1f8a70")
"""In the order of :data:`KINDS`; heights differ too, so that kinds can be told apart in grey."""

KIND_HEIGHTS = (1.0, 1.0, 0.7, 0.7, 0.45)
MAX_COLUMNS = 700
"""Of more patients several neighbours share a column."""

_WIDTH, _LEFT, _RIGHT, _ROW, _CELL = 760, 96, 112, 17, 14
_NONE = "none"


def columns(labels: np.ndarray, most: int) -> list[np.ndarray]:
    """Which patients, given in order, share a column; never two groups. One each where there is room."""
    share = max(1, -(-len(labels) // most))
    found, start = [], 0
    for _, run in groupby(labels.tolist()):
        stop = start + len(list(run))
        found += [np.arange(a, min(a + share, stop)) for a in range(start, stop, share)]
        start = stop
    return found


def oncoprint(
    genes: Sequence[str],
    kind: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    colours: Mapping[str, str],
) -> Markup:
    """Genes x patients.

    A patient's cell is coloured by the kind of alteration. Where several patients share a column, the bars
    stand on each other and their heights are shares of the column's patients.

    Args:
        genes: rows.
        kind: int8, shape (genes, patients), as of :class:`endotype.subtypes.alterations.Alterations`.
        labels: int64, shape (patients,), which of ``names`` each was called to, -1 for none.
        names: of the subtypes.
        colours: by name.
    """
    order = memo_order(kind, labels)
    kind, labels = kind[:, order], labels[order]
    shared = columns(labels, MAX_COLUMNS)
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(shared), 1)
    ends = np.array([len(c) for c in shared])
    single = bool((ends <= 1).all())
    blocks = _blocks(labels, shared, step)
    shown = [names[group] if group >= 0 else _NONE for group, _, _ in blocks]
    middles = [(a + b) / 2 for _, a, b in blocks]
    room = min((b - a for a, b in pairwise(middles)), default=_WIDTH / 2)
    top = headings_height(shown, room) + 20
    fills = [colours[names[group]] if group >= 0 else GREY for group, _, _ in blocks]
    parts = [
        f'<rect class="group" x="{a:.2f}" y="{top - 14}" width="{b - a:.2f}" height="10" fill="{fill}"/>'
        for (_, a, b), fill in zip(blocks, fills, strict=True)
    ]
    if slanting(shown, room):
        middles = spread(middles, 14, _LEFT + 8, _WIDTH - _RIGHT - 8)
    parts.append(headings(shown, middles, top - 18, room))
    parts.append(text(_WIDTH - _RIGHT + 8, top - 6, "share of patients", more=' font-size="11"'))
    for i, gene in enumerate(genes):
        y = top + _ROW * i

        row = f'x="{_LEFT}" y="{y}" width="{step * len(shared):.2f}" height="{_CELL}"'
        parts.append(f'<rect class="gene" {row} fill="{PALE}"/>')
        parts.append(text(_LEFT - 44, y + 11, gene, "end", 9, ' font-style="italic"'))
        parts.append(
            text(_LEFT - 6, y + 11, _percent(float((kind[i] >= 0).mean())), "end", more=' font-size="11"')
        )
        parts += _single(kind[i], step, y) if single else _stacked(kind[i], shared, step, y)
        parts.append(_counts(kind[i], y))
    bottom = top + _ROW * len(genes)
    parts.append(_key(bottom + 16))
    n = len(labels)
    described = f"{len(genes)} genes in {n} patients: " + ", ".join(
        f"{gene} {_percent(float((kind[i] >= 0).mean()))}" for i, gene in enumerate(genes)
    )
    return picture("".join(parts), "Altered genes by subtype", (_WIDTH, bottom + 26), described)


def _single(row: np.ndarray, step: float, y: float) -> list[str]:
    """One bar a patient; neighbours of one kind are one path."""
    parts = []
    for k, colour in enumerate(KIND_COLOURS):
        height = _CELL * KIND_HEIGHTS[k]
        at = np.flatnonzero(row == k)
        if not len(at):
            continue
        runs = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1)
        # A gap between neighbours is drawn while it is wide enough to be seen.
        gap = 0.12 * step if step > 2.5 else 0.0
        if gap:
            runs = [np.array([j]) for j in at]

        bars = [(_LEFT + run[0] * step, len(run) * step - gap) for run in runs]
        top = y + (_CELL - height) / 2
        path = "".join(f"M{x:.2f} {top:.1f}h{w:.2f}v{height:.1f}h-{w:.2f}z" for x, w in bars)
        parts.append(f'<path class="kind-{k}" d="{path}" fill="{colour}"/>')
    return parts


def _stacked(row: np.ndarray, shared: Sequence[np.ndarray], step: float, y: float) -> list[str]:
    """Stacked bars, heights in shares of each column's patients."""
    counts = np.array([np.bincount(row[c] + 1, minlength=len(KINDS) + 1)[1:] for c in shared], float)
    counts /= np.array([len(c) for c in shared], float)[:, None]
    base = np.cumsum(counts, axis=1) - counts
    parts = []
    for k, colour in enumerate(KIND_COLOURS):
        at = np.flatnonzero(counts[:, k] > 0)
        path = "".join(
            f"M{_LEFT + j * step:.2f} {y + _CELL * (1 - base[j, k]):.1f}"
            f"v-{_CELL * counts[j, k]:.1f}h{step:.2f}v{_CELL * counts[j, k]:.1f}z"
            for j in at
        )
        if path:
            parts.append(f'<path class="kind-{k}" d="{path}" fill="{colour}"/>')
    return parts


def _counts(row: np.ndarray, y: float) -> str:
    """A bar beside the row: the share of patients altered, by kind, full width for all patients."""
    x, parts = _WIDTH - _RIGHT + 8.0, []
    full = _RIGHT - 12
    parts.append(f'<rect x="{x}" y="{y + 3}" width="{full}" height="{_CELL - 6}" fill="{PALE}"/>')
    for k, colour in enumerate(KIND_COLOURS):
        width = full * float((row == k).mean())
        if width:
            parts.append(
                f'<rect x="{x:.2f}" y="{y + 3}" width="{width:.2f}" height="{_CELL - 6}" fill="{colour}"/>'
            )
        x += width
    return "".join(parts)


def _blocks(labels: np.ndarray, shared: Sequence[np.ndarray], step: float) -> list[tuple[int, float, float]]:
    """Group, left and right edge of each run of columns of one group."""
    of_column = [int(labels[c[0]]) for c in shared]
    found, first = [], 0
    for group, run in groupby(of_column):
        last = first + len(list(run))
        found.append((group, _LEFT + first * step, _LEFT + last * step))
        first = last
    return found


def _key(y: float) -> str:
    parts, x = [], float(_LEFT)
    for k, word in enumerate(KINDS):
        height = 11 * KIND_HEIGHTS[k]

        box = f'x="{x:.0f}" y="{y - 4 - height / 2:.1f}" width="6" height="{height:.1f}"'
        parts.append(f'<rect {box} fill="{KIND_COLOURS[k]}"/>')
        parts.append(text(x + 11, y, word))
        x += 32 + 6.3 * len(word)
    return "".join(parts)


def _percent(share: float) -> str:
    return "< 1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"
