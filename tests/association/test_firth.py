"""Firth's test against its twin, regenie and plink2; its level where cases are rare."""

from __future__ import annotations

import numba
import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from endotype.association.firth import refine_by_count, refine_firth, refine_wald_or_firth
from endotype.association.logistic import fit_logistic
from endotype.association.rare_case import BinaryNull
from endotype.association.wald import refine_wald
from endotype.variants.plink import pack
from tests.association.rare_case_data import (
    ORACLES,
    Study,
    example,
    nearly,
    needs_oracles,
    simulated,
    standardised,
)
from tests.reference import firth as slow
from tests.reference import spa as slow_spa


@pytest.fixture(scope="module")
def study() -> Study:
    """Common, flipped, rare and doubleton variants, one without any carrier among the cases."""
    made = simulated(400, [0.4, 0.97, 0.02, 0.0, 0.0, 0.25], 0.1, 0.03, 6)
    made.dosages[3:5] = 0
    made.dosages[3, np.flatnonzero(made.case)[:2]] = 1
    made.dosages[4, np.flatnonzero(~made.case)[:3]] = 1
    return made


def test_it_is_the_penalised_maximum_among_the_called(study):
    found = refine_firth(study.packed, study.place, study.null, study.rows)
    assert list(found.status) == ["FIRTH"] * 6
    for i, dosage in enumerate(study.dosages):
        beta, se, ratio = slow.firth(study.case, standardised(study.covariates), dosage)
        assert found.statistics.beta[i] == pytest.approx(beta, abs=1e-5 * se)
        assert found.statistics.se[i] == pytest.approx(se, rel=1e-5)
        assert found.statistics.stat[i] == pytest.approx(np.sign(beta) * ratio**0.5, abs=1e-5)
        assert found.ratio_se[i] == pytest.approx(abs(beta) / ratio**0.5, rel=1e-4)


def test_the_approximation_is_the_penalised_maximum_along_the_adjusted_dosage(study):
    found = refine_firth(study.packed, study.place, study.null, study.rows, approximate=True)
    offset = slow.firth_covariates(study.case, standardised(study.covariates), np.zeros(len(study.case)))
    np.testing.assert_allclose(study.null.penalised_predictor, offset, atol=1e-5)
    for i, dosage in enumerate(study.dosages):
        tilted = slow_spa.adjusted(study.null.weight, study.covariates, dosage)
        beta, se, ratio = slow.firth_with_offset(study.case, np.where(dosage < 0, np.nan, tilted), offset)
        # People without a rare allele are summed to second order; carriers of the others are too many for it.
        limit = 1e-5 if i in (0, 5) else 2e-3
        assert found.statistics.beta[i] == pytest.approx(beta, abs=limit * se)
        assert found.statistics.se[i] == pytest.approx(se, rel=limit)
        assert found.statistics.stat[i] == pytest.approx(np.sign(beta) * ratio**0.5, abs=limit)


def test_two_carriers_do_not_oscillate(study):
    """Every doubleton of a trait with 40 cases of 400 has an estimate, as good as the twin's."""
    rng = np.random.default_rng(1)
    dosages = np.zeros((200, len(study.case)), np.int8)
    for row in dosages:
        row[rng.choice(len(row), rng.integers(1, 5), replace=False)] = 1
    found = refine_firth(pack(dosages), study.place, study.null, np.arange(200))
    assert (found.status == "FIRTH").all()
    assert np.isfinite(found.statistics.beta).all() and np.abs(found.statistics.beta).max() < 8


def test_the_fallback_is_wald_where_that_has_an_estimate_and_firth_elsewhere(study):
    found = refine_wald_or_firth(study.packed, study.place, study.null, study.rows)
    wald = refine_wald(study.packed, study.place, study.null, study.rows)
    firth = refine_firth(study.packed, study.place, study.null, study.rows)
    assert list(found.status) == ["OK", "OK", "OK", "FIRTH", "FIRTH", "OK"]
    for i in range(6):
        of = (firth if found.status[i] == "FIRTH" else wald).statistics
        assert found.statistics.beta[i] == of.beta[i] and found.statistics.test[i] == of.test[i]


def test_a_null_variant_is_collinear(study):
    dosages = np.array([np.zeros(len(study.case)), study.covariates[:, 1]]).astype(np.int8)
    for approximate in (False, True):
        found = refine_firth(pack(dosages), study.place, study.null, np.arange(2), approximate=approximate)
        assert list(found.status) == ["COLLINEAR", "COLLINEAR"]


def test_threads_change_no_bit(study):
    before = numba.get_num_threads()
    packed, rows = np.repeat(study.packed, 20, axis=0), np.arange(120)
    try:
        results = []
        for threads in (1, min(2, before)):
            numba.set_num_threads(threads)
            found = [
                refine_firth(packed, study.place, study.null, rows),
                refine_firth(packed, study.place, study.null, rows, approximate=True),
                refine_wald(packed, study.place, study.null, rows),
            ]
            results.append([f.statistics.beta.tobytes() + f.statistics.se.tobytes() for f in found])
    finally:
        numba.set_num_threads(before)
    assert results[0] == results[1]


@pytest.mark.parametrize("n_traits", [20, pytest.param(1000, marks=pytest.mark.long)])
@pytest.mark.parametrize("approximate", [True, False])
def test_the_level_holds_with_one_per_cent_of_cases(n_traits, approximate):
    """Firth's ratio is conservative for rare alleles, so only too many small p-values are a fault."""
    rng = np.random.default_rng(8)
    n, m = 2000, 100 if approximate else 25
    frequency = rng.uniform(0.005, 0.3, m)[:, None]
    packed = pack(rng.binomial(2, frequency, (m, n)).astype(np.int8))
    covariates = rng.normal(size=(n, 1))
    p = []
    for _ in range(n_traits):
        case = np.zeros(n, bool)
        case[rng.choice(n, n // 100, replace=False)] = True
        null = BinaryNull.of(fit_logistic(case, covariates))
        found = refine_firth(packed, np.arange(n), null, np.arange(m), approximate=approximate)
        p.append(10**-found.statistics.neg_log10_p)
    p = np.concatenate(p)
    for level in (0.05, 1e-3):
        # Traits share genotypes and variants a trait: not quite independent, so the limit is a wide one.
        assert (p < level).sum() <= binom.ppf(1 - 1e-4, p.size, 1.1 * level), level
    assert (p < 0.05).mean() > 0.02


@needs_oracles
@pytest.mark.real
@pytest.mark.parametrize("trait", ["Y1", "Y2"])
def test_regenie_and_plink2_agree(trait):
    """regenie stops climbing at 2.5e-4 of the score, plink2 at 1e-4 and in single precision.

    The estimate of plink2 that differs most, by 6e-4 standard errors, is 1e-7 from the twin's here.
    regenie takes its score test from p = 0.99 on.
    """
    study = example(trait)
    found = refine_firth(study.packed, study.place, study.null, study.rows)
    assert (found.status == "FIRTH").all()
    folder = ORACLES / "regenie_expected"
    regenie = pd.read_csv(folder / f"bt_firth_exact_nopred_{trait}.regenie.gz", sep=" ")
    tested = regenie["LOG10P"] > -np.log10(0.985)
    assert tested.sum() > 950
    peer, ours = regenie[tested], found.statistics
    nearly(ours.beta[tested], peer["BETA"], peer["SE"], 2e-4)
    nearly(ours.se[tested], peer["SE"], peer["SE"], 2e-5)
    nearly(ours.neg_log10_p[tested], peer["LOG10P"], 1.0, 1e-5)
    path = ORACLES / "plink2_expected" / f"example_bt_firth.{trait}.glm.firth.gz"
    plink = pd.read_csv(path, sep="\t")
    nearly(ours.beta, np.log(plink["OR"]), plink["LOG(OR)_SE"], 1e-3)
    nearly(ours.se, plink["LOG(OR)_SE"], plink["LOG(OR)_SE"], 2e-4)


@needs_oracles
@pytest.mark.real
@pytest.mark.parametrize("trait,number", [("Y1", 1), ("Y2", 2)])
def test_regenie_agrees_on_the_approximation_with_its_polygenic_offsets(trait, number):
    study = example(trait)
    folder = ORACLES / "regenie_example"
    people = pd.read_csv(folder / "example.fam", sep=r"\s+", header=None, dtype=str)[1]
    removed = pd.read_csv(folder / "fid_iid_to_remove.txt", sep=r"\s+", header=None, dtype=str)[1]
    kept = ~people.isin(removed).to_numpy()
    expected = ORACLES / "regenie_expected"
    loco = pd.read_csv(expected / f"fit_bin_{number}.loco.gz", sep=" ", index_col=0).dropna(axis=1)
    loco.columns = [name.split("_", 1)[1] for name in loco.columns]
    regenie = pd.read_csv(expected / f"bt_firth_approx_{trait}.regenie.gz", sep=" ")
    place = np.where(kept, np.cumsum(kept) - 1, -1)
    checked = 0
    for chrom, rows in regenie.groupby("CHROM").groups.items():
        offset = loco.loc[chrom, people[kept]].to_numpy(float)
        null = null_with_offset(study.case[kept], standardised(study.covariates[kept]), offset)
        found = refine_firth(study.packed, place, null, np.array(rows), approximate=True).statistics
        peer = regenie.loc[rows]
        tested = (peer["LOG10P"] > 2).to_numpy()  # below, regenie took its score test
        checked += tested.sum()
        if tested.any():
            peer = peer[tested]
            nearly(found.beta[tested], peer["BETA"], peer["SE"], 2e-4)
            nearly(found.se[tested], peer["SE"], peer["SE"], 2e-5)
            nearly(found.neg_log10_p[tested], peer["LOG10P"], 1.0, 2e-5)
    assert checked >= 5


def null_with_offset(case: np.ndarray, covariates: np.ndarray, offset: np.ndarray) -> BinaryNull:
    """The null model with a known part of the log odds."""
    design = np.column_stack([np.ones(len(case)), covariates])
    coefficients = np.zeros(design.shape[1])
    for _ in range(30):
        risk = 1 / (1 + np.exp(-offset - design @ coefficients))
        weight = risk * (1 - risk)
        information = design.T @ (weight[:, None] * design)
        coefficients = coefficients + np.linalg.solve(information, design.T @ (case - risk))
    basis = np.linalg.solve(np.linalg.cholesky(information), design.T)
    return BinaryNull(case.astype(float), np.ascontiguousarray(basis), weight, risk)


def test_by_count_it_is_firth_for_few_alleles_and_wald_for_many():
    study = simulated(2000, [0.01, 0.02, 0.1, 0.3, 0.98], 0.2, 0.01, 6)  # 8, 16, 80, 240, 16 among the cases
    found = refine_by_count(study.packed, study.place, study.null, study.rows)
    firth = refine_firth(study.packed, study.place, study.null, study.rows)
    wald = refine_wald(study.packed, study.place, study.null, study.rows)
    few = np.array([True, True, False, False, True])
    expected = np.where(few, firth.statistics.neg_log10_p, wald.statistics.neg_log10_p)
    np.testing.assert_array_equal(found.statistics.neg_log10_p, expected)
    assert list(found.status) == ["FIRTH", "FIRTH", "OK", "OK", "FIRTH"]
    one = refine_by_count(study.packed, study.place, study.null, np.array([3]))
    assert one.statistics.beta[0] == wald.statistics.beta[3]
