"""Raw BCF: what is read is what htslib wrote, and htslib reads what is written."""

from __future__ import annotations

import io

import numpy as np
import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype import bcftools
from endotype.variants.bcf import BcfReader, Field, Header, open_bcf, open_region, parse_header, writing
from endotype.variants.bcf_kernels import END_OF_VECTOR, MISSING_INT, POS, info_numbers, scan
from endotype.variants.bcf_record import encode_record, parse_record
from endotype.variants.bgzf import BgzfWriter, DamagedError, inflate
from endotype.variants.csi import record_counts
from tests.variants.builders import write_vcf

RICH = """##fileformat=VCFv4.3
##contig=<ID=c1,length=200000>
##contig=<ID=c2,length=200000>
##FILTER=<ID=bad,Description="bad">
##FILTER=<ID=worse,Description="worse">
##INFO=<ID=DP,Number=1,Type=Integer,Description="depth">
##INFO=<ID=QD,Number=1,Type=Float,Description="quality by depth">
##INFO=<ID=DB,Number=0,Type=Flag,Description="known">
##INFO=<ID=NOTE,Number=.,Type=String,Description="text">
##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="likelihoods">
##FORMAT=<ID=AF,Number=A,Type=Float,Description="fraction">
##FORMAT=<ID=FT,Number=1,Type=String,Description="filter">
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO	FORMAT	A	B	C
c1	10	rs1;rs2	A	C,G	.	.	DP=7;QD=1.5;DB;NOTE=a,b	GT:PL:AF:FT	\
0|1:0,1,2,3,4,5:0.5,.:PASS	1:7,8,9:.:q	.:.:0.1,0.2:.
c1	20	.	A	C	50.5	bad;worse	.	GT	0/1	./.	1/1
c1	99999	.	ACGTACGTACGTACGTACGT	A	3	PASS	DP=70000	GT:PL	0/0:0,300,70000	./.:.	0/1:1,2,3
c2	5	.	T	<DEL>	1	PASS	DP=-5;QD=.	GT	0/1	0/0	0/0
"""


@pytest.fixture
def rich(tmp_path):
    (tmp_path / "rich.vcf").write_text(RICH)
    bcftools.run("view", "--no-version", "-Ob", "-o", str(tmp_path / "rich.bcf"), str(tmp_path / "rich.vcf"))
    return tmp_path / "rich.bcf"


def raw_records(reader: BcfReader) -> list[bytes]:
    return [
        block.data[a:b].tobytes()
        for block in reader.blocks()
        for a, b in zip(block.offsets, block.offsets[1:], strict=False)
    ]


def test_a_record_taken_apart_and_put_together_is_the_same_bytes(rich):
    with open_bcf(rich) as reader:
        records = raw_records(reader)
        assert len(records) == 4
        for raw in records:
            assert encode_record(parse_record(raw, reader.header), reader.header) == raw


def test_values_of_a_record(rich):
    with open_bcf(rich) as reader:
        first, second, third, fourth = (parse_record(raw, reader.header) for raw in raw_records(reader))
    assert (first.chrom, first.pos, first.id, first.alleles) == ("c1", 10, "rs1;rs2", ("A", "C", "G"))
    calls = first.formats["GT"]
    assert (calls[:, 0] >> 1).tolist() == [1, 2, 0]
    assert calls[:, 1].tolist() == [5, END_OF_VECTOR, END_OF_VECTOR]
    assert first.formats["PL"][1].tolist() == [7, 8, 9] + [END_OF_VECTOR] * 3
    assert first.formats["PL"][2].tolist() == [MISSING_INT] + [END_OF_VECTOR] * 5
    assert second.filters == ("bad", "worse")
    assert third.formats["PL"][0].tolist() == [0, 300, 70000]
    assert fourth.chrom == "c2"


def test_info_values_are_found_in_raw_records(rich):
    with open_bcf(rich) as reader:
        header = reader.header
        block = next(reader.blocks())
    core, quality, _ = scan(block.data, block.offsets, 3, np.array([header.key("GT")]))
    assert core[:, POS].tolist() == [9, 19, 99998, 4]
    assert np.isnan(quality[0]) and quality[1:].tolist() == [50.5, 3, 1]
    np.testing.assert_array_equal(info_numbers(block.data, core, header.key("DP")), [7, np.nan, 70000, -5])
    np.testing.assert_array_equal(info_numbers(block.data, core, header.key("QD")), [1.5] + [np.nan] * 3)


@given(st.lists(st.integers(0, 3 * 65536), max_size=4), st.integers(0, 255))
def test_bgzf_gives_back_what_was_written(sizes, seed):
    data = [np.random.default_rng(seed + i).bytes(n) for i, n in enumerate(sizes)]
    stream = io.BytesIO()
    with BgzfWriter(stream) as writer:
        for part in data:
            writer.write(part)
    stream.seek(0)
    assert b"".join(block for _, block in inflate(stream)) == b"".join(data)


@pytest.mark.parametrize("fault", ["cut", "no end block", "flipped", "garbage"])
def test_a_damaged_file_is_never_read_as_whole(tmp_path, fault):
    vcf = write_vcf(
        tmp_path / "in.vcf", [f"{i} A C 0/1 1/1" for i in range(1, 9000)], contigs=(("1", 10000),)
    )
    bcftools.run("view", "-Ob", "-o", str(tmp_path / "in.bcf"), str(vcf))
    data = bytearray((tmp_path / "in.bcf").read_bytes())
    if fault == "cut":
        data = data[: len(data) // 2]
    elif fault == "no end block":
        data = data[:-28]
    elif fault == "flipped":
        data[len(data) // 2] ^= 0x40
    else:
        data = bytearray(b"no BCF at all")
    (tmp_path / "in.bcf").write_bytes(data)
    with pytest.raises(DamagedError), open_bcf(tmp_path / "in.bcf") as reader:
        raw_records(reader)


def copy(source, out, chosen=lambda pos: True):
    """Write some records of a BCF by our own writer."""
    with open_bcf(source) as reader, writing(out, reader.header, f"{out}.csi") as writer:
        for raw in raw_records(reader):
            record = parse_record(raw, reader.header)
            if chosen(record.pos):
                rid = reader.header.contig(record.chrom)
                writer.write(raw, rid, record.pos - 1, record.pos - 1 + record.span)


def test_htslib_reads_what_is_written_and_finds_places_by_the_index(tmp_path):
    rng = np.random.default_rng(3)
    places = [(c, int(p)) for c in ("a", "b") for p in np.sort(rng.choice(190_000, 3000, False)) + 1]
    records = [f"{c}:{p} {'ACGTACGT'[: 1 + p % 7]} {'A' if p % 7 else 'C'} 0/1 1/1" for c, p in places]
    vcf = write_vcf(tmp_path / "in.vcf", records, contigs=(("a", 200_000), ("b", 200_000)))
    bcftools.run("view", "--no-version", "-Ob", "-o", str(tmp_path / "in.bcf"), str(vcf))
    out = tmp_path / "out.bcf"
    copy(tmp_path / "in.bcf", out)
    bcftools.run("index", "-c", str(tmp_path / "in.bcf"))
    assert record_counts(f"{out}.csi", {0: "a", 1: "b"}) == {"a": 3000, "b": 3000}
    with pysam.VariantFile(str(out)) as ours, pysam.VariantFile(str(tmp_path / "in.bcf")) as theirs:
        for chrom, start, end in [("a", 0, 200_000), ("b", 16_000, 17_000), ("a", 150_000, 150_100)]:
            assert [str(r) for r in ours.fetch(chrom, start, end)] == [
                str(r) for r in theirs.fetch(chrom, start, end)
            ]


@pytest.mark.parametrize("made_by", ["ours", "htslib"])
@pytest.mark.parametrize("place", [(1, 190_000), (16_384, 16_400), (120_000, 131_072), (199_000, 199_500)])
def test_reading_a_region_misses_no_record(tmp_path, made_by, place):
    records = [f"{p} A C 0/1 1/1" for p in range(5, 190_000, 37)]
    vcf = write_vcf(tmp_path / "in.vcf", records, contigs=(("c0", 100), ("c1", 200_000)))
    vcf.write_text(vcf.read_text().replace("\nc0\t", "\nc1\t"))
    bcf = tmp_path / "in.bcf"
    bcftools.run("view", "--no-version", "-Ob", "-o", str(bcf), str(vcf))
    if made_by == "ours":
        copy(bcf, tmp_path / "copy.bcf")
        bcf = tmp_path / "copy.bcf"
    else:
        bcftools.run("index", "-c", str(bcf))
    start, end = place
    with open_region(bcf, f"{bcf}.csi", "c1", start, end) as (header, blocks):
        found = {
            parse_record(block.data[a:b].tobytes(), header).pos
            for block in blocks
            for a, b in zip(block.offsets, block.offsets[1:], strict=False)
        }
    wanted = {p for p in range(5, 190_000, 37) if start <= p <= end}
    assert wanted <= found
    with open_region(bcf, f"{bcf}.csi", None, start, end) as (_, blocks):
        assert list(blocks) == []


def test_fields_are_declared_anew_under_the_numbers_they_have():
    header = parse_header(
        '##fileformat=VCFv4.2\n##INFO=<ID=AC,Number=.,Type=String,Description="x">\n'
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n#CHROM\tPOS\n'
    )
    field = Field("A", "Integer")
    changed: Header = header.with_fields("INFO", {"AC": (field, "copies"), "AN": (field, "alleles")})
    assert changed.info["AC"] == field
    assert changed.key("AC") == header.key("AC")
    assert changed.key("GT") == header.key("GT")
    assert changed.key("AN") == 1 + max(header.keys)
    assert changed.with_fields("INFO", {"AC": (field, "copies"), "AN": (field, "alleles")}) == changed


def test_contigs_are_renamed_in_the_header_only_where_they_are_named():
    header = parse_header("##fileformat=VCFv4.2\n##contig=<ID=1,length=9>\n##contig=<ID=11>\n#CHROM\tPOS\n")
    assert header.with_contigs({"1": "chr1"}).contigs == {0: "chr1", 1: "11"}


def test_a_failing_bcftools_is_told_when_its_output_has_been_read(tmp_path):
    with (
        pytest.raises(bcftools.BcftoolsError, match="no-such-file"),
        bcftools.stream("view", "-Ou", str(tmp_path / "no-such-file.vcf")) as output,
    ):
        output.read()
