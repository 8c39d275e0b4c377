"""The profiles name rules that exist and give every job memory and time that grow with the attempt."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.workflow.conftest import ROOT, Run

PROFILES = ROOT / "workflow" / "profiles"
CLUSTERS = ("slurm", "kubernetes", "aws-batch")
RULES = {
    name
    for path in [ROOT / "Snakefile", *sorted((ROOT / "workflow" / "rules").glob("*.smk"))]
    for name in re.findall(r"^ *rule (\w+):$", path.read_text(encoding="utf-8"), re.MULTILINE)
}
BATCHES = re.compile(r"(?:write|render)_reports_\d+")


def load(name: str) -> dict:
    return yaml.safe_load((PROFILES / name / "config.yaml").read_text(encoding="utf-8"))


def value(expression: object, attempt: int) -> int:
    """A resource as Snakemake evaluates it."""
    return int(eval(str(expression), {"__builtins__": {}}, {"attempt": attempt}))  # our own file


def test_all_rules_are_seen():
    assert {"check_inputs", "normalise_variants", "compare_imported", "export_sumstats", "all"} <= RULES


@pytest.mark.parametrize("name", ["default", *CLUSTERS])
def test_every_rule_of_a_profile_exists(name):
    profile = load(name)
    named = [rule for key in ("set-resources", "set-threads", "groups") for rule in profile.get(key, {})]
    assert sorted(set(named) - RULES) == []


def test_a_try_in_the_same_allocation_is_no_retry():
    """Retries of a rule would be tried by the Snakemake inside the job, with the same memory."""
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        assert not re.search(
            r"^ *(?:retries|resources|group):", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    assert "retries" not in load("default")


@pytest.mark.parametrize("name", CLUSTERS)
def test_another_try_asks_for_more(name):
    profile = load(name)
    assert profile["retries"] >= 1
    settings = [profile["default-resources"], *profile["set-resources"].values()]
    for resource in ("mem_mb", "runtime"):
        for expression in [setting[resource] for setting in settings if resource in setting]:
            assert value(expression, 2) > value(expression, 1) > 0, expression


def test_the_steps_of_a_group_run_in_turn():
    profile = load("slurm")
    assert profile["resources"] == {"in_turn": 1} and profile["set-resource-scopes"] == {"in_turn": "local"}
    ordered = {rule for rule, asked in profile["set-resources"].items() if asked.get("in_turn") == 1}
    assert ordered == set(profile["groups"])


@pytest.mark.parametrize("name", CLUSTERS[1:])
def test_the_examples_ask_for_the_same_as_slurm(name):
    """But for the resource that orders the steps of a group, which the examples don't have."""
    asked = {
        rule: kept
        for rule, resources in load("slurm")["set-resources"].items()
        if (kept := {key: value for key, value in resources.items() if key != "in_turn"})
    }
    assert load(name)["set-resources"] == asked
    assert load(name)["set-threads"] == load("slurm")["set-threads"]
    assert load(name)["default-resources"].items() >= load("slurm")["default-resources"].items()


@pytest.mark.slow
def test_every_job_on_slurm_has_the_memory_and_time_of_the_profile(small_cohort, tmp_path):
    """As Snakemake itself understands the profile; ``pytest -s`` prints the table."""
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="the plug-in for Slurm isn't installed")
    run = Run(tmp_path / "run", small_cohort)
    done = run("--workflow-profile", "slurm", "--dry-run")
    assert done.returncode == 0, done.stderr[-3000:]
    jobs = re.findall(
        r"^ *rule (\w+):\n(?:(?! *rule ).*\n)*?( *resources: .*)$", done.stdout + done.stderr, re.MULTILINE
    )
    effective = {
        rule: {key: int(number) for key, number in re.findall(r"\b(mem_mb|runtime)=(\d+)", resources)}
        for rule, resources in jobs
    }
    print(*(f"{rule:<24} {asked}" for rule, asked in sorted(effective.items())), sep="\n")
    profile = load("slurm")
    for rule, asked in effective.items():
        expressions = profile["default-resources"] | profile["set-resources"].get(rule, {})
        assert asked == {key: value(expressions[key], 1) for key in ("mem_mb", "runtime")}, rule
    seen = {rule for rule in effective if not BATCHES.fullmatch(rule)}
    stages = {"cohort", "sheets", "variants", "annotation", "association", "subtypes", "targets"}
    assert RULES - seen == stages | {"compare_imported", "export_sumstats"}
    assert sum(bool(BATCHES.fullmatch(rule)) for rule in effective) == 4
