"""A report as a document of chapters and blocks (:mod:`endotype.reports.blocks`), for forms set in pages.

A chapter, or a part of one, that no function of :mod:`endotype.reports.chapters` knows is set from its JSON:
added to the model it is in every form at once, plainly, and never lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from endotype.axes import group_colours
from endotype.reports.blocks import Block, generic, text
from endotype.reports.chapters import (
    associations,
    clinical,
    further,
    methods,
    quality,
    subtype,
    targets,
    tumours,
    variants,
)
from endotype.reports.chapters.context import Context
from endotype.reports.inputs import Row
from endotype.reports.text import confidence_number, plural, shorten, words

FRAME = ("schema_version", "status", "patient", "run", "failure", "key_findings", "claims")
"""Parts of a report that are no chapters: its head, its first page and its last one."""

_Chapter = tuple[str, Callable[[Context], list[Block]], frozenset[str]]

_LISTED = frozenset({"status", "statement", "items"})

CHAPTERS: dict[str, _Chapter] = {
    "variants": ("Variants", variants.variants, variants.VARIANTS_SHOWN),
    "tumours": ("Tumours", tumours.tumours, _LISTED),
    "targets": ("Targets", targets.targets, targets.TARGETS_SHOWN),
    "subtype": ("Subtype", subtype.subtype, subtype.SUBTYPE_SHOWN),
    "associations": ("Cohort associations", associations.associations, associations.ASSOCIATIONS_SHOWN),
    "polygenic_scores": ("Polygenic scores", further.scores, further.SCORES_SHOWN),
    "secondary_findings": ("Secondary findings", further.secondary, further.SECONDARY_SHOWN),
    "clinical": ("Clinical values", clinical.clinical, _LISTED),
    "quality": ("Quality", quality.quality, quality.QUALITY_SHOWN),
    "not_assessed": ("Not assessed", methods.not_assessed, frozenset()),
    "changes": ("Changes since the last report", further.changes, further.CHANGES_SHOWN),
    "methods": ("Methods", methods.methods, methods.METHODS_SHOWN),
}
"""Chapters by their name in ``report.json``: title, what sets them, and the parts that it sets."""

LAST = ("not_assessed", "changes", "methods")
"""Chapters that stand behind those that aren't known here."""

RESEARCH = (
    "Made by software from the data named below and not reviewed by a laboratory. A finding needs "
    "confirmation by an accredited method before it is used in care. The id is a pseudonym."
)
WORDS_OF_CONFIDENCE = (
    "The word before each finding says how sure it is: established, likely, uncertain or not supported; the "
    "number behind it stands in its chapter. Not assessed means that nobody looked or nothing could be seen; "
    "it never means negative."
)


def document(report: Row) -> Row:
    """The whole report: ``title facts simulated first chapters claims foot``, ready to be set."""
    context = Context(
        report,
        {claim["id"]: claim for claim in report["claims"]},
        group_colours(entry["subtype"] for entry in report["subtype"]["posteriors"]),
    )
    known = [_chapter(name, context) for name in CHAPTERS if name not in LAST and _is_shown(name, report)]
    last = [_chapter(name, context) for name in LAST]
    return {
        "title": f"Report of {report['patient']['id']}",
        "patient": report["patient"]["id"],
        "run": report["run"]["name"],
        "simulated": report["run"]["simulated"],
        "research": RESEARCH,
        "facts": _facts(report),
        "first": _first_page(context),
        "chapters": [*known, *other_chapters(report), *last],
        "claims": [_claim(claim) for claim in report["claims"]],
        "foot": f"Endotype {report['run']['endotype_version']}, assembly {report['run']['assembly']}, "
        f"configuration {report['run']['config_sha256'][:16]}",
    }


def other_chapters(report: Row) -> list[Row]:
    """Chapters, and parts of known ones, that only :func:`generic` can set: ``id title blocks``."""
    found = [
        {"id": name, "title": _title(name), "blocks": generic(part)}
        for name, part in report.items()
        if name not in CHAPTERS and name not in FRAME
    ]
    for name, (title, _, shown) in CHAPTERS.items():
        chapter = report[name]
        further = {k: v for k, v in chapter.items() if k not in shown} if isinstance(chapter, dict) else {}
        if further:
            found.append(
                {"id": f"{name}-more", "title": f"{title}: further parts", "blocks": generic(further)}
            )
    return found


def _chapter(name: str, context: Context) -> Row:
    title, make, _ = CHAPTERS[name]
    return {"id": name, "title": title, "blocks": make(context)}


def _is_shown(name: str, report: Row) -> bool:
    return name != "tumours" or bool(report["patient"]["n_tumours"])


def _facts(report: Row) -> list[list[str]]:
    patient, run = report["patient"], report["run"]
    known = {"id", "sex_declared", "sex_inferred", "status", "in_genotypes", "in_clinical", "n_tumours"}
    known |= {"sample", "consent_secondary_findings", "consent_research"}
    consent = f"{patient['consent_secondary_findings']} / {patient['consent_research']}"
    facts = [
        ["Report", report["status"]],
        ["Sex declared / from genotypes", f"{patient['sex_declared']} / {_inferred(patient)}"],
        ["Germline genotypes", "in the run" if patient["in_genotypes"] else "none"],
        ["Clinical record", "in the run" if patient["in_clinical"] else "none"],
        ["Assembly", run["assembly"]],
        ["Genotype quality", report["quality"]["verdict"] or "not assessed"],
        ["Subtype", report["subtype"]["subtype"] or "no call"],
        ["Germline sample", shorten(patient["sample"] or "none", 40)],
        ["Consent to secondary findings / research", consent],
        ["Cohort", plural(run["n_people"], "person", "people")],
    ]
    if "failure" in report:
        return [fact for fact in facts if fact[0] in ("Assembly", "Cohort")]
    if patient["n_tumours"]:
        facts.insert(3, ["Tumours", str(patient["n_tumours"])])
    return facts + [[_title(k), str(v)] for k, v in patient.items() if k not in known]


def _inferred(patient: Row) -> str:
    return words(patient["sex_inferred"] or "not assessed")


def _first_page(context: Context) -> list[Block]:
    report = context.report
    found, failed = report["key_findings"], report["quality"]["verdict"] == "fail"
    blocks: list[Block] = []
    if found["statement"]:
        blocks.append(text(found["statement"], "alarm" if failed or "failure" in report else "notice"))
    if found["items"]:
        items = [_finding(item, context) for item in found["items"]]
        blocks.append({"kind": "findings", "items": items})
    if found["n_more"]:
        more = plural(found["n_more"], "more finding")
        blocks.append(text(f"{more} of these kinds can be read in the chapters below.", "muted"))
    quoted = "Interventions are quoted from sources; they are not advice for this patient. "
    said = quoted * bool(report["targets"]["items"]) + WORDS_OF_CONFIDENCE
    return [*blocks, text(said, "muted")]


def _finding(item: Row, context: Context) -> Row:
    claim = context.claims[item["claim"]]
    targets = context.report["targets"]["items"]
    against = {t["claim"] for t in targets if t["action"] == "contraindicated"}
    limits = claim["limits"][1:] if claim["type"] == "target" else claim["limits"]
    why = f"{limits[0]}" if limits else ""
    if claim["type"] == "identity" or (claim["type"] == "target" and len(targets) > 3):
        why = f"{confidence_number(claim['confidence'])}. {why}".strip()
    tone = ""
    if claim["type"] in ("quality", "identity") or item["claim"] in against:
        warned = claim["type"] == "quality" and context.report["quality"]["verdict"] == "warn"
        tone = "caution" if warned else "alarm"
    return {
        "word": claim["confidence"]["word"],
        "text": claim["text"],
        "why": why,
        "chapter": item["section"],
        "chapter_title": CHAPTERS[item["section"]][0]
        if item["section"] in CHAPTERS
        else _title(item["section"]),
        "tone": tone,
    }


def _claim(claim: Row) -> Row:
    lines = []
    for e in claim["evidence"]:
        parts = [e["source"], e["version"], e["record"] and f"record {shorten(e['record'], 80)}"]
        parts.append(e["sha256"] and f"sha256 {e['sha256'][:16]}")
        lines.append("Evidence: " + ", ".join(part for part in parts if part))
    lines += [f"Input: {i['file']}, {shorten(i['key'], 90)}" for i in claim["input"]]
    lines += [f"Limit: {limit}" for limit in claim["limits"]]
    return {
        "id": claim["id"],
        "word": claim["confidence"]["word"],
        "number": confidence_number(claim["confidence"]),
        "text": claim["text"],
        "lines": lines,
    }


def _title(name: Any) -> str:
    shown = words(str(name))
    return shown[:1].upper() + shown[1:]
