"""The tumour sheet: every fault of it and of its files is a problem with file, row, column and a way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from endotype.cohort.preflight import write_preflight
from endotype.cohort.tumour_sheet import CALLERS, SHEET_COLUMNS, TUMOUR_COLUMNS
from endotype.config import schema
from endotype.errors import Problem
from endotype.tables import read_parquet, read_text_table
from tests.variants.tumour_files import MAF_COLUMNS, fields

ROOT = Path(__file__).parents[2]

HEADER = "patient\ttumour\tnormal\tfile_type\tpath"
MUTECT = ["##source=Mutect2", "##tumor_sample=T1", "##normal_sample=N1", *fields("GT AD")]
STRELKA = fields("DP AU CU GU TU")


@pytest.fixture
def tumours(cohort):
    """The sound cohort with one VCF, one Strelka2 VCF and one MAF of three tumours."""
    vcf(cohort, "one.vcf", MUTECT, ["N1", "T1"])
    vcf(cohort, "strelka.vcf", STRELKA, ["NORMAL", "TUMOR"])
    maf(cohort, ["T2", "T3", "T4"])
    sheet(cohort, "P001\tT1\tN1\tvcf\tone.vcf", "P002\tT2\t\tmaf\tmany.maf", "P003\tT3\t\tmaf\tmany.maf",
          "P004\tMet-4\tBlood-4\tvcf\tstrelka.vcf")  # fmt: skip
    cohort.config["inputs"]["tumours"] = "tumours.tsv"
    return cohort


def sheet(cohort, *rows: str, header: str = HEADER) -> None:
    cohort.write("tumours.tsv", "\n".join([header, *rows, ""]))


def vcf(cohort, name: str, head: list[str], samples: list[str], ref: str = "", contig: str = "1") -> None:
    ref = ref or cohort.reference["1"][99]
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]
    contigs = [f"##contig=<ID={contig},length=2000>"]
    keys = next(key for key in ("GT:AD", "DP:AU:CU:GU:TU") if any(f"ID={key[:2]}," in line for line in head))
    cell = "0/1:5,5" if keys == "GT:AD" else "9:1,1:2,2:3,3:3,3"
    record = [
        contig,
        "100",
        ".",
        ref,
        "A" if ref != "A" else "C",
        ".",
        "PASS",
        ".",
        keys,
        *[cell] * len(samples),
    ]
    lines = ["##fileformat=VCFv4.2", *contigs, *head, "\t".join(columns), "\t".join(record)]
    cohort.write(name, "\n".join(lines) + "\n")


def maf(cohort, barcodes: list[str], build: str = "", name: str = "many.maf") -> None:
    ref = cohort.reference["1"][99]
    rows = [
        ["G", build, "1", "100", "100", "Silent", ref, ref, "N", barcode, "6", "4"] for barcode in barcodes
    ]
    cohort.write(name, "\n".join("\t".join(row) for row in [MAF_COLUMNS, *rows]) + "\n")


def only(cohort) -> Problem:
    (problem,) = cohort.problems()
    return problem


class TestSound:
    def test_the_table_says_where_each_tumour_is(self, tumours, tmp_path):
        result = tumours.check()
        assert list(result.tumours.columns) == TUMOUR_COLUMNS
        names = result.tumours[["patient", "tumour_in_file", "normal_in_file", "path"]].to_numpy().tolist()
        assert names == [
            ["P001", "T1", "N1", "one.vcf"], ["P002", "T2", "", "many.maf"], ["P003", "T3", "", "many.maf"],
            ["P004", "TUMOR", "NORMAL", "strelka.vcf"],
        ]  # fmt: skip
        assert result.counts["tumours"] == 4
        assert [w for w in result.warnings if "T4" in w and "many.maf" in w]
        write_preflight(result, tmp_path / "out")
        assert read_parquet(tmp_path / "out" / "tumours.parquet").equals(result.tumours)

    def test_without_a_sheet_the_table_is_empty(self, cohort):
        assert cohort.check().tumours.empty and list(cohort.check().tumours.columns) == TUMOUR_COLUMNS

    def test_somebody_with_a_tumour_and_a_record_needs_no_germline_sample(self, tumours):
        tumours.edit("samples.tsv", "P001\tS-P001\tfemale\tvcf\tcohort.vcf.gz\n", "")
        result = tumours.check()
        assert "P001" in set(result.tumours["patient"])
        person = result.people.set_index("patient").loc["P001"]
        assert (person["status"], bool(person["in_genotypes"])) == ("included", False)

    def test_the_normal_is_found_in_the_header(self, tumours):
        sheet(tumours, "P001\tT1\t\tvcf\tone.vcf")
        assert tumours.check().tumours["normal_in_file"].tolist() == ["N1"]

    @pytest.mark.parametrize("written", ["TCGA-AB-1234", "TCGA-AB-1234-01", "TCGA-AB-1234-01A",
                                         "TCGA-AB-1234-01A-11D-A12B-08"])  # fmt: skip
    @pytest.mark.parametrize("barcode", ["TCGA-AB-1234-01A-11D-A12B-08", "TCGA-AB-1234"])
    def test_tcga_barcodes_of_any_length_find_each_other(self, tumours, written, barcode):
        maf(tumours, [barcode, "TCGA-AB-12345", "TCGA-AB-9999-01A-11D-A12B-08"])
        sheet(tumours, f"P001\t{written}\t\tmaf\tmany.maf")
        assert tumours.check().tumours["tumour_in_file"].tolist() == [barcode]

    def test_paths_are_relative_to_the_sheet(self, tumours):
        text = (tumours.folder / "tumours.tsv").read_text()
        for name in ("many.maf", "one.vcf", "strelka.vcf"):
            text = text.replace(name, f"../{name}")
        tumours.write("sub/tumours.tsv", text)
        tumours.config["inputs"]["tumours"] = "sub/tumours.tsv"
        assert tumours.check().tumours["path"].tolist()[0] == "one.vcf"

    def test_the_example_is_in_the_form_it_explains(self):
        table = read_text_table(ROOT / "config" / "tumours.example.tsv")
        assert list(table.rows.columns)[:5] == SHEET_COLUMNS and not table.ragged
        assert set(table.rows["caller"]) <= set(CALLERS)
        assert list(schema("tumours")["properties"]) == [*SHEET_COLUMNS, "caller", "callable"]


class TestFaults:
    @pytest.mark.parametrize(
        ("old", "new", "row", "column", "found", "suggestion"),
        [
            ("P001\tT1", "P0001\tT1", 2, "patient", "'P0001'", "did you mean P001?"),
            ("P001\tT1", "P 001\tT1", 2, "patient", "'P 001'", "P_001"),
            ("\tT1\t", "\tT 1\t", 2, "tumour", "'T 1'", "T_1"),
            ("\tT1\tN1", "\tT1\t$(x)", 2, "normal", "'$(x)'", ""),
            ("vcf\tone", "vfc\tone", 2, "file_type", "'vfc'", "did you mean vcf?"),
            ("one.vcf", "ona.vcf", None, "", "no such file", "one.vcf"),
            ("many.maf", "mani.maf", None, "", "no such file", "many.maf"),
            ("one.vcf", "", 2, "path", "''", ""),
            ("\tT1\tN1", "\tTT1\tN1", 2, "tumour", "'TT1', which isn't among", "did you mean T1?"),
            ("\tT1\tN1", "\tN1\tT1", 2, "tumour", "the file calls the normal", "swapped"),
            ("\tT1\tN1", "\tT1\tNN1", None, "", "", ""),
            ("\tT2\t", "\tT22\t", 3, "tumour", "no Tumor_Sample_Barcode", "did you mean T2?"),
            ("\tT3\t", "\tT2\t", 4, "tumour", "'T2' of many.maf, which is 'T2' of patient 'P002'", ""),
        ],
    )  # fmt: skip
    def test_a_cell(self, tumours, old, new, row, column, found, suggestion):
        tumours.edit("tumours.tsv", old, new)
        if not found:  # a normal that the header of the file knows better
            assert tumours.check().tumours["normal_in_file"][0] == "N1"
            return
        problems = [p for p in tumours.problems() if found in p.found]
        assert [(p.row, p.column) for p in problems] == [(row, column)]
        assert suggestion in problems[0].suggestion

    def test_all_at_once(self, tumours):
        sheet(tumours, "P999\tT1\tN1\tvcf\tone.vcf", "P002\tTX\t\tmaf\tmany.maf", "P003\tT3\t\tmaf\tnone.maf")
        assert len(tumours.problems()) == 3

    def test_absent_column_with_the_nearest(self, tumours):
        sheet(tumours, "P001\tT1\tN1\tvcf\tone.vcf", header="patient\ttumor\tnormal\tfile_type\tpath")
        problem = only(tumours)
        assert (problem.row, problem.column) == (1, "tumour") and "'tumor'" in problem.suggestion

    def test_ragged_row_and_empty_sheet(self, tumours):
        sheet(tumours, "P001\tT1")
        assert "2 cells" in only(tumours).found
        sheet(tumours)
        assert "no rows" in only(tumours).found

    def test_the_same_row_twice(self, tumours):
        sheet(tumours, *["P001\tT1\tN1\tvcf\tone.vcf"] * 2)
        assert "again (first in row 2)" in only(tumours).found

    def test_two_normals_of_one_tumour(self, tumours):
        vcf(tumours, "two.vcf", fields("GT AD"), ["T1"])
        sheet(tumours, "P001\tT1\tN1\tvcf\tone.vcf", "P001\tT1\tN2\tvcf\ttwo.vcf")
        assert "'N2', but 'N1' in row 2" in only(tumours).found

    def test_a_normal_that_is_not_in_the_file(self, tumours):
        vcf(tumours, "one.vcf", fields("GT AD"), ["T1", "Blood_1"])
        sheet(tumours, "P001\tT1\tBlood-1\tvcf\tone.vcf")
        problem = only(tumours)
        assert problem.column == "normal" and problem.suggestion == "did you mean Blood_1?"

    def test_a_barcode_that_begins_several(self, tumours):
        maf(tumours, ["TCGA-AB-1234-01A-11D-A12B-08", "TCGA-AB-1234-02A-11D-A12B-08"])
        sheet(tumours, "P001\tTCGA-AB-1234\t\tmaf\tmany.maf")
        assert "the beginning of 2 barcodes" in only(tumours).found

    def test_a_caller_that_the_file_is_not_of(self, tumours):
        sheet(tumours, "P001\tT1\tN1\tvcf\tone.vcf\tstrelka2", header=HEADER + "\tcaller")
        problem = only(tumours)
        assert problem.column == "caller" and "mutect2" in problem.suggestion
        sheet(tumours, "P001\tT1\tN1\tvcf\tone.vcf\tmutekt2", header=HEADER + "\tcaller")
        assert only(tumours).suggestion == "did you mean mutect2?"

    def test_a_maf_without_a_column(self, tumours):
        tumours.edit("many.maf", "Reference_Allele", "Ref_Allele")
        problem = only(tumours)
        assert (problem.file, problem.row, problem.column) == ("many.maf", 1, "Reference_Allele")

    def test_a_maf_of_another_build(self, tumours):
        tumours.config["reference"]["assembly"] = "GRCh38"
        maf(tumours, ["T2", "T3", "T4"], build="37")
        problem = only(tumours)
        assert (problem.row, problem.column, problem.found) == (2, "NCBI_Build", "'37'")
        maf(tumours, ["T2", "T3", "T4"], build="hg38")
        tumours.check()

    def test_a_maf_of_two_builds(self, tumours):
        maf(tumours, ["T2", "T3"], build="37")
        text = (tumours.folder / "many.maf").read_text().replace("\t37\t", "\tGRCh38\t", 1)
        tumours.write("many.maf", text)
        assert only(tumours).expected == "one assembly in a file"

    def test_a_vcf_of_another_genome(self, tumours):
        other = "ACGT"["ACGT".index(tumours.reference["1"][99]) - 1]
        vcf(tumours, "one.vcf", MUTECT, ["N1", "T1"], ref=other)
        problem = only(tumours)
        assert (problem.file, problem.column) == ("one.vcf", "REF")

    def test_contigs_may_be_called_otherwise(self, tumours):
        vcf(tumours, "one.vcf", MUTECT, ["N1", "T1"], contig="chr1")
        assert len(tumours.check().tumours) == 4

    def test_a_bed_that_is_none(self, tumours):
        tumours.write("callable.bed", "1\t10\t20\n1\tx\t20\n")
        sheet(tumours, "P001\tT1\tN1\tvcf\tone.vcf\tcallable.bed", header=HEADER + "\tcallable")
        problem = only(tumours)
        assert (problem.file, problem.row) == ("callable.bed", 2)
        tumours.write("callable.bed", "1\t10\t20\n")
        assert tumours.check().tumours["callable"].tolist() == ["callable.bed"]
