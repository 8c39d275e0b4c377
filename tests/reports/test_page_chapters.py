"""Chapters of the cohort's page: points along the genome, hits, targets, assessment, provenance."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from endotype.files import read_json, write_json
from endotype.reports import page_manhattan
from endotype.reports.page_assessment import DIFFERENCES
from endotype.reports.page_hits import hit_table, n_variants
from endotype.reports.page_manhattan import SCALE, manhattan_data
from endotype.reports.page_provenance import provenance_chapter
from endotype.reports.page_targets import TargetCounts, target_table
from endotype.subtypes.added_value import NESTED
from tests.reports import cohort_run
from tests.reports.conftest import Run
from tests.reports.test_html import Page


@pytest.fixture(scope="module")
def page(cohort: Run) -> Page:
    return Page((cohort.results / "reports/index.html").read_text(encoding="utf-8"))


def test_points_are_all_there_in_the_order_of_the_genome(cohort: Run) -> None:
    traits = manhattan_data(cohort.results)["traits"]
    assert [t["trait"] for t in traits] == ["lipid_level", "airway_disease"]  # one with hits first
    source = cohort_run.manhattan()
    x, y = np.cumsum(traits[0]["points"]["dx"]), np.array(traits[0]["points"]["y"]) / SCALE
    expected = sorted(zip(source["quiet"]["x"], source["quiet"]["y"], strict=True))
    assert x.tolist() == [place for place, _ in expected]
    assert np.abs(y - [height for _, height in expected]).max() <= 0.5 / SCALE + 1e-12
    assert traits[0]["hits"]["id"] == ["1:802140:C:T", "2:5000:C:G"]
    assert traits[0]["threshold"] == pytest.approx(6)


def test_a_trait_without_room_is_named(cohort: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(str(manhattan_data(cohort.results)["traits"][0]).replace(" ", ""))
    monkeypatch.setattr(page_manhattan, "MAX_BYTES", size + 100)
    data = manhattan_data(cohort.results)
    assert [t["trait"] for t in data["traits"]] == ["lipid_level"] and data["left_out"] == ["airway_disease"]
    assert data["n_hits"] == 2


def test_without_pictures_there_is_no_chart(tmp_path: Path) -> None:
    assert manhattan_data(tmp_path)["traits"] == []


def test_hits_are_loci_first_then_further_variants_and_every_lead_once(cohort: Run) -> None:
    loci = cohort_run.read_cohort_json(cohort)["loci"]
    data = manhattan_data(cohort.results)
    table = hit_table(loci, data, {("airway_disease", "2:5000:C:G"): "#region-0"})
    assert [row[1].text for row in table.rows[: len(loci)]] == [locus["id"] for locus in loci]
    further = table.rows[len(loci) :]
    assert [(r[0].key, r[1].key) for r in further] == [
        ("lipid_level", "1:802140:C:T"),
        ("lipid_level", "2:5000:C:G"),
    ]
    assert further[0][7].zoom == ("lipid_level", "1:552140-1052140")
    assert table.rows[0][7].link == "#region-0" and table.rows[0][7].zoom == ("airway_disease", "2:1-255000")
    assert n_variants(table) == 4
    p = [row[5].key for row in table.rows]
    assert p[0] == -loci[0]["neg_log10_p"]


def report(subtype: str | None, *items: tuple[str, str], status: str = "present") -> dict:
    entry = {"gene": "G", "action": "indicated", "link": "subtype"}
    return {
        "subtype": {"subtype": subtype},
        "targets": {
            "status": status,
            "items": [entry | {"intervention": i, "tier": tier} for i, tier in items],
        },
    }


def test_targets_are_counted_once_a_patient_and_by_subtype() -> None:
    counts = TargetCounts()
    counts.add(report("S1", ("Drug", "1"), ("Drug", "1"), ("Other", "2")))
    counts.add(report("S1"))
    counts.add(report("S2", ("Drug", "1")))
    counts.add(report(None, ("Drug", "1")))
    counts.add(report("S2", ("Drug", "1"), status="not_assessed"))
    entries, assessed = counts.entries(["S1", "S2"]), counts.assessed(["S1", "S2"])
    assert [(e["intervention"], e["n"], e["by_subtype"], e["no_subtype"]) for e in entries] == [
        ("Drug", 3, {"S1": 1, "S2": 1}, 1),
        ("Other", 1, {"S1": 1, "S2": 0}, 0),
    ]
    assert assessed == {"S1": 2, "S2": 1, "no_subtype": 1}
    table = target_table(entries, assessed, {"S1": "#111111", "S2": "#222222"})
    assert table.rows[0][6].note == "of 2 (50 %)" and table.rows[1][7].note == "none"


def test_targets_of_the_run_agree_with_the_reports(cohort: Run) -> None:
    data = cohort_run.read_cohort_json(cohort)["targets"]
    reports = [cohort.report(f"P{i:04d}") for i in range(1, 61)]
    drug = next(e for e in data["entries"] if e["intervention"] == "Drug A")
    assert drug["n"] == sum(
        any(item["intervention"] == "Drug A" for item in r["targets"]["items"]) for r in reports
    )
    assert sum(data["assessed"].values()) == sum(r["targets"]["status"] != "not_assessed" for r in reports)


def test_warnings_of_the_audit_stand_at_the_top_and_in_their_chapter(cohort: Run, page: Page) -> None:
    text = (cohort.results / "reports/index.html").read_text(encoding="utf-8")
    top = text[text.index('id="attention"') : text.index('<section id="flow"')]
    assert cohort_run.WARNING in top
    assert cohort_run.WARNING in text[text.index('<section id="subtypes"') :]
    assert page.text.count(cohort_run.WARNING) == 2


def test_names_outcomes_and_added_value_are_in_words(page: Page) -> None:
    for words in (
        "S1 marker_1 high",
        "8 of 19 6.5 (5 to 8.25) 50 % (40 % to 60 %) 1 (reference)",
        "2.5 (1.25 to 5)",
        "not assessed: nobody was followed",
        "subtype, beyond the standard of care 0.07 (0.02 to 0.12) 1.0 × 10⁻⁵",
        "Cramér's V² 0.25",
        "not assessed: 3 patients",
        "9 items stated, 2 in part, 3 left to the authors",
        "Treatment by subtype: not assessed, because no treatment column is named.",
    ):
        assert words in page.text, words


def test_what_was_not_assessed_is_said_with_its_reason(run: Run) -> None:
    run.change("variants/sample_qc.parquet", lambda t: t.assign(verdict="pass", reasons=""))
    run.change("targets/targets.parquet", lambda t: t.iloc[:0])
    run.write()
    text = cohort_run.page_of(run).read_text(encoding="utf-8")
    assert 'id="attention"' not in text
    assert "Not assessed: the run has no quality page." in text
    assert text.count("<p>Not recorded.</p>") == 2

    content = cohort_run.assessment()
    missing = {"status": "not_assessed", "reason": "there are no subtypes to compare"}
    content["outcomes"]["survival"] |= {"survival": missing, "added_value": missing}
    content["audit"] = {"confounders": [], "reason": "one group"}
    write_json(run.results / "subtypes/assessment.json", content)
    text = cohort_run.page_of(run).read_text(encoding="utf-8")
    assert 'id="attention"' in text  # for the warning alone
    assert "Survival: not assessed, because there are no subtypes to compare." in Page(text).text
    assert "Confounders: not assessed, because one group." in text


def test_inputs_software_and_every_key_of_the_configuration_are_listed(cohort: Run, page: Page) -> None:
    chapter = provenance_chapter(cohort.results, read_json(cohort.config))
    assert "in/clinical.tsv 46,100 " + "ab" * 32 in page.text
    assert "numpy 2.4.6" in page.text and "targets.draws 1000" in page.text
    keys = {row["key"]: row["value"] for row in chapter["config"]}
    assert keys["variants.pass_filters"] == '["PASS"]' and keys["inputs.pedigree"] == "null"
    assert len(keys) == _leaves(read_json(cohort.config))


def _leaves(value: object) -> int:
    return sum(map(_leaves, value.values())) if isinstance(value, dict) and value else 1


def test_every_difference_that_is_tested_is_shown() -> None:
    assert set(DIFFERENCES) == set(NESTED)


def test_the_page_is_the_same_every_time(cohort: Run) -> None:
    path = cohort.results / "reports/index.html"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    cohort_run.page_of(cohort)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
