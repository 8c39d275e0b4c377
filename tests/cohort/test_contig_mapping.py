"""Contigs under other names: found by MD5, length, name and REF bases; never taken for another sequence."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
from dataclasses import dataclass

import pytest

from endotype.cohort.assembly import accessions, assembly_of_accessions, bare_name, contig_lengths
from endotype.cohort.contigs import map_contigs
from endotype.cohort.findings import Findings
from endotype.cohort.preflight import write_preflight
from endotype.cohort.survey import Site
from endotype.cohort.variant_file import VariantFile, last_position
from endotype.files import read_json


def rename(cohort, names: dict[str, str], lengths: bool = True, more: str = "", index: bool = True) -> None:
    """Write the cohort's VCF with other contig names; ``more`` goes into every contig line."""
    text = cohort.vcf(contigs="")
    lines = []
    for line in text.split("\n"):
        contig, tab, rest = line.partition("\t")
        lines.append(names.get(contig, contig) + tab + rest if not line.startswith("#") else line)
    header = "".join(
        f"##contig=<ID={names.get(c, c)}{f',length={len(b)}' * lengths}{more}>\n"
        for c, b in cohort.reference.items()
    )
    whole = "\n".join(lines).replace("##FORMAT", header + "##FORMAT", 1)
    cohort.compress("cohort.vcf.gz", whole, index=index)
    if not index:
        (cohort.folder / "cohort.vcf.gz.tbi").unlink(missing_ok=True)


@pytest.mark.parametrize("index", [True, False], ids=["indexed", "no index"])
@pytest.mark.parametrize("lengths", [True, False], ids=["lengths", "no lengths"])
@pytest.mark.parametrize(
    "names",
    [
        {"1": "chr1", "2": "chr2"},
        {"1": "chromosome1", "2": "Chr2"},
        {"1": "NC_000001.11", "2": "NC_000002.12"},
        {"1": "CM000663.1", "2": "chr2"},
        {"2": "chr2"},
    ],
    ids=lambda names: "+".join(names.values()),
)
def test_another_name_of_the_same_chromosome_is_mapped(cohort, tmp_path, names, lengths, index):
    rename(cohort, names, lengths, index=index)
    result = cohort.check()
    back = {new: old for old, new in names.items()}
    row = result.files.iloc[0]
    assert json.loads(row["contig_renames"]) == back and row["contigs_outside"] == ""
    assert row["contigs"] == "1,2" and result.contigs == (("1", 2000), ("2", 1000))
    assert any("read under the names of the reference" in text for text in result.warnings)
    write_preflight(result, tmp_path / "out")
    assert read_json(tmp_path / "out/preflight.json")["contig_renames"] == {"cohort.vcf.gz": back}


def test_an_unknown_name_is_mapped_by_its_length_and_bases(cohort):
    rename(cohort, {"1": "scaffold_A"})
    assert json.loads(cohort.check().files["contig_renames"][0]) == {"scaffold_A": "1"}


def test_an_unknown_name_without_a_length_lies_outside(cohort):
    rename(cohort, {"1": "scaffold_A"}, lengths=False)
    result = cohort.check()
    row = result.files.iloc[0]
    assert (row["contigs"], row["contig_renames"], row["contigs_outside"]) == ("2", "{}", "scaffold_A")
    assert any("scaffold_A" in text and "not analysed" in text for text in result.warnings)


def test_an_unknown_name_is_mapped_by_its_md5(cohort):
    cohort.write("reference.fa", (cohort.folder / "reference.fa").read_text().lower().replace(">", ">"))
    md5 = hashlib.md5(cohort.reference["1"].encode()).hexdigest()
    text = cohort.vcf(contigs=f"##contig=<ID=A,length=2000,md5={md5.upper()}>\n##contig=<ID=2,length=1000>\n")
    cohort.compress("cohort.vcf.gz", text.replace("\n1\t", "\nA\t"))
    # Another contig of the same length: the length alone would not do.
    twin = "".join(random.Random(5).choices("ACGT", k=2000))
    cohort.write("reference.fa", (cohort.folder / "reference.fa").read_text() + f">3\n{twin}\n")
    assert json.loads(cohort.check().files["contig_renames"][0]) == {"A": "1"}
    cohort.compress("cohort.vcf.gz", text.replace("\n1\t", "\nA\t").replace(md5.upper(), "0" * 32))
    assert cohort.check().files["contigs_outside"][0] == "A"


def test_the_bases_decide_against_a_length(cohort):
    rename(cohort, {"1": "scaffold_A"})
    other = "".join(random.Random(7).choices("ACGT", k=2000))
    cohort.write("reference.fa", f">1\n{other}\n>2\n{cohort.reference['2']}\n")
    found = [problem.found for problem in cohort.problems()]
    assert any("'scaffold_A', of which" in text and "another REF than 1" in text for text in found)


def test_the_same_chromosome_of_another_length_is_refused(cohort):
    header = "##contig=<ID=chr1,length=1999>\n##contig=<ID=chr2,length=1000>\n"
    cohort.compress("cohort.vcf.gz", cohort.vcf(prefix="chr", contigs=header))
    (problem,) = cohort.problems()
    assert problem.column == "contig"
    assert problem.found == "chr1 with 1,999 bp where the reference (as 1) has 2,000"


def test_two_contigs_of_one_are_refused(cohort):
    text = cohort.vcf(contigs="##contig=<ID=1>\n##contig=<ID=2>\n##contig=<ID=chr2>\n")
    last = text.rstrip("\n").rsplit("\n", 1)[1]
    cohort.compress("cohort.vcf.gz", text + "chr" + last + "\n")
    problem = cohort.problems()[0]
    assert problem.found == "records on '2' and on 'chr2', which are both 2 of the reference"


def test_a_file_of_unknown_contigs_alone_is_refused(cohort):
    rename(cohort, {"1": "U1", "2": "U2"}, lengths=False)
    (problem,) = cohort.problems()
    assert problem.found == "contigs U1, U2" and problem.suggestion == "is it the right reference?"


def test_a_renamed_file_and_one_that_is_not_go_together(cohort):
    sites = [("1", 100 + 37 * n) for n in range(40)]
    cohort.compress("one.vcf.gz", cohort.vcf(sites=sites))
    cohort.compress("two.vcf.gz", cohort.vcf(sites=[("2", 60 + 41 * n) for n in range(20)], prefix="chr"))
    cohort.write("list.txt", "one.vcf.gz\ntwo.vcf.gz\n")
    cohort.write("samples.tsv", cohort.sheet("list.txt", "vcf_list"))
    result = cohort.check()
    assert result.files["contigs"].tolist() == ["1", "2"]
    assert result.files["contig_renames"].tolist() == ["{}", '{"chr2": "2"}']


@pytest.mark.parametrize("prefix", ["", "chr"], ids=["one name", "two names"])
def test_files_of_regions_go_together_and_overlaps_are_said(cohort, prefix):
    def check(first: range, second: range) -> list[str]:
        cohort.compress("a.vcf.gz", cohort.vcf(sites=[("1", n) for n in first]))
        cohort.compress("b.vcf.gz", cohort.vcf(sites=[("1", n) for n in second], prefix=prefix))
        cohort.write("list.txt", "a.vcf.gz\nb.vcf.gz\n")
        cohort.write("samples.tsv", cohort.sheet("list.txt", "vcf_list"))
        return [text for text in cohort.check().warnings if "overlap" in text]

    assert check(range(1, 900), range(900, 1900)) == []
    (said,) = check(range(1, 901), range(900, 1900))
    assert "a.vcf.gz and b.vcf.gz overlap on 1" in said


# The mitochondrion


@dataclass
class _Genome:
    """A reference with given bases at given places only."""

    lengths: dict[str, int]
    known: dict[tuple[str, int], str]
    path: str = "reference.fa"

    def bases(self, contig: str, start: int, length: int) -> str:
        return self.known.get((contig, start), "N" * length)


def _file(contigs: dict[str, int | None], sites: list[Site] | None = None) -> VariantFile:
    return VariantFile(
        path="x.vcf", form="plain_vcf", index=None, samples=("S",), header_contigs=contigs, md5s={},
        build_words=(), contigs=tuple(contigs), contigs_known=True, last_positions={}, has_records=True,
        sites=tuple(sites or ()),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (("chrM", 16571), ("MT", 16569)),
        (("MT", 16569), ("chrM", 16571)),
        (("NC_001807.4", 16571), ("chrM", 16569)),
    ],
)  # fmt: skip
def test_the_two_mitochondria_are_never_taken_for_each_other(theirs, ours):
    findings = Findings()
    mapped = map_contigs(_file(dict([theirs])), _Genome(dict([ours]), {}), False, findings)
    assert mapped.renames == {} and mapped.outside == (theirs[0],)
    (said,) = mapped.different
    names = {16569: "the revised Cambridge Reference Sequence, NC_012920",
             16571: "NC_001807, the mitochondrion of UCSC's hg19"}  # fmt: skip
    assert said == (
        f"{theirs[0]} of {theirs[1]:,} bp ({names[theirs[1]]}) where the reference's {ours[0]} has "
        f"{ours[1]:,} bp ({names[ours[1]]})"
    )


def test_a_mitochondrion_of_the_same_length_is_mapped():
    mapped = map_contigs(_file({"chrM": 16569}), _Genome({"MT": 16569}, {}), False, Findings())
    assert mapped.renames == {"chrM": "MT"} and mapped.file.contigs == ("MT",)


def test_the_mitochondrion_of_hg19_in_a_cohort_is_refused_with_its_name(cohort):
    cohort.reference["MT"] = "".join(random.Random(3).choices("ACGT", k=16569))
    cohort.write("reference.fa", "".join(f">{n}\n{bases}\n" for n, bases in cohort.reference.items()))
    header = "##contig=<ID=1,length=2000>\n##contig=<ID=2,length=1000>\n##contig=<ID=chrM,length=16571>\n"
    record = cohort.vcf(sites=[("MT", 300)]).rstrip("\n").rsplit("\n", 1)[1].replace("MT", "chrM", 1)
    cohort.compress("cohort.vcf.gz", cohort.vcf(contigs=header) + record + "\n")
    (problem,) = cohort.problems()
    assert (
        "hg19" in problem.found
        and "Cambridge" in problem.found
        and "bcftools view -t ^MT" in problem.suggestion
    )
    # A header that lists it does no harm where no record is on it.
    cohort.compress("cohort.vcf.gz", cohort.vcf(contigs=header))
    assert cohort.check().files["contigs"][0] == "1,2"


def test_without_lengths_the_bases_of_the_mitochondrion_tell():
    lengths, known = {"MT": 16569}, {("MT", pos): "ACGT"[pos % 4] for pos in range(400, 420)}
    same = [Site("chrM", pos, base) for (_, pos), base in known.items()]
    shifted = [Site("chrM", pos + 1, base) for (_, pos), base in known.items() if ("MT", pos + 1) in known]
    assert map_contigs(_file({"chrM": None}, same), _Genome(lengths, known), False, Findings()).renames
    findings = Findings()
    assert not map_contigs(_file({"chrM": None}, shifted), _Genome(lengths, known), False, findings).renames
    assert findings.problems


# Names


def test_names_of_chromosomes():
    assert [bare_name(n) for n in ("chr1", "CHRX", "chromosome22", "chrM", "MT", "M", "chr")] == [
        "1", "X", "22", "MT", "MT", "MT", "chr"
    ]  # fmt: skip
    assert bare_name("chr1_KI270706v1_random") == "1_KI270706v1_random"
    assert bare_name("NC_000023.10") == bare_name("CM000685.2") == "X"
    assert bare_name("NC_012920.1") == bare_name("NC_001807.4") == bare_name("J01415.2") == "MT"


def test_every_chromosome_of_both_assemblies_has_its_accessions():
    for assembly in ("GRCh37", "GRCh38"):
        named = {a.chrom for a in accessions().values() if a.assembly == assembly}
        assert named | {"MT"} == set(contig_lengths(assembly)) == {*map(str, range(1, 23)), "X", "Y", "MT"}
    assert len(accessions()) == 2 * 2 * 24 + 3


def test_accessions_tell_the_assembly():
    assert assembly_of_accessions(["NC_000001.10", "NC_012920.1"]) == "GRCh37"
    assert assembly_of_accessions(["CM000663.2", "chr2"]) == "GRCh38"
    assert assembly_of_accessions(["NC_012920.1"]) is None
    assert assembly_of_accessions(["NC_000001.10", "NC_000002.12"]) is None


def test_positions_of_a_renamed_file_are_found_under_the_new_name(cohort):
    rename(cohort, {"1": "chr1", "2": "chr2"})
    with contextlib.chdir(cohort.folder):
        from endotype.cohort.reference import open_reference
        from endotype.cohort.variant_file import inspect

        with open_reference("reference.fa") as reference:
            mapped = map_contigs(inspect("cohort.vcf.gz"), reference, False, Findings())
        assert last_position(mapped.file, "1") == 100 + 37 * 39
