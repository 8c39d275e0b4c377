"""Flow diagrams: what goes in is what leaves and what stays."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from endotype.files import read_json
from endotype.reports import svg
from endotype.reports.flow import flows
from endotype.reports.inputs import Cohort, read_cohort
from endotype.reports.svg import FlowStep
from tests.reports.conftest import Run

COUNTS = {"people": 60, "subtype_called": 56, "no_call": {"ambiguous": 1, "failed_qc": 3}}
VARIANTS = {
    **{"records_in": 90, "alleles_in": 100, "alleles_rejected": {"ref_mismatch": 2, "star": 5}},
    **{"duplicates_merged": 3, "joined_across_files": 0, "variants_normalised": 90},
    **{"variants_filtered": {"not_carried": 10}, "variants_kept": 80},
}
SAMPLES = {
    **{"in_genotypes": 58, "excluded": {"sample quality": 4, "no clinical record": 0}},
    **{"in_analysis": 54, "with_all_covariates": 50},
}


def cohort_of(run: Run) -> Cohort:
    summary = run.results / "association/summary.json"
    run.change_json(summary, lambda value: value.update(samples=SAMPLES))
    return read_cohort(run.results, read_json(run.config))


def left_over(steps: list[FlowStep]) -> list[int]:
    return [count - sum(n for _, n in leaving) for _, count, leaving in steps]


def test_what_stays_and_what_leaves_add_up_from_step_to_step(run: Run) -> None:
    diagrams = flows(cohort_of(run), COUNTS, VARIANTS)
    assert list(diagrams) == ["Variants", "People in association tests", "People with a subtype"]
    for steps in diagrams.values():
        start = 1 if steps[0][0] == "records read" else 0  # a record may hold several alleles
        counts = [count for _, count, _ in steps]
        assert left_over(steps)[start:-1] == counts[start + 1 :]


def test_reasons_come_most_first_and_those_of_nobody_not_at_all(run: Run) -> None:
    diagrams = flows(cohort_of(run), COUNTS, VARIANTS)
    assert diagrams["Variants"][1][2] == [("star", 5), ("ref mismatch", 2), ("duplicates merged", 3)]
    assert diagrams["People in association tests"][1][2] == [("sample quality", 4)]
    assert diagrams["People with a subtype"][0][2] == [
        ("genotypes failed quality control", 3),
        ("between subtypes (ambiguous)", 1),
    ]


def test_counts_that_were_not_written_are_not_drawn(run: Run) -> None:
    cohort = read_cohort(run.results, read_json(run.config))
    assert list(flows(cohort, COUNTS, {"variants_kept": 3})) == ["People with a subtype"]


def test_a_flow_shows_every_count_and_escapes_its_words() -> None:
    hostile = "<script>alert(1)</script>"
    root = ET.fromstring(str(svg.flow([("in", 12345, [(hostile, 5)]), (hostile, 12340, [])], hostile)))
    texts = [text.text or "" for text in root.iter("text")]
    assert texts[0] == "12,345" and "12,340" in texts
    assert any(text.startswith("− 5 <script>") for text in texts)
    assert not list(root.iter("script"))
