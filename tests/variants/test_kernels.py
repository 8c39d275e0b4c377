"""Fast kernels against their slow twins and against plink2."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.variants.kernels import count_genotypes, decode_calls, hardy_weinberg, log_factorials
from endotype.variants.plink import pack, unpack, write_store
from tests.reference import variants as reference
from tests.variants.peers import plink2

CALL = st.lists(st.sampled_from([-2, -1, 0, 1]), min_size=1, max_size=3)


def decode(alleles, haploid=False, quality=np.nan, depth=np.nan, min_quality=0.0, min_depth=0.0):
    dosage, ploidy = np.empty(1, np.int8), np.empty(1, np.int8)
    masked = decode_calls(
        np.array([alleles], np.int16),
        np.array([haploid]),
        np.array([quality], np.float32),
        np.array([depth], np.float32),
        min_quality,
        min_depth,
        dosage,
        ploidy,
    )
    return int(dosage[0]), int(ploidy[0]), masked


@given(CALL, st.booleans())
def test_decoding_a_call_equals_the_slow_twin(alleles, haploid):
    given_alleles = [None if a == -1 else a for a in alleles if a != -2]
    assert decode(alleles, haploid)[:2] == reference.dosage_of(given_alleles, haploid)


@pytest.mark.parametrize(
    ("alleles", "haploid", "dosage"),
    [
        ([0, 1], False, 1),
        ([-1, 1], False, -1),  # a half call is no call
        ([0, -1], True, 0),  # but a male's X written as one is
        ([1, -1], True, 2),
        ([1, -2], False, 2),
        ([-1, -1], False, -1),
        ([0, 1, 1], False, -1),  # three copies are not understood
    ],
)
def test_decoding(alleles, haploid, dosage):
    assert decode(alleles, haploid)[0] == dosage


def test_quality_and_depth_make_a_call_missing_and_are_counted():
    assert decode([0, 1], quality=19, min_quality=20) == (-1, 0, 1)
    assert decode([0, 1], depth=9, min_depth=10) == (-1, 0, 1)
    assert decode([1, -2], depth=5, min_depth=10)[0] == 2  # haploid: half the depth is enough
    assert decode([0, 1], min_quality=20, min_depth=10)[0] == 1  # not given is not failed


def random_dosages(n_variants, n_people, seed=0, missing=0.02):
    rng = np.random.default_rng(seed)
    frequency = rng.uniform(0.02, 0.98, (n_variants, 1))
    dosage = rng.binomial(2, frequency, (n_variants, n_people)).astype(np.int8)
    dosage[rng.random(dosage.shape) < missing] = -1
    return dosage


@pytest.mark.parametrize("n_people", [1, 3, 4, 5, 17])
def test_packing_is_undone_by_unpacking(n_people):
    dosage = random_dosages(50, n_people)
    assert (unpack(pack(dosage), n_people) == dosage).all()


def test_genotype_counts_of_people():
    dosage = random_dosages(300, 13)
    counts = count_genotypes(pack(dosage), 13)
    for column, value in enumerate([0, 1, 2, -1]):
        assert (counts[:, column] == (dosage == value).sum(axis=0)).all()


def hwe(*counts):
    columns = [np.array([c]) for c in counts]
    two_sided, excess = hardy_weinberg(*columns, log_factorials(2 * sum(counts)))
    return two_sided[0], excess[0]


@given(st.integers(0, 120), st.integers(0, 120), st.integers(0, 120))
def test_hardy_weinberg_equals_counting_by_whole_numbers(hom_ref, het, hom_alt):
    # Ties between terms are told within 1e-9, which limits the agreement; values are in units of log10 p.
    assert hwe(hom_ref, het, hom_alt) == pytest.approx(
        reference.hardy_weinberg(hom_ref, het, hom_alt), abs=1e-8
    )


def test_hardy_weinberg_does_not_underflow():
    two_sided, excess = hwe(0, 5000, 0)
    assert 1000 < two_sided <= excess < 2000


def test_hardy_weinberg_equals_plink2(tmp_path):
    dosage = random_dosages(400, 151)
    variants = pd.DataFrame(
        {"chrom": "1", "id": [f"v{i}" for i in range(400)], "cm": "0", "pos": range(1, 401)}
    ).assign(alt="A", ref="C")
    people = pd.DataFrame({"fid": "0", "iid": [f"P{i}" for i in range(151)]}).assign(
        father="0", mother="0", sex="0", phenotype="-9"
    )
    write_store(tmp_path / "g", pack(dosage), variants, people)
    plink2("--bfile", tmp_path / "g", "--hardy", "--out", tmp_path / "p")
    theirs = pd.read_csv(tmp_path / "p.hardy", sep="\t")["P"].to_numpy()
    counts = [(dosage == d).sum(axis=1) for d in (0, 1, 2)]
    ours = 10 ** -hardy_weinberg(*counts, log_factorials(302))[0]
    # plink2 prints six significant digits.
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
