"""Texts in lines: Latin ones as the standard library breaks them, Chinese ones between characters."""

from __future__ import annotations

import textwrap

from hypothesis import given
from hypothesis import strategies as st

from endotype.columns import columns, cut, wrap

HAN = "样本质量、基因型（未评估）：F 为 1.00，"


@given(st.text("ab -,.", max_size=60), st.integers(2, 20))
def test_latin_lines_are_those_of_the_standard_library(text: str, limit: int) -> None:
    assert wrap(text, limit, "\u2003", 2) == textwrap.wrap(
        text, limit, subsequent_indent="\u2003", max_lines=2, placeholder="…"
    )


@given(st.text(HAN, min_size=1, max_size=40), st.integers(8, 30))
def test_chinese_lines_fit_and_lose_nothing(text: str, limit: int) -> None:
    lines = wrap("样" + text, limit)
    assert "".join(lines).replace(" ", "") == ("样" + text).replace(" ", "")
    assert all(columns(line) <= limit for line in wrap("基因型质量过低" * 4, limit))


def test_a_line_does_not_begin_with_a_mark_nor_end_with_an_opening_one() -> None:
    assert wrap("基因型未通过质控，原因（污染）", 18) == ["基因型未通过质控，", "原因（污染）"]
    assert wrap("12 同一变异见于另一文件：已连接", 16, "\u2003", 2) == [
        "12 同一变异见于",
        "\u2003另一文件：已连…",
    ]
    assert all(columns(line) <= 16 for line in wrap("12 同一变异见于另一文件：已连接", 16, "\u2003", 2))


def test_what_is_cut_fits() -> None:
    assert cut("called to a subtype", 30) == "called to a subtype"
    assert cut("called to a subtype", 8) == "called …"
    assert cut("未判定为任何亚型", 9) == "未判定为…" and columns("未判定为…") == 9
