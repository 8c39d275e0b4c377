"""How often two patients were put in one group when patients were drawn again (Monti et al. 2003)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup

from endotype.axes import GREY, LINE, picture
from endotype.subtypes.picture_canvas import (
    NAME_LETTERS,
    NO_CALL,
    image,
    names_width,
    shades,
    spread,
    text,
)

MAX_CELLS = 360
"""Rows of the image; of more patients neighbours in the order are averaged."""

_LEVELS = 64
_SIDE, _TOP = 360, 18
_NUMBERS = 46


def group_order(matrix: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Patients by group, those without one last, and in the group by their mean consensus with it.

    Args:
        matrix: consensus of each pair, shape (n, n), NaN where two were never drawn together.
        labels: int64, shape (n,), -1 for patients without a group.

    Returns:
        int64, shape (n,); of equals, the first in the table comes first.
    """
    item = np.zeros(len(labels))
    for group in np.unique(labels):
        members = np.flatnonzero(labels == group)
        block = matrix[np.ix_(members, members)].astype(float)
        np.fill_diagonal(block, np.nan)
        item[members] = _mean(block)
    return np.lexsort((-item, np.where(labels < 0, labels.max(initial=0) + 1, labels)))


def cluster_consensus(matrix: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Mean consensus over the pairs of each group, shape (k,); NaN for a group without pairs."""
    means = np.full(k, np.nan)
    for group in range(k):
        members = np.flatnonzero(labels == group)
        pairs = matrix[np.ix_(members, members)].astype(float)[np.triu_indices(len(members), 1)]
        pairs = pairs[np.isfinite(pairs)]
        means[group] = pairs.mean() if pairs.size else np.nan
    return means


def binned(matrix: np.ndarray, sizes: np.ndarray, most: int = MAX_CELLS) -> tuple[np.ndarray, np.ndarray]:
    """A matrix whose rows are already in order, averaged so that it has at most about ``most`` rows.

    Bins never hold patients of two groups. Each group has at least one.

    Args:
        matrix: shape (n, n).
        sizes: patients of each group, in order; they add up to n.

    Returns:
        The smaller matrix, and how many of its rows each group has.
    """
    n = int(sizes.sum())
    bins = sizes if n <= most else np.maximum(np.round(sizes * most / n).astype(int), sizes > 0)
    starts, first = [], 0
    for size, count in zip(sizes, bins, strict=True):
        starts.append(first + (np.arange(count) * size) // max(count, 1))
        first += size
    at = np.concatenate(starts).astype(int) if starts else np.empty(0, int)
    if len(at) == n:
        return matrix.astype(float), np.asarray(bins)
    known = np.isfinite(matrix)
    total = _block_sums(np.where(known, matrix, 0.0), at)
    count = _block_sums(known.astype(float), at)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan), np.asarray(bins)


def consensus_heat_map(
    matrix: np.ndarray, labels: np.ndarray, names: list[str], colours: Mapping[str, str]
) -> Markup:
    """The consensus matrix, by group; white is never together, dark is always.

    Args:
        matrix: shape (n, n), from 0 to 1, NaN where two patients were never drawn together.
        labels: int64, shape (n,), which of ``names`` each patient was called to, -1 for none.
        names: of the groups.
        colours: by name.
    """
    left = 24 + names_width([*names, "none"], NAME_LETTERS)
    order = group_order(matrix, labels)
    sizes = np.array([*(np.sum(labels == g) for g in range(len(names))), np.sum(labels < 0)], int)
    small, bins = binned(matrix[np.ix_(order, order)], sizes)
    within = cluster_consensus(matrix, labels, len(names))
    levels = np.where(np.isfinite(small), np.rint(np.clip(small, 0, 1) * (_LEVELS - 1)), _LEVELS)
    palette = np.vstack([shades(_LEVELS), [[255, 236, 200]]])
    parts = [image(levels.astype(np.uint8), palette, left, _TOP, _SIDE, _SIDE)]
    edges = _SIDE * np.concatenate([[0], np.cumsum(bins)]) / max(bins.sum(), 1)
    shown = [g for g in range(len(bins)) if bins[g]]
    middles = [_TOP + (edges[g] + edges[g + 1]) / 2 for g in shown]
    for g, y in zip(shown, spread(middles, 13, _TOP + 6, _TOP + _SIDE - 6), strict=True):
        named = g < len(names)
        colour = colours[names[g]] if named else GREY
        top, size = edges[g], edges[g + 1] - edges[g]
        parts.append(
            f'<rect class="group" x="{left - 11}" y="{_TOP + top:.1f}" width="8" height="{size:.1f}"'
            f' fill="{colour}"/>'
            f'<rect x="{left + top:.1f}" y="{_TOP - 11}" width="{size:.1f}" height="8" fill="{colour}"/>'
            f'<rect x="{left + top:.1f}" y="{_TOP + top:.1f}" width="{size:.1f}" height="{size:.1f}"'
            f' fill="none" stroke="{colour}"/>'
        )
        parts.append(text(left - 15, y + 4, names[g] if named else "none", "end", NAME_LETTERS))
        value = "–" if not named or np.isnan(within[g]) else f"{within[g]:.2f}"
        parts.append(text(left + _SIDE + 8, y + 4, value, more=' class="within"'))
    parts.append(
        f'<rect x="{left}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="{LINE}"/>'
    )
    parts.append(text(left + _SIDE + 2, _TOP - 5, "within", more=' font-size="11"'))
    y = _TOP + _SIDE + 14
    bar = np.arange(_LEVELS, dtype=np.uint8)[None, :]
    parts.append(image(bar, palette, left + 128, y, 110, 9))
    parts.append(f'<rect x="{left + 128}" y="{y}" width="110" height="9" fill="none" stroke="{LINE}"/>')
    parts.append(text(left + 122, y + 9, "0: never together", "end"))
    parts.append(text(left + 244, y + 9, "1: always together"))
    n_none = int(sizes[-1])
    words = [f"{name}, {int(sizes[g])} patients, {_number(within[g])}" for g, name in enumerate(names)]
    if n_none:
        words.append(f"{NO_CALL}, {n_none} patients")
    description = f"Mean consensus within each group: {'; '.join(words)}."
    size = (left + _SIDE + _NUMBERS, y + 18)
    return picture("".join(parts), "Consensus of the subtypes over resamples", size, description)


def _block_sums(matrix: np.ndarray, starts: np.ndarray) -> np.ndarray:
    return np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1)


def _mean(block: np.ndarray) -> np.ndarray:
    """Mean over the known cells of each row; 0 where there is none."""
    known = np.isfinite(block)
    return np.where(known, block, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def _number(value: float) -> str:
    return "no pairs" if np.isnan(value) else f"{value:.2f}"
