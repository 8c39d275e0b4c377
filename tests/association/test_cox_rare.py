"""Cox models with few events or few carriers: Firth and saddlepoint against twins, and the level."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import binom, norm

from endotype.association.cox import fit_cox
from endotype.association.cox_firth import refine_cox_firth, refine_cox_firth_dense
from endotype.association.cox_rare import refine_cox, refine_cox_dense
from endotype.association.cox_spa import refine_cox_spa, refine_cox_spa_dense
from endotype.association.scan import COX_TESTS, ScanOptions, fit_null, places, scan
from endotype.variants.plink import pack
from tests.association.builders import make_design, make_store
from tests.association.cox_data import RULES, N, cohort
from tests.reference import association as slow
from tests.reference import spa as slow_spa

EVERYBODY = np.arange(N)


class TestFirth:
    @pytest.mark.parametrize(("late", "ties"), RULES)
    def test_it_is_the_penalised_maximum_among_the_called(self, late, ties):
        """Nelder and Mead's search of the explicit likelihood settles to 1e-5 of a coefficient."""
        people = cohort(0.5, 2)
        model = people.model(late, ties)
        chosen = np.array([2, 6, 7, 9])
        found = refine_cox_firth(pack(people.dosages), EVERYBODY, model, chosen)
        assert list(found.status) == ["FIRTH"] * len(chosen)
        assert set(found.statistics.test) == {"cox_firth"}
        for at, v in enumerate(chosen):
            called = people.dosages[v] >= 0
            time, event = people.time[called], people.event[called]
            entry = people.entry[called] if late else None
            columns = np.column_stack([people.covariates, people.dosages[v]])[called].astype(float)

            def negative(b, time=time, event=event, columns=columns, entry=entry):
                likelihood, _, information = slow.cox_derivatives(time, event, columns, b, entry, ties)
                return -likelihood - 0.5 * np.linalg.slogdet(information)[1]

            options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000}
            start = np.append(np.zeros(2), found.statistics.beta[at])
            best = minimize(negative, start, method="Nelder-Mead", options=options)
            null = minimize(
                lambda b, f=negative: f(np.append(b, 0.0)), np.zeros(2), method="Nelder-Mead", options=options
            )
            information = slow.cox_derivatives(time, event, columns, best.x, entry, ties)[2]
            assert found.statistics.beta[at] == pytest.approx(best.x[-1], abs=1e-5)
            assert found.statistics.se[at] == pytest.approx(
                np.linalg.inv(information)[-1, -1] ** 0.5, rel=1e-5
            )
            ratio = np.sign(best.x[-1]) * np.sqrt(2 * (null.fun - best.fun))
            assert found.statistics.stat[at] == pytest.approx(ratio, abs=1e-5)

    def test_approximately_it_is_the_maximum_along_the_adjusted_dosage(self):
        people = cohort(0.5, 2)
        model = people.model(True, "efron")
        found = refine_cox_firth(pack(people.dosages), EVERYBODY, model, [0, 2], approximate=True)
        offset = model.covariates @ model.coefficients
        for at, v in enumerate((0, 2)):
            columns = np.column_stack([model.covariates, people.dosages[v]]).astype(float)
            null = np.append(model.coefficients, 0.0)
            data = (people.time, people.event)
            information = slow.cox_derivatives(*data, columns, null, people.entry)[2]
            slope = np.linalg.solve(information[:-1, :-1], information[:-1, -1])
            along = np.column_stack([offset, columns[:, -1] - model.covariates @ slope])

            def penalised(beta: float, along: np.ndarray = along, data: tuple = data) -> tuple[float, float]:
                likelihood, _, spread = slow.cox_derivatives(*data, along, np.array([1, beta]), people.entry)
                return likelihood + 0.5 * np.log(spread[1, 1]), float(spread[1, 1])

            best = minimize(lambda b, f=penalised: -f(b[0])[0], [0.0], method="Nelder-Mead", tol=1e-10)
            assert found.statistics.beta[at] == pytest.approx(best.x[0], abs=1e-5)
            assert found.statistics.se[at] == pytest.approx(penalised(best.x[0])[1] ** -0.5, rel=1e-5)
            ratio = 2 * (penalised(best.x[0])[0] - penalised(0.0)[0])
            assert found.statistics.stat[at] ** 2 == pytest.approx(ratio, abs=1e-6)

    @pytest.mark.parametrize("approximate", [False, True])
    def test_carriers_without_an_event_have_a_finite_estimate(self, approximate):
        people = cohort(64.0, 1)
        model = people.model(False, "efron")
        dosages = np.zeros((4, N), np.int8)
        dosages[0, np.flatnonzero(~people.event)[:12]] = 1
        dosages[1, np.flatnonzero(people.event)[:3]] = 1
        dosages[3] = -1
        found = refine_cox_firth(pack(dosages), EVERYBODY, model, np.arange(4), approximate=approximate)
        assert list(found.status) == ["FIRTH", "FIRTH", "COLLINEAR", "COLLINEAR"]
        assert -8 < found.statistics.beta[0] < 0 and 0 < found.statistics.se[0] < 8
        assert np.isnan(found.statistics.beta[2:]).all()

    def test_a_covariate_again_is_collinear(self):
        people = cohort(64.0, 1)
        carrier = (people.dosages[2] > 0).astype(float)
        model = fit_cox(people.time, people.event, np.column_stack([people.covariates, carrier]))
        packed = pack(carrier[None].astype(np.int8))
        for test in (refine_cox_firth, refine_cox_spa, refine_cox):
            assert list(test(packed, EVERYBODY, model, np.arange(1)).status) == ["COLLINEAR"]


class TestSaddlepoint:
    @pytest.mark.parametrize(("late", "ties"), RULES)
    def test_it_is_the_two_sided_saddlepoint_of_poisson_counts(self, late, ties):
        people = cohort(0.5, 2)
        model = people.model(late, ties)
        chosen = [0, 1, 2, 4]
        found = refine_cox_spa(pack(people.dosages), EVERYBODY, model, chosen)
        for at, v in enumerate(chosen):
            g = slow_spa.adjusted(model.expected, people.covariates, people.dosages[v])
            p = slow_spa.two_sided(g @ (people.event - model.expected), g, model.expected, poisson=True)
            # A rare allele's non-carriers are summed as a normal variable.
            close = 5e-3 if v == 2 else 1e-8
            assert found.statistics.neg_log10_p[at] == pytest.approx(-np.log10(p), abs=close)
        assert set(found.statistics.test) == {"cox_spa"}

    def test_the_larger_p_value_goes_with_firths_estimate(self):
        people = cohort(64.0, 2)
        model = people.model(True, "efron")
        rng = np.random.default_rng(2)
        few = (rng.random((30, N)) < 0.04).astype(np.int8)
        packed, rows = pack(np.vstack([people.dosages, few])), np.arange(len(people.dosages) + 30)
        found = refine_cox(packed, EVERYBODY, model, rows)
        tails = refine_cox_spa(packed, EVERYBODY, model, rows)
        estimates = refine_cox_firth(packed, EVERYBODY, model, rows, approximate=True)
        joined = found.statistics.test == "cox_spa_firth"
        assert joined.sum() > 0.8 * len(rows) and set(found.status) == {"SPA", "FIRTH"}
        np.testing.assert_array_equal(
            found.statistics.beta, np.where(joined, estimates.statistics.beta, tails.statistics.beta)
        )
        smaller = np.minimum(tails.statistics.neg_log10_p, estimates.statistics.neg_log10_p)
        np.testing.assert_array_equal(
            found.statistics.neg_log10_p, np.where(joined, smaller, tails.statistics.neg_log10_p)
        )
        np.testing.assert_array_equal(
            found.status == "FIRTH", found.statistics.neg_log10_p < tails.statistics.neg_log10_p
        )
        np.testing.assert_allclose(
            found.statistics.beta / found.statistics.se, found.statistics.stat, rtol=1e-12
        )

    def test_dense_dosages_give_what_packed_ones_do(self):
        people = cohort(64.0, 2)
        model = people.model(True, "efron")
        dosages = people.dosages[:6]
        rows = np.arange(6)
        packed = pack(dosages)
        pairs = [
            (refine_cox_spa_dense(dosages.astype(float), model), refine_cox_spa),
            (refine_cox_firth_dense(dosages.astype(float), model), refine_cox_firth),
            (refine_cox_dense(dosages, model, rows), refine_cox),
        ]
        for dense, of_packed in pairs:
            expected = of_packed(packed, EVERYBODY, model, rows)
            assert list(dense.status) == list(expected.status)
            for name in ("beta", "se", "stat", "neg_log10_p"):
                # Packed rows count the rarer allele, which moves the last digits.
                np.testing.assert_allclose(
                    getattr(dense.statistics, name), getattr(expected.statistics, name), rtol=1e-6, atol=1e-6
                )


@pytest.mark.parametrize("test", [name for name, refine in COX_TESTS.items() if refine])
def test_remarkable_variants_of_a_time_to_event_are_tested_again(tmp_path, test):
    rng = np.random.default_rng(8)
    people = cohort(4.0, 1)
    dosages = np.vstack([people.dosages, rng.binomial(2, rng.uniform(0.01, 0.5, (80, 1)), (80, N))])
    dosages = dosages.astype(np.int8)
    dosages[-1] = np.where(people.event, 0, rng.random(N) < 0.5)  # no carrier has the event
    design = make_design(
        {"surv": ("cox", (people.time, people.event, people.entry))}, {"age": people.covariates[:, 0]}, N
    )
    store = make_store(tmp_path / "g", dosages)
    everything = slice(0, len(dosages))
    screened = scan(store, design, ["surv"], everything, ScanOptions("score", min_allele_count=1)).to_pandas()
    table = scan(store, design, ["surv"], everything, ScanOptions(test, 0.05, min_allele_count=1)).to_pandas()
    assert "TOO_RARE" in set(screened["status"]) and "TOO_RARE" not in set(table["status"])
    known = screened["status"] == "OK"
    quiet = known & (screened["stat"].abs() < ScanOptions().threshold)
    assert quiet.sum() > 30
    pd.testing.assert_frame_equal(table[quiet], screened[quiet])
    assert set(screened["test"].dropna()) == {"cox_score"}
    trait = design.trait("surv")
    np.testing.assert_array_equal(trait.entry, people.entry)
    loud = np.flatnonzero(known & ~quiet)
    assert len(loud) >= 3 and loud[-1] == len(dosages) - 1
    refine = COX_TESTS[test]
    assert refine is not None
    expected = refine(np.ascontiguousarray(store.packed), places(store, design, trait), fit_null(trait), loud)
    np.testing.assert_array_equal(table["status"].to_numpy()[loud], expected.status)
    for name in ("beta", "se", "stat", "neg_log10_p"):
        np.testing.assert_array_equal(table[name].to_numpy()[loud], getattr(expected.statistics, name))
    row = table.iloc[-1]
    assert row["stat"] < -3 and -10 < row["beta"] < 0 and 0 < row["se"] < 10


RATES = {
    "1 % events, rare alleles": (0.01, 0.003, 0.01, False),
    "1 % events, common alleles": (0.01, 0.05, 0.5, False),
    "10 % events, late entry, rare alleles": (0.1, 0.003, 0.01, True),
    "half with the event, late entry, rare alleles": (0.5, 0.003, 0.01, True),
}


def null_p_values(case: str, n_traits: int, per_trait: int = 100) -> dict[str, np.ndarray]:
    """p of as many null variants as there are for each trait, by the score and as the scan gives it."""
    rate, low, high, late = RATES[case]
    rng = np.random.default_rng(12)
    n = 2000
    crude, found = [], []
    for _ in range(n_traits):
        dosages = rng.binomial(2, rng.uniform(low, high, per_trait)[:, None], (per_trait, n)).astype(np.int8)
        x = rng.normal(size=(n, 2))
        time = rng.exponential(size=n) / np.exp(0.5 * x[:, 0])
        end = np.quantile(time, rate) * rng.uniform(0.7, 1.4, n)
        entry = 0.5 * end * rng.random(n) if late else np.zeros(n)
        inside = time > entry
        place = np.where(inside, np.cumsum(inside) - 1, -1)
        model = fit_cox(
            np.minimum(time, end)[inside],
            (time <= end)[inside],
            x[inside],
            entry=entry[inside] if late else None,
        )
        packed = pack(dosages)
        scores = model.score(packed, place)
        z = model.statistics(scores).stat[scores.counts[:, 1] >= 10]
        rows = np.flatnonzero(scores.counts[:, 1] >= 10)
        p = 2 * norm.sf(np.abs(z))
        crude.append(p.copy())
        loud = np.abs(z) >= 1.96
        p[loud] = 10 ** -refine_cox(packed, place, model, rows[loud]).statistics.neg_log10_p
        found.append(p)
    return {"score": np.concatenate(crude), "auto": np.concatenate(found)}


@pytest.mark.parametrize("case", RATES)
@pytest.mark.parametrize("n_traits", [60, pytest.param(1000, marks=pytest.mark.long)])
def test_the_level_holds_for_few_carriers_and_few_events(case, n_traits):
    """Not above the binomial limits at 0.05 and 1e-3; below may be: few events have few p-values."""
    p = null_p_values(case, n_traits)
    m = len(p["auto"])
    assert np.isfinite(p["auto"]).all()
    for level in (0.05, 1e-3):
        assert (p["auto"] < level).sum() <= binom.ppf(1 - 1e-4, m, level), level
    assert (p["auto"] < 0.05).mean() > 0.6 * 0.05
    if "1 % events, rare" in case:  # what the test is for: the normal tail of the score is too heavy
        assert (p["score"] < 1e-3).mean() > 5e-3
