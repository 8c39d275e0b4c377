"""Jobs of a run recall what the run found out about the cohort, or check for themselves."""

from __future__ import annotations

from endotype.cohort.plan import Plan, keep_plan, recall_plan
from endotype.digest import source_state

PLAN = Plan(
    ["1", "NA"],
    ["a.vcf.gz"],
    [["1", "X"]],
    [],
    [],
    [["1", 1000], ["X", 10]],
    ["lipids"],
    "f0",
    {"a.py": "0f"},
)
CONFIG = {"run": {"seed": 1}}


def test_what_was_kept_is_recalled(tmp_path):
    keep_plan(tmp_path / "deep" / "plan.json", CONFIG, "sources", PLAN)
    assert recall_plan(tmp_path / "deep" / "plan.json", CONFIG, "sources") == PLAN


def test_a_plan_of_another_configuration_or_program_is_not_recalled(tmp_path):
    keep_plan(tmp_path / "plan.json", CONFIG, "sources", PLAN)
    assert recall_plan(tmp_path / "plan.json", {"run": {"seed": 2}}, "sources") is None
    assert recall_plan(tmp_path / "plan.json", CONFIG, "another") is None


def test_no_plan_and_a_damaged_one_are_none(tmp_path):
    path = tmp_path / "plan.json"
    assert recall_plan(path, CONFIG, "sources") is None
    for text in ("", "[]", '{"of": 1}', "{"):
        path.write_text(text)
        assert recall_plan(path, CONFIG, "sources") is None


def test_an_edit_of_the_program_is_noticed(tmp_path):
    (tmp_path / "src" / "__pycache__").mkdir(parents=True)
    (tmp_path / "src" / "a.py").write_text("x = 1")
    before = source_state(tmp_path / "src")
    (tmp_path / "src" / "__pycache__" / "a.pyc").touch()
    assert source_state(tmp_path / "src") == before
    (tmp_path / "src" / "a.py").write_text("x = 2")
    assert source_state(tmp_path / "src") != before
    (tmp_path / "src" / "a.py").unlink()
    assert source_state(tmp_path / "src") != before


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path):
    (tmp_path / "file").touch()
    keep_plan(tmp_path / "file" / "plan.json", CONFIG, "sources", PLAN)
