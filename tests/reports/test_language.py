"""Reports in the language of the run: the catalogue is whole, and no text of a report goes past it."""

from __future__ import annotations

import ast
import contextlib
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any

import pandas as pd
import pytest
import yaml
from babel.messages.catalog import Catalog

from endotype.config import load_config
from endotype.errors import InputError
from endotype.files import write_json, write_text
from endotype.reports import catalogue, language
from endotype.reports.document import document
from endotype.reports.failure import Failure, failed_report, reason_class
from endotype.reports.language import LANGUAGES, LOCALE, in_language, known, read_catalogue
from endotype.reports.patient import validate_report
from endotype.reports.patient_page import report_page
from endotype.reports.render import RENDERERS
from endotype.reports.sheets import report_xlsx
from endotype.reports.text import feature_name, percentile, words
from endotype.reports.vocabulary import mode_of_inheritance
from endotype.reports.write import write_reports
from endotype.tables import write_parquet
from tests.reports.conftest import FEATURES, Run, build_run
from tests.reports.test_forms import xlsx_cells
from tests.reports.test_model import with_scores

ROOT = Path(__file__).parents[2]
PATIENTS = ("P0001", "P0002", "P0003", "P0005", "P0006", "P0021", "P0022")
"""Carriers, a relative, a duplicate of the wrong sex, no call, and one of each kind without data."""


@pytest.fixture(scope="module")
def template() -> Catalog:
    return catalogue.extract()


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose reports have every chapter, with an earlier report of P0001."""
    folder = tmp_path_factory.mktemp("rich")
    run = build_run(folder, 22)
    with_scores_of(run)
    rows = [("P0001", "GENEA", 100, 40, "assessed"), ("P0001", "GENEB", 100, 99, "assessed")]
    table = pd.DataFrame(rows, columns=["patient", "gene", "n_coding", "n_callable", "status"])
    write_parquet(table.assign(gene_id="g"), run.results / "variants/callability.parquet")
    write_text(folder / "list.tsv", "gene\nGENEX\n")
    run.change("annotation/genes.parquet", lambda t: t.assign(table_row=[0, 1, 2, None]))
    run.change("cohort/clinical.parquet", lambda t: t.assign(agreed=["yes"] * (len(t) - 1) + ["no"]))
    listed = {"path": "list.tsv", "name": "List9", "version": "3"}
    consent = {"secondary_findings": "agreed", "research": None}

    def settings(config: dict[str, Any]) -> None:
        config["reports"].update(secondary_genes=listed, consent=consent, previous="before")
        config["knowledge"]["max_age_days"] = 100

    run.change_json(run.config, settings)
    with contextlib.chdir(folder):
        write_reports(run.results, run.config, 0, 1)
    before = run.report("P0001") | {"status": "final"}
    before["claims"][-1]["confidence"]["word"] = "not supported"
    del before["claims"][0]
    before["run"]["knowledge"] = []
    write_json(folder / "before/P0001/report.json", before)
    return run


def with_scores_of(run: Run) -> None:
    """Polygenic scores, named so that they are data to the eye; see :func:`is_data`."""
    with_scores(run)
    features = run.results / "subtypes/features.json"
    view = {"left_out": {"prs:lipids": "all weights are 0"}}
    run.change_json(features, lambda v: v["views"][-1].update(view))
    run.change_json(features, lambda v: v["features"][-1].update(source="score9"))


def reports_in(run: Run, code: str) -> dict[str, dict[str, Any]]:
    """The reports of some patients, made and read in one language."""
    run.change_json(run.config, lambda c: c["reports"].update(language=code))
    with contextlib.chdir(run.results.parent):
        write_reports(run.results, run.config, 0, 1)
    return {patient: run.report(patient) for patient in PATIENTS}


# -- the catalogue -----------------------------------------------------------------------------------


def entries(code: str = "zh") -> Iterator[tuple[str, str, str]]:
    """(first form, last form, translation) of every message."""
    for message in read_catalogue(code):
        if message.id:
            forms = message.id if isinstance(message.id, tuple | list) else (message.id,)
            told = message.string if isinstance(message.string, tuple | list) else (message.string,)
            yield str(forms[0]), str(forms[-1]), str(told[0] or "")


def test_the_catalogue_is_in_step_with_the_code(
    template: Catalog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(catalogue, "extract", lambda: template)
    catalogue.write_catalogues(tmp_path)
    for path in LOCALE.glob("*.po"):
        same = (tmp_path / path.name).read_bytes() == path.read_bytes()
        assert same, f"{path.name}: run scripts/update_catalogue.py, and translate what is new"


def test_every_message_is_translated_with_the_same_fields() -> None:
    def fields(text: str) -> set[str]:
        return {name for _fixed, name, _spec, _conversion in Formatter().parse(text) if name}

    assert not [m.id for code in LANGUAGES if code != "en" for m in read_catalogue(code) if m.id and m.fuzzy]
    for _one, many, told in entries():
        assert told, f"no translation of {many!r}"
        assert fields(told) == fields(many), many


def test_no_message_hides_where_the_extractor_does_not_look(template: Catalog) -> None:
    """It doesn't look into f-strings; a message there would never be translated."""
    ids = {str(m.id[0] if isinstance(m.id, tuple | list) else m.id) for m in template}
    for path in (ROOT / "src/endotype").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if not re.search(r"import .*(\b_\b|N_)", text):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                first = node.args[0]
                if node.func.id in ("_", "N_", "ngettext") and isinstance(first, ast.Constant):
                    assert str(first.value) in ids, (path.name, node.lineno)


def test_chinese_keeps_the_rules_of_wording() -> None:
    told = {many: text for _one, many, text in entries()}
    for message, text in told.items():
        assert "阴性" not in text, message  # what wasn't assessed isn't negative
        assert not re.search(
            "应当|必须|应该|务必|应予|建议(服用|使用|停|改)|推荐(使用|服用)|停用|禁用|请(立即|服用|停|就医|咨询)",
            text,
        ), message
        if message.startswith("Not assessed: "):
            # The chapter on what was not assessed takes the reason from behind these words.
            assert text.startswith(told["Not assessed: "]), message


def test_an_unknown_language_is_refused(tmp_path: Path) -> None:
    config = yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))
    config.setdefault("reports", {})["language"] = "fr"
    write_text(tmp_path / "c.yaml", yaml.safe_dump(config))
    with pytest.raises(InputError, match=r"(?s)language.*fr.*zh"):
        load_config(tmp_path / "c.yaml")


# -- nothing goes past it ----------------------------------------------------------------------------


@pytest.fixture
def bracketed(template: Catalog, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A language that puts every message into brackets, read in the place of Chinese."""
    told = Catalog(locale="zh")
    for message in template:
        if message.id:
            many = message.id[-1] if isinstance(message.id, tuple | list) else message.id
            string = f"⟦{many}⟧"
            plural = isinstance(message.id, tuple | list)
            told.add(message.id, (string,) if plural else string, auto_comments=message.auto_comments)
    monkeypatch.setattr(language, "read_catalogue", lambda code: told)
    forget()
    yield
    monkeypatch.undo()
    forget()


def forget() -> None:
    for function in (language._messages, language._patterns, language._known):
        function.cache_clear()


TEXTS_OF_THE_USER = [
    *("LDL cholesterol, fasting", "where the sample was taken", "airway disease", "lipid level"),
    *("airway_disease", "follow up years", "carrier signalling", "A simulated cohort", "private words"),
    *("A made-up disease", "Disease A", "Disease B", "Disease X", "A table", "a table", "mmol/L"),
    *("javascript:alert(1)", "north", "south", "years", "died", "height", "lipids", "Endotype"),
    # Texts that stand for those of earlier stages in the tests' run.
    *("estimated contamination 0.150 is above 0.05", "declared male, but the genotypes are female"),
    *("heterozygosity is +6.8 median absolute deviations off", "No reference panel was given."),
    *("ancestry reference", "Nobody has a value.", "one allele", "carries", "odds ratio 9.1 in S1"),
    *(
        "airway_disease variant",
        "survival variant",
        "marker",
        "two alleles",
        "airway severity",
        "a number",
        "age",
        "site",
        "survival",
        "purity",
        "is met.",
    ),
]
IS_DATA = re.compile(
    r".*[\d_./:<>=].*|sha256|SHA-256|PASS|EndoSim\d|GENE\w*|Drug|[A-Z]{1,2}|[a-f]{16}|sd|Phred"
)


def left_in_english(texts: list[str]) -> list[str]:
    """Words outside the brackets that no user's data and no source holds."""
    whole = " \x00 ".join(texts)
    for known_text in sorted(TEXTS_OF_THE_USER, key=len, reverse=True):
        whole = whole.replace(known_text, " ")
    before = None
    while before != whole:
        before, whole = whole, re.sub("⟦[^⟦⟧]*⟧", " ", whole)
    found = re.findall(r"\S*[A-Za-z]{3,}\S*", whole)
    return sorted({word for word in found if not IS_DATA.fullmatch(word.strip("[](),;"))})


class Texts(HTMLParser):
    """What a reader sees or hears of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._style = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag == "style"
        self.found += [v or "" for k, v in attrs if k in ("aria-label", "data-label", "alt", "title")]

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.found.append(data)


def of_document(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from of_document(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from of_document(part, key)
    elif isinstance(value, str) and key == "svg":
        yield from Texts(value).found
    elif isinstance(value, str) and key not in (
        "id",
        "kind",
        "s",
        "style",
        "tone",
        "href",
        "chapter",
        "look",
    ):
        yield value


def test_no_text_of_a_report_goes_past_the_catalogue(rich: Run, bracketed: None) -> None:
    reports = reports_in(rich, "zh")
    person = {"status": "included", "in_genotypes": True, "in_clinical": True}
    failure = Failure("P0001", "report", reason_class(KeyError("x")))
    with in_language("zh"):
        reports["failed"] = failed_report(failure, reports["P0001"]["run"], person)
    for report in reports.values():
        with in_language("zh"):
            assert left_in_english(Texts(report_page(report)).found) == []
            assert left_in_english(list(of_document(document(report)))) == []
            headers = [cell for rows in xlsx_cells(report_xlsx(report)).values() for cell in rows[0]]
            assert left_in_english(headers) == []
            limits = [limit for claim in report["claims"] for limit in claim["limits"]]
            assert left_in_english([claim["text"] for claim in report["claims"]] + limits) == []


def test_a_text_that_goes_past_the_catalogue_is_found() -> None:
    assert left_in_english(["⟦Of {n} genes⟧ GENEA p.(Arg1Ter)", "Not assessed⟦.⟧"]) == ["Not", "assessed"]


# -- Chinese -----------------------------------------------------------------------------------------


def test_chinese_reports_say_the_same_and_come_out_the_same(rich: Run) -> None:
    english, chinese = reports_in(rich, "en"), reports_in(rich, "zh")
    for patient, report in chinese.items():
        validate_report(report)
        for told, of_english in zip(report["claims"], english[patient]["claims"], strict=True):
            texts = ("text", "limits", "alternatives")
            assert {k: v for k, v in told.items() if k not in texts} == {
                k: v for k, v in of_english.items() if k not in texts
            }
            assert len(told["limits"]) == len(of_english["limits"])
            assert numbers(told["text"]) == numbers(of_english["text"])
            assert re.search("[\u4e00-\u9fff]", told["text"])
        assert numbers(shape(report)) == numbers(shape(english[patient]))
    assert reports_in(rich, "zh") == chinese
    report = chinese["P0001"]
    with in_language("zh"):
        once = {file: make(report) for file, make in RENDERERS.items()}
        assert once == {file: make(report) for file, make in RENDERERS.items()}
    assert b'<html lang="zh' in once["report.html"]
    pypdf = pytest.importorskip("pypdf", reason="pypdf, an independent reader of PDF, isn't installed")
    assert pypdf.PdfReader(io.BytesIO(once["report.pdf"])).trailer["/Root"]["/Lang"] == "zh-CN"


def numbers(value: Any) -> Any:
    """The numbers of a text in their order of size; of a report, its numbers and where they stand."""
    if isinstance(value, str):
        return sorted(re.findall(r"\d+(?:[.,]\d+)*", value))
    return value


def shape(value: Any) -> Any:
    """A report without its texts."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items() if k != "claims"}
    if isinstance(value, list):
        return [shape(part) for part in value]
    return type(value).__name__ if isinstance(value, str) else value


def test_codes_and_texts_of_results_are_told_in_chinese_and_data_are_not() -> None:
    with in_language("zh"):
        assert words("stop_gained&splice_region_variant") == "提前终止，剪接区变异"
        assert words("Likely_pathogenic") == "可能致病" and words("not_assessed") == "未评估"
        assert feature_name("carrier:dna_repair") == "dna repair 携带者"
        assert known("2 targets rest on what was found in this patient.").startswith("有 2 个靶点")
        sentences = (
            "3 somatic mutations. Hypermutation was not assessed: no size. 1 of 4 alleles were set aside."
        )
        assert known(sentences) == "3 个体细胞突变。超突变未评估：no size。4 个等位基因中有 1 个被搁置。"
        assert (percentile(0.2), percentile(42)) == ("低于第 1", "第 42")
        assert mode_of_inheritance("AR") == "常染色体隐性"
        # AR is a gene, too; and a message of a page is no pattern for what a table holds.
        for data in ("AR", "gene count", "cohort study", "Carcinoma of tier 2", FEATURES[0]):
            assert known(data) == data
    assert (words("stop_gained"), percentile(42), mode_of_inheritance("AR")) == ("stop gained", "42nd", "AR")
