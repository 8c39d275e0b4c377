"""Plots of quality: everybody is drawn, who is flagged is named, limits stand where they belong."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from endotype.reports.qc_plots import FAIL, WARN, Group, mark, palette, scatter, strip

HOSTILE = "<script>alert(1)</script>&\"'"
NONE = np.nan


def draw(values: list[float], verdicts: list[str], names: list[str], lower=NONE, upper=NONE) -> ET.Element:
    n = len(values)
    limits = (np.full(n, lower), np.full(n, upper))
    return ET.fromstring(str(strip(np.array(values), verdicts, names, limits, "share (%)", HOSTILE, "%")))


def texts(root: ET.Element) -> list[str]:
    return [text.text or "" for text in root.iter("text")]


def n_dots(root: ET.Element) -> int:
    return sum((path.get("d") or "").count("h0") for path in root.iter("path"))


def marks_of(root: ET.Element, colour: str) -> int:
    """Marks of flagged people: each begins with its own M; lines to labels have an opacity."""
    paths = [p for p in root.iter("path") if colour in (p.get("fill"), p.get("stroke"))]
    return sum((p.get("d") or "").count("M") for p in paths if p.get("stroke-opacity") is None)


def test_everybody_is_drawn_once_and_the_flagged_by_shape_and_name() -> None:
    values = [*np.linspace(1, 2, 30).tolist(), 5.0, 9.0]
    verdicts = ["pass"] * 30 + ["warn", "fail"]
    root = draw(values, verdicts, [f"P{i}" for i in range(32)], upper=3.0)
    assert n_dots(root) == 30
    assert (marks_of(root, WARN), marks_of(root, FAIL)) == (1, 1)
    assert {"P30", "P31", "≤ 3 %"} <= set(texts(root))
    assert "P0" not in texts(root)
    assert "1 warned, 1 failed" in (root.findtext("desc") or "")


def test_names_and_titles_are_escaped_and_shortened() -> None:
    root = draw([1.0, 2.0], ["pass", "fail"], ["a", HOSTILE])
    assert not list(root.iter("script"))
    assert root.findtext("title") == HOSTILE
    assert HOSTILE[:17] + "…" in texts(root)


def test_what_lies_beyond_a_limit_is_shaded_from_the_limit_to_the_edge() -> None:
    root = draw([0.0, 10.0], ["pass", "pass"], ["a", "b"], lower=2.0, upper=8.0)
    lower, upper = list(root.iter("rect"))
    dots = next(p.get("d") for p in root.iter("path") if "h0" in (p.get("d") or ""))
    x = [float(v) for v in re.findall(r"M([\d.]+)", dots)]
    at = lambda value: x[0] + value / 10 * (x[1] - x[0])  # noqa: E731
    right = float(lower.get("x")) + float(lower.get("width"))
    assert right == pytest.approx(at(2.0), abs=0.1)
    assert float(upper.get("x")) == pytest.approx(at(8.0), abs=0.1)


def test_a_limit_far_away_is_a_word_at_the_edge_and_does_not_squeeze_the_points() -> None:
    root = draw([97.0, 97.1, 97.3], ["pass"] * 3, ["a", "b", "c"], lower=90.0)
    assert "◂ limit ≥ 90 %" in texts(root)
    assert not list(root.iter("rect"))


def test_limits_that_differ_between_people_are_a_band() -> None:
    values = np.array([1.0, 2.0, 3.0])
    limits = (np.array([0.5, 0.7, 0.6]), np.full(3, NONE))
    root = ET.fromstring(str(strip(values, ["pass"] * 3, ["a", "b", "c"], limits, "x", "t")))
    assert "≥ 0.5 to 0.7" in texts(root)
    assert len(list(root.iter("rect"))) == 2


def test_limits_of_which_one_is_beyond_the_other_are_no_bands() -> None:
    values = np.array([1.0, 2.0, 9.0, 10.0])
    limits = (np.array([0.5, 0.5, 8.5, 8.5]), np.array([2.5, 2.5, 10.5, 10.5]))
    root = ET.fromstring(str(strip(values, ["pass"] * 4, list("abcd"), limits, "x", "t")))
    assert {"≥ 0.5 to 8.5", "≤ 2.5 to 10.5"} <= set(texts(root))
    areas = [float(area.get("width", "nan")) for area in root.iter("rect")]
    assert len(areas) == 2 and max(areas) < 60


def test_a_stricter_limit_of_failures_is_a_second_line() -> None:
    values = np.array([0.97, 0.98, 0.93, 0.85])
    limits = (np.array([0.95, 0.95, 0.95, 0.9]), np.full(4, NONE))
    words = ["pass", "pass", "warn", "fail"]
    root = ET.fromstring(str(strip(values, words, ["a", "b", "c", "d"], limits, "x", "t")))
    assert "< 0.95 warns, < 0.9 fails" in texts(root)
    assert sum(path.get("stroke-dasharray") is not None for path in root.iter("path")) == 2
    assert len(list(root.iter("rect"))) == 1


@pytest.mark.parametrize("values", [[0.3], [0.0], [0.3, 0.3], [-1.0, -1.0], [0.0, 0.0, 1e9]])
def test_one_person_and_people_without_spread_have_a_plot(values: list[float]) -> None:
    n = len(values)
    root = draw(values, ["pass"] * n, [f"P{i}" for i in range(n)], upper=0.05)
    assert n_dots(root) == n
    assert "nan" not in ET.tostring(root, encoding="unicode")


def test_ten_thousand_people_stay_small_and_inside() -> None:
    rng = np.random.default_rng(5)
    values = np.concatenate([rng.normal(30, 2, 9900), rng.normal(60, 1, 100)])
    verdicts = ["pass"] * 9900 + ["fail"] * 100
    limits = (np.full(10_000, NONE), np.full(10_000, 50.0))
    picture = strip(values, verdicts, [f"P{i:05d}" for i in range(10_000)], limits, "depth", "Depth")
    assert len(picture) < 150_000
    root = ET.fromstring(str(picture))
    height = float(root.get("viewBox", "").split()[3])
    for path in root.iter("path"):
        for x, y in re.findall(r"M([-\d.]+) ([-\d.]+)", path.get("d") or ""):
            assert 0 <= float(x) <= 460 and 0 <= float(y) <= height


def test_labels_do_not_cover_each_other() -> None:
    n = 40
    root = draw([1.0 + i * 0.001 for i in range(n)], ["fail"] * n, [f"PATIENT_{i:03d}" for i in range(n)])
    placed = [(float(t.get("x")), float(t.get("y"))) for t in root.iter("text") if (t.text or "")[:2] == "PA"]
    assert len(placed) == 6
    for i, (x1, y1) in enumerate(placed):
        assert all(y1 != y2 or abs(x1 - x2) > 60 for x2, y2 in placed[i + 1 :])


def group(name: str, x: list[float], shape: str = "circle", hollow: bool = False) -> Group:
    return Group(name, "#0072b2", shape, np.array(x), np.array(x), hollow)


def test_a_scatter_draws_every_group_and_leaves_out_missing_points() -> None:
    groups = [group("a", [1.0, 2.0, NONE]), group("b", [3.0], "triangle"), group("c", [4.0], hollow=True)]
    root = ET.fromstring(str(scatter(groups, (HOSTILE, "y"), HOSTILE, labels=[(3.0, 3.0, HOSTILE)])))
    paths = [p for p in root.iter("path") if "#0072b2" in (p.get("fill"), p.get("stroke"))]
    assert [(p.get("d") or "").count("M") for p in paths] == [2, 1, 1]
    assert paths[2].get("fill") == "#fff"
    assert root.findtext("desc") == "a: 2; b: 1; c: 1"
    assert not list(root.iter("script"))


def test_characters_that_reorder_text_are_replaced_wherever_they_stand() -> None:
    odd = "a\u202eb"
    picture = scatter([group(odd, [1.0])], (odd, odd), odd, [(1.0, odd)], [(1.0, 1.0, odd)])
    assert "\u202e" not in picture and picture.count("a\ufffdb") == 6
    strips = strip(np.ones(1), ["fail"], [odd], (np.full(1, NONE), np.full(1, NONE)), odd, odd)
    assert "\u202e" not in strips


def test_points_that_cover_each_other_are_drawn_once() -> None:
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=(2, 200_000)).round(2)
    picture = scatter([Group("a", "#0072b2", "triangle", x, y)], ("x", "y"), "t")
    assert len(picture) < 800_000
    assert "a: 200,000" in picture


def test_an_empty_scatter_is_a_frame() -> None:
    assert ET.fromstring(str(scatter([group("a", [])], ("x", "y"), "t"))).find("title") is not None


def test_labels_of_a_scatter_that_have_no_room_are_left_out() -> None:
    labels = [(1.0, 1.0, f"NAME{i}") for i in range(30)]
    root = ET.fromstring(str(scatter([group("a", [1.0])], ("x", "y"), "t", labels=labels)))
    assert 1 <= sum(text.startswith("NAME") for text in texts(root)) <= 4


def test_no_two_groups_look_the_same() -> None:
    looks = {str(mark(Group("", *palette(i), np.zeros(1), np.zeros(1)))) for i in range(40)}
    assert len(looks) == 40
