"""The Cauchy combination, ACAT-V and ACAT-O."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.association.acat import LARGEST_P, acat_o, acat_v, cauchy_combination
from endotype.association.set_scores import SetScores
from endotype.association.skat import SetResult, burden
from endotype.association.tails import neg_log10_p_normal
from tests.association.set_cases import random_case
from tests.reference import set_tests as reference


class TestCauchy:
    @given(
        st.lists(st.tuples(st.floats(1e-11, 0.998), st.floats(0.01, 10)), min_size=1, max_size=20),
    )
    def test_equals_the_formula(self, pairs: list[tuple[float, float]]) -> None:
        p, weights = np.array(pairs).T
        found = 10 ** -cauchy_combination(-np.log10(p), weights)
        # The formula loses digits of a small p: 0.5 less an angle near 0.5.
        assert found == pytest.approx(reference.cauchy(p, weights), rel=1e-5, abs=1e-15)

    def test_p_values_beyond_all_numbers(self) -> None:
        found = cauchy_combination(np.array([900.0, 850.0, 0.3]))
        assert found == pytest.approx(900 - math.log10(3), rel=1e-12)
        assert cauchy_combination(np.array([900.0] * 4)) == pytest.approx(900, rel=1e-12)

    def test_one_p_value_is_itself(self) -> None:
        for value in (1e-4, 0.01, 0.3, 3.0, 7.9, 8.1, 30.0, 500.0):
            expected = max(value, -math.log10(LARGEST_P))
            assert cauchy_combination(np.array([value])) == pytest.approx(expected, rel=1e-9)

    def test_a_p_value_of_one_does_not_drown_the_others(self) -> None:
        with_one = cauchy_combination(np.array([6.0, 0.0]))
        assert with_one == pytest.approx(6 - math.log10(2), abs=1e-3)

    def test_what_is_missing_is_left_out(self) -> None:
        some = cauchy_combination(np.array([2.0, math.nan, 1.0]), np.array([1.0, 5.0, 2.0]))
        assert some == cauchy_combination(np.array([2.0, 1.0]), np.array([1.0, 2.0]))
        assert math.isnan(cauchy_combination(np.array([math.nan])))
        assert math.isnan(cauchy_combination(np.array([])))


class TestAcatV:
    def test_common_variants_stand_alone_and_ultra_rare_ones_together(self) -> None:
        case = random_case(1, m=8)
        count = np.array([3, 10, 11, 40, 2, 50, 60, 70])
        frequency = count / 600
        scores = SetScores(case.scores.score, case.scores.information, frequency, count.astype(float))
        rare = count <= 10
        p = 10 ** -np.append(
            neg_log10_p_normal(scores.z[~rare]),
            burden(scores.take(rare), case.weights[rare]).neg_log10_p,
        )
        mean = frequency[rare].mean()
        shares = np.append(
            case.weights[~rare] ** 2 * frequency[~rare] * (1 - frequency[~rare]),
            case.weights[rare].mean() ** 2 * mean * (1 - mean),
        )
        found = acat_v(scores, case.weights)
        assert found.method == "cauchy"
        assert 10**-found.neg_log10_p == pytest.approx(reference.cauchy(p, shares), rel=1e-9)

    def test_without_a_variant_that_varies_there_is_none(self) -> None:
        nothing = SetScores(np.zeros(2), np.zeros((2, 2)), np.full(2, 0.1), np.full(2, 50.0))
        found = acat_v(nothing, np.ones(2))
        assert math.isnan(found.neg_log10_p)
        assert found.method == ""


def test_acat_o_combines_with_equal_weights() -> None:
    parts = [SetResult("skat", 1.0, "inversion"), SetResult("burden", 3.0, "normal")]
    expected = reference.cauchy(np.array([0.1, 0.001]), np.ones(2))
    assert 10 ** -acat_o(parts).neg_log10_p == pytest.approx(expected)
