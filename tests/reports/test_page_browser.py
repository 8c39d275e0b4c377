"""The cohort's page in a real browser: it loads nothing, and search, sort, filter, links and chart work."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from endotype.files import read_json, write_json
from tests.reports import cohort_run
from tests.reports.browser import Browser, find_browser
from tests.reports.conftest import Run
from tests.reports.test_html import HOSTILE, Page, make_hostile

needs_browser = pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")

MANY = 10_000
ROWS = "[...document.querySelectorAll('#table-{} tbody tr')]"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Hostile words in all that the page shows; its patients' reports are written anew."""
    folder = tmp_path_factory.mktemp("hostile")
    run = cohort_run.build(folder, 24)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_hostile(run)
        run.write()
    for name in ("subtypes/assessment.json", "reports/qc.json", "provenance/inputs.json"):
        path = run.results / name
        write_json(path, _with_hostile_words(read_json(path)))
    software = {"python": HOSTILE, "packages": {HOSTILE: HOSTILE}}
    write_json(run.results / "provenance/software.json", software)
    write_json(run.results / "subtypes/selection.json", {"k": 3, "reason": HOSTILE})
    plots = run.results / "association/plots/plots.json"
    run.change_json(
        plots, lambda v: v["traits"]["airway_disease"]["regions"][0].update(alt=HOSTILE, gene=HOSTILE)
    )
    points = run.results / "association/plots/lipid_level.manhattan.json"
    run.change_json(
        points, lambda v: (v["leads"].update(gene=[HOSTILE] * 2), v["hits"].update(id=[HOSTILE] * 2))
    )
    cohort_run.page_of(run)
    return run


def _with_hostile_words(value: object, key: str = "") -> object:
    """Every text but those that the page decides by."""
    if isinstance(value, dict):
        return {k: _with_hostile_words(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_with_hostile_words(v, key) for v in value]
    decides = key in ("status", "kind", "subtype", "reference", "term")
    return HOSTILE if isinstance(value, str) and not decides else value


@pytest.fixture(scope="module")
def many(cohort: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    results = tmp_path_factory.mktemp("many") / "results"
    shutil.copytree(cohort.results, results)
    run = Run(results, results / "provenance/config.json")
    with cohort_run.many_patients(run, MANY):
        cohort_run.page_of(run)
    return run


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


def html(run: Run) -> Path:
    return run.results / "reports/index.html"


def search(browser: Browser, table: str, words: str) -> None:
    code = "const box = document.querySelector('#table-{} input[type=search]'); box.value = {!r};"
    browser.run(f"{{{code.format(table, words)} box.dispatchEvent(new Event('input'))}}")


def choose(browser: Browser, table: str, label: str, value: str) -> None:
    labels = f"[...document.querySelectorAll('#table-{table} label')]"
    found = f"{labels}.find(l => l.textContent.startsWith({label!r})).querySelector('select')"
    browser.run(f"{{const s = {found}; s.value = {value!r}; s.dispatchEvent(new Event('change'))}}")


def press_button(browser: Browser, inside: str, text: str) -> None:
    find = f"[...document.querySelectorAll('{inside} button')].find(b => b.textContent === {text!r})"
    browser.run(f"{find}.click()")


def column(browser: Browser, table: str, number: int) -> list[str]:
    return browser.run(f"{ROWS.format(table)}.map(r => r.cells[{number}].textContent)")


def status(browser: Browser, table: str) -> str:
    return browser.run(f"document.querySelector('#table-{table} [role=status]').textContent")


@needs_browser
def test_nothing_is_asked_of_the_network_and_nothing_goes_wrong(browser: Browser, cohort: Run) -> None:
    for width in (1280, 360):
        browser.open(html(cohort), width)
        assert browser.requests == [] and browser.problems == []
        assert browser.run("document.documentElement.scrollWidth") <= width
    # The guard of this test: what it looks for is seen when it is there.
    browser.run("{const i = new Image(); i.src = 'https://example.org/x.png'; document.body.append(i)}")
    browser.run("new Promise(done => setTimeout(done, 50))")
    assert any("Content Security Policy" in text for text in browser.problems)


@needs_browser
def test_hostile_words_are_words_and_run_nothing(browser: Browser, hostile: Run) -> None:
    browser.open(html(hostile))
    assert browser.requests == [] and browser.problems == []
    assert browser.run("document.documentElement.scrollWidth") <= 1280
    browser.run("document.querySelector('#chart canvas').focus()")
    browser.press("ArrowRight")
    shown = browser.run("document.body.innerText")
    assert shown.count("<script>alert(1)</script>") > 10
    assert browser.run(
        "document.querySelectorAll('[onmouseover], [onerror], b, img[src=x]').length"
    ) == browser.run("document.querySelectorAll('b').length")
    search(browser, "hits", "<script>alert(1)")
    assert "No associations fit." not in browser.run("document.querySelector('#associations').innerText")
    assert browser.requests == [] and browser.problems == []


@needs_browser
def test_patients_are_searched_sorted_filtered_and_linked(browser: Browser, cohort: Run) -> None:
    browser.open(html(cohort))
    folder = html(cohort).parent
    assert status(browser, "patients") == "1 to 50 of 60 patients"

    search(browser, "patients", "p0004")
    assert column(browser, "patients", 0) == ["P0004"]
    assert status(browser, "patients") == "1 to 1 of 1 patients, chosen of 60"
    search(browser, "patients", "drug a TIER 1 genea")
    assert column(browser, "patients", 0) == ["P0001"]
    search(browser, "patients", "nobody")
    assert column(browser, "patients", 0) == [] and status(browser, "patients").startswith("0 of 0 patients")
    assert browser.run("[...document.querySelectorAll('.none')].some(p => !p.hidden && p.offsetHeight > 0)")
    press_button(browser, "#table-patients", "Show all")
    assert len(column(browser, "patients", 0)) == 50

    choose(browser, "patients", "Subtype", "S2")
    reports = {f"P{i:04d}": cohort.report(f"P{i:04d}") for i in range(1, 61)}
    assert column(browser, "patients", 0) == [
        p for p, r in reports.items() if r["subtype"]["subtype"] == "S2"
    ]
    press_button(browser, "#table-patients", "Show all")

    heading = "document.querySelectorAll('#table-patients th[scope=col]')[3]"
    known = sorted(
        r["variants"]["counts"]["reportable"]
        for r in reports.values()
        if r["variants"]["status"] != "not_assessed"
    )
    for direction, expected in (("ascending", known), ("descending", known[::-1])):
        browser.run(f"{heading}.querySelector('button').focus()")
        browser.press("Enter")
        assert browser.run(f"{heading}.getAttribute('aria-sort')") == direction
        assert browser.run("document.querySelectorAll('#table-patients [aria-sort]').length") == 1
        first = [0 if text == "none" else int(text) for text in column(browser, "patients", 3)]
        assert first == expected[:50]
    press_button(browser, "#table-patients", "Next")
    assert "not assessed" in column(browser, "patients", 3)[-1]  # last in both directions

    press_button(browser, "#table-patients", "Show all")
    links = browser.run(f"{ROWS.format('patients')}.map(r => r.querySelector('a').getAttribute('href'))")
    press_button(browser, "#table-patients", "Next")
    links += browser.run(f"{ROWS.format('patients')}.map(r => r.querySelector('a').getAttribute('href'))")
    assert links == [f"{p}/report.html" for p in reports] and all((folder / link).is_file() for link in links)
    assert browser.problems == []


@needs_browser
def test_rows_drawn_by_the_script_are_those_of_the_page(browser: Browser, cohort: Run) -> None:
    code = "document.querySelector('#table-{} tbody').innerHTML"
    code += ".replace(/\\s+/g, ' ').replace(/> </g, '><').trim()"
    names = ("patients", "hits", "targets")
    browser.open(html(cohort), scripts=False)
    plain = [browser.run(code.format(name)) for name in names]
    hidden = "[...document.querySelectorAll('.tools, #chart')].every(e => e.offsetHeight === 0)"
    assert browser.run(hidden)
    ids = browser.run("[...document.querySelectorAll('noscript a')].map(a => a.textContent)")
    assert ids == [f"P{i:04d}" for i in range(51, 61)]
    browser.open(html(cohort))
    for name, before in zip(names, plain, strict=True):
        browser.run(f"document.querySelectorAll('#table-{name} button.quiet').forEach(b => b.remove())")
        after = browser.run(code.format(name))
        assert re.sub(r"\s+(?=</td>)", "", after) == re.sub(r"\s+(?=</td>)", "", before), name


@needs_browser
def test_ten_thousand_patients_are_never_all_in_the_document(browser: Browser, many: Run) -> None:
    assert html(many).stat().st_size < 8_000_000
    browser.open(html(many))
    assert status(browser, "patients") == "1 to 50 of 10,000 patients"
    assert browser.run("document.querySelectorAll('*').length") < 4000
    search(browser, "patients", "q0999")
    assert column(browser, "patients", 0) == [f"Q0999{i}" for i in range(10)]
    search(browser, "patients", "")
    for _ in range(2):
        browser.run("document.querySelector('#table-patients th button').click()")
    assert column(browser, "patients", 0)[0] == "Q00000"
    assert browser.run(f"{ROWS.format('patients')}.length") == 50
    # Without scripts every report has its link.
    linked = {a["href"] for t, a in Page(html(many).read_text(encoding="utf-8")).tags if t == "a"}
    assert {f"Q{i:05d}/report.html" for i in range(MANY)} <= linked


@needs_browser
def test_the_chart_is_read_and_zoomed_with_the_keyboard(browser: Browser, cohort: Run) -> None:
    browser.open(html(cohort))
    read = "document.querySelector('[data-readout]').textContent"
    assert browser.run(read) == "lipid level: 4,002 variants tested, 2 significant."
    browser.run("document.querySelector('#chart canvas').focus()")
    said = []
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowUp", "End", "Home"):
        browser.press(key)
        said.append(browser.run(read).split(",")[0])
    first, second = "1:802140:C:T", "2:5000:C:G"
    assert said == [first, second, second, first, second, first]
    assert browser.run(read) == (
        "1:802140:C:T, gene GENEA, p = 5.6 × 10⁻¹⁵, beta 0.58 (standard error 0.07), frequency 0.41"
    )
    browser.press("0")
    browser.run("document.querySelector('[name=region]').value = '1:300,000-400,000'")
    press_button(browser, "#chart", "Show")
    assert browser.run(read) == "Shown: chromosome 1, 300,000 to 400,000."
    browser.run("document.querySelector('#chart canvas').focus()")
    browser.press("ArrowRight")  # nothing significant in view: the strongest of the others
    assert re.fullmatch(r"1:3\d\d,\d{3}, p = [\d.]+, not significant", browser.run(read))
    browser.run("document.querySelector('[name=region]').value = '9:1-5'")
    press_button(browser, "#chart", "Show")
    assert browser.run("document.querySelector('[data-message]').textContent").startswith("Not found")
    # Rows of the table lead to the chart of their trait.
    browser.run(f"{ROWS.format('hits')}[0].querySelector('button').click()")
    assert browser.run(read) == "Shown: chromosome 2, 1 to 255,000."
    chosen = browser.run("document.querySelector('[name=trait]').selectedOptions[0].textContent")
    assert chosen == "airway disease"
    assert browser.run("document.activeElement.tagName") == "CANVAS"
    assert browser.problems == []


@needs_browser
def test_the_chart_is_read_and_zoomed_with_the_pointer(browser: Browser, cohort: Run) -> None:
    browser.open(html(cohort))
    read = "document.querySelector('[data-readout]').textContent"
    box = browser.run(
        "{const c = document.querySelector('#chart canvas');"
        " c.scrollIntoView({block: 'center', behavior: 'instant'});"
        " const b = c.getBoundingClientRect(); [b.left, b.top, b.width, b.height]}"
    )
    left, top, width, _ = box
    # The strongest hit is at 802,140 of 2,020,000 base pairs, at the top of the chart.
    x = left + 46 + (width - 58) * (802_140 + 20_200) / (2_020_000 * 1.02)
    y = top + 340 - 34 - 284 / 1.08
    browser.mouse("mouseMoved", x, y)
    assert browser.run(read).startswith("1:802140:C:T, gene GENEA")
    browser.mouse("mousePressed", left + 100, top + 200)
    browser.mouse("mouseMoved", left + 300, top + 200)
    browser.mouse("mouseReleased", left + 300, top + 200)
    assert re.fullmatch(r"Shown: chromosome 1, \d+,\d{3} to \d+,\d{3}\.", browser.run(read))
    press_button(browser, "#chart", "Whole genome")
    assert "4,002 variants tested" in browser.run(read)


CONTRAST = """(() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.offsetHeight) continue;
    if (element.closest("svg, script, noscript, :disabled")) continue;
    let behind = element, colour = [255, 255, 255];
    for (; behind; behind = behind.parentElement) {
      const [r, g, b, a = 1] = channels(getComputedStyle(behind).backgroundColor);
      if (a === 1) { colour = [r, g, b]; break; }
    }
    const ink = luminance(channels(getComputedStyle(element).color)), paper = luminance(colour);
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (ratio < 4.5) found.add(`${element.tagName}.${element.className}: ${node.data.trim()}`);
  }
  return [...found];
})()"""


@needs_browser
def test_everybody_can_read_and_reach_it(browser: Browser, cohort: Run) -> None:
    browser.open(html(cohort))
    assert browser.run(CONTRAST) == []
    unnamed = """[...document.querySelectorAll('input, select, button, canvas, [role=region], a')]
      .filter(e => !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label')
        || e.querySelector('img[alt]')))
      .map(e => e.outerHTML.slice(0, 80))"""
    assert browser.run(unnamed) == []
    browser.media("print")
    try:
        assert browser.run(
            "[...document.querySelectorAll('.tools, #chart')].every(e => e.offsetHeight === 0)"
        )
        assert browser.run("document.querySelectorAll('img.plot').length") > 0
    finally:
        browser.media("")


@needs_browser
def test_a_script_of_somebody_else_is_not_run(browser: Browser, cohort: Run, tmp_path: Path) -> None:
    text = html(cohort).read_text(encoding="utf-8")
    copy = tmp_path / "index.html"
    copy.write_text(text.replace("</h1>", "</h1><script>document.title = 'taken'</script>"), encoding="utf-8")
    browser.open(copy)
    assert browser.run("document.title") == "Cohort overview" and browser.problems


def check_page(text: str) -> Page:
    """Assert that there is nothing but its own script and style, text, pictures and local links."""
    page = Page(text)
    kinds = [a.get("type") for tag, a in page.tags if tag == "script"]
    assert kinds.count("module") == 1 and set(kinds) == {"module", "application/json"}
    ids = [a.get("id") for tag, a in page.tags if tag == "script" and a.get("type") == "application/json"]
    assert set(ids) <= {"points", "words", "rows-hits", "rows-targets", "rows-patients"} and len(ids) == len(
        set(ids)
    )
    for tag, attributes in page.tags:
        assert tag not in ("iframe", "object", "embed", "form", "link", "base", "foreignobject"), tag
        for name, value in attributes.items():
            assert not name.startswith("on") and name != "style", (tag, name)
            if name == "href":
                local = r"#[\w-]+|(\.\./)?([A-Za-z0-9][\w.-]*/)*([A-Za-z0-9][\w.-]*)?"
                assert re.fullmatch(local, value or ""), value
            if name == "src":
                assert (value or "").startswith("data:image/svg+xml;base64,")
    (policy,) = [a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a]
    assert policy and "unsafe" not in policy and policy.startswith("default-src 'none'; ")
    for part, kind in (
        (r"<style>(.*?)</style>", "style"),
        (r'<script type="module">(.*?)</script>', "script"),
    ):
        (content,) = re.findall(part, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    return page


def test_the_page_holds_one_script_and_no_other_way_to_run_one(cohort: Run, hostile: Run) -> None:
    check_page(html(cohort).read_text(encoding="utf-8"))
    page = check_page(html(hostile).read_text(encoding="utf-8"))
    assert "<script>alert(1)</script>" in page.text


def test_headings_go_down_one_step_at_a_time_and_every_picture_has_words(cohort: Run) -> None:
    page = Page(html(cohort).read_text(encoding="utf-8"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(a.get("alt") for tag, a in page.tags if tag == "img")
    assert all(a.get("scope") for tag, a in page.tags if tag == "th")
    assert {"main", "header", "nav", "footer"} <= {tag for tag, _ in page.tags}
    ids = [a["id"] for _, a in page.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    inside = {
        (a["href"] or "")[1:] for t, a in page.tags if t == "a" and (a.get("href") or "").startswith("#")
    }
    assert inside and inside <= set(ids)


def test_elements_are_closed_in_order(cohort: Run) -> None:
    class Nesting(HTMLParser):
        open: list[str]
        void = ("meta", "img", "br", "path", "rect", "circle", "line")

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in self.void:
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag not in self.void:
                assert self.open.pop() == tag

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

    parser = Nesting()
    parser.open = []
    parser.feed(html(cohort).read_text(encoding="utf-8"))
    assert parser.open == []


@needs_browser
def test_an_empty_cohort_has_a_page_that_works(browser: Browser, run: Run) -> None:
    for table in ("cohort/people", "cohort/clinical", "subtypes/assignments", "subtypes/features"):
        run.change(f"{table}.parquet", lambda t: t.iloc[:0])
    run.change("variants/sample_qc.parquet", lambda t: t.iloc[:0])
    run.change("association/loci.parquet", lambda t: t.iloc[:0])
    page = cohort_run.page_of(run)
    browser.open(page)
    assert browser.problems == [] and "There are no people in this run." in browser.run(
        "document.body.innerText"
    )
