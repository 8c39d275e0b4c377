"""How stable each number of groups is, beside cohorts without groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from endotype.axes import GREY, LINE, PALETTE, picture, scale
from endotype.subtypes.picture_canvas import text

_WIDTH, _LEFT, _RIGHT, _TOP, _PANEL, _GAP = 460, 44, 12, 22, 104, 36
_BAND = "#d5dde3"


def stability_curves(
    candidates: Sequence[Mapping[str, Any]], chosen: int, limits: Mapping[str, float]
) -> Markup:
    """PAC with the band of the null reference, prediction strength and least Jaccard index, by k.

    Args:
        candidates: of ``selection.json``: ``k``, and ``pac``, ``null_pac`` (``q05 q50 q95``),
            ``prediction_strength`` and ``jaccard`` (a list), each of them null where it wasn't computed.
        chosen: the k that was taken.
        limits: of ``prediction_strength`` and ``jaccard``, drawn as dashed lines where given.
    """
    rows = sorted(candidates, key=lambda c: c["k"])
    first, last = 1, max([2, *(int(c["k"]) for c in rows)])
    place = scale(first, last)

    def x(k: float) -> float:
        return _LEFT + 14 + place(k) * (_WIDTH - _LEFT - _RIGHT - 28)

    panels = [
        ("PAC: pairs neither together nor apart (lower is more stable)", "pac"),
        ("Prediction strength between halves (higher is more stable)", "prediction_strength"),
        ("Least Jaccard index of a group in resamples (higher is more stable)", "jaccard"),
    ]
    bottom = _TOP + 3 * _PANEL + 2 * _GAP
    parts = [
        f'<rect class="chosen" x="{x(chosen) - 11:.1f}" y="{_TOP - 2}" width="22"'
        f' height="{bottom - _TOP + 4}" rx="4" fill="#fff1d0"/>'
    ]
    for i, (title, name) in enumerate(panels):
        top = _TOP + i * (_PANEL + _GAP)
        parts.append(_panel(rows, name, title, top, x, limits.get(name)))
    for k in range(first, last + 1):
        weight = ' font-weight="700"' if k == chosen else ""
        parts.append(text(x(k), bottom + 16, str(k), "middle", more=weight))
    label = "number of groups; shaded: the number taken" + (
        " (one group: no division)" if chosen == 1 else ""
    )
    parts.append(text((_WIDTH + _LEFT) / 2, bottom + 33, label, "middle", 80))
    described = f"{chosen} {'group was' if chosen == 1 else 'groups were'} taken of {first} to {last} tried."
    return picture("".join(parts), "Stability by number of groups", (_WIDTH, bottom + 40), described)


def _value(candidate: Mapping[str, Any], name: str) -> float | None:
    value = candidate.get(name)
    if isinstance(value, list | tuple):
        return min(value) if value else None
    return value


def _panel(
    rows: Sequence[Mapping[str, Any]], name: str, title: str, top: float, x: Any, limit: float | None
) -> str:
    bottom = top + _PANEL
    null = [(int(c["k"]), c["null_pac"]) for c in rows if c.get("null_pac")] if name == "pac" else []
    values = [(int(c["k"]), v) for c in rows if (v := _value(c, name)) is not None]
    highest = max([v for _, v in values] + [band["q95"] for _, band in null], default=1.0)
    # PAC is often far below 1: its axis ends at the next tenth.
    end = min(1.0, max(0.1, -(-highest * 10 // 1) / 10)) if name == "pac" else 1.0
    place = scale(0, end)

    def y(value: float) -> float:
        return bottom - place(value) * _PANEL

    parts = [text(_LEFT, top - 7, title, letters=90, more=' font-size="11"')]
    parts.append(f'<path d="M{_LEFT} {top}V{bottom}H{_WIDTH - _RIGHT}" fill="none" stroke="{LINE}"/>')
    for tick in (0.0, end / 2, end):
        parts.append(f'<path d="M{_LEFT} {y(tick):.1f}h-4" stroke="{LINE}"/>')
        parts.append(text(_LEFT - 7, y(tick) + 4, f"{tick:.2g}", "end"))
    if null:
        high = "L".join(f"{x(k):.1f} {y(band['q95']):.1f}" for k, band in null)
        low = "L".join(f"{x(k):.1f} {y(band['q05']):.1f}" for k, band in reversed(null))
        middle = "L".join(f"{x(k):.1f} {y(band['q50']):.1f}" for k, band in null)
        # A band of a single k has no width; its outline shows it.
        parts.append(
            f'<path class="null-band" d="M{high}L{low}Z" fill="{_BAND}" stroke="{_BAND}" stroke-width="4"/>'
        )
        parts.append(
            f'<path class="null-median" d="M{middle}" fill="none" stroke="{GREY}" stroke-dasharray="4 3"/>'
        )
    if limit is not None:
        parts.append(
            f'<path class="limit" d="M{_LEFT} {y(limit):.1f}H{_WIDTH - _RIGHT}" stroke="#14232e"'
            ' stroke-dasharray="2 3"/>'
        )
        parts.append(text(_LEFT + 4, y(limit) - 4, f"limit {limit:g}", more=' font-size="11"'))
    if values:
        line = "L".join(f"{x(k):.1f} {y(v):.1f}" for k, v in values)
        parts.append(f'<path d="M{line}" fill="none" stroke="{PALETTE[0]}" stroke-width="1.5"/>')
    accepted = {int(c["k"]) for c in rows if c.get("accepted")}
    for k, v in values:
        fill = PALETTE[0] if k in accepted else "#fff"
        parts.append(
            f'<circle class="{name}" cx="{x(k):.1f}" cy="{y(v):.1f}" r="4" fill="{fill}"'
            f' stroke="{PALETTE[0]}" stroke-width="1.5"/>'
        )
    if not values:
        middle_x = (_LEFT + _WIDTH - _RIGHT) / 2
        parts.append(text(middle_x, (top + bottom) / 2, "not computed", "middle", more=f' fill="{GREY}"'))
    return "".join(parts)
