"""Fast kernels against their slow twins and against plink2."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.variants.kernels import count_genotypes, hardy_weinberg, log_factorials
from endotype.variants.plink import pack, unpack, write_store
from tests.reference import variants as reference
from tests.variants.peers import plink2


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
