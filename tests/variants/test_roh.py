"""Runs of homozygosity: against the slow twin, and planted in a simulated genome."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.variants.roh import RunLimits, runs_of_homozygosity
from endotype.variants.run_kernels import covered_length, homozygous_runs
from tests.reference import sample_qc as reference
from tests.variants.peers import bcftools_plugin
from tests.variants.stores import kept_table, store_of, variant_table

CALLS = st.lists(st.tuples(st.sampled_from([-1, 0, 0, 0, 1, 2, 2]), st.sampled_from([1, 5, 40])), max_size=60)


@given(CALLS, st.integers(0, 60), st.integers(0, 4), st.integers(1, 6), st.integers(1, 50))
def test_runs_equal_the_slow_twin(calls, split, min_between, min_variants, min_length):
    dosage = [d for d, _ in calls]
    pos = np.cumsum([step for _, step in calls]).astype(int).tolist()
    chrom = [int(v >= split) for v in range(len(calls))]
    limits = (20, min_between, min_variants, min_length)
    ours = homozygous_runs(np.array(dosage, np.int8), np.array(chrom, int), np.array(pos, int), *limits)
    assert [tuple(row) for row in ours.tolist()] == reference.runs(dosage, chrom, pos, *limits)


def test_a_run_goes_over_missing_calls_and_one_heterozygote_but_not_over_two_nor_a_gap():
    def runs(dosage, pos=None):
        n = len(dosage)
        pos = np.arange(n) * 10 if pos is None else np.array(pos)
        found = homozygous_runs(np.array(dosage, np.int8), np.zeros(n, int), pos, 100, 3, 3, 1)
        return found[:, :2].tolist()

    assert runs([0, 2, 0, -1, 2, 0, 1, 0, 0, 0]) == [[0, 9]]
    assert runs([0, 2, 0, 1, 1, 0, 0, 0]) == [[0, 2], [5, 7]]
    assert runs([0, 2, 0, 1, 0, 0, 1, 0, 0, 0]) == [[0, 2], [7, 9]]
    assert runs([0] * 6, [0, 10, 20, 200, 210, 220]) == [[0, 2], [3, 5]]
    assert covered_length(np.zeros(4, int), np.array([1, 11, 500, 510]), 100) == 20


@pytest.fixture(scope="module")
def planted():
    """30 people, 400 Mb in two chromosomes; the first has 30 Mb of autozygosity with two errors in it."""
    rng = np.random.default_rng(8)
    per, step = 10_000, 20_000
    frequency = rng.uniform(0.2, 0.8, (2 * per, 1))
    dosage = rng.binomial(2, frequency, (2 * per, 30)).astype(np.int8)
    one = rng.binomial(1, frequency[:, 0]).astype(np.int8)
    dosage[3000:4500, 0] = 2 * one[3000:4500]
    dosage[[3400, 4000], 0] = 1
    dosage[rng.random(dosage.shape) < 0.01] = -1
    table = pd.concat([variant_table(per, c, step) for c in ("1", "2")], ignore_index=True)
    store = store_of(dosage, table)
    return store, kept_table(store)


def test_planted_autozygosity_is_found_with_its_place_and_nobody_else_has_any(planted):
    runs, share = runs_of_homozygosity(*planted, RunLimits())
    assert runs["patient"].tolist() == ["P0000"]
    run = runs.iloc[0]
    assert run["chrom"] == "1"
    assert abs(run["start"] - 3001 * 20_000) <= 100_000
    assert abs(run["end"] - 4500 * 20_000) <= 100_000
    assert share[0] == pytest.approx(30 / 400, abs=0.001)
    assert (share[1:] == 0).all()


def test_the_same_run_is_found_by_the_hidden_markov_model_of_bcftools(planted, tmp_path):
    store, kept = planted
    here = (store.variants["chrom"] == "1").to_numpy()
    lines = [
        "##fileformat=VCFv4.2",
        "##contig=<ID=1,length=300000000>",
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="GT">',
    ]
    lines += [
        '##INFO=<ID=AF,Number=A,Type=Float,Description="AF">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tP0000",
    ]
    words = {-1: "./.", 0: "0/0", 1: "0/1", 2: "1/1"}
    for pos, af, d in zip(kept["pos"][here], kept["alt_freq"][here], store.person(0)[here], strict=True):
        lines.append(f"1\t{pos}\t.\tC\tA\t.\t.\tAF={af:.4f}\tGT\t{words[int(d)]}")
    (tmp_path / "a.vcf").write_text("\n".join(lines) + "\n")
    text = bcftools_plugin("roh", "-G30", "--AF-tag", "AF", "-Or", tmp_path / "a.vcf")
    theirs = [line.split("\t") for line in text.splitlines() if line.startswith("RG")]
    theirs = [row for row in theirs if int(row[5]) > 1_500_000]
    ours, _ = runs_of_homozygosity(store, kept, RunLimits())
    assert len(theirs) == len(ours) == 1
    # Each ends where it first meets a heterozygote; the model wants some more evidence than we do.
    assert abs(int(theirs[0][3]) - ours["start"][0]) <= 200_000
    assert abs(int(theirs[0][4]) - ours["end"][0]) <= 200_000


def test_sparse_variants_or_little_genome_give_no_share(planted):
    store, _ = planted
    some = np.arange(0, store.n_variants, 10)
    sparse = store_of(store.dosages(some), store.variants.iloc[some].reset_index(drop=True))
    assert np.isnan(runs_of_homozygosity(sparse, kept_table(sparse), RunLimits())[1]).all()
    few = store_of(store.dosages(slice(0, 4000)), store.variants.iloc[:4000])
    assert np.isnan(runs_of_homozygosity(few, kept_table(few), RunLimits())[1]).all()
