"""Genomic control: on statistics whose inflation is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from endotype.association.inflation import chi_square, genomic_inflation, inflation_report, lambda_1000

M = 20_000


def scaled(factor: float, m: int = M) -> np.ndarray:
    """-log10 p of chi-squares that are exactly ``factor`` times those of uniform p-values."""
    p = (np.arange(m) + 0.5) / m
    return -stats.chi2.logsf(factor * stats.chi2.isf(p, 1), 1) / np.log(10)


def test_chi_square_does_not_underflow():
    values = np.array([0, 0.3, 5, 300, 400, 5000, np.nan])
    with np.errstate(invalid="ignore"):
        found = chi_square(values)
    np.testing.assert_allclose(found[:4], stats.chi2.isf(10.0 ** -values[:4], 1), rtol=1e-9, atol=1e-12)
    back = -stats.norm.logsf(np.sqrt(found[4:6])) / np.log(10) - np.log10(2)
    np.testing.assert_allclose(back, values[4:6], rtol=1e-12)
    assert np.isnan(found[6])


@pytest.mark.parametrize("factor", [0.8, 1, 1.3])
def test_lambda_is_the_factor_at_every_quantile(factor):
    values = np.append(scaled(factor, 50_000), np.nan)
    for tail in (0.5, 0.1, 0.01, 0.001):
        assert genomic_inflation(values, tail) == pytest.approx(factor, rel=3e-3)


def test_what_cannot_be_estimated_is_none():
    assert genomic_inflation(np.array([])) is None
    assert genomic_inflation(np.array([np.nan])) is None
    assert genomic_inflation(scaled(1, 900), 0.01) is None  # nine beyond it
    assert genomic_inflation(scaled(1, 1100), 0.01) is not None


def test_lambda_1000():
    assert lambda_1000(1.2, 1000, 1000) == pytest.approx(1.2)
    assert lambda_1000(1.2, 2000, 2000) == pytest.approx(1.1)
    assert lambda_1000(1.2, 500, 10**9) == pytest.approx(1.2, rel=1e-5)
    assert lambda_1000(None, 5, 5) is None
    assert lambda_1000(1.1, 0, 5) is None


def test_inflation_of_common_variants_alone_shows_by_frequency():
    rare, common = scaled(1.0), scaled(1.5)
    results = pd.DataFrame(
        {
            "neg_log10_p": np.concatenate([rare, common, [np.nan]]),
            "eaf": np.concatenate([np.full(M, 0.995), np.full(M, 0.3), [0.2]]),
            "n_cases": 2000,
            "n_controls": 2000,
        }
    )
    report = inflation_report(results)
    by_bin = {(b["above"], b["up_to"]): b for b in report["by_frequency"]}
    assert by_bin[0.001, 0.01]["lambda"] == pytest.approx(1, rel=2e-3)
    assert by_bin[0.05, 0.5]["lambda"] == pytest.approx(1.5, rel=2e-3)
    assert by_bin[0.0, 0.001] == {"above": 0.0, "up_to": 0.001, "n_tests": 0, "lambda": None}
    assert sum(b["n_tests"] for b in report["by_frequency"]) == report["n_tests"] == 2 * M
    assert report["lambda_1000"] == pytest.approx(1 + (report["lambda"] - 1) / 2)
    tail = {row["p"]: row for row in report["by_p"]}[0.05]
    assert tail["observed"] == int((results["neg_log10_p"] >= -np.log10(0.05)).sum()) > tail["high"]


def test_counts_of_uniform_p_values_lie_in_their_limits():
    results = pd.DataFrame({"neg_log10_p": scaled(1), "eaf": 0.3})
    report = inflation_report(results)
    assert report["lambda_1000"] is None
    for row in report["by_p"]:
        assert row["low"] <= row["observed"] <= row["high"]
        assert row["expected"] == pytest.approx(M * row["p"])
    exactly = pd.DataFrame({"neg_log10_p": [-np.log10(0.05), 0.1], "eaf": 0.3})
    assert inflation_report(exactly)["by_p"][0]["observed"] == 1


def test_nothing_tested():
    report = inflation_report(pd.DataFrame({"neg_log10_p": [np.nan], "eaf": [0.1]}))
    assert report["lambda"] is None and report["n_tests"] == 0
    assert all(row["observed"] == 0 and row["high"] == 0 for row in report["by_p"])
