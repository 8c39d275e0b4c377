"""Indices of agreement, and the false discovery rate, against twins and independent programs."""

from __future__ import annotations

import numpy as np
import pytest

from endotype.subtypes.agreement import (
    adjusted_rand_index,
    contingency,
    cramers_v,
    eta_squared,
    pearson_chi2,
    standardised_difference,
)
from endotype.subtypes.multiplicity import benjamini_hochberg
from tests.reference import subtype_assessment as slow


@pytest.mark.parametrize("seed", range(4))
def test_indices_equal_their_twins(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 4, 60), rng.integers(0, 3, 60)
    b = np.where(rng.random(60) < 0.4, np.minimum(a, 2), b)
    assert adjusted_rand_index(a, b) == pytest.approx(slow.adjusted_rand_index(a, b), abs=1e-12)
    assert cramers_v(contingency(a, b)) == pytest.approx(slow.cramers_v(a, b), abs=1e-12)


def test_indices_are_those_of_scikit_learn_and_scipy():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    from scipy.stats import chi2_contingency, f_oneway

    rng = np.random.default_rng(7)
    a, b, x = rng.integers(0, 4, 300), rng.integers(0, 6, 300), rng.standard_normal(300)
    assert adjusted_rand_index(a, b) == pytest.approx(metrics.adjusted_rand_score(a, b), abs=1e-12)
    chi2 = chi2_contingency(contingency(a, b), correction=False).statistic
    assert pearson_chi2(contingency(a, b)) == pytest.approx(chi2, rel=1e-12)
    f = f_oneway(*(x[a == g] for g in range(4))).statistic
    assert eta_squared(x, a, 4) == pytest.approx(3 * f / (3 * f + 296), rel=1e-10)


def test_perfect_and_empty_agreement():
    a = np.repeat([0, 1, 2], 20)
    assert adjusted_rand_index(a, 2 - a) == 1
    assert cramers_v(contingency(a, 2 - a)) == pytest.approx(1)
    assert np.isnan(adjusted_rand_index(np.zeros(5, int), np.zeros(5, int)))
    assert np.isnan(cramers_v(contingency(a, np.zeros(60, int))))
    assert np.isnan(eta_squared(np.full(60, 0.1), a, 3))


def test_standardised_difference_of_shares():
    inside, outside = np.repeat([1.0, 0.0], [30, 10]), np.repeat([1.0, 0.0], [20, 40])
    expected = (0.75 - 1 / 3) / np.sqrt((0.75 * 0.25 + 2 / 9) / 2)
    assert standardised_difference(inside, outside) == pytest.approx(expected, rel=1e-12)
    assert np.isnan(standardised_difference(inside[:1], outside))


def test_false_discovery_rate():
    rng = np.random.default_rng(3)
    p = np.round(rng.random(40) ** 2, 2)  # ties
    assert benjamini_hochberg(p) == pytest.approx(slow.benjamini_hochberg(p.tolist()), abs=1e-14)
    holes = np.insert(p, 5, np.nan)
    found = benjamini_hochberg(holes)
    assert np.isnan(found[5])
    assert found[np.arange(41) != 5] == pytest.approx(benjamini_hochberg(p))
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is not installed")
    assert benjamini_hochberg(p) == pytest.approx(multitest.multipletests(p, method="fdr_bh")[1], abs=1e-14)
