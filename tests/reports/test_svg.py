"""Pictures: positions on a scale, extreme values, hostile labels."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from endotype.reports import svg

HOSTILE = "<script>alert(1)</script>&\"'"


def parse(markup: str) -> ET.Element:
    return ET.fromstring(str(markup))


@pytest.mark.parametrize(
    "picture",
    [
        svg.bar(0.3, HOSTILE, marks=[0.8]),
        svg.interval(1, 3, 2, 5, HOSTILE),
        svg.cohort_strip(1.0, [-2, -1, 0, 1, 2], HOSTILE, 0.5),
        svg.traffic_light("warn"),
        svg.traffic_light(None),
        svg.scatter(
            np.arange(3.0), np.arange(3.0), [("a", "#000", np.ones(3, bool))], (HOSTILE, HOSTILE), HOSTILE
        ),
        svg.cohort_strip(1.0, [-2, -1, 0, 1, 2], HOSTILE, 0.5, group_half=[-1.0, 1.0]),
    ],
)
def test_every_picture_is_well_formed_and_escapes_its_labels(picture: str) -> None:
    root = parse(picture)
    assert root.find("title") is not None
    assert not list(root.iter("script"))


def test_a_bar_is_as_wide_as_its_fraction_and_never_wider() -> None:
    assert [parse(svg.bar(f, ""))[2].get("width") for f in (0.25, 7, -1)] == ["25.00%", "100.00%", "0.00%"]


def test_the_median_is_in_the_middle_of_a_symmetric_strip() -> None:
    root = parse(svg.cohort_strip(0.0, [-2, -1, 0, 1, 2], ""))
    assert root.find("circle").get("cx") == "50.00%"  # type: ignore[union-attr]
    assert parse(svg.cohort_strip(None, [-2, -1, 0, 1, 2], "")).find("circle") is None


def test_the_middle_half_of_a_group_is_a_line_below_the_strip() -> None:
    line = parse(svg.cohort_strip(0.0, [-2, -1, 0, 1, 2], "", group_half=[-2.0, 2.0])).find(
        "line[@class='half']"
    )
    assert line is not None and float(line.get("x1")[:-1]) + float(line.get("x2")[:-1]) == pytest.approx(100)  # type: ignore[index]


def test_a_cohort_without_spread_and_a_far_outlier_stay_on_the_strip() -> None:
    assert parse(svg.cohort_strip(5.0, [1, 1, 1, 1, 1], "")).find("circle").get("cx") == "100.00%"  # type: ignore[union-attr]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_points_make_a_plot(n: int) -> None:
    points = np.zeros(n)
    parse(svg.scatter(points, points, [("a", "#000", np.ones(n, bool))], ("x", "y"), "t"))


def test_ten_thousand_points_stay_small() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 10_000))
    assert len(svg.scatter(x, y, [("a", "#000", np.ones(10_000, bool))], ("x", "y"), "t")) < 200_000
