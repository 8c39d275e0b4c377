"""Every bad input ends in a problem that names its file, row and column, and a way out where there is one."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from endotype.cohort.assembly import contig_lengths
from endotype.cohort.findings import SHOWN_OF_A_KIND
from endotype.cohort.knowledge_files import TARGET_COLUMNS


@dataclass(frozen=True)
class Case:
    """What is broken, and the parts of the problem that must be reported for it."""

    name: str
    breaks: Callable
    file: str
    row: int | None
    column: str
    found: str
    suggestion: str = ""


def sheet(old: str, new: str) -> Callable:
    return lambda cohort: cohort.edit("samples.tsv", old, new)


def clinical(old: str, new: str) -> Callable:
    return lambda cohort: cohort.edit("clinical.tsv", old, new)


def dictionary(old: str, new: str) -> Callable:
    return lambda cohort: cohort.edit("dictionary.yaml", old, new)


def vcf(**options) -> Callable:
    return lambda cohort: cohort.compress("cohort.vcf.gz", cohort.vcf(**options))


def vcf_lines(edit: Callable[[list[str]], object]) -> Callable:
    """Edit the lines of an uncompressed VCF; the #CHROM line is line 5, the first record line 6."""

    def breaks(cohort) -> None:
        (cohort.folder / "cohort.vcf.gz.tbi").unlink()
        lines = cohort.vcf().split("\n")
        edit(lines)
        cohort.write("cohort.vcf.gz", "\n".join(lines))

    return breaks


def raw_vcf(change: Callable[[bytes], bytes]) -> Callable:
    def breaks(cohort) -> None:
        path = cohort.folder / "cohort.vcf.gz"
        path.write_bytes(change(path.read_bytes()))

    return breaks


def truncated_gzip(cohort) -> None:
    (cohort.folder / "cohort.vcf.gz.tbi").unlink()
    cohort.write("cohort.vcf.gz", gzip.compress(cohort.vcf().encode())[:-40])


def rename_contigs(cohort) -> None:
    contigs = "##contig=<ID=plasmid_1>\n##contig=<ID=plasmid_2>\n"
    cohort.compress("cohort.vcf.gz", cohort.vcf(prefix="plasmid_", contigs=contigs))


def grch37_against_grch38(cohort) -> None:
    """A reference with the lengths of GRCh38, given by its index alone, and a VCF with those of GRCh37."""
    lengths = {name: contig_lengths("GRCh38")[name] for name in ("21", "22")}
    offset, index = 0, ""
    with (cohort.folder / "reference.fa").open("wb") as stream:
        for name, length in lengths.items():
            stream.write(f">{name}\n".encode())
            start = stream.tell()
            stream.seek(length, 1)  # a hole in the file: it takes no space
            stream.write(b"\n")
            index += f"{name}\t{length}\t{start}\t{length}\t{length + 1}\n"
            offset = stream.tell()
    assert (cohort.folder / "reference.fa").stat().st_size == offset
    cohort.write("reference.fa.fai", index)
    text = cohort.vcf(sites=[], contigs="")
    contigs = "".join(f"##contig=<ID={c},length={contig_lengths('hg19')[c]}>\n" for c in lengths)
    cohort.compress("cohort.vcf.gz", text.replace("##FORMAT", contigs + "##FORMAT", 1))
    cohort.config["reference"]["genes"] = None


def other_reference(cohort) -> None:
    text = (cohort.folder / "reference.fa").read_text()
    shifted = text.translate(str.maketrans("ACGT", "CGTA"))
    cohort.write("reference.fa", shifted)


def two_files_of_the_same_contigs(cohort) -> None:
    cohort.compress("again.vcf.gz", cohort.vcf())
    cohort.write("samples.tsv", cohort.sheet() + "P001\tS-P001\tfemale\tvcf\tagain.vcf.gz\n")


def plain_gzip_reference(cohort) -> None:
    cohort.write("reference.fa.gz", gzip.compress((cohort.folder / "reference.fa").read_bytes()))
    cohort.config["reference"]["fasta"] = "reference.fa.gz"


def no_overlap(cohort) -> None:
    cohort.write("clinical.tsv", cohort.clinical().replace("\nP0", "\np"))


def clinical_has_sample_names(cohort) -> None:
    cohort.write("clinical.tsv", cohort.clinical().replace("\nP0", "\nS-P0"))


def knowledge(key: str, text: str) -> Callable:
    def breaks(cohort) -> None:
        cohort.write("knowledge.file", text)
        cohort.config["knowledge"] = {key: "knowledge.file"}

    return breaks


TARGET_HEADER = "\t".join(TARGET_COLUMNS) + "\n"

CASES = [
    # ids
    Case(
        "command as id", sheet("P002\t", "$(touch X)\t"), "samples.tsv", 3, "patient", "$(touch X)", "touch_X"
    ),
    Case("path as id", sheet("P002\t", "../x\t"), "samples.tsv", 3, "patient", "../x", "rename"),
    Case("option as id", sheet("P002\t", "-rf\t"), "samples.tsv", 3, "patient", "-rf", "rf"),
    Case("blank in id", sheet("P002\t", "a b\t"), "samples.tsv", 3, "patient", "a b", "a_b"),
    Case(
        "trailing blank",
        sheet("P002\t", "P002 \t"),
        "samples.tsv",
        3,
        "patient",
        "'P002 '",
        "did you mean P002?",
    ),
    Case(
        "hostile sample", sheet("S-P002", "S;rm -r x"), "samples.tsv", 3, "sample", "S;rm -r x", "S_rm_-r_x"
    ),
    Case(
        "ids equal but for case",
        sheet("P002\t", "p001\t"),
        "samples.tsv",
        3,
        "patient",
        "'p001' beside 'P001'",
        "one spelling",
    ),
    Case(
        "zero-width in id",
        sheet("P002\t", "P0\u200b01\t"),
        "samples.tsv",
        3,
        "patient",
        "'P0\\u200b01' beside 'P001'",
        "one spelling",
    ),
    Case("hostile clinical id", clinical("P003\t", "`id`\t"), "clinical.tsv", 4, "patient", "`id`", "id"),
    Case(
        "clinical ids equal but for case",
        clinical("P003\t", "p002\t"),
        "clinical.tsv",
        4,
        "patient",
        "'P002'",
    ),
    # the sample sheet
    Case("unknown sex", sheet("\tmale\t", "\tmle\t"), "samples.tsv", 3, "sex", "'mle'", "did you mean male?"),
    Case(
        "unknown file type",
        sheet("\tvcf\t", "\tvfc\t"),
        "samples.tsv",
        2,
        "file_type",
        "'vfc'",
        "did you mean vcf?",
    ),
    Case(
        "missing column",
        sheet("file_type", "filetype"),
        "samples.tsv",
        1,
        "file_type",
        "filetype",
        "filetype",
    ),
    Case(
        "no such file",
        sheet("cohort.vcf.gz", "cohrot.vcf.gz"),
        "cohrot.vcf.gz",
        None,
        "",
        "no such file",
        "did you mean cohort.vcf.gz?",
    ),
    Case(
        "sample not in the file",
        sheet("S-P002", "S-P02"),
        "samples.tsv",
        3,
        "sample",
        "'S-P02', which is not in",
        "S-P002",
    ),
    Case(
        "two samples of a patient",
        sheet("P002\t", "P001\t"),
        "samples.tsv",
        3,
        "sample",
        "who has sample 'S-P001'",
    ),
    Case(
        "two patients of a sample",
        sheet("S-P002", "S-P001"),
        "samples.tsv",
        3,
        "sample",
        "is of patient 'P001'",
    ),
    Case(
        "row twice", sheet("P002\tS-P002\tmale", "P001\tS-P001\tfemale"), "samples.tsv", 3, "patient", "again"
    ),
    Case(
        "two files of one contig", two_files_of_the_same_contigs, "samples.tsv", 14, "path", "overlap on 1, 2"
    ),
    Case(
        "empty sheet",
        lambda c: c.write("samples.tsv", "patient\tsample\tsex\tfile_type\tpath\n"),
        "samples.tsv",
        None,
        "",
        "no rows",
    ),
    # variant files
    Case(
        "empty VCF",
        lambda c: c.write("cohort.vcf.gz", b""),
        "cohort.vcf.gz",
        None,
        "",
        "an empty file (0 bytes)",
    ),
    Case(
        "no end-of-file block",
        raw_vcf(lambda b: b[:-28]),
        "cohort.vcf.gz",
        None,
        "",
        "end-of-file block is missing",
        "make the file again",
    ),
    Case("truncated bgzip", raw_vcf(lambda b: b[:150]), "cohort.vcf.gz", None, "", "truncated"),
    Case("truncated gzip", truncated_gzip, "cohort.vcf.gz", None, "", "truncated", "make the file again"),
    Case("VCF without samples", vcf(samples=[]), "cohort.vcf.gz", 5, "#CHROM", "a VCF without samples"),
    Case("sample twice in VCF", vcf(samples=["S-P001"] * 12), "cohort.vcf.gz", 5, "#CHROM", "'S-P001' twice"),
    Case(
        "not a VCF",
        lambda c: c.write("cohort.vcf.gz", b"\x89PNG\r\n"),
        "cohort.vcf.gz",
        None,
        "",
        "the first line",
    ),
    Case(
        "old VCF",
        vcf_lines(lambda x: x.__setitem__(0, "##fileformat=VCFv3.3")),
        "cohort.vcf.gz",
        None,
        "",
        "VCF version 3.3",
    ),
    Case(
        "no header",
        vcf_lines(lambda x: x.__delitem__(slice(0, 4))),
        "cohort.vcf.gz",
        None,
        "",
        "no header lines",
    ),
    Case("no column line", vcf_lines(lambda x: x.pop(4)), "cohort.vcf.gz", 5, "", "the line '1\\u0009100"),
    Case(
        "trailing tab",
        vcf_lines(lambda x: x.__setitem__(4, x[4] + "\t")),
        "cohort.vcf.gz",
        5,
        "#CHROM",
        "an empty name",
    ),
    Case(
        "ragged record",
        vcf_lines(lambda x: x.__setitem__(9, x[9] + "\t0/1")),
        "cohort.vcf.gz",
        10,
        "",
        "22 columns",
    ),
    Case(
        "bad position",
        vcf_lines(lambda x: x.__setitem__(9, x[9].replace("\t248\t", "\t2e2\t"))),
        "cohort.vcf.gz",
        10,
        "POS",
        "'2e2'",
    ),
    Case(
        "bad quality",
        vcf_lines(lambda x: x.__setitem__(9, x[9].replace("\t50\t", "\thigh\t"))),
        "cohort.vcf.gz",
        10,
        "QUAL",
        "'high'",
    ),
    Case(
        "value of another type",
        vcf_lines(
            lambda x: [
                x.__setitem__(
                    2, "##contig=<ID=2>\n" + x[3].replace("GT", "GQ", 1).replace("String", "Integer")
                ),
                x.__setitem__(9, x[9].replace("\tGT\t0/1", "\tGT:GQ\t0/1:high")),
            ]
        ),
        "cohort.vcf.gz",
        11,
        "samples",
        "GQ='high'",
    ),
    # the reference
    Case(
        "contigs of something else",
        rename_contigs,
        "cohort.vcf.gz",
        None,
        "contig",
        "contigs plasmid_1, plasmid_2",
        "is it the right reference?",
    ),
    Case(
        "other lengths",
        vcf(contigs="##contig=<ID=1,length=1999>\n##contig=<ID=2,length=1000>\n"),
        "cohort.vcf.gz",
        None,
        "contig",
        "1 with 1,999 bp where the reference has 2,000",
        "reference.excerpt",
    ),
    Case(
        "GRCh37 against GRCh38",
        grch37_against_grch38,
        "cohort.vcf.gz",
        None,
        "",
        "cohort.vcf.gz is GRCh37 (by contig lengths) but the reference is GRCh38",
        "use the GRCh37 reference",
    ),
    Case("other bases", other_reference, "cohort.vcf.gz", None, "REF", "60 of 60 sampled records differ"),
    Case(
        "no reference",
        lambda c: c.config["reference"].update(fasta="none.fa"),
        "none.fa",
        None,
        "",
        "no such file",
    ),
    Case("gzip reference", plain_gzip_reference, "reference.fa.gz", None, "", "can't be indexed", "bgzip"),
    Case(
        "not a FASTA",
        lambda c: c.write("reference.fa", "ACGT\n"),
        "reference.fa",
        None,
        "",
        "begins with 'AC'",
    ),
    Case(
        "index of another FASTA",
        lambda c: c.write("reference.fa.fai", "1\t900\t3\t900\t901\n"),
        "reference.fa.fai",
        None,
        "",
        "ends at byte 903 of 3,008",
    ),
    Case(
        "genes without CDS",
        lambda c: c.edit("genes.gff3", "CDS", "three_prime_UTR"),
        "genes.gff3",
        None,
        "type",
        "no CDS",
    ),
    Case(
        "genes in GTF",
        lambda c: c.edit("genes.gff3", "ID=transcript:T1;Parent=gene:G1", 'transcript_id "T1"; gene_id "G1"'),
        "genes.gff3",
        None,
        "type",
        "no transcripts",
    ),
    Case(
        "genes on other contigs",
        lambda c: c.write("genes.gff3", (c.folder / "genes.gff3").read_text().replace("\n1\t", "\nchr9\t")),
        "genes.gff3",
        None,
        "seqid",
        "contigs chr9",
    ),
    # the clinical table
    Case("same patient twice", clinical("P003\t", "P002\t"), "clinical.tsv", 4, "patient", "'P002' again"),
    Case("column twice", clinical("\tage\tsite", "\tage\tage"), "clinical.tsv", 1, "age", "twice"),
    Case(
        "unknown column",
        clinical("\tldl\t", "\tldll\t"),
        "clinical.tsv",
        1,
        "ldll",
        "'ldll'",
        "did you mean ldl?",
    ),
    Case(
        "missing column of dictionary",
        clinical("\tldl\t", "\tldll\t"),
        "clinical.tsv",
        1,
        "ldl",
        "no such column",
        "did you mean ldll?",
    ),
    Case("ragged row", clinical("P004\t", "P004\t1\t"), "clinical.tsv", 5, "", "10 cells", "quotes"),
    Case(
        "column of another kind",
        lambda c: c.write("clinical.tsv", c.clinical().replace("\tnorth\t", "\tNorth\t")),
        "clinical.tsv",
        2,
        "site",
        "6 of 12 cells",
        "dictionary",
    ),
    Case(
        "empty trait",
        lambda c: [c.edit("clinical.tsv", f"\t{1.5 + n / 10}\t", "\tNA\t") for n in range(12)],
        "clinical.tsv",
        None,
        "ldl",
        "no value in any row",
        "ignore",
    ),
    Case(
        "no overlap",
        no_overlap,
        "clinical.tsv",
        None,
        "",
        "none of them in the sample sheet",
        "'p01' is nearly 'P001'",
    ),
    Case(
        "sample names as patient ids",
        clinical_has_sample_names,
        "clinical.tsv",
        None,
        "",
        "none of them",
        "'S-P001' is patient 'P001'",
    ),
    Case(
        "no clinical table",
        lambda c: (c.folder / "clinical.tsv").unlink(),
        "clinical.tsv",
        None,
        "",
        "no such file",
    ),
    Case(
        "not UTF-8",
        lambda c: c.write("clinical.tsv", b"patient\tage\nP1\t\xff\n"),
        "clinical.tsv",
        None,
        "",
        "not UTF-8 on line 2",
        "UTF-8",
    ),
    # the dictionary
    Case(
        "unknown role",
        dictionary("role: trait", "role: trate"),
        "dictionary.yaml",
        6,
        "columns.ldl.role",
        "'trate'",
        "did you mean trait?",
    ),
    Case(
        "unknown type",
        dictionary("type: binary", "type: binry"),
        "dictionary.yaml",
        7,
        "columns.asthma.type",
        "'binry'",
        "did you mean binary?",
    ),
    Case(
        "range upside down",
        dictionary("[18, 100]", "[100, 18]"),
        "dictionary.yaml",
        4,
        "age.range",
        "100 to 18",
        "[18, 100]",
    ),
    Case(
        "outcome of no column",
        dictionary("event: died", "event: dead"),
        "dictionary.yaml",
        13,
        "outcomes.survival.event",
        "'dead'",
        "did you mean died?",
    ),
    Case(
        "outcome of a wrong type",
        dictionary("time: follow_up", "time: ldl"),
        "dictionary.yaml",
        13,
        "outcomes.survival.time",
        "role trait",
    ),
    Case(
        "entry of no column",
        dictionary("event: died", "event: died, entry: follow"),
        "dictionary.yaml",
        13,
        "outcomes.survival.entry",
        "'follow'",
        "did you mean follow_up?",
    ),
    Case(
        "entry of a wrong type",
        dictionary("event: died", "event: died, entry: died"),
        "dictionary.yaml",
        13,
        "outcomes.survival.entry",
        "type binary",
    ),
    Case(
        "entry that is the time",
        dictionary("event: died", "event: died, entry: follow_up"),
        "dictionary.yaml",
        13,
        "outcomes.survival.entry",
        "its time too",
    ),
    Case(
        "transform of a binary trait",
        dictionary("type: binary, role: trait", "type: binary, role: trait, transform: rank_normal"),
        "dictionary.yaml",
        7,
        "asthma.transform",
        "rank_normal of a binary",
    ),
    Case(
        "unknown transform",
        dictionary("[0.5, 12], role: trait", "[0.5, 12], role: trait, transform: rank_norm"),
        "dictionary.yaml",
        6,
        "columns.ldl.transform",
        "'rank_norm'",
        "rank_normal",
    ),
    Case("no identifier", dictionary("identifier", "ignore"), "dictionary.yaml", 2, "role", "0 columns"),
    Case(
        "key twice",
        dictionary("  ldl:", "  age:"),
        "dictionary.yaml",
        6,
        "columns.age",
        "again (first on line 4)",
    ),
    Case("not YAML", dictionary("[18, 100]", "[18, 100"), "dictionary.yaml", 4, "", "expected"),
    Case(
        "python tag",
        dictionary("[18, 100]", "!!python/object/apply:os.system [id]"),
        "dictionary.yaml",
        4,
        "age",
        "",
    ),
    Case(
        "trait that names a file of ours",
        dictionary("  ldl:", "  loci:"),
        "dictionary.yaml",
        6,
        "loci",
        "reserved",
    ),
    # knowledge
    Case(
        "ClinVar of another build",
        knowledge(
            "clinical_significance",
            "##fileformat=VCFv4.1\n##reference=GRCh38\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n",
        ),
        "knowledge.file",
        None,
        "",
        "knowledge.file is GRCh38 (by its header) but",
        "GRCh37",
    ),
    Case(
        "gnomAD of other contigs",
        knowledge(
            "population_frequency",
            "##fileformat=VCFv4.1\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nU1\t5\t.\tA\tC\t.\t.\t.\n",
        ),
        "knowledge.file",
        None,
        "contig",
        "contigs U1",
        "is it the right reference?",
    ),
    Case(
        "gene table without a column",
        knowledge("genes", "gene\tgene_id\tpathway\n"),
        "knowledge.file",
        1,
        "inheritance",
        "gene_id",
    ),
    Case(
        "target with a wrong word",
        knowledge("targets", TARGET_HEADER + "BRCA1\tdrug\tindicatd\t1\tA\tloss\tany\t1\tx\t1\t1\n"),
        "knowledge.file",
        2,
        "action",
        "'indicatd'",
        "indicated",
    ),
    Case(
        "target with a wrong reliability",
        knowledge("targets", TARGET_HEADER + "BRCA1\tdrug\tindicated\t1\tA\tloss\tany\t7\tx\t1\t1\n"),
        "knowledge.file",
        2,
        "reliability",
        "'7'",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_bad_input_is_named_by_file_row_and_column(cohort, case):
    if case.name == "ClinVar of another build":
        cohort.config["reference"] = {"allow_missing": True, "assembly": "hg19"}
    case.breaks(cohort)
    problems = cohort.problems()
    matching = [
        p
        for p in problems
        if p.file == case.file
        and p.row == case.row
        and case.column in p.column
        and case.found in p.found
        and case.suggestion in p.suggestion
    ]
    assert matching, problems
    assert all(p.expected for p in problems)
    assert len(problems) <= 12, "one fault must not make a crowd of problems"


def test_all_problems_of_all_files_come_at_once(cohort):
    cohort.edit("samples.tsv", "P002\t", "a b\t")
    cohort.edit("clinical.tsv", "P003\t", "../x\t")
    cohort.edit("genes.gff3", "CDS", "exon")
    cohort.write("cohort.vcf.gz", b"")
    cohort.config["knowledge"] = {"targets": "nowhere.tsv"}
    files = {p.file for p in cohort.problems()}
    assert files == {"samples.tsv", "clinical.tsv", "genes.gff3", "cohort.vcf.gz", "nowhere.tsv"}


def test_a_dictionary_and_a_sheet_that_are_broken_are_both_reported(cohort):
    cohort.edit("dictionary.yaml", "role: trait", "role: trate")
    cohort.edit("samples.tsv", "file_type", "filetype")
    assert {"samples.tsv", "dictionary.yaml"} <= {p.file for p in cohort.problems()}


def test_a_thousand_faults_of_one_kind_are_cut_short_with_their_number(cohort):
    cohort.write(
        "samples.tsv",
        cohort.sheet() + "".join(f"bad {n}\tS-{n}\tu\tvcf\tcohort.vcf.gz\n" for n in range(1000)),
    )
    of_ids = [p for p in cohort.problems() if p.column == "patient"]
    assert len(of_ids) == SHOWN_OF_A_KIND + 1
    assert of_ids[-1].found == "950 more like the ones above"


def test_only_constant_traits_are_an_error(cohort):
    text = cohort.clinical().splitlines()
    rows = [line.split("\t") for line in text]
    for row in rows[1:]:
        row[3], row[4], row[7] = "3", "1", "no"
    cohort.write("clinical.tsv", "\n".join("\t".join(row) for row in rows) + "\n")
    assert any("same value in every patient" in p.found for p in cohort.problems())


def test_two_files_that_name_contigs_differently_are_refused_without_a_reference(cohort):
    cohort.config["reference"] = {"allow_missing": True}
    cohort.compress("a.vcf.gz", cohort.vcf(samples=[f"S-P{n:03d}" for n in range(1, 7)], prefix="chr"))
    cohort.compress("b.vcf.gz", cohort.vcf(samples=[f"S-P{n:03d}" for n in range(7, 13)]))
    lines = cohort.sheet("a.vcf.gz").splitlines()
    lines[7:] = [line.replace("a.vcf.gz", "b.vcf.gz") for line in lines[7:]]
    cohort.write("samples.tsv", "\n".join(lines) + "\n")
    assert [p for p in cohort.problems() if "without chr" in p.expected]


def foreign_from(cohort, contig: str, first: int, sites: list[tuple[str, int]]) -> None:
    """An indexed VCF whose REF is right up to a place and that of another genome from there on."""
    genome = {"1": "ACGT" * 5000, "2": "GGCA" * 1000}
    cohort.write("reference.fa", "".join(f">{name}\n{bases}\n" for name, bases in genome.items()))
    other = genome[contig][first:].translate(str.maketrans("ACGT", "CGTA"))
    cohort.reference = {**genome, contig: genome[contig][:first] + other}
    cohort.compress("cohort.vcf.gz", cohort.vcf(sites=sites))


def test_reference_bases_are_compared_throughout_an_indexed_file_and_not_only_at_its_start(cohort):
    sites = [("1", 1 + 5 * n) for n in range(4000)]
    foreign_from(cohort, "1", 20000, sites)
    cohort.check()
    foreign_from(cohort, "1", 10000, sites)
    assert [p for p in cohort.problems() if p.column == "REF" and "is not of this reference" in p.found]


def test_a_single_contig_of_another_genome_is_refused_however_few_its_records(cohort):
    sites = [("1", 1 + 5 * n) for n in range(2000)]
    foreign_from(cohort, "2", 0, [*sites, *(("2", 1 + 5 * n) for n in range(10))])
    cohort.check()
    foreign_from(cohort, "2", 0, [*sites, *(("2", 1 + 5 * n) for n in range(25))])
    assert [p for p in cohort.problems() if "25 of 25 sampled records differ, first 2:1 " in p.found]
