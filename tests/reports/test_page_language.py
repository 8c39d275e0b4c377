"""The cohort page and the quality page in a second language: every text, the scripts, the same data."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endotype.files import read_json, write_json
from endotype.reports.cohort_qc import write_qc_page
from endotype.reports.language import in_language, known
from endotype.reports.overview import write_index
from endotype.variants.sample_qc import _judge_pair
from endotype.variants.sex import infer_sex
from endotype.variants.verdicts import Bounds, Verdicts
from tests.reports import cohort_run
from tests.reports.browser import Browser, find_browser
from tests.reports.conftest import Run
from tests.reports.pseudo import CODE, outside, pseudo_language
from tests.reports.qc_run import build_qc_run

DATA = re.compile(
    # Files, keys and values of the configuration, hashes, ids, numbers.
    r"[\w./-]*[./][\w./-]+|[0-9a-f]{16,}|\[\".*\"\]|null|true|false|preliminary|[^\W\d]+_\w+"
    r"|[\d., ×⁰¹²³⁴-⁹⁻]+"
    # What the run of these tests is called, and what is in it.
    r"|A simulated cohort( · Endotype [\d.]+ · EndoSim1 ·)?|(0.1.0 )?EndoSim1( 24 9)?"
    r"|(\d+ )?(airway disease|lipid level|survival)|(Airway disease|Lipid level)( GENEC)?|GENE[A-Z]( 1)?"
    r"|Drug [A-Z]|pathway|star|− 1 star|marker_1 high"
    # Proper names.
    r"|Endotype|Python|SHA-256|numpy|Cramér's V² 0.25|PASS",
)

OWN_WORDS = {
    *("3 patients", "No reference panel was given.", "Regional plot of airway_disease", "ancestry reference"),
    *("The subtypes follow site: adjusted Rand index 0.31, limit 0.1.", "nobody was followed"),
    "estimated contamination 0.150 0.05 declared male, but the genotypes are female",
    "heterozygosity is +6.8 median absolute deviations off",
    *("Declared male, but the genotypes are female.", "call_rate 0.710 is out of limits."),
    *("contamination 0.150 is out of limits.", "het_rate 0.130 is out of limits."),
    "Insertions / deletions was not judged: there are too few people.",
}
"""Sentences that only the results of these tests hold."""


def speak(run: Run, code: str, private: bool = True) -> Run:
    """The run with another language."""
    config = read_json(run.config)
    config["reports"] |= {"language": code, "private": private}
    write_json(run.config, config)
    return run


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return cohort_run.build(tmp_path_factory.mktemp("cohort"), 24)


@pytest.fixture(scope="module")
def quality(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return build_qc_run(tmp_path_factory.mktemp("quality"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    with Browser() as browser:
        yield browser


def pages(cohort: Run, quality: Run, code: str) -> tuple[dict[str, Any], dict[str, Any]]:
    write_index(speak(cohort, code).results, cohort.config)
    write_qc_page(speak(quality, code).results, quality.config)
    return (
        read_json(cohort.results / "reports/cohort.json"),
        read_json(quality.results / "reports/qc.json"),
    )


def html(run: Run, name: str) -> str:
    return (run.results / f"reports/{name}.html").read_text(encoding="utf-8")


def test_every_text_comes_from_the_catalogue(cohort: Run, quality: Run) -> None:
    with pseudo_language():
        pages(cohort, quality, CODE)
    left = outside(html(cohort, "index")) + outside(html(quality, "qc"))
    assert [text for text in left if text not in OWN_WORDS and not DATA.fullmatch(text)] == []
    broken = html(cohort, "index").replace("⟦Cohort overview⟧", "Cohort overview")
    assert "Cohort overview" in outside(broken), "the check doesn't see what it is for"


def test_another_language_has_the_same_data(cohort: Run, quality: Run) -> None:
    english, chinese = pages(cohort, quality, "en"), pages(cohort, quality, "zh")
    for one, other in zip(english, chinese, strict=True):
        assert one["run"].pop("language") == "en" and other["run"].pop("language") == "zh"
        assert one["run"].pop("config_sha256") != other["run"].pop("config_sha256")
        assert numbers(one) == numbers(other)
    (cohort_en, qc_en), (cohort_zh, qc_zh) = english, chinese
    texts = {"quality_reasons"}
    for line_en, line_zh in zip(cohort_en["patients"], cohort_zh["patients"], strict=True):
        assert {k: v for k, v in line_en.items() if k not in texts} == {
            k: v for k, v in line_zh.items() if k not in texts
        }
    for name in ("counts", "subtypes", "targets", "loci"):
        assert cohort_en[name] == cohort_zh[name]
    assert [m["metric"] for m in qc_en["measures"]] == [m["metric"] for m in qc_zh["measures"]]
    assert qc_en["site_filters"] == qc_zh["site_filters"]
    assert qc_zh["measures"][0]["label"] == "检出率"


def numbers(value: object) -> object:
    """The shape of a JSON value, and all of it but texts."""
    if isinstance(value, dict):
        return {key: numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [numbers(item) for item in value]
    return "text" if isinstance(value, str) else value


def test_the_chinese_page_can_be_searched_sorted_and_filtered(
    browser: Browser, cohort: Run, quality: Run
) -> None:
    pages(cohort, quality, "zh")
    page = cohort.results / "reports/index.html"
    browser.open(page)
    assert browser.problems == [] and browser.requests == []
    assert browser.run("document.documentElement.lang").startswith("zh")
    rows = "[...document.querySelectorAll('#table-patients tbody tr')]"
    search = "document.querySelector('#table-patients input')"
    browser.run(f"{search}.value = 'p0003'; {search}.dispatchEvent(new Event('input'))")
    assert browser.run(f"{rows}.map(r => r.querySelector('a').getAttribute('href'))") == ["P0003/report.html"]
    assert browser.run("document.querySelector('#table-patients [role=status]').textContent") == (
        "患者：第 1 至 1 条，共 1 条（从 24 中筛选）"
    )
    browser.run(f"{search}.value = '未通过'; {search}.dispatchEvent(new Event('input'))")
    assert "P0006" in browser.run(f"{rows}.map(r => r.querySelector('a').textContent)")
    buttons = "[...document.querySelectorAll('#table-patients button')]"
    browser.run(f"{buttons}.find(b => b.textContent === '显示全部').click()")
    browser.run("document.querySelector('#table-patients th button').click()")
    assert browser.run(f"{rows}[0].querySelector('a').textContent") == "P0024"
    choose = "document.querySelectorAll('#table-patients select')[0]"
    assert "未通过" in browser.run(f"[...{choose}.options].map(o => o.textContent)")
    browser.run(f"{choose}.value = '未通过'; {choose}.dispatchEvent(new Event('change'))")
    assert set(browser.run(f"{rows}.map(r => r.cells[1].textContent)")) == {"未通过"}
    assert browser.run(f"{rows}[0].querySelector('.chip').className") == "chip fail"
    assert "个变异" in browser.run("document.querySelector('[data-readout]').textContent")
    (page.parent / "qc.html").write_text(html(quality, "qc"), encoding="utf-8")
    browser.open(page.parent / "qc.html", scripts=False)
    assert browser.problems == []


QC_SENTENCES = [
    _judge_pair("P0112", "duplicate", "", 0.5, False)[1],
    _judge_pair("P0112", "parent_child", "full_sibling", 0.25, True)[1],
    _judge_pair("P0112", "full_sibling", "", 0.25, True)[1],
    _judge_pair("P0112", "second_degree", "second_degree", 0.12, True)[1],
    *(
        infer_sex(*evidence)[1]
        for evidence in [(1.0, 1.0, 0.5, 0.5), (0.7, 0.0), (0.0, 0.9), (1.0, float("nan"))]
    ),
]


def test_sentences_of_results_are_known_by_their_patterns() -> None:
    verdicts = Verdicts(["A", "B", "C", "D"])
    verdicts.judge(
        "contamination",
        "Estimated contamination",
        np.array([0.154, 0.04, 0.01, np.nan]),
        Bounds(warn_above=0.03, fail_above=0.05),
        "Depth was not assessed: the calls have none (DP).",
        lambda _: "as of a sample with reads of another person",
    )
    told = verdicts.table([None] * 4)["explanation"].tolist() + verdicts.reasons()[:1] + QC_SENTENCES
    with in_language("zh"):
        chinese = [known(text) for text in told]
        assert known(told[0]) == "估计污染率为 0.154，高于 0.05，与混有他人读段的样本相符。"
        assert known(told[2]) == "估计污染率为 0.01，不高于 0.03。"
        # The words of a page are no patterns: a text of the user's is not taken apart by them.
        assert known("Jane to Mary of 12 rows") == "Jane to Mary of 12 rows"
    assert [text for text in chinese if re.search("[a-z]{2}|[,.;] |[.]$", text)] == []


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
@pytest.mark.parametrize("private", [True, False])
def test_only_the_owner_can_read_what_names_patients(cohort: Run, quality: Run, private: bool) -> None:
    for run, write, names in (
        (cohort, write_index, ("index.html", "cohort.json")),
        (quality, write_qc_page, ("qc.html", "qc.json")),
    ):
        folder = run.results / "reports"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        for name in names:
            (folder / name).unlink(missing_ok=True)
        speak(run, "en", private)
        write(run.results, run.config)
        assert {mode(folder / name) for name in names} == {0o600 if private else 0o644}
        assert mode(folder) == (0o700 if private else 0o755)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
