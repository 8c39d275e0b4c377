"""Relationships that a pedigree declares."""

from __future__ import annotations

import pytest

from endotype.errors import InputError
from endotype.variants.pedigree_kinship import declared_relationships, kinship_coefficients

PED = """\
F gp 0 0 1 -9
F gm 0 0 2 -9
F dad gp gm 1 -9
F aunt gp gm 2 -9
F mum 0 0 2 -9
F stepmum 0 0 2 -9
F kid dad mum 1 -9
F sis dad mum 2 -9
F half dad stepmum 2 -9
F uncle 0 0 1 -9
F cousin uncle aunt 2 -9
G stranger 0 0 1 -9
"""


@pytest.mark.parametrize(
    ("a", "b", "word"),
    [
        ("dad", "kid", "parent_child"),
        ("kid", "sis", "full_sibling"),
        ("aunt", "dad", "full_sibling"),
        ("gp", "kid", "second_degree"),
        ("half", "kid", "second_degree"),
        ("aunt", "kid", "second_degree"),
        ("cousin", "kid", "third_degree"),
        ("gm", "gp", None),
        ("mum", "stepmum", None),
        ("kid", "stranger", None),
    ],
)
def test_each_kind_of_relatives(tmp_path, a, b, word):
    ped = tmp_path / "family.ped"
    ped.write_text(PED)
    everyone = [line.split()[1] for line in PED.splitlines()]
    assert declared_relationships(ped, everyone).get((a, b)) == word


def test_only_people_of_the_cohort_are_paired_but_relatives_outside_link_them(tmp_path):
    ped = tmp_path / "family.ped"
    ped.write_text(PED)
    assert declared_relationships(ped, ["kid", "cousin", "stranger"]) == {("cousin", "kid"): "third_degree"}
    assert declared_relationships(None, ["kid"]) == {}


def test_children_of_siblings_are_closer(tmp_path):
    ped = tmp_path / "family.ped"
    ped.write_text(PED + "F inbred kid sis 1 -9\nF inbred2 kid sis 1 -9\n")
    # Full siblings whose parents are siblings are nearer than the first degree, which has no word.
    assert declared_relationships(ped, ["inbred", "inbred2"]) == {("inbred", "inbred2"): "full_sibling"}


def test_somebody_among_the_own_ancestors_is_an_error(tmp_path):
    ped = tmp_path / "loop.ped"
    ped.write_text("F a b 0 1 -9\nF b c 0 1 -9\nF c b 0 1 -9\n")
    with pytest.raises(InputError, match="'b' among its own ancestors"):
        declared_relationships(ped, ["a", "b"])


def test_coefficients_with_inbreeding():
    parents = {"kid": ("dad", "mum"), "sis": ("dad", "mum"), "x": ("kid", "sis"), "y": ("kid", "sis")}
    phi = kinship_coefficients(parents, "a pedigree")
    assert phi("kid", "kid") == 0.5
    assert phi("x", "x") == 0.625  # 1/2 (1 + the kinship of the parents)
    assert phi("x", "y") == 0.375
    assert phi("x", "dad") == 0.25
    assert phi("dad", "mum") == 0


def test_an_endless_pedigree_is_an_error_and_no_recursion(tmp_path):
    ped = tmp_path / "deep.ped"
    ped.write_text("".join(f"F p{i} {f'p{i - 1}' if i else 0} 0 1 -9\n" for i in range(3000)))
    with pytest.raises(InputError, match="generations"):
        declared_relationships(ped, ["p0", "p2999"])
