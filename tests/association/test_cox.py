"""Cox models with late entry and ties: the null model and the score test, against twins and coxph."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from endotype.association import kernels
from endotype.association.cox import fit_cox
from endotype.association.cox_risk_sets import RiskSets
from endotype.association.cox_scan import score_cox_block
from endotype.association.packed_scan import as_words
from endotype.variants.plink import pack
from tests.association.cox_data import RULES, N, cohort
from tests.reference import association as slow


def expected_scores(people, model, late: bool, ties: str) -> np.ndarray:
    """Score and information of each variant from explicit risk sets of the called."""
    entry = people.entry if late else None
    return np.array(
        [
            slow.cox_score(
                people.time, people.event, model.covariates, model.coefficients, dosage, entry, ties
            )
            for dosage in people.dosages
        ]
    )


@pytest.mark.parametrize(("late", "ties"), RULES)
@pytest.mark.parametrize(("ticks", "n_covariates"), [(0.5, 3), (128.0, 3), (4.0, 0), (4.0, 18)])
def test_scores_are_those_of_explicit_risk_sets_of_the_called(late, ties, ticks, n_covariates):
    """Few and many times of events (ties, and walks that skip), no covariates and more than one panel."""
    people = cohort(ticks, n_covariates)
    model = people.model(late, ties)
    assert model.converged
    rng = np.random.default_rng(1)
    place = rng.permutation(N + 9) - 9  # people of the store who are not in the model, in any order
    place[place < 0] = -1
    stored = rng.integers(-1, 3, (len(people.dosages), N + 9)).astype(np.int8)
    stored[:, place >= 0] = people.dosages[:, place[place >= 0]]
    found = model.score(pack(stored), place)
    expected = expected_scores(people, model, late, ties)
    np.testing.assert_allclose(found.sums[:, :2], expected, rtol=1e-8, atol=1e-8)
    called = people.dosages >= 0
    np.testing.assert_array_equal(found.counts[:, kernels.N_MISSING], N - called.sum(axis=1))
    np.testing.assert_array_equal(
        found.counts[:, kernels.ALLELES_CASES], (people.dosages * called)[:, people.event].sum(axis=1)
    )
    assert (found.rank == n_covariates).all()


@pytest.mark.parametrize(("late", "ties"), RULES)
def test_the_null_model_is_that_of_explicit_risk_sets(late, ties):
    people = cohort(0.5)
    model = people.model(late, ties)
    entry = people.entry if late else None
    coefficients = slow.cox_null(people.time, people.event, model.covariates, entry, ties)
    np.testing.assert_allclose(model.coefficients, coefficients, rtol=1e-7)
    information = slow.cox_derivatives(
        people.time, people.event, model.covariates, coefficients, entry, ties
    )[2]
    np.testing.assert_allclose(model.information, information, rtol=1e-7, atol=1e-7)
    # Martingale residuals: nothing is left of the covariates, and events are as many as expected.
    assert model.expected.sum() == pytest.approx(people.event.sum())
    np.testing.assert_allclose(model.covariates.T @ (people.event - model.expected), 0, atol=1e-6)


@pytest.mark.parametrize(("late", "ties"), RULES)
def test_dense_dosages_and_means_of_the_called_are_the_same_numbers(late, ties):
    people = cohort(0.5)
    model = people.model(late, ties)
    called = people.dosages >= 0
    mean = np.where(called, people.dosages, 0).sum(axis=1) / called.sum(axis=1)
    filled = np.where(called, people.dosages, mean[:, None])
    words = as_words(pack(people.dosages))
    found = score_cox_block(words, model.layout(np.arange(N)), "mean")
    np.testing.assert_allclose(found.sums, model.score_dense(filled).sums, rtol=1e-9, atol=1e-9)
    entry = people.entry if late else None
    for v, dosage in enumerate(filled):
        expected = slow.cox_score(
            people.time, people.event, model.covariates, model.coefficients, dosage, entry, ties
        )
        np.testing.assert_allclose(found.sums[v, :2], expected, rtol=1e-8, atol=1e-8)
    with pytest.raises(ValueError, match="not drop or mean"):
        score_cox_block(words, model.layout(np.arange(N)), "zero")


def test_a_site_without_genotypes_is_no_covariate_any_more():
    people = cohort(4.0)
    site = (np.arange(N) % 3 == 0).astype(float)
    model = fit_cox(people.time, people.event, np.column_stack([people.covariates, site]))
    dosage = people.dosages[:1].copy()
    dosage[0, site == 1] = -1
    found = model.score(pack(dosage), np.arange(N))
    assert found.rank[0] == people.covariates.shape[1]
    expected = slow.cox_score(people.time, people.event, model.covariates, model.coefficients, dosage[0])
    np.testing.assert_allclose(found.sums[0, :2], expected, rtol=1e-8)


def test_a_variant_has_the_same_bits_in_any_block():
    people = cohort(4.0)
    layout = people.model(True, "efron").layout(np.arange(N))
    words = as_words(pack(people.dosages))
    whole = score_cox_block(words, layout)
    for v in range(len(words)):
        alone = score_cox_block(words[v : v + 1], layout)
        assert alone.sums.tobytes() == whole.sums[v : v + 1].tobytes()


def test_bad_follow_up_and_bad_rules_are_said():
    with pytest.raises(ValueError, match=r"row 1: entry 2\.0 is not before the end of follow-up 2\.0"):
        RiskSets.of(np.array([1.0, 2.0]), np.array([True, True]), np.array([0.0, 2.0]))
    with pytest.raises(ValueError, match="expected efron or breslow"):
        RiskSets.of(np.array([1.0]), np.array([True]), None, "exact")


SURVIVAL = """
suppressWarnings(if (!requireNamespace("survival", quietly = TRUE)) quit(status = 3))
library(survival)
d <- read.csv(file("stdin"))
k <- coxph.control(eps = 1e-12, toler.chol = 1e-13)
still <- coxph.control(iter.max = 0)
for (surv in c("Surv(time, event)", "Surv(entry, time, event)")) for (ties in c("efron", "breslow")) {
  null <- as.formula(paste(surv, "~ x1 + x2 + x3"))
  a <- coxph(null, d, ties = ties, control = k)
  cat(format(c(coef(a), sqrt(diag(vcov(a)))), digits = 15), "\\n")
  for (g in grep("^g", names(d), value = TRUE)) {
    e <- d[!is.na(d[[g]]), ]
    full <- as.formula(paste(surv, "~ x1 + x2 + x3 +", g))
    with_g <- coxph(full, e, ties = ties, init = c(coef(a), 0), control = still)
    without <- coxph(null, e, ties = ties, init = coef(a), control = still)
    cat(format(with_g$score - without$score, digits = 15), "")
  }
  cat("\\n")
}
"""


@pytest.fixture(scope="module", params=[0.5, 64.0])
def survival(request) -> tuple:
    """A cohort, and for each rule coefficients and standard errors, then score tests, of survival::coxph."""
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed")
    people = cohort(request.param)
    columns = {"time": people.time, "event": people.event.astype(int), "entry": people.entry}
    columns |= {f"x{j + 1}": x for j, x in enumerate(people.covariates.T)}
    columns |= {f"g{v}": np.where(g >= 0, g, np.nan) for v, g in enumerate(people.dosages)}
    data = pd.DataFrame(columns).to_csv(index=False, na_rep="NA")
    run = subprocess.run(["Rscript", "-e", SURVIVAL], input=data, capture_output=True, text=True)
    if run.returncode == 3:
        pytest.skip("the R package survival is not installed")
    assert run.returncode == 0, run.stderr
    lines = [np.array(line.split(), float) for line in run.stdout.splitlines() if line.strip()]
    return people, dict(zip(RULES, zip(lines[::2], lines[1::2], strict=True), strict=True))


@pytest.mark.parametrize(("late", "ties"), RULES)
def test_survival_agrees(survival, late, ties):
    """coxph stops at a relative gain of 1e-12, which leaves 1e-6 of a coefficient; scores start from there.

    Its score test of dosage and covariates, less that of the covariates, is the efficient score test.
    """
    people, peer = survival
    estimates, tests = peer[late, ties]
    model = people.model(late, ties)
    scale = people.covariates.std(axis=0)
    np.testing.assert_allclose(model.coefficients / scale, estimates[:3], rtol=1e-6, atol=1e-8)
    errors = np.sqrt(np.diag(np.linalg.inv(model.information))) / scale
    np.testing.assert_allclose(errors, estimates[3:], rtol=1e-6)
    found = model.statistics(model.score(pack(people.dosages), np.arange(N)))
    np.testing.assert_allclose(found.stat**2, tests, rtol=1e-5, atol=1e-7)


def test_lifelines_agrees_on_late_entry():
    lifelines = pytest.importorskip("lifelines", reason="lifelines is not installed")
    people = cohort(0.5)
    frame = pd.DataFrame(people.covariates, columns=["a", "b", "c"])
    frame["entry"], frame["time"], frame["event"] = people.entry, people.time, people.event
    fitter = lifelines.CoxPHFitter()
    fitter.fit(frame, "time", "event", entry_col="entry", fit_options={"precision": 1e-10})
    found = people.model(True, "efron").coefficients / people.covariates.std(axis=0)
    np.testing.assert_allclose(found, fitter.params_[["a", "b", "c"]], rtol=1e-5)
