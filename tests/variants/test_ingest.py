"""How a user's file is made ready: where it is read, what is made, what is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pysam
import pytest

from endotype import bcftools
from endotype.errors import InputError
from endotype.files import fingerprint
from endotype.tables import read_tsv
from endotype.variants.ingest import MANY_SAMPLES, prepare_input, read_input
from endotype.variants.merge import check_all_read
from endotype.variants.shard import Outputs, normalise_region
from tests.variants.builders import read_vcf, write_fasta, write_vcf

MANY = tuple(f"S{i:02d}" for i in range(MANY_SAMPLES))
CALLS = " 0/1" * MANY_SAMPLES


def bgzip(vcf: Path) -> Path:
    pysam.tabix_compress(str(vcf), f"{vcf}.gz", force=True)
    return Path(f"{vcf}.gz")


def large(folder: Path, records: list[str] | None = None) -> Path:
    return bgzip(write_vcf(folder / "in.vcf", [r + CALLS for r in records or ["4 T A", "9 G C"]], MANY))


def test_a_large_bgzip_vcf_is_read_where_it_is_with_an_index_in_the_results(tmp_path):
    vcf = large(tmp_path)
    before = sorted(p.name for p in tmp_path.iterdir())
    prepared = prepare_input(vcf, {s: s for s in MANY}, tmp_path / "results" / "0")
    assert prepared.path == str(vcf)
    assert Path(prepared.index).parent == tmp_path / "results" / "0"
    assert prepared.n_records == {"c1": 2}
    assert sorted(p.name for p in tmp_path.iterdir()) == [*before, "results"]
    assert read_input(tmp_path / "results" / "0") == prepared


@pytest.mark.parametrize("form", ["plain", "gzip", "few samples", "bgzip without index", "bcf", "tbi"])
def test_every_form_gives_the_same_variants(tmp_path, form):
    records = ["4 T A,C 1/2 0/1", "9 G C 0/0 1/1"]
    vcf = write_vcf(tmp_path / "in.vcf", records)
    if form == "gzip":
        import gzip

        with gzip.open(tmp_path / "in.vcf.gz", "wb") as stream:
            stream.write(vcf.read_bytes())
        vcf = tmp_path / "in.vcf.gz"
    elif form in ("bgzip without index", "tbi"):
        vcf = bgzip(vcf)
        if form == "tbi":
            pysam.tabix_index(str(vcf), preset="vcf")
    elif form == "bcf":
        bcftools.run("view", "-Ob", "-o", str(tmp_path / "in.bcf"), str(vcf))
        vcf = tmp_path / "in.bcf"
    prepare_input(vcf, {"A": "P2", "B": "P1"}, tmp_path / "0")
    normalise_region([tmp_path / "0"], "c1:1-1000", None, Outputs.at(tmp_path / "out"))
    assert read_vcf(tmp_path / "out.bcf") == ["4 T A 0/1 1/.", "4 T C 0/. ./1", "9 G C 1/1 0/0"]


def test_an_index_that_is_older_than_its_file_is_made_anew(tmp_path):
    vcf = large(tmp_path, ["4 T A"])
    pysam.tabix_index(str(vcf), preset="vcf")
    old = Path(f"{vcf}.tbi").read_bytes()
    shutil.rmtree(tmp_path / "0", ignore_errors=True)
    large(tmp_path, ["4 T A", "9 G C", "12 G C"])
    Path(f"{vcf}.tbi").write_bytes(old)
    os.utime(f"{vcf}.tbi", (1, 1))
    assert prepare_input(vcf, {s: s for s in MANY}, tmp_path / "0").n_records == {"c1": 3}


def test_an_index_of_another_version_of_the_file_is_found_by_counting(tmp_path):
    vcf = large(tmp_path, ["4 T A"])
    pysam.tabix_index(str(vcf), preset="vcf")
    index = Path(f"{vcf}.tbi").read_bytes()
    large(tmp_path, ["4 T A", "9 G C", "12 G C"])
    Path(f"{vcf}.tbi").write_bytes(index)
    prepared = prepare_input(vcf, {s: s for s in MANY}, tmp_path / "0")
    counts = normalise_region([tmp_path / "0"], "c1:1-1000", None, Outputs.at(tmp_path / "out"))
    with pytest.raises(InputError, match=r"3 records .*expected 1 records"):
        check_all_read([prepared], [vars(counts)])


def test_records_outside_the_reference_are_listed_and_counted(tmp_path):
    fasta = write_fasta(tmp_path / "ref.fa", c1="ACGTACGTACGT")
    records = ["c1:4 T A 0/1 0/0", "odd:7 A C,G 0/1 0/0", "odd:9 A . 0/0 0/0"]
    vcf = write_vcf(tmp_path / "in.vcf", records, contigs=(("c1", 12), ("odd", 50)))
    prepared = prepare_input(vcf, {"A": "A", "B": "B"}, tmp_path / "0", fasta)
    assert prepared.outside == {"records": 2, "alleles": 3}
    rows = read_tsv(tmp_path / "0" / "outside.tsv")
    assert rows[["chrom", "pos", "alt", "reason"]].to_numpy().tolist() == [
        ["odd", "7", "C", "outside_reference"],
        ["odd", "7", "G", "outside_reference"],
        ["odd", "9", ".", "outside_reference"],
    ]


def test_records_past_the_end_of_a_contig_are_rejected_not_lost(tmp_path):
    fasta = write_fasta(tmp_path / "ref.fa", c1="ACGTACGTACGT")
    vcf = write_vcf(tmp_path / "in.vcf", ["4 T A 0/1 0/0", "900 A C 0/1 0/0"])
    counts = normalise_region([vcf], "c1:1-12", str(fasta), Outputs.at(tmp_path / "out"))
    assert counts.rejected == {"beyond_contig": 1}
    assert counts.records_in == 2


def test_contigs_are_renamed_to_the_references(tmp_path):
    fasta = write_fasta(tmp_path / "ref.fa", chr1="ACGTACGTACGT")
    for vcf in (large(tmp_path), write_vcf(tmp_path / "few.vcf", ["4 T A 0/1 0/0"])):
        folder = tmp_path / vcf.name.partition(".")[0]
        prepared = prepare_input(vcf, None, folder, fasta, {"c1": "chr1"})
        assert prepared.outside["records"] == 0
        normalise_region([folder], "chr1:1-12", str(fasta), Outputs.at(tmp_path / "out"))
        with pysam.VariantFile(str(tmp_path / "out.bcf")) as variants:
            assert next((r.chrom, r.pos) for r in variants) == ("chr1", 4)


def test_a_file_without_contig_lines_takes_those_of_the_reference(tmp_path):
    fasta = write_fasta(tmp_path / "ref.fa", chr1="ACGTACGTACGT")
    vcf = write_vcf(tmp_path / "in.vcf", ["4 T A 0/1 0/0"], contigs=(("c1", 12),))
    vcf.write_text(vcf.read_text().replace("##contig=<ID=c1,length=12>\n", ""))
    prepare_input(vcf, None, tmp_path / "0", fasta, {"c1": "chr1"})
    normalise_region([tmp_path / "0"], "chr1:1-12", str(fasta), Outputs.at(tmp_path / "out"))
    assert read_vcf(tmp_path / "out.bcf") == ["4 T A 0/1 0/0"]


def test_depth_that_the_header_does_not_declare_is_read_as_a_number(tmp_path):
    vcf = write_vcf(tmp_path / "in.vcf", ["4 T A 0/1:7 0/0:30"], formats=("GT", "DP"))
    text = vcf.read_text().splitlines()
    vcf.write_text("\n".join(line for line in text if "FORMAT=<ID=" not in line) + "\n")
    prepare_input(vcf, None, tmp_path / "0")
    normalise_region([tmp_path / "0"], "c1:1-1000", None, Outputs.at(tmp_path / "out"))
    with pysam.VariantFile(str(tmp_path / "out.bcf")) as variants:
        assert [call["DP"] for call in next(variants).samples.values()] == [7, 30]


@pytest.mark.parametrize("when", ["before", "between"])
def test_a_file_that_was_replaced_is_noticed(tmp_path, when):
    vcf = large(tmp_path)
    known = fingerprint(vcf)
    if when == "before":
        large(tmp_path, ["5 A C"])
        with pytest.raises(InputError, match=r"in\.vcf\.gz"):
            prepare_input(vcf, None, tmp_path / "0", fingerprint=known)
        return
    prepare_input(vcf, None, tmp_path / "0", fingerprint=known)
    large(tmp_path, ["5 A C"])
    with pytest.raises(InputError, match=r"in\.vcf\.gz"):
        normalise_region([tmp_path / "0"], "c1:1-1000", None, Outputs.at(tmp_path / "out"))
    assert not list(tmp_path.glob("out*"))
