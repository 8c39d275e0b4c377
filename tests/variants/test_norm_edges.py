"""The 34 edge cases of normalisation: what must come of each awkward record.

Each case stands on a contig of its own, so that all of them are one file and one pass each. The calls of the
two samples are as they are written: ``1/.`` is one copy beside another ALT.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from endotype.errors import InputError
from endotype.variants.split import OTHER
from tests.variants import runs
from tests.variants.builders import write_fasta, write_vcf

#            1         11        21        31        41        51
SEQUENCE = "ACGTACGTTTTTTGCAGCAGCAGCAGTCCATGNNRYACGTGATCGATCGTTAGCATGCAA"
LONG_RUN = "ACGG" + "T" * 2500 + "ACGTACGT"

FORMATS = {"GT": ("1", "String"), "AD": ("R", "Integer"), "PL": ("G", "Integer"), "DP": ("1", "Integer")}
FORMATS |= {"PS": ("1", "Integer"), "GQ": ("1", "Integer")}
INFO = {"AC": ("A", "Integer"), "AF": ("A", "Float"), "AN": ("1", "Integer"), "NS": ("1", "Integer")}
INFO |= {"END": ("1", "Integer"), "SVTYPE": ("1", "String")}


@dataclass(frozen=True)
class Edge:
    """Records as ``pos ref alt info format call call``, the variants as ``pos ref alt call call``, rejects.

    ``structural``, ``monomorphic``, ``blocks`` and ``merged`` count the alleles that went there.
    """

    number: int
    what: str
    records: list[str]
    variants: list[str]
    reasons: list[str] = field(default_factory=list)
    structural: int = 0
    monomorphic: int = 0
    blocks: int = 0
    merged: int = 0
    contig: str = ""
    sequence: str = SEQUENCE


EDGES = [
    Edge(1, "1/2 is no reference call", ["4 T A,C . GT 1/2 0/2"], ["4 T A 1/. 0/.", "4 T C ./1 0/1"]),
    Edge(
        2, "AD keeps its sum", ["4 T A,C . GT:AD 1/2:0,10,12 0/0:20,0,0"], ["4 T A 1/. 0/0", "4 T C ./1 0/0"]
    ),
    Edge(
        3,
        "PL goes with its allele",
        ["4 T A,C . GT:PL 1/2:9,8,7,6,5,4 0/0:0,1,2,3,4,5"],
        ["4 T A 1/. 0/0", "4 T C ./1 0/0"],
    ),
    Edge(
        4,
        "counts are made anew",
        ["4 T A,C AC=7,8;AF=0.1,0.9;AN=9;NS=5 GT 1/2 0/0"],
        ["4 T A 1/. 0/0", "4 T C ./1 0/0"],
    ),
    Edge(
        5,
        "* is no variant and no reference",
        ["22 A *,G . GT:AD 1/2:0,3,4 0/2:3,0,4"],
        ["22 A G ./1 0/1"],
        ["spanning_deletion"],
    ),
    Edge(
        6,
        "<NON_REF> is no variant",
        ["11 T A,<NON_REF> . GT:AD:PL 0/1:5,5,0:1,2,3,4,5,6 0/0:9,0,0:0,1,2,3,4,5"],
        ["11 T A 0/1 0/0"],
        [],
        blocks=1,
    ),
    Edge(6, "a reference block is no variant", ["11 T <NON_REF> END=20 GT 0/0 0/0"], [], blocks=1),
    Edge(7, "a homopolymer", ["12 TT T . GT 0/1 ./."], ["7 GT G 0/1 ./."]),
    Edge(8, "a short tandem repeat", ["20 GCAG G . GT 0/1 0|1"], ["13 TGCA T 0/1 0|1"]),
    Edge(
        9,
        "a shift of more than 1,000 bp, past another variant",
        ["30 T A . GT 0/1 0/0", "2400 TT T . GT 0/1 0/0"],
        ["4 GT G 0/1 0/0", "30 T A 0/1 0/0"],
        sequence=LONG_RUN,
    ),
    Edge(10, "an indel at position 1", ["1 AC A . GT 0/1 0/0"], ["1 AC A 0/1 0/0"]),
    Edge(10, "the first base deleted", ["1 AC C . GT 0/1 0/0"], ["1 AC C 0/1 0/0"]),
    Edge(11, "REF is not the reference", ["6 A T . GT 0/1 0/0"], [], ["ref_mismatch"]),
    Edge(12, "nor with several ALTs", ["6 A T,G . GT 1/2 0/0"], [], ["ref_mismatch", "ref_mismatch"]),
    Edge(13, "REF is not rewritten to fit", ["4 A T . GT 0/1 0/0"], [], ["ref_mismatch"]),
    Edge(14, "REF and ALT are not swapped", ["7 A G AC=3;AN=4;AF=.75 GT 1/1 0/1"], [], ["ref_mismatch"]),
    Edge(15, "IUPAC in REF", ["35 R A . GT 0/1 0/0"], [], ["ref_not_acgt"]),
    Edge(16, "IUPAC in ALT", ["39 G R . GT 0/1 0/0"], [], ["alt_not_acgt"]),
    Edge(17, "N in REF", ["33 N A . GT 0/1 0/0"], [], ["ref_not_acgt"]),
    Edge(18, "lower case", ["8 t a . GT 0/1 0/0"], ["8 T A 0/1 0/0"]),
    Edge(19, "ALT is REF", ["45 G G . GT 0/1 0/1"], [], ["alt_equals_ref"]),
    Edge(20, "an ALT twice", ["44 C G,G . GT 1/2 0/1"], ["44 C G 1/1 0/1"], merged=1),
    Edge(
        21,
        "a record twice: no carrier is lost",
        ["40 T C . GT 0/1 ./.", "40 T C . GT ./. 0/1"],
        ["40 T C 0/1 0/1"],
        merged=1,
    ),
    Edge(
        21,
        "a record twice, with other calls",
        ["40 T C . GT 0/1 0/0", "40 T C . GT 0/0 0/0"],
        ["40 T C ./. 0/0"],
        merged=1,
    ),
    Edge(
        21,
        "three times: what was contradicted stays so",
        ["40 T C . GT 0/1 ./.", "40 T C . GT 1/1 0/1", "40 T C . GT 0/1 ./."],
        ["40 T C ./. 0/1"],
        merged=2,
    ),
    Edge(
        21,
        "a multiallelic record twice, with other calls",
        ["40 T C,G . GT 0/1 1/2", "40 T C,G . GT 1/1 1/2"],
        ["40 T C ./. 1/.", "40 T G ./. ./1"],
        merged=2,
    ),
    Edge(
        21,
        "0/0 against 1/2 is a contradiction",
        ["40 T C . GT 0/0 0/1", "40 T C,G . GT 1/2 1/2"],
        ["40 T C ./. 0/1", "40 T G ./1 ./1"],
        merged=1,
    ),
    Edge(22, "half calls are no calls", ["5 A C,G . GT ./1 .|2"], ["5 A C ./. ./.", "5 A G ./. ./."]),
    Edge(22, "nor with one ALT", ["5 A C . GT ./1 0/."], ["5 A C ./. ./."]),
    Edge(
        23,
        "haploid on X",
        ["5 A C,G . GT:PL 1:9,0,9 0/2:1,2,3,4,5,6"],
        ["5 A C 1 0/.", "5 A G . 0/1"],
        contig="X",
    ),
    Edge(23, "males as half calls on X", ["5 A C . GT 1/. 0/."], ["5 A C 1 ./."], contig="chrX"),
    Edge(23, "haploid on Y", ["5 A C . GT 1 ."], ["5 A C 1 ."], contig="Y"),
    Edge(23, "haploid on MT", ["5 A C . GT 1 0"], ["5 A C 1 0"], contig="MT"),
    Edge(24, "three copies", ["46 A C,T . GT 0/1/2 0/0"], ["46 A C ./. 0/0", "46 A T ./. 0/0"]),
    Edge(
        25,
        "phase and PS stay",
        ["8 T A . GT:PS 1|0:8 0|1:8", "9 T A . GT:PS 0/1:. 0|1:8"],
        ["8 T A 1|0 0|1", "9 T A 0/1 0|1"],
    ),
    Edge(26, "an MNV stays whole", ["5 ACG TCT . GT:AD 0/1:5,6 1|0:4,4"], ["5 ACG TCT 0/1 1|0"]),
    Edge(27, "a complex variant stays whole", ["5 ACGT TC . GT 0/1 0/0"], ["5 ACGT TC 0/1 0/0"]),
    Edge(
        28,
        "an MNV beside an SNV",
        ["5 AC TG,AG . GT 1/2 0/2"],
        ["5 AC TG 1/. 0/.", "6 C G ./1 0/1"],
    ),
    Edge(29, "a symbolic allele", ["10 T <DEL> END=20;SVTYPE=DEL GT 0/1 0/0"], [], structural=1),
    Edge(29, "a breakend", ["41 G G]X:30] SVTYPE=BND GT 0/1 0/0"], [], structural=1),
    Edge(
        29,
        "an END that cannot be",
        ["10 T <DEL> END=999;SVTYPE=DEL GT 0/1 0/0"],
        [],
        ["structural_end"],
    ),
    Edge(
        30,
        "too few values for the alleles",
        ["43 T C,G . GT:PL 0/1:1,2 1/2:1,2,3,4,5,6"],
        [],
        ["format_length", "format_length"],
    ),
    Edge(
        30,
        "values for one copy beside a call of two",
        ["43 T C,G . GT:PL 0/1:1,2,3 1/2:1,2,3,4,5,6"],
        [],
        ["format_length", "format_length"],
    ),
    Edge(
        30,
        "of a sample without a call nothing is lost",
        ["43 T C,G . GT:PL 0/1/2:1,2,3,4,5,6,7,8,9,10 1/2:1,2,3,4,5,6"],
        ["43 T C ./. 1/.", "43 T G ./. ./1"],
    ),
    Edge(30, "too many", ["43 T C . GT:AD 0/1:1,2,3 0/0:1,2,3"], [], ["format_length"]),
    Edge(31, "no ALT", ["42 A . . GT 0/0 ./."], [], monomorphic=1),
    Edge(31, "no ALT, and REF is wrong", ["23 CAG . . GT 0/0 0/0"], [], ["ref_mismatch"]),
]


def name_of(edge: Edge) -> str:
    return f"{edge.number}: {edge.what}"


def contig_of(place: int) -> str:
    return EDGES[place].contig or f"e{place:02d}"


@pytest.fixture(scope="module")
def passes(tmp_path_factory) -> dict[str, runs.Pass]:
    """Each case normalised, by name."""
    folder = tmp_path_factory.mktemp("edges")
    fasta = write_fasta(folder / "ref.fa", **{contig_of(i): edge.sequence for i, edge in enumerate(EDGES)})
    lines = ["##fileformat=VCFv4.3"]
    lines += [f"##contig=<ID={contig_of(i)},length={len(e.sequence)}>" for i, e in enumerate(EDGES)]
    for kind, fields in (("INFO", INFO), ("FORMAT", FORMATS)):
        lines += [
            f'##{kind}=<ID={key},Number={number},Type={type_},Description="{key}">'
            for key, (number, type_) in fields.items()
        ]
    lines.append("#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT A B".replace(" ", "\t"))
    for i, edge in enumerate(EDGES):
        for record in edge.records:
            pos, ref, alt, info, form, *calls = record.split()
            lines.append("\t".join([contig_of(i), pos, ".", ref, alt, "50", "PASS", info, form, *calls]))
    (folder / "in.vcf").write_text("\n".join(lines) + "\n")
    bcf = runs.to_bcf(folder / "in.vcf", folder / "in.bcf")
    sexes = ["male", "female"]
    return {name_of(e): runs.normalise(bcf, fasta, contig_of(i), sexes) for i, e in enumerate(EDGES)}


@pytest.fixture
def passed(request, passes) -> runs.Pass:
    return passes[name_of(request.param)]


def every_edge(*numbers: int):
    chosen = [edge for edge in EDGES if not numbers or edge.number in numbers]
    return pytest.mark.parametrize(
        ("edge", "passed"), [(edge, edge) for edge in chosen], ids=map(name_of, chosen), indirect=["passed"]
    )


@every_edge()
def test_what_comes_of_it(edge, passed):
    variants = [" ".join([str(r.pos), *r.alleles, *runs.texts_of(r)]) for r in passed.records]
    assert variants == edge.variants
    assert [reject["reason"] for reject in passed.rejects] == edge.reasons
    counts = passed.counts
    found = (counts.structural, counts.monomorphic, counts.reference_blocks, counts.duplicates_merged)
    assert found == (edge.structural, edge.monomorphic, edge.blocks, edge.merged)


@every_edge()
def test_every_allele_is_accounted_for(edge, passed):
    counts = passed.counts
    assert counts.records_in == len(edge.records)
    assert counts.alleles_in == sum(len(record.split()[2].split(",")) for record in edge.records)
    fates = counts.structural + counts.monomorphic + counts.reference_blocks + counts.duplicates_merged
    assert counts.alleles_in == counts.rejected.total() + fates + counts.variants_out


def test_every_number_is_there():
    # 32 to 34 are of whole files: below, and in test_disasters.
    assert {edge.number for edge in EDGES} == set(range(1, 32))


def edge_pass(passes: dict[str, runs.Pass], number: int) -> runs.Pass:
    return passes[name_of(next(edge for edge in EDGES if edge.number == number))]


def test_reads_of_other_alleles_count_as_without_this_one(passes):
    first, second = edge_pass(passes, 2).records
    assert runs.values_of(first, "AD") == [[12, 10], [20, 0]]
    assert runs.values_of(second, "AD") == [[10, 12], [20, 0]]


def test_likelihoods_are_those_of_the_genotypes_that_are_left(passes):
    first, second = edge_pass(passes, 3).records
    assert runs.values_of(first, "PL") == [[9, 8, 7], [0, 1, 2]]
    assert runs.values_of(second, "PL") == [[9, 6, 4], [0, 3, 5]]
    haploid = [runs.values_of(record, "PL") for record in edge_pass(passes, 23).records]
    assert haploid == [[[9, 0], [1, 2, 3]], [[9, 9], [1, 4, 6]]]


def test_counts_are_those_of_the_calls(passes):
    for record in edge_pass(passes, 4).records:
        numbers = {key: record.info[key][0] for key in ("AC", "AN", "NS")}
        assert numbers == {"AC": 1, "AN": 4, "NS": 2}
        assert record.info["AF"].view("float32")[0] == 0.25


def test_another_alt_is_told_from_a_missing_call(passes):
    first, _ = edge_pass(passes, 1).records
    assert runs.values_of(first, OTHER) == [[1], [1]]
    assert runs.calls_of(first) == [(1, runs.OTHER), (0, runs.OTHER)]
    assert edge_pass(passes, 22).calls[(5, "A", "C")] == [(), ()]


def test_the_source_of_a_split_record_is_named(passes):
    texts = [record.info["ENDOTYPE_ORIGINAL"].tobytes().decode() for record in edge_pass(passes, 1).records]
    assert texts == ["e00|4|T|A,C|1", "e00|4|T|A,C|2"]


def test_the_phase_set_stays_with_its_call(passes):
    assert [runs.values_of(r, "PS") for r in edge_pass(passes, 25).records] == [[[8], [8]], [[None], [8]]]


@pytest.mark.parametrize(
    ("number", "atoms"),
    [(26, "5:A:T|7:G:T"), (27, "5:A:T|6:CGT:C"), (28, "5:A:T|6:C:G")],
)
def test_single_changes_are_named_for_look_up(passes, number, atoms):
    record = edge_pass(passes, number).records[0]
    text = record.info["ENDOTYPE_ATOMS"].tobytes().decode()
    assert "|".join(atom.partition(":")[2] for atom in text.split("|")) == atoms


def test_a_call_counts_where_nobody_has_an_alt(passes):
    assert edge_pass(passes, 31).called_monomorphic == [1, 0]


def test_a_contig_that_the_reference_lacks_is_refused(tmp_path):
    fasta = write_fasta(tmp_path / "ref.fa", c1=SEQUENCE)
    vcf = write_vcf(tmp_path / "in.vcf", ["c9:5 A C 0/1 0/0"], contigs=(("c1", 59), ("c9", 59)))
    with pytest.raises(InputError, match="c9"):
        runs.normalise_file(tmp_path, vcf, fasta, "c9:1-59")


@pytest.mark.parametrize("contig", ["c1", "chrM"])
def test_contigs_are_renamed_as_preflight_found_out(tmp_path, contig):
    from endotype.variants.ingest import prepare_input

    fasta = write_fasta(tmp_path / "ref.fa", MT=SEQUENCE)
    vcf = write_vcf(tmp_path / "in.vcf", ["5 A C 1 0"], contigs=((contig, 59),))
    prepare_input(vcf, None, tmp_path / "prepared", fasta, {contig: "MT"})
    whole = runs.normalise_file(tmp_path, tmp_path / "prepared", fasta, "MT:1-59")
    assert whole.calls == ["5 A C 1 0"]
    with runs.pysam.VariantFile(str(whole.outputs.variants)) as variants:
        assert [record.chrom for record in variants] == ["MT"]


def test_records_that_are_not_sorted_are_refused(tmp_path):
    fasta = write_fasta(tmp_path / "ref.fa", c1=SEQUENCE)
    vcf = write_vcf(tmp_path / "in.vcf", ["8 T A 0/1 0/0", "5 A C 0/1 0/0"], contigs=(("c1", 59),))
    with pytest.raises(InputError, match=r"(?s)in\.vcf.*sort"):
        runs.normalise_file(tmp_path, vcf, fasta, "c1:1-59")
    assert list((tmp_path / "out").iterdir()) == []
