"""Origin and zygosity against listing every way to make the child."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from endotype.annotation.inheritance.origin import ORIGINS, REASONS, ZYGOSITIES, trace, zygosity
from endotype.variants.mendelian import COPIES
from tests.reference import inheritance as reference

DOSAGES = (None, 0, 1, 2)


def ask(child: int, father: int | None, mother: int | None, kind: str) -> tuple[str, str]:
    place = list(reference.COPIES).index(kind)
    row = [np.array([-1 if d is None else d]) for d in (child, father, mother)]
    there = np.array([True])
    origin, reason = trace(*row, np.array([place]), there, there)
    return ORIGINS[origin[0]], REASONS[reason[0]]


def test_the_kinds_of_site_are_those_of_the_mendelian_checks():
    assert [list(copies) for copies in reference.COPIES.values()] == COPIES.tolist()


@pytest.mark.parametrize("kind", reference.COPIES)
def test_every_trio_equals_listing_all_ways_to_make_the_child(kind):
    for child, father, mother in product((1, 2), DOSAGES, DOSAGES):
        found, _ = ask(child, father, mother, kind)
        assert found == reference.origin(child, father, mother, kind), (child, father, mother)


@pytest.mark.parametrize(
    ("kind", "child", "father", "mother", "origin"),
    [
        ("autosome", 1, 0, 0, "de_novo"),
        ("autosome", 1, None, 0, "unknown"),  # a parent without a call never makes it new
        ("autosome", 1, 0, None, "unknown"),
        ("autosome", 1, 0, 1, "maternal"),
        ("autosome", 1, 2, 1, "paternal"),  # he gives ALT, so she gave REF
        ("autosome", 1, 1, 1, "inherited"),
        ("autosome", 1, 2, 2, "unknown"),  # the REF allele comes from nowhere
        ("autosome", 2, 1, 1, "biparental"),
        ("autosome", 2, 1, 0, "unknown"),
        ("autosome", 2, 0, 0, "unknown"),  # two new alleles at once are an error
        ("autosome", 2, 1, None, "inherited"),
        ("X of a son", 2, 2, 0, "de_novo"),  # his father's X isn't his
        ("X of a son", 2, 0, 1, "maternal"),
        ("X of a son", 2, 0, None, "unknown"),
        ("X of a daughter", 1, 2, 0, "paternal"),
        ("X of a daughter", 1, 0, 0, "de_novo"),
        ("X of a daughter", 1, 1, 0, "unknown"),  # two alleles on his only X: no call
        ("Y of a son", 2, 2, None, "paternal"),
        ("Y of a son", 2, 0, None, "de_novo"),
        ("MT", 2, 2, 0, "de_novo"),
        ("MT", 2, 0, 2, "maternal"),
        ("unknown", 1, 0, 0, "unknown"),
    ],
)
def test_cases_to_read(kind, child, father, mother, origin):
    assert ask(child, father, mother, kind)[0] == origin


def test_why_an_origin_is_not_known():
    assert ask(1, None, 0, "autosome")[1] == "parent_not_called"
    assert ask(2, 1, 0, "autosome")[1] == "contradicts_parents"
    assert ask(1, 1, 1, "autosome")[1] == "both_parents_carry"
    alone = np.array([False])
    minus = np.array([-1])
    origin, reason = trace(np.array([1]), minus, minus, np.array([0]), alone, alone)
    assert (ORIGINS[origin[0]], REASONS[reason[0]]) == ("unknown", "no_parent")


def test_zygosity_knows_who_has_one_copy():
    dosage, haploid = np.array([1, 2, 2, 1, 2, 1]), np.array([0, 0, 1, 1, 0, 0], bool)
    unclear = np.array([0, 0, 0, 0, 1, 1], bool)
    found = zygosity(dosage, haploid, unclear)
    words = [None if f < 0 else ZYGOSITIES[f] for f in found]
    assert words == ["heterozygous", "homozygous", "hemizygous", None, "", "heterozygous"]
