"""What all resources of a bundle share: who it is about, which claim it states, and how sure it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from endotype.reports.fhir import codes
from endotype.reports.fhir.codes import Element, concept, own
from endotype.reports.fhir.ids import resource_id, url_of
from endotype.reports.language import _, known
from endotype.reports.text import https_link
from endotype.reports.text import words as spelled

Row = Mapping[str, Any]

CATEGORIES = (
    concept(None, codes.CATEGORY, "laboratory"),
    concept(None, codes.SERVICE, "GE"),
)
"""The guide asks for both, each exactly once."""


@dataclass
class Draft:
    """A bundle in the making.

    Attributes:
        patient: the pseudonymous id.
        status: ``preliminary``, ``final``, ``amended`` or ``corrected``, of every resource.
        assembly: name of the reference assembly, as the report has it.
        knowledge: sources of the run by name.
        simulated: whether the patients are made up, so that no record is one of a public database.
        claims: claims of the report by id.
        resources: resources by id, in the order of the bundle.
        stated: claims that a resource states.
        variants: (variant id, ``germline`` or ``somatic``) -> reference of its Observation.
        items: chapter items by claim id.
        subtype: reference of the subtype's Observation, once it is there.
        turns: how many resources of a kind have a key.
        subject: reference of the patient.
        device: reference of the program that made the report.
    """

    patient: str
    status: str
    assembly: str
    knowledge: dict[str, Row]
    simulated: bool
    claims: dict[str, Row]
    items: dict[str, Row]
    resources: dict[str, Element] = field(default_factory=dict)
    stated: dict[str, Element] = field(default_factory=dict)
    variants: dict[tuple[str, str], Element] = field(default_factory=dict)
    subtype: Element | None = None
    turns: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.subject = {"reference": url_of(resource_id("Patient", self.patient, ""))}
        self.device = {"reference": url_of(resource_id("Device", self.patient, ""))}

    def add(self, kind: str, key: str, resource: Element) -> Element:
        """Put a resource into the bundle and return a reference to it.

        A second one of the same kind and key, which a user's tables may cause, gets an id by its turn.
        """
        turn = self.turns[kind, key]
        self.turns[kind, key] += 1
        identity = resource_id(kind, self.patient, f"{key}\0again{turn}" if turn else key)
        self.resources[identity] = {"id": identity} | resource
        return {"reference": url_of(identity)}

    def of_type(self, resource_type: str) -> Iterable[Element]:
        """References to all resources of a type, in the order of the bundle."""
        return (
            {"reference": url_of(identity)}
            for identity, resource in self.resources.items()
            if resource["resourceType"] == resource_type
        )


def observation(
    draft: Draft,
    kind: str,
    key: str,
    code: Element,
    *,
    claim: Row | None = None,
    profile: str | None = None,
    value: Element | None = None,
    derived_from: list[Element] | None = None,
    components: Iterable[Element | None] = (),
    notes: Iterable[str] = (),
    specimen: Element | None = None,
    extensions: Iterable[Element] = (),
) -> Element:
    """Add an Observation and return a reference to it.

    Args:
        draft: the bundle.
        kind: what kind of statement; with ``key`` it makes the id.
        key: what it is about.
        code: what was observed.
        claim: the claim that it states: its id, text, confidence, evidence and limits go with it.
        profile: last part of the address of the guide's profile, where it fits one.
        value: ``{"valueString": ...}``, ``{"dataAbsentReason": ...}`` or the like; at most one.
        derived_from: references.
        components: further parts; ``None`` is left out.
        notes: further notes.
        specimen: reference to what was looked at, where it isn't the germline.
        extensions: extensions besides the evidence.
    """
    parts = [part for part in components if part]
    texts = list(notes)
    artifacts = list(extensions)
    built: Element = {"resourceType": "Observation", "status": draft.status, "code": code}
    if claim is not None:
        built["identifier"] = claim_identifier(claim)
        parts += statement_parts(claim)
        texts += claim["limits"]
        artifacts += [*evidence(claim)]
    if profile:
        built["meta"] = {"profile": [codes.PROFILE + profile]}
    built |= {"category": list(CATEGORIES), "subject": draft.subject, "device": draft.device}
    built |= value or {}
    filled = {
        "derivedFrom": derived_from,
        "component": parts,
        "note": [{"text": text} for text in texts if text],
        "specimen": specimen,
        "extension": artifacts,
    }
    built |= {name: part for name, part in filled.items() if part}
    reference = draft.add(kind, key, built)
    if claim is not None:
        draft.stated[claim["id"]] = reference
    return reference


def claim_identifier(claim: Row) -> list[Element]:
    """The claim's id, as it stands in ``report.json`` and in every other rendering."""
    return [{"system": codes.CLAIM_IDS, "value": claim["id"]}]


def statement_parts(claim: Row) -> list[Element]:
    """Components with the claim's sentence, its word of confidence, and the number behind that word."""
    confidence = claim["confidence"]
    code = confidence["word"].replace(" ", "-")
    word = concept(spelled(confidence["word"]), codes.OWN_CONFIDENCE, code)
    parts = [
        words(codes.guide("conclusion-string"), claim["text"]),
        coded(own("confidence"), word),
        number(own("confidence-number", known(confidence["kind"])), confidence["value"]),
    ]
    return present(*parts)


def evidence(claim: Row) -> Iterable[Element]:
    """What a claim rests on, each as an artifact: records of sources, then rows of the run's results."""
    for source in claim["evidence"]:
        named = [known(source["source"])]
        named += [source["version"] and _("version {version}", version=source["version"])]
        named += [source["record"] and _("record {record}", record=source["record"])]
        named += [source["sha256"] and f"sha256 {source['sha256']}"]
        url = https_link(source["record"])
        yield _artifact("citation", ", ".join(filter(None, named)), url)
    for row in claim["input"]:
        yield _artifact("derived-from", f"{row['file']}: {row['key']}")


def _artifact(kind: str, display: str, url: str | None = None) -> Element:
    value = {"type": kind, "display": display} | ({"url": url} if url else {})
    return {"url": codes.ARTIFACT, "valueRelatedArtifact": value}


def present(*parts: Element | None) -> list[Element]:
    """Those parts that exist."""
    return [part for part in parts if part]


def number(code: Element, value: float | None, unit: str | None = None) -> Element | None:
    """A component with a number; ``None`` without one. ``unit`` is of UCUM."""
    if value is None:
        return None
    quantity: Element = {"value": value} | (
        {"unit": unit, "system": codes.UCUM, "code": unit} if unit else {}
    )
    return {"code": code, "valueQuantity": quantity}


def words(code: Element, value: str | None) -> Element | None:
    """A component with text; ``None`` without any."""
    return {"code": code, "valueString": str(value)} if value not in (None, "") else None


def coded(code: Element, value: Element | None) -> Element | None:
    """A component with a CodeableConcept; ``None`` without one."""
    return {"code": code, "valueCodeableConcept": value} if value else None


def span(code: Element, low: float | None, high: float | None) -> Element | None:
    """A component with a range; ``None`` when an end is missing."""
    if low is None or high is None:
        return None
    return {"code": code, "valueRange": {"low": {"value": low}, "high": {"value": high}}}


def missing(code: Element, reason: str, kind: str = "unknown") -> Element:
    """A component without a value, and why."""
    return {"code": code, "dataAbsentReason": codes.absent(reason, kind)}
