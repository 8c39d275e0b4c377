"""The quality page: its numbers are those of the tables, its words are safe, its size is bounded."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.errors import InputError
from endotype.files import read_json
from endotype.reports import cohort_qc
from endotype.reports.cohort_qc import write_qc_page
from endotype.reports.qc_metrics import METRICS
from tests.reports.conftest import Run
from tests.reports.qc_run import METRIC_COLUMNS, build_qc_run
from tests.reports.test_html import HOSTILE, Page, check_safe

SCRIPT = Path(__file__).parents[2] / "scripts" / "write_qc_page.py"


@pytest.fixture
def qc_run(tmp_path: Path) -> Run:
    return build_qc_run(tmp_path)


def written(run: Run) -> tuple[str, dict]:
    write_qc_page(run.results, run.config)
    page = (run.results / "reports/qc.html").read_text(encoding="utf-8")
    return page, read_json(run.results / "reports/qc.json")


def chapter(page: str, name: str) -> str:
    return page[page.index(f'<section id="{name}"') :].partition("</section>")[0]


def test_the_page_is_safe_self_contained_and_its_links_lead_somewhere(qc_run: Run) -> None:
    page = check_safe(written(qc_run)[0], local_links=True)
    ids = [a["id"] for _, a in page.tags if a.get("id")]
    inside = {
        (a.get("href") or "")[1:] for t, a in page.tags if t == "a" and (a.get("href") or "")[:1] == "#"
    }
    assert inside <= set(ids) and len(ids) == len(set(ids))
    assert all("src" not in attributes for _, attributes in page.tags)


def test_flagged_people_are_named_with_value_limit_and_reason(qc_run: Run) -> None:
    page, data = written(qc_run)
    assert [(p["patient"], p["verdict"]) for p in data["flagged"]] == [
        ("Q0001", "fail"),
        ("Q0002", "fail"),
        ("Q0003", "warn"),
    ]
    first = data["flagged"][0]["measures"]
    assert [(m["metric"], m["value"], m["limit"]) for m in first] == [("call_rate", "71 %", "≥ 90 %")]
    assert [m["metric"] for m in data["flagged"][1]["measures"]] == ["contamination", "sex"]
    assert [(m["metric"], m["verdict"]) for m in data["flagged"][2]["measures"]] == [("het_rate", "warn")]
    table = chapter(page, "flagged")
    assert re.findall(r'href="([\w.-]+)/report\.html"', table) == ["Q0001", "Q0002", "Q0002", "Q0003"]
    assert "Declared male, but the genotypes are female." in table


def test_the_summary_of_a_measure_is_that_of_its_values(qc_run: Run) -> None:
    _, data = written(qc_run)
    table = pd.read_parquet(qc_run.results / "variants/sample_metrics.parquet")
    measures = {row["metric"]: row for row in data["measures"]}
    assert list(measures) == [m.name for m in METRICS if m.name not in ("mendelian_errors", "ancestry")]
    for name, row in measures.items():
        mine = table[table["metric"] == name]
        for verdict in ("pass", "warn", "fail", "not_assessed"):
            assert row[f"n_{verdict}"] == (mine["verdict"] == verdict).sum()
        if mine["value"].notna().any():
            assert row["median"] == pytest.approx(mine["value"].median())
    assert measures["call_rate"]["lower"] == [0.95, 0.95]
    assert measures["sex"]["median"] is None


def test_a_measure_that_was_not_assessed_has_a_sentence_and_no_plot(qc_run: Run) -> None:
    def blind(table: pd.DataFrame) -> pd.DataFrame:
        here = table["metric"] == "contamination"
        table.loc[here, "value"] = np.nan
        table.loc[here, "verdict"] = "not_assessed"
        table.loc[here, "explanation"] = "Contamination was not assessed: no frequencies were given."
        return table

    page, _ = written(qc_run)
    assert "<title>Contamination</title>" in page
    qc_run.change("variants/sample_metrics.parquet", blind)
    page, data = written(qc_run)
    assert "<title>Contamination</title>" not in page
    assert "Contamination was not assessed: no frequencies were given." in chapter(page, "reads")
    row = next(row for row in data["measures"] if row["metric"] == "contamination")
    assert (row["n_pass"], row["n_not_assessed"]) == (0, 39)


def test_values_that_nobody_judged_are_drawn_and_said_to_be_unjudged(qc_run: Run) -> None:
    page, _ = written(qc_run)
    assert "<title>Insertions / deletions</title>" in page
    assert "was not judged: there are too few people." in chapter(page, "genotypes")


def test_an_unknown_measure_is_shown_by_its_name(qc_run: Run) -> None:
    rows = [(f"Q{i:04d}", "ancestry_distance", i / 10, None, 9.0, "pass", "", None) for i in range(1, 40)]
    extra = pd.DataFrame(rows, columns=METRIC_COLUMNS).astype({"lower": float})
    qc_run.change("variants/sample_metrics.parquet", lambda t: pd.concat([t, extra]))
    page, data = written(qc_run)
    assert data["measures"][-1]["metric"] == "ancestry_distance"
    assert "<title>Ancestry distance</title>" in chapter(page, "other")


def test_people_in_whom_y_was_not_measured_are_missed_by_name_and_seen_elsewhere(qc_run: Run) -> None:
    page = chapter(written(qc_run)[0], "sex")
    assert "aren't shown" not in Page(page).text and "<title>Depth of X / autosomes</title>" not in page

    def without_y(table: pd.DataFrame) -> pd.DataFrame:
        here = (table["metric"] == "y_depth_ratio") & table["patient"].isin(["Q0001", "Q0003"])
        return table.assign(value=table["value"].mask(here))

    qc_run.change("variants/sample_metrics.parquet", without_y)
    page = chapter(written(qc_run)[0], "sex")
    assert "2 people aren't shown" in Page(page).text and "<title>Depth of X / autosomes</title>" in page


def test_filters_are_counted_with_their_share_and_limit(qc_run: Run) -> None:
    page, data = written(qc_run)
    assert data["site_filters"] == [
        {"filter": "site_filter", "n": 3, "share": 0.06},
        {"filter": "call_rate", "n": 1, "share": 0.02},
    ]
    rules = {row["rule"]: row for row in data["genotype_filters"]}
    assert (rules["quality"]["n"], rules["quality"]["limit"], rules["depth"]["limit"]) == (8, 20, 10)
    called = next(n for n in data["consort"]["genotypes"]["nodes"] if n["id"] == "called")["count"]
    assert rules["depth"]["share"] == pytest.approx(7 / called)
    assert "genotype quality too low" in chapter(page, "filters").lower()


def test_relatives_are_compared_with_what_was_declared(qc_run: Run) -> None:
    page, data = written(qc_run)
    relatedness = data["relatedness"]
    assert relatedness["pairs"] == [
        {"found": "duplicate", "declared": "", "n": 1},
        {"found": "parent_child", "declared": "parent_child", "n": 1},
        {"found": "full_sibling", "declared": "parent_child", "n": 1},
    ]
    assert [p["patient_b"] for p in relatedness["to_check"]] == ["Q0006", "Q0010"]
    assert "Q0004–Q0006" in page


def test_relatedness_that_could_not_be_assessed_is_not_absent(qc_run: Run) -> None:
    def few(info: dict) -> None:
        info.update(relatedness_assessed=False, relatedness_min_variants=1000, n_variants=0)

    qc_run.change("variants/relatedness.parquet", lambda t: t.iloc[:0])
    page, _ = written(qc_run)
    assert "No related pair was found" in chapter(page, "relatedness")
    qc_run.change_json(qc_run.results / "variants/ancestry.json", few)
    page, _ = written(qc_run)
    text = chapter(page, "relatedness")
    assert "Not assessed: 30 independent common variants are too few" in text
    assert "No related pair" not in text


def test_populations_have_a_mark_each_and_people_outside_the_fit_a_hollow_one(qc_run: Run) -> None:
    page, data = written(qc_run)
    assert "Populations are those" not in chapter(page, "ancestry")
    assert data["populations"] == {}
    names = ["north", "south", HOSTILE]
    qc_run.change(
        "variants/ancestry.parquet",
        lambda t: t.assign(population=[names[i % 3] if i > 5 else None for i in range(len(t))]),
    )
    page, data = written(qc_run)
    text = Page(chapter(page, "ancestry")).text
    assert data["populations"]["north"] == 11
    for shown in ("north (11)", "no population assigned (3)", "no population assigned, projected only (3)"):
        assert shown in text
    check_safe(page, local_links=True)


def test_mendelian_errors_are_shown_where_they_were_counted(qc_run: Run) -> None:
    page, data = written(qc_run)
    assert data["mendelian"] == [] and 'id="mendelian"' not in page
    rows = [
        ("Q0007", "mendelian_errors", 0.00917, None, 0.02, "pass", "91 of 9,924 variants.", None),
        ("Q0008", "mendelian_errors", 0.2, None, 0.02, "warn", "Far too many.", None),
        ("Q0009", "mendelian_errors", None, None, None, "not_assessed", "No parents.", None),
    ]
    extra = pd.DataFrame(rows, columns=METRIC_COLUMNS).astype({"lower": float})
    qc_run.change("variants/sample_metrics.parquet", lambda t: pd.concat([t, extra]))
    page, data = written(qc_run)
    assert [row["patient"] for row in data["mendelian"]] == ["Q0008", "Q0007"]
    assert "0.917 %" in chapter(page, "mendelian") and "Q0009" not in chapter(page, "mendelian")


def test_distant_relatives_one_degree_off_do_not_contradict_the_pedigree(qc_run: Run) -> None:
    qc_run.change(
        "variants/relatedness.parquet",
        lambda t: t.assign(relationship="third_degree", declared="second_degree", kinship=0.06),
    )
    assert written(qc_run)[1]["relatedness"]["to_check"] == []


def test_hostile_words_are_shown_as_they_are(qc_run: Run) -> None:
    def hostile(*columns: str):
        return lambda t: t.assign(**dict.fromkeys(columns, HOSTILE))

    qc_run.change("variants/sample_metrics.parquet", hostile("explanation", "population"))
    qc_run.change("variants/sample_qc.parquet", hostile("reasons"))
    qc_run.change("variants/relatedness.parquet", hostile("declared", "relationship"))

    def flow(value: dict) -> None:
        value["alleles_rejected"] = {HOSTILE: 7}

    def config(value: dict) -> None:
        value["run"]["name"] = HOSTILE
        value["variants"]["pass_filters"] = [HOSTILE]

    qc_run.change_json(qc_run.results / "variants/flow.json", flow)
    qc_run.change_json(qc_run.config, config)
    page = check_safe(written(qc_run)[0], local_links=True)
    assert "<script>alert(1)</script>" in page.text


@pytest.mark.parametrize("n", [1, 2])
def test_one_patient_is_a_cohort(tmp_path: Path, n: int) -> None:
    page, data = written(build_qc_run(tmp_path, n))
    assert data["verdicts"] == {"pass": 0, "warn": 0, "fail": 1, "not_assessed": 0}
    check_safe(page, local_links=True)
    assert "nan" not in page


def test_nobody_has_genotypes(qc_run: Run) -> None:
    for name in ("sample_metrics", "sample_qc", "relatedness", "ancestry", "roh", "variant_qc"):
        qc_run.change(f"variants/{name}.parquet", lambda t: t.iloc[:0])
    qc_run.change("cohort/people.parquet", lambda t: t.assign(in_genotypes=False))

    def nothing(value: dict) -> None:
        for key, content in value.items():
            value[key] = 0 if not isinstance(content, dict) else dict.fromkeys(content, 0)

    qc_run.change_json(qc_run.results / "variants/flow.json", nothing)
    qc_run.change_json(qc_run.results / "variants/ancestry.json", lambda v: v.update(n_variants=0))
    page, data = written(qc_run)
    assert "Nobody has genotypes." in page
    assert data["measures"] == []


def test_counts_that_do_not_add_up_stop_the_page(qc_run: Run) -> None:
    qc_run.change_json(qc_run.results / "variants/flow.json", lambda v: v.update(alleles_in=99))
    with pytest.raises(ValueError, match="should be left"):
        written(qc_run)
    assert not (qc_run.results / "reports/qc.html").exists()


def test_a_table_that_is_missing_is_named(qc_run: Run) -> None:
    (qc_run.results / "variants/sample_metrics.parquet").unlink()
    command = [sys.executable, str(SCRIPT), "--results", str(qc_run.results), "--config", str(qc_run.config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "sample_metrics.parquet" in done.stderr and "Traceback" not in done.stderr


def test_a_patient_id_that_is_no_file_name_is_refused(qc_run: Run) -> None:
    qc_run.change("cohort/people.parquet", lambda t: t.replace({"patient": {"Q0007": "../x"}}))
    with pytest.raises(InputError, match="x"):
        written(qc_run)


def test_the_page_is_the_same_every_time_whatever_the_order_of_rows(qc_run: Run) -> None:
    first = written(qc_run)
    qc_run.change("variants/sample_metrics.parquet", lambda t: t.iloc[::-1])
    assert written(qc_run) == first


def test_a_long_table_is_cut_and_the_rest_is_counted(qc_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohort_qc, "MAX_FLAGGED", 1)
    page, data = written(qc_run)
    assert len(data["flagged"]) == 3
    assert "And 2 more people" in chapter(page, "flagged")
    assert "Q0003/report.html" not in chapter(page, "flagged")


def test_three_thousand_patients_make_a_page_of_bounded_size(tmp_path: Path) -> None:
    page, data = written(build_qc_run(tmp_path, 3000))
    assert data["consort"]["people"]["nodes"][0]["count"] == 3000
    assert len(page) < 3_000_000
