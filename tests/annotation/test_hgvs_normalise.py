"""Any spelling of a change gets one name; names that contradict their sequence are refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endotype.annotation.hgvs.axis import reverse_complement
from endotype.annotation.hgvs.model import HgvsError
from endotype.annotation.hgvs.normalise import normalise, resolve
from endotype.annotation.hgvs.parse import parse
from tests.annotation.hgvs_sequences import Small

#         1        10        20        30        40        50
GENOME = "TTGACAAAATGGCTCAGCAGCAGGTACTTAGGCAATTGGACGTGATTTCAGG"
SEQUENCES = Small(
    GENOME,
    {
        "NM_1.1": (1, ((4, 23), (32, 50)), (5, 29)),
        "NM_2.1": (-1, ((4, 23), (32, 50)), (3, 24)),
        "NR_1.1": (1, ((4, 23), (32, 50)), None),
    },
)

NORMALISED = {
    "1:g.6del": "1:g.9del",
    "1:g.6_7del": "1:g.8_9del",
    "1:g.6_7insA": "1:g.9dup",
    "1:g.6_7insAA": "1:g.8_9dup",
    "1:g.15_17del": "1:g.21_23del",
    "1:g.14_15insCAG": "1:g.21_23dup",
    "1:g.14_15insCAC": "1:g.16_17insCCA",
    "1:g.10_12delinsTGA": "1:g.12G>A",
    "1:g.10_12delinsTGG": "1:g.10_12=",
    "1:g.10_12delinsTGGG": "1:g.12dup",
    "1:g.10_12delinsTG": "1:g.12del",
    "1:g.10_13delinsGCCA": "1:g.10_13inv",
    "1:g.10_13inv": "1:g.10_13inv",
    "1:g.35_36inv": "1:g.35_36=",
    "1:g.12G>G": "1:g.12=",
    "1:g.10_12dup": "1:g.10_12dup",
    "1:g.9_10ins13_15": "1:g.9_10insCTC",
    "1:g.9_10ins13_15inv": "1:g.9_10insGAG",
    "1:g.9_10ins[C;13_15]": "1:g.9_10insCCTC",
    "1:g.9_10insG[3]": "1:g.9_10insGGG",
    "1:g.9_10ins[1:g.13_15]": "1:g.9_10insCTC",
    "1:g.15CAG[4]": "1:g.21_23dup",
    "1:g.15CAG[2]": "1:g.21_23del",
    "1:g.15_23CAG[3]": "1:g.15_23=",
    "1:g.1delinsAT": "1:g.1delinsAT",
    "1:g.52delinsGA": "1:g.52delinsGA",
    "1:g.pterdel": "1:g.2del",
    "1:g.qterdup": "1:g.52dup",
    "1:g.[11G>A;13_14del]": "1:g.[11G>A;14_15del]",
    "1:g.[13_14del;11G>A]": "1:g.[11G>A;14_15del]",
    "1:g.[10_11insC;11del;11_12insA]": "1:g.11delinsCA",
    "1:g.[10=;11del]": "1:g.12del",
    "1:g.[11G>A;13C>T]": "1:g.[11G>A;13C>T]",
    "1:g.[11G>A];[11=]": "1:g.[11G>A];[11=]",
    "1:g.11G>A(;)6del": "1:g.11G>A(;)9del",
    "1:g.12=/G>C": "1:g.12=/G>C",
    "NM_1.1:c.[1A>T;3G>C]": "NM_1.1:c.1_3delinsTTC",
    "NM_1.1:c.[3G>C;5C>T]": "NM_1.1:c.[3G>C;5C>T]",
    "NM_1.1:c.-3del": "NM_1.1:c.1del",
    "NM_1.1:c.7_9del": "NM_1.1:c.13_15del",
    "NM_1.1:c.15_15+1insG": "NM_1.1:c.15+1dup",
    "NM_1.1:c.15+2_15+3insT": "NM_1.1:c.15+2dup",
    "NM_1.1:c.=": "NM_1.1:c.=",
    "NM_1.1:c.?": "NM_1.1:c.?",
    "NM_2.1:c.-3T>G": "NM_2.1:c.-3T>G",
    "NM_2.1:r.(1a>g)": "NM_2.1:r.(1a>g)",
    "NM_1.1:n.6_8del": "NM_1.1:c.1_3del",
    "NR_1.1:n.20+1G>T": "NR_1.1:n.20+1G>T",
    "NP_1.1:p.W24*": "NP_1.1:p.Trp24Ter",
}

REFUSED = {
    "1:g.6T>C": "1 has 'A' there",
    "1:g.6_7delTT": "1 has 'AA' there",
    "1:g.99del": "52 bases",
    "1:g.(6_9)del": "not known exactly",
    "1:g.6_7ins(3)": "aren't told",
    "1:g.6A[?]": "is not known exactly",
    "1:g.6_7insA[99999999]": "1,000,000 inserted bases",
    "1:g.15_18CAG[2]": "not made of",
    "1:g.16CAG[2]": "something else there",
    "1:g.6A[2]T[3]": "range of the whole tract",
    "1:g.[6del;5_7del]": "overlap",
    "1:g.[6_7insA;6_7insC]": "overlap",
    "1:g.?": None,
    "NM_1.1:c.25del": "it would be *1",
    "NM_1.1:c.14+1del": "isn't in an intron",
    "NM_1.1:c.15+9del": "isn't in an intron",
    "NM_1.1:c.*99del": "there is no position",
    "NM_1.1:c.pterdel": "end of a chromosome",
    "NM_1.1:c.1_2ins14_17": "with or without the intron",
    "NR_1.1:c.1del": "begin with n.",
    "NR_1.1:n.99del": "39 bases",
    "2:g.5del": "no sequence",
}


@pytest.mark.parametrize(("name", "expected"), NORMALISED.items())
def test_one_name_for_every_spelling(name, expected):
    assert normalise(name, SEQUENCES) == expected
    assert normalise(expected, SEQUENCES) == expected


@pytest.mark.parametrize(("name", "reason"), [item for item in REFUSED.items() if item[1]])
def test_contradictions_and_unknowns_are_refused(name, reason):
    with pytest.raises(HgvsError) as error:
        normalise(name, SEQUENCES)
    assert reason in str(error.value)


def test_repeats_are_written_as_copies_when_asked_for():
    for name, expected in {
        "1:g.15CAG[5]": "1:g.15_23CAG[5]",
        "1:g.14_15insCAGCAG": "1:g.15_23CAG[5]",
        "1:g.6_7insAA": "1:g.6_9A[6]",
        "1:g.15CAG[4]": "1:g.21_23dup",
        "1:g.15CAG[1]": "1:g.18_23del",
    }.items():
        assert normalise(name, SEQUENCES, repeats=True) == expected
        assert normalise(expected, SEQUENCES, repeats=True) == expected


def altered(name: str) -> str:
    """The contig after the one change of a g. name, by nothing but the meaning of its words."""
    change = parse(name).single
    found = resolve(change, SEQUENCES.axis("1", "", "g"), SEQUENCES)
    return GENOME[: found.start - 1] + found.alt + GENOME[found.end - 1 :]


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 52), st.integers(0, 8), st.text("ACGT", max_size=8))
def test_the_name_means_what_the_spelling_meant(start, size, new):
    end = min(start + size - 1, 52)
    if size == 0:
        if start == 52 or not new:
            return
        name = f"1:g.{start}_{start + 1}ins{new}"
    else:
        name = f"1:g.{start}_{end}delins{new}" if new else f"1:g.{start}_{end}del"
        if start == end:
            name = name.replace(f"_{end}", "")
    expected = altered(name)
    if len(expected) == 0:
        return
    canonical = normalise(name, SEQUENCES)
    assert altered(canonical) == expected
    assert normalise(canonical, SEQUENCES) == canonical
    copies = normalise(name, SEQUENCES, repeats=True)
    assert altered(copies) == expected
    assert normalise(copies, SEQUENCES) == canonical


@given(st.text("ACGTN", max_size=9))
def test_reverse_complement_turns_back(bases):
    assert reverse_complement(reverse_complement(bases)) == bases
