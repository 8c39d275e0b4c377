"""A report as tables: ``report.xlsx``, ``claims.tsv`` and ``variants.tsv``, drawn from ``report.json`` alone.

Numbers stay numbers, null stays empty, and text is text: nothing is a formula or a link, and what a
spreadsheet would take for a formula begins with an apostrophe, also where a sheet is saved as CSV later.
"""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterable, Sequence
from typing import Any

import xlsxwriter

from endotype import visible
from endotype.reports.blocks import yes_or_no
from endotype.reports.document import CHAPTERS, chapter_title
from endotype.reports.inputs import Row
from endotype.reports.language import ENGLISH, N_, _, known, language
from endotype.reports.text import confidence_number, shorten, words
from endotype.tables import spreadsheet_safe

Sheet = tuple[str, list[str], list[list[Any]]]
"""Name, columns and rows of values that JSON can hold."""

CLAIM_COLUMNS = [
    *["id", "type", "text", "confidence", "confidence_number", "confidence_value"],
    *["evidence", "input", "limits"],
]
VARIANT_COLUMNS = [
    *["claim", "variant_id", "gene", "hgvs_g", "hgvs_c", "hgvs_p", "consequence", "impact", "zygosity"],
    *["genotype", "origin", "group", "reasons", "clinical_significance", "review_stars", "condition"],
    *["class", "points", "class_2015", "criteria_met", "population_status", "population_af", "cohort_af"],
    *["disease", "inheritance", "transcript", "chrom", "pos", "ref", "alt"],
]

MAX_CELL = 32_000
"""Characters of a cell; a spreadsheet takes 32,767. A longer text is shortened and says so."""

CREATED = datetime.datetime(2000, 1, 1)
"""The date that a workbook must have: always the same one, so that the bytes are."""

_FRAME = ("schema_version", "status", "patient", "run", "failure", "claims", "key_findings")
_SINGLE = (str, int, float, bool, type(None))


def report_xlsx(report: Row) -> bytes:
    """``report.json`` as a workbook; the same bytes for the same report."""
    content = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    # In memory: a workbook is small, and nothing of a patient is left in the machine's temporary folder.
    with xlsxwriter.Workbook(content, {**options, "in_memory": True}) as book:
        title = _("Report of {id}", id=report["patient"]["id"])
        book.set_properties({"title": title, "created": CREATED})
        head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        body = book.add_format({"text_wrap": True, "valign": "top"})
        for name, columns, rows in sheets(report):
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            sheet.set_landscape()
            sheet.repeat_rows(0)
            pages, use = _("{page} of {pages}", page="&P", pages="&N"), _("For research use")
            sheet.set_footer(f"&L{report['patient']['id']}&C{use}&R{pages}")
            for i, width in enumerate(_widths(columns, rows)):
                sheet.set_column(i, i, width, body)
            for i, title in enumerate(columns):
                sheet.write_string(0, i, _safe(_term(title)), head)
            for at, row in enumerate(rows, start=1):
                for i, value in enumerate(row):
                    _write(sheet, at, i, value)
    return content.getvalue()


def claims_tsv(report: Row) -> bytes:
    """One row a claim; columns are English in every language, for those who read them by name."""
    return _tsv(CLAIM_COLUMNS, _claims(report))


def variants_tsv(report: Row) -> bytes:
    """One row a listed variant; columns and terms are English in every language."""
    return _tsv(VARIANT_COLUMNS, _variants(report))


def sheets(report: Row) -> list[Sheet]:
    """The sheets of a workbook; a chapter that none of them is made for has one of its own."""
    first = [
        (_("Summary"), ["what", "value"], _summary(report)),
        (_("Key findings"), ["claim", "finding", "confidence", "number", "chapter"], _key_findings(report)),
        (_("Variants"), VARIANT_COLUMNS, _variants(report)),
        _listed(_("Targets"), report["targets"]),
        _subtype(report),
        _listed(_("Associations"), report["associations"]),
        (_("Quality"), *_quality(report)),
        (
            _("Not assessed"),
            ["topic", "reason"],
            [[_topic(gap["topic"]), gap["reason"]] for gap in report["not_assessed"]],
        ),
        (_("Claims"), CLAIM_COLUMNS, _claims(report)),
    ]
    made_for = {
        *_FRAME,
        "variants",
        "targets",
        "subtype",
        "associations",
        "quality",
        "not_assessed",
        "methods",
    }
    taken = {sheet[0].lower() for sheet in first} | {_("Methods").lower()}
    further = []
    for name, chapter in report.items():
        if name not in made_for and (name != "tumours" or report["patient"]["n_tumours"]):
            further.append((_sheet_name(name, taken), ["part", "value"], _flat(chapter)))
    methods = [["how", s] for s in report["methods"]["statements"]]
    methods += [[s["key"], s["value"]] for s in report["methods"]["settings"]]
    methods += _flat({k: v for k, v in report["methods"].items() if k not in ("statements", "settings")})
    methods += _flat({"run": report["run"]})
    last = (_("Methods"), ["what", "value"], methods)
    if "failure" in report:
        # The counts of chapters that were not made are no counts.
        return [first[0], *first[-2:], last]
    return [*first[:-2], *further, *first[-2:], last]


def _summary(report: Row) -> list[list[Any]]:
    rows = [["failure", known(report["failure"]["reason"])]] if "failure" in report else []
    rows += [["id", report["patient"]["id"]]] if rows else _flat(report["patient"])
    rows += [["status", report["status"]], ["key findings", report["key_findings"]["statement"]]]
    rows += [[name, part["statement"]] for name, part in report.items() if _has_statement(name, part)]
    simulated = [["simulated", _("Simulated data: no real person is described here.")]]
    return [
        *rows,
        *simulated * report["run"]["simulated"],
        ["note", _(NOTE)],
        ["run", report["run"]["name"]],
    ]


NOTE = N_("For research use. Made by software and not reviewed by a laboratory. The id is a pseudonym.")


def _topic(topic: str) -> str:
    return topic if language() == ENGLISH else words(topic)


def _has_statement(name: str, part: Any) -> bool:
    return name != "key_findings" and isinstance(part, dict) and bool(part.get("statement"))


def _key_findings(report: Row) -> list[list[Any]]:
    claims = {claim["id"]: claim for claim in report["claims"]}
    rows = []
    for item in report["key_findings"]["items"]:
        claim = claims[item["claim"]]
        shown = confidence_number(claim["confidence"])
        rows.append([claim["id"], claim["text"], claim["confidence"]["word"], shown, item["section"]])
    more = report["key_findings"]["n_more"]
    return rows + [[None, _("{n} more in the other sheets", n=more), None, None, None]] * bool(more)


def _variants(report: Row) -> list[list[Any]]:
    rows = []
    for item in report["variants"]["items"]:
        classified = item["classification"] or {}
        met = [c["criterion"] for c in classified.get("criteria", []) if c["counted"]]
        values = item | {
            "reasons": "; ".join(item["reasons"]),
            "class": classified.get("class"),
            "points": classified.get("points"),
            "class_2015": classified.get("class_2015"),
            "criteria_met": ", ".join(met) or None,
        }
        rows.append([values[name] for name in VARIANT_COLUMNS])
    return rows


def _claims(report: Row) -> list[list[Any]]:
    rows = []
    for claim in report["claims"]:
        evidence = [
            " | ".join(f"{k}: {e[k]}" for k in ("source", "version", "record", "sha256") if e[k])
            for e in claim["evidence"]
        ]
        confidence = claim["confidence"]
        rows.append(
            [
                claim["id"],
                claim["type"],
                claim["text"],
                confidence["word"],
                confidence_number(confidence),
                confidence["value"],
                " ; ".join(evidence) or None,
                " ; ".join(f"{i['file']}: {i['key']}" for i in claim["input"]) or None,
                " ".join(claim["limits"]) or None,
            ]
        )
    return rows


def _listed(name: str, chapter: Row) -> Sheet:
    """A chapter of ``items``: its sentence, its rows with all of their parts, then whatever else it holds."""
    columns = list(dict.fromkeys(key for item in chapter["items"] for key in item))
    rows = [[_single(item.get(key)) for key in columns] for item in chapter["items"]]
    rest = _flat({k: v for k, v in chapter.items() if k not in ("items", "status", "statement")})
    if not columns:
        return name, ["what", "value"], [[chapter["status"], chapter["statement"]], *rest]
    return name, columns, rows + [[*row, *[None] * (len(columns) - 2)][: len(columns)] for row in rest]


def _subtype(report: Row) -> Sheet:
    return _("Subtype"), ["part", "value"], _flat(report["subtype"])


def _quality(report: Row) -> tuple[list[str], list[list[Any]]]:
    chapter = report["quality"]
    columns = ["name", "label", "value", "threshold", "cohort_median", "verdict", "explanation"]
    rows = [[metric[name] for name in columns] for metric in chapter["metrics"]]
    rest = _flat({k: v for k, v in chapter.items() if k != "metrics"})
    return columns, rows + [[part, None, value, None, None, None, None] for part, value in rest]


def _flat(value: Any, place: str = "") -> list[list[Any]]:
    """Every single value of some JSON with its place: ``features 3 value``."""
    if isinstance(value, dict):
        return [
            row for key, part in value.items() for row in _flat(part, f"{place} {words(str(key))}".strip())
        ]
    if isinstance(value, list) and not all(isinstance(part, _SINGLE) for part in value):
        return [row for i, part in enumerate(value, 1) for row in _flat(part, f"{place} {i}".strip())]
    return [[place or "value", _single(value)]]


def _single(value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join("–" if part is None else str(_single(part)) for part in value) or None
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_single(part)}" for key, part in value.items()) or None
    return value


def _sheet_name(name: str, taken: set[str]) -> str:
    """A name for a sheet: at most 31 characters, none that a spreadsheet forbids, and no two alike."""
    wanted = words(name) if name not in CHAPTERS or language() == ENGLISH else chapter_title(name)
    shown = "".join(c for c in wanted if c not in "[]:*?/\\'")[:28].strip().capitalize() or "Chapter"
    number, free = 1, shown
    while free.lower() in taken:
        number += 1
        free = f"{shown} {number}"
    taken.add(free.lower())
    return free


def _widths(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[int]:
    longest = [len(title) for title in columns]
    for row in rows:
        for i, value in enumerate(row):
            longest[i] = max(longest[i], 12 if isinstance(value, float) else len(str(value or "")))
    return [min(max(length + 2, 10), 60) for length in longest]


def _write(sheet: Any, row: int, column: int, value: Any) -> None:
    value = _single(value)
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_string(row, column, yes_or_no(value))
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value)
    else:
        sheet.write_string(row, column, _safe(_term(value)))


def _term(value: str) -> str:
    """A column or a term of a result by its name in the current language; any other text as it stands."""
    name = visible.words(value)
    shown = _(name)
    return value if shown == name else shown


def _safe(value: str) -> str:
    return str(spreadsheet_safe(shorten(value, MAX_CELL)))


def _tsv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    content = io.StringIO(newline="")
    writer = csv.writer(content, delimiter="\t", lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if (v := _single(value)) is None else spreadsheet_safe(v) for value in row])
    return content.getvalue().encode("utf-8")
