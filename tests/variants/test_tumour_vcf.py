"""Tumour VCFs of several callers: reads, status, several alleles, and records that can't be used."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pysam
import pytest

from endotype import bcftools
from endotype.cohort.tumour_header import has_fields_of, read_tumour_header
from endotype.errors import InputError
from endotype.variants.tumour_vcf import read_tumour_vcf
from tests.variants.builders import write_fasta
from tests.variants.tumour_files import Prepared, fields, sheet_row, write_calls

MUTECT = ["##source=Mutect2", "##tumor_sample=T1", "##normal_sample=N1"]
MUTECT += fields("GT AD AF DP", "", "germline weak_evidence")
STRELKA_SNV = ["##source=strelka", *fields("DP FDP AU CU GU TU", "NT SOMATIC", "LowEVS")]
STRELKA_INDEL = ["##source=strelka", *fields("DP TAR TIR TOR", "NT SOMATIC", "LowEVS")]


def read(
    path: Path, tumour: str = "T1", normal: str = "N1", matched: bool = True, **settings
) -> pd.DataFrame:
    return read_tumour_vcf(str(path), tumour, normal, matched, **settings).entries


class TestCallers:
    def test_mutect2_with_a_normal(self, tmp_path):
        path = write_calls(
            tmp_path / "a.vcf", MUTECT, ["N1", "T1"],
            ["10 A C PASS . GT:AD:AF:DP 0/0:30,0:0.03:31 0/1:15,5:0.26:22",
             "20 A C germline . GT:AD:AF:DP 0/0:15,14:0.5:29 0/1:10,10:0.5:20",
             "30 A C weak_evidence . GT:AD:AF:DP 0/0:30,0:0.03:30 0/1:98,2:0.02:100"],
        )  # fmt: skip
        out = read(path)
        assert set(out["caller"]) == {"mutect2"}
        assert out["status"].tolist() == ["somatic", "germline", "filtered"]
        assert out["filter"].tolist() == ["PASS", "germline", "weak_evidence"]
        first = out.iloc[0]
        # the fraction is of the reads that tell alleles apart; DP also counts those that don't
        assert (first["ref_reads"], first["alt_reads"], first["depth"], first["vaf"]) == (15, 5, 22, 0.25)
        assert (first["normal_depth"], first["normal_vaf"], first["vaf_source"]) == (31, 0.0, "reads")

    def test_mutect2_without_a_normal_does_not_exclude_germline(self, tmp_path):
        head = [line for line in MUTECT if "normal_sample" not in line]
        path = write_calls(tmp_path / "a.vcf", head, ["T1"], ["10 A C PASS . GT:AD:DP 0/1:15,5:20"])
        out = read(path, normal="", matched=False)
        assert out["status"].tolist() == ["somatic_or_germline"]
        assert pd.isna(out["normal_depth"][0]) and pd.isna(out["normal_vaf"][0])

    def test_strelka2_snv_uses_tier_1_and_needs_no_genotype(self, tmp_path):
        path = write_calls(
            tmp_path / "a.vcf", STRELKA_SNV, ["NORMAL", "TUMOR"],
            ["10 A T PASS SOMATIC;NT=ref DP:FDP:AU:CU:GU:TU 26:0:26,29:0,0:0,0:0,0 77:0:55,56:0,0:0,0:22,27",
             "20 A T LowEVS SOMATIC;NT=ref DP:FDP:AU:CU:GU:TU 26:0:25,29:0,0:0,0:1,9 9:0:9,56:0,0:0,0:0,0"],
        )  # fmt: skip
        out = read(path, "TUMOR", "NORMAL")
        assert set(out["caller"]) == {"strelka2"} and out["status"].tolist() == ["somatic", "filtered"]
        assert out["vaf"].tolist() == [22 / 77, 0.0] and out["depth"].tolist() == [77, 9]
        assert out["normal_vaf"].tolist() == [0.0, 1 / 26]

    def test_strelka2_indel(self, tmp_path):
        path = write_calls(
            tmp_path / "a.vcf", STRELKA_INDEL, ["NORMAL", "TUMOR"],
            ["10 AT A PASS SOMATIC;NT=ref DP:TAR:TIR:TOR 40:38,39:0,0:2,2 60:42,44:14,15:4,4"],
        )  # fmt: skip
        row = read(path, "TUMOR", "NORMAL").iloc[0]
        assert (row["ref_reads"], row["alt_reads"], row["depth"], row["vaf"]) == (42, 14, 60, 0.25)

    def test_varscan2_status_is_in_info(self, tmp_path):
        head = fields("GT DP RD AD FREQ", "SS")
        records = [
            f"{10 * n} A C PASS SS={n} GT:DP:RD:AD:FREQ 0/0:20:20:0:0% 0/1:20:14:5:26.32%" for n in (1, 2, 3)
        ]
        out = read(write_calls(tmp_path / "a.vcf", head, ["N1", "T1"], records))
        assert set(out["caller"]) == {"varscan2"}
        assert out["status"].tolist() == ["germline", "somatic", "germline"]
        assert out["vaf"][0] == 5 / 19

    def test_pcgr_holds_tumour_and_control_in_one_column(self, tmp_path):
        head = fields("GT DPC DPT ADC ADT", "TVAF TDP")
        records = ["10 A C PASS TVAF=0.2;TDP=144 GT:DPC:DPT:ADC:ADT 0/1:237:144:.,.:112,32"]
        row = read(write_calls(tmp_path / "a.vcf", head, ["T1"], records), normal="", matched=False).iloc[0]
        assert (row["caller"], row["status"], row["vaf"]) == ("pcgr", "somatic", 32 / 144)
        assert row["normal_depth"] == 237 and pd.isna(row["normal_vaf"])

    def test_pcgr_without_samples_reports_in_info(self, tmp_path):
        path = write_calls(
            tmp_path / "a.vcf", fields("", "TDP TVAF CDP CVAF"), [],
            ["10 A C PASS TDP=50;TVAF=0.3;CDP=40;CVAF=0.01", "20 A C PASS ."],
        )  # fmt: skip
        out = read(path, "", "", matched=False)
        assert out["vaf_source"].tolist() == ["reported", "not_assessed"]
        assert out["vaf"][0] == 0.3 and out["normal_vaf"][0] == 0.01 and out["normal_depth"][0] == 40
        assert out["status"].tolist() == ["somatic", "somatic_or_germline"]

    def test_any_caller_with_ad_or_ro_and_ao(self, tmp_path):
        path = write_calls(
            tmp_path / "a.vcf", fields("GT AD DP AF RO AO"), ["T1"],
            ["10 A C . . GT:AD 0/1:6,2", "20 A C . . GT:RO:AO 0/1:6:2", "30 A C . . GT:DP:AF 0/1:8:0.25",
             "40 A C . . GT 0/1", "50 A C . . GT:AD:DP 0/1:6,1,1:8", "60 A C . . GT:AD 0/1:.,2"],
        )  # fmt: skip
        out = read(path, normal="", matched=False)
        assert out["vaf_source"].tolist() == [
            "reads", "reads", "reported", "not_assessed", "not_assessed", "not_assessed"
        ]  # fmt: skip
        assert out["vaf"].tolist()[:3] == [0.25] * 3

    @pytest.mark.parametrize(
        ("header", "caller"), [(MUTECT, "mutect2"), (STRELKA_SNV, "strelka2"), (STRELKA_INDEL, "strelka2")]
    )
    def test_the_header_tells_the_caller(self, tmp_path, header, caller):
        found = read_tumour_header(str(write_calls(tmp_path / "a.vcf", header, ["N1", "T1"], [])))
        assert found.caller == caller and found.samples == ("N1", "T1")
        assert has_fields_of(caller, found.formats)
        assert not has_fields_of("varscan2", found.formats)


class TestAlleles:
    def test_several_alternate_alleles_have_their_own_reads_and_the_genotype_chooses(self, tmp_path):
        path = write_calls(
            tmp_path / "a.vcf", MUTECT, ["N1", "T1"],
            ["10 A C,G PASS . GT:AD 0/0:30,0,0 0/1/2:10,5,5", "20 A C,G PASS . GT:AD 0/0:30,0,0 0/2:10,0,10"],
        )  # fmt: skip
        out = read_tumour_vcf(str(path), "T1", "N1", True)
        assert out.entries[["pos", "alt", "vaf"]].to_numpy().tolist() == [
            [10, "C", 0.25], [10, "G", 0.25], [20, "G", 0.5]
        ]  # fmt: skip
        assert (out.n_records, out.n_alleles, out.n_not_in_tumour) == (2, 4, 1)

    def test_a_record_that_another_tumour_of_the_file_carries_is_not_this_ones(self, tmp_path):
        path = write_calls(
            tmp_path / "a.vcf", fields("GT AD"), ["T1", "T2"],
            ["10 A C PASS . GT:AD 0/1:5,5 0/0:9,0", "20 A C PASS . GT:AD ./.:. 0/1:5,5"],
        )  # fmt: skip
        assert read(path, "T1", "")["pos"].tolist() == [10]
        assert read(path, "T2", "")["pos"].tolist() == [20]

    REJECTED: ClassVar = {
        "10 A * PASS . GT 0/1": "spanning_deletion",
        "10 A <DEL> PASS . GT 0/1": "symbolic_allele",
        "10 A A[c1:30[ PASS . GT 0/1": "symbolic_allele",
        "10 A .C PASS . GT 0/1": "symbolic_allele",
        "10 A <NON_REF> PASS . GT 0/1": "non_ref_placeholder",
        "10 A . PASS . GT 0/1": "no_alternate_allele",
        "10 A A PASS . GT 0/1": "alt_equals_ref",
        "10 A R PASS . GT 0/1": "alt_not_acgt",
        "10 A N PASS . GT 0/1": "alt_not_acgt",
        "10 R A PASS . GT 0/1": "ref_not_acgt",
        "10 C A PASS . GT 0/1": "ref_mismatch",
        "90 A C PASS . GT 0/1": "beyond_contig",
        "0 A C PASS . GT 0/1": "position_not_understood",
        "1e3 A C PASS . GT 0/1": "position_not_understood",
        "10 A C PASS . GT": "ragged_row",
    }

    @pytest.mark.parametrize("record", REJECTED)
    def test_what_cannot_be_used_has_a_reason_and_a_line(self, record, tmp_path):
        fasta = write_fasta(tmp_path / "r.fa", c1="A" * 60)
        path = write_calls(tmp_path / "a.vcf", fields("GT"), ["T1"], [record])
        done = Prepared(tmp_path / "out", [sheet_row(path)], fasta)
        assert done.reasons == [self.REJECTED[record]] and done.variants.empty
        line = len(path.read_text().splitlines())
        assert done.rejects["line"].tolist() == [str(line)]
        assert done.flow["tumours"][0]["rejected"] == {self.REJECTED[record]: 1}

    def test_beside_a_rejected_allele_the_other_stays(self, tmp_path):
        fasta = write_fasta(tmp_path / "r.fa", c1="A" * 60)
        path = write_calls(tmp_path / "a.vcf", fields("GT AD"), ["T1"], ["10 A *,C PASS . GT:AD 1/2:2,3,5"])
        done = Prepared(tmp_path / "out", [sheet_row(path)], fasta)
        assert done.keys == ["c1:10:A:C"] and done.reasons == ["spanning_deletion"]
        assert done.variants["vaf"][0] == 0.5

    def test_keys_are_left_aligned_and_upper_case(self, tmp_path):
        fasta = write_fasta(tmp_path / "r.fa", c1="GCAAAATC")
        path = write_calls(tmp_path / "a.vcf", fields("GT"), ["T1"], ["5 aa a PASS . GT 0/1"])
        assert Prepared(tmp_path / "out", [sheet_row(path)], fasta).keys == ["c1:2:CA:C"]


class TestForms:
    def content(self, tmp_path: Path) -> Path:
        head = [*MUTECT, "##contig=<ID=c1,length=60>"]
        return write_calls(tmp_path / "a.vcf", head, ["N1", "T1"], ["10 A C PASS . GT:AD 0/0:9,0 0/1:15,5"])

    def test_plain_gzip_bgzip_and_bcf_read_alike(self, tmp_path):
        plain = self.content(tmp_path)
        (tmp_path / "b.vcf.gz").write_bytes(gzip.compress(plain.read_bytes()))
        pysam.tabix_compress(str(plain), str(tmp_path / "c.vcf.gz"))
        bcftools.run("view", "-Ob", "-o", str(tmp_path / "d.bcf"), str(plain))
        first = read(plain).drop(columns="source_line")
        for name in ("b.vcf.gz", "c.vcf.gz", "d.bcf"):
            pd.testing.assert_frame_equal(read(tmp_path / name).drop(columns="source_line"), first)

    def test_a_file_that_is_cut_off_is_an_error(self, tmp_path):
        text = self.content(tmp_path).read_bytes()
        (tmp_path / "b.vcf.gz").write_bytes(gzip.compress(text)[:-20])
        with pytest.raises(InputError, match="truncated"):
            read(tmp_path / "b.vcf.gz")
