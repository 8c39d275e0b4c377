"""Names between transcript, contig and VCF; all against the slow twin, on a contig made of repeats."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from endotype.annotation.gene_model import read_gene_model
from endotype.annotation.hgvs.genome import Genome
from endotype.annotation.hgvs.model import HgvsError
from endotype.annotation.hgvs.normalise import normalise
from endotype.annotation.hgvs.parse import parse
from endotype.annotation.hgvs.project import from_vcf, to_axis, to_genomic, to_vcf
from endotype.annotation.reference import Reference, indexed_fasta
from endotype.variants.alleles import left_align
from tests.annotation.builders import CONTIGS, write_fasta, write_gff
from tests.annotation.hgvs_sequences import Small
from tests.reference import hgvs as twin

EXONS = ((11, 30), (41, 55), (65, 90))
CODING = (7, 49)


def repetitive(seed: int, length: int = 100) -> str:
    """Bases in which indels can be written at many places."""
    made, draw = "", random.Random(seed)
    while len(made) < length:
        made += "".join(draw.choices("ACGT", k=draw.randint(1, 3))) * draw.randint(1, 4)
    return made[:length]


TRANSCRIPTS = {
    "PLUS.1": (1, EXONS, CODING),
    "MINUS.1": (-1, EXONS, CODING),
    "LNC.1": (1, EXONS, None),
    "CNL.1": (-1, EXONS, None),
}


@st.composite
def variants(draw):
    """(contig, pos, ref, alt) with an anchor base, somewhere in or near the transcripts."""
    bases = repetitive(draw(st.integers(0, 40)))
    pos, size = draw(st.integers(1, 96)), draw(st.integers(0, 6))
    ref = bases[pos - 1 : pos + size]
    copies = [bases[pos : pos + n] for n in (1, 2, 3, 6)]
    inserted = draw(st.one_of(st.text("ACGT", max_size=5), st.sampled_from(copies)))
    return bases, pos, ref, bases[pos - 1] + inserted


def rewritten(bases: str, pos: int, ref: str, alt: str, more: int) -> tuple[int, str, str]:
    """The same change with more bases in front and behind than it needs."""
    left = max(1, pos - more)
    right = min(len(bases), pos + len(ref) - 1 + more)
    before, after = bases[left - 1 : pos - 1], bases[pos + len(ref) - 1 : right]
    return left, before + ref + after, before + alt + after


@settings(max_examples=400, deadline=None)
@given(variants(), st.sampled_from(sorted(TRANSCRIPTS)), st.integers(0, 6))
@example((repetitive(3), 5, repetitive(3)[4:8], repetitive(3)[4]), "MINUS.1", 2)
def test_names_on_a_transcript_are_those_of_the_twin_however_the_variant_is_written(variant, name, more):
    bases, pos, ref, alt = variant
    if ref == alt:
        return
    strand, exons, cds = TRANSCRIPTS[name]
    sequences = Small(bases, TRANSCRIPTS)
    axis = sequences.axis(name, "", "n" if cds is None else "c")
    expected = twin.describe(bases, twin.Transcript(strand, exons, cds), pos, ref, alt).transcript
    for one in ((pos, ref, alt), rewritten(bases, pos, ref, alt, more)):
        try:
            found = f"{axis.kind}.{from_vcf(*one, axis)}"
        except HgvsError:
            found = None
        assert found == expected
    if expected is None:
        return
    full = f"{name}:{expected}"
    assert normalise(full, sequences) == full
    allele = to_vcf(full, sequences)
    assert allele == ("1", *left_align(pos, ref, alt, sequences.bases))
    genomic = to_genomic(full, sequences)
    assert str(genomic) == "1:" + twin.genomic_name(bases, pos, ref, alt)
    assert to_vcf(genomic, sequences) == allele
    assert str(to_axis(genomic, axis, sequences)) == full


@pytest.mark.parametrize("name", sorted(TRANSCRIPTS))
def test_every_small_change_near_a_border_or_in_the_middle_of_an_intron(name):
    strand, exons, cds = TRANSCRIPTS[name]
    kind = "n" if cds is None else "c"
    named = 0
    for bases in ("ACGTTGCA" * 13, repetitive(11), repetitive(12)):
        axis = Small(bases, TRANSCRIPTS).axis(name, "", kind)
        transcript = twin.Transcript(strand, exons, cds)
        for pos in (8, 9, 10, 11, 29, 30, 40, 41, 59, 60, 61, 88, 89, 90, 91):
            for size in (0, 1, 3):
                ref = bases[pos - 1 : pos + size]
                for alt in ("", "A", "C", "TT", "GA", "CAT", "TGTG"):
                    if ref == bases[pos - 1] + alt:
                        continue
                    expected = twin.describe(bases, transcript, pos, ref, bases[pos - 1] + alt).transcript
                    try:
                        found = f"{kind}.{from_vcf(pos, ref, bases[pos - 1] + alt, axis)}"
                    except HgvsError:
                        found = None
                    assert found == expected, (pos, ref, alt)
                    named += found is not None
    assert named > 600


def test_from_one_transcript_to_another_over_all_their_places():
    sequences = Small(repetitive(7), TRANSCRIPTS)
    minus = sequences.axis("MINUS.1", "", "c")
    for place in range(11, 91):
        ref = sequences.genome[place - 1]
        alt = "ACGT"[("ACGT".index(ref) + 1) % 4]
        there = from_vcf(place, ref, alt, sequences.axis("PLUS.1", "", "c"))
        here = to_axis(f"PLUS.1:c.{there}", minus, sequences)
        assert str(here) == f"MINUS.1:c.{from_vcf(place, ref, alt, minus)}"
        assert str(to_genomic(here, sequences)) == f"1:g.{place}{ref}>{alt}"


def test_alleles_of_several_changes():
    sequences = Small(repetitive(7), TRANSCRIPTS)
    ref = sequences.genome
    text = f"PLUS.1:c.[1{ref[17]}>{twin.reverse_complement(ref[17])};10_12del]"
    genomic = to_genomic(text, sequences)
    assert len(genomic.alleles[0].changes) == 2
    assert str(to_axis(genomic, sequences.axis("PLUS.1", "", "c"), sequences)) == normalise(text, sequences)
    with pytest.raises(HgvsError, match="one change"):
        to_vcf(text, sequences)


def test_what_has_no_vcf_allele():
    sequences = Small(repetitive(7), TRANSCRIPTS)
    for name, reason in {
        "NP_1.1:p.Trp24Cys": "one change of DNA",
        "1:g.5=": "nothing is changed",
        "1:g.(5_9)del": "not known exactly",
        "PLUS.1:c.=": "no position",
    }.items():
        with pytest.raises(HgvsError, match=reason):
            to_vcf(name, sequences)
    with pytest.raises(HgvsError, match="REF"):
        from_vcf(5, "ACGTACGT", "A", sequences.axis("1", "", "g"))


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("genome")
    with indexed_fasta(write_fasta(folder)) as fasta, Reference(fasta) as reference:
        yield Genome(reference, read_gene_model(write_gff(folder)))


def test_a_genome_of_files(genome):
    base = CONTIGS["c1"][109]
    assert str(to_genomic("FWD.1:c.1A>G", genome)) == f"c1:g.110{base}>G"
    assert to_vcf("FWD.1:c.1A>G", genome) == ("c1", 110, "A", "G")
    assert to_vcf("REV.1:c.1A>G", genome) == ("c1", 381, "T", "C")
    assert to_vcf("FWD:c.1A>G", genome) == ("c1", 110, "A", "G")  # one transcript is called that
    assert to_vcf("FWD.1(FW1):c.1A>G", genome) == ("c1", 110, "A", "G")
    assert to_vcf("c1(FWD.1):c.1A>G", genome) == ("c1", 110, "A", "G")
    assert to_vcf("chrc1:g.110A>G", genome) == ("c1", 110, "A", "G")
    assert str(to_genomic("FWD.1:c.21+1G>A", genome)) == "c1:g.131G>A"
    assert str(to_genomic("MTG.1:c.4T>G", genome)) == "MT:m.54T>G"
    assert normalise("NC.1:n.1_2del", genome).startswith("NC.1:n.")


@pytest.mark.parametrize(
    ("name", "reason"),
    {
        "FWD.2:c.1A>G": "but FWD.1",
        "FW1:c.1A>G": "its transcripts are FWD.1",
        "ABC.1:c.1A>G": "no transcript 'ABC.1'",
        "FWD.1(RV1):c.1A>G": "not the gene",
        "c2(FWD.1):c.1A>G": "not on c2",
        "c1:c.1A>G": "need a transcript",
        "c1(FWD.1):g.1A>G": "of the contig",
        "c9:g.1A>G": "neither a contig",
        "NC_000001.11:g.1A>G": "not an accession of a contig",
        "MT:g.1A>G": "begin with m.",
        "NC.1:c.1A>G": "begin with n.",
        "FWD.1:c.1C>G": "FWD.1 has 'A' there",
    }.items(),
)
def test_references_that_are_not_of_this_genome(genome, name, reason):
    with pytest.raises(HgvsError, match=reason):
        to_vcf(name, genome)


def test_accessions_are_those_of_the_assembly():
    class Lengths:
        lengths = {"chr1": 248_956_422, "chrM": 16_569}  # noqa: RUF012

        def bases(self, chrom, pos, length):
            return "A" * length

    genome = Genome(Lengths())
    assert str(to_genomic("chr1:g.5_6insG", genome)) == "NC_000001.11:g.5_6insG"
    assert str(to_genomic("NC_000001.11:g.5A>G", genome)) == "NC_000001.11:g.5A>G"
    assert str(to_genomic("MT:m.5A>G", genome)) == "NC_012920.1:m.5A>G"
    with pytest.raises(HgvsError, match="GRCh37"):
        to_genomic("NC_000001.10:g.5A>G", genome)
    with pytest.raises(HgvsError, match="gene model"):
        to_genomic("NM_1.1:c.5A>G", genome)


def test_the_description_may_be_read_before():
    sequences = Small(repetitive(7), TRANSCRIPTS)
    assert to_genomic(parse("1:g.50del"), sequences) == to_genomic("1:g.50del", sequences)
