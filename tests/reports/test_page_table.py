"""Tables of the cohort's page: what a cell may hold, how rows are ranked, how small the data are."""

from __future__ import annotations

import json

import pytest

from endotype.reports.page_island import content_policy, island
from endotype.reports.page_patients import patient_table
from endotype.reports.page_table import MAX_CHOICES, ROWS_PER_PAGE, Cell, Column, Table


def column_of(cells: list[Cell], column: Column | None = None) -> dict:
    return Table("t", "rows", [column or Column("A")], [[c] for c in cells]).data()["columns"][0]


def ranks(keys: list) -> list:
    data = column_of([Cell(str(i), key=key) for i, key in enumerate(keys)])
    return [data["cells"][row].get("k") for row in data["rows"]]


def test_ranks_are_by_size_then_by_words_as_people_count_and_nothing_has_none() -> None:
    assert ranks([10, 2.5, None, 10, -1]) == [2, 1, None, 2, 0]
    assert ranks(["P10", "p9", None, "P100", "É"]) == [1, 0, None, 2, 3]
    assert ranks(["word", 3]) == [1, 0]


def test_equal_cells_are_written_once() -> None:
    data = column_of([Cell("a", key="a"), Cell("b", key="b")] * 500)
    assert [c["t"] for c in data["cells"]] == ["a", "b"] and data["rows"] == [0, 1] * 500


def test_a_filter_is_offered_for_some_values_not_for_one_nor_for_too_many() -> None:
    def cells(n: int) -> list[Cell]:
        return [Cell(str(i), group=f"g{i}") for i in range(n)]

    choice = Column("A", choice="Kind")
    assert column_of(cells(11), choice)["groups"][:3] == ["g0", "g1", "g2"]
    assert column_of(cells(11), choice)["groups"][-1] == "g10"
    for n in (1, MAX_CHOICES + 1):
        assert "choice" not in column_of(cells(n), choice)
    assert "choice" not in column_of(cells(5))


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "//x.org",
        "http://x.org",
        "/etc/passwd",
        "../../x",
        "a b",
        "data:x",
        "#A b",
        "a//b",
    ],
)
def test_a_link_out_of_the_results_is_refused(link: str) -> None:
    with pytest.raises(ValueError, match="not a link into the results"):
        Cell("x", link=link)


def test_links_into_the_results_are_taken() -> None:
    for link in ("P-1_a.b/report.html", "qc.html", "../association/plots/a.svg", "#region-0"):
        assert Cell("x", link=link).link == link


def test_the_first_rows_are_in_the_page_and_the_rest_is_not() -> None:
    table = Table("t", "rows", [Column("A")], [[Cell(str(i))] for i in range(120)])
    assert len(table.first) == ROWS_PER_PAGE and len(table.first) + len(table.rest) == 120


def patient(**changes: object) -> dict:
    values = {"patient": "P1", "status": "included", "quality": "pass", "subtype": "S1", "posterior": 0.97}
    values |= {"no_call_reason": None, "n_findings": 0, "n_targets": 0, "n_warnings": 0, "top_target": None}
    return values | changes


def test_not_assessed_none_and_some_are_three_words_and_sort_apart() -> None:
    rows = [patient(), patient(n_findings=None, n_targets=None), patient(n_findings=3, n_warnings=2)]
    table = patient_table(rows, {"S1": "#123456"}, True)
    findings = [row[3] for row in table.rows]
    assert [(c.text or c.note, c.key, c.group) for c in findings] == [
        ("none", 0, "none"),
        ("not assessed", None, "not assessed"),
        ("3", 3, "some"),
    ]
    warned = [row[5] for row in table.rows]
    assert [(c.chip, c.note, c.group) for c in warned] == [
        ("", "none", "none"),
        ("", "not assessed", "not assessed"),
        ("contraindicated", "2 interventions", "some"),
    ]
    assert [row[4].note for row in table.rows[:2]] == ["none found", "not assessed"]


def test_json_in_a_page_can_neither_end_nor_begin_an_element() -> None:
    text = "</script><!--<script>&\u2028\u2029'\"\u202e\x00"
    written = island({"t": [text]})
    assert not set("<>&'\u2028\u2029\u202e\x00") & set(written)
    assert json.loads(written) == {"t": ["</script><!--<script>&  '\"\ufffd\ufffd"]}


def test_the_policy_names_one_script_and_one_style_sheet_and_allows_nothing_in_line() -> None:
    policy = content_policy("alert(1)", "p {}")
    # The hash that the standard's text has as its example.
    hashed = content_policy("alert('Hello, world.');", "")
    assert "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='" in hashed
    assert "unsafe" not in policy and policy.startswith("default-src 'none';")
    assert policy != content_policy("alert(2)", "p {}") != content_policy("alert(2)", "p { }")
