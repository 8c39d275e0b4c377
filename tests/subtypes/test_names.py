"""Names by rule: strongest first, ties settled, hostile names harmless, no feature a legal answer."""

from __future__ import annotations

import unicodedata

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.subtypes.names import NO_FEATURE, NameRule, name_subtypes, plain_label


def row(
    name: str,
    size: float,
    kind: str = "binary",
    q: float = 0.001,
    subtype: str = "S1",
    status: str = "assessed",
):
    return {"subtype": subtype, "name": name, "kind": kind, "size": size, "q": q, "status": status}


def name_of(*rows: dict, rule: NameRule | None = None) -> str:
    return name_subtypes(["S1"], pd.DataFrame(rows), rule)[0]["name"]


def test_findings_first_then_numbers_strongest_first():
    found = name_of(row("age", -1.4, "number"), row("TP53", 1.2), row("IDH1", 1.9), row("EGFR", -1.0))
    assert found == "S1: IDH1+, TP53+; age low"
    assert name_of(row("EGFR", -1.0), row("bmi", 0.9, "number")) == "S1: EGFR-; bmi high"


@pytest.mark.parametrize(
    "weak",
    [row("A", 0.79), row("A", 2.0, q=0.06), row("A", float("nan")), row("A", 2.0, status="not_assessed")],
)
def test_what_is_weak_uncertain_or_not_assessed_makes_no_name(weak):
    assert name_of(weak) == f"S1: {NO_FEATURE}"


def test_ties_go_by_name_whatever_the_order():
    rows = [row(n, 1.0) for n in ("C", "A", "D", "B")]
    assert name_of(*rows) == name_of(*rows[::-1]) == "S1: A+, B+, C+"


def test_exact_names_and_numbers_stand_behind_the_labels():
    found = name_subtypes(["S1"], pd.DataFrame([row("a<b>", 1.0)]))[0]
    assert found["name"] == "S1: a_b_+"
    assert found["features"] == [{"name": "a<b>", "direction": "+", "size": 1.0, "q": 0.001}]


def test_long_names_lose_the_weakest_features():
    rows = [row(c * 60, 2.0 - i / 10) for i, c in enumerate("abc")]
    assert name_of(*rows, rule=NameRule(length=75)) == f"S1: {'a' * 31}…+, {'b' * 31}…+"
    assert name_of(*rows, rule=NameRule(length=20)) == f"S1: {NO_FEATURE}"


def test_no_rows_at_all():
    empty = pd.DataFrame([row("A", 1.0)]).iloc[:0]
    assert [f["name"] for f in name_subtypes(["S1", "S2"], empty)] == [
        f"S1: {NO_FEATURE}",
        f"S2: {NO_FEATURE}",
    ]


@given(st.text(max_size=60))
def test_labels_hold_nothing_that_acts(text):
    label = plain_label(text, 32)
    assert 1 <= len(label) <= 32
    assert not set(label) & set(",;<>&\"'`|*[]\\@\n\r\t")
    assert not [
        c for c in label if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Zl", "Zp"}
    ]
    assert plain_label(label, 32) == label
