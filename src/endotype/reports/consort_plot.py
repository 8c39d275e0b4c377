"""Draws a flow as a CONSORT diagram: steps down the page, and beside each arrow a box of what leaves."""

from __future__ import annotations

from markupsafe import Markup, escape

from endotype.axes import LINE, picture
from endotype.columns import wrap
from endotype.reports.consort import Flow, Part, Step
from endotype.reports.language import _, sentences
from endotype.reports.text import number

WIDTH = 400
_STEP_WIDTH, _EXIT_X = 232, 118
_LINE_HEIGHT, _PAD = 16, 9
_ARROW = 58
"""Where the arrow runs from step to step."""

_INK, _MUTED, _BRAND = "#14232e", "#4b5d69", "#0b4f6c"


def consort_plot(flow: Flow) -> Markup:
    """The picture of one flow, 400 units wide; the last step is filled."""
    parts: list[str] = []
    y = 1.0
    for i, step in enumerate(flow.steps):
        last = i == len(flow.steps) - 1
        drawn, height = _step(step, y, last)
        parts.append(drawn)
        y += height
        if last:
            break
        gap = _exit_height(step) + 24 if step.leaving else 26.0
        parts.append(
            f'<path d="M{_ARROW} {y:g}v{gap - 7:g}" stroke="{LINE}" stroke-width="1.5"/>'
            f'<path d="M{_ARROW - 5} {y + gap - 8:g}h10l-5 8z" fill="{LINE}"/>'
        )
        if step.leaving:
            parts.append(_exit(step, y + 9))
        y += gap
    return picture(
        "".join(parts), _("Flow: {title}", title=flow.title), (WIDTH, y + 1), _in_words(flow), "plot flow"
    )


def _step(step: Step, y: float, last: bool) -> tuple[str, float]:
    """A box with its count, what is counted, and remarks; and how high it is."""
    label = wrap(step.label, 34)
    remarks = [line for part in step.parts for line in _wrapped(part, 38)]
    height = 2 * _PAD + 18 + _LINE_HEIGHT * len(label) + 15 * len(remarks)
    fill, ink, muted = (_BRAND, "#fff", "#fff") if last else ("#f4f7f9", _INK, _MUTED)
    rows = [_text(12, y + _PAD + 14, number(step.count), ink, 'font-size="17" font-weight="700"')]
    at = y + _PAD + 18
    for line in label:
        at += _LINE_HEIGHT
        rows.append(_text(12, at - 2, line, ink, 'font-size="12.5"'))
    for line in remarks:
        at += 15
        rows.append(_text(12, at - 1, line, muted, 'font-size="11.5"'))
    box = (
        f'<rect x=".75" y="{y:g}" width="{_STEP_WIDTH}" height="{height}" rx="5" fill="{fill}"'
        f' stroke="{_BRAND}" stroke-width="1.5"/>'
    )
    return box + "".join(rows), height


def _exit(step: Step, y: float) -> str:
    """The box beside the arrow: how many leave, and why."""
    height = _exit_height(step)
    width = WIDTH - _EXIT_X - 1
    lines = [f"−{number(step.n_leaving)}"] if len(step.leaving) > 1 else []
    drawn = [
        f'<path d="M{_ARROW} {y + height / 2:g}H{_EXIT_X - 6}" stroke="{LINE}" stroke-width="1.5"/>'
        f'<path d="M{_EXIT_X - 7} {y + height / 2 - 4.5:g}v9l7-4.5z" fill="{LINE}"/>'
        f'<rect x="{_EXIT_X}" y="{y:g}" width="{width}" height="{height:g}" rx="4" fill="#fff"'
        f' stroke="{LINE}"/>'
    ]
    at = y + 5
    for line in lines:
        at += _LINE_HEIGHT
        drawn.append(_text(_EXIT_X + 10, at - 3, line, _INK, 'font-size="12.5" font-weight="700"'))
    sign = "" if lines else "−"
    for part in step.leaving:
        for line in _wrapped(part, 42, sign):
            at += _LINE_HEIGHT
            drawn.append(_text(_EXIT_X + 10, at - 3, line, _INK, 'font-size="12"'))
    return "".join(drawn)


def _exit_height(step: Step) -> float:
    total = len(step.leaving) > 1
    return 10.0 + _LINE_HEIGHT * (total + sum(len(_wrapped(part, 42)) for part in step.leaving))


def _wrapped(part: Part, width: int, sign: str = "") -> list[str]:
    return wrap(f"{sign}{number(part.count)} {part.label}", width, "\u2003", 2)


def _text(x: float, y: float, words: str, colour: str, style: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" fill="{colour}" {style}>{escape(words)}</text>'


def _in_words(flow: Flow) -> str:
    told = []
    for step in flow.steps:
        told.append(_("{count} {label}.", count=number(step.count), label=step.label))
        if step.leaving:
            left = [f"{number(part.count)} {part.label}" for part in step.leaving]
            told.append(_("Leaving: {reasons}.", reasons=_("; ").join(left)))
    return sentences(*told)
