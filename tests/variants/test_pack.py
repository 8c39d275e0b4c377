"""From a normalised shard to the store, and from shards to the cohort."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cyvcf2 import VCF

from endotype.errors import InputError
from endotype.files import read_json
from endotype.tables import read_parquet, write_parquet
from endotype.variants.bcf import open_bcf
from endotype.variants.ingest import prepare_input
from endotype.variants.merge import flow, merge_shards
from endotype.variants.pack import UNITS, pack_region
from endotype.variants.plink import open_store
from endotype.variants.shard import Outputs, normalise_region
from endotype.variants.site_filters import Filters, hard_filters
from tests.reference import variants as reference
from tests.variants.builders import read_vcf, write_vcf
from tests.variants.peers import plink2

OPEN = Filters(min_genotype_quality=0, min_depth=0, min_call_rate=0)


def shard(
    folder: Path,
    records: list[str],
    samples: tuple[str, ...] = ("A", "B", "C"),
    sex: tuple[str, ...] | None = None,
    filters: Filters = OPEN,
    region: str = "1:1-1000",
    formats: tuple[str, ...] = ("GT",),
    frequencies: pd.DataFrame | None = None,
    assembly: str = "GRCh38",
) -> Path:
    """A shard from its records to its packed form; returns the stem of its files."""
    folder.mkdir(exist_ok=True)
    contig = region.partition(":")[0]
    vcf = write_vcf(folder / "in.vcf", records, samples, ((contig, 1_000_000),), formats)
    prepare_input(vcf, {name: name for name in samples}, folder / "input")
    stem = folder / "shard"
    people = pd.DataFrame({"patient": samples, "sex": sex or ("unknown",) * len(samples)})
    write_parquet(people.assign(in_genotypes=True), folder / "people.parquet")
    normalise_region([folder / "input"], region, None, Outputs.at(stem), folder / "people.parquet", assembly)
    if frequencies is not None:
        write_parquet(frequencies, folder / "frequencies.parquet")
    pack_region(
        f"{stem}.bcf",
        region,
        folder / "people.parquet",
        assembly,
        filters,
        stem,
        folder / "frequencies.parquet" if frequencies is not None else None,
    )
    return stem


def qc_of(stem: Path) -> pd.DataFrame:
    return read_parquet(f"{stem}.qc.parquet").set_index("pos")


def test_counts_of_a_site(tmp_path):
    row = qc_of(shard(tmp_path, ["10 A C 0/1 1/1 ./."])).loc[10]
    assert (row.n_called, row.n_missing, row.n_hom_ref, row.n_het, row.n_hom_alt) == (2, 1, 0, 1, 1)
    assert (row.alt_count, row.allele_number, row.alt_freq) == (3, 4, 0.75)
    assert row.call_rate == pytest.approx(2 / 3)
    assert row.kept and row.reason == ""


def test_haploid_calls_count_one_allele(tmp_path):
    stem = shard(tmp_path, ["10 A C 1 0/1 0"], sex=("male", "female", "male"), region="X:1-1000")
    row = qc_of(stem).loc[10]
    assert (row.alt_count, row.allele_number) == (2, 4)
    assert open_store(stem).dosages(slice(0, 1)).tolist() == [[2, 1, 0]]


def test_males_written_as_half_calls_on_x_are_kept(tmp_path):
    stem = shard(tmp_path, ["10 A C 0/. 1/. ./1"], sex=("male", "male", "female"), region="X:1-1000")
    assert open_store(stem).dosages(slice(0, 1)).tolist() == [[0, 2, -1]]


def test_in_the_pseudoautosomal_region_a_half_call_of_a_male_is_missing(tmp_path):
    stem = shard(tmp_path, ["20000 A C 0/1 1/. 0/0"], sex=("male",) * 3, region="X:1-100000")
    assert open_store(stem).dosages(slice(0, 1)).tolist() == [[1, -1, 0]]


def test_females_without_y_do_not_lower_its_call_rate(tmp_path):
    row = qc_of(shard(tmp_path, ["10 A C 1 . 0"], sex=("male", "female", "male"), region="Y:1-1000")).loc[10]
    assert row.call_rate == 1


def test_weak_calls_become_missing_and_are_counted(tmp_path):
    stem = shard(
        tmp_path,
        ["10 A C 0/1:40:30 0/1:10:30 0/1:40:5"],
        filters=Filters(min_call_rate=0),
        formats=("GT", "GQ", "DP"),
    )
    row = qc_of(stem).loc[10]
    assert (row.n_called, row.n_genotypes_masked) == (1, 2)
    assert open_store(stem).dosages(slice(0, 1)).tolist() == [[1, -1, -1]]


@pytest.mark.parametrize(
    ("record", "filters", "reason"),
    [
        ("10 A C ./. ./. 0/1", Filters(min_call_rate=0.5), "low_call_rate"),
        ("10 A C 0/0 0/0 0/0", OPEN, "not_carried"),
        ("10 A C ./. ./. ./.", OPEN, "no_calls"),
        ("10 A C 0/1 0/0 0/0", Filters(min_quality=60), "low_quality"),
    ],
)
def test_sites_that_are_left_out_stay_in_the_table_with_the_reason(tmp_path, record, filters, reason):
    stem = shard(tmp_path, [record, "20 A G 0/1 0/0 0/0"], filters=filters)
    qc = qc_of(stem)
    assert qc.loc[10, "reason"] == reason
    assert not qc.loc[10, "kept"]
    assert len(open_store(stem).variants) == qc["kept"].sum()


def test_too_many_heterozygotes_are_left_out_too_few_are_not(tmp_path):
    samples = tuple(f"S{i:03d}" for i in range(100))
    stem = shard(
        tmp_path,
        ["10 A C " + "0/1 " * 100, "20 A C " + "0/0 " * 50 + "1/1 " * 50],
        samples=samples,
    )
    assert qc_of(stem)["reason"].tolist() == ["heterozygote_excess", ""]


def test_reads_of_the_reference_at_homozygous_calls_are_summed_for_contamination(tmp_path):
    frequencies = pd.DataFrame(
        {"chrom": ["1"], "pos": [10], "ref": ["A"], "alt": ["C"], "allele_frequency": [0.5]}
    )
    stem = shard(
        tmp_path,
        ["10 A C 1/1:3,27:30 1/1:0,30:30 0/1:15,15:30"],
        formats=("GT", "AD", "DP"),
        frequencies=frequencies,
    )
    reads = read_parquet(f"{stem}.reads.parquet")
    assert reads["n_charr"].tolist() == [1, 1, 0]
    # 3 of 30 reads, over the frequency of the reference allele among the reads that contaminate.
    assert (reads["sum_charr"] / UNITS).tolist() == pytest.approx([0.1 / 0.5, 0, 0], abs=1 / UNITS)
    assert (reads["sum_depth"] / UNITS).tolist() == [30, 30, 30]


def test_shards_are_joined_in_order_and_the_counts_add_up(tmp_path):
    first = shard(tmp_path / "one", ["10 A C 0/1 0/0 1/1", "20 A G,T 1/2 0/0 0/0"])
    second = shard(tmp_path / "two", ["2000 A C 0/0 0/0 0/0", "2010 A C 0/1 0/0 ./."], region="1:1001-3000")
    merge_shards(
        [str(first), str(second)], [tmp_path / "one/input", tmp_path / "two/input"], tmp_path / "all"
    )
    store = open_store(tmp_path / "all" / "genotypes")
    assert store.variants["id"].tolist() == ["1:10:A:C", "1:20:A:G", "1:20:A:T", "1:2010:A:C"]
    assert store.dosages(slice(0, 4)).tolist() == [[1, 0, 2], [1, 0, 0], [1, 0, 0], [1, 0, -1]]
    counts = read_json(tmp_path / "all" / "flow.json")
    assert counts["alleles_in"] == 5
    assert counts["variants_normalised"] == 5
    assert counts["variants_filtered"] == {"not_carried": 1}
    assert counts["variants_kept"] == 4


def test_a_lost_variant_is_noticed(tmp_path):
    stem = shard(tmp_path, ["10 A C 0/1 0/0 1/1", "20 A G 0/1 0/0 0/0"])
    counts = read_json(f"{stem}.counts.json")
    qc = read_parquet(f"{stem}.qc.parquet")
    flow([counts], [], qc)
    with pytest.raises(ValueError, match="2 alleles came in"):
        flow([counts], [], qc.iloc[:1])


def test_the_store_equals_plink2s_own_conversion(tmp_path):
    rng = np.random.default_rng(1)
    samples = tuple(f"S{i:02d}" for i in range(41))
    words = np.array(["0/0", "0/1", "1/1", "./.", "0|1"])
    records = [f"{10 + 3 * i} A C " + " ".join(rng.choice(words, 41)) for i in range(60)]
    stem = shard(tmp_path, records, samples=samples, filters=Filters(min_call_rate=0, min_hwe_p=1e-300))
    plink2("--vcf", tmp_path / "in.vcf", "--make-bed", "--out", tmp_path / "theirs")
    assert Path(f"{stem}.bed").read_bytes() == (tmp_path / "theirs.bed").read_bytes()


def test_cyvcf2_reads_the_same_calls_from_the_shard(tmp_path):
    rng = np.random.default_rng(2)
    samples = tuple(f"S{i:02d}" for i in range(37))
    words = np.array(["0/0", "0/1", "1/1", "./.", "1|0", "0|0"])
    records = [f"{10 + 3 * i} A C 0/1 " + " ".join(rng.choice(words, 36)) for i in range(80)]
    stem = shard(tmp_path, records, samples=samples, filters=Filters(min_call_rate=0, min_hwe_p=0))
    theirs = [variant.gt_types.tolist() for variant in VCF(f"{stem}.bcf", gts012=True)]
    ours = open_store(stem).dosages(slice(0, 80))
    assert np.where(ours < 0, 3, ours).tolist() == theirs  # 3 is what cyvcf2 calls unknown


@pytest.mark.parametrize("fault", ["cut", "text", "unsorted"])
def test_a_file_that_cannot_be_read_to_its_end_is_an_input_error(tmp_path, fault):
    vcf = write_vcf(tmp_path / "in.vcf", [f"{i} A C 0/1 1/1" for i in range(1, 999)])
    text = vcf.read_text()
    if fault == "cut":
        vcf.write_text(text[: len(text) // 2])
    elif fault == "unsorted":
        lines = text.splitlines()
        vcf.write_text("\n".join([*lines[:-2], lines[-1], lines[-2]]) + "\n")
    else:
        vcf.write_text("this is no VCF\n")
    with pytest.raises(InputError):
        prepare_input(vcf, {"A": "A", "B": "B"}, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.vcf", "out"]


def test_samples_are_cut_renamed_and_sorted_by_patient(tmp_path):
    vcf = write_vcf(tmp_path / "in.vcf", ["4 T A 0/0 0/1 1/1"], ("s1", "s2", "s3"))
    prepare_input(vcf, {"s1": "P9", "s3": "P1"}, tmp_path / "input")
    normalise_region([tmp_path / "input"], "c1:1-1000", None, Outputs.at(tmp_path / "out"))
    with open_bcf(tmp_path / "out.bcf") as reader:
        assert reader.header.samples == ("P1", "P9")
    assert read_vcf(tmp_path / "out.bcf") == ["4 T A 1/1 0/0"]


def test_unbalanced_heterozygotes_become_missing_and_are_counted(tmp_path):
    stem = shard(
        tmp_path,
        ["10 A C 0/1:24,6:30 0/1:25,5:30 1/1:28,2:30", "20 A C 0/1:5,5:30 0/1:.:30 0/0:1,29:30"],
        filters=Filters(min_call_rate=0),
        formats=("GT", "AD", "DP"),
    )
    # 6 of 30 is a fifth, 5 of 30 is less; homozygous calls are not judged by it, nor calls without AD.
    assert open_store(stem).dosages(slice(0, 2)).tolist() == [[1, -1, 2], [-1, 1, 0]]
    assert qc_of(stem)["n_masked_balance"].tolist() == [1, 1]
    assert (qc_of(stem)["n_genotypes_masked"] == qc_of(stem)["n_masked_balance"]).all()


def test_of_two_alts_each_must_be_balanced(tmp_path):
    stem = shard(
        tmp_path,
        ["10 A C,G 1/2:0,26,4:30 0/1:15,15,0:30 0/0:30,0,0:30"],
        filters=Filters(min_call_rate=0),
        formats=("GT", "AD", "DP"),
    )
    qc = read_parquet(f"{stem}.qc.parquet").set_index("alt")
    assert qc["n_masked_balance"].to_dict() == {"C": 0, "G": 1}
    assert qc["alt_count"].to_dict() == {"C": 2, "G": 0}


def test_a_call_of_another_alt_is_known_to_have_no_copy(tmp_path):
    stem = shard(tmp_path, ["10 A C,G 1/2 2/2 ./.", "20 A C,* 1/2 2/2 0/1", "30 A C ./1 0/1 0/0"])
    qc = read_parquet(f"{stem}.qc.parquet")
    assert qc["variant_id"].tolist() == ["1:10:A:C", "1:10:A:G", "1:20:A:C", "1:30:A:C"]
    dosages = open_store(stem).dosages(slice(0, 4)).tolist()
    assert dosages == [[1, 0, -1], [1, 2, -1], [1, 0, 1], [-1, 1, 0]]
    assert qc["allele_number"].tolist() == [4, 4, 6, 4]
    assert qc["alt_count"].tolist() == [1, 3, 2, 1]


def test_decoding_every_call_equals_the_slow_twin(tmp_path):
    words = ["0", "1", "."]
    calls = [[a] for a in words] + [[a, b] for a in words for b in words]
    everyone = [(call, sex) for sex in ("male", "female") for call in calls]
    samples = tuple(f"S{i:02d}" for i in range(len(everyone)))
    for separator in "/|":
        stem = shard(
            tmp_path / separator.replace("/", "slash"),
            ["10 A C " + " ".join(separator.join(call) for call, _ in everyone)],
            samples=samples,
            sex=tuple(sex for _, sex in everyone),
            region="X:1-1000",
        )
        expected = [
            reference.dosage_of([None if a == "." else int(a) for a in call], sex == "male")
            for call, sex in everyone
        ]
        assert open_store(stem).dosages(slice(0, 1))[0].tolist() == [dosage for dosage, _ in expected]
        assert qc_of(stem).loc[10, "allele_number"] == sum(ploidy for _, ploidy in expected)


def test_hard_filters_look_at_info_and_forgive_what_is_missing(tmp_path):
    vcf = write_vcf(
        tmp_path / "in.vcf",
        [f"{p} A {alt} 0/1 0/1" for p, alt in [(10, "C"), (20, "C"), (30, "C"), (40, "AC"), (50, "AC")]],
    )
    lines = vcf.read_text().splitlines()
    infos = iter(["QD=1.9;FS=0", "QD=2;FS=60.5", ".", "FS=100", "FS=201"])
    lines = [
        "\t".join([*line.split("\t")[:7], next(infos), *line.split("\t")[8:]]) if line[0] != "#" else line
        for line in lines
    ]
    declared = [f'##INFO=<ID={k},Number=1,Type=Float,Description="{k}">' for k in ("QD", "FS")]
    vcf.write_text("\n".join([lines[0], *declared, *lines[1:]]) + "\n")
    normalise_region([vcf], "c1:1-1000", None, Outputs.at(tmp_path / "shard"))
    people = pd.DataFrame({"patient": ["A", "B"], "sex": "unknown"})
    write_parquet(people, tmp_path / "people.parquet")
    filters = Filters(hard_filters=hard_filters("gatk"), min_hwe_p=0)
    pack_region(
        tmp_path / "shard.bcf", "c1:1-1000", tmp_path / "people.parquet", "", filters, tmp_path / "shard"
    )
    assert qc_of(tmp_path / "shard")["reason"].tolist() == [
        "hard_filter_QD",
        "hard_filter_FS",
        "",
        "",
        "hard_filter_FS",
    ]


def test_a_variant_of_several_bases_names_its_single_changes(tmp_path):
    stem = shard(tmp_path, ["10 ACG TCT 0/1 0/0 0/0", "20 ACGT TC 0/1 0/0 0/0", "30 A C 0/1 0/0 0/0"])
    assert qc_of(stem)["atoms"].tolist() == ["1:10:A:T|1:12:G:T", "1:20:A:T|1:21:CGT:C", ""]


def test_records_without_alt_count_for_the_call_rate_of_people(tmp_path):
    stem = shard(tmp_path, ["10 A . 0/0 ./. 0/0", "20 A C 0/1 0/0 0/0", "30 A . 0/0 0/0 ./."])
    merge_shards([str(stem)], [tmp_path / "input"], tmp_path / "all")
    reads = read_parquet(tmp_path / "all" / "reads.parquet")
    assert reads["n_monomorphic"].tolist() == [2, 2, 2]
    assert reads["n_monomorphic_called"].tolist() == [2, 1, 1]
    assert read_json(tmp_path / "all" / "flow.json")["monomorphic"] == 2


def test_structural_records_are_kept_whole_in_a_file_of_their_own(tmp_path):
    first = shard(tmp_path / "one", ["10 A <DEL> 0/1 0/0 1/1", "20 A C,<DUP> 1/2 0/0 0/0"])
    second = shard(tmp_path / "two", ["2000 A A[1:5[ 0/1 0/0 0/0"], region="1:1001-3000")
    merge_shards(
        [str(first), str(second)], [tmp_path / "one/input", tmp_path / "two/input"], tmp_path / "all"
    )
    assert read_vcf(tmp_path / "all" / "structural.bcf") == [
        "10 A <DEL> 0/1 0/0 1/1",
        "20 A C,<DUP> 1/2 0/0 0/0",
        "2000 A A[1:5[ 0/1 0/0 0/0",
    ]
    counts = read_json(tmp_path / "all" / "flow.json")
    assert (counts["structural"], counts["variants_normalised"], counts["alleles_in"]) == (3, 1, 4)


GVCF = """##fileformat=VCFv4.2
##ALT=<ID=NON_REF,Description="any other">
##INFO=<ID=END,Number=1,Type=Integer,Description="end">
##contig=<ID=1,length=1000>
##FORMAT=<ID=GT,Number=1,Type=String,Description="g">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="d">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="q">
##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="m">
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO	FORMAT	{name}
"""


def test_gvcfs_tell_the_reference_from_what_was_not_covered(tmp_path):
    bodies = {
        "A": [
            "1	1	.	A	<NON_REF>	.	.	END=9	GT:DP:GQ:MIN_DP	0/0:30:60:25",
            "1	10	.	A	C,<NON_REF>	50	.	.	GT:DP:GQ	0/1:30:99",
            "1	11	.	A	<NON_REF>	.	.	END=500	GT:DP:GQ:MIN_DP	0/0:30:60:22",
        ],
        "B": [
            "1	1	.	A	<NON_REF>	.	.	END=15	GT:DP:GQ:MIN_DP	0/0:30:70:28",
            "1	300	.	A	G,<NON_REF>	50	.	.	GT:DP:GQ	1/1:30:99",
        ],
        "C": ["1	5	.	A	<NON_REF>	.	.	END=12	GT:DP:GQ:MIN_DP	0/0:3:9:3"],
    }
    folders = []
    for name, body in bodies.items():
        vcf = tmp_path / f"{name}.g.vcf"
        vcf.write_text(GVCF.format(name=name) + "\n".join(body) + "\n")
        prepare_input(vcf, {name: name}, tmp_path / name)
        folders.append(tmp_path / name)
    counts = normalise_region(folders, "1:1-1000", None, Outputs.at(tmp_path / "shard"))
    assert read_vcf(tmp_path / "shard.bcf") == ["10 A C 0/1 0/0 0/0", "300 A G 0/0 1/1 ./."]
    # Four blocks, and the <NON_REF> of two variants.
    assert (counts.reference_blocks, counts.filled_from_blocks) == (6, 3)
    assert counts.rejected.total() == 0
    people = pd.DataFrame({"patient": list("ABC"), "sex": "unknown"})
    write_parquet(people, tmp_path / "people.parquet")
    filters = Filters(min_call_rate=0, min_hwe_p=0)
    pack_region(
        tmp_path / "shard.bcf", "1:1-1000", tmp_path / "people.parquet", "", filters, tmp_path / "shard"
    )
    # C's block has a depth of 3: it was seen, but not well enough to say that it is the reference.
    assert open_store(tmp_path / "shard").dosages(slice(0, 2)).tolist() == [[1, 0, -1], [0, 2, -1]]
