"""Tails of weighted sums of chi-squares."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from endotype.association import mixture_kernels
from endotype.association.mixture import (
    DAVIES_ACCURACY,
    METHODS,
    mixture_tail,
    neg_log10_p_chi2,
    positive_eigenvalues,
)
from tests.reference import set_tests as reference

SPECTRA = {
    "flat": np.ones(8),
    "falling": 1.5 ** -np.arange(12.0),
    "gamma": np.random.default_rng(1).gamma(0.3, 1, 47) + 1e-4,
    "one large": np.append(50.0, np.linspace(0.5, 1, 20)),
    "many": np.random.default_rng(2).uniform(0.5, 2, 400),
}


class TestExact:
    # 1e-12 of log p is what the cancellation in K(s) - s q leaves.
    @pytest.mark.parametrize("m", [1, 2, 3, 50])
    def test_equal_weights_are_a_chi_square(self, m: int) -> None:
        for q in (0.01, 0.5, 1, 3, 5, 10, 50, 300, 1300):
            expected = -stats.chi2.logsf(q, m) / math.log(10)
            found = mixture_tail(np.full(m, 7.0), 7 * q)
            assert (found.method, found.fell_back) == ("inversion", False)
            assert found.neg_log10_p == pytest.approx(expected, rel=1e-12, abs=1e-13)

    @pytest.mark.parametrize("q", [1.0, 20.0, 300.0, 1e4, 1e6])
    def test_pairs_of_weights_are_a_sum_of_exponentials_however_far_out(self, q: float) -> None:
        means = np.array([2.0, 3.0, 5.0])
        share = [np.prod([a / (a - b) for b in means if b != a]) for a in means]
        first = q / means[-1]  # taken out of the sum, which would underflow
        expected = first - math.log(
            sum(s * math.exp(first - q / a) for s, a in zip(share, means, strict=True))
        )
        found = mixture_tail(np.repeat(means / 2, 2), q)
        assert found.neg_log10_p == pytest.approx(expected / math.log(10), rel=1e-12)

    @pytest.mark.parametrize("name", SPECTRA)
    def test_equals_the_inversion_integral(self, name: str) -> None:
        for share in (0.3, 0.9, 1.0, 1.1, 2.0, 3.0):
            q = share * SPECTRA[name].sum()
            # 1e-10: QUADPACK's, absolute.
            assert mixture_tail(SPECTRA[name], q).p == pytest.approx(
                reference.mixture_tail(SPECTRA[name], q), abs=1e-10
            )

    @pytest.mark.parametrize("name", SPECTRA)
    def test_equals_davies(self, name: str) -> None:
        for share in (0.3, 0.9, 1.0, 1.1, 2.0, 3.0):
            q = share * SPECTRA[name].sum()
            p, _, code = mixture_kernels.davies(SPECTRA[name], q, DAVIES_ACCURACY, 10**6)
            assert code == mixture_kernels.CONVERGED
            assert mixture_tail(SPECTRA[name], q).p == pytest.approx(p, abs=DAVIES_ACCURACY)

    @given(
        st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=30),
        st.floats(1e-3, 50),
        st.floats(1.001, 2),
    )
    def test_is_a_probability_that_falls_and_has_no_scale(
        self, weights: list[float], share: float, step: float
    ) -> None:
        spectrum = np.array(weights)
        q = share * spectrum.sum()
        here, further = mixture_tail(spectrum, q), mixture_tail(spectrum, q * step)
        assert here.method == further.method == "inversion"
        assert 0 <= here.neg_log10_p <= further.neg_log10_p * (1 + 1e-12) + 1e-15
        assert mixture_tail(8 * spectrum[::-1], 8 * q).neg_log10_p == pytest.approx(
            here.neg_log10_p, rel=1e-10, abs=1e-12
        )


class TestApproximations:
    def test_liu_matches_moments(self) -> None:
        spectrum = SPECTRA["falling"]
        c = [np.sum(spectrum**k) for k in range(5)]
        q = 3 * c[1]
        z = (q - c[1]) / math.sqrt(2 * c[2])
        for method, df in (("liu", c[2] ** 3 / c[3] ** 2), ("liu_mod", c[2] ** 2 / c[4])):
            expected = stats.chi2.sf(z * math.sqrt(2 * df) + df, df)
            found = mixture_tail(spectrum, q, method)
            assert found.method == method
            assert found.p == pytest.approx(expected, rel=1e-12)

    def test_saddlepoint_is_near_and_not_equal(self) -> None:
        for share in (0.5, 1.5, 3.0, 8.0):
            q = share * SPECTRA["gamma"].sum()
            ratio = mixture_tail(SPECTRA["gamma"], q, "saddlepoint").p / mixture_tail(SPECTRA["gamma"], q).p
            assert 1e-6 < abs(ratio - 1) < 0.1

    def test_chi_square_tail_does_not_underflow(self) -> None:
        for df in (0.7, 3, 40):
            expected = -stats.chi2.logsf(1200, df) / math.log(10)  # near 1e-260: both ways are at hand
            assert neg_log10_p_chi2(1200, df) == pytest.approx(expected, rel=1e-13)
        assert neg_log10_p_chi2(1e5, 2) == pytest.approx(5e4 / math.log(10), rel=1e-12)


class TestFallback:
    def test_davies_hands_over_what_it_can_not_do(self) -> None:
        spectrum = SPECTRA["gamma"]
        assert mixture_tail(spectrum, 1.2 * spectrum.sum(), "davies").method == "davies"
        for share in (7, 9, 20):  # from p = 7e-7 on
            far = mixture_tail(spectrum, share * spectrum.sum(), "davies")
            assert (far.method, far.fell_back) == ("inversion", True)
            assert far.neg_log10_p > 6
        two = mixture_tail(np.array([1.0, 2.0]), 3.0, "davies")  # its sum would need billions of terms
        assert (two.method, two.fell_back) == ("inversion", True)
        assert two.neg_log10_p == mixture_tail(np.array([1.0, 2.0]), 3.0).neg_log10_p

    def test_saddlepoint_hands_over_at_the_mean(self) -> None:
        found = mixture_tail(np.ones(4), 4.0, "saddlepoint")
        assert (found.method, found.fell_back) == ("inversion", True)

    def test_the_last_resort_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            mixture_kernels, "invert", lambda *_: (math.nan, True, 1.0, mixture_kernels.NOT_CONVERGED)
        )
        assert mixture_tail(np.ones(4), 9.0).method == "saddlepoint"
        assert mixture_tail(np.ones(4), 4.0).method == "liu_mod"


class TestInput:
    @pytest.mark.parametrize(
        ("weights", "q"), [([], 1.0), ([1.0, 0.0], 1.0), ([-1.0], 1.0), ([math.nan], 1.0), ([1.0], math.inf)]
    )
    def test_what_has_no_tail_is_refused(self, weights: list[float], q: float) -> None:
        with pytest.raises(ValueError, match="must be"):
            mixture_tail(np.array(weights), q)

    def test_unknown_method_is_named(self) -> None:
        with pytest.raises(ValueError, match="'farebrother'"):
            mixture_tail(np.ones(2), 1.0, "farebrother")

    @pytest.mark.parametrize("method", METHODS)
    def test_a_statistic_of_zero_says_nothing(self, method: str) -> None:
        assert mixture_tail(np.ones(2), 0.0, method).neg_log10_p == 0

    def test_zero_eigenvalues_are_left_out(self) -> None:
        columns = np.random.default_rng(3).normal(size=(6, 3))
        assert len(positive_eigenvalues(columns @ columns.T)) == 3
        assert len(positive_eigenvalues(np.zeros((3, 3)))) == 0
