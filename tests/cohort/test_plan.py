"""Jobs of a run recall what the run found out about the cohort, or check for themselves."""

from __future__ import annotations

from endotype.cohort.plan import Plan, keep_plan, recall_plan

PLAN = Plan(["1", "NA"], ["a.vcf.gz"], [["1", "X"]], [], [], [["1", 1000], ["X", 10]], ["lipids"])
CONFIG = {"run": {"seed": 1}}


def test_what_was_kept_is_recalled(tmp_path):
    keep_plan(tmp_path / "deep" / "plan.json", CONFIG, "code", PLAN)
    assert recall_plan(tmp_path / "deep" / "plan.json", CONFIG, "code") == PLAN


def test_a_plan_of_another_configuration_or_code_is_not_recalled(tmp_path):
    keep_plan(tmp_path / "plan.json", CONFIG, "code", PLAN)
    assert recall_plan(tmp_path / "plan.json", {"run": {"seed": 2}}, "code") is None
    assert recall_plan(tmp_path / "plan.json", CONFIG, "other") is None


def test_no_plan_and_a_damaged_one_are_none(tmp_path):
    path = tmp_path / "plan.json"
    assert recall_plan(path, CONFIG, "code") is None
    for text in ("", "[]", '{"of": 1}', "{"):
        path.write_text(text)
        assert recall_plan(path, CONFIG, "code") is None


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path):
    (tmp_path / "file").touch()
    keep_plan(tmp_path / "file" / "plan.json", CONFIG, "code", PLAN)
