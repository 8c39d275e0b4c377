"""Cox estimates, concordance, restricted means and proportional hazards: twins, R's survival, lifelines."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from endotype.subtypes.concordance import concordance
from endotype.subtypes.hazards import (
    SurvivalData,
    Term,
    code_groups,
    code_term,
    design_of,
    fit_hazards,
    independent_terms,
    likelihood_ratio,
)
from endotype.subtypes.kaplan_meier import kaplan_meier, median_survival, restricted_mean
from endotype.subtypes.proportionality import proportional_hazards
from tests.reference import subtype_assessment as slow

LATE = [False, True]
HORIZON = 1.5


def people(n: int = 200, seed: int = 3, late: bool = False) -> tuple[SurvivalData, np.ndarray]:
    """Follow-up with ties, and three columns, the last of them 0 or 1."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.standard_normal((n, 2)), rng.integers(0, 2, n)])
    death = np.ceil(rng.exponential(np.exp(-0.5 * x[:, 0])) * 15) / 15
    end = np.ceil(rng.uniform(0.2, 3, n) * 15) / 15
    time = np.minimum(death, end)
    entry = np.minimum(np.floor(rng.uniform(-1, 0.9, n) * time * 15), time * 15 - 1) / 15
    return SurvivalData(time, death <= end, entry if late else None), x


def risk_of(x: np.ndarray) -> np.ndarray:
    return np.round(x[:, 0] + 0.3 * x[:, 2], 1)  # with ties


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("seed", [1, 2])
def test_twins(late, seed):
    survival, x = people(70, seed, late)
    time, event, entry = survival.time, survival.event, survival.entry
    found = concordance(time, event, risk_of(x), entry)
    assert (found.higher, found.lower, found.same) == slow.concordance(time, event, risk_of(x), entry)
    for horizon in (0.4, HORIZON, float(time[5])):
        expected = slow.restricted_mean(time, event, entry, horizon)
        assert restricted_mean(time, event, horizon, entry) == pytest.approx(expected, rel=1e-10)
    fit = fit_hazards(survival, x)
    tests = proportional_hazards(survival, x, fit, {"one": [1], "two": [0, 2]})
    for name, tested in (("one", [1]), ("two", [0, 2])):
        expected = slow.proportionality(time, event, entry, x, fit.coefficients, tested)
        assert tests[name]["chi2"] == pytest.approx(expected, rel=1e-7)


SURVIVAL = """
suppressWarnings(if (!requireNamespace("survival", quietly = TRUE)) quit(status = 3))
library(survival)
d <- read.csv(file("stdin"))
row <- function(...) cat(format(c(...), digits = 15), "\\n")
for (s in c("Surv(time, event)", "Surv(entry, time, event)")) {
  f <- coxph(as.formula(paste(s, "~ x1 + x2 + x3")), d, control = coxph.control(eps = 1e-12))
  row(coef(f), sqrt(diag(vcov(f))), f$loglik)
  row(summary(survfit(f, newdata = d[1:4, ]), times = 1)$surv)
  row(cox.zph(f)$table[, "chisq"])
  row(concordance(as.formula(paste(s, "~ risk")), d, reverse = TRUE)$count[1:3])
  k <- survfit(as.formula(paste(s, "~ 1")), d, conf.type = "log-log")
  row(summary(k, rmean = 1.5)$table[c("rmean", "se(rmean)", "median", "0.95LCL", "0.95UCL")])
  small <- coxph(as.formula(paste(s, "~ x1")), d, control = coxph.control(eps = 1e-12))
  row(anova(small, f)[2, c("Chisq", "Df")])
}
"""


@pytest.fixture(scope="module")
def peer() -> list[list[np.ndarray]]:
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed")
    survival, x = people(late=True)
    data = pd.DataFrame({"time": survival.time, "event": survival.event.astype(int)})
    data = data.assign(entry=survival.entry, risk=risk_of(x), x1=x[:, 0], x2=x[:, 1], x3=x[:, 2])
    run = subprocess.run(
        ["Rscript", "-e", SURVIVAL], input=data.to_csv(index=False), capture_output=True, text=True
    )
    if run.returncode == 3:
        pytest.skip("the R package survival is not installed")
    assert run.returncode == 0, run.stderr
    rows = [np.array(line.split(), float) for line in run.stdout.splitlines() if line.strip()]
    return [rows[:6], rows[6:]]


@pytest.mark.parametrize("late", LATE)
def test_survival_of_r_agrees(peer, late):
    estimates, predicted, zph, pairs, means, anova = peer[late]
    survival, x = people(late=late)
    fit = fit_hazards(survival, x)
    found = [*fit.coefficients, *fit.errors, fit.log_likelihood_null, fit.log_likelihood]
    assert found == pytest.approx(estimates, rel=1e-6)
    assert fit.survival(x[:4], 1.0) == pytest.approx(predicted, rel=1e-6)
    tests = proportional_hazards(survival, x, fit, {"a": [0], "b": [1], "c": [2], "all": [0, 1, 2]})
    assert [t["chi2"] for t in tests.values()] == pytest.approx(zph, rel=1e-6)
    c = concordance(survival.time, survival.event, risk_of(x), survival.entry)
    assert (c.higher, c.lower, c.same) == tuple(pairs)
    mean = restricted_mean(survival.time, survival.event, HORIZON, survival.entry)
    assert mean == pytest.approx(means[:2], rel=1e-8)
    assert median_survival(*kaplan_meier(survival.time, survival.event, survival.entry)) == pytest.approx(
        means[2:], rel=1e-12
    )
    test = likelihood_ratio(fit, fit_hazards(survival, x[:, :1]), 2)
    assert (test["chi2"], test["df"]) == pytest.approx(anova, rel=1e-6)


def test_lifelines_agrees():
    lifelines = pytest.importorskip("lifelines", reason="lifelines is not installed")
    from lifelines.utils import concordance_index, restricted_mean_survival_time

    survival, x = people()
    fit = fit_hazards(survival, x)
    data = pd.DataFrame(x, columns=["a", "b", "c"]).assign(time=survival.time, event=survival.event)
    theirs = lifelines.CoxPHFitter().fit(data, "time", "event")
    assert fit.coefficients == pytest.approx(theirs.params_.to_numpy(), abs=1e-5)
    ratio, interval = fit.ratio(0), np.exp(theirs.confidence_intervals_.iloc[0].to_numpy())
    assert (ratio["low"], ratio["high"]) == pytest.approx(tuple(interval), rel=1e-4)
    assert fit.log_likelihood == pytest.approx(theirs.log_likelihood_, rel=1e-8)
    c = concordance(survival.time, survival.event, fit.predictor).index
    assert c == pytest.approx(concordance_index(survival.time, -fit.predictor, survival.event), abs=1e-12)
    curve = lifelines.KaplanMeierFitter().fit(survival.time, survival.event)
    area, _ = restricted_mean(survival.time, survival.event, HORIZON) or (None, None)
    assert area == pytest.approx(restricted_mean_survival_time(curve, t=HORIZON), rel=1e-8)


class TestAwkward:
    def test_a_level_without_events_has_no_estimate(self):
        survival, x = people()
        column = np.zeros(survival.n)
        column[np.flatnonzero(~survival.event)[:15]] = 1
        ratio = fit_hazards(survival, np.column_stack([x[:, 0], column])).ratio(1)
        assert ratio == {"hazard_ratio": None, "low": None, "high": None, "p": None}

    def test_a_constant_column_is_nothing(self):
        survival, x = people()
        fit = fit_hazards(survival, np.column_stack([x, np.full(survival.n, 7.0)]))
        assert fit.coefficients[3] == 0
        assert fit.ratio(3)["p"] is None
        assert fit.coefficients[:3] == pytest.approx(fit_hazards(survival, x).coefficients, rel=1e-12)

    def test_what_other_columns_say_is_dropped_by_name(self):
        _, x = people()
        twice = [
            Term("a", ("a",), x[:, :1]),
            Term("b", ("b", "c"), np.column_stack([2 * x[:, 0] + 1, x[:, 1]])),
        ]
        kept, dropped = independent_terms(twice, len(x))
        assert dropped == ["b"]
        assert [c for t in kept for c in t.columns] == ["a", "c"]

    def test_no_columns_at_all(self):
        survival, _ = people()
        fit = fit_hazards(survival, np.empty((survival.n, 0)))
        assert fit.log_likelihood == fit.log_likelihood_null

    def test_restricted_mean_needs_follow_up_or_no_survivor(self):
        time = np.array([1.0, 2.0, 3.0])
        assert restricted_mean(time, np.array([True, True, False]), 4.0) is None
        assert restricted_mean(time, np.array([True, True, True]), 4.0) == pytest.approx(
            (2.0, np.sqrt(1 * 1 / 6 + (1 / 3) ** 2 / 2)), rel=1e-12
        )

    def test_no_pairs_no_concordance(self):
        assert np.isnan(concordance(np.ones(3), np.ones(3, bool), np.arange(3.0)).index)


def test_coding():
    words = code_term("stage", pd.Series(["II", None, "I", "II", "III"], dtype="str"))
    assert words.reference == "II"
    assert words.columns == ("stage=I", "stage=III")
    assert np.isnan(words.values[1]).all()
    assert words.values[2].tolist() == [1, 0]
    yes = code_term("yes", pd.Series([True, None, False], dtype="boolean"))
    assert np.array_equal(yes.values[:, 0], [1, np.nan, 0], equal_nan=True)
    groups = code_groups("subtype", np.array([0, 2, 1]), ["S1", "S2", "S3"])
    assert design_of([groups], 3).tolist() == [[0, 0], [0, 1], [1, 0]]
