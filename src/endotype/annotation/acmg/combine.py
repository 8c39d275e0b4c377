"""From criteria to a class: by points, and by the rules of 2015.

*By points*: Tavtigian et al. 2018 and 2020 (doi:10.1038/gim.2017.210, doi:10.1002/humu.24088, table 3):
supporting evidence is 1 point, moderate 2, strong 4, very strong 8, benign evidence negative; 10 or more
are pathogenic, 6 to 9 likely pathogenic, 0 to 5 uncertain, -1 to -6 likely benign, -7 or less benign. BA1
stands alone.

*By the rules*: Richards et al. 2015 (doi:10.1038/gim.2015.30), table 5, with what they leave open decided
thus:

* very strong and one supporting is likely pathogenic (ClinGen SVI on PM2, version 1.0, 2020: since PM2 became
  supporting, a null variant that is absent from the population would else be uncertain);
* a second very strong criterion counts as a strong one;
* benign moderate counts as two supporting, benign very strong as two strong: the rules know neither;
* evidence for both sides is contradictory when each side reaches a class of its own; then it is uncertain.
"""

from __future__ import annotations

from collections.abc import Iterable

from endotype.annotation.acmg.criteria import CRITERIA, POINTS

CLASSES = ("benign", "likely_benign", "uncertain_significance", "likely_pathogenic", "pathogenic")
"""The five classes, from harmless to harmful."""

Evidence = tuple[str, str]
"""A criterion that is met, and the strength at which it is."""


def sum_points(evidence: Iterable[Evidence]) -> tuple[int, int]:
    """Points for and against, both positive numbers."""
    pathogenic = benign = 0
    for criterion, strength in evidence:
        if CRITERIA[criterion].pathogenic:
            pathogenic += POINTS[strength]
        else:
            benign += POINTS[strength]
    return pathogenic, benign


def class_of_points(points: int) -> str:
    """The class of a sum of points."""
    if points >= 10:
        return "pathogenic"
    if points >= 6:
        return "likely_pathogenic"
    if points >= 0:
        return "uncertain_significance"
    return "likely_benign" if points >= -6 else "benign"


def class_by_points(evidence: Iterable[Evidence]) -> str:
    """The class by points; stand-alone evidence is benign whatever else is met."""
    evidence = list(evidence)
    if any(strength == "stand_alone" for _, strength in evidence):
        return "benign"
    pathogenic, benign = sum_points(evidence)
    return class_of_points(pathogenic - benign)


def class_by_rules(evidence: Iterable[Evidence]) -> str:
    """The class by the combining rules of 2015, as this module's text completes them."""
    for_it = dict.fromkeys(POINTS, 0)
    against = dict.fromkeys(POINTS, 0)
    for criterion, strength in evidence:
        (for_it if CRITERIA[criterion].pathogenic else against)[strength] += 1
    harmful = _pathogenic_rules(
        for_it["very_strong"], for_it["strong"], for_it["moderate"], for_it["supporting"]
    )
    harmless = _benign_rules(
        against["stand_alone"],
        against["strong"] + 2 * against["very_strong"],
        against["supporting"] + 2 * against["moderate"],
    )
    if harmful and harmless:
        return "uncertain_significance"
    return harmful or harmless or "uncertain_significance"


def _pathogenic_rules(very_strong: int, strong: int, moderate: int, supporting: int) -> str | None:
    if very_strong > 1:
        very_strong, strong = 1, strong + very_strong - 1
    if very_strong and (strong or moderate >= 2 or (moderate and supporting) or supporting >= 2):
        return "pathogenic"
    if strong >= 2:
        return "pathogenic"
    if strong and (moderate >= 3 or (moderate == 2 and supporting >= 2) or (moderate and supporting >= 4)):
        return "pathogenic"
    if very_strong and (moderate or supporting):
        return "likely_pathogenic"
    if strong and (moderate or supporting >= 2):
        return "likely_pathogenic"
    if moderate >= 3 or (moderate == 2 and supporting >= 2) or (moderate and supporting >= 4):
        return "likely_pathogenic"
    return None


def _benign_rules(stand_alone: int, strong: int, supporting: int) -> str | None:
    if stand_alone or strong >= 2:
        return "benign"
    if (strong and supporting) or supporting >= 2:
        return "likely_benign"
    return None
