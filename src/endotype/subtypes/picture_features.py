"""How each subtype differs from the cohort, feature by feature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from endotype.axes import INK, picture
from endotype.subtypes.picture_canvas import (
    NAME_LETTERS,
    PALE,
    headings,
    headings_height,
    names_width,
    slanting,
    text,
)

FULL = 2.0
"""Difference, in standard deviations, at which a colour is full."""

MAX_FEATURES = 30
_LEFT, _GAP, _WIDTH, _LETTERS = 176, 21, 460, 26


def strongest(difference: np.ndarray, most: int = MAX_FEATURES) -> np.ndarray:
    """Which features to show, and in which order.

    Those with the largest absolute difference in any subtype; in the order of the subtype in which they
    differ most, there from the most raised to the most lowered. Features of which no difference is known are
    left out.

    Args:
        difference: shape (features, subtypes), NaN where unknown.

    Returns:
        int64 indices of rows, at most ``most``.
    """
    size = np.where(np.isfinite(difference), np.abs(difference), -1.0)
    largest = size.max(axis=1, initial=-1.0)
    chosen = np.argsort(-largest, kind="stable")[:most]
    chosen = chosen[largest[chosen] >= 0]
    where = size[chosen].argmax(axis=1) if len(chosen) else np.empty(0, int)
    signed = difference[chosen, where]
    return chosen[np.lexsort((chosen, -signed, where))]


def feature_heat_map(
    features: Sequence[str],
    subtypes: Sequence[str],
    difference: np.ndarray,
    q: np.ndarray | None = None,
    limit: float = 0.05,
) -> Markup:
    """Standardised differences: red above and blue below the cohort, full at 2; unknown is a dash.

    Args:
        features, subtypes: names of rows and columns.
        difference: shape (features, subtypes), NaN where unknown.
        q: false discovery rates, same shape, NaN where not tested; a dot marks those up to ``limit``.
        limit: see ``q``.
    """
    # With many subtypes there is no room for numbers in cells; the colour says them.
    cell = max(16, min(64, (_WIDTH - _LEFT - 4) // max(len(subtypes), 1)))
    top = headings_height(subtypes, cell) + 10
    # Slanting names lean to the right of their columns.
    lean = 0.77 * names_width(subtypes, NAME_LETTERS) if slanting(subtypes, cell) else 4
    width, height = max(_WIDTH, _LEFT + cell * len(subtypes) + lean), top + _GAP * len(features) + 26
    parts = [headings(subtypes, [_LEFT + cell * (j + 0.5) for j in range(len(subtypes))], top - 7, cell)]
    for i, feature in enumerate(features):
        y = top + _GAP * i
        parts.append(text(_LEFT - 8, y + 15, feature, "end", _LETTERS))
        for j in range(len(subtypes)):
            value, x = float(difference[i, j]), _LEFT + cell * j
            fill, ink = diverging(value)
            box = f'x="{x}" y="{y}" width="{cell - 2}" height="{_GAP - 2}"'
            parts.append(f'<rect class="cell" {box} rx="2" fill="{fill}"/>')
            if cell >= 34:
                parts.append(
                    text(
                        x + cell / 2 - 1,
                        y + 14,
                        _shown(value),
                        "middle",
                        more=f' fill="{ink}" font-size="11"',
                    )
                )
            if q is not None and q[i, j] <= limit:
                at = f'cx="{x + cell - 6.5:.1f}" cy="{y + 4.5:.1f}"'
                parts.append(f'<circle class="marked" {at} r="2" fill="{ink}"/>')
    parts.append(_key(height - 16, marked=q is not None, limit=limit))
    return picture(
        "".join(parts),
        "Subtype profiles: standardised difference from the cohort",
        (width, height),
        f"{len(features)} features of {len(subtypes)} subtypes.",
    )


def diverging(value: float) -> tuple[str, str]:
    """Fill and ink of a cell."""
    if not np.isfinite(value):
        return PALE, "#52636f"
    share = min(abs(value) / FULL, 1.0)
    target = (178, 58, 47) if value > 0 else (31, 95, 139)
    red, green, blue = (round(247 + (t - 247) * share) for t in target)
    return f"#{red:02x}{green:02x}{blue:02x}", "#fff" if share > 0.55 else INK


def _shown(value: float) -> str:
    if not np.isfinite(value):
        return "–"
    shown = f"{value:+.1f}".replace("-", "−")
    return "0.0" if shown in ("+0.0", "−0.0") else shown


def _key(y: float, marked: bool, limit: float) -> str:
    """What the colours and the dot mean."""
    steps = (-2.0, -1.0, 0.0, 1.0, 2.0)
    parts = [text(_LEFT - 8, y + 10, "standard deviations", "end", more=' font-size="11"')]
    for i, value in enumerate(steps):
        fill, ink = diverging(value)
        label = f"{value:+.0f}".replace("-", "−") if value else "0"
        parts.append(f'<rect x="{_LEFT + 30 * i}" y="{y - 1}" width="29" height="15" fill="{fill}"/>')
        parts.append(text(_LEFT + 30 * i + 14, y + 10, label, "middle", more=f' fill="{ink}" font-size="11"'))
    if marked:
        x = _LEFT + 30 * len(steps) + 10
        parts.append(f'<circle cx="{x}" cy="{y + 6}" r="2.5" fill="{INK}"/>')
        parts.append(text(x + 7, y + 10, f"FDR ≤ {limit:g}", more=' font-size="11"'))
    return "".join(parts)
