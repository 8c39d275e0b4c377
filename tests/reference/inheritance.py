"""From whom an allele comes, by listing every way to make the child. Slow on purpose."""

from __future__ import annotations

from itertools import product

COPIES = {
    "autosome": (2, 2),
    "X of a daughter": (1, 2),
    "X of a son": (0, 2),
    "Y of a son": (1, 0),
    "MT": (0, 2),
    "unknown": (0, 0),
}
"""Copies of the father and of the mother that a child's alleles are drawn from."""


def genotypes(dosage: int | None, copies: int) -> list[tuple[int, ...]]:
    """What a parent's dosage in the store can stand for: every genotype where there is no call.

    One copy is stored as none or two; one of two copies of a single copy is no call.
    """
    if copies == 1:
        return {0: [(0,)], 2: [(1,)]}.get(-1 if dosage is None else dosage, [(0,), (1,)])
    return {0: [(0, 0)], 1: [(0, 1)], 2: [(1, 1)]}.get(
        -1 if dosage is None else dosage, [(0, 0), (0, 1), (1, 1)]
    )


def is_called(dosage: int | None, copies: int) -> bool:
    return dosage is not None and not (copies == 1 and dosage == 1)


def origin(child: int, father: int | None, mother: int | None, kind: str) -> str:
    """The origin of an allele that a child carries (dosage 1 or 2).

    Every genotype of the parents and every choice of one allele of each is tried. New is what no parent
    can have had, whatever the calls leave open; of a parent is what only that one can have given.
    """
    copies = COPIES[kind]
    givers = [name for name, n in zip(("paternal", "maternal"), copies, strict=True) if n]
    calls = {"paternal": (father, copies[0]), "maternal": (mother, copies[1])}
    if not givers or (len(givers) == 1 and child == 1):
        return "unknown"
    wanted = (1,) if len(givers) == 1 else tuple(sorted([1, child - 1]))
    ways = set()  # who gave ALT in each way to make the child
    could_have = set()  # who could have had the allele at all
    for parents in product(*(genotypes(*calls[name]) for name in givers)):
        could_have |= {name for name, alleles in zip(givers, parents, strict=True) if 1 in alleles}
        for gametes in product(*parents):
            if tuple(sorted(gametes)) == wanted:
                ways.add(tuple(name for name, allele in zip(givers, gametes, strict=True) if allele))
    called_carriers = {
        name for name in givers if is_called(*calls[name]) and any(1 in g for g in genotypes(*calls[name]))
    }
    if not could_have and child == 1 + (len(givers) == 1):
        return "de_novo"
    if not ways or not called_carriers:
        return "unknown"
    if child == 2 and len(givers) == 2:
        return "biparental" if called_carriers == set(givers) else "inherited"
    if len(ways) == 1:
        (way,) = ways
        return way[0] if set(way) <= called_carriers else "unknown"
    return "inherited"
