"""gVCF blocks: what is read from the files of several callers, and who is covered where."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.errors import InputError
from endotype.variants.gvcf import ROW_GROUP, SCHEMA, BlockLookup, is_gvcf, read_blocks, write_blocks
from endotype.variants.row_groups import row_group_writer
from tests.reference.callability import covered_by

REAL = Path(__file__).parents[3] / "shared" / "data" / "gvcf"

HEADER = """\
##fileformat=VCFv4.3
##contig=<ID=1,length=100000>
##contig=<ID=2,length=100000>
##INFO=<ID=END,Number=1,Type=Integer,Description="End">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">
##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="Least depth">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Quality">
##FORMAT=<ID=RGQ,Number=1,Type=Integer,Description="Quality of the reference">
"""
NON_REF = '##ALT=<ID=NON_REF,Description="any other">\n'


def write_gvcf(
    path: Path, records: list[str], samples: tuple[str, ...] = ("A",), extra: str = NON_REF
) -> Path:
    """A record is ``"contig pos ref alt info format call ..."``."""
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]
    lines = []
    for record in records:
        chrom, pos, ref, alt, info, keys, *calls = record.split()
        lines.append("\t".join([chrom, pos, ".", ref, alt, ".", ".", info, keys, *calls]))
    path.write_text("\n".join([HEADER + extra + "\t".join(columns), *lines, ""]))
    return path


def rows(table: pa.Table) -> list[tuple]:
    return [tuple(row.values()) for row in table.to_pylist()]


def test_blocks_and_calls_become_rows(tmp_path):
    path = write_gvcf(
        tmp_path / "a.g.vcf",
        [
            "1 10 A <NON_REF> END=19 GT:DP:GQ:MIN_DP 0/0:30:40:25",
            "1 20 ACG A,<NON_REF> . GT:DP:GQ 0/1:31:99",
            "1 23 A <NON_REF> END=30 GT:DP:GQ 0|0:12:15",
            "1 31 A <NON_REF> . GT:DP:RGQ 0:8:11",
            "2 5 C <NON_REF> END=9 GT:DP:GQ:MIN_DP 0/0:.:.:.",
        ],
    )
    assert rows(read_blocks(path, ["A"])) == [
        ("A", "1", 10, 19, 25, 40, True),
        ("A", "1", 20, 22, 31, 99, False),
        ("A", "1", 23, 30, 12, 15, True),
        ("A", "1", 31, 31, 8, 11, True),
        ("A", "2", 5, 9, None, None, True),
    ]


def test_what_is_not_known_is_no_row(tmp_path):
    path = write_gvcf(
        tmp_path / "a.g.vcf",
        [
            "1 10 A <NON_REF> END=19 GT:DP ./.:0",
            "1 20 A <NON_REF> END=29 GT:DP 0/.:9",
            "1 30 A C,<NON_REF> . GT:DP ./1:9",
            "1 40 A <DEL> END=4000 GT:DP 0/1:9",
            "1 50 A <NON_REF> END=59 DP 9",
            "1 60 A <NON_REF> END=69 GT:DP 0/1:9",
        ],
    )
    assert rows(read_blocks(path, ["A"])) == []


@pytest.mark.parametrize(
    ("alt", "extra"), [("<*>", '##ALT=<ID=*,Description="other">\n'), (".", "##GVCFBlock1-2=x\n")]
)
def test_blocks_of_other_callers(tmp_path, alt, extra):
    path = write_gvcf(tmp_path / "a.g.vcf", [f"1 10 A {alt} END=19 GT:DP:GQ 0/0:30:40"], extra=extra)
    assert is_gvcf(path)
    assert rows(read_blocks(path, ["A"])) == [("A", "1", 10, 19, 30, 40, True)]


def test_people_of_one_file_are_sorted_within_a_record_and_others_left_out(tmp_path):
    path = write_gvcf(
        tmp_path / "a.g.vcf",
        [
            "1 10 A <NON_REF> END=19 GT:DP:GQ 0/0:1:2 0/0:3:4 0/0:5:6",
            "1 20 A <NON_REF> END=29 GT:DP:GQ ./.:0:0 0/0:7:8 0/0:9:9",
        ],
        samples=("C", "B", "A"),
    )
    assert [r[:3] + r[4:6] for r in rows(read_blocks(path, ["A", "C"]))] == [
        ("A", "1", 10, 5, 6),
        ("C", "1", 10, 1, 2),
        ("A", "1", 20, 9, 9),
    ]


def test_a_joint_vcf_made_from_gvcfs_is_none(tmp_path):
    joint = ["1 10 A C . GT 0/1", "1 11 A . . GT 0/0"]
    path = write_gvcf(tmp_path / "joint.vcf", joint, extra=NON_REF + "##GVCFBlock0-20=minGQ=0\n")
    assert not is_gvcf(path)
    assert write_blocks(path, ["A"], tmp_path / "out.parquet") == 0
    assert pq.read_table(tmp_path / "out.parquet").schema == SCHEMA


def test_a_vcf_that_only_looks_like_one_is_none(tmp_path):
    assert not is_gvcf(write_gvcf(tmp_path / "a.vcf", ["1 10 A <NON_REF> END=9 GT 0/0"], extra=""))
    (tmp_path / "text").write_text("no VCF")
    with pytest.raises(InputError, match="text"):
        is_gvcf(tmp_path / "text")


@pytest.mark.parametrize("fault", ["cut", "damaged"])
def test_a_gvcf_that_is_not_whole_is_an_input_error_and_leaves_nothing(tmp_path, fault):
    records = [f"1 {n} A <NON_REF> . GT:DP:GQ 0/0:{n * n % 97}:{n * n % 89}" for n in range(1, 20_000)]
    plain = write_gvcf(tmp_path / "a.g.vcf", records)
    pysam.tabix_compress(str(plain), str(tmp_path / "a.g.vcf.gz"))
    whole = (tmp_path / "a.g.vcf.gz").read_bytes()
    at = len(whole) * 9 // 10
    faulty = whole[:at] if fault == "cut" else whole[:at] + bytes(40) + whole[at + 40 :]
    (tmp_path / "faulty.g.vcf.gz").write_bytes(faulty)
    assert write_blocks(tmp_path / "a.g.vcf.gz", ["A"], tmp_path / "whole.parquet") == 19_999
    with pytest.raises(InputError, match=r"faulty\.g\.vcf\.gz"):
        write_blocks(tmp_path / "faulty.g.vcf.gz", ["A"], tmp_path / "faulty.parquet")
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith((".tmp", "faulty.parquet"))]


def test_pieces_make_the_same_file_however_they_come(tmp_path):
    n = 2 * ROW_GROUP + 7
    table = pa.table(
        [
            pa.array(["A"] * n),
            pa.array(["1"] * n),
            *(pa.array(np.arange(n, dtype=np.int32)) for _ in range(4)),
            pa.array([True] * n),
        ],
        schema=SCHEMA,
    )
    for name, size in (("one", n), ("many", 1000), ("odd", 49_999)):
        with row_group_writer(tmp_path / name, SCHEMA, ROW_GROUP) as append:
            for at in range(0, n, size):
                append(table.slice(at, size))
    assert pq.read_metadata(tmp_path / "one").num_row_groups == 3
    assert len({(tmp_path / name).read_bytes() for name in ("one", "many", "odd")}) == 1


# -- who is covered -----------------------------------------------------------------------------------

WORDS = st.tuples(
    st.sampled_from("ABC"),
    st.sampled_from(["1", "2"]),
    st.integers(1, 60),
    st.integers(0, 20),
    st.one_of(st.none(), st.integers(0, 3)),
    st.one_of(st.none(), st.integers(0, 3)),
    st.booleans(),
)


def write_table(path: Path, blocks: list[tuple]) -> Path:
    ordered = sorted(blocks, key=lambda b: (b[1], b[2], b[0]))
    columns = list(zip(*ordered, strict=True)) if ordered else [()] * 7
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)
    with row_group_writer(path, SCHEMA, 4) as append:
        append(table)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lookup")


@given(
    st.lists(st.lists(WORDS, max_size=14), min_size=1, max_size=3),
    st.lists(st.tuples(st.sampled_from("123"), st.integers(1, 70), st.integers(0, 12)), max_size=12),
    st.sampled_from([0, 3, 10**6]),
)
def test_covering_agrees_with_base_by_base(folder, files, queries, max_rows):
    files = [[(p, c, s, s + w, d, q, ref) for p, c, s, w, d, q, ref in file] for file in files]
    paths = [write_table(folder / f"{n}.parquet", file) for n, file in enumerate(files)]
    lookup = BlockLookup(paths, ["B", "A", "D"], max_rows=max_rows)
    for chrom, low, width in queries:
        covered, depth, quality = lookup.covering(chrom, low, low + width)
        for n, patient in enumerate(["B", "A", "D"]):
            mine = [b[2:6] for file in files for b in file if b[:2] == (patient, chrom) and b[6]]
            assert (covered[n], depth[n], quality[n]) == covered_by(mine, low, low + width)


def test_blocks_that_tile_cover_together_and_a_gap_of_one_base_does_not(tmp_path):
    path = write_table(
        tmp_path / "t",
        [("A", "1", 10, 19, 30, 40, True), ("A", "1", 20, 29, 20, 50, True), ("A", "1", 31, 40, 9, 9, True)],
    )
    lookup = BlockLookup([path], ["A"])
    assert [a.tolist() for a in lookup.covering("1", 15, 25)] == [[True], [20], [40]]
    assert [a.tolist() for a in lookup.covering("1", 25, 32)] == [[False], [-1], [-1]]
    assert [a.dtype for a in lookup.covering("1", 15, 25)] == [np.bool_, np.int32, np.int32]


def test_a_long_block_covers_beyond_short_ones_inside_it(tmp_path):
    blocks = [("A", "1", s, e, d, 40, True) for s, e, d in ((1, 100, 30), (10, 11, 20), (20, 21, 25))]
    lookup = BlockLookup([write_table(tmp_path / "t", blocks)], ["A"])
    assert [a.tolist() for a in lookup.covering("1", 5, 15)] == [[True], [20], [40]]
    assert [a.tolist() for a in lookup.covering("1", 50, 60)] == [[True], [30], [40]]


def test_a_block_without_a_read_covers_nothing(tmp_path):
    path = write_table(tmp_path / "t", [("A", "1", 10, 19, 0, 0, True)])
    assert not BlockLookup([path], ["A"]).covering("1", 12, 12)[0].any()


# -- real files ---------------------------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.parametrize("name", sorted(p.name for p in REAL.glob("CPG*.g.vcf.gz")) or ["absent"])
def test_real_gvcfs(name, tmp_path):
    path = REAL / name
    if not path.is_file():
        pytest.skip(f"{REAL} is absent")
    assert is_gvcf(path)
    sample = name.partition(".")[0]
    table = read_blocks(path, [sample])
    # Counted independently, from the text of the file.
    text = subprocess.run(["gzip", "-dc", path], capture_output=True, text=True, check=True).stdout
    n_blocks = covered = 0
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        cells = line.split("\t")
        if cells[4] == "<NON_REF>" and cells[9].startswith(("0/0:", "0|0:", "0:")):
            n_blocks += 1
            covered += int(cells[7].partition("END=")[2].partition(";")[0] or cells[1]) - int(cells[1]) + 1
    blocks = table.filter(table["reference"])
    start, end = (blocks[c].to_numpy().astype(np.int64) for c in ("start", "end"))
    assert (len(blocks), (end - start + 1).sum()) == (n_blocks, covered)
    assert len(table) == sum(not line.startswith("#") for line in text.splitlines())
    # Blocks of a person neither overlap each other nor the variants between them.
    for chrom in pc.unique(table["chrom"]).to_pylist():
        here = table.filter(pc.equal(table["chrom"], chrom))
        order = np.argsort(here["start"].to_numpy(), kind="stable")
        ends, starts = (here[c].to_numpy()[order] for c in ("end", "start"))
        reference = here["reference"].to_numpy()[order]
        reach = np.maximum.accumulate(np.where(reference, ends, 0))
        assert (starts[1:] > reach[:-1]).all()


@pytest.mark.real
def test_real_mitochondrial_calls_without_genotype_cover_nobody():
    path = REAL / "threeSamples.MT.g.vcf.gz"
    if not path.is_file():
        pytest.skip(f"{REAL} is absent")
    assert is_gvcf(path)
    assert len(read_blocks(path, ["NA12878", "NA12891", "NA19240"])) == 0
