"""Reading HGVS names: what is valid comes out in canonical form, all else with the place of the fault."""

from __future__ import annotations

import pickle
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endotype.annotation.hgvs.grammar_protein import AMINO
from endotype.annotation.hgvs.model import (
    Allele,
    Bounds,
    Change,
    Count,
    Description,
    Edit,
    HgvsError,
    Piece,
    Point,
    ProteinChange,
    Residue,
    Span,
)
from endotype.annotation.hgvs.parse import MAX_LENGTH, parse, parse_fusion

CANONICAL = [
    "NC_000023.11:g.33038255C>A",
    "NC_000023.11:g.1=",
    "NC_000023.11:g.19_21=",
    "NC_012920.1:m.3243A>G",
    "J01749.1:o.4344_197dup",
    "NM_004006.2:c.=",
    "NM_004006.2:c.?",
    "NM_004006.2:c.-5del",
    "NM_004006.2:c.*37_*38insG",
    "NM_004006.2:c.-1_1insT",
    "NC_000023.11(NM_004006.2):c.93+1G>T",
    "NC_000023.11(NM_004006.2):c.183_186+48del",
    "NC_000023.11(NM_004006.2):c.*1-5_*1-2dup",
    "NC_000023.11(NM_004006.2):c.(4071+1_4072-1)_(5154+1_5155-1)del",
    "NC_000023.11(NM_004006.2):c.(?_-245)_(31+1_32-1)del",
    "NC_000023.11:g.(31060227_31100351)_(33274278_33417151)dup",
    "NM_004006.2:c.88+?_923+?del",
    "NM_004006.2:c.850_901delinsTTCC",
    "NM_004006.2:c.5657_5660inv",
    "NM_004006.2:c.761_762insN[5]",
    "NM_004006.2:c.419_420ins[T;401_419]",
    "NM_004006.2:c.940_941ins[885_940inv;A;851_883inv]",
    "NC_000004.11:g.(3076562_3076732)ins(12)",
    "NC_000023.10:g.32717298_32717299ins(80_120)",
    "NC_000023.10:g.32717298_32717299ins(?)",
    "NC_000002.11:g.47643464_47643465ins[NC_000022.10:g.35788169_35788352]",
    "NC_000002.11:g.10_11ins[NC_000022.10:g.5_9inv]",
    "NM_002024.5:c.-129CGG[79]",
    "NM_002024.5:c.-128GGM[108]",
    "NM_002024.5:c.-129CGG[(600_800)]",
    "NM_002024.5:c.-129CGG[?]",
    "NC_000014.8:g.123_191CAG[19]CAA[4]",
    "NC_000014.8:g.101179660TG[14];[18]",
    "LRG_199t1:c.54G>H",
    "LRG_199t1:c.85=/T>C",
    "LRG_199t1:c.85=//T>C",
    "LRG_199t1:c.[2376G>C;3103del]",
    "LRG_199t1:c.[2376G>C];[3103del]",
    "LRG_199t1:c.[2376G>C];[?]",
    "LRG_199t1:c.2376G>C(;)3103del",
    "NM_004006.2:c.[296T>G;476T>C];[476T>C](;)1083A>C",
    "NR_002196.3:n.123+54G>A",
    "NM_004006.3:r.123c>g",
    "NM_004006.3:r.123_124insauc",
    "NM_004006.3:r.-110gcu[6]",
    "NM_004006.3:r.9495_9497[4]",
    "NM_004006.3:r.spl",
    "NM_004006.3:r.0",
    "NM_004006.3:r.?",
    "NM_004006.3:r.(?)",
    "NM_004006.3:r.(123a>u)",
    "NC_000002.12:g.pter_8247756delins[NC_000011.10:g.pter_15825272]",
    "chr1:g.12345A>G",
    "JAM2:c.721A>T",
    "NP_003997.1:p.Trp24Cys",
    "NP_003997.1:p.(Trp24Cys)",
    "NP_003997.1:p.(Trp24Ter)",
    "NP_003997.1:p.(Gly56Ala^Ser^Cys)",
    "NP_003997.1:p.Cys188=",
    "NP_003997.1:p.Arg100_Leu101=",
    "NP_003997.1:p.(=)",
    "NP_003997.1:p.?",
    "NP_003997.1:p.0",
    "NP_003997.1:p.0?",
    "NP_003997.1:p.(Met1?)",
    "NP_003997.1:p.Lys23_Val25del",
    "NP_003997.1:p.Lys23_Val25dup",
    "NP_003997.1:p.(Pro46_Asn47insSerSerTer)",
    "NP_003997.1:p.(Ser332_Ser333ins(1))",
    "NP_003997.1:p.(Val582_Asn583insXaa[5])",
    "NP_003997.1:p.Gln746_Lys747insTer63",
    "NP_003997.1:p.Glu125_Ala132delinsGlyLeuHis",
    "NP_003997.1:p.Arg97ProfsTer23",
    "NP_003997.1:p.(Arg97fs)",
    "NP_003997.1:p.Ile327ArgfsTer?",
    "NP_003997.1:p.Met1ext-5",
    "NP_003997.1:p.Ter110GlnextTer17",
    "NP_003997.1:p.Ter327ArgextTer?",
    "NP_003997.1:p.Ter315TyrextAsnLysGlyThrTer",
    "NP_003997.1:p.Ala2[10]",
    "NP_003997.1:p.Ala2[10];[11]",
    "NP_003997.1:p.Arg65_Ser67[12]",
    "NP_003997.1:p.[Ser68Arg;Asn594del]",
    "NP_003997.1:p.[(Ser68Arg;Asn594del)]",
    "NP_003997.1:p.[(Ser68Arg)];[?]",
    "NP_003997.1:p.(Ser73Arg)(;)(Asn103del)",
    "NP_003997.1:p.Trp24=/Cys",
]

OLD_SPELLINGS = {
    " NM_004006.2:c.20dupT\n": "NM_004006.2:c.20dup",
    "NM_004006.2:c.6775_6777delGAGinsC": "NM_004006.2:c.6775_6777delinsC",
    "NM_004006.2:c.20_22del3": "NM_004006.2:c.20_22del",
    "NM_004006.2:c.48_49+2dupTATA": "NM_004006.2:c.48_49+2dup",
    "NM_004006.2:c.20_21insa": "NM_004006.2:c.20_21insA",
    "NM_004006.2:c.20_21ins[ATC]": "NM_004006.2:c.20_21insATC",
    "NM_004006.2:c.20_21ins10": "NM_004006.2:c.20_21ins(10)",
    "NM_004006.2:c.123C=": "NM_004006.2:c.123=",
    "NC_000023.10:g.32867907_32867908insL37425.1:23_361": (
        "NC_000023.10:g.32867907_32867908ins[L37425.1:23_361]"
    ),
    "NP_003997.1:p.W24*": "NP_003997.1:p.Trp24Ter",
    "NP_003997.1:p.W24X": "NP_003997.1:p.Trp24Ter",
    "NP_003997.1:p.(Tyr4*)": "NP_003997.1:p.(Tyr4Ter)",
    "NP_003997.1:p.Gln151Thrfs*9": "NP_003997.1:p.Gln151ThrfsTer9",
    "NP_003997.1:p.Q151TfsX9": "NP_003997.1:p.Gln151ThrfsTer9",
    "NP_003997.1:p.*110Glnext*17": "NP_003997.1:p.Ter110GlnextTer17",
    "NP_003997.1:p.Lys23_Val24delLysVal": "NP_003997.1:p.Lys23_Val24del",
    "NP_003997.1:p.(Ser332_Ser333insX)": "NP_003997.1:p.(Ser332_Ser333insXaa)",
    "NP_003997.1:p.Arg78_Gly79ins23": "NP_003997.1:p.Arg78_Gly79ins(23)",
}

MALFORMED = {  # where reading stops, and a word of what is expected there
    "": (0, "reference"),
    "invalid": (7, "':'"),
    "NM_000088.3": (11, "':'"),
    "NM_000088.3:c.": (14, "position"),
    "NM_000088.3:x.100A>G": (12, "c., n., r., p."),
    "NM_000088.3:100A>G": (12, "c., n., r., p."),
    "NM_000088.3:c.100X>G": (17, "a base and '>'"),
    "NM_000088.3:c.100A>": (17, "one base for one base"),
    "NM_000088.3:c.100GC>TG": (17, "delins"),
    "NM_000088.3:c.100_101A>G": (21, "one position"),
    "NM_000088.3:c.100U>G": (17, "a base and '>'"),
    "NM_000088.3:r.100t>g": (17, "a base and '>'"),
    "NM_000088.3:c.0A>G": (14, "there is no 0"),
    "NM_000088.3:g.-5del": (14, "position"),
    "NM_000088.3:g.5+3del": (15, "a base and '>'"),
    "NM_000088.3:c.5+0del": (14, "from 1 on"),
    "NM_000088.3:c.20_10del": (14, "10_20"),
    "NM_000088.3:c.*5_3del": (14, "runs forward"),
    "NM_000088.3:c.10insA": (16, "two neighbouring positions"),
    "NM_000088.3:c.10_12insA": (19, "two neighbouring positions"),
    "NM_000088.3:c.10del3": (16, "each of the 3 bases"),
    "NM_000088.3:c.10_12delAC": (19, "each of the 2 bases"),
    "NM_000088.3:c.10inv": (16, "two positions"),
    "NM_000088.3:c.10_20con30_40": (19, "delins"),
    "NM_000088.3:c.10_11ins": (22, "inserted bases"),
    "NM_000088.3:c.10_11ins[A": (24, "']'"),
    "NM_000088.3:c.[10del": (20, "']'"),
    "NM_000088.3:c.[10del;]": (21, "position"),
    "NM_000088.3:c.10A[3": (19, "']'"),
    "NM_000088.3:c.10A[(5_3)]": (22, "smaller number first"),
    "NM_000088.3:c.10del;20del": (19, "end of the name"),
    "NM_000088.3(:c.10del": (12, "reference"),
    "NM_000088.3(COL1A1:c.10del": (18, "')'"),
    "NM_000088.3:c.1234567890123del": (14, "12 digits"),
    "NM_000088.3:c.\u0661del": (14, "position"),
    "NM_000088.3:c.10del\u202e": (19, "end of the name"),
    "NP_000079.2:p.Lys": (17, "position of the residue"),
    "NP_000079.2:p.24Cys": (14, "amino acid"),
    "NP_000079.2:p.TrpVal24CysArg": (17, "position of the residue"),
    "NP_000079.2:p.(Trp24Cys": (23, "')'"),
    "NP_000079.2:p.Tyr4TerfsTer1": (18, "immediate stop"),
    "NP_000079.2:p.Lys23_Val25insGly": (25, "neighbouring"),
    "NP_000079.2:p.Val25_Lys23del": (14, "forward"),
    "NP_000079.2:p.Lys23_Val24delLys": (28, "2 residues"),
    "NP_000079.2:p.Lys23_Val24insTerGly": (28, "nothing after the stop"),
    "NP_000079.2:p.Lys23fsTer0": (24, "from 1 on"),
    "NP_000079.2:p.Lys23ext-5": (22, "Met1"),
    "NP_000079.2:p.Lys23ext": (22, "Ter110GlnextTer17"),
    "NP_000079.2:p.([Ser68Arg;Asn594del])": (15, "amino acid"),
}


@pytest.mark.parametrize("name", CANONICAL)
def test_canonical_names_come_back_as_they_are(name):
    assert str(parse(name)) == name


@pytest.mark.parametrize(("old", "canonical"), OLD_SPELLINGS.items())
def test_old_spellings_become_canonical(old, canonical):
    assert str(parse(old)) == canonical
    assert str(parse(canonical)) == canonical


@pytest.mark.parametrize(("name", "fault"), MALFORMED.items(), ids=list(map(ascii, MALFORMED)))
def test_malformed_names_say_where_and_what_is_expected(name, fault):
    with pytest.raises(HgvsError) as error:
        parse(name)
    place, expected = fault
    assert (error.value.place, expected in error.value.reason) == (place, True), error.value.reason
    assert error.value.text == name.strip()
    assert str(error.value).startswith(f"at character {place + 1}: ")
    assert str(error.value).isprintable()


def test_bare_names_are_read_only_when_asked_for():
    assert str(parse("c.76A>T", bare=True)) == "c.76A>T"
    with pytest.raises(HgvsError):
        parse("c.76A>T")


def test_fusions_of_rna():
    name = "NM_152263.2:r.-115_775::aggcucccuugg::NM_002609.3:r.1580_*1924"
    assert str(parse_fusion(name)) == name
    for wrong in ("NM_152263.2:r.1_775", "NM_152263.2:c.1_7::NM_002609.3:r.1_9", "NM_152263.2:r.1_7::"):
        with pytest.raises(HgvsError):
            parse_fusion(wrong)


def test_parts_of_a_name():
    found = parse("NC_000023.11(NM_004006.2):c.[-5-3_*7+2delinsAC;(12_15)insN[3]];[99=]")
    first, second = found.alleles
    assert (found.reference, found.selector, found.kind) == ("NC_000023.11", "NM_004006.2", "c")
    assert first.changes[0].location == Span(Point(-5, -3), Point(7, 2, after=True))
    assert first.changes[0].edit.inserted == (Piece("AC"),)
    assert first.changes[1].location == Bounds(Point(12), Point(15))
    assert first.changes[1].edit.inserted == (Piece("N", count=Count(3, 3)),)
    assert (second.changes[0].edit.kind, found.joins, found.single) == ("equal", (";",), None)
    protein = parse("NP_1.1:p.(Arg97ProfsTer23)").single
    assert protein == ProteinChange(
        *[Residue("Arg", 97)] * 2, "frameshift", ("Pro",), stop=23, stop_given=True, predicted=True
    )


def test_named_bases_are_kept_for_the_check_against_the_sequence():
    assert parse("NM_1.1:c.20_22delGAG").single.edit.ref == "GAG"
    assert parse("NM_1.1:c.20_22del3").single.edit.length == 3


def test_length_is_limited_and_time_grows_with_it_only():
    with pytest.raises(HgvsError, match="100,000"):
        parse("NM_1.1:c.1_2ins" + "A" * MAX_LENGTH)
    filler = MAX_LENGTH - 40
    hostile = ["[" * filler, "(" * filler, "1_2ins" + "A" * filler, "1A>G;" * (filler // 5)]
    hostile += ["1_2ins[" + "A;" * (filler // 2), "[(" + "1del;" * (filler // 5)]
    hostile += ["1A" + "[1]A" * (filler // 4)]
    started = time.process_time()
    for text in hostile:
        for kind in "cp":
            with pytest.raises(HgvsError):
                parse(f"NM_1.1:{kind}.{text}]")
    assert time.process_time() - started < 5


def test_errors_travel_between_processes():
    error = pickle.loads(pickle.dumps(HgvsError("found x", "NM:c.", 3)))
    assert (error.reason, error.text, error.place) == ("found x", "NM:c.", 3)
    assert str(error) == "at character 4: found x"


FRAGMENTS = [*"0123456789_-+*?()[];=><.:/^|ACGTNacgu ", "del", "ins", "dup", "inv", "fs", "ext", "Ter", "Met"]
FRAGMENTS += ["NM_1.1", "c.", "g.", "p.", "r.", "Lys", "pter", "delins", "\x00", "\u202e", "\u0660"]
FRAGMENTS += ["<b>", "$(x)"]


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join)))
def test_any_text_is_a_name_or_an_error(text):
    for candidate in (text, "NM_1.1:c." + text, "NP_1.1:p." + text, "NM_1.1:r." + text):
        try:
            found = parse(candidate)
        except HgvsError as error:
            assert error.place is None or 0 <= error.place <= len(candidate)
            continue
        assert str(parse(str(found))) == str(found)


def points(kind: str):
    bases = st.integers(1, 9999)
    if kind == "g":
        return st.builds(Point, bases)
    offsets = st.integers(-50, 50)
    before = st.builds(Point, bases.map(lambda base: -base), offsets)
    return st.one_of(before, *[st.builds(Point, bases, offsets, st.just(after)) for after in (False, True)])


@st.composite
def descriptions(draw):
    kind = draw(st.sampled_from("gc"))
    bases = st.text("ACGTN", min_size=1, max_size=6)

    edits = st.one_of(
        st.builds(lambda ref, alt: Edit("substitution", ref, alt=alt), *[st.sampled_from("ACGT")] * 2),
        st.sampled_from([Edit("deletion"), Edit("duplication"), Edit("equal")]),
        st.lists(
            st.builds(Piece, bases, count=st.one_of(st.none(), st.just(Count(2, 7)))), min_size=1, max_size=3
        ).map(lambda pieces: Edit("delins", inserted=tuple(pieces))),
        st.builds(lambda unit, n: Edit("repeat", units=((unit, Count(n, n)),)), bases, st.integers(0, 99)),
    )

    def change():
        return Change(draw(points(kind)), draw(edits))

    alleles = []
    for _ in range(draw(st.integers(1, 3))):
        changes = tuple(change() for _ in range(draw(st.integers(1, 3))))
        alleles.append(Allele(changes, bracketed=True))
    return Description("NM_1.1", "", kind, tuple(alleles), (";",) * (len(alleles) - 1))


@settings(max_examples=80, deadline=None)
@given(descriptions())
def test_objects_to_text_and_back(description):
    assert parse(str(description)) == description


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(set(AMINO.values()) - {"Xaa", "Ter"})),
    st.integers(1, 4000),
    st.lists(st.sampled_from(sorted(set(AMINO.values()) - {"Xaa", "Ter"})), min_size=1, max_size=4),
    st.booleans(),
)
def test_protein_changes_to_text_and_back(amino, position, new, predicted):
    first, second = Residue(amino, position), Residue(new[0], position + 1)
    for change in (
        ProteinChange(first, first, "substitution", (new[0],), predicted=predicted),
        ProteinChange(first, second, "delins", (*new, "Ter"), predicted=predicted),
        ProteinChange(first, second, "insertion", tuple(new), predicted=predicted),
        ProteinChange(first, second, "deletion", predicted=predicted),
        ProteinChange(first, first, "frameshift", (new[0],), stop=7, stop_given=True, predicted=predicted),
    ):
        assert parse(f"NP_1.1:p.{change}").single == change
