"""Pages are safe and self-contained, whatever a text field holds."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from endotype.files import write_text
from endotype.reports.html import render
from tests.reports.conftest import Run

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"' onmouseover='alert(1)' {{7*7}} {% raw %} "
    "javascript:alert(1) \u202egnp.exe \u200b\x1b[31m </style><style>*{display:none}"
)


class Page(HTMLParser):
    """Collects elements and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def check_safe(text: str, local_links: bool = False) -> Page:
    """Assert that a page runs nothing and loads nothing."""
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag not in ("script", "iframe", "object", "embed", "form", "link", "base", "foreignobject"), (
            tag
        )
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name == "href":
                safe = r"(https://|#).*|\.\./association/\w+\.svg" + (
                    r"|[\w.-]+/report\.html|qc\.html|index\.html" if local_links else ""
                )
                assert re.fullmatch(safe, value or ""), value
            if name == "src":
                assert (value or "").startswith("data:image/svg+xml;base64,")
    assert len([tag for tag, _ in page.tags if tag == "style"]) == 1
    policy = [
        a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy and "default-src 'none'" in (policy[0] or "") and "script" not in (policy[0] or "")
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    return page


def make_hostile(run: Run) -> None:
    """Put hostile words into every text field that a report shows."""

    def everywhere(*columns: str):
        return lambda t: t.assign(**{c: t[c].where(t[c].isna(), HOSTILE) for c in columns})

    run.change(
        "annotation/variants.parquet",
        everywhere(
            "transcript",
            "consequence",
            "hgvs_g",
            "hgvs_c",
            "hgvs_p",
            "condition",
            "clinical_id",
            "review_status",
        ),
    )
    run.change("annotation/genes.parquet", everywhere("disease", "inheritance", "mechanism"))
    run.change("annotation/criteria.parquet", everywhere("criterion", "strength", "reason", "source"))
    words = ["override", "override_who", "override_when", "override_why", "class_2015"]
    run.change("annotation/classification.parquet", lambda t: t.assign(**dict.fromkeys(words, HOSTILE)))
    run.change("annotation/haplotypes.parquet", everywhere("transcript", "consequence", "amino_acid_change"))
    run.change(
        "targets/targets.parquet",
        everywhere("intervention", "gene", "detail", "source", "source_version", "source_record"),
    )
    run.change("cohort/clinical.parquet", everywhere("site"))
    run.change("variants/sample_qc.parquet", lambda t: t.assign(reasons=HOSTILE, verdict="warn"))
    run.change("variants/relatedness.parquet", everywhere("declared"))
    run.change("association/loci.parquet", everywhere("gene", "effect_allele"))

    def dictionary(value: dict) -> None:
        for column in value["columns"].values():
            column["unit"], column["description"] = HOSTILE, HOSTILE

    run.change_json(run.results / "cohort/dictionary.json", dictionary)
    run.change_json(
        run.results / "cohort/preflight.json", lambda v: v["not_assessed"].update({HOSTILE: HOSTILE})
    )
    run.change_json(
        run.config, lambda v: (v["run"].update(name=HOSTILE), v["reference"].update(assembly=HOSTILE))
    )
    run.change_json(
        run.results / "annotation/knowledge.json",
        lambda v: v["sources"]["clinical_significance"].update(version=HOSTILE, file=HOSTILE),
    )
    run.change_json(run.results / "variants/flow.json", lambda v: v.update({HOSTILE: 3}))
    write_text(
        run.results / "cohort/quarantine.tsv",
        "file\trow\tcolumn\tfound\texpected\tsuggestion\n"
        f"clinical.tsv\t3\tlipid_level\t{HOSTILE.replace(chr(34), '')}\t<b>x</b>\t\n",
    )


def test_hostile_text_in_every_field_is_text_on_every_page(run: Run) -> None:
    make_hostile(run)
    for patient in run.write():
        page = check_safe(run.page(patient))
        assert "alert(1)' 49" not in page.text
    page = check_safe(run.page("P0001"))
    assert "<script>alert(1)</script>" in page.text
    assert "alert(1)' {{7*7}}" in page.text


def test_ordinary_pages_are_safe_and_self_contained(written: Run) -> None:
    for patient in ("P0001", "P0006", "P0059", "P0060"):
        page = check_safe(written.page(patient))
        assert not any("src" in attributes for _, attributes in page.tags)


def test_only_https_source_records_are_links(written: Run) -> None:
    assert 'href="https://example.org/r/1"' in written.page("P0001")
    assert "javascript:alert(1)" in Page(written.page("P0006")).text


def test_every_link_inside_a_page_leads_somewhere(written: Run) -> None:
    page = Page(written.page("P0001"))
    ids = {a["id"] for _, a in page.tags if a.get("id")}
    targets = {
        (a["href"] or "")[1:] for t, a in page.tags if t == "a" and (a.get("href") or "").startswith("#")
    }
    assert targets and targets <= ids


def test_elements_are_closed_in_order(run: Run) -> None:
    class Nesting(HTMLParser):
        open: list[str]

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "img", "br", "path", "rect", "circle", "line"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag not in ("path", "rect", "circle", "line"):
                assert self.open.pop() == tag

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

    run.write()
    for patient in ("P0001", "P0002", "P0006", "P0060"):
        parser = Nesting()
        parser.open = []
        parser.feed(run.page(patient))
        assert parser.open == []


def test_nothing_invisible_passes_the_templates() -> None:
    run = dict.fromkeys(("name", "assembly", "endotype_version", "config_sha256"), "a\u202eb\u200bc")
    page = render("page.html", run=run | {"simulated": False})
    assert "a\ufffdb\ufffdc" in page
    check_safe(page)


def test_a_missing_value_in_a_template_is_an_error() -> None:
    with pytest.raises(Exception, match="no attribute"):
        render("report.html", report={})


def test_words_of_confidence_never_rest_on_colour_alone(written: Run) -> None:
    report, page = written.report("P0001"), Page(written.page("P0001"))
    for claim in report["claims"]:
        assert claim["confidence"]["word"] in page.text
