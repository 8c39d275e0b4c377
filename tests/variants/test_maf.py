"""MAF files: columns by many names, alleles in their own notation, read counts in several ways."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from endotype import bcftools
from endotype.cohort.maf_table import MafRows, read_maf_header, survey_maf
from endotype.errors import InputError
from endotype.variants.maf import read_maf
from tests.variants.builders import read_vcf, write_fasta
from tests.variants.tumour_files import MAF_COLUMNS, Prepared, sheet_row, write_maf

#            1234567890123456789012345
SEQUENCE = "ACGTTTTTGCAGCAGCATGACCATGA"


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    return write_fasta(tmp_path / "reference.fa", c1=SEQUENCE, X="GATTACA")


def entries(path: Path, *barcodes: str, **settings) -> pd.DataFrame:
    return read_maf(str(path), dict.fromkeys(barcodes or ("T1",), False), **settings).entries


class TestColumns:
    def test_names_in_any_case_and_comment_lines(self, tmp_path):
        columns = [name.upper().replace("_", ".") for name in MAF_COLUMNS]
        path = write_maf(
            tmp_path / "a.maf",
            ["G 37 c1 3 3 Silent G G T T1 6 4"],
            columns,
            head="#version 2.4\n#another\n\n",
        )
        header = read_maf_header(str(path))
        assert header.line == 4 and header.positions["chrom"] == (2,)
        row = entries(path).iloc[0]
        assert (row["source_line"], row["alt_reads"], row["vaf"]) == (5, 4, 0.4)

    def test_of_names_that_differ_by_case_the_one_of_the_format_is_taken(self, tmp_path):
        path = write_maf(
            tmp_path / "a.maf", ["c9 c1 3 G T T1"],
            ["chromosome", "Chromosome", "Start_Position", "Reference_Allele", "Tumor_Seq_Allele2",
             "Tumor_Sample_Barcode"],
        )  # fmt: skip
        assert entries(path)["chrom"].tolist() == ["c1"]

    def test_the_second_name_serves_where_the_first_is_empty(self, tmp_path):
        columns = [*MAF_COLUMNS, "t_depth", "tumor_ref_reads", "tumors_var_reads", "tumor_vaf"]
        path = write_maf(tmp_path / "a.maf", ["G 37 c1 3 3 Silent G G T T1 _ _ 0 38 6 13,64"], columns)
        row = entries(path).iloc[0]
        assert (row["ref_reads"], row["alt_reads"], row["depth"], row["vaf_source"]) == (38, 6, 44, "reads")
        assert row["vaf"] == 6 / 44

    def test_every_absent_column_is_named_with_the_nearest(self, tmp_path):
        path = write_maf(
            tmp_path / "a.maf",
            ["c1 3 G T1"],
            ["Chrom", "Start_Position", "Ref_Allele", "Tumor_Sample_Barcode"],
        )
        with pytest.raises(InputError) as caught:
            read_maf_header(str(path))
        assert [(p.row, p.column) for p in caught.value.problems] == [
            (1, "Chromosome"), (1, "Reference_Allele"), (1, "Tumor_Seq_Allele2")
        ]  # fmt: skip
        assert "'Ref_Allele'" in caught.value.problems[1].suggestion

    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (b"", "empty file"),
            (b"##fileformat=VCFv4.2\n", "a VCF"),
            (b"\xff\xfe\x00", "not UTF-8"),
            (gzip.compress("\t".join([*MAF_COLUMNS, "\n"]).encode() * 50)[:-12], "truncated"),
            (b"Chromosome,Start_Position\n", "separated by tabs"),
        ],
        ids=["empty", "vcf", "not text", "truncated", "csv"],
    )
    def test_what_is_no_maf_is_told(self, tmp_path, content, found):
        (tmp_path / "a.maf").write_bytes(content)
        with pytest.raises(InputError, match=found):
            survey_maf(str(tmp_path / "a.maf"))

    def test_lines_stay_right_past_ragged_and_blank_ones_and_over_blocks(self, tmp_path, monkeypatch):
        monkeypatch.setattr("endotype.cohort.maf_table._BLOCK_BYTES", 4096)
        rows = [f"G{n} 37 c1 3 3 Silent G G T T1 6 4" for n in range(2, 2000)]
        for line in (7, 90, 91, 1500):
            rows[line - 2] = "too few"
        rows[100] = "_"
        text = write_maf(tmp_path / "a.maf", rows).read_text().replace("\n\n", "\n" + "\t" * 11 + "\n")
        (tmp_path / "a.maf").write_text(text)
        table = MafRows(read_maf_header(str(tmp_path / "a.maf")), ["gene"])
        frame = pd.concat(list(table))
        assert (frame["gene"] == [f"G{line}" for line in frame.index]).all()
        assert [line for line, _ in table.ragged] == [7, 90, 91, 1500] and table.blank == 1
        assert len(frame) + len(table.ragged) + table.blank == 1998

    def test_bytes_that_are_not_text_are_an_error(self, tmp_path):
        path = write_maf(tmp_path / "a.maf", ["G 37 c1 3 3 Silent G G T T1 6 4"])
        path.write_bytes(path.read_bytes().replace(b"Silent", b"Sil\xff"))
        with pytest.raises(InputError, match="not UTF-8"):
            entries(path)


class TestAlleles:
    CASES: ClassVar = {
        # what the MAF says: start end ref allele1 allele2 -> the key with a reference
        "snv": ("3 3 G G T", "c1:3:G:T"),
        "the mutation is the first allele": ("3 3 G T G", "c1:3:G:T"),
        "both alleles are the mutation": ("3 3 G T T", "c1:3:G:T"),
        "no first allele": ("3 3 G _ T", "c1:3:G:T"),
        "lower case": ("3 3 g g t", "c1:3:G:T"),
        "insertion into a homopolymer": ("6 7 - - T", "c1:3:G:GT"),
        "deletion in a homopolymer": ("8 8 T T -", "c1:3:GT:G"),
        "deletion of a repeat": ("14 16 CAG CAG -", None),  # REF isn't there
        "deletion of a repeat, at its end": ("13 15 CAG CAG -", "c1:8:TGCA:T"),
        "several dashes": ("13 15 CAG CAG ---", "c1:8:TGCA:T"),
        "deletion of the first base": ("1 1 A A -", "c1:1:AC:C"),
        "insertion after the last base": ("26 27 - - G", "c1:26:A:AG"),
        "mnv stays whole": ("19 20 GA GA TC", "c1:19:GA:TC"),
        "padded deletion": ("3 5 GTT GTT GT", "c1:3:GT:G"),
        "complex": ("18 20 TGA TGA CC", "c1:18:TGA:CC"),
    }

    @pytest.mark.parametrize("case", CASES)
    def test_key(self, case, tmp_path, fasta):
        written, key = self.CASES[case]
        path = write_maf(tmp_path / "a.maf", [f"G 37 c1 {written} x T1 1 1"],
                         ["Hugo_Symbol", "NCBI_Build", "Chromosome", "Start_Position", "End_Position",
                          "Reference_Allele", "Tumor_Seq_Allele1", "Tumor_Seq_Allele2", "Any",
                          "Tumor_Sample_Barcode", "t_ref_count", "t_alt_count"])  # fmt: skip
        done = Prepared(tmp_path / "out", [sheet_row(path)], fasta)
        assert done.keys == ([key] if key else [])
        assert done.reasons == ([] if key else ["ref_mismatch"])

    FAULTS: ClassVar = {
        "5 5 T T T": "no_alternate_allele",
        "3 3 G _ _": "no_alternate_allele",
        "0 0 G G T": "position_not_understood",
        "3.0 3 G G T": "position_not_understood",
        "3 x G G T": "position_not_understood",
        "3 4 G G T": "position_inconsistent",
        "3 3 - - T": "position_inconsistent",
        "3 3 T T G": "ref_mismatch",
        "3 3 R R G": "ref_not_acgt",
        "3 3 G G N": "alt_not_acgt",
        "27 27 G G T": "beyond_contig",
        "25 28 GATC GATC -": "beyond_contig",
        "9999999999 9999999999 G G T": "beyond_contig",
    }

    @pytest.mark.parametrize("row", FAULTS)
    def test_what_cannot_be_used_has_a_reason_and_a_line(self, row, tmp_path, fasta):
        start, end, ref, one, two = row.split(" ")
        path = write_maf(tmp_path / "a.maf", [f"G 37 c1 {start} {end} Silent {ref} {one} {two} T1 1 1"])
        done = Prepared(tmp_path / "out", [sheet_row(path)], fasta)
        assert done.keys == [] and done.reasons == [self.FAULTS[row]]
        assert done.rejects["line"].tolist() == ["2"]

    def test_two_new_alleles_in_a_row_are_two_variants(self, tmp_path, fasta):
        path = write_maf(tmp_path / "a.maf", ["G 37 c1 3 3 Silent G A T T1 1 1"])
        done = Prepared(tmp_path / "out", [sheet_row(path)], fasta)
        assert done.keys == ["c1:3:G:A", "c1:3:G:T"]

    @pytest.mark.parametrize(
        ("written", "ours"), [("23", "X"), ("chrX", "X"), ("x", "X"), ("C1", ""), ("c9", "")]
    )
    def test_contig_names(self, written, ours, tmp_path, fasta):
        path = write_maf(tmp_path / "a.maf", [f"G 37 {written} 1 1 Silent G G T T1 1 1"])
        done = Prepared(tmp_path / "out", [sheet_row(path)], fasta)
        assert done.keys == ([f"{ours}:1:G:T"] if ours else [])
        assert done.reasons == ([] if ours else ["contig_not_in_reference"])

    def test_without_a_reference_keys_are_trimmed_and_say_so(self, tmp_path):
        path = write_maf(
            tmp_path / "a.maf",
            ["G 37 23 3 3 S G G T T1 1 1", "G 37 M 5 6 S - - T T1 1 1", "G 37 1 3 5 S GTT GTT GT T1 1 1"],
        )
        done = Prepared(tmp_path / "out", [sheet_row(path)], contigs=["chr1", "chrX"])
        status = dict(zip(done.keys, done.variants["key_status"], strict=True))
        assert status == {"chr1:3:GT:G": "trimmed", "chrX:3:G:T": "trimmed", "chrM:5:-:T": "not_anchored"}
        assert "left alignment" in done.tumours["not_assessed"][0]

    def test_keys_equal_bcftools_norm(self, tmp_path):
        """Random indels of a repetitive sequence, written as a MAF at any of their places, and as a VCF."""
        rng = random.Random(5)
        sequence = "G" + "".join(rng.choice(["A", "AC", "ACG", "T"]) * rng.randint(1, 6) for _ in range(120))
        fasta = write_fasta(tmp_path / "r.fa", c1=sequence)
        rows, records = [], []
        for _ in range(300):
            start = rng.randint(2, len(sequence) - 8)
            bases = "".join(rng.choices("AC", k=rng.randint(1, 4)))
            if rng.random() < 0.5:
                rows.append(f"G 37 c1 {start} {start + 1} S - - {bases} T1 1 1")
                before = sequence[start - 1]
                records.append((start, before, before + bases))
            else:
                gone = sequence[start - 1 : start - 1 + len(bases)]
                rows.append(f"G 37 c1 {start} {start + len(gone) - 1} S {gone} {gone} - T1 1 1")
                before = sequence[start - 2]
                records.append((start - 1, before + gone, before))
        text = ["##fileformat=VCFv4.2", f"##contig=<ID=c1,length={len(sequence)}>",
                "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]  # fmt: skip
        text += [f"c1\t{pos}\t.\t{ref}\t{alt}\t.\t.\t." for pos, ref, alt in sorted(records)]
        (tmp_path / "in.vcf").write_text("\n".join(text) + "\n")
        bcftools.run("norm", "-f", str(fasta), "-o", str(tmp_path / "out.vcf"), str(tmp_path / "in.vcf"))
        theirs = {"c1:" + ":".join(record.split()[:3]) for record in read_vcf(tmp_path / "out.vcf")}
        done = Prepared(tmp_path / "out", [sheet_row(write_maf(tmp_path / "a.maf", rows))], fasta)
        assert set(done.keys) == theirs
        assert len(done.keys) + done.flow["tumours"][0]["merged"] == 300


class TestReadsAndStatus:
    def frame(self, tmp_path, columns: str, *rows: str, **settings) -> pd.DataFrame:
        names = [
            "Chromosome",
            "Start_Position",
            "Reference_Allele",
            "Tumor_Seq_Allele2",
            "Tumor_Sample_Barcode",
        ]
        path = write_maf(
            tmp_path / "a.maf", [f"c1 3 G T T1 {row}" for row in rows], [*names, *columns.split()]
        )
        return entries(path, **settings)

    def test_a_fraction_comes_from_reads_where_they_are_and_is_null_where_nothing_is(self, tmp_path):
        out = self.frame(tmp_path, "t_depth t_alt_count t_ref_count t_vaf", "20 5 _ 0.9", "20 5 12 _",
                         "_ _ _ 0.25", "20 _ _ _", "_ _ _ _", "0 0 0 _", "4 5 5 _")  # fmt: skip
        assert out["vaf_source"].tolist() == [
            "reads", "reads", "reported", "not_assessed", "not_assessed", "not_assessed", "reads"
        ]  # fmt: skip
        assert np.allclose(out["vaf"], [5 / 20, 5 / 17, 0.25, np.nan, np.nan, np.nan, 0.5], equal_nan=True)
        assert out["depth"].tolist()[:2] == [20, 20] and out["depth"].tolist()[6] == 10
        assert pd.isna(out["depth"][4])

    def test_percent_by_name_or_by_value_and_decimal_commas(self, tmp_path):
        for column, cells, fractions in [
            ("i_TumorVAF_WU", ("45,66", "0.5"), [0.4566, 0.005]),
            ("t_vaf", ("45.66", "0.5"), [0.4566, 0.005]),
            ("t_vaf", ("0,4566", "1"), [0.4566, 1.0]),
        ]:
            assert np.allclose(self.frame(tmp_path, column, *cells)["vaf"], fractions, rtol=1e-12)

    def test_cells_that_are_no_numbers_are_null_and_counted(self, tmp_path):
        names = [
            "Chromosome",
            "Start_Position",
            "Reference_Allele",
            "Tumor_Seq_Allele2",
            "Tumor_Sample_Barcode",
        ]
        rows = [f"c1 3 G T T1 {cell}" for cell in ("99|100", "-3", "2.5", "NA", "7", "1e99")]
        path = write_maf(tmp_path / "a.maf", rows, [*names, "t_depth"])
        maf = read_maf(str(path), {"T1": False})
        assert maf.n_cells_not_understood == {"depth": 4}
        assert maf.entries["depth"].isna().sum() == 5

    def test_status(self, tmp_path):
        out = self.frame(
            tmp_path, "FILTER Mutation_Status Matched_Norm_Sample_Barcode",
            "PASS Somatic _", "PASS _ N1", "PASS _ NORMAL", "_ _ _", "oxog,PASS _ N1", "PASS germline N1",
            "PASS LOH N1", "wga _ N1", "germline_risk;x _ N1",
        )  # fmt: skip
        assert out["status"].tolist() == [
            "somatic", "somatic", "somatic_or_germline", "somatic_or_germline", "filtered", "germline",
            "germline", "filtered", "germline",
        ]  # fmt: skip

    def test_further_words_may_pass(self, tmp_path):
        out = self.frame(tmp_path, "FILTER", "wga", "wga,oxog", passing=["PASS", "wga"])
        assert out["status"].tolist() == ["somatic_or_germline", "filtered"]

    @pytest.mark.parametrize(
        ("build", "used"),
        [("37", True), ("hg19", True), ("GRCh37", True), ("", True), ("hg38", False), ("36", False)],
    )
    def test_rows_of_another_build_are_set_aside(self, tmp_path, build, used):
        out = self.frame(tmp_path, "NCBI_Build", build or "_", assembly="GRCh37")
        assert (out["reason"] == "").tolist() == [used]


class TestAccounting:
    def test_rows_in_are_kept_merged_rejected_or_of_others(self, tmp_path, fasta):
        rows = [
            "A 37 c1 3 3 Silent G G T T1 6 4",
            "A 37 c1 3 3 Silent G G T T1 1 9",  # again
            "A 37 c1 6 7 Silent - - T T1 6 4",
            "A 37 c1 4 5 Silent - - T T1 6 4",  # the same insertion, elsewhere in the homopolymer
            "A 37 c1 3 3 Silent A A T T1 6 4",  # not the reference
            "A 37 c1 3 3 Silent G G T T2 6 4",
            "A 37 c1 3 3 Silent G G T T3 6 4",
            "ragged row",
        ]
        path = write_maf(tmp_path / "a.maf", rows)
        done = Prepared(tmp_path / "out", [sheet_row(path), sheet_row(path, "P2", "T2")], fasta)
        (file,) = done.flow["files"]
        assert (file["records"], file["records_of_other_tumours"], file["records_without_a_tumour"]) == (
            8,
            1,
            1,
        )
        first, second = done.flow["tumours"]
        assert (first["alleles"], first["kept"], first["merged"], first["rejected"]) == (
            5,
            2,
            2,
            {"ref_mismatch": 1},
        )
        assert (second["alleles"], second["kept"], second["merged"], second["rejected"]) == (1, 1, 0, {})
        assert file["records"] == 1 + 1 + first["alleles"] + second["alleles"]
        assert done.reasons == ["ragged_row", "ref_mismatch"] and done.rejects["line"].tolist() == ["9", "6"]
        mine = done.variants[done.variants["patient"] == "P1"]
        assert mine["n_records"].tolist() == [2, 2] and mine["alt_reads"].tolist() == [4, 4]

    def test_a_formula_in_a_cell_stays_text(self, tmp_path, fasta):
        path = write_maf(tmp_path / "a.maf", ["=cmd()|x 37 =1+1 3 3 Silent G G T T1 6 4"])
        done = Prepared(tmp_path / "out", [sheet_row(path)], fasta)
        assert done.reasons == ["contig_not_in_reference"]
        assert "\t'=1+1\t" in (tmp_path / "out" / "somatic_rejects.tsv").read_text()
