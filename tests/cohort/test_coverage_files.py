"""The sample sheet's optional columns ``callable`` and ``alignment``."""

from __future__ import annotations

import pysam
import pytest

from endotype.cohort.coverage_files import open_alignment
from endotype.errors import InputError
from tests.cohort.conftest import PATIENTS, Cohort


def with_column(cohort: Cohort, column: str, cells: dict[str, str]) -> None:
    """Add a column to the sheet, empty but for some patients."""
    header, *rows = cohort.sheet().splitlines()
    lines = [f"{row}\t{cells.get(row.split(chr(9))[0], '')}" for row in rows]
    cohort.write("samples.tsv", "\n".join([f"{header}\t{column}", *lines, ""]))


def alignment(cohort: Cohort, name: str = "a.bam", index: bool = True) -> str:
    """A file of one read on contig 1."""
    contigs = [{"SN": c, "LN": len(b)} for c, b in cohort.reference.items()]
    path = str(cohort.folder / name)
    mode = {"bam": "wb", "cram": "wc", "sam": "w"}[name.rpartition(".")[2]]
    fasta = str(cohort.folder / "reference.fa") if mode == "wc" else None
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": contigs}
    with pysam.AlignmentFile(path, mode, header=header, reference_filename=fasta) as out:
        read = pysam.AlignedSegment(out.header)
        read.query_name, read.reference_id, read.reference_start = "r", 0, 9
        read.query_sequence, read.cigarstring = cohort.reference["1"][9:19], "10M"
        read.query_qualities = pysam.qualitystring_to_array("I" * 10)
        read.mapping_quality = 60
        out.write(read)
    if index:
        pysam.index(path)
    return name


def test_without_the_columns_they_are_empty_in_the_table(cohort):
    samples = cohort.check().samples
    assert samples[["callable", "alignment"]].eq("").all(axis=None)


def test_files_are_opened_and_their_paths_are_those_of_the_working_directory(cohort):
    cohort.write("sub/a.bed", "1\t0\t100\n")
    with_column(cohort, "callable", dict.fromkeys(PATIENTS, " sub/../sub/a.bed"))
    assert set(cohort.check().samples["callable"]) == {"sub/a.bed"}
    with_column(cohort, "alignment", {"P001": alignment(cohort)})
    samples = cohort.check().samples.set_index("patient")["alignment"]
    assert (samples["P001"], samples["P002"]) == ("a.bam", "")


@pytest.mark.parametrize(
    ("column", "name", "found"),
    [
        ("callable", "absent.bed", "no such file"),
        ("callable", ".", "not readable"),
        ("alignment", "absent.bam", "no such file"),
        ("alignment", "samples.tsv", "can't be read"),
        ("alignment", "$(touch PWNED).bam", "no such file"),
    ],
)
def test_a_file_that_cannot_be_opened_is_said_of_its_cell(cohort, column, name, found):
    with_column(cohort, column, {"P002": name})
    (problem,) = cohort.problems()
    assert (problem.file, problem.row, problem.column) == ("samples.tsv", 3, column)
    assert found in problem.found
    assert not (cohort.folder / "PWNED").exists()


def test_a_faulty_line_of_a_bed_is_named_in_the_bed(cohort):
    cohort.write("a.bed", "1\t0\t10\n1\tten\t20\n")
    with_column(cohort, "callable", {"P001": "a.bed", "P002": "a.bed"})
    (problem,) = cohort.problems()
    assert (problem.file, problem.row) == ("a.bed", 2)


@pytest.mark.parametrize(
    ("name", "index", "found"), [("a.bam", False, "no index"), ("a.sam", False, "SAM text")]
)
def test_an_alignment_must_be_indexed_and_binary(cohort, name, index, found):
    with_column(cohort, "alignment", {"P001": alignment(cohort, name, index)})
    (problem,) = cohort.problems()
    assert problem.row == 2 and found in problem.found


def test_a_cram_needs_the_reference(cohort):
    with_column(cohort, "alignment", {"P001": alignment(cohort, "a.cram")})
    cohort.check()
    cohort.config["reference"] = {"fasta": None, "allow_missing": True}
    assert any("a CRAM, and no reference FASTA" in p.found for p in cohort.problems())


def test_a_cram_is_read_with_the_reference(cohort):
    name = alignment(cohort, "a.cram")
    with open_alignment(cohort.folder / name, cohort.folder / "reference.fa") as reads:
        assert [r.query_sequence for r in reads.fetch("1")] == [cohort.reference["1"][9:19]]


def test_a_damaged_alignment_is_an_input_error_while_it_is_read(cohort):
    path = cohort.folder / alignment(cohort)
    data = bytearray(path.read_bytes())
    data[-60:-40] = bytes(20)
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"a\.bam"), open_alignment(path) as reads:
        list(reads.fetch("1"))


def test_one_file_of_a_kind_per_patient_and_one_patient_per_alignment(cohort):
    name = alignment(cohort)
    with_column(cohort, "alignment", {"P001": name, "P002": name})
    (problem,) = cohort.problems()
    assert problem.row == 3 and "of patient 'P001' in row 2" in problem.found
    cohort.write("a.bed", "")
    cohort.write("b.bed", "")
    header, first = (
        "patient\tsample\tsex\tfile_type\tpath\tcallable",
        "P001\tS-P001\tfemale\tvcf\tcohort.vcf.gz",
    )
    cohort.write("samples.tsv", f"{header}\n{first}\ta.bed\n{first.replace('cohort', './cohort')}\tb.bed\n")
    assert any("another file of patient 'P001' in row 2" in p.found for p in cohort.problems())


def test_a_column_that_is_there_twice_is_refused(cohort):
    header, *rows = cohort.sheet().splitlines()
    lines = [f"{header}\tcallable\tcallable", *(f"{row}\t\t" for row in rows), ""]
    cohort.write("samples.tsv", "\n".join(lines))
    (problem,) = cohort.problems()
    assert problem.column == "callable" and "twice" in problem.found
