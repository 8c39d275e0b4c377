"""Tail probabilities that do not underflow."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from endotype.association.tails import neg_log10_p_normal, neg_log10_p_t


def test_t_tail_agrees_with_scipy_where_scipy_has_digits():
    t = np.concatenate([np.linspace(-12, 12, 97), [1e-6, 0.0]])
    for df in (1, 2, 7, 30, 500, 1e5):
        expected = -np.log10(2 * stats.t.sf(np.abs(t), df))
        np.testing.assert_allclose(neg_log10_p_t(t, df), expected, rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("df", [4, 6, 10, 400])
def test_huge_t_agrees_with_the_finite_sum_for_even_df(df: int):
    # For even df the t distribution has a closed form; its tail is summed here in logarithms:
    # p = I_x(df/2, 1/2) and the leading terms of 2F1 at x -> 0 are 1 + (a+b)/(a+1) x + ...
    t = 10.0 ** (300 / df + 3)
    a, x = df / 2, df / (df + t * t)
    series, term = 0.0, 1.0
    for j in range(200):
        series += term
        term *= (a + 0.5 + j) / (a + 1 + j) * x
    log_p = a * math.log(x) + 0.5 * math.log1p(-x) - math.log(a) - special.betaln(a, 0.5) + math.log(series)
    assert neg_log10_p_t(np.array([t]), df)[0] == pytest.approx(-log_p / math.log(10), rel=1e-12)
    assert neg_log10_p_t(np.array([t]), df)[0] > 280


def test_t_tail_is_smooth_where_the_continued_fraction_takes_over():
    t = np.linspace(40, 41, 2001)  # df 1000: p runs through 1e-280 or so
    t = np.sqrt(1000 * (10 ** (np.linspace(278, 282, 2001) * 2 / 1000) - 1))
    values = neg_log10_p_t(t, 1000.0)
    assert values[0] < 280 < values[-1]
    steps = np.diff(values)
    np.testing.assert_allclose(steps, steps.mean(), rtol=1e-3)


def test_t_with_many_degrees_of_freedom_is_normal_and_finite():
    assert neg_log10_p_t(np.array([45.0]), 1e12)[0] == pytest.approx(
        neg_log10_p_normal(np.array([45.0]))[0], rel=1e-8
    )


def test_normal_tail_has_known_values():
    # 2 Q(z), from the asymptotic series of the complementary error function at z = 100 and 40.
    for z in (40.0, 100.0):
        series = sum((-1) ** k * math.prod(range(1, 2 * k, 2)) / z ** (2 * k) for k in range(12))
        log_p = math.log(2) - z * z / 2 - math.log(z * math.sqrt(2 * math.pi)) + math.log(series)
        assert neg_log10_p_normal(np.array([-z]))[0] == pytest.approx(-log_p / math.log(10), rel=1e-12)
    assert neg_log10_p_normal(np.array([0.0]))[0] == 0


def test_unknown_stays_unknown():
    assert np.isnan(neg_log10_p_normal(np.array([np.nan]))).all()
    assert np.isnan(neg_log10_p_t(np.array([np.nan]), np.array([5.0]))).all()
