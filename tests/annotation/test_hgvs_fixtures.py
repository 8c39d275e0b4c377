"""Names of other projects: what they call valid is read, and what Mutalyzer normalises is normalised alike.

Where the result differs the row is listed with the reason; a row that isn't listed must be equal.
"""

from __future__ import annotations

from functools import cache

import pytest

from endotype.annotation.hgvs.model import HgvsError
from endotype.annotation.hgvs.normalise import normalise, resolve
from endotype.annotation.hgvs.parse import parse, parse_fusion
from endotype.annotation.hgvs.project import to_axis, to_genomic
from tests.annotation.hgvs_sequences import FIXTURES, MutalyzerSequences, NoSequenceError, fasta, load
from tests.reference import hgvs as twin

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FIXTURES.is_dir(), reason="the HGVS fixtures are not at hand"),
]

NOT_HGVS = {
    7: "no kind of name",
    8: "no kind of name",
    171: "intronic offset behind the last exon",
    224: "several bases in a substitution",
    226: "no kind of name, no edit",
    227: "no edit",
    233: "no base in front of >",
    234: "no base in front of >",
    236: "intronic offset within an exon",
    259: "g. for a mitochondrion",
    269: "pter of a transcript",
    271: "qter of a transcript",
    316: "a repeat whose unit is a position",
    317: "a repeat whose unit is a position",
}
"""Inputs that Mutalyzer mends and that are not HGVS: refused, with a message."""

OTHERWISE = {
    76: ("NM_002001.2:c.1_3=", "the positions that were looked at are kept"),
    147: ("NG_012337.1:g.4delinsGGTTCTACCATATCTCTACTTTGTG", "a copied range is written as bases"),
    160: (
        "NG_012337.1:g.4delinsGGTTCTACCATATCTCTACTTTGTGTTTATGTTTGTGTATGCAT",
        "a copied range is written as bases, and one delins stays one",
    ),
    301: ("NM_003002.4:c.206_209delinsCACTGACAACCCTCTCGCTAGTCCAGTGGA", "a copied range is written as bases"),
    330: ("NG_012337.3(NM_003002.4):p.(Asp92Tyr)", "protein names are not looked up"),
    346: (
        "NM_004006.2:c.[992_1002del;1004T>C]",
        "a base lies between them, which aren't two substitutions of one codon (SVD-WG010 was rejected)",
    ),
}
"""Rows that get another name here than Mutalyzer's, and why."""


@cache
def sequences() -> MutalyzerSequences:
    return MutalyzerSequences()


@cache
def cases():
    return load("mutalyzer-normalize/cases.json.gz")["cases"]


def outcome(text: str) -> tuple[str, str]:
    try:
        return "name", normalise(text, sequences(), repeats=True)
    except NoSequenceError as error:
        return "no_sequence", str(error)
    except HgvsError as error:
        return "error", str(error)


def test_normalised_names_of_mutalyzer():
    equal, no_sequence, unlisted = 0, [], []
    for i, case in enumerate(cases()):
        if not case.get("normalized"):
            continue
        kind, found = outcome(case["input"])
        if kind == "no_sequence":
            no_sequence.append(i)
        elif i in NOT_HGVS:
            assert kind == "error", (i, found)
        elif i in OTHERWISE:
            assert found == OTHERWISE[i][0], i
            if i in (147, 301):  # the same bases
                assert normalise(case["normalized"], sequences()) == found
        elif found == case["normalized"]:
            equal += 1
        else:
            unlisted.append((i, case["input"], case["normalized"], found))
    assert not unlisted
    # 247 rows have a normalised name; the fixtures hold the bases for 133 of them.
    assert (equal, len(no_sequence), len(NOT_HGVS), len(OTHERWISE)) == (113, 114, 14, 6)


def test_repairs_that_the_recommendations_print():
    """Names they call wrong, on transcripts of which the fixtures have the bases."""
    repairs = load("grammar/hgvs_spec_enumeration_overrides.json")["repairs"]
    transcripts = fasta("grammar/spec_enumeration_transcripts.fna.gz")
    starts = {one["id"]: one for one in load("grammar/spec_enumeration_windows.json.gz")["transcripts"]}
    known = MutalyzerSequences()
    known.transcripts |= transcripts
    known.metadata |= starts
    mended = {}
    for wrong, entry in repairs.items():
        if wrong.split(":")[0] in transcripts:
            mended[wrong] = (entry["repaired"], normalise(wrong, known))
    assert len(mended) == 8
    assert all(expected == found for expected, found in mended.values()), mended


def test_errors_of_mutalyzer_are_errors():
    accepted, no_sequence = [], 0
    for i, case in enumerate(cases()):
        if not case.get("errors"):
            continue
        kind, found = outcome(case["input"])
        no_sequence += kind == "no_sequence"
        if kind == "name":
            accepted.append((i, case["input"], case["errors"], found))
    assert not accepted
    assert no_sequence == 11


def test_every_normalised_name_is_read_and_stays():
    for case in cases():
        for column in ("normalized", "genomic", "protein_description"):
            if case.get(column) and ":c.[274;" not in case[column] and ":g.274" not in case[column]:
                if case[column] == "NG_012337.1:g.[7125;13244]":
                    continue  # positions without an edit
                assert str(parse(case[column])) == case[column]


def test_genomic_names_of_mutalyzer():
    equal, otherwise = 0, {}
    for i, case in enumerate(cases()):
        if not case.get("genomic") or i in NOT_HGVS:
            continue
        try:
            found = str(to_genomic(case["input"], sequences(), repeats=True))
        except NoSequenceError:
            continue
        if found == case["genomic"]:
            equal += 1
        else:
            otherwise[i] = found
    # Mutalyzer writes ins[4888_4903;A] there: a copied range, and one base.
    assert (equal, otherwise) == (57, {293: "NG_012337.1:g.4907_4908insAGGCTCGCCACCTTCCA"})


def test_genomic_names_carry_back_to_the_transcript():
    checked = 0
    for case in cases():
        if outcome(case["input"])[0] != "name":
            continue
        name = normalise(case["input"], sequences())
        description = parse(name)
        if not description.selector or description.kind not in "cn":
            continue
        axis = sequences().axis(description.reference, description.selector, description.kind)
        assert str(to_axis(to_genomic(description, sequences()), axis, sequences())) == name
        checked += 1
    assert checked == 68


def test_protein_names_of_mutalyzer_and_of_the_twin():
    """The twin takes a spliced transcript for a genome with a gene of one exon."""
    equal, otherwise = 0, {}
    for i, case in enumerate(cases()):
        if not case.get("protein_description") or not case["input"].startswith("NM_"):
            continue
        description = parse(case["input"])
        axis = sequences().axis(description.reference, "", description.kind)
        change = description.single
        found = resolve(change, axis, sequences())
        bases, size = axis.sequence, len(axis.sequence)
        pos = max(1, found.start)  # one base in front as the anchor
        ref = bases[pos - 1 : found.end]
        cds = sequences()._cds(description.reference)
        transcript = twin.Transcript(1, ((1, size),), cds)
        protein = twin.describe(bases, transcript, pos, ref, bases[pos - 1 : found.start] + found.alt).protein
        expected = case["protein_description"].split(":p.")[1].strip("()")
        if (protein or "p.=").removeprefix("p.") == expected:
            equal += 1
        else:
            otherwise[i] = (expected, protein)
    # A change of the start codon is p.? for Mutalyzer; both are legal, p.Met1? says why nothing is known.
    assert (equal, otherwise) == (29, dict.fromkeys((93, 95, 97), ("?", "p.Met1?")))


def test_grammar_cases():
    for case in load("grammar/parsing.json")["parsing"]:
        if case["valid"]:
            assert str(parse(case["input"])).removesuffix("A") == case["input"].removesuffix("A")
        else:
            with pytest.raises(HgvsError):
                parse(case["input"])


def test_examples_of_the_recommendations_come_back_as_they_are():
    data = load("grammar/hgvs_canonical_examples.json")
    names = [example["hgvs"] for part in data["categories"].values() for example in part["examples"]]
    names += data["simple_parseable"]
    assert len(names) == 100
    for name in names:
        read = parse_fusion(name) if "::" in name else parse(name)
        assert str(read) == name.replace("W24*", "Trp24Ter")


def test_generated_names_of_constrained_genes():
    names = [case["input"] for case in load("bulk/gnomad_constrained.json.gz")["test_cases"]]
    assert len(names) == 720
    for name in names:
        assert str(parse(name)) == name.replace("Trp150*", "Trp150Ter")
