"""What is different from the last report of this patient, by the meaning of each claim.

Claims are matched by their id; targets, whose id holds tier and record, also by gene, intervention and link.
What is compared is what a reader would act on (class, tier, subtype, word of confidence), not sentences.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from endotype.reports.claims import Claim
from endotype.reports.consent import GIVEN
from endotype.reports.inputs import Cohort, PatientRecord, Row
from endotype.reports.language import N_, _, ngettext, sentences
from endotype.reports.secondary import hidden_from
from endotype.reports.text import listed, words

NO_EARLIER = N_("Not assessed: no earlier report of this patient was given.")
_CHAPTERS = ("variants", "secondary_findings", "targets", "associations", "polygenic_scores")
_COMPARED = {
    "confidence": N_("confidence"),
    "class": N_("class by the ACMG/AMP criteria"),
    "clinical_significance": N_("clinical source"),
    "zygosity": N_("genotype"),
    "tier": N_("tier"),
    "action": N_("action"),
    "subtype": N_("subtype"),
    "verdict": N_("quality"),
}


def changes_section(
    record: PatientRecord, cohort: Cohort, claims: Sequence[Claim], sections: Row, run: Row
) -> Row:
    """The chapter: ``status statement previous sources items``.

    Items have ``kind`` (``appeared disappeared changed``), ``claim`` (its id, ``None`` when it is gone),
    ``type``, ``text``, and for a change ``what before after``. ``sources`` are knowledge sources and the
    program, where their versions differ. What consent doesn't cover now isn't said to have disappeared.
    """
    if record.previous is None:
        return {
            "status": "not_assessed",
            "statement": _(NO_EARLIER),
            "previous": None,
            "sources": [],
            "items": [],
        }
    earlier, consent = record.previous["report"], sections["secondary_findings"]["consent"]
    before = [
        _fact(claim, item)
        for claim, item in _with_items(earlier.get("claims", []), earlier)
        if not hidden_from(consent, cohort, record, item) and not _withdrawn(claim, earlier, consent)
    ]
    now = [_fact(claim, item) for claim, item in _with_items([c.as_dict() for c in claims], sections)]
    items = _compare(before, now)
    sources = _sources(earlier.get("run", {}), run)
    known = earlier.get("run", {})
    previous = {
        "sha256": record.previous["sha256"],
        "status": earlier.get("status") if earlier.get("status") in _STATUSES else None,
        "endotype_version": known.get("endotype_version"),
        "config_sha256": known.get("config_sha256"),
    }
    return {
        "status": "present" if items else "absent",
        "statement": _statement(items, sources),
        "previous": previous,
        "sources": sources,
        "items": items,
    }


_STATUSES = ("preliminary", "final", "amended")


def report_status(configured: str, changes: Row) -> str:
    """``preliminary`` or ``final`` as configured; ``amended`` where a report that was final says more now."""
    previous = changes["previous"]
    if previous is None or changes["status"] != "present":
        return configured
    was_final = previous["status"] in ("final", "amended")
    return "amended" if was_final or configured == "final" else configured


def _with_items(claims: Sequence[Row], report: Row) -> list[tuple[Row, Row]]:
    items: dict[str, Row] = {}
    for name in _CHAPTERS:
        for item in (report.get(name) or {}).get("items", []):
            if item.get("claim"):
                items[item["claim"]] = item
    subtype, quality = report.get("subtype") or {}, report.get("quality") or {}
    if subtype.get("claim"):
        reason = words(subtype.get("reason") or N_("no reason"))
        items[subtype["claim"]] = {
            "subtype": subtype.get("subtype") or _("no call ({reason})", reason=reason)
        }
    return [
        (claim, items.get(claim["id"]) or ({"verdict": quality.get("verdict")} if _is_verdict(claim) else {}))
        for claim in claims
    ]


def _is_verdict(claim: Row) -> bool:
    return bool(claim["type"] == "quality")


def _withdrawn(claim: Row, earlier: Row, consent: str) -> bool:
    """Whether the claim was a secondary finding, and this report may not speak of those."""
    told = {item.get("claim") for item in (earlier.get("secondary_findings") or {}).get("items", [])}
    return claim["id"] in told and consent != GIVEN


def _fact(claim: Row, item: Row) -> Row:
    """A claim with what it is matched by and what of it is compared."""
    names = ("gene", "intervention", "link")
    meaning = tuple(str(item.get(name)) for name in names) if claim["type"] == "target" else (claim["id"],)
    classified = item.get("classification") or {}
    compared = {name: item.get(name) for name in _COMPARED} | {
        "confidence": claim["confidence"]["word"],
        "class": classified.get("class"),
    }
    return {"claim": claim, "meaning": (claim["type"], *meaning), "compared": compared}


def _compare(before: list[Row], now: list[Row]) -> list[Row]:
    old_by_id = {fact["claim"]["id"]: fact for fact in before}
    pairs = [(old_by_id.get(fact["claim"]["id"]), fact) for fact in now]
    matched = {old["claim"]["id"] for old, _ in pairs if old}
    left: dict[Any, list[Row]] = defaultdict(list)
    for fact in before:
        if fact["claim"]["id"] not in matched:
            left[fact["meaning"]].append(fact)
    items = []
    for old, new in pairs:
        if old is None and left[new["meaning"]]:
            old = left[new["meaning"]].pop(0)
        if old is None:
            items.append(_item("appeared", new["claim"]))
            continue
        items += [
            _item("changed", new["claim"], _(what), old["compared"][name], new["compared"][name])
            for name, what in _COMPARED.items()
            if old["compared"][name] != new["compared"][name]
        ]
    gone = [_item("disappeared", fact["claim"]) for facts in left.values() for fact in facts]
    return items + [item | {"claim": None} for item in gone]


def _item(kind: str, claim: Row, what: str | None = None, before: Any = None, after: Any = None) -> Row:
    said = {"before": before, "after": after}
    return {
        "kind": kind,
        "claim": claim["id"],
        "type": claim["type"],
        "text": claim["text"],
        "what": what,
    } | {name: None if value is None else words(str(value)) for name, value in said.items()}


def _sources(before: Row, now: Row) -> list[Row]:
    def versions(run: Row) -> Row:
        known = {s["source"]: s.get("version") or _("not stated") for s in run.get("knowledge", [])}
        hashes = {s["source"]: (s.get("sha256") or "")[:16] for s in run.get("knowledge", [])}
        named = {source: f"{version} (sha256 {hashes[source]})" for source, version in known.items()}
        return named | {"endotype": run.get("endotype_version") or _("not stated")}

    old, new = versions(before), versions(now)
    return [
        {"source": name, "before": old.get(name), "after": new.get(name)}
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def _statement(items: list[Row], sources: list[Row]) -> str:
    counts = {kind: sum(i["kind"] == kind for i in items) for kind in ("appeared", "disappeared", "changed")}
    said = listed(_(_COUNTED[kind], n=n) for kind, n in counts.items() if n)
    text = _("No claim is different from those of the earlier report of this patient.")
    if items:
        text = _("Since the earlier report of this patient: {changes}.", changes=said)
    if not sources:
        return text
    other = ngettext(
        "{n:,} source or the program had another version then.",
        "{n:,} sources or the program had another version then.",
        len(sources),
    )
    return sentences(text, other)


_COUNTED = {
    "appeared": N_("{n} appeared"),
    "disappeared": N_("{n} disappeared"),
    "changed": N_("{n} changed"),
}
