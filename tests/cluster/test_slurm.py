"""The whole workflow on a real Slurm, with all that goes wrong there: the same bytes as on one core.

One run for all tests. In it a job exceeds its time, another its memory, a third is killed, a node dies and
Snakemake itself is killed and started again, as docs/clusters.md says. The local run is compared by the
sha256 of every result.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from endotype.failures import failures
from tests.cluster.slurm import Cluster, cluster, why_not
from tests.workflow.conftest import ROOT, Run

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "a cluster can run"),
]

FAULTS = Path(__file__).parent / "faults.sh"
# As little as a whole run can do: what is computed is tested elsewhere.
SMALL = {
    "subtypes": {
        **{"max_k": 2, "restarts": 2, "resamples": 2, "consensus_resamples": 2},
        **{"null_cohorts": 5, "outcome_permutations": 50, "bootstrap": 20},
    },
    "targets": {"draws": 50},
    "reports": {"formats": ["html"], "batches": 2},
}
MINUTES = 20
"""A run that hasn't ended by then has failed: no test of this file waits for ever."""


@dataclass
class Outcome:
    """What happened in the run with faults."""

    run: Run
    local: str
    said: str = ""
    returncode: int = -1
    seconds: dict[str, float] = field(default_factory=dict)


def profile(folder: Path) -> Path:
    """The slurm profile, but that one step's first try has a minute, and that jobs are fewer and longer."""
    settings = yaml.safe_load((ROOT / "workflow" / "profiles" / "slurm" / "config.yaml").read_text())
    settings["set-resources"]["prepare_tumours"] = {"runtime": "1 if attempt == 1 else 60"}
    settings["groups"]["associate"] = "associate"
    settings["set-resources"]["associate"]["in_turn"] = 1
    settings["group-components"] = {"shard": 4, "associate": 4}
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return folder


def start(run: Run, running: Cluster, profile: Path, output: Path) -> subprocess.Popen[bytes]:
    """Start Snakemake on the cluster."""
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--directory", str(run.workdir), "--configfile", str(run.workdir / "config.yaml")),
        *("--workflow-profile", str(profile), "--jobs", "4", "--max-threads", "2"),
        # This Slurm has no accounting database, and its disk is local.
        *("--slurm-status-command", "squeue"),
        *("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "20"),
    ]
    environment = {
        **running.environment,
        "BASH_ENV": str(FAULTS),
        "FAULTS": str(run.workdir / "faults"),
        "PYTHONUNBUFFERED": "1",
    }
    with output.open("ab") as stream:
        return subprocess.Popen(
            command, env=environment, stdout=stream, stderr=stream, start_new_session=True
        )


def job_of(running: Cluster, rule: str) -> str:
    """The number of the running Slurm job of a rule, once there is one."""
    listed = running.run("squeue", "--noheader", "--states=RUNNING", "--format=%i|%k").stdout
    return next((line.split("|")[0] for line in listed.splitlines() if line.endswith(f"rule_{rule}")), "")


def wait(what: Callable[[], object], snakemake: subprocess.Popen[bytes], name: str) -> None:
    """Wait until something is there, while Snakemake runs."""
    deadline = time.monotonic() + MINUTES * 60
    while not what():
        assert snakemake.poll() is None, f"Snakemake ended while waiting for: {name}"
        assert time.monotonic() < deadline, f"waited too long for: {name}"
        time.sleep(0.5)


def documented(name: str) -> str:
    """A command of docs/clusters.md, by the comment that stands before it."""
    page = (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8")
    found = re.search(rf"^# {re.escape(name)}.*\n((?:.*\\\n)*.*)$", page, re.MULTILINE)
    assert found, name
    return found[1]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory) -> Outcome:
    folder = tmp_path_factory.mktemp("cluster")
    simulator = [sys.executable, ROOT / "scripts" / "simulate_cohort.py", "--out", folder / "cohort"]
    size = ["--seed", "3", "--patients", "100", "--variants", "4000", "--quiet"]
    subprocess.run([*simulator, *size], check=True)
    clock = time.monotonic()
    local = Run(folder / "local", folder / "cohort", **SMALL).complete(cores=2)
    outcome = Outcome(Run(folder / "slurm", folder / "cohort", **SMALL), local.manifest)
    outcome.seconds["local"] = time.monotonic() - clock
    faults, output = outcome.run.workdir / "faults", folder / "snakemake.out"
    faults.mkdir()
    with cluster(nodes=3, cpus=8, memory_mb=32_000) as running:
        clock = time.monotonic()
        snakemake = start(outcome.run, running, profile(folder / "profile"), output)
        try:
            wait((faults / "job").exists, snakemake, "the job to kill")
            running.run("scancel", "--signal=KILL", "--full", job_of(running, "measure_callability"))
            wait((faults / "node").exists, snakemake, "the job whose node dies")
            running.kill_node(running.node_of(job_of(running, "qc_samples")))
            wait((faults / "snakemake").exists, snakemake, "the job that outlives Snakemake")
            os.kill(snakemake.pid, signal.SIGKILL)
            snakemake.wait()
            outcome.seconds["until Snakemake was killed"] = time.monotonic() - clock
            assert job_of(running, "assess_subtypes"), "its job goes on without it"
            recover(outcome.run, running)
            clock = time.monotonic()
            snakemake = start(outcome.run, running, folder / "profile", output)
            outcome.returncode = snakemake.wait(MINUTES * 60)
            outcome.seconds["resumed"] = time.monotonic() - clock
        finally:
            if snakemake.poll() is None:
                snakemake.kill()
                snakemake.wait()
            outcome.said = output.read_text(errors="replace")
            print(outcome.said[-20_000:])
    print(outcome.seconds)
    return outcome


def recover(run: Run, running: Cluster) -> None:
    """What docs/clusters.md says after Snakemake died: cancel its jobs, take the lock away."""
    cancel = documented("Cancel the jobs").replace("my_run", shlex.quote(str(run.workdir)))
    subprocess.run(["bash", "-c", cancel], env=running.environment, check=True, timeout=60)
    deadline = time.monotonic() + 30
    while job_of(running, "assess_subtypes"):
        assert time.monotonic() < deadline, "the job of the killed Snakemake wasn't cancelled"
        time.sleep(0.5)
    done = run("--unlock")
    assert done.returncode == 0, done.stderr


def test_the_run_ends_well(outcome):
    assert outcome.returncode == 0, outcome.said[-6000:]


def test_every_fault_happened_and_the_step_was_tried_again(outcome):
    happened = {path.name for path in (outcome.run.workdir / "faults").iterdir()}
    assert happened == {"time", "memory", "job", "node", "snakemake"}
    tries = failures(outcome.said, outcome.run.workdir)
    assert all(failed.recovered for failed in tries)
    kinds = {failed.rule: failed.kind for failed in tries}
    assert kinds.items() >= {
        ("prepare_tumours", "time"),
        ("build_features", "memory"),
        ("measure_callability", "cancelled"),
        ("qc_samples", "node"),
    }
    faulty = {"prepare_tumours", "build_features", "measure_callability"}
    others = {kind for rule, kind in kinds.items() if rule not in faulty}
    assert others == {"node"}, "what else ran on the node that died"


def test_the_results_are_those_of_the_local_run(outcome):
    assert outcome.run.manifest == outcome.local
    subprocess.run(
        ["sha256sum", "-c", "--quiet", "provenance/manifest.sha256"], cwd=outcome.run.results, check=True
    )


def test_nothing_is_left_to_do(outcome):
    assert outcome.run.planned() == set()


def test_nothing_of_the_cluster_is_left(outcome):
    assert why_not() == "", "its configuration is taken away"
