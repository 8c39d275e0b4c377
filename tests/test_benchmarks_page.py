"""The page of benchmarks is what the recorded results say, and says what they are."""

from __future__ import annotations

from benchmarks.document import PAGE, RESULTS, render
from endotype.files import read_json


def test_the_page_is_rendered_from_the_recorded_results() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(RESULTS)


def test_recorded_results_name_machine_and_versions() -> None:
    for name in ("association", "packed_scan", "binary"):
        machine = read_json(RESULTS / f"{name}.json")["machine"]
        assert machine["processor"] and machine["cores"] and machine["numba"]
    cases = read_json(RESULTS / "association.json")["cases"]
    for case in cases.values():
        for program in case["ratio"]:
            compared = case["seconds"][program] / case["seconds"]["ours"]
            # the median of ratios is not the ratio of medians, but near it
            assert 0.7 < compared / case["ratio"][program] < 1.4
