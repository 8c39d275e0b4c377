"""Scores of a set; burden, SKAT and SKAT-O."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from endotype.association.mixture import mixture_tail
from endotype.association.robust import robust_scores, saddlepoint_p
from endotype.association.set_scores import SetScores, project, read_genotypes
from endotype.association.skat import (
    RHO_GRID,
    beta_weights,
    burden,
    skat,
    skat_o,
    skat_rho,
)
from endotype.association.tails import neg_log10_p_normal
from endotype.variants.plink import pack
from tests.association.set_cases import ORACLES, Case, make_case, random_case
from tests.reference import set_tests as reference
from tests.reference.scores import plain_scores

needs_oracles = [
    pytest.mark.real,
    pytest.mark.skipif(not ORACLES.is_dir(), reason="the oracles are not at hand"),
]


def dense_scores(case: Case) -> tuple[np.ndarray, np.ndarray]:
    dosages = reference.filled(np.where(case.dosages < 0, np.nan, case.dosages.astype(float)))
    design = np.column_stack([np.ones(len(case.trait)), case.covariates])
    p = case.projection
    return reference.scores(dosages, p.residual, p.weight, design, p.dispersion)


class TestScores:
    @pytest.mark.parametrize("binary", [False, True])
    def test_equal_the_written_out_projection(self, binary: bool) -> None:
        case = random_case(1, binary=binary)
        score, information = dense_scores(case)
        np.testing.assert_allclose(case.scores.score, score, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(case.scores.information, information, rtol=1e-8, atol=1e-10)

    def test_missing_is_the_mean_and_the_rarer_allele_is_counted(self) -> None:
        dosages = np.array([[2, 2, -1, 2, 1], [0, 1, -1, -1, 0], [0, 0, 0, -1, 0], [-1, -1, -1, -1, -1]])
        genotypes = read_genotypes(pack(dosages.astype(np.int8)), np.arange(5), 5)
        np.testing.assert_allclose(
            genotypes.dense(), [[0, 0, 0.25, 0, 1], [0, 1, 1 / 3, 1 / 3, 0], [0] * 5, [0] * 5]
        )
        assert genotypes.minor_count.tolist() == [1, 1, 0, 0]
        assert genotypes.called.tolist() == [4, 3, 4, 0]
        assert genotypes.flipped.tolist() == [True, False, False, False]
        np.testing.assert_allclose(genotypes.minor_frequency, [1 / 8, 1 / 6, 0, 0])
        assert len(genotypes.usable(max_missing=0.3)) == 1

    def test_people_outside_the_model_count_for_nothing(self) -> None:
        case = random_case(2, n=60)
        place = np.full(100, -1)
        at = np.random.default_rng(1).permutation(100)[:60]
        place[at] = np.arange(60)
        wide = np.ones((len(case.dosages), 100), np.int8)
        wide[:, at] = case.dosages
        again = read_genotypes(pack(wide), place, 60)
        np.testing.assert_array_equal(again.dense(), case.genotypes.dense())

    def test_ultra_rare_variants_become_one(self) -> None:
        dosages = np.zeros((4, 200), np.int8)
        dosages[0, :3], dosages[1, 2:5], dosages[1, 2], dosages[2, :100], dosages[3, 9] = 1, 1, 2, 1, -1
        genotypes = read_genotypes(pack(dosages), np.arange(200), 200).usable()
        collapsed = genotypes.collapse(genotypes.minor_count <= 10)
        assert collapsed.collapsed.tolist() == [1, 2]
        np.testing.assert_array_equal(collapsed.dense()[0], dosages[2])
        np.testing.assert_array_equal(collapsed.dense()[1], np.maximum(dosages[0], dosages[1]))
        assert collapsed.minor_count.tolist() == [100, 6]
        assert genotypes.collapse(genotypes.minor_count <= 3) is genotypes  # one variant is no collapse

    def test_a_cox_model_is_refused(self) -> None:
        from endotype.association.cox import fit_cox

        with pytest.raises(TypeError, match="CoxModel"):
            project(fit_cox(np.arange(1.0, 9), np.ones(8, bool), np.zeros((8, 0))))


class TestBurden:
    def test_is_the_score_test_of_the_weighted_sum(self) -> None:
        case = random_case(3)
        total = case.weights @ case.genotypes.dense()
        scores = plain_scores(case.model, total[None])
        raw = scores.sums[0]
        found = burden(case.scores, case.weights)
        assert found.stat == pytest.approx(raw[0] / math.sqrt(raw[1] * case.projection.dispersion), rel=1e-9)
        assert found.beta == pytest.approx(raw[0] / raw[1], rel=1e-9)
        assert found.neg_log10_p == pytest.approx(neg_log10_p_normal(np.array([found.stat]))[0])

    def test_without_variance_there_is_no_test(self) -> None:
        nothing = SetScores(np.zeros(2), np.zeros((2, 2)), np.full(2, 0.1), np.full(2, 5.0))
        for test in (burden, skat, skat_o):
            found = test(nothing, np.ones(2))
            assert math.isnan(found.neg_log10_p)
            assert found.method == ""


class TestSkat:
    @pytest.mark.parametrize("binary", [False, True])
    def test_equals_the_twin(self, binary: bool) -> None:
        case = random_case(4, binary=binary)
        score, information = dense_scores(case)
        kernel = case.weights[:, None] * information * case.weights
        q = float(np.sum((case.weights * score) ** 2))
        expected = reference.mixture_tail(reference.eigenvalues(kernel), q)
        found = skat(case.scores, case.weights)
        assert found.stat == pytest.approx(q, rel=1e-7)
        assert 10**-found.neg_log10_p == pytest.approx(expected, rel=1e-7)

    def test_of_one_variant_is_its_score_test(self) -> None:
        one = random_case(5).scores.take([3])
        expected = neg_log10_p_normal(one.z)[0]
        for test in (burden, skat, skat_o):
            assert test(one, np.array([2.0])).neg_log10_p == pytest.approx(expected, rel=1e-10)

    def test_rho_runs_from_skat_to_burden(self) -> None:
        case = random_case(6)
        ends = [skat_rho(case.scores, case.weights, rho).neg_log10_p for rho in (0.0, 1.0)]
        assert ends[0] == pytest.approx(skat(case.scores, case.weights).neg_log10_p, rel=1e-10)
        assert ends[1] == pytest.approx(burden(case.scores, case.weights).neg_log10_p, rel=1e-9)

    def test_weights_are_the_beta_density(self) -> None:
        frequency = np.array([0.001, 0.2])
        np.testing.assert_allclose(beta_weights(frequency), 25 * (1 - frequency) ** 24)
        np.testing.assert_allclose(beta_weights(frequency, 1, 1), 1)


class TestSkatO:
    @pytest.mark.parametrize(("seed", "effect"), [(7, 0.0), (8, 0.0), (9, 0.2), (10, 0.5)])
    def test_equals_the_twin(self, seed: int, effect: float) -> None:
        case = random_case(seed, effect=effect)
        u = case.weights * case.scores.score
        kernel = case.weights[:, None] * case.scores.information * case.weights

        def tail(spectrum: np.ndarray, q: float) -> float:  # checked on its own; Imhof's would take minutes
            return mixture_tail(spectrum, q).p

        expected, each = reference.skat_o(u, kernel, RHO_GRID, tail)
        found = skat_o(case.scores, case.weights)
        assert found.method == "integration"
        assert found.stat == RHO_GRID[int(np.argmin(each))]
        # 1e-7: Gauss and Legendre's rule with 8 nodes a piece, and eigenvalues at the limit of being kept.
        assert 10**-found.neg_log10_p == pytest.approx(expected, rel=1e-7)

    def test_order_of_variants_does_not_matter(self) -> None:
        case = random_case(11)
        order = np.random.default_rng(1).permutation(len(case.scores))
        for test in (burden, skat, skat_o):
            again = test(case.scores.take(order), case.weights[order])
            assert again.neg_log10_p == pytest.approx(test(case.scores, case.weights).neg_log10_p, rel=1e-9)

    def test_a_p_value_beyond_all_numbers_is_still_one(self) -> None:
        case = random_case(12, missing=0)
        strong = SetScores(
            case.scores.score * 60, case.scores.information, case.scores.frequency, case.scores.count
        )
        found = skat_o(strong, case.weights)
        assert found.method == "bonferroni"
        assert 300 < found.neg_log10_p < math.inf

    @pytest.mark.parametrize("factor", [2, 4, 8])
    def test_integral_stays_between_the_smallest_p_and_bonferroni(self, factor: float) -> None:
        case = random_case(13, missing=0)
        strong = SetScores(
            case.scores.score * factor, case.scores.information, case.scores.frequency, case.scores.count
        )
        each = max(skat_rho(strong, case.weights, min(r, 0.999)).neg_log10_p for r in RHO_GRID)
        found = skat_o(strong, case.weights)
        assert each - math.log10(len(RHO_GRID)) <= found.neg_log10_p <= each

    def test_level_under_the_null(self) -> None:
        case = random_case(14, n=200, missing=0)
        rng = np.random.default_rng(1)
        hits, n = {"burden": 0, "skat": 0, "skato": 0}, 300
        for _ in range(n):
            drawn = make_case(case.dosages, rng.normal(size=200), case.covariates, False)
            for test in (burden, skat, skat_o):
                found = test(drawn.scores, drawn.weights)
                hits[found.test] += found.neg_log10_p > -math.log10(0.05)
        # Outside these limits with probability 1e-4, on each side, at the level of 0.05.
        low, high = stats.binom.ppf([1e-4, 1 - 1e-4], n, 0.05)
        assert all(low <= count <= high for count in hits.values()), hits


class TestRobust:
    def test_without_outlying_scores_nothing_changes(self) -> None:
        case = random_case(16, binary=True)
        calm = SetScores(
            0.1 * case.scores.score, case.scores.information, case.scores.frequency, case.scores.count
        )
        adjusted = robust_scores(case.projection, case.genotypes, calm, case.weights)
        np.testing.assert_array_equal(adjusted.information, calm.information)

    def test_saddlepoint_is_near_the_simulated_tail(self) -> None:
        rng = np.random.default_rng(4)
        adjusted, risk = rng.gamma(1, 1, 60), np.full(60, 0.05)
        drawn = np.abs((rng.random((400_000, 60)) < risk) @ adjusted - adjusted @ risk)
        for p in (1e-2, 1e-3):
            score = float(np.quantile(drawn, 1 - p))
            # 15 %: two standard deviations of the simulation, and the approximation's own error.
            assert 10 ** -saddlepoint_p(adjusted, risk, score) == pytest.approx(p, rel=0.15)
            z = score / math.sqrt(float(adjusted**2 @ (risk * (1 - risk))))
            assert 10 ** -neg_log10_p_normal(np.array([z]))[0] < 0.5 * p

    @pytest.mark.parametrize(("carriers", "risk"), [(10, 0.01), (30, 0.01), (60, 0.001)])
    def test_saddlepoint_far_out_is_near_the_binomial(self, carriers: int, risk: float) -> None:
        """All but a few carriers being cases: Newton's first step lands where nobody's outcome is open."""
        for n_cases in range(2, 10):
            score = n_cases - carriers * risk
            found = 10 ** -saddlepoint_p(np.ones(carriers), np.full(carriers, risk), score)
            exact = stats.binom.sf(n_cases - 1, carriers, risk)
            # Of a lattice the saddlepoint gives about the tail from the middle of the step on.
            assert exact / 8 < found < exact, n_cases

    def test_no_tail_on_the_other_side_is_none(self) -> None:
        # Three carriers at a risk of 1 %: fewer cases than none can't be, and all of them is the end.
        adjusted, risk = np.ones(3), np.full(3, 0.01)
        assert 1.5 < saddlepoint_p(adjusted, risk, 1 - 0.03) < 2.5
        assert math.isnan(saddlepoint_p(adjusted, risk, 3 - 0.03))

    def test_the_variant_and_the_burden_have_the_saddlepoint_s_p_value(self) -> None:
        rng = np.random.default_rng(2)
        n = 1000
        dosages = rng.binomial(2, 0.005, (6, n))
        case_of = np.zeros(n)
        case_of[rng.permutation(n)[:15]] = 1
        case_of[np.flatnonzero(dosages[0])[:3]] = 1
        case = make_case(dosages, case_of, rng.normal(size=(n, 1)), True)
        p = case.projection
        adjusted = robust_scores(p, case.genotypes, case.scores, case.weights)
        dosage = case.genotypes.dense()[0]
        expected = saddlepoint_p(
            dosage - p.basis @ (p.weighted_basis.T @ dosage), p.risk, float(case.scores.score[0])
        )
        single = adjusted.z[0] ** 2
        assert abs(case.scores.z[0]) > 4
        assert neg_log10_p_normal(np.array([math.sqrt(single)]))[0] <= expected * (1 + 1e-9)
        assert burden(adjusted, case.weights).neg_log10_p < burden(case.scores, case.weights).neg_log10_p

    def test_a_burden_has_the_saddlepoint_s_p_value_though_no_variant_is_outlying(self) -> None:
        dosages, is_case = np.zeros((8, 1000), np.int8), np.zeros(1000)
        for j in range(8):
            dosages[j, 12 * j : 12 * j + 12] = 1
            is_case[12 * j] = 1
        is_case[-12:] = 1
        case = make_case(dosages, is_case, np.zeros((1000, 0)), True)
        p, weights = case.projection, np.ones(8)
        adjusted = robust_scores(p, case.genotypes, case.scores, weights)
        assert np.all(np.abs(case.scores.z) < 2)
        total = dosages.sum(axis=0).astype(float)
        expected = saddlepoint_p(
            total - p.basis @ (p.weighted_basis.T @ total), p.risk, float(case.scores.score.sum())
        )
        assert burden(adjusted, weights).neg_log10_p == pytest.approx(expected, rel=1e-9)
        assert burden(case.scores, weights).neg_log10_p > expected + 1

    def test_quantitative_traits_are_refused(self) -> None:
        case = random_case(17)
        with pytest.raises(ValueError, match="binary"):
            robust_scores(case.projection, case.genotypes, case.scores, case.weights)


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    return pd.read_csv(ORACLES / "skat" / "expected.tsv", sep="\t", keep_default_na=False)


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    dosages = np.loadtxt(ORACLES / "skat" / "Z.txt.gz").T
    table = np.loadtxt(ORACLES / "skat" / "yc_yb_X.txt")
    return {
        "C": make_case(dosages, table[:, 0], table[:, 2:], False),
        "D": make_case(dosages, table[:, 1], table[:, 2:], True),
    }


class TestR:
    """R SKAT 2.2.5 on its own example: 2,000 people, 67 variants."""

    pytestmark = needs_oracles

    def p(self, expected: pd.DataFrame, kind: str, test: str, method: str) -> float:
        row = (expected["type"] == kind) & (expected["test"] == test) & (expected["method"] == method)
        return float(expected.loc[row, "p"].iloc[0])

    @pytest.mark.parametrize("kind", ["C", "D"])
    def test_statistic_liu_and_burden(
        self, kind: str, cases: dict[str, Case], expected: pd.DataFrame
    ) -> None:
        case = cases[kind]
        # R's glm stops at a relative change of 1e-8 in deviance, which moves the scores of D by 1e-8.
        tolerance = 1e-12 if kind == "C" else 1e-7
        row = expected[(expected["type"] == kind) & (expected["method"] == "davies")].iloc[0]
        q = skat(case.scores, case.weights).stat * case.projection.dispersion / 2
        assert q == pytest.approx(float(row["Q"]), rel=tolerance)
        for method, name in (("liu", "liu"), ("liu_mod", "liu.mod")):
            found = 10 ** -skat(case.scores, case.weights, method).neg_log10_p
            assert found == pytest.approx(self.p(expected, kind, "SKAT", name), rel=tolerance)
        found = 10 ** -burden(case.scores, case.weights).neg_log10_p
        assert found == pytest.approx(self.p(expected, kind, "BURDEN", "-"), rel=tolerance)

    @pytest.mark.parametrize("kind", ["C", "D"])
    def test_davies_and_each_rho(self, kind: str, cases: dict[str, Case], expected: pd.DataFrame) -> None:
        case = cases[kind]
        exact = 10 ** -skat(case.scores, case.weights).neg_log10_p
        davies = skat(case.scores, case.weights, "davies")
        assert davies.method == "davies"
        assert 10**-davies.neg_log10_p == pytest.approx(exact, rel=1e-6)
        # R asks its Davies for an accuracy of 1e-6; what it prints is up to 1e-7 from the true value.
        assert exact == pytest.approx(self.p(expected, kind, "SKAT", "davies"), abs=1e-7)
        for rho, name in zip(RHO_GRID, ("0", "0.01", "0.04", "0.09", "0.25", "0.5", "1"), strict=True):
            found = 10 ** -skat_rho(case.scores, case.weights, min(rho, 0.999)).neg_log10_p
            assert found == pytest.approx(self.p(expected, kind, "SKAT_rho", name), abs=1e-7)

    @pytest.mark.parametrize("kind", ["C", "D"])
    def test_skat_o(self, kind: str, cases: dict[str, Case], expected: pd.DataFrame) -> None:
        case = cases[kind]
        u = case.weights * case.scores.score
        kernel = case.weights[:, None] * case.scores.information * case.weights

        def tail(spectrum: np.ndarray, q: float) -> float:
            return mixture_tail(spectrum, q).p

        printed = self.p(expected, kind, "SKATO", "optimal.adj")
        as_r, _ = reference.skat_o(u, kernel, RHO_GRID, tail, as_r=True)
        exact, _ = reference.skat_o(u, kernel, RHO_GRID, tail)
        # R's number is reproduced with R's integration, to what its Davies is worth ...
        assert as_r == pytest.approx(printed, rel=1e-5)
        # ... ours is the integral itself, from which R's is up to 0.6 % away.
        found = 10 ** -skat_o(case.scores, case.weights).neg_log10_p
        assert found == pytest.approx(exact, rel=1e-8)
        assert found == pytest.approx(printed, rel=6e-3)

    @pytest.mark.parametrize("kind", ["C", "D"])
    def test_common_and_rare_variants_of_equal_weight(
        self, kind: str, cases: dict[str, Case], expected: pd.DataFrame
    ) -> None:
        """SKAT_CommonRare's joint test (Ionita-Laza et al., Am J Hum Genet 92:841, 2013) by our tail.

        The kernels of the rare and of the common variants are scaled to the same sum of squares.
        """
        case = cases[kind]
        frequency = case.genotypes.minor_frequency
        rare = frequency < 1 / math.sqrt(2 * case.genotypes.n)
        weights = np.where(rare, beta_weights(frequency), beta_weights(frequency, 0.5, 0.5))
        kernel = weights[:, None] * case.scores.information * weights
        for group in (rare, ~rare):
            weights[group] /= np.sum(kernel[np.ix_(group, group)] ** 2) ** 0.25
        found = 10 ** -skat(case.scores, weights).neg_log10_p
        assert found == pytest.approx(self.p(expected, kind, "CommonRare", "-"), abs=1e-7)


class TestHail:
    """Numbers that R SKAT gave to the authors of hail's tests."""

    # R's Davies is asked for an accuracy of 1e-6.
    @pytest.mark.parametrize(
        ("squared", "p", "q"), [([1, 1, 1, 1], 0.2700286, 2.854975), ([1, 2, 1, 1], 0.2497489, 3.404505)]
    )
    def test_four_variants_in_five_people(self, squared: list[float], p: float, q: float) -> None:
        dosages = np.array([[0, 1, 0, 0, 0], [1, 0, 0, 0, 0], [0, 1, 2, 0, 2], [1, 0, 0, 2, 1]])
        covariates = np.array([[1, 2], [3, 4], [0, 9], [6, 1], [1, 1]], float)
        case = make_case(dosages, np.array([3.0, 4, 6, 4, 1]), covariates, False)
        found = skat(case.scores, np.sqrt(squared))
        assert found.stat * case.projection.dispersion / 2 == pytest.approx(q, abs=5e-7)
        assert 10**-found.neg_log10_p == pytest.approx(p, abs=1e-6)

    @pytest.mark.real
    @pytest.mark.skipif(not ORACLES.is_dir(), reason="the oracles are not at hand")
    @pytest.mark.parametrize(
        ("binary", "p", "q"), [(False, 4.072862e-57, 125247.0), (True, 2.697155e-24, 10046.37)]
    )
    def test_a_hundred_common_variants(self, binary: bool, p: float, q: float) -> None:
        dosages = pd.read_csv(ORACLES / "hail" / "skat_genotype_matrix_variants_are_rows.csv.gz", index_col=0)
        trait = np.loadtxt(ORACLES / "hail" / "skat_phenotypes.csv")
        trait = (trait > 2).astype(float) if binary else trait
        case = make_case(dosages.to_numpy(), trait, np.zeros((2000, 0)), binary)
        found = skat(case.scores, np.ones(len(case.scores)), "liu_mod")
        assert found.stat * case.projection.dispersion / 2 == pytest.approx(q, rel=5e-7)
        # Davies' method has no such digits; R printed Liu's approximation. The exact tail is near.
        assert 10**-found.neg_log10_p == pytest.approx(p, rel=5e-7)
        exact = skat(case.scores, np.ones(len(case.scores)))
        assert exact.neg_log10_p == pytest.approx(found.neg_log10_p, rel=0.05)
