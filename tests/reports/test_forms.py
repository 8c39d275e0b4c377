"""Every form of a report says the same, is the same bytes, and holds what the text fields hold as text."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from endotype.files import read_json, write_json
from endotype.reports import fonts
from endotype.reports.document import other_chapters
from endotype.reports.formats import FORMATS, report_files
from endotype.reports.patient_page import report_page
from endotype.reports.pdf import report_pdf
from endotype.reports.render import RENDERERS
from endotype.reports.sheets import MAX_CELL, claims_tsv, report_xlsx, sheets, variants_tsv
from endotype.reports.write import write_reports
from tests.reports.conftest import Run
from tests.reports.test_html import check_safe, make_hostile

ALL = list(FORMATS)


@pytest.fixture(scope="module")
def report(written: Run) -> dict[str, Any]:
    return written.report("P0001")


def pdf_text(content: bytes) -> str:
    """The text of a PDF, its places to break removed."""
    pypdf = pytest.importorskip("pypdf", reason="pypdf, an independent reader of PDF, isn't installed")
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    return "\n".join(page.extract_text() for page in pages).replace("\u200b", "")


def xlsx_cells(content: bytes) -> dict[str, list[list[str]]]:
    """Sheet -> rows of cell texts, read with nothing but zip and XML."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    found = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        shared = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
        strings = ["".join(t.text or "" for t in entry.iter(f"{space}t")) for entry in shared]
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        for i, sheet in enumerate(book.iter(f"{space}sheet"), start=1):
            root = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{i}.xml"))
            assert not list(root.iter(f"{space}f")), "a formula"
            rows = []
            for row in root.iter(f"{space}row"):
                values = [(cell.get("t"), cell.findtext(f"{space}v") or "") for cell in row]
                rows.append([strings[int(value)] if kind == "s" else value for kind, value in values])
            found[sheet.attrib["name"]] = rows
    return found


def texts(report: dict[str, Any]) -> dict[str, str]:
    """File -> all of its text, for every file of every form."""
    shown = {}
    for file, make in RENDERERS.items():
        content = make(report)
        if file.endswith(".pdf"):
            shown[file] = pdf_text(content)
        elif file.endswith(".xlsx"):
            shown[file] = "\n".join(c for rows in xlsx_cells(content).values() for row in rows for c in row)
        else:
            shown[file] = content.decode("utf-8")
    return shown


def test_every_form_has_a_renderer_and_the_page_is_always_written() -> None:
    assert set(RENDERERS) == {file for files in FORMATS.values() for file in files}
    assert report_files([]) == ["report.html"]
    assert report_files(ALL) == list(RENDERERS)
    schema = read_json(Path(__file__).parents[2] / "workflow/schemas/config.schema.json")
    assert schema["properties"]["reports"]["properties"]["formats"]["items"]["enum"] == ALL


@pytest.mark.parametrize("patient", ["P0001", "P0002", "P0006"])
def test_every_claim_is_in_every_form(written: Run, patient: str) -> None:
    """variants.tsv has those of variants only."""
    report = written.report(patient)
    for file, text in texts(report).items():
        for claim in report["claims"]:
            if file != "variants.tsv" or claim["type"] == "variant":
                assert claim["id"] in text, (file, claim["id"])


def test_no_form_says_something_that_the_report_does_not(report: dict[str, Any]) -> None:
    found = texts(report)
    ids = {claim["id"] for claim in report["claims"]}
    pattern = r"\b(?:quality|identity|variant|target|subtype|association)-[0-9a-f]{12}\b"
    for file, text in found.items():
        assert set(re.findall(pattern, text)) <= ids, file


def test_the_same_report_is_the_same_bytes_in_two_processes(written: Run, tmp_path: Path) -> None:
    path = written.results / "reports/P0001/report.json"
    code = (
        "import sys, hashlib, json\nfrom endotype.reports.render import RENDERERS\n"
        "report = json.load(open(sys.argv[1], encoding='utf-8'))\n"
        "print({f: hashlib.sha256(make(report)).hexdigest() for f, make in RENDERERS.items()})"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code, path], capture_output=True, text=True, check=True, cwd=folder,
            env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed, "TZ": zone, "PATH": ""},
        ).stdout
        for folder, seed, zone in ((tmp_path, "1", "UTC"), (path.parent, "2", "Asia/Tokyo"))
    ]  # fmt: skip
    assert said[0] == said[1] and "report.pdf" in said[0]


def test_an_unknown_chapter_and_an_unknown_part_are_in_every_form(report: dict[str, Any]) -> None:
    scores = {
        "status": "present",
        "statement": "One score was computed.",
        "items": [{"trait": "height", "percentile": 37.5, "matched": 0.913}],
        "reference": {"name": "panel <b>7</b>", "people": 2504},
        "notes": ["first note", "second note"],
        "deep": [{"a": {"b": [{"c": "at the bottom"}]}}],
        "nothing": [],
    }
    extended = report | {"imaging_scores": scores}
    extended["subtype"] = report["subtype"] | {"drivers": [{"feature": "marker_9", "weight": 0.25}]}
    wanted = ["One score was computed.", "height", "37.5", "0.913", "2,504", "second note", "at the bottom"]
    wanted += ["marker_9", "0.25"]
    assert [chapter["id"] for chapter in other_chapters(extended)] == ["imaging_scores", "subtype-more"]
    for file, text in texts(extended).items():
        # Tables of fixed columns and forms of exchange have no place for what they do not know.
        if file.endswith((".html", ".pdf", ".xlsx")):
            for word in wanted:
                plain = word.replace(",", "") if file == "report.xlsx" else word
                assert plain in text, (file, word)
    page = check_safe(report_page(extended))
    assert "panel <b>7</b>" in page.text and "Imaging scores" in page.text


def test_hostile_text_is_text_in_every_form(run: Run) -> None:
    make_hostile(run)
    write_reports(run.results, run.config, 0, 1)
    reports = {patient: run.report(patient) for patient in ("P0001", "P0002", "P0060")}
    for report in reports.values():
        for rows in xlsx_cells(report_xlsx(report)).values():
            for cell in (cell for row in rows for cell in row):
                assert not re.match(r"[=+@\t\r]|-(?![\d.])", cell), cell
        for content in (claims_tsv(report), variants_tsv(report)):
            for row in csv.reader(io.StringIO(content.decode("utf-8")), delimiter="\t"):
                assert not any(re.match(r"[=+@]", cell) for cell in row)
        pdf = report_pdf(report)
        assert b"/JavaScript" not in pdf and b"/JS" not in pdf and b"/Launch" not in pdf
    text = pdf_text(report_pdf(reports["P0001"]))
    assert "<script>alert(1)</script>" in re.sub(r"\s", "", text)
    assert "\u202e" not in text and "\ufffd" in text


FORMULAS = ["=1+1", "+1", "-1+1|cmd", "@SUM(A1)", '=HYPERLINK("https://x","y")', "\t=1"]


def test_formulas_are_text_in_tables(report: dict[str, Any]) -> None:
    claim = report["claims"][0]
    for formula in FORMULAS:
        changed = report | {"claims": [claim | {"text": formula}, *report["claims"][1:]]}
        rows = list(csv.reader(io.StringIO(claims_tsv(changed).decode("utf-8")), delimiter="\t"))
        cell = next(c for row in xlsx_cells(report_xlsx(changed))["Claims"][1:2] for c in row[2:3])
        kept = formula if formula == "+1" else "'" + formula
        assert rows[1][2] == kept and cell == kept


def test_the_workbook_opens_in_another_program(report: dict[str, Any]) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl, an independent reader, isn't installed")
    book = openpyxl.load_workbook(io.BytesIO(report_xlsx(report)))
    wanted = ["Summary", "Key findings", "Variants", "Targets", "Subtype", "Associations", "Quality"]
    wanted += ["Clinical", "Not assessed", "Claims", "Methods"]
    assert set(wanted) <= set(book.sheetnames)
    assert book.properties.created.year == 2000
    ids = [row[0].value for row in book["Claims"].iter_rows(min_row=2)]
    assert ids == [claim["id"] for claim in report["claims"]]
    numbers = [row[5].value for row in book["Claims"].iter_rows(min_row=2)]
    assert numbers == pytest.approx([claim["confidence"]["value"] for claim in report["claims"]], nan_ok=True)


def test_rows_of_the_tables_are_the_report(report: dict[str, Any]) -> None:
    rows = list(csv.DictReader(io.StringIO(variants_tsv(report).decode("utf-8")), delimiter="\t"))
    assert [row["claim"] for row in rows] == [item["claim"] for item in report["variants"]["items"]]
    for row, item in zip(rows, report["variants"]["items"], strict=True):
        assert row["population_af"] == ("" if item["population_af"] is None else str(item["population_af"]))
        assert row["population_status"] == item["population_status"]


def test_a_cell_that_is_too_long_is_shortened_and_says_so(report: dict[str, Any]) -> None:
    long = report["claims"][0] | {"text": "A" * 40_000}
    cells = xlsx_cells(report_xlsx(report | {"claims": [long, *report["claims"][1:]]}))
    cell = cells["Claims"][1][2]
    assert len(cell) < MAX_CELL + 50 and cell.endswith("(40000 characters)")


def test_names_of_sheets_are_ones_that_a_spreadsheet_takes(report: dict[str, Any]) -> None:
    hard = {
        "a/very:long*name?of[a]chapter_that_goes_on": {"x": 1},
        "A/very:long*name?of[a]chapter_that_goes_on_2": 3,
    }
    names = [
        name for name, *_ in sheets(report | hard | {"claims_": {}, "methods_": {}, "History": {"y": 2}})
    ]
    assert len({name.lower() for name in names}) == len(names)
    assert all(len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in names)


def test_letters_that_no_font_has_are_seen_as_numbers() -> None:
    assert fonts.settable("plain") == "plain"
    assert fonts.settable("Ünal αβ Жук") == "Ünal αβ Жук"
    assert fonts.settable("ก") == "[U+0E01]"
    chinese = fonts.settable("张")
    assert chinese == ("张" if fonts.CHINESE in fonts.families() else "[U+5F20]")


def test_long_words_can_be_broken_and_nothing_is_lost() -> None:
    for word in ("A" * 300, "NM_000059.4:c.68-7_316+5del", "x" * 18, "1:1000:" + "ACGT" * 50):
        broken = fonts.breakable(word)
        assert broken.replace("\u200b", "") == word
        assert max(map(len, broken.split("\u200b"))) <= 18


def test_a_name_in_three_scripts_can_be_read(report: dict[str, Any]) -> None:
    name = "Łukasz" * 20 + "Γεώργιος" * 10 + "张伟" * 50
    assert len(name) == 300
    changed = report | {"run": report["run"] | {"name": name}}
    found = texts(changed)
    assert name in found["report.html"] and name in found["report.xlsx"]
    text = re.sub(r"\s", "", found["report.pdf"])
    assert "Łukasz" * 5 in text and "Γεώργιος" in text
    assert ("张伟" in text) if fonts.CHINESE in fonts.families() else ("[U+5F20]" in text)
    if fonts.CHINESE not in fonts.families():
        assert "Charactersthatnofont" in text


def test_pages_are_tagged_numbered_and_undated(report: dict[str, Any]) -> None:
    pypdf = pytest.importorskip("pypdf", reason="pypdf, an independent reader of PDF, isn't installed")
    reader = pypdf.PdfReader(io.BytesIO(report_pdf(report)))
    catalogue = reader.trailer["/Root"]
    assert catalogue["/MarkInfo"]["/Marked"] and "/StructTreeRoot" in catalogue
    assert catalogue["/Lang"] == "en"
    assert reader.metadata is not None and reader.metadata.title == "Report of P0001"
    assert reader.metadata.creation_date is None or reader.metadata.creation_date.year == 1970
    titles = [entry.title for entry in _flat(reader.outline)]
    assert {"Key findings", "Variants", "Not assessed", "Claims and their evidence"} <= set(titles)
    for i, page in enumerate(reader.pages, start=1):
        text = page.extract_text()
        assert f"{i} of {len(reader.pages)}" in text
        assert "For research use" in text and "P0001" in text


def _flat(outline: list[Any]) -> list[Any]:
    return [e for entry in outline for e in (_flat(entry) if isinstance(entry, list) else [entry])]


def many_variants(report: dict[str, Any], n: int) -> dict[str, Any]:
    """The report with n reportable variants, each with a claim."""
    item = report["variants"]["items"][0]
    claim = next(c for c in report["claims"] if c["id"] == item["claim"])
    ids = [f"variant-{i:012x}" for i in range(n)]
    others = [c for c in report["claims"] if c["type"] != "variant"]
    return report | {
        "variants": report["variants"]
        | {"items": [item | {"claim": i, "pos": at} for at, i in enumerate(ids, 1)]},
        "claims": [*[claim | {"id": i} for i in ids], *others],
        "key_findings": {"statement": None, "items": [], "n_more": n},
    }


@pytest.mark.parametrize("n", [60, pytest.param(5000, marks=pytest.mark.long)])
def test_many_variants_are_all_there(report: dict[str, Any], n: int) -> None:
    for file, text in texts(many_variants(report, n)).items():
        assert all(f"variant-{i:012x}" in text for i in range(n)), file


@pytest.mark.parametrize("patient", ["P0006", "P0012", "P0060"])
def test_sparse_patients_have_readable_forms(written: Run, patient: str) -> None:
    """Failed quality, no listed variant, no genotypes."""
    report = written.report(patient)
    for file, text in texts(report).items():
        assert file == "variants.tsv" or all(claim["id"] in text for claim in report["claims"]), file
        told = not file.endswith(".tsv") and file != "phenopacket.json"  # which has no words for it
        assert not told or "otassessed" in re.sub(r"\s", "", text), file
        if patient == "P0006" and (told or file == "claims.tsv"):
            assert "failed" in text


def test_write_json_is_what_is_rendered(written: Run, tmp_path: Path) -> None:
    """Rendering what was read back is rendering what was made."""
    report = written.report("P0001")
    write_json(tmp_path / "r.json", report)
    assert report_pdf(read_json(tmp_path / "r.json")) == report_pdf(report)
