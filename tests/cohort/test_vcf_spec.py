"""Breaches of the VCF specification: refused, or counted and named; never passed over."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from endotype.cohort.variant_file import inspect
from endotype.cohort.vcf_header import split_items
from endotype.cohort.vcf_spec import SHOWN_ERRORS, expected_values
from endotype.errors import InputError, Problem

COLLECTION = Path(__file__).parents[3] / "shared" / "data" / "broken_inputs" / "hts_specs_vcf43"

HEADER = """\
##fileformat=VCFv4.3
##contig=<ID=1,length=5000>
##contig=<ID=2,length=5000>
##FILTER=<ID=q10,Description="Quality below 10">
##INFO=<ID=AC,Number=A,Type=Integer,Description="Allele count">
##INFO=<ID=END,Number=1,Type=Integer,Description="End">
##INFO=<ID=NOTE,Number=.,Type=String,Description="Any text, with commas">
##INFO=<ID=PAIR,Number=2,Type=Float,Description="Two numbers">
##INFO=<ID=SEEN,Number=0,Type=Flag,Description="A flag">
##INFO=<ID=HELD,Number=1,Type=Flag,Description="A flag that nothing uses">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="Likelihoods">
##FORMAT=<ID=LETTER,Number=1,Type=Character,Description="A letter">
##ALT=<ID=DEL:ME,Description="Deletion of a mobile element">
##SAMPLE=<ID=S1,Description="first; \\"quoted\\"">
##pedigreeDB=https://host.example:80/pedigree
"""
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\tS2\n"
RECORDS = [
    "1\t100\trs1;rs2\tC\tT\t50\tPASS\tAC=1;SEEN\tGT:GQ:PL\t0/1:40:9,0,9\t0|0:.:.\n",
    "1\t200\t.\tCA\tC,CAA\t.\tq10\tAC=1,2;PAIR=1,-2e-3;NOTE=a,b\tGT:GQ\t1/2:7\t.\n",
    "1\t300\t.\tG\t<DEL:ME>,*\t1e3\t.\tEND=400\tGT\t0\t./1\n",
    "2\t5\t.\tN\t]1:100]A\t.\tPASS\t.\tGT:LETTER\t0/1:x\t1|1|0:y\n",
    "2\t5\t.\tN\t.\t.\tPASS\t.\tGT\t0/0\t0/0\n",
]
FIRST = HEADER.count("\n") + 2
"""The line of the first record."""


def vcf(header: str = HEADER, records: list[str] = RECORDS, columns: str = COLUMNS) -> str:
    return header + columns + "".join(records)


def edited(old: str, new: str) -> str:
    text = vcf()
    assert old in text
    return text.replace(old, new, 1)


def line_of(text: str) -> int:
    """The line on which a piece of the valid file stands."""
    whole = vcf()
    return whole.count("\n", 0, whole.index(text)) + 1 + text.startswith("\n")


def seen(tmp_path: Path, text: str) -> tuple[list[Problem], tuple[str, ...]]:
    """The errors and the warnings that a file ends in."""
    path = tmp_path / "x.vcf"
    path.write_text(text, newline="")
    try:
        return [], inspect(str(path)).warnings
    except InputError as error:
        return error.problems, ()


def test_a_valid_file_has_neither_errors_nor_warnings(tmp_path):
    assert seen(tmp_path, vcf()) == ([], ())


ERRORS = [
    # what, old text, new text, column, found
    ("empty FORMAT key", "GT:GQ:PL", "GT::PL", "FORMAT", "GT::PL"),
    ("GT not first", "GT:GQ:PL\t0/1:40", "GQ:GT:PL\t40:0/1", "FORMAT", "GQ:GT"),
    ("FORMAT key twice", "GT:GQ:PL", "GT:GQ:GQ", "FORMAT", "GT:GQ:GQ"),
    ("genotype of letters", "0|0:.:.", "0|C:.:.", "GT", "0|C"),
    ("genotype with two separators", "0|0:.:.", "0/|0:.:.", "GT", "0/|0"),
    ("backslash in a genotype", "0|0:.:.", "0\\0:.:.", "GT", "0\\0"),
    ("empty genotype", "0|0:.:.", ":.:.", "GT", "''"),
    ("allele out of range", "1/2:7", "1/3:7", "GT", "1/3"),
    ("more values than keys", "0|0:.:.", "0|0:.:.:4", "samples", "0|0:.:.:4"),
    ("more values than one key", "0\t./1", "0:3\t./1", "samples", "0:3"),
    ("text as a used number", "0/1:40:9", "0/1:high:9", "samples", "GQ='high'"),
    ("NaN as an integer", "0/1:40:9", "0/1:NaN:9", "samples", "GQ='NaN'"),
    ("blank in CHROM", "\n1\t200", "\n1 \t200", "CHROM", "'1 '"),
    ("comma in CHROM", "\n1\t200", "\n1,2\t200", "CHROM", "'1,2'"),
    ("bracket in CHROM", "\n1\t200", "\n<1\t200", "CHROM", "'<1'"),
    ("POS of letters", "\t200\t", "\t2e2\t", "POS", "'2e2'"),
    ("negative POS", "\t200\t", "\t-200\t", "POS", "'-200'"),
    ("two REF alleles", "\tCA\tC,CAA", "\tCA,C\tC,CAA", "REF", "'CA,C'"),
    ("blank in ALT", "C,CAA", "C, CAA", "ALT", "'C, CAA'"),
    ("empty ALT", "C,CAA", "C,,CAA", "ALT", "'C,,CAA'"),
    ("bracket in ALT", "<DEL:ME>", "<DEL>ME>", "ALT", "<DEL>ME>"),
    ("QUAL of letters", "\t1e3\t", "\thigh\t", "QUAL", "'high'"),
    ("empty filter", "\tq10\t", "\tq10;\t", "FILTER", "q10;"),
    ("filter and missing", "\tq10\t", "\tq10;.\t", "FILTER", "q10;."),
    ("filter 0", "\tq10\t", "\t0\t", "FILTER", "'0'"),
    ("END of letters", "END=400", "END=far", "INFO", "END='far'"),
    ("END of nothing", "END=400", "END=0", "INFO", "END='0'"),
    ("columns too few", "\t./1\n", "\n", "", "10 columns"),
    ("empty line", "2\t5\t.\tN\t.", "\n2\t5\t.\tN\t.", "", "an empty line"),
    ("unsorted", "\t300\t", "\t150\t", "POS", "150 after 200"),
    ("contig in two places", "2\t5\t.\tN\t.", "1\t5\t.\tN\t.", "CHROM", "'1' again after '2'"),
    ("used key of another type", "GQ,Number=1,Type=Integer", "GQ,Number=1,Type=String", "##FORMAT", "GQ"),
    ("used key of no type", "ID=PL,Number=G,Type=Integer", "ID=PL,Number=G,Type=Int", "##FORMAT", "Type=Int"),
    ("used key that can't be parsed", 'Description="Likelihoods"', 'Description="Like', "##FORMAT", "can't"),
    ("contig without ID", "##contig=<ID=2,", "##contig=<", "##contig", "without ID"),
    ("comma in a contig", "##contig=<ID=2,", "##contig=<ID=2,A,", "##contig", "can't be parsed"),
    ("blank in a contig", "##contig=<ID=2,", "##contig=<ID=2 A,", "##contig", "'2 A'"),
    ("FORMAT without samples", "FORMAT\tS1\tS2", "FORMAT", "#CHROM", "FORMAT without samples"),
    ("a line without ##", "##pedigreeDB", "pedigreeDB", "", "pedigreeDB"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "column", "found"), [e[1:] for e in ERRORS], ids=[e[0] for e in ERRORS]
)
def test_what_could_change_a_genotype_is_refused(tmp_path, old, new, column, found):
    problems, _ = seen(tmp_path, edited(old, new))
    assert problems, "not refused"
    first = problems[0]
    assert (first.row, first.column) == (line_of(old), column) and found in first.found
    assert first.expected and first.file.endswith("x.vcf")


WARNINGS = [
    ("ID with a blank", "rs1;rs2", "rs1 rs2", "ID", "rs1 rs2"),
    ("ID twice", "rs1;rs2", "rs1;rs1", "ID", "rs1;rs1"),
    ("empty ID", "rs1;rs2", "rs1;", "ID", "rs1;"),
    ("IUPAC in REF", "\tN\t]1", "\tR\t]1", "REF", "'R'"),
    ("missing REF", "\tN\t]1", "\t.\t]1", "REF", "'.'"),
    ("IUPAC in ALT", "rs2\tC\tT", "rs2\tC\tY", "ALT", "'Y'"),
    ("breakend without bases", "]1:100]A", "]1:100]", "ALT", "]1:100]"),
    ("the same allele again", "\t200\t.\tCA\tC,CAA", "\t100\t.\tCA\tTA,CAA", "ALT", "100 'C' > 'T' again"),
    ("negative QUAL", "\t1e3\t", "\t-1\t", "QUAL", "-1"),
    ("filter twice", "\tq10\t", "\tq10;q10\t", "FILTER", "q10;q10"),
    ("filter with a blank", "\tq10\t", "\tq 10\t", "FILTER", "q 10"),
    ("INFO key twice", "AC=1;SEEN", "AC=1;AC=1", "INFO", "'AC' twice"),
    ("INFO key with a blank", "AC=1;SEEN", "AC=1;SE EN", "INFO", "SE EN"),
    ("too few values", "AC=1,2", "AC=1", "INFO", "1 values of AC"),
    ("too many values", "PAIR=1,-2e-3", "PAIR=1,2,3", "INFO", "3 values of PAIR"),
    ("text as a number", "AC=1;", "AC=one;", "INFO", "AC='one'"),
    ("a number below nought", "AC=1;", "AC=-1;", "INFO", "AC='-1'"),
    ("an integer too large", "AC=1;", "AC=2147483648;", "INFO", "AC='2147483648'"),
    ("an integer that BCF keeps", "AC=1;", "AC=-2147483648;", "INFO", "AC='-2147483648'"),
    ("a flag with a value", "AC=1;SEEN", "AC=1;SEEN=9", "INFO", "SEEN='9'"),
    ("a flag that has a count", "AC=1;SEEN", "AC=1;HELD", "INFO", "HELD, declared on line 10"),
    ("no value", "AC=1;SEEN", "AC;SEEN", "INFO", "AC without a value"),
    ("PL of another ploidy", "9,0,9", "9,0", "samples", "2 values of PL"),
    ("two letters", "0/1:x", "0/1:xx", "samples", "LETTER='xx'"),
    ("FORMAT key with a star", "GT:LETTER", "GT:L*R", "FORMAT", "GT:L*R"),
    ("colon in CHROM", "\n2\t5\t.\tN\t.", "\nHLA:2\t5\t.\tN\t.", "CHROM", "HLA:2"),
    ("no key", "##pedigreeDB=", "##pedigreeDB", "##", "pedigreeDB"),
    ("no URL", "https://host.example:80/", "https://80:80/", "##pedigreeDB", "80:80"),
    ("an unknown type", 'NOTE,Number=.,Type=String', 'NOTE,Number=.,Type=Text', "##INFO", "Type=Text"),
    ("an unknown number", "PAIR,Number=2", "PAIR,Number=N", "##INFO", "Number=N"),
    ("a reserved key otherwise", "ID=AC,Number=A", "ID=AC,Number=1", "##INFO", "AC with Number=1"),
    ("another order", 'ID=SEEN,Number=0,Type=Flag', 'ID=SEEN,Type=Flag,Number=0', "##INFO", "items ID, Type"),
    ("no quotes", '"Two numbers"', "Two numbers", "##INFO", "Two numbers"),
    ("open quotes", '"Two numbers"', '"Two numbers', "##INFO", "can't be parsed"),
    ("quotes in quotes", '"Two numbers"', '"Two "numbers"', "##INFO", "can't be parsed"),
    ("an unknown kind of allele", "DEL:ME,", "NIL:ME,", "##ALT", "NIL:ME"),
    ("a sample with a star", "##SAMPLE=<ID=S1", "##SAMPLE=<ID=S*", "##SAMPLE", "S*"),
    ("no line end", "0/0\t0/0\n", "0/0\t0/0", "", "no line end"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "column", "found"), [w[1:] for w in WARNINGS], ids=[w[0] for w in WARNINGS]
)
def test_what_harms_nothing_is_counted_and_named(tmp_path, old, new, column, found):
    problems, warnings = seen(tmp_path, edited(old, new))
    assert not problems and warnings
    place = f"line {line_of(old)}" + f", column {column}" * bool(column)
    assert f"x.vcf: {place}: " in warnings[0] and found in warnings[0]


def test_older_versions_are_not_held_to_what_4_3_fixed(tmp_path):
    text = vcf().replace("VCFv4.3", "VCFv4.1").replace("ID=AC,Number=A", "ID=AC,Number=.")
    text = text.replace('"Two numbers"', "Two numbers").replace("AC=1;SEEN", "AC=-1;SEEN")
    assert seen(tmp_path, text) == ([], ())


def test_an_undeclared_key_is_said_where_the_version_asks_for_declarations(tmp_path):
    text = edited("AC=1;SEEN", "AC=1;OTHER=2")
    assert seen(tmp_path, text) == ([], ())
    _, (said,) = seen(tmp_path, text.replace("VCFv4.3", "VCFv4.2"))
    assert "'OTHER', which is not declared" in said


@pytest.mark.parametrize("version", ["4.0", "4.2", "4.4", "4.5"])
def test_every_version_4_is_read(tmp_path, version):
    assert seen(tmp_path, vcf().replace("VCFv4.3", f"VCFv{version}")) == ([], ())


@pytest.mark.parametrize(
    "first", ["##fileformat=", "##fileformat=VCF v4.3", "##fileformat=4.3", "", "##fileformat=VCFv3.3"]
)
def test_a_file_without_a_version_4_is_refused(tmp_path, first):
    problems, _ = seen(tmp_path, vcf().replace("##fileformat=VCFv4.3", first, 1))
    assert len(problems) == 1 and "VCF" in problems[0].expected


def test_breaches_are_counted_and_the_first_ones_shown(tmp_path):
    records = [f"1\t{n}\t.\tA\tC\t.\t.\tAC=-1\tGT\t0/1\t0/{n}\n" for n in range(1, 41)]
    problems, _ = seen(tmp_path, vcf(records=records))
    assert len(problems) == SHOWN_ERRORS + 1 and problems[-1].found == "29 more errors like these"
    sound = [line.replace(line.split("/")[-1], "1\n") for line in records]
    _, warnings = seen(tmp_path, vcf(records=sound))
    assert len(warnings) == 1 and "(40 such places were seen)" in warnings[0]


def test_records_far_into_an_indexed_file_are_checked_too(cohort):
    lines = cohort.vcf(sites=[("1", pos) for pos in range(1, 1500)]).split("\n")
    at = next(n for n, line in enumerate(lines) if line.startswith("1\t1010\t"))
    lines[at] = lines[at].replace("0/1", "0/7", 1)
    with pytest.raises(InputError, match="found '0/7' at 1:1010; expected alleles 0 to 1"):
        inspect(str(cohort.compress("cohort.vcf.gz", "\n".join(lines))))


@pytest.mark.parametrize("form", ["plain", "gzip"])
def test_the_form_of_the_file_changes_nothing(tmp_path, form):
    text = edited("0|0:.:.", "0|C:.:.").encode()
    path = tmp_path / "x.vcf.gz"
    path.write_bytes(text if form == "plain" else gzip.compress(text))
    with pytest.raises(InputError) as caught:
        inspect(str(path))
    assert caught.value.problems[0].row == FIRST


@pytest.mark.parametrize(
    ("number", "n_alt", "ploidy", "n"),
    [("1", 3, 2, 1), ("A", 2, 2, 2), ("R", 2, 2, 3), ("G", 1, 2, 3), ("G", 2, 2, 6), ("G", 1, 1, 2),
     ("G", 2, 3, 10),      (".", 1, 2, None), ("G", 0, 2, None), ("LA", 1, 2, None)],
)  # fmt: skip
def test_how_many_values_a_number_asks_for(number, n_alt, ploidy, n):
    assert expected_values(number, n_alt, ploidy) == n


def test_the_items_of_a_line_may_hold_commas_and_quotes_in_quotes():
    items = split_items(r'<ID=X,Description="a, \"b\" <c>",Values=[p, q],Rest=a=b"c>')
    assert [item.key for item in items] == ["ID", "Description", "Values", "Rest"]
    assert items[1].value == r'"a, \"b\" <c>"' and items[2].value == "[p, q]"


# The collection of the htslib project: 224 invalid and 25 valid files, named by what they break.

_COLUMNS = {
    "body_alt": "ALT", "body_chrom": "CHROM", "body_contiguous": "CHROM", "body_duplicated": "ALT",
    "body_filter": "FILTER", "body_format": "FORMAT GT", "body_id": "ID", "body_info": "INFO",
    "body_pos": "POS", "body_qual": "QUAL", "body_ref": "REF", "body_sample": "GT samples #CHROM",
    "body_samples": "samples", "body_unsorted": "POS", "meta_alt": "##ALT", "meta_assembly": "##assembly ##",
    "meta_contig": "##contig", "meta_format": "##FORMAT", "meta_info": "##INFO INFO", "meta_meta": "##META",
    "meta_pedigree": "##PEDIGREE", "meta_pedigreedb": "##pedigreeDB ##", "meta_sample": "##SAMPLE",
}  # fmt: skip
"""What a file breaks, by its name -> the columns of which one must be named; of other files any is right."""

collection = [
    pytest.mark.real,
    pytest.mark.skipif(not COLLECTION.is_dir(), reason="the real files (../shared/data) are not here"),
]


def _collected(folder: str) -> list:
    return [
        pytest.param(path, marks=collection, id=path.stem)
        for path in sorted((COLLECTION / folder).glob("*.vcf"))
    ] or [pytest.param(Path(), marks=collection)]


@pytest.mark.parametrize("path", _collected("failed"))
def test_an_invalid_file_is_refused_or_warned_of_in_the_right_place(path):
    try:
        warnings = inspect(str(path), needs_samples=False).warnings
    except InputError as error:
        assert all(problem.found and problem.expected for problem in error.problems)
        columns = {problem.column for problem in error.problems}
    else:
        assert warnings, "read without a word"
        columns = {column for text in warnings for column in re.findall(r"column (\S+):", text)}
    topic = re.match(r"failed_((?:body|meta)_[a-z]+)_", path.stem)
    if topic and topic[1] in _COLUMNS:
        assert columns & set(_COLUMNS[topic[1]].split())


@pytest.mark.parametrize("path", _collected("passed"))
def test_a_valid_file_is_read_without_error_or_warning(path):
    assert inspect(str(path), needs_samples=False).warnings == ()


@pytest.mark.real
@pytest.mark.skipif(not COLLECTION.is_dir(), reason="the real files (../shared/data) are not here")
def test_the_collection_is_whole():
    assert len(_collected("failed")) == 224 and len(_collected("passed")) == 25
