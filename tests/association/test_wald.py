"""Wald's test against its twin and plink2; separation is said, not estimated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

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


@pytest.fixture(scope="module")
def study() -> Study:
    """The third and fourth variant are complete: for them the null's information serves the first steps."""
    made = simulated(400, [0.4, 0.97, 0.1, 0.03, 0.25], 0.15, 0.03, 5)
    made.dosages[2:4] = np.maximum(made.dosages[2:4], 0)
    return made


def test_it_is_the_joint_maximum_among_the_called(study):
    found = refine_wald(study.packed, study.place, study.null, study.rows)
    assert list(found.status) == ["OK"] * 5
    for i, dosage in enumerate(study.dosages):
        beta, se = slow.wald(study.case, standardised(study.covariates), dosage)
        assert found.statistics.beta[i] == pytest.approx(beta, abs=1e-6 * se)
        assert found.statistics.se[i] == pytest.approx(se, rel=1e-5)


def test_rows_are_answered_in_the_order_asked(study):
    every = refine_wald(study.packed, study.place, study.null, study.rows).statistics.beta
    some = refine_wald(study.packed, study.place, study.null, np.array([3, 1])).statistics.beta
    np.testing.assert_array_equal(some, every[[3, 1]])


def test_people_outside_the_model_do_not_count(study):
    n = len(study.case)
    dosages = np.full((5, n + 30), 2, np.int8)
    dosages[:, 30:] = study.dosages[:, ::-1]
    place = np.append(np.full(30, -1), np.arange(n)[::-1])
    shuffled = Study(dosages, study.case, study.covariates, study.null)
    found = refine_wald(shuffled.packed, place, study.null, study.rows).statistics
    expected = refine_wald(study.packed, study.place, study.null, study.rows).statistics
    np.testing.assert_allclose(found.beta, expected.beta, rtol=1e-12)


@pytest.mark.parametrize("of", ["controls", "cases"])
def test_an_allele_of_one_side_only_is_separation(study, of):
    carriers = np.flatnonzero(study.case == (of == "cases"))[:9]
    dosages = np.zeros((1, len(study.case)), np.int8)
    dosages[0, carriers] = 1
    found = refine_wald(
        Study(dosages, study.case, study.covariates, study.null).packed,
        study.place,
        study.null,
        np.array([0]),
    )
    assert found.status[0] == "SEPARATION" and np.isnan(found.statistics.beta[0])


def test_separation_by_dosage_and_covariate_together_is_found(study):
    """Carriers of one site are all cases and of the other all controls: neither alone tells them apart."""
    n = 300
    rng = np.random.default_rng(2)
    site, g = rng.integers(0, 2, n), rng.integers(0, 2, n)
    case = np.where(g == site, rng.random(n) < 0.5, g > site)
    packed = pack(g[None].astype(np.int8))
    for expected in ("SEPARATION", "OK"):
        null = BinaryNull.of(fit_logistic(case, site[:, None].astype(float)))
        found = refine_wald(packed, np.arange(n), null, np.array([0]))
        assert found.status[0] == expected
        for part in (g > site, g < site):  # from now on both hold cases and controls
            case[np.flatnonzero(part)[:20]] ^= True


def test_a_dosage_that_is_a_covariate_is_collinear(study):
    dosages = np.array([study.covariates[:, 1], np.zeros(len(study.case))]).astype(np.int8)
    packed = Study(dosages, study.case, study.covariates, study.null).packed
    found = refine_wald(packed, study.place, study.null, np.array([0, 1]))
    assert list(found.status) == ["COLLINEAR", "COLLINEAR"]


@needs_oracles
@pytest.mark.real
@pytest.mark.parametrize("trait", ["Y1", "Y2"])
def test_plink2_agrees(trait):
    """plink2 2.00a3.5 works in single precision: 2e-5 standard errors is what it is worth."""
    study = example(trait)
    found = refine_wald(study.packed, study.place, study.null, study.rows)
    path = ORACLES / "plink2_expected" / f"example_bt_wald.{trait}.glm.logistic.gz"
    expected = pd.read_csv(path, sep="\t")
    assert (found.status == "OK").all() and (expected["ERRCODE"] == ".").all()
    assert (expected["A1"].astype(str) == "1").all()
    nearly(found.statistics.beta, np.log(expected["OR"]), expected["LOG(OR)_SE"], 4e-5)
    nearly(found.statistics.se, expected["LOG(OR)_SE"], expected["LOG(OR)_SE"], 4e-5)
    nearly(found.statistics.neg_log10_p, -np.log10(expected["P"]), 1.0, 1e-4)
