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
from endotype.reports.language import N_, _, known, ngettext, sentences
from endotype.reports.text import confidence_number, listed, shorten, words

FRAME = ("schema_version", "status", "patient", "run", "failure", "key_findings", "claims")
"""Parts of a report that are no chapters: its head, its first page and its last one."""

_Chapter = tuple[str, Callable[[Context], list[Block]], frozenset[str]]

_LISTED = frozenset({"status", "statement", "items"})

CHAPTERS: dict[str, _Chapter] = {
    "variants": (N_("Variants"), variants.variants, variants.VARIANTS_SHOWN),
    "tumours": (N_("Tumours"), tumours.tumours, _LISTED),
    "targets": (N_("Targets"), targets.targets, targets.TARGETS_SHOWN),
    "subtype": (N_("Subtype"), subtype.subtype, subtype.SUBTYPE_SHOWN),
    "associations": (N_("Cohort associations"), associations.associations, associations.ASSOCIATIONS_SHOWN),
    "polygenic_scores": (N_("Polygenic scores"), further.scores, further.SCORES_SHOWN),
    "secondary_findings": (N_("Secondary findings"), further.secondary, further.SECONDARY_SHOWN),
    "clinical": (N_("Clinical values"), clinical.clinical, _LISTED),
    "quality": (N_("Quality"), quality.quality, quality.QUALITY_SHOWN),
    "not_assessed": (N_("Not assessed"), methods.not_assessed, frozenset()),
    "changes": (N_("Changes since the last report"), further.changes, further.CHANGES_SHOWN),
    "methods": (N_("Methods"), methods.methods, methods.METHODS_SHOWN),
}
"""Chapters by their name in ``report.json``: title, what sets them, and the parts that it sets."""

LAST = ("not_assessed", "changes", "methods")
"""Chapters that stand behind those that aren't known here."""

RESEARCH = N_(
    "Made by software from the data named below and not reviewed by a laboratory. A finding needs "
    "confirmation by an accredited method before it is used in care. The id is a pseudonym."
)
QUOTED = N_("Interventions are quoted from sources; they are not advice for this patient.")
WORDS_OF_CONFIDENCE = N_(
    "The word before each finding says how sure it is: established, likely, uncertain or not supported; the "
    "number behind it stands in its chapter. Not assessed means that nobody looked or nothing could be seen; "
    "it never means negative."
)


def document(report: Row) -> Row:
    """The whole report: ``title facts simulated first chapters claims foot``, ready to be set.

    ``words`` are those of the frame, in the language of the report.
    """
    context = Context(
        report,
        {claim["id"]: claim for claim in report["claims"]},
        group_colours(entry["subtype"] for entry in report["subtype"]["posteriors"]),
    )
    known = [_chapter(name, context) for name in CHAPTERS if name not in LAST and _is_shown(name, report)]
    last = [_chapter(name, context) for name in LAST]
    return {
        "words": _frame(),
        "title": _("Report of {id}", id=report["patient"]["id"]),
        "patient": report["patient"]["id"],
        "run": report["run"]["name"],
        "simulated": report["run"]["simulated"],
        "research": _(RESEARCH),
        "facts": _facts(report),
        "first": _first_page(context),
        "chapters": [*known, *other_chapters(report), *last],
        "claims": [_claim(claim) for claim in report["claims"]],
        "foot": _(
            "Endotype {version}, assembly {assembly}, configuration {sha256}",
            version=report["run"]["endotype_version"],
            assembly=report["run"]["assembly"],
            sha256=report["run"]["config_sha256"][:16],
        ),
    }


def _frame() -> dict[str, str]:
    """The words around what a report says of its patient."""
    return {
        "kind": _("Patient report"),
        "research_use": _("For research use."),
        "unreviewed": _("For research use. Not reviewed by a laboratory."),
        "page": _("{page} of {pages}"),
        "simulated": _("Simulated data: no real person is described here."),
        "key_findings": _("Key findings"),
        "claims": _("Claims and their evidence"),
        "every_claim": _(CLAIMS),
        "no_claim": _("This report claims nothing."),
    }


CLAIMS = N_(
    "Every statement above, with its id, what it rests on and its limits. The same ids are in report.json."
)


def other_chapters(report: Row) -> list[Row]:
    """Chapters, and parts of known ones, that only :func:`generic` can set: ``id title blocks``."""
    found = [
        {"id": name, "title": _title(name), "blocks": generic(part)}
        for name, part in report.items()
        if name not in CHAPTERS and name not in FRAME
    ]
    for name, (title, _make, shown) in CHAPTERS.items():
        chapter = report[name]
        further = {k: v for k, v in chapter.items() if k not in shown} if isinstance(chapter, dict) else {}
        if further:
            found.append(
                {
                    "id": f"{name}-more",
                    "title": _("{title}: further parts", title=_(title)),
                    "blocks": generic(further),
                }
            )
    return found


def _chapter(name: str, context: Context) -> Row:
    make = CHAPTERS[name][1]
    return {"id": name, "title": chapter_title(name), "blocks": make(context)}


def chapter_title(name: str) -> str:
    """The title of a chapter, by its name in ``report.json``."""
    return _(CHAPTERS[name][0]) if name in CHAPTERS else _title(name)


def _is_shown(name: str, report: Row) -> bool:
    return name != "tumours" or bool(report["patient"]["n_tumours"])


def _facts(report: Row) -> list[list[str]]:
    patient, run = report["patient"], report["run"]
    known = {"id", "sex_declared", "sex_inferred", "status", "in_genotypes", "in_clinical", "n_tumours"}
    known |= {"sample", "consent_secondary_findings", "consent_research"}
    consent = [words(patient["consent_secondary_findings"]), words(patient["consent_research"])]
    sexes = [words(patient["sex_declared"]), _inferred(patient)]
    assembly = [_("Assembly"), run["assembly"]]
    cohort = [_("Cohort"), ngettext("{n:,} person", "{n:,} people", run["n_people"])]
    if "failure" in report:
        return [assembly, cohort]
    tumours = [[_("Tumours"), str(patient["n_tumours"])]] if patient["n_tumours"] else []
    return [
        [_("Report"), words(report["status"])],
        [_("Sex declared / from genotypes"), " / ".join(sexes)],
        [_("Germline genotypes"), _in_the_run(patient["in_genotypes"])],
        *tumours,
        [_("Clinical record"), _in_the_run(patient["in_clinical"])],
        assembly,
        [_("Genotype quality"), words(report["quality"]["verdict"] or "not assessed")],
        [_("Subtype"), report["subtype"]["subtype"] or _("no call")],
        [_("Germline sample"), shorten(patient["sample"] or _("none"), 40)],
        [_("Consent to secondary findings / research"), " / ".join(consent)],
        cohort,
        *[[_title(k), str(v)] for k, v in patient.items() if k not in known],
    ]


def _in_the_run(there: bool) -> str:
    return _("in the run") if there else _("none")


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
        blocks.append(text(more_findings(found["n_more"]), "muted"))
    quoted = _(QUOTED) if report["targets"]["items"] else None
    return [*blocks, text(sentences(quoted, _(WORDS_OF_CONFIDENCE)), "muted")]


def more_findings(n: int) -> str:
    """How many findings of the kinds of the first page had no room there."""
    return ngettext(
        "{n:,} more finding of these kinds can be read in the chapters below.",
        "{n:,} more findings of these kinds can be read in the chapters below.",
        n,
    )


def _finding(item: Row, context: Context) -> Row:
    claim = context.claims[item["claim"]]
    targets = context.report["targets"]["items"]
    against = {t["claim"] for t in targets if t["action"] == "contraindicated"}
    limits = claim["limits"][1:] if claim["type"] == "target" else claim["limits"]
    why = f"{limits[0]}" if limits else ""
    if claim["type"] == "identity" or (claim["type"] == "target" and len(targets) > 3):
        why = sentences(_("{sentence}.", sentence=confidence_number(claim["confidence"])), why)
    tone = ""
    if claim["type"] in ("quality", "identity") or item["claim"] in against:
        warned = claim["type"] == "quality" and context.report["quality"]["verdict"] == "warn"
        tone = "caution" if warned else "alarm"
    return {
        "look": claim["confidence"]["word"],
        "word": words(claim["confidence"]["word"]),
        "text": claim["text"],
        "why": why,
        "chapter": item["section"],
        "chapter_title": chapter_title(item["section"]),
        "tone": tone,
    }


def _claim(claim: Row) -> Row:
    lines = []
    for e in claim["evidence"]:
        record = e["record"] and _("record {record}", record=shorten(e["record"], 80))
        parts = [known(e["source"]), e["version"], record, e["sha256"] and f"sha256 {e['sha256'][:16]}"]
        lines.append(_("Evidence: {source}", source=listed(part for part in parts if part)))
    lines += [_("Input: {file}", file=listed([i["file"], shorten(i["key"], 90)])) for i in claim["input"]]
    lines += [_("Limit: {limit}", limit=limit) for limit in claim["limits"]]
    return {
        "id": claim["id"],
        "look": claim["confidence"]["word"],
        "word": words(claim["confidence"]["word"]),
        "number": confidence_number(claim["confidence"]),
        "text": claim["text"],
        "lines": lines,
    }


def _title(name: Any) -> str:
    shown = words(str(name))
    return shown[:1].upper() + shown[1:]
