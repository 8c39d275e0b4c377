"""From whom a child has an allele, by the genotypes of the trio.

An allele is called new only where every parent who could have handed it down is called and lacks it. Where a
parent has no call, or the genotypes contradict each other, nothing is claimed. Slow twin, by listing what
the parents can hand down: ``tests/reference/inheritance.py``.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from endotype.variants.mendelian import COPIES
from endotype.variants.plink import MISSING

ORIGINS = ("unknown", "de_novo", "maternal", "paternal", "biparental", "inherited")
"""``inherited``: a parent carries the allele, but the genotypes don't say which of the two handed it down."""

REASONS = (
    *("", "no_parent", "parent_not_called", "contradicts_parents", "both_parents_carry"),
    *("one_parent_carries", "not_determined_here"),
)
"""Why an origin is ``unknown`` or ``inherited``; empty where it is more than that."""

ZYGOSITIES = ("", "heterozygous", "homozygous", "hemizygous")
"""The empty one is not known: two copies of the allele or one, where the sex isn't known."""


def zygosity(dosage: np.ndarray, haploid: np.ndarray, unclear: np.ndarray) -> np.ndarray:
    """Zygosity of carriers, places in :data:`ZYGOSITIES`, int64 (n,); -1 where there can be no carrier.

    Args:
        dosage: int (n,), 1 or 2 as the store has it: one copy of a haploid site is 2.
        haploid: bool (n,), the person has one copy of the site: on MT, and males on X and Y outside the
            pseudoautosomal regions. On MT ``hemizygous`` says that the allele was called alone; how much of
            the cell's mitochondria have it is not assessed.
        unclear: bool (n,), on X or Y outside these regions in a person of unknown sex.
    """
    plain = np.where(dosage == 1, 1, 2)
    alone = np.where(dosage == 2, 3, -1)
    return np.where(haploid, alone, np.where(unclear & (dosage == 2), 0, plain))


def trace(
    child: np.ndarray,
    father: np.ndarray,
    mother: np.ndarray,
    kind: np.ndarray,
    has_father: np.ndarray,
    has_mother: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Origin and reason of each allele that a child carries.

    Args:
        child, father, mother: int (n,), dosages of the store; -1 is missing, or nobody there.
        kind: int (n,), rows of :data:`endotype.variants.mendelian.COPIES`, by the child's sex and the site.
        has_father, has_mother: bool (n,), the parent has genotypes.

    Returns:
        Places in :data:`ORIGINS` and in :data:`REASONS`, int64 (n,) each.
    """
    answers = _answers()[kind, child - MISSING, father - MISSING, mother - MISSING]
    origin, reason = answers[:, 0].copy(), answers[:, 1].copy()
    nobody = (origin == ORIGINS.index("unknown")) & ~has_father & ~has_mother
    reason[nobody] = REASONS.index("no_parent")
    return origin, reason


@cache
def _answers() -> np.ndarray:
    """Origin and reason by kind of site and the three dosages from -1 on, int64 (k, 4, 4, 4, 2)."""
    table = np.zeros((len(COPIES), 4, 4, 4, 2), np.int64)
    for kind, copies in enumerate(COPIES.tolist()):
        for child, father, mother in np.ndindex(4, 4, 4):
            origin, reason = _answer(child - 1, father - 1, mother - 1, copies[0], copies[1])
            table[kind, child, father, mother] = ORIGINS.index(origin), REASONS.index(reason)
    return table


def _answer(child: int, father: int, mother: int, father_copies: int, mother_copies: int) -> tuple[str, str]:
    if child < 1:
        return "unknown", "not_determined_here"
    from_father, from_mother = _gametes(father, father_copies), _gametes(mother, mother_copies)
    if father_copies and mother_copies:
        return _of_two(child, from_father, from_mother)
    if child == 1 or not (father_copies or mother_copies):
        return "unknown", "not_determined_here"
    giver, gametes = ("paternal", from_father) if father_copies else ("maternal", from_mother)
    if not gametes:
        return "unknown", "parent_not_called"
    return (giver, "") if 1 in gametes else ("de_novo", "")


def _gametes(dosage: int, copies: int) -> frozenset[int]:
    """Alleles a parent can hand down; none where that isn't known."""
    if dosage == MISSING or not copies or (copies == 1 and dosage == 1):
        return frozenset()
    return frozenset({0: (0,), 1: (0, 1), 2: (1,)}[dosage])


def _of_two(child: int, father: frozenset[int], mother: frozenset[int]) -> tuple[str, str]:
    """The child has one allele of each parent."""
    known = [gametes for gametes in (father, mother) if gametes]
    if not known:
        return "unknown", "parent_not_called"
    if child == 2:
        if any(1 not in gametes for gametes in known):
            return "unknown", "contradicts_parents"
        return ("biparental", "") if len(known) == 2 else ("inherited", "one_parent_carries")
    if len(known) == 1:
        if 1 not in known[0]:
            return "unknown", "parent_not_called"
        if 0 in known[0]:
            return "inherited", "one_parent_carries"
        return ("paternal", "") if father else ("maternal", "")
    if 1 not in father | mother:
        return "de_novo", ""
    by_father, by_mother = 1 in father and 0 in mother, 1 in mother and 0 in father
    if by_father and by_mother:
        return "inherited", "both_parents_carry"
    if by_father or by_mother:
        return ("paternal", "") if by_father else ("maternal", "")
    return "unknown", "contradicts_parents"
