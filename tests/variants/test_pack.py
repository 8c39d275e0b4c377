"""From a normalised shard to the store, and from shards to the cohort."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.errors import InputError
from endotype.files import read_json
from endotype.tables import read_parquet, write_parquet
from endotype.variants.bcf import open_bcf
from endotype.variants.ingest import prepare_input
from endotype.variants.merge import flow, merge_shards
from endotype.variants.pack import UNITS, pack_region
from endotype.variants.plink import open_store
from endotype.variants.shard import Outputs, normalise_region
from endotype.variants.site_filters import Filters
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
