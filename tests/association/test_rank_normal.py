"""Rank-based inverse normal transformation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from endotype.association.rank_normal import TRANSFORMATION, rank_inverse_normal, transform_traits
from endotype.errors import InputError
from tests.association.builders import make_design


def slowly(values: list[float]) -> list[float]:
    """The formula, value by value; NaN stays."""
    there = [v for v in values if v == v]
    out = []
    for v in values:
        below, same = sum(w < v for w in there), sum(w == v for w in there)
        rank = below + (same + 1) / 2
        out.append(stats.norm.ppf((rank - 0.375) / (len(there) + 0.25)) if v == v else v)
    return out


def test_it_is_the_formula_with_ties_and_missing_values():
    rng = np.random.default_rng(1)
    values = np.round(rng.exponential(size=200), 1)
    values[::17] = np.nan
    np.testing.assert_allclose(rank_inverse_normal(values), slowly(values.tolist()), rtol=1e-12, atol=1e-15)


def test_order_decides_and_scale_does_not():
    values = np.random.default_rng(2).normal(size=51)
    transformed = rank_inverse_normal(values)
    np.testing.assert_array_equal(transformed, rank_inverse_normal(np.exp(3 * values)))
    np.testing.assert_allclose(transformed, -rank_inverse_normal(-values), atol=1e-15)
    assert transformed.mean() == pytest.approx(0, abs=1e-15)


def test_ties_share_one_value_and_nothing_stays_nothing():
    assert rank_inverse_normal(np.array([5.0, 5, 5, 5])).tolist() == [0] * 4
    assert rank_inverse_normal(np.array([])).size == 0
    assert np.isnan(rank_inverse_normal(np.array([np.nan, np.nan]))).all()


def test_infinite_values_and_odd_offsets_are_refused():
    with pytest.raises(ValueError, match="infinite"):
        rank_inverse_normal(np.array([1, np.inf]))
    with pytest.raises(ValueError, match="offset"):
        rank_inverse_normal(np.array([1.0]), offset=0.7)


def test_a_trait_is_transformed_among_the_people_of_its_model():
    rng = np.random.default_rng(3)
    n = 60
    trait, age = rng.exponential(size=n), rng.normal(size=n)
    age[5], trait[7] = np.nan, np.nan
    traits = {"qt": ("linear", trait), "bt": ("logistic", rng.integers(0, 2, n))}
    design = make_design(traits, {"age": age}, n)
    transformed = transform_traits(design, ["qt"])
    model = transformed.trait("qt")
    np.testing.assert_array_equal(model.rows, design.trait("qt").rows)
    expected = slowly([v for i, v in enumerate(trait) if i not in (5, 7)])
    np.testing.assert_allclose(model.values, expected, rtol=1e-12, atol=1e-15)
    assert transformed.info["traits"]["qt"]["transformation"] == TRANSFORMATION
    assert "transformation" not in design.info["traits"]["qt"]
    with pytest.raises(InputError, match="a quantitative trait"):
        transform_traits(design, ["bt"])
