"""Cox models with late entry, ties, few events: against survival::coxph, lifelines, twins; the level."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import binom, norm

from endotype.association.cox import fit_cox
from endotype.association.cox_firth import refine_cox_firth
from endotype.association.cox_risk_sets import RiskSets, climb, derivatives, score_test
from endotype.association.cox_spa import cumulative_hazard, refine_cox_spa
from endotype.variants.plink import pack
from tests.reference import association as slow
from tests.reference import spa as slow_spa

N = 160


@pytest.fixture(scope="module")
def cohort() -> pd.DataFrame:
    """Whole-number times (many ties), late entry, three covariates of which the last is the dosage."""
    rng = np.random.default_rng(21)
    x, z, g = rng.normal(size=N), rng.integers(0, 2, N), rng.binomial(2, 0.3, N)
    entry = rng.integers(0, 6, N).astype(float)
    time = entry + np.ceil(rng.exponential(12 / np.exp(0.4 * x + 0.5 * g)))
    return pd.DataFrame({"entry": entry, "time": time, "event": rng.random(N) < 0.6, "x": x, "z": z, "g": g})


def arrays(cohort: pd.DataFrame) -> tuple[np.ndarray, ...]:
    return tuple(cohort[name].to_numpy() for name in ("time", "event", "entry"))


class TestRiskSets:
    def test_sums_are_those_of_explicit_risk_sets(self, cohort):
        time, event, entry = arrays(cohort)
        values = cohort["x"].to_numpy()
        sets = RiskSets.of(time, event, entry)
        expected = [values[(entry < time[i]) & (time >= time[i])].sum() for i in sets.event]
        np.testing.assert_allclose(sets.sums(values), expected, atol=1e-10)

    def test_efron_takes_a_growing_share_of_the_tied_off(self, cohort):
        time, event, entry = arrays(cohort)
        values = cohort["x"].to_numpy()
        sets = RiskSets.of(time, event, entry, "efron")
        seen: dict[float, int] = {}
        for found, i in zip(sets.sums(values), sets.event, strict=True):
            tied = event & (time == time[i])
            rank = seen.get(time[i], 0)
            seen[time[i]] = rank + 1
            at_risk = (entry < time[i]) & (time >= time[i])
            expected = values[at_risk].sum() - rank / tied.sum() * values[tied].sum()
            assert found == pytest.approx(expected, abs=1e-10)
        assert max(seen.values()) > 3

    def test_without_entry_it_is_the_model_that_there_is(self, cohort):
        time, event, _ = arrays(cohort)
        columns = cohort[["x", "z", "g"]].to_numpy(float)
        coefficients = np.array([0.2, -0.1, 0.3])
        found = derivatives(RiskSets.of(time, event), columns, coefficients)
        expected = slow.cox_derivatives(time, event, columns, coefficients)
        assert found[0] == pytest.approx(expected[0])
        np.testing.assert_allclose(found[1], expected[1], atol=1e-9)
        np.testing.assert_allclose(found[2], expected[2], atol=1e-9)

    @pytest.mark.parametrize("ties", ["breslow", "efron"])
    @pytest.mark.parametrize("penalised", [False, True])
    def test_the_gradient_is_that_of_the_likelihood(self, cohort, ties, penalised):
        time, event, entry = arrays(cohort)
        sets = RiskSets.of(time, event, entry, ties)
        columns, at = cohort[["x", "z", "g"]].to_numpy(float), np.array([0.2, -0.1, 0.3])
        _, gradient, _ = derivatives(sets, columns, at, penalised=penalised)
        for j, step in enumerate(np.eye(3) * 1e-5):
            above, below = (
                derivatives(sets, columns, b, penalised=penalised)[0] for b in (at + step, at - step)
            )
            assert gradient[j] == pytest.approx((above - below) / 2e-5, abs=1e-5)

    def test_bad_follow_up_and_bad_rules_are_said(self):
        with pytest.raises(ValueError, match=r"row 1: entry 2\.0 is not before the end of follow-up 2\.0"):
            RiskSets.of(np.array([1.0, 2.0]), np.array([True, True]), np.array([0.0, 2.0]))
        with pytest.raises(ValueError, match="expected breslow or efron"):
            RiskSets.of(np.array([1.0]), np.array([True]), None, "exact")


SURVIVAL = """
suppressWarnings(if (!requireNamespace("survival", quietly = TRUE)) quit(status = 3))
library(survival)
d <- read.csv(file("stdin"))
k <- coxph.control(eps = 1e-12, toler.chol = 1e-13)
for (surv in c("Surv(time, event)", "Surv(entry, time, event)")) for (ties in c("breslow", "efron")) {
  null <- as.formula(paste(surv, "~ x + z"))
  full <- as.formula(paste(surv, "~ x + z + g"))
  a <- coxph(null, d, ties = ties, control = k)
  s <- coxph(full, d, ties = ties, init = c(coef(a), 0), control = coxph.control(iter.max = 0))
  b <- coxph(full, d, ties = ties, control = k)
  cat(format(c(coef(a), s$score, coef(b), sqrt(diag(vcov(b)))), digits = 15), "\n")
}
"""


@pytest.fixture(scope="module")
def survival(cohort) -> dict[tuple[bool, str], np.ndarray]:
    """Null coefficients, score test, coefficients and standard errors of survival::coxph."""
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed")
    data = cohort.assign(event=cohort["event"].astype(int)).to_csv(index=False)
    run = subprocess.run(["Rscript", "-e", SURVIVAL], input=data, capture_output=True, text=True)
    if run.returncode == 3:
        pytest.skip("the R package survival is not installed")
    assert run.returncode == 0, run.stderr
    cases = [(late, ties) for late in (False, True) for ties in ("breslow", "efron")]
    lines = [np.array(line.split(), float) for line in run.stdout.splitlines() if line.strip()]
    return dict(zip(cases, lines, strict=True))


@pytest.mark.parametrize("ties", ["breslow", "efron"])
@pytest.mark.parametrize("late", [False, True])
def test_survival_agrees_on_the_score_test_and_the_estimates(cohort, survival, ties, late):
    """coxph is asked to stop at a relative gain of 1e-12; its score test has no iteration at all."""
    numbers = survival[late, ties]
    null_peer, score_peer, full_peer, se_peer = numbers[:2], numbers[2], numbers[3:6], numbers[6:]

    time, event, entry = arrays(cohort)
    sets = RiskSets.of(time, event, entry if late else None, ties)
    covariates, g = cohort[["x", "z"]].to_numpy(float), cohort["g"].to_numpy(float)
    null = climb(sets, covariates, np.zeros(2))
    np.testing.assert_allclose(null.coefficients, null_peer, rtol=1e-6)
    score, information = score_test(sets, covariates, null.coefficients, g)
    assert score**2 / information == pytest.approx(score_peer, rel=1e-6)
    full = climb(sets, np.column_stack([covariates, g]), np.zeros(3))
    assert null.converged and full.converged
    np.testing.assert_allclose(full.coefficients, full_peer, rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(np.linalg.inv(full.information))), se_peer, rtol=1e-6)


def test_lifelines_agrees_on_late_entry(cohort):
    lifelines = pytest.importorskip("lifelines", reason="lifelines is not installed")
    time, event, entry = arrays(cohort)
    fitter = lifelines.CoxPHFitter()
    fitter.fit(cohort.astype(float), "time", "event", entry_col="entry", fit_options={"precision": 1e-10})
    found = climb(
        RiskSets.of(time, event, entry, "efron"), cohort[["x", "z", "g"]].to_numpy(float), np.zeros(3)
    )
    np.testing.assert_allclose(found.coefficients, fitter.params_[["x", "z", "g"]], rtol=1e-5)


class TestFirth:
    def test_it_is_the_penalised_maximum_among_the_called(self, cohort):
        time, event, entry = arrays(cohort)
        covariates = cohort[["x", "z"]].to_numpy(float)
        rng = np.random.default_rng(5)
        dosages = rng.binomial(2, [[0.3], [0.95], [0.02]], (3, N)).astype(np.int8)
        dosages[rng.random(dosages.shape) < 0.05] = -1
        dosages[2, 2] = 1
        found = refine_cox_firth(
            pack(dosages), np.arange(N), time, event, covariates, np.arange(3), entry=entry, ties="efron"
        )
        assert list(found.status) == ["FIRTH"] * 3
        for i, dosage in enumerate(dosages):
            called = dosage >= 0
            sets = RiskSets.of(time[called], event[called], entry[called], "efron")
            columns = np.column_stack([covariates, dosage])[called].astype(float)

            def negative(b: np.ndarray, sets: RiskSets = sets, columns: np.ndarray = columns) -> float:
                likelihood, _, information = derivatives(sets, columns, b)
                return -likelihood - 0.5 * np.linalg.slogdet(information)[1]

            options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000}
            best = minimize(negative, np.zeros(3), method="Nelder-Mead", options=options)
            null = minimize(
                lambda b, f=negative: f(np.append(b, 0.0)), np.zeros(2), method="Nelder-Mead", options=options
            )
            se = np.sqrt(np.linalg.inv(derivatives(sets, columns, best.x)[2])[-1, -1])
            assert found.statistics.beta[i] == pytest.approx(best.x[-1], abs=1e-5)
            assert found.statistics.se[i] == pytest.approx(se, rel=1e-5)
            ratio = np.sign(best.x[-1]) * np.sqrt(2 * (null.fun - best.fun))
            assert found.statistics.stat[i] == pytest.approx(ratio, abs=1e-5)

    def test_carriers_without_an_event_have_a_finite_estimate(self, cohort):
        time, event, _ = arrays(cohort)
        dosages = np.zeros((3, N), np.int8)
        dosages[0, np.flatnonzero(~event)[:12]] = 1
        dosages[1, np.flatnonzero(event)[:3]] = 1
        found = refine_cox_firth(
            pack(dosages), np.arange(N), time, event, cohort[["x"]].to_numpy(float), np.arange(3)
        )
        assert list(found.status) == ["FIRTH", "FIRTH", "COLLINEAR"]
        assert -8 < found.statistics.beta[0] < 0 and 0 < found.statistics.se[0] < 8


class TestSaddlepoint:
    def test_expected_events_are_all_events(self, cohort):
        time, event, _ = arrays(cohort)
        model = fit_cox(time, event, cohort[["x", "z"]].to_numpy(float))
        expected = cumulative_hazard(model)
        assert expected.sum() == pytest.approx(event.sum())
        np.testing.assert_allclose(model.covariates.T @ (model.event - expected), 0, atol=1e-6)

    def test_it_is_the_two_sided_saddlepoint_of_poisson_counts(self, cohort):
        time, event, _ = arrays(cohort)
        covariates = cohort[["x", "z"]].to_numpy(float)
        model = fit_cox(time, event, covariates)
        rng = np.random.default_rng(6)
        dosages = rng.binomial(2, [[0.3], [0.95], [0.02]], (3, N)).astype(np.int8)
        dosages[2, 2] = 1
        found = refine_cox_spa(pack(dosages), np.arange(N), model, np.arange(3), switch=0)
        expected, seen = np.empty(N), np.empty(N)
        expected[model.order], seen[model.order] = cumulative_hazard(model), model.event
        for i, dosage in enumerate(dosages):
            g = slow_spa.adjusted(expected, covariates, dosage)
            p = slow_spa.two_sided(g @ (seen - expected), g, expected, poisson=True)
            assert found.statistics.neg_log10_p[i] == pytest.approx(
                -np.log10(p), abs=1e-8 if i == 0 else 5e-3
            )

    @pytest.mark.parametrize("m", [4000, pytest.param(40_000, marks=pytest.mark.long)])
    def test_the_level_holds_for_few_carriers_and_few_events(self, m):
        """1 % events, up to 1 % frequency: the normal tail of the score has too many p < 1e-3."""
        rng = np.random.default_rng(12)
        n = 2000
        dosages = rng.binomial(2, rng.uniform(0.003, 0.01, m)[:, None], (m, n)).astype(np.int8)
        p, crude = [], []
        for part in np.array_split(np.arange(m), 20):
            model = fit_cox(rng.exponential(size=n), rng.random(n) < 0.01, rng.normal(size=(n, 1)))
            packed = pack(dosages[part])
            p.append(
                10
                ** -refine_cox_spa(packed, np.arange(n), model, np.arange(len(part))).statistics.neg_log10_p
            )
            sums = model.score(packed, np.arange(n)).sums
            crude.append(2 * norm.sf(np.abs(sums[:, 0]) / np.sqrt(sums[:, 1])))
        p, crude = np.concatenate(p), np.concatenate(crude)
        for level in (0.05, 1e-3):
            assert (p < level).sum() <= binom.ppf(1 - 1e-4, m, 1.1 * level), level
        assert (crude < 1e-3).mean() > 3e-3
