"""Subtypes compared by outcome: what is given, what is left out and why, and when nothing can be said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from endotype.subtypes.follow_up import FollowUp, read_follow_up
from endotype.subtypes.hazards import SurvivalData, Term, code_term
from endotype.subtypes.survival_comparison import common_horizon, compare_survival
from endotype.subtypes.treatment import treatment_interaction

NAMES = ["S1", "S2", "S3"]
COLUMNS = {"time": "years", "event": "died", "entry": "joined"}


def cohort(
    n: int = 400, seed: int = 1, effect: float = 0.9, interaction: float = 0.0
) -> tuple[pd.DataFrame, np.ndarray]:
    """Clinical table and labels; subtype 1 has a higher hazard, treatment acts in subtype 2 only."""
    rng = np.random.default_rng(seed)
    labels, age = rng.integers(0, 3, n), rng.standard_normal(n)
    drug = rng.random(n) < 0.5
    hazard = np.exp(0.5 * age + effect * (labels == 1) + interaction * (labels == 2) * drug)
    death, end = rng.exponential(1 / hazard), rng.uniform(0.3, 3, n)
    table = pd.DataFrame({"years": np.minimum(death, end), "died": death <= end, "age": age})
    table["joined"] = np.where(rng.random(n) < 0.5, -1.0, rng.uniform(0, 0.3, n) * table["years"])
    table["stage"] = pd.Series(rng.choice(["I", "II"], n), dtype="str")
    table["drug"] = pd.Series(np.where(drug, "new", "old"), dtype="str")
    return table, labels


def follow(table: pd.DataFrame, labels: np.ndarray, late: bool = False) -> FollowUp:
    columns = COLUMNS if late else {k: v for k, v in COLUMNS.items() if k != "entry"}
    return read_follow_up(table, columns, labels >= 0)


def standard(table: pd.DataFrame) -> list[Term]:
    return [code_term(c, table[c]) for c in ("age", "stage")]


class TestFollowUp:
    def test_everybody_left_out_has_one_reason(self):
        table, labels = cohort(60)
        table.loc[:3, "years"] = np.nan
        table.loc[3:5, "years"] = -1.0
        table.loc[6:7, "joined"] = np.nan
        table.loc[8, "joined"] = table.loc[8, "years"]
        labels[:2] = -1
        found = follow(table, labels, late=True)
        assert found.left_out == {
            "time or event not recorded": 1,
            "time below 0": 3,
            "entry not recorded": 2,
            "entry not before the end of follow-up": 1,
        }
        assert found.survival.n == 58 - sum(found.left_out.values()) == found.used.sum()

    def test_nobody_is_left_out_without_a_reason(self):
        table, labels = cohort(30)
        found = follow(table, labels)
        assert (found.left_out, found.survival.n) == ({}, 30)


@pytest.mark.parametrize("late", [False, True])
def test_a_planted_difference_is_described(late):
    table, labels = cohort()
    found = compare_survival(follow(table, labels, late), labels, NAMES, standard(table))
    assert found["status"] == "assessed"
    assert found["horizon_source"] == "chosen"
    assert found["late_entry"] == late
    s2 = found["subtypes"][1]
    assert s2["restricted_mean_difference"]["high"] < 0
    assert s2["at_horizon"]["low"] < s2["at_horizon"]["estimate"] < s2["at_horizon"]["high"]
    assert s2["median"]["estimate"] < found["subtypes"][0]["median"]["estimate"]
    for which in ("unadjusted", "adjusted"):
        ratio = next(r for r in found[which]["hazard_ratios"] if r["term"] == "subtype=S2")
        assert ratio["low"] < np.exp(0.9) < ratio["high"]
        assert ratio["low"] > 1
        assert found[which]["subtype_test"]["p"] < 1e-6
        assert found[which]["proportional_hazards"]["subtype"]["df"] == 2
    assert found["adjusted"]["adjusted_for"] == [
        "age",
        f"stage={'II' if standard(table)[1].reference == 'I' else 'I'}",
    ]


def test_hazards_that_cross_are_told():
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], 200)
    time = np.where(labels == 0, rng.weibull(0.6, 400), rng.weibull(3.0, 400))
    table = pd.DataFrame({"years": time, "died": True})
    found = compare_survival(follow(table, labels), labels, NAMES[:2], [])
    assert found["unadjusted"]["proportional_hazards"]["subtype"]["p"] < 1e-6
    assert found["adjusted"]["reason"] == "no column of the standard of care is named"


class TestNotAssessed:
    def test_one_group(self):
        table, labels = cohort(50)
        found = compare_survival(follow(table, labels), labels * 0, [], [])
        assert found["reason"] == "there are no subtypes to compare"

    def test_a_small_subtype_is_left_to_itself(self):
        table, labels = cohort(100)
        labels = np.where(np.arange(100) < 4, 2, np.minimum(labels, 1))
        found = compare_survival(follow(table, labels), labels, NAMES, [])
        assert found["subtypes"][2]["reason"] == "4 people followed, fewer than 5"
        assert found["subtypes"][0]["status"] == "assessed"

    def test_few_events(self):
        table, labels = cohort(100)
        table["died"] = np.arange(100) < 9
        found = compare_survival(follow(table, labels), labels, NAMES, [])
        assert found["unadjusted"]["reason"] == "9 events, fewer than 10"

    def test_a_horizon_nobody_reaches(self):
        table, labels = cohort(100)
        table["died"] = table["died"] & (table["years"] < 1)
        found = compare_survival(follow(table, labels), labels, NAMES, [], horizon=99.0)
        assert found["horizon_source"] == "given"
        assert all(s["restricted_mean"] is None for s in found["subtypes"])
        assert all("before the horizon" in s["reason"] for s in found["subtypes"])

    def test_a_curve_that_rests_on_two_people_is_not_drawn(self):
        table, labels = cohort(100)
        table["joined"] = table["years"] * 0.9
        found = compare_survival(follow(table, labels, late=True), labels, NAMES, [])
        assert all("at risk at the time of an early event" in s["reason"] for s in found["subtypes"])
        assert found["unadjusted"]["status"] == "assessed"

    def test_a_standard_that_is_the_subtype(self):
        table, labels = cohort(200)
        same = code_term("grade", pd.Series(labels.astype(str), dtype="str"))
        found = compare_survival(follow(table, labels), labels, NAMES, [same])
        assert "can't be told from the standard of care" in found["adjusted"]["reason"]


def test_the_horizon_has_five_at_risk_in_every_group():
    parts = [
        SurvivalData(np.arange(1.0, 11), np.ones(10, bool)),
        SurvivalData(np.arange(1.0, 21), np.ones(20, bool)),
    ]
    assert common_horizon(parts) == 6
    assert common_horizon([SurvivalData(np.array([1.0, 2.0]), np.ones(2, bool)), parts[0]]) == 1


class TestTreatment:
    def test_a_planted_interaction_is_found(self):
        table, labels = cohort(900, interaction=-1.5)
        found = treatment_interaction(follow(table, labels), labels, NAMES, standard(table), table["drug"])
        assert found["interaction"]["df"] == 2
        assert found["interaction"]["p"] < 1e-4
        by_subtype = {r["subtype"]: r for r in found["subtypes"]}
        assert found["reference"] in ("new", "old")
        high, low = by_subtype["S3"]["high"], by_subtype["S3"]["low"]
        assert low > 1 or high < 1
        assert by_subtype["S1"]["low"] < 1 < by_subtype["S1"]["high"]
        assert sum(a["n"] for a in found["arms"]) == found["n"] == 900

    def test_interaction_test_is_that_of_lifelines(self):
        lifelines = pytest.importorskip("lifelines", reason="lifelines is not installed")
        table, labels = cohort(300, interaction=-0.8)
        found = treatment_interaction(follow(table, labels), labels, NAMES, [], table["drug"])
        design = pd.DataFrame({"s2": labels == 1, "s3": labels == 2, "old": table["drug"] == "old"}).astype(
            float
        )
        design = design.assign(time=table["years"], event=table["died"])
        small = lifelines.CoxPHFitter().fit(design, "time", "event").log_likelihood_
        design = design.assign(a=design["s2"] * design["old"], b=design["s3"] * design["old"])
        large = lifelines.CoxPHFitter().fit(design, "time", "event").log_likelihood_
        assert found["interaction"]["chi2"] == pytest.approx(2 * (large - small), rel=1e-5)

    def test_false_alarms_are_as_many_as_they_should_be(self):
        p = []
        for seed in range(50):
            table, labels = cohort(120, seed, effect=0.3)
            found = treatment_interaction(follow(table, labels), labels, NAMES, [], table["drug"])
            p.append(found["interaction"]["p"])
        assert (np.array(p) <= 0.05).sum() <= 7

    def test_thin_arms_are_listed(self):
        table, labels = cohort(400)
        table.loc[labels == 2, "drug"] = "old"
        found = treatment_interaction(follow(table, labels), labels, NAMES, [], table["drug"])
        assert found["too_few"] == ["S3"]
        assert found["status"] == "assessed"
        assert {r["subtype"] for r in found["subtypes"]} == {"S1", "S2"}
        table["drug"] = "old"
        found = treatment_interaction(follow(table, labels), labels, NAMES, [], table["drug"])
        assert found["reason"] == "1 treatments, expected 2 to 10"
