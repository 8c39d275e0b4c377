"""What a pedigree declares about pairs of people.

The kinship coefficient of a pair is the probability that an allele of each, drawn at random at one place of
the genome, descends from one ancestor of the pedigree (Lange 2002, Mathematical and statistical methods
for genetic analysis, section 5.2): half the kinship of the younger one's parents with the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from itertools import combinations
from pathlib import Path

from endotype.cohort.pedigree import read_pedigree
from endotype.errors import input_error, visible
from endotype.variants.relatedness import relationship

MAX_GENERATIONS = 100
"""Deeper pedigrees are no cohort's, and would end the recursion."""


def declared_relationships(pedigree: str | Path | None, people: Iterable[str]) -> dict[tuple[str, str], str]:
    """Relationship of each pair of relatives of a PED file, up to the third degree.

    Args:
        pedigree: PED file, or ``None``.
        people: whose pairs are wanted.

    Returns:
        Pair of ids in ascending order -> ``parent_child``, ``full_sibling``, ``second_degree`` or
        ``third_degree``.

    Raises:
        InputError: the file can't be read, or somebody is an ancestor of itself.
    """
    if pedigree is None:
        return {}
    table = read_pedigree(pedigree)
    parents = {
        str(row.individual): tuple(str(p) for p in (row.father, row.mother) if p)
        for row in table.itertuples()
    }
    phi = kinship_coefficients(parents, pedigree)
    known = set(people)
    pairs = {}
    for family in _families(parents):
        for a, b in combinations(sorted(family & known), 2):
            if b in parents.get(a, ()) or a in parents.get(b, ()):
                pairs[a, b] = "parent_child"
            # A parent is named above: who else is of the first degree, or inbred and closer, is a sibling.
            elif (word := relationship(min(phi(a, b), 0.25), 1.0)) != "unrelated":
                pairs[a, b] = word
    return pairs


def kinship_coefficients(
    parents: dict[str, tuple[str, ...]], source: str | Path
) -> Callable[[str, str], float]:
    """The function that gives the kinship coefficient of two people of a pedigree.

    Args:
        parents: person -> the known ones of father and mother.
        source: what an error calls the pedigree.

    Raises:
        InputError: somebody is an ancestor of itself, or the pedigree is too deep.
    """
    depth = _generations(parents, source)

    @cache
    def phi(a: str, b: str) -> float:
        if a == b:
            couple = parents.get(a, ())
            return 0.5 + (0.5 * phi(*couple) if len(couple) == 2 else 0.0)
        if (depth[a], a) < (depth[b], b):
            a, b = b, a
        return sum(0.5 * phi(parent, b) for parent in parents.get(a, ()))

    return phi


def _generations(parents: dict[str, tuple[str, ...]], source: str | Path) -> dict[str, int]:
    """How many generations above each person the pedigree knows."""
    depth = {p: 0 for couple in parents.values() for p in couple if p not in parents}
    waiting = dict(parents)
    while waiting:
        if max(depth.values(), default=0) > MAX_GENERATIONS:
            raise input_error(source, f"more than {MAX_GENERATIONS} generations", "the pedigree of a cohort")
        ready = {p: couple for p, couple in waiting.items() if all(q in depth for q in couple)}
        if not ready:
            raise input_error(
                source,
                f"{visible(_in_a_circle(waiting))} among its own ancestors",
                "nobody descending from itself",
            )
        for person, couple in ready.items():
            depth[person] = 1 + max((depth[q] for q in couple), default=-1)
            del waiting[person]
    return depth


def _in_a_circle(waiting: dict[str, tuple[str, ...]]) -> str:
    """Somebody on a circle of ancestors, of people who all have a parent among themselves."""
    person, seen = min(waiting), set()
    while person not in seen:
        seen.add(person)
        person = next(parent for parent in waiting[person] if parent in waiting)
    return person


def _families(parents: dict[str, tuple[str, ...]]) -> list[set[str]]:
    """People that are connected by descent or by common children."""
    family: dict[str, set[str]] = {}
    for person, couple in parents.items():
        joined = set().union({person}, *(family.get(p, {p}) for p in (person, *couple)))
        for member in joined:
            family[member] = joined
    return list({id(members): members for members in family.values()}.values())
