"""What part of a gene could have shown a variant, from each kind of evidence and from none."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.cohort.coverage_files import open_alignment
from endotype.errors import InputError
from endotype.files import write_json
from endotype.tables import write_parquet
from endotype.variants.alignment import read_depth
from endotype.variants.bed import read_bed
from endotype.variants.callability import SCHEMA, measure_callability, read_callability, sentence
from endotype.variants.callable_sources import Limits, deep_bases
from endotype.variants.coding import read_coding
from endotype.variants.gvcf import write_blocks
from endotype.variants.intervals import bases_within, union
from tests.reference.callability import bases, coding_bases, usable_depth
from tests.variants.test_gvcf import write_gvcf

SHARED = Path(__file__).parents[3] / "shared" / "data"

GENES = """\
##gff-version 3
1	t	gene	100	400	.	+	.	ID=gene:G1;Name=ONE;biotype=protein_coding
1	t	mRNA	100	400	.	+	.	ID=transcript:T1;Parent=gene:G1;biotype=protein_coding
1	t	CDS	101	150	.	+	0	Parent=transcript:T1
1	t	CDS	201	250	.	+	0	Parent=transcript:T1
1	t	mRNA	100	400	.	+	.	ID=transcript:T2;Parent=gene:G1;biotype=protein_coding
1	t	CDS	141	160	.	+	0	Parent=transcript:T2
1	t	mRNA	100	400	.	+	.	ID=transcript:T3;Parent=gene:G1;biotype=nonsense_mediated_decay
1	t	CDS	300	390	.	+	0	Parent=transcript:T3
1	t	gene	800	900	.	-	.	ID=gene:G2;biotype=protein_coding
1	t	mRNA	800	900	.	-	.	ID=transcript:T4;Parent=gene:G2;biotype=protein_coding
1	t	CDS	801	900	.	-	0	Parent=transcript:T4
1	t	gene	910	950	.	-	.	ID=gene:G3;Name=SILENT;biotype=lncRNA
2	t	gene	10	60	.	+	.	ID=gene:G4;Name=FOUR;biotype=protein_coding
2	t	mRNA	10	60	.	+	.	ID=transcript:T5;Parent=gene:G4;biotype=protein_coding
2	t	CDS	11	60	.	+	0	Parent=transcript:T5
X	t	gene	10	60	.	+	.	ID=gene:G5;Name=FIVE;biotype=protein_coding
X	t	mRNA	10	60	.	+	.	ID=transcript:T6;Parent=gene:G5;biotype=protein_coding
X	t	CDS	11	60	.	+	0	Parent=transcript:T6
"""
LENGTHS = {"1": 1000, "2": 1000, "X": 1000}


def read(name: str, contig: int, start: int, length: int, **more: object) -> pysam.AlignedSegment:
    """A read that lies at a 1-based position without gaps."""
    segment = pysam.AlignedSegment()
    segment.query_name, segment.reference_id, segment.reference_start = name, contig, start - 1
    segment.query_sequence = "A" * length
    segment.cigartuples = [(0, length)]
    segment.mapping_quality = 60
    segment.query_qualities = pysam.qualitystring_to_array("I" * length)
    for key, value in more.items():
        setattr(segment, key, value)
    return segment


def write_bam(path: Path, reads: list[pysam.AlignedSegment], lengths: dict[str, int] = LENGTHS) -> Path:
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": c, "LN": n} for c, n in lengths.items()]}
    reads.sort(key=lambda r: (r.reference_id, r.reference_start))
    with pysam.AlignmentFile(str(path), "wb", header=header) as out:
        for segment in reads:
            out.write(segment)
    pysam.index(str(path))
    return path


class Run:
    """A small cohort of three; a test gives them files and measures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.genes: str | None = self.write("genes.gff3", GENES)
        self.files = {p: {"callable": "", "alignment": ""} for p in ("P1", "P2", "P3")}
        self.lengths = dict(LENGTHS)
        self.inputs: list[Path] = []
        self.limits = Limits(10, 20)

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def gvcf(self, *records: str, patients: tuple[str, ...] = ("P1",)) -> None:
        """One more variant file; its patients' number in the sheet is its place in the list."""
        n = len(self.inputs)
        path = write_gvcf(self.folder / f"{n}.g.vcf", list(records), samples=patients)
        text = path.read_text().replace("##contig=<ID=2,", "##contig=<ID=X,length=1000>\n##contig=<ID=2,")
        path.write_text(text)
        self.inputs.append(self.folder / str(n))
        write_blocks(path, patients, self.inputs[-1] / "blocks.parquet")
        for patient in patients:
            self.files[patient].setdefault("file", n)

    def measure(self, threads: int = 1, excerpt: bool = False) -> pd.DataFrame:
        patients = list(self.files)
        people = pd.DataFrame({"patient": patients, "sex": ["male", "female", "unknown"]})
        write_parquet(people, self.folder / "people.parquet")
        samples = pd.DataFrame(
            [(p, f.get("file", 99), f["callable"], f["alignment"]) for p, f in self.files.items()],
            columns=["patient", "file", "callable", "alignment"],
        )
        write_parquet(samples, self.folder / "samples.parquet")
        contigs = [{"name": c, "length": n} for c, n in self.lengths.items()]
        write_json(self.folder / "preflight.json", {"contigs": contigs})
        self.out = self.folder / "callability.parquet"
        self.used = measure_callability(
            self.folder / "people.parquet",
            self.folder / "samples.parquet",
            self.folder / "preflight.json",
            self.genes,
            self.inputs,
            self.limits,
            self.out,
            excerpt=excerpt,
            threads=threads,
        )
        table = pq.read_table(self.out)
        assert table.schema == SCHEMA
        return table.to_pandas()

    def of(self, patient: str, **options: int) -> dict[str, tuple]:
        """gene -> callable and coding bases and source, or the reason why it is not assessed."""
        frame = self.measure(**options)
        mine = frame[frame["patient"] == patient]
        return {
            row.gene: (int(row.n_callable), int(row.n_coding), row.source)
            if row.status == "assessed"
            else (row.reason,)
            for row in mine.itertuples()
        }


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def test_coding_bases_are_the_union_of_protein_coding_transcripts(run):
    coding = read_coding(run.genes)
    assert coding.genes["gene"].tolist() == ["ONE", "G2", "FOUR", "FIVE"]
    assert coding.genes["n_coding"].tolist() == [110, 100, 50, 50]
    for number, gene_id in enumerate(coding.genes["gene_id"]):
        mine = coding.gene == number
        found = bases(zip(coding.start[mine], coding.end[mine], strict=True))
        assert found == coding_bases(GENES, gene_id)


def test_without_any_source_a_patient_is_one_row_that_says_not_assessed(run):
    frame = run.measure()
    assert frame["patient"].tolist() == ["P1", "P2", "P3"]
    assert set(frame["status"]) == {"not_assessed"} and set(frame["reason"]) == {"no_source"}
    assert frame[["gene", "gene_id", "n_coding", "n_callable", "fraction"]].isna().all(axis=None)
    assert run.used == {"none": 3}


def test_without_gene_models_nobody_is_assessed(run):
    run.genes = None
    run.files["P1"]["callable"] = run.write("a.bed", "1\t0\t1000\n")
    assert set(run.measure()["reason"]) == {"no_gene_models"}


def test_a_bed_counts_its_bases_and_is_silent_on_contigs_it_does_not_name(run):
    run.files["P2"]["callable"] = run.write("a.bed", "#x\ntrack y\n1\t0\t110\tname\n1 100 120\n2\t500\t600\n")
    assert run.of("P2") == {
        "ONE": (20, 110, "callable"),
        "G2": (0, 100, "callable"),
        "FOUR": (0, 50, "callable"),
        "FIVE": ("contig_absent",),
    }


def test_gvcf_blocks_and_calls_that_pass_the_limits_count(run):
    run.gvcf(
        "1 90 A <NON_REF> END=120 GT:DP:GQ 0/0:10:20",
        "1 121 A <NON_REF> END=130 GT:DP:GQ 0/0:9:99",
        "1 131 A <NON_REF> END=139 GT:DP:GQ 0/0:99:19",
        "1 140 AAA A,<NON_REF> . GT:DP:GQ 0/1:30:60",
        "1 143 A <NON_REF> END=160 GT 0/0",
        "1 990 A <NON_REF> END=995 GT:DP:GQ 0/0:30:60",
    )
    assert run.of("P1") == {
        "ONE": (20 + 3 + 18, 110, "gvcf"),
        "G2": ("no_records",),
        "FOUR": ("no_records",),
        "FIVE": ("no_records",),
    }


def test_where_no_read_was_seen_nothing_is_callable_whatever_the_limits(run):
    run.limits = Limits(0, 0)
    run.gvcf("1 90 A <NON_REF> END=120 GT:DP:GQ 0/0:0:0", "1 121 A <NON_REF> END=130 GT:DP:GQ 0/0:1:0")
    run.files["P2"]["alignment"] = str(write_bam(run.folder / "a.bam", [read("r", 0, 101, 5)]))
    assert run.of("P1")["ONE"] == (10, 110, "gvcf")
    assert run.of("P2")["ONE"] == (5, 110, "alignment")


def test_where_a_man_has_one_copy_half_the_depth_is_enough(run):
    block = "X 11 A <NON_REF> END=60 GT:DP:GQ 0/0:6:50 0/0:6:50"
    run.gvcf(block, patients=("P1", "P2"))
    assert run.of("P1")["FIVE"] == (50, 50, "gvcf")
    assert run.of("P2")["FIVE"] == (0, 50, "gvcf")


def test_reads_that_are_usable_make_a_base_callable(run):
    good = [read(f"r{n}", 0, 101, 20) for n in range(10)]
    bad = [
        read("low", 0, 201, 20, mapping_quality=19),
        *(read(f"f{f}", 0, 201, 20, flag=f) for f in (256, 512, 1024, 2048)),
        read("base", 0, 201, 20, query_qualities=pysam.qualitystring_to_array("4" * 20)),
    ]
    nine = [read(f"n{n}", 0, 201, 20) for n in range(9)]
    run.files["P1"]["alignment"] = str(write_bam(run.folder / "a.bam", good + bad + nine))
    assert run.of("P1") == {
        "ONE": (20, 110, "alignment"),
        "G2": (0, 100, "alignment"),
        "FOUR": ("no_records",),
        "FIVE": ("no_records",),
    }


def test_a_contig_of_another_length_is_not_assessed_unless_the_reference_is_an_excerpt(run):
    reads = [read(f"r{n}", 0, 101, 20) for n in range(10)]
    run.files["P1"]["alignment"] = str(write_bam(run.folder / "a.bam", reads, {"1": 9000}))
    assert run.of("P1")["ONE"] == ("contig_length",)
    assert run.of("P1")["FOUR"] == ("contig_absent",)
    assert run.of("P1", excerpt=True)["ONE"] == (20, 110, "alignment")


def test_each_gene_has_the_best_source_that_says_anything_of_it(run):
    run.files["P1"]["callable"] = run.write("a.bed", "2\t0\t40\n")
    run.gvcf("1 801 A <NON_REF> END=850 GT:DP:GQ 0/0:30:60", "2 11 A <NON_REF> END=60 GT:DP:GQ 0/0:30:60")
    reads = [read(f"r{n}{s}", 0, s, 30) for n in range(10) for s in (101, 801)]
    run.files["P1"]["alignment"] = str(write_bam(run.folder / "a.bam", reads))
    assert run.of("P1") == {
        "ONE": (30, 110, "alignment"),
        "G2": (50, 100, "gvcf"),
        "FOUR": (30, 50, "callable"),
        "FIVE": ("contig_absent",),
    }
    assert run.used == {"alignment+callable+gvcf": 1, "none": 2}


def test_genes_outside_the_run_are_not_assessed_whatever_the_sources_say(run):
    run.files["P1"]["callable"] = run.write("a.bed", "1\t0\t100\n2\t0\t100\nX\t0\t100\n")
    run.lengths = {"1": 850, "X": 1000}
    found = run.of("P1")
    assert (found["G2"], found["FOUR"]) == (("outside_run",), ("outside_run",))
    assert found["FIVE"] == (50, 50, "callable")


@pytest.mark.slow
def test_any_number_of_processes_gives_the_same_bytes(run):
    run.gvcf("1 90 A <NON_REF> END=160 GT:DP:GQ 0/0:10:20 0/0:30:40", patients=("P2", "P3"))
    run.files["P1"]["callable"] = run.write("a.bed", "1\t0\t120\n")
    run.measure()
    one = run.out.read_bytes()
    run.measure(threads=2)
    assert run.out.read_bytes() == one


@pytest.mark.slow
def test_an_error_in_another_process_keeps_its_problems(run):
    run.files["P1"]["callable"] = run.write("a.bed", "1\t0\t120\nchr\n")
    run.files["P2"]["callable"] = run.write("b.bed", "1\t0\t120\n")
    with pytest.raises(InputError) as caught:
        run.measure(threads=2)
    assert [(p.file, p.row) for p in caught.value.problems] == [(str(run.folder / "a.bed"), 2)]
    assert not run.out.exists()


def test_one_patients_genes_are_read_back(run):
    run.files["P1"]["callable"] = run.write("a.bed", "1\t0\t900\n")
    run.measure()
    row = read_callability(run.out, "P1", ["G1"]).iloc[0]
    assert (row.gene, row.fraction) == ("ONE", 1.0)
    assert sentence(row.gene, row.status, row.fraction) == "ONE: 100 % of coding bases callable"


@pytest.mark.parametrize(
    ("fraction", "shown"),
    [(0.0, "0 %"), (0.004, "< 1 %"), (0.871, "87 %"), (0.996, "> 99 %"), (1.0, "100 %")],
)
def test_shares_are_never_rounded_to_all_or_nothing(fraction, shown):
    assert sentence("G", "assessed", fraction) == f"G: {shown} of coding bases callable"
    assert sentence("G", "not_assessed", None) == "G: callability not assessed"


# -- files that are faulty ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("1\t5", "the line"),
        ("1\t-5\t9", "the line"),
        ("1\t1e3\t2e3", "the line"),
        ("1\t9\t5", "start 9, end 5"),
        ("1\t5\t" + "9" * 5000, "the line"),
        ("1\t900\t1001", "'1' up to 1,001"),
        ("=cmd()\t\0\t5", "the line"),
    ],
)
def test_a_bed_line_that_is_no_interval_is_named(tmp_path, line, found):
    path = tmp_path / "a.bed"
    path.write_text(f"1\t0\t5\n{line}\n")
    with pytest.raises(InputError) as caught:
        read_bed(path, LENGTHS)
    (problem,) = caught.value.problems
    assert problem.row == 2 and problem.found.startswith(found)


def test_a_bed_may_be_compressed_and_a_damaged_one_is_an_error(tmp_path):
    packed = gzip.compress(b"1\t0\t5\n" * 1000)
    (tmp_path / "a.bed.gz").write_bytes(packed)
    assert [a.tolist() for a in read_bed(tmp_path / "a.bed.gz")["1"]] == [[1], [5]]
    (tmp_path / "b.bed.gz").write_bytes(packed[:-12])
    with pytest.raises(InputError, match="damaged"):
        read_bed(tmp_path / "b.bed.gz")


def test_a_malformed_gene_model_names_the_line(tmp_path):
    (tmp_path / "g.gff3").write_text(GENES + "1\tt\tCDS\t9\t5\t.\t+\t0\tParent=transcript:T1\n")
    with pytest.raises(InputError) as caught:
        read_coding(tmp_path / "g.gff3")
    assert caught.value.problems[0].row == GENES.count("\n") + 1


# -- against the slow twins ---------------------------------------------------------------------------

INTERVALS = st.lists(
    st.tuples(st.integers(1, 50), st.integers(0, 9)).map(lambda t: (t[0], sum(t))), max_size=9
)


@given(INTERVALS, INTERVALS)
def test_unions_and_their_bases_agree_with_sets(given_intervals, queries):
    start, end = (np.array([i[k] for i in given_intervals], np.int64) for k in (0, 1))
    low, high = (np.array([q[k] for q in queries], np.int64) for k in (0, 1))
    joined = union(start, end)
    assert bases(zip(*joined, strict=True)) == bases(given_intervals)
    assert (joined[0][1:] > joined[1][:-1] + 1).all()
    expected = [len(bases([q]) & bases(given_intervals)) for q in queries]
    assert bases_within(low, high, *joined).tolist() == expected


@given(INTERVALS.filter(len), st.integers(0, 2**32 - 1))
def test_deep_bases_agree_with_counting(segments, seed):
    spread = [(a * 15, b * 15) for a, b in segments]
    rng = np.random.default_rng(seed)
    least, depth = rng.integers(1, 5, len(spread)), rng.integers(0, 5, 1000)
    low, high = (np.array([s[k] for s in spread], np.int64) for k in (0, 1))
    found = deep_bases(low, high, least, lambda a, b: depth[a : b + 1])
    assert found.tolist() == [
        int((depth[a : b + 1] >= n).sum()) for (a, b), n in zip(spread, least, strict=True)
    ]


def test_depth_agrees_with_aligned_pairs(tmp_path):
    rng = np.random.default_rng(1)
    reads = []
    for n in range(60):
        segment = read(f"r{n}", 0, int(rng.integers(1, 60)), 20)
        segment.flag = int(rng.choice([0, 0, 0, 16, 256, 1024]))
        segment.mapping_quality = int(rng.choice([5, 20, 60]))
        segment.query_sequence = "".join(rng.choice(list("ACGTN"), 20))
        segment.query_qualities = pysam.qualitystring_to_array("".join(rng.choice(list("45I"), 20)))
        segment.cigarstring = str(rng.choice(["20M", "5S15M", "8M4D12M", "6M3I11M", "4M50N16M"]))
        reads.append(segment)
    path = write_bam(tmp_path / "a.bam", reads)
    with open_alignment(path) as alignment:
        found = read_depth(alignment, "1", 1, 130)
        pile = list(alignment.fetch())
    assert found.tolist() == [usable_depth(pile, "1", p) for p in range(1, 131)]
    assert found.max() > 3


# -- real files ---------------------------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "contig"),
    [("NA12878.bam", "chrM"), ("NA12891_demo20.bam", "demo20"), ("NA12892_demo20.bam", "demo20")],
)
def test_depth_of_real_reads_is_that_of_samtools(name, contig):
    import pysam.samtools

    path = SHARED / "bam" / name
    if not path.is_file():
        pytest.skip(f"{path.parent} is absent")
    text = pysam.samtools.depth("-aa", "-q", "20", "-Q", "20", "-G", "SUPPLEMENTARY", str(path))
    theirs = [int(line.split("\t")[2]) for line in text.splitlines()]
    with open_alignment(path) as alignment:
        # samtools counts an N of high quality; these files have none.
        assert read_depth(alignment, contig, 1, len(theirs)).tolist() == theirs


@pytest.mark.real
def test_real_gvcf_over_real_genes(tmp_path):
    path = SHARED / "gvcf" / "CPG99952.g.vcf.gz"
    if not path.is_file():
        pytest.skip(f"{path.parent} is absent")
    run = Run(tmp_path)
    run.genes = run.write(
        "mane.gff3", gff3_of_gtf(SHARED / "gvcf" / "MANE.GRCh38.v0.95.select_ensembl_genomic.gtf.gz")
    )
    run.lengths = {"chr20": 64444167, "chrX": 156040895, "chrY": 57227415}
    write_blocks(path, ["CPG99952"], tmp_path / "0" / "blocks.parquet")
    run.inputs = [tmp_path / "0"]
    run.files = {
        "CPG99952": {"callable": "", "alignment": "", "file": 0},
        "a": run.files["P2"],
        "b": run.files["P3"],
    }
    frame = run.measure().dropna(subset=["fraction"]).set_index("gene")
    text = gzip.decompress(path.read_bytes()).decode()
    seen = {"chr20": set(), "chrX": set(), "chrY": set()}
    for cells in (line.split("\t") for line in text.splitlines() if line[0] != "#"):
        call = dict(zip(cells[8].split(":"), cells[9].split(":"), strict=False))
        end = int(cells[7].partition("END=")[2].partition(";")[0] or int(cells[1]) + len(cells[3]) - 1)
        # Declared male: one copy of X.
        least = 10 if cells[0] == "chr20" else 5
        if int(call.get("MIN_DP", call["DP"])) >= least and int(call["GQ"]) >= 20 and "." not in call["GT"]:
            seen[cells[0]].update(range(int(cells[1]), end + 1))
    coding = read_coding(run.genes)
    for number, row in coding.genes[coding.genes["gene"].isin(frame.index)].iterrows():
        mine = coding.gene == number
        wanted = bases(zip(coding.start[mine], coding.end[mine], strict=True))
        assert frame.loc[row["gene"], "n_callable"] == len(wanted & seen[row["chrom"]]), row["gene"]
    assert len(frame) > 20 and frame["fraction"].between(0.9, 1).sum() > 15


def gff3_of_gtf(path: Path) -> str:
    """Ensembl-style GFF3 of the genes, transcripts and CDS of a GENCODE GTF."""
    lines = ["##gff-version 3"]
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        cells = line.split("\t")
        a = dict(re.findall(r'(\w+) "([^"]*)"', cells[-1]))
        gene, transcript = f"gene:{a.get('gene_id')}", f"transcript:{a.get('transcript_id')}"
        attributes = {
            "gene": f"ID={gene};Name={a.get('gene_name')}",
            "transcript": f"ID={transcript};Parent={gene};biotype=protein_coding",
            "CDS": f"Parent={transcript}",
        }
        if len(cells) == 9 and cells[2] in attributes:
            lines.append("\t".join([*cells[:8], attributes[cells[2]]]))
    return "\n".join([*lines, ""])
