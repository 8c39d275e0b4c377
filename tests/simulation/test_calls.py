"""Calls: reads, quality and text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endotype.simulation.calls import Calls, Contamination, allele_counts, sequence, vcf_lines
from endotype.simulation.parameters import Parameters
from tests.reference.simulation import vcf_lines as slow_lines

PARAMETERS = Parameters(seed=1)
QUIET = Parameters(seed=1, missing_rate=0, low_quality_rate=0, half_call_rate=0)


def called(alleles, ploidy, parameters=QUIET, contamination=(), seed=0) -> Calls:
    alleles = np.asarray(alleles, np.int8)
    clean = np.zeros(len(alleles), bool)
    factor = np.ones(alleles.shape[1])
    random = np.random.default_rng(seed)
    return sequence(
        alleles, np.asarray(ploidy, np.uint8), clean, factor, list(contamination), parameters, random
    )


def random_alleles(n_records, n_people, highest=1, seed=5):
    return np.random.default_rng(seed).integers(0, highest + 1, (n_records, n_people, 2)).astype(np.int8)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), n_records=st.integers(1, 5), n_people=st.integers(1, 7))
def test_text_is_that_of_the_slow_twin(seed, n_records, n_people):
    random = np.random.default_rng(seed)
    n_alleles = random.integers(2, 4, n_records).astype(np.int8)
    alleles = random.integers(-1, n_alleles[:, None, None], (n_records, n_people, 2)).astype(np.int8)
    ploidy = random.integers(0, 3, n_people).astype(np.uint8)
    depths = (10 ** random.uniform(0, 4, (n_records, n_people, 3)) - 1).astype(np.int16)
    quality = random.integers(0, 100, (n_records, n_people)).astype(np.int16)
    prefixes = [f"1\t{10**i}\t.".encode() for i in range(n_records)]
    fast = vcf_lines(prefixes, n_alleles, Calls(alleles, depths, quality, {}), ploidy)
    assert fast == slow_lines(prefixes, alleles, ploidy, n_alleles, depths, quality)


def test_heterozygotes_have_half_of_their_reads_from_each_allele():
    calls = called(np.tile(np.array([0, 1], np.int8), (300, 20, 1)), [2] * 20)
    assert calls.depths[:, :, 2].sum() == 0
    share = calls.depths[:, :, 1].sum() / calls.depths.sum()
    assert share == pytest.approx(0.5, abs=0.01)
    assert calls.depths.sum(2).mean() == pytest.approx(QUIET.mean_depth, rel=0.02)


def test_reads_of_homozygotes_are_their_allele_but_for_rare_errors():
    calls = called(np.full((300, 20, 2), 2, np.int8), [2] * 20)
    wrong = 1 - calls.depths[:, :, 2].sum() / calls.depths.sum()
    assert 0.5 * QUIET.read_error < wrong < 1.5 * QUIET.read_error
    assert (calls.alleles == 2).all()


def test_rates_of_missing_half_and_poor_calls_are_those_asked_for():
    calls = called(random_alleles(2000, 100), [2] * 100, PARAMETERS)
    n = 2000 * 100
    both, one = (calls.alleles < 0).all(2), (calls.alleles < 0).any(2)
    assert both.sum() == calls.trouble["missing_calls"] == pytest.approx(n * PARAMETERS.missing_rate, rel=0.1)
    assert (one & ~both).sum() == calls.trouble["half_calls"]
    assert calls.trouble["half_calls"] == pytest.approx(n * PARAMETERS.half_call_rate, rel=0.5)
    assert calls.trouble["low_quality_calls"] == pytest.approx(n * PARAMETERS.low_quality_rate, rel=0.1)
    assert (calls.quality < 20).sum() >= calls.trouble["low_quality_calls"]


def test_clean_records_have_no_poor_calls():
    alleles = np.zeros((500, 50, 2), np.int8)
    calls = sequence(
        alleles,
        np.full(50, 2, np.uint8),
        np.ones(500, bool),
        np.ones(50),
        [],
        PARAMETERS,
        np.random.default_rng(0),
    )
    assert set(calls.trouble.values()) == {0}
    assert (calls.alleles >= 0).all()


def test_haploid_people_show_one_allele_and_people_without_the_contig_none():
    alleles = random_alleles(50, 3)
    calls = called(alleles, [1, 0, 2])
    assert (calls.alleles[:, 0, 0] == alleles[:, 0, 0]).all()
    assert (calls.alleles[:, 1] == -1).all()
    counts, total = allele_counts(calls, np.array([1, 0, 2], np.uint8))
    assert (total == 3).all()
    assert (counts[:, 1] == alleles[:, 0, 0] + alleles[:, 2].sum(1)).all()


def test_contamination_shows_as_foreign_reads_where_the_person_is_homozygous():
    alleles = np.zeros((4000, 3, 2), np.int8)
    alleles[:, 0] = 1
    calls = called(alleles, [2, 2, 2], contamination=[Contamination(0, 1, 0.15)])
    foreign = calls.depths[:, 0, 0].sum() / calls.depths[:, 0].sum()
    assert foreign == pytest.approx(0.15, abs=0.01)
    assert (calls.alleles[:, 0] == 1).all()
    assert calls.depths[:, 1, 1].sum() / calls.depths[:, 1].sum() < 0.01
