"""Normalisation: what happens to each awkward record, and that none is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from endotype.errors import InputError
from endotype.tables import read_tsv
from endotype.variants.ingest import prepare_input
from endotype.variants.normalise import MARGIN, parse_region
from endotype.variants.shard import Outputs, normalise_region
from tests.variants.builders import read_vcf, write_fasta, write_vcf

#            1         11        21        31        41        51
SEQUENCE = "ACGTACGTTT" + "TTTTTTGGCA" + "GCAGCAGCAT" + "CATCATTTAC" + "GGATCCATTG" + "NNACGTRACG"


class Shard:
    """One normalised region, and what was written about it."""

    def __init__(self, folder: Path, records: list[str], region: str = "c1:1-60", **kwargs) -> None:
        fasta = write_fasta(folder / "ref.fa", c1=SEQUENCE)
        vcf = write_vcf(folder / "in.vcf", records, contigs=(("c1", 60),), **kwargs)
        samples = kwargs.get("samples", ("A", "B"))
        prepare_input(vcf, {name: name for name in samples}, folder / "in", fasta)
        self.counts = normalise_region([folder / "in"], region, str(fasta), Outputs.at(folder / "out"))
        self.records = read_vcf(folder / "out.bcf")
        self.structural = read_vcf(folder / "out.structural.bcf")
        self.rejects = read_tsv(folder / "out.rejects.tsv")
        self.written_counts = json.loads((folder / "out.counts.json").read_text())


CASES = {
    "a plain SNV stays": (["4 T A 0/1 1/1"], ["4 T A 0/1 1/1"], []),
    "a multiallelic site is split, each genotype counts its own allele": (
        ["4 T A,C 1/2 0/2"],
        ["4 T A 1/. 0/.", "4 T C ./1 0/1"],
        [],
    ),
    "phase survives the split": (["4 T A,C 1|2 0|1"], ["4 T A 1|. 0|1", "4 T C .|1 0|."], []),
    "an indel in a homopolymer moves left": (["16 T TT 0/1 0/0"], ["7 G GT 0/1 0/0"], []),
    "a repeat unit moves left": (["26 AGCA A 0/1 0/0"], ["17 GGCA G 0/1 0/0"], []),
    "a padded SNV is trimmed": (["3 GTA GAA 0/1 0/0"], ["4 T A 0/1 0/0"], []),
    "an MNV stays whole": (["3 GTA CTT 0/1 0/0"], ["3 GTA CTT 0/1 0/0"], []),
    "* is no variant of its own": (
        ["4 T A,* 1/2 0/1"],
        ["4 T A 1/. 0/1"],
        ["spanning_deletion"],
    ),
    "<NON_REF> is no variant": (["4 T A,<NON_REF> 0/1 0/0"], ["4 T A 0/1 0/0"], []),
    "a record without ALT is no variant": (["4 T . 0/0 0/0"], [], []),
    "a record without ALT whose REF is wrong is rejected": (["4 G . 0/0 0/0"], [], ["ref_mismatch"]),
    "a REF mismatch is rejected, not rewritten": (["4 G A 0/1 0/0"], [], ["ref_mismatch"]),
    "a REF mismatch takes all alleles of its record": (
        ["4 G A,C 1/2 0/0"],
        [],
        ["ref_mismatch", "ref_mismatch"],
    ),
    "N in REF is rejected": (["51 N A 0/1 0/0"], [], ["ref_not_acgt"]),
    "IUPAC in REF is rejected": (["57 R A 0/1 0/0"], [], ["ref_not_acgt"]),
    "IUPAC in ALT is rejected": (["4 T R 0/1 0/0"], [], ["alt_not_acgt"]),
    "lower case becomes upper case": (["4 t a 0/1 0/0"], ["4 T A 0/1 0/0"], []),
    "a symbolic allele is set aside": (["4 T <DEL> 0/1 0/0"], [], []),
    "a breakend is set aside": (["4 T T]c1:20] 0/1 0/0"], [], []),
    "a record over the end of the contig is rejected": (["59 CGTT C 0/1 0/0"], [], ["beyond_contig"]),
    "ALT equal to REF is rejected": (["4 T T 0/1 0/0"], [], ["alt_equals_ref"]),
    "a half call is no call": (["4 T A ./1 0/0"], ["4 T A ./. 0/0"], []),
    "a half call of a split site is no call of either": (
        ["4 T A,C ./1 0/0"],
        ["4 T A ./. 0/0", "4 T C ./. 0/0"],
        [],
    ),
    "haploid calls stay haploid": (["4 T A,C 1 2"], ["4 T A 1 .", "4 T C . 1"], []),
    "three alleles a call are not understood": (["4 T A 0/1/1 0/1"], ["4 T A ./. 0/1"], []),
}


@pytest.mark.parametrize("case", CASES)
def test_record(case, tmp_path):
    records, expected, reasons = CASES[case]
    shard = Shard(tmp_path, records)
    assert shard.records == expected
    assert shard.rejects["reason"].tolist() == reasons


def test_an_allele_named_twice_is_homozygous(tmp_path):
    shard = Shard(tmp_path, ["4 T A,A 1/2 0/1"])
    assert [sorted(call[::2]) for call in shard.records[0].split()[3:]] == [["1", "1"], ["0", "1"]]
    assert shard.counts.duplicates_merged == 1


def test_duplicates_complete_each_other_and_a_contradiction_becomes_missing(tmp_path):
    shard = Shard(
        tmp_path,
        ["4 T A 0/1 ./. 0/1", "4 T A 0/1 1/1 1/1"],
        samples=("A", "B", "C"),
    )
    assert shard.records == ["4 T A 0/1 1/1 ./."]
    assert shard.counts.duplicates_merged == 1
    assert shard.counts.genotypes_in_conflict == 1


def test_one_variant_written_in_two_ways_is_one_variant(tmp_path):
    shard = Shard(tmp_path, ["7 G GT 0/1 0/0", "16 T TT 0/0 0/0"])
    assert [r.split()[:3] for r in shard.records] == [["7", "G", "GT"]]


def test_every_allele_is_accounted_for(tmp_path):
    everything = sorted(
        (record for records, _, _ in CASES.values() for record in records if record.count("/") > 1),
        key=lambda record: int(record.split()[0]),
    )
    shard = Shard(tmp_path, everything)
    c = shard.counts
    assert c.alleles_in == sum(len(r.split()[2].split(",")) for r in everything)
    assert c.alleles_in == (
        c.rejected.total()
        + c.structural
        + c.monomorphic
        + c.reference_blocks
        + c.duplicates_merged
        + c.variants_out
    )
    assert (c.structural, c.monomorphic, c.reference_blocks) == (2, 1, 1)
    assert len(shard.structural) == 2
    assert len(shard.rejects) == c.rejected.total()
    assert len(shard.records) == c.variants_out
    assert shard.written_counts["alleles_in"] == c.alleles_in


def test_a_second_pass_changes_nothing(tmp_path):
    records = ["3 GTA GAA 0/1 0/0", "4 T A,C 1/2 0/1", "16 T TT 0/1 0/0", "26 AGCA A 1/1 0/0"]
    first = Shard(tmp_path, records)
    again = tmp_path / "again"
    again.mkdir()
    normalise_region([tmp_path / "out.bcf"], "c1:1-60", str(tmp_path / "ref.fa"), Outputs.at(again / "out"))
    assert read_vcf(again / "out.bcf") == first.records
    assert (again / "out.bcf").read_bytes() == (tmp_path / "out.bcf").read_bytes()


@pytest.mark.parametrize("cut", [6, 7, 10, 16, 30])
def test_the_result_does_not_depend_on_where_shards_are_cut(tmp_path, cut):
    records = ["4 T A,C 1/2 0/1", "7 G A 0/1 0/0", "16 T TT 0/1 0/0", "16 T A 0/1 0/0", "40 C T,* 1/2 0/0"]
    (tmp_path / "whole").mkdir()
    whole = Shard(tmp_path / "whole", records)
    parts, counts = [], []
    for name, region in (("left", f"c1:1-{cut}"), ("right", f"c1:{cut + 1}-60")):
        (tmp_path / name).mkdir()
        part = Shard(tmp_path / name, records, region)
        parts += part.records
        counts.append(part.counts)
    assert parts == whole.records
    assert sum(c.alleles_in for c in counts) == whole.counts.alleles_in
    assert sum(c.variants_out for c in counts) == whole.counts.variants_out
    assert sum(c.rejected.total() for c in counts) == whole.counts.rejected.total()


def test_an_indel_that_moves_further_than_the_margin_is_rejected(tmp_path):
    long_run = "ACGT" + "T" * (MARGIN + 500) + "ACGT"
    fasta = write_fasta(tmp_path / "ref.fa", c1=long_run)
    last_t = 4 + MARGIN + 500
    vcf = write_vcf(tmp_path / "in.vcf", [f"{last_t} T TT 0/1 0/0"], contigs=(("c1", len(long_run)),))
    outputs = Outputs.at(tmp_path / "out")
    counts = normalise_region([vcf], f"c1:1-{len(long_run)}", str(fasta), outputs)
    assert counts.rejected == {"shift_exceeds_margin": 1}
    assert read_vcf(tmp_path / "out.bcf") == []


def test_files_of_different_people_are_joined_by_site(tmp_path):
    fasta = write_fasta(tmp_path / "ref.fa", c1=SEQUENCE)
    paths = []
    for name, samples, records in (
        ("one", ("B", "D"), ["4 T A 0/1 0/0", "5 A C 1/1 0/0"]),
        ("two", ("A", "C"), ["4 T A 1/1 0/1", "9 T G 0/1 0/0"]),
    ):
        vcf = write_vcf(tmp_path / f"{name}.vcf", records, samples, (("c1", 60),))
        paths.append(vcf)
    counts = normalise_region(paths, "c1:1-60", str(fasta), Outputs.at(tmp_path / "out"))
    assert read_vcf(tmp_path / "out.bcf") == [
        "4 T A 1/1 0/1 0/1 0/0",
        "5 A C ./. 1/1 ./. 0/0",
        "9 T G 0/1 ./. 0/0 ./.",
    ]
    assert counts.joined_across_files == 1
    assert counts.alleles_in == counts.joined_across_files + counts.variants_out


def test_files_of_the_same_people_are_joined_end_to_end(tmp_path):
    fasta = write_fasta(tmp_path / "ref.fa", c1=SEQUENCE)
    one = write_vcf(tmp_path / "one.vcf", ["4 T A,C 1/2 0/0", "30 T C 0/1 ./."], contigs=(("c1", 60),))
    two = write_vcf(tmp_path / "two.vcf", ["30 T C 0/1 1/1", "36 T C 0/1 0/0"], contigs=(("c1", 60),))
    counts = normalise_region([one, two], "c1:1-60", str(fasta), Outputs.at(tmp_path / "out"))
    assert read_vcf(tmp_path / "out.bcf") == [
        "4 T A 1/. 0/0",
        "4 T C ./1 0/0",
        "30 T C 0/1 1/1",
        "36 T C 0/1 0/0",
    ]
    assert (counts.duplicates_merged, counts.joined_across_files) == (1, 0)
    assert counts.alleles_in == counts.duplicates_merged + counts.variants_out


def test_without_a_reference_alleles_are_split_and_trimmed(tmp_path):
    vcf = write_vcf(tmp_path / "in.vcf", ["4 G A,C 1/2 0/0", "9 GTA GAA 0/1 0/0"], contigs=(("c1", 60),))
    counts = normalise_region([vcf], "c1:1-60", None, Outputs.at(tmp_path / "out"))
    assert read_vcf(tmp_path / "out.bcf") == ["4 G A 1/. 0/0", "4 G C ./1 0/0", "10 T A 0/1 0/0"]
    assert counts.rejected.total() == 0


def test_a_region_without_variants_gives_an_empty_file_with_all_patients(tmp_path):
    shard = Shard(tmp_path, ["4 T A 0/1 0/0"], region="c1:40-60")
    assert shard.records == []
    assert shard.counts.records_in == 0


@pytest.mark.parametrize("text", ["c1", "c1:5", "c1:9-3", "c1:x-y"])
def test_a_region_that_cannot_be_read_is_an_input_error(text):
    with pytest.raises(InputError, match="CHROM:START-END"):
        parse_region(text)
