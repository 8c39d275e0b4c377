"""The slow twin of the HGVS engine, on small transcripts whose names can be read off by eye."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.hgvs import THREE, Transcript, describe, genomic_name, reverse_complement, translate

UPSTREAM, DOWNSTREAM = "T" * 7, "C" * 5
#           5' UTR    Met Ala Lys Pro Gly | intron | Cys Leu Ter   3' UTR
EXON_1 = "GACCA" + "ATGGCTAAACCTGGT"
INTRON = "GTAAGTCCTTCCAG"
EXON_2 = "TGTCTGTAA" + "GCATAGTTCCTGACTGA"
PLUS = UPSTREAM + EXON_1 + INTRON + EXON_2 + DOWNSTREAM
CDS = (5, 5 + 15 + 9)
EXONS = ((8, 27), (42, 67))


def both_strands(pos, ref, alt):
    """The names of one change on the transcript and on its mirror image, which must be the same."""
    plus = describe(PLUS, Transcript(1, EXONS, CDS), pos, ref, alt)
    size = len(PLUS)
    mirrored = tuple((size + 1 - end, size + 1 - start) for start, end in EXONS)
    minus = describe(
        reverse_complement(PLUS),
        Transcript(-1, mirrored, CDS),
        size + 1 - (pos + len(ref) - 1),
        reverse_complement(ref),
        reverse_complement(alt),
    )
    assert plus == minus
    return plus.transcript, plus.protein


def at(c_position: int) -> int:
    """The place of a coding base in the contig, 1-based."""
    return 12 + c_position if c_position <= 15 else 41 + c_position - 15


CASES = {
    "missense": (at(4), "G", "A", "c.4G>A", "p.Ala2Thr"),
    "synonymous": (at(6), "T", "C", "c.6T>C", "p.Ala2="),
    "nonsense": (at(7), "A", "T", "c.7A>T", "p.Lys3Ter"),
    "start": (at(1), "A", "G", "c.1A>G", "p.Met1?"),
    "stop_lost": (at(22), "T", "C", "c.22T>C", "p.Ter8GlnextTer2"),
    "stop_kept": (at(24), "A", "G", "c.24A>G", "p.Ter8="),
    "frameshift": (at(4), "GC", "G", "c.5del", "p.Ala2ValfsTer11"),
    "deletion_of_a_run_moves_to_its_end": (at(6), "TA", "T", "c.9del", "p.Lys3AsnfsTer10"),
    "in_frame_deletion": (at(3), "GGCT", "G", "c.4_6del", "p.Ala2del"),
    "in_frame_duplication": (at(3), "G", "GGCT", "c.4_6dup", "p.Ala2dup"),
    "in_frame_insertion": (at(6), "T", "TGAC", "c.6_7insGAC", "p.Ala2_Lys3insAsp"),
    "insertion_of_a_stop": (at(6), "T", "TGACTAA", "c.6_7insGACTAA", "p.Ala2_Lys3insAspTer"),
    "delins_with_a_stop": (at(5), "CT", "ATTAG", "c.5_6delinsATTAG", "p.Ala2delinsAspTer"),
    "stop_where_it_was": (at(19), "CT", "ATATA", "c.19_20delinsATATA", "p.Leu7Ile"),
    "inversion": (at(5), "CTA", "TAG", "c.5_7inv", "p.Ala2_Lys3delinsValGlu"),
    "two_codons": (at(6), "TA", "CG", "c.6_7delinsCG", "p.Lys3Glu"),
    "start_duplicated_before": (at(1), "A", "AA", "c.1dup", "p.Met1?"),
    "five_prime_utr": (at(1) - 2, "C", "T", "c.-2C>T", None),
    "insertion_in_front_of_the_start": (at(1) - 1, "A", "AC", "c.-1_1insC", None),
    "three_prime_utr": (at(24) + 1, "G", "A", "c.*1G>A", None),
    "into_the_stop": (at(24), "AG", "A", "c.*1del", None),
    "copy_at_the_border": (27, "T", "TT", "c.15dup", "p.Cys6LeufsTer9"),
    "donor": (28, "G", "A", "c.15+1G>A", None),
    "acceptor": (41, "G", "A", "c.16-1G>A", None),
    "middle_of_the_intron": (34, "C", "G", "c.15+7C>G", None),
    "behind_the_middle": (35, "C", "G", "c.16-7C>G", None),
    "over_the_border": (25, "GGTG", "G", "c.14_15+1del", "p.?"),
    "between_exon_and_intron": (27, "T", "TA", "c.15_15+1insA", "p.?"),
    "from_exon_into_intron": (25, "GG", "G", "c.14del", "p.Gly5ValfsTer8"),
    "upstream": (6, "T", "A", None, None),
    "downstream": (69, "C", "A", None, None),
    "from_inside_over_the_end": (66, "GAC", "G", "c.*17_*18del", None),
}


@pytest.mark.parametrize("case", CASES)
def test_names_of_small_changes(case):
    pos, ref, alt, transcript, protein = CASES[case]
    assert PLUS[pos - 1 : pos - 1 + len(ref)] == ref
    assert both_strands(pos, ref, alt) == (transcript, protein)


def test_a_change_moves_into_the_intron_but_not_over_it():
    exon, intron, next_exon = "ATGGCTAAAG", "GTAAGTTTAG", "GCCTGATAA"
    genome = "CC" + exon + intron + next_exon + "CC"
    transcript = Transcript(1, ((3, 12), (23, 31)), (0, 18))
    # The exon ends with the base that the intron begins with, and the intron with that of the next exon.
    assert describe(genome, transcript, 11, "AG", "A").transcript == "c.10+1del"
    assert describe(genome, transcript, 21, "AG", "A").transcript == "c.11del"


def test_genetic_codes():
    assert translate("ATGTGAAGATAA") == "M*"
    assert translate("ATGTGAATAAGATAA", mitochondrial=True) == "MWM*"
    assert translate("ATGNNNTAA") == "MX*"
    assert len(THREE) == 22


def test_genomic_names():
    assert genomic_name("TTACACAGG", 2, "T", "TAC") == "g.6_7dup"
    assert genomic_name("TTACACAGG", 2, "TAC", "T") == "g.6_7del"
    assert genomic_name("TTACACAGG", 4, "CA", "TG") == "g.4_5inv"


def test_non_coding_transcripts_count_from_their_first_base():
    found = describe(PLUS, Transcript(1, EXONS, None), 28, "G", "A")
    assert (found.transcript, found.protein) == ("n.20+1G>A", None)


def apply_protein(name: str, protein: str) -> str:
    """Do to a protein what its name says; only for names that say all of it."""
    one = {three: letter for letter, three in THREE.items()}

    def letters(text: str) -> str:
        return "".join(one[text[i : i + 3]] for i in range(0, len(text), 3))

    first, last, rest = re.fullmatch(r"p\.[A-Z][a-z]{2}(\d+)(?:_[A-Z][a-z]{2}(\d+))?(.*)", name).groups()
    start, end = int(first) - 1, int(last or first)
    if rest == "=":
        return protein
    if rest == "del":
        return protein[:start] + protein[end:]
    if rest == "dup":
        return protein[:end] + protein[start:end] + protein[end:]
    if rest.startswith("ins"):
        return protein[: start + 1] + letters(rest[3:]) + protein[start + 1 :]
    if rest.startswith("delins"):
        return protein[:start] + letters(rest[6:]) + protein[end:]
    return protein[:start] + letters(rest) + protein[end:]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["GCT", "AAA", "TGT", "TTG", "CAG", "TCA"]), min_size=3, max_size=8),
    st.integers(3, 20),
    st.integers(0, 4),
    st.text("ACGT", max_size=7),
)
def test_a_protein_name_does_to_the_protein_what_the_variant_does(codons, first, size, alt):
    coding = "ATG" + "".join(codons) + "TAA"
    genome = "GG" + coding + "GCCTAGCATGACCTAACTAGTTGA"
    ref = genome[first + 2 : first + 2 + size]
    if ref == alt or first + 2 + size > len(coding):
        return
    anchor = genome[first + 1]
    found = describe(
        genome,
        Transcript(1, ((1, len(genome)),), (2, 2 + len(coding))),
        first + 2,
        anchor + ref,
        anchor + alt,
    )
    if found.protein in (None, "p.?", "p.Met1?"):
        return
    altered = genome[: first + 2] + alt + genome[first + 2 + size :]
    expected = translate(altered[2:])
    assert found.altered_protein == expected
    old = found.reference_protein
    shift = re.fullmatch(r"p\.[A-Z][a-z]{2}(\d+)([A-Z][a-z]{2})fsTer(\d+|\?)", found.protein)
    tail = re.fullmatch(r"p\.Ter(\d+)([A-Z][a-z]{2})extTer(\d+|\?)", found.protein)
    if shift or tail:
        index = int((shift or tail)[1]) - 1
        assert old[:index] == expected[:index] and old[index] != expected[index]
        assert THREE[expected[index]] == (shift or tail)[2]
        stop = (shift or tail)[3]
        assert stop == ("?" if expected[-1] != "*" else str(len(expected) - index - (1 if tail else 0)))
    else:
        applied = apply_protein(found.protein, old)
        assert applied[: applied.index("*") + 1] == expected
