"""Text and numbers as a reader sees them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.reports.associations import effect_text
from endotype.reports.text import (
    clean,
    feature_name,
    https_link,
    number,
    ordinal,
    p_value,
    percent,
    percentile,
    plain,
    probability,
    shorten,
)
from endotype.visible import REPLACEMENT

INVISIBLE = ["\x00", "\x1b", "\x9b", "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\ud800", "\U000e0041"]


@pytest.mark.parametrize("character", INVISIBLE)
def test_invisible_and_reordering_characters_are_replaced(character: str) -> None:
    assert clean(f"a{character}b") == f"a{REPLACEMENT}b"


@pytest.mark.parametrize("character", ["\n", "\r", "\t", "\u2028", "\u2029", "\x85", "\u00a0", "\u3000"])
def test_line_breaks_and_odd_spaces_become_a_space(character: str) -> None:
    assert clean(f"a{character}b") == "a b"


@given(st.text())
def test_cleaned_text_is_printable_and_cleaning_twice_changes_nothing(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable()
    assert clean(cleaned) == cleaned
    assert len(cleaned) == len(text)


@given(st.text().filter(str.isprintable))
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert clean(text) == text


def test_missing_values_of_every_kind_become_none() -> None:
    for missing in (None, math.nan, math.inf, np.float64("nan"), pd.NA, pd.NaT):
        assert plain(missing) is None
    assert plain({"a": [np.int64(3), np.True_, 0.0]}) == {"a": [3, True, 0.0]}


def test_a_p_value_beyond_double_precision_keeps_its_exponent() -> None:
    assert p_value(402.5) == "3.2 × 10⁻⁴⁰³"
    assert p_value(1.30103) == "0.05"
    assert p_value(8.0) == "1.0 × 10⁻⁸"
    assert p_value(7.999) == "1.0 × 10⁻⁸"
    assert p_value(None) == "–"


def test_a_probability_never_rounds_to_certainty() -> None:
    assert [probability(p) for p in (1.0, 0.999, 0.9, 0.001, 0.0)] == [
        "> 0.99",
        "> 0.99",
        "0.90",
        "< 0.01",
        "< 0.01",
    ]


def test_numbers_are_readable_and_a_missing_one_is_not_zero() -> None:
    assert number(None) == "–"
    assert number(0.0) == "0"
    assert number(0.0002) == "0.0002"
    assert number(-1.5) == "−1.5"
    assert number(12345) == "12,345"
    assert number(1.5e-7) == "1.50 × 10⁻⁷"
    assert number(2.5e9) == "2.50 × 10⁹"


def test_shares_are_percent_and_a_missing_one_is_not_zero() -> None:
    assert [percent(p) for p in (0.97521, 0.00829, 1, 0.0)] == ["97.5 %", "0.829 %", "100 %", "0 %"]
    assert percent(None) == "–"


def test_nobody_is_at_the_percentile_0_or_100() -> None:
    assert [percentile(p) for p in (0.1, 1.0, 52.6, 99.0, 99.9)] == [
        *["below the 1st", "1st", "53rd", "99th", "above the 99th"]
    ]


def test_features_are_named_in_words() -> None:
    assert feature_name("carrier:dna_repair") == "dna repair carrier"
    assert feature_name("marker_1") == "marker 1"
    assert feature_name("ratio:a_b") == "ratio:a b"


def test_ordinals_of_the_teens() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 11, 12, 13, 21, 100, 111)] == [
        *["1st", "2nd", "3rd", "11th", "12th", "13th", "21st", "100th", "111th"]
    ]


@pytest.mark.parametrize(
    "text",
    [
        *[
            "javascript:alert(1)",
            "http://example.org",
            "https://a b",
            'https://x/"onclick=',
            "https://",
            "//x.org",
        ],
        *[
            "data:text/html,x",
            "https://user@host/",
            "https://example.org\n",
            "HTTPS://EXAMPLE.ORG\u202e",
            None,
            "",
        ],
    ],
)
def test_only_plain_https_addresses_become_links(text: str | None) -> None:
    assert https_link(text) is None


def test_an_https_address_becomes_a_link() -> None:
    assert https_link("https://example.org/a?b=c#d") == "https://example.org/a?b=c#d"


def test_long_text_is_cut_and_says_how_long_it_was() -> None:
    assert shorten("A" * 500, 10) == "AAAAAAAAA… (500 characters)"
    assert shorten("AC", 10) == "AC"


def test_an_effect_on_ranks_is_in_standard_deviations() -> None:
    column = {"role": "trait", "type": "number", "unit": "mmol/L"}
    dictionary = {"columns": {"ldl": column}, "outcomes": {}}
    assert effect_text("ldl", 0.5, 0.1, dictionary).startswith("+0.5 mmol/L")
    dictionary["columns"]["ldl"] = column | {"transform": "rank_normal"}
    assert effect_text("ldl", 0.5, 0.1, dictionary).startswith("+0.5 SD")
