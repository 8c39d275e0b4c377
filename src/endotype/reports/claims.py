"""A claim: one statement of a report, how sure it is, and what it rests on.

Every other part of a report refers to claims by id, so that a statement has one text, one confidence and one
list of evidence wherever it is shown.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any

CONFIDENCE_WORDS = ("established", "likely", "uncertain", "not supported")
"""The only words a report uses for confidence, from strongest to weakest."""


@dataclass(frozen=True)
class Evidence:
    """A source that supports a claim, and the record in it. ``None`` where the source doesn't say."""

    source: str
    version: str | None = None
    sha256: str | None = None
    record: str | None = None
    rule: str | None = None
    """How the record was found to apply: ``exact allele``, the name of a test, ..."""


@dataclass(frozen=True)
class Input:
    """What a claim was made from: a row of a result file, or a call in a file of the user's.

    ``sha256`` is that of a file of the user's, from ``provenance/inputs.json``; files of the run have none
    here, since they follow from those. The place and the genotype are given where the claim is about one.
    """

    file: str
    key: str
    sha256: str | None = None
    chrom: str | None = None
    pos: int | None = None
    ref: str | None = None
    alt: str | None = None
    genotype: str | None = None


@dataclass(frozen=True)
class Value:
    """What a claim says, for a machine: a number or a word, and the unit where there is one."""

    value: float | str | None
    unit: str | None = None


@dataclass(frozen=True)
class Confidence:
    """One of :data:`CONFIDENCE_WORDS`, with the number behind it and what kind of number that is."""

    word: str
    value: float | None
    kind: str

    def __post_init__(self) -> None:
        if self.word not in CONFIDENCE_WORDS:
            raise ValueError(f"{self.word!r} is not one of {CONFIDENCE_WORDS}")


@dataclass(frozen=True)
class Claim:
    """One statement of a patient's report."""

    id: str
    type: str
    text: str
    confidence: Confidence
    evidence: tuple[Evidence, ...] = ()
    input: tuple[Input, ...] = ()
    limits: tuple[str, ...] = ()
    subject: str = ""
    """The patient whom it is about: whoever renders a report checks that it is the report's own."""
    value: Value | None = None
    alternatives: tuple[str, ...] = ()
    """What else could hold: the second subtype, the class by the other rules."""

    def as_dict(self) -> dict[str, Any]:
        """The claim as ``report.json`` has it."""
        return asdict(self)

    def at_most(self, word: str, limit: str) -> Claim:
        """This claim with no more confidence than ``word``; ``limit`` says why when that lowers it."""
        weakest = weaker(self.confidence.word, word)
        if weakest == self.confidence.word:
            return self
        return replace(self, confidence=replace(self.confidence, word=weakest), limits=(*self.limits, limit))


def claim_id(kind: str, patient: str, key: str) -> str:
    """An id that stays the same from run to run: the type, and a hash of patient and subject."""
    digest = hashlib.sha256("\0".join([kind, patient, key]).encode("utf-8")).hexdigest()
    return f"{kind}-{digest[:12]}"


def weaker(a: str, b: str) -> str:
    """The weaker of two confidence words."""
    return max(a, b, key=CONFIDENCE_WORDS.index)
