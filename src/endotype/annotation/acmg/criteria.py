"""The 28 criteria of ACMG/AMP, and what is found of one of them for one variant.

Richards et al. 2015 (doi:10.1038/gim.2015.30), tables 3 and 4. A criterion is *met* at some strength, *not
met* (it was looked at, and the answer is no), or *not evaluable* (what it needs is not there). Missing data
never becomes evidence: a criterion that cannot be looked at counts nothing for either side.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MET, NOT_MET, NOT_EVALUABLE = "met", "not_met", "not_evaluable"
STATUSES = (MET, NOT_MET, NOT_EVALUABLE)

POINTS = {"supporting": 1, "moderate": 2, "strong": 4, "very_strong": 8, "stand_alone": 8}
"""Points of each strength, pathogenic positive and benign negative (Tavtigian et al. 2020,
doi:10.1002/humu.24088). Stand-alone evidence is outside that system: it decides by itself, and is written
as 8."""


class Criterion(NamedTuple):
    """A criterion, its side, its strength where nothing else is said, and what it means."""

    name: str
    pathogenic: bool
    strength: str
    meaning: str


_CRITERIA = (
    ("PVS1", "very_strong", "loss of function in a gene where that causes disease"),
    ("PS1", "strong", "the same amino acid change as an established pathogenic variant"),
    ("PS2", "strong", "de novo, parents confirmed"),
    ("PS3", "strong", "functional studies show damage"),
    ("PS4", "strong", "more frequent in affected people than in controls"),
    ("PM1", "moderate", "in a mutational hot spot or a critical domain"),
    ("PM2", "moderate", "absent from or very rare in the population"),
    ("PM3", "moderate", "in trans with a pathogenic variant (recessive)"),
    ("PM4", "moderate", "changes the length of the protein"),
    ("PM5", "moderate", "another amino acid change at the residue of a pathogenic one"),
    ("PM6", "moderate", "assumed de novo"),
    ("PP1", "supporting", "segregates with the disease"),
    ("PP2", "supporting", "missense in a gene that tolerates little missense"),
    ("PP3", "supporting", "predicted to be damaging"),
    ("PP4", "supporting", "phenotype specific for the gene"),
    ("PP5", "supporting", "a reputable source calls it pathogenic"),
    ("BA1", "stand_alone", "common in the population"),
    ("BS1", "strong", "more frequent than the disease allows"),
    ("BS2", "strong", "seen in healthy adults"),
    ("BS3", "strong", "functional studies show no damage"),
    ("BS4", "strong", "does not segregate with the disease"),
    ("BP1", "supporting", "missense in a gene where truncation causes disease"),
    ("BP2", "supporting", "in cis with a pathogenic variant, or in trans for a dominant gene"),
    ("BP3", "supporting", "in-frame indel in a repeat without known function"),
    ("BP4", "supporting", "predicted to be harmless"),
    ("BP5", "supporting", "another cause explains the disease"),
    ("BP6", "supporting", "a reputable source calls it benign"),
    ("BP7", "supporting", "silent, and not predicted to change splicing"),
)
CRITERIA = {name: Criterion(name, name[0] == "P", *rest) for name, *rest in _CRITERIA}
"""All criteria in the order of the guideline."""


class Finding(NamedTuple):
    """What was found of one criterion for one variant in one gene.

    ``strength`` is null unless the criterion is met. ``numbers`` are the values that decided, by name;
    ``source`` names the knowledge source or table they came from and ``source_row`` the 1-based record there.
    """

    criterion: str
    status: str
    strength: str | None
    reason: str
    numbers: dict[str, object] | None = None
    source: str | None = None
    source_row: int | None = None

    @property
    def points(self) -> int:
        """Signed points; 0 unless met."""
        if self.strength is None:
            return 0
        return POINTS[self.strength] if CRITERIA[self.criterion].pathogenic else -POINTS[self.strength]


def met(
    criterion: str,
    strength: str,
    reason: str,
    numbers: dict[str, object] | None = None,
    source: str | None = None,
    source_row: int | None = None,
) -> Finding:
    """The criterion is met at ``strength``."""
    return Finding(criterion, MET, strength, reason, numbers, source, source_row)


def not_met(
    criterion: str,
    reason: str,
    numbers: dict[str, object] | None = None,
    source: str | None = None,
    source_row: int | None = None,
) -> Finding:
    """The criterion was looked at and is not met."""
    return Finding(criterion, NOT_MET, None, reason, numbers, source, source_row)


def not_evaluable(
    criterion: str,
    reason: str,
    numbers: dict[str, object] | None = None,
    source: str | None = None,
    source_row: int | None = None,
) -> Finding:
    """The criterion could not be looked at."""
    return Finding(criterion, NOT_EVALUABLE, None, reason, numbers, source, source_row)


_CODE = re.compile(r"(P(?:VS|S|M|P)\d|B(?:A|S|P)\d)(?:_(.+))?")


def parse_code(text: str) -> tuple[str, str]:
    """Criterion and strength of a code as curators write it: ``PM2_Supporting``, ``PM3_Very Strong``,
    ``BA1``.

    Raises:
        ValueError: no criterion or no strength of that name.
    """
    matched = _CODE.fullmatch(text.strip())
    if matched is None or matched[1] not in CRITERIA:
        raise ValueError(f"no ACMG/AMP criterion: {text!r}")
    name, written = matched[1], matched[2]
    if written is None:
        return name, CRITERIA[name].strength
    strength = re.sub(r"[\s_-]+", "_", written.strip().casefold()).replace("verystrong", "very_strong")
    strength = strength.replace("standalone", "stand_alone")
    if strength not in POINTS:
        raise ValueError(f"no strength of evidence: {text!r}")
    return name, strength


def write_code(criterion: str, strength: str) -> str:
    """The code of a criterion met at a strength; the strength is left out where it is the criterion's own."""
    if strength == CRITERIA[criterion].strength:
        return criterion
    return f"{criterion}_{strength.title().replace('_', '')}"
