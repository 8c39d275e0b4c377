"""The fast tails against SciPy's functions and against exact values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from endotype.association import tail_kernels, tails


@pytest.mark.parametrize("df", [1, 2, 3, 10, 19.5, 39, 40, 41, 100, 2492, 1e5])
def test_t_agrees_with_scipy(df):
    t = np.concatenate([np.geomspace(1e-6, 1, 200), np.linspace(1, 6, 400), np.geomspace(6, 1e5, 100)])
    df = np.full(len(t), float(df))
    # Next to p = 1 the twin takes the logarithm of a p rounded at 1e-14; elsewhere both agree to 2e-12.
    expected = tails.neg_log10_p_t(t, df)
    np.testing.assert_allclose(tail_kernels.neg_log10_p_t(t, df), expected, rtol=2e-12, atol=2e-14)
    np.testing.assert_array_equal(tail_kernels.neg_log10_p_t(-t, df), tail_kernels.neg_log10_p_t(t, df))


def test_t_of_one_and_two_degrees_of_freedom_is_elementary():
    t = np.array([0.1, 1.0, 2.4, 2.5, 30.0, 1e6])
    one = -np.log10(1 - 2 / math.pi * np.arctan(t[:5]))
    np.testing.assert_allclose(tail_kernels.neg_log10_p_t(t[:5], np.ones(5)), one, rtol=1e-12)
    root = np.sqrt(2 + t * t)
    two = -np.log10(2 / (root * (root + t)))
    np.testing.assert_allclose(tail_kernels.neg_log10_p_t(t, np.full(6, 2.0)), two, rtol=1e-13)


def test_changing_degrees_of_freedom_do_not_mix():
    t, df = np.full(6, 2.0), np.array([5.0, 5, 7, 5, 2000, 7])
    alone = [tail_kernels.neg_log10_p_t(t[i : i + 1], df[i : i + 1])[0] for i in range(6)]
    np.testing.assert_array_equal(tail_kernels.neg_log10_p_t(t, df), alone)


def test_normal_agrees_with_scipy():
    z = np.concatenate([np.linspace(-60, 60, 1001), [29.999999, 30.0, 30.000001, 1e4, -1e100]])
    expected = tails.neg_log10_p_normal(z)
    np.testing.assert_allclose(tail_kernels.neg_log10_p_normal(z), expected, rtol=1e-13, atol=1e-15)


def test_nothing_to_test_is_nan_and_the_ends_are_0_and_infinity():
    t = np.array([np.nan, 1.0, 1.0, 0.0, np.inf, -np.inf])
    df = np.array([10.0, 0.0, -3.0, 10.0, 10.0, 10.0])
    np.testing.assert_array_equal(
        tail_kernels.neg_log10_p_t(t, df), [np.nan, np.nan, np.nan, 0.0, np.inf, np.inf]
    )
    np.testing.assert_array_equal(
        tail_kernels.neg_log10_p_normal(np.array([np.nan, 0.0, np.inf])), [np.nan, 0.0, np.inf]
    )
