"""5,768 variants of 40 transcripts with names from two engines: the twin, the parser and the projection."""

from __future__ import annotations

import csv
import gzip
import json
from functools import cache

import pytest

from endotype.annotation.gene_model import read_gene_model
from endotype.annotation.hgvs.genome import Genome
from endotype.annotation.hgvs.model import HgvsError
from endotype.annotation.hgvs.normalise import normalise
from endotype.annotation.hgvs.parse import parse
from endotype.annotation.hgvs.project import from_vcf, to_axis, to_genomic, to_vcf
from endotype.annotation.reference import Reference
from endotype.variants.alleles import left_align
from tests.annotation.hgvs_sequences import ORACLES
from tests.reference import hgvs as twin

ORACLE = ORACLES / "hgvs_oracle"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not ORACLE.is_dir(), reason="the HGVS oracle is not at hand"),
]

DISAGREEMENTS = {
    # position, ALT: (our p. name, why); the two engines of the oracle differ in these 26, we take this
    ("139277", "AG"): ("p.?", "may as well be at the border of an exon"),
    ("48572", "AC"): ("p.?", "may as well be at the border of an exon"),
    ("193748", "AAAGACT"): ("p.?", "over the border of an exon"),
    ("76140", "CAGC"): ("p.?", "over the border of an exon"),
    ("44376", "AACT"): ("p.?", "over the border of an exon"),
    ("226257", "ATGT"): ("p.?", "between exon and intron"),
    ("226250", "TAA"): ("p.Ser195LysfsTer3", "copy of the exon's last bases"),
    ("226253", "AAA"): ("p.Ser195LysfsTer3", "copy of the exon's last bases"),
    ("144062", "AA"): ("p.Arg124Ter", "copy of the exon's last bases"),
    ("89090", "CT"): ("p.Ser87LeufsTer5", "copy of the exon's last bases"),
    ("139327", "CT"): ("p.Pro332SerfsTer132", "copy of the exon's last bases"),
    ("220087", "AC"): ("p.Ile71_Glu72delinsMetTer", "brings a stop"),
    ("216144", "ATA"): ("p.Arg248_Arg249delinsLeuTer", "brings a stop"),
    ("184281", "CTAT"): ("p.Met278delinsIleTer", "brings a stop"),
    ("192964", "CTA"): ("p.Lys107_Ala108delinsAsnTer", "brings a stop"),
    ("16377", "ATG"): ("p.Glu224_Glu225delinsAlaTer", "brings a stop"),
    ("112255", "AAT"): ("p.Ser332_Glu333delinsTyrTer", "brings a stop"),
    ("76164", "ACTA"): ("p.Gln161His", "the stop stays where it was"),
    ("97191", "AC"): ("p.Leu100_Leu101=", "all codons touched are named"),
    ("234902", "AT"): ("p.Met1?", "start codon"),
    ("270556", "AAA"): ("p.Met1?", "start codon"),
    ("73088", "TTAACTA"): ("p.Met1?", "start codon"),
    ("122205", "CA"): ("p.Met1?", "start codon"),
    ("135269", "G"): ("p.Met1?", "start codon"),
    ("234902", "A"): ("p.Met1?", "start codon"),
    ("184245", "A"): ("p.Ter289PheextTer?", "stop codon"),
}


@cache
def rows() -> list[dict[str, str]]:
    text = gzip.decompress((ORACLE / "truth.tsv.gz").read_bytes()).decode()
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))


@cache
def genome_of_twin() -> str:
    text = gzip.decompress((ORACLE / "g40.fa.gz").read_bytes()).decode()
    return "".join(line for line in text.splitlines() if not line.startswith(">")).upper()


@cache
def transcripts_of_twin() -> dict[str, twin.Transcript]:
    made = json.loads(gzip.decompress((ORACLE / "g40.tx.json.gz").read_bytes()))
    return {
        name: twin.Transcript(
            1 if one["strand"] == "+" else -1, tuple(map(tuple, one["exons"])), (one["c0"], one["c1"])
        )
        for name, one in made.items()
    }


@cache
def our_genome() -> Genome:
    return Genome(Reference(ORACLE / "g40.fa.gz"), read_gene_model(ORACLE / "g40.gff3.gz"))


def described(row) -> twin.Description:
    transcript = transcripts_of_twin()[row["transcript"]]
    return twin.describe(genome_of_twin(), transcript, int(row["pos"]), row["ref"], row["alt"])


def test_the_twin_gives_the_names_that_both_engines_agree_on():
    agreed = [row for row in rows() if row["agree"] == "1"]
    assert len(agreed) == 5742
    wrong = []
    for row in agreed:
        found = described(row)
        protein = "" if found.protein in (None, "p.?") else found.protein
        if (found.transcript, protein) != (row["oracle_c"], row["oracle_p"]):
            wrong.append((row, found))
    assert not wrong


def test_the_twin_follows_its_choices_where_the_engines_differ():
    differing = [row for row in rows() if row["agree"] == "0"]
    assert {(row["pos"], row["alt"]) for row in differing} == set(DISAGREEMENTS)
    assert len(differing) == len(DISAGREEMENTS) == 26
    for row in differing:
        found = described(row)
        assert found.transcript == row["oracle_c"] == row["mehari_c"]
        assert found.protein == DISAGREEMENTS[row["pos"], row["alt"]][0], row


def test_every_protein_name_is_read():
    for row in rows():
        for column in ("oracle_p", "mehari_p"):
            if row[column] not in ("", "span"):
                assert str(parse(row[column], bare=True)) == row[column]


def test_names_carry_over_to_the_genome_and_back():
    genome = our_genome()
    for row in rows():
        pos, ref, alt = int(row["pos"]), row["ref"], row["alt"]
        axis = genome.transcript_axis(row["transcript"])
        assert f"c.{from_vcf(pos, ref, alt, axis)}" == row["oracle_c"]
        name = f"{axis.reference}:{row['oracle_c']}"
        assert normalise(name, genome) == name
        allele = to_vcf(name, genome)
        assert allele[1:] == left_align(pos, ref, alt, axis.contig.bases)
        genomic = to_genomic(name, genome)
        assert str(genomic) == "1:" + twin.genomic_name(genome_of_twin(), pos, ref, alt)
        assert to_vcf(genomic, genome) == allele
        assert str(to_axis(genomic, axis, genome)) == name


KIT = ORACLES.parent / "annotation_kit"


@pytest.mark.skipif(not KIT.is_dir(), reason="the annotation kit is not at hand")
def test_published_names_of_real_cases_lead_to_the_variant():
    """The kit's transcripts, with the position from the publication."""
    genome = Genome(
        Reference(KIT / "b37.chr1_1-3400000.fa.gz"),
        read_gene_model(KIT / "gencode19_derived.chr1_1-3400000.sorted.gff3.gz"),
    )
    text = (KIT / "cases/case_variants.expected.tsv").read_text()
    vcf = gzip.decompress((KIT / "cases/case_variants.b37.vcf.gz").read_bytes()).decode().splitlines()
    called = {tuple(line.split("\t")[i] for i in (1, 3, 4)) for line in vcf if not line.startswith("#")}
    found, missed = 0, []
    for case in csv.DictReader(text.splitlines(), delimiter="\t"):
        transcript = case["bcftools_csq_local"].split("|")[2]
        name = f"{transcript}:{case['published_hgvs_c'].split(':')[1]}"
        try:
            allele = to_vcf(name, genome)
        except HgvsError as error:
            missed.append((name, case["pos"], str(error)))
            continue
        assert str(allele.pos) == case["pos"], (name, allele)
        assert (str(allele.pos), allele.ref, allele.alt) in called
        found += 1
    assert (found, missed) == (24, [])
