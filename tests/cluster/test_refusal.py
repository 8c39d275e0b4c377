"""The cluster of the tests never takes the place of another one."""

from __future__ import annotations

import os

import pytest

from tests.cluster import slurm


@pytest.fixture
def configuration(monkeypatch, tmp_path):
    """A machine on which a cluster could be started, with a configuration to be judged."""
    monkeypatch.setattr(slurm.os, "geteuid", lambda: 0)
    monkeypatch.setattr(slurm.shutil, "which", lambda name, path=None: f"/usr/bin/{name}")
    monkeypatch.setattr(slurm.sys, "platform", "linux")
    monkeypatch.setattr(slurm, "CONFIGURATION", tmp_path / "slurm.conf")
    return tmp_path / "slurm.conf"


def test_a_configuration_of_another_cluster_stays_as_it_is(configuration):
    configuration.write_text("ClusterName=hospital\n")
    assert "of another cluster" in slurm.why_not()
    with pytest.raises(slurm.ClusterError, match="of another cluster"), slurm.cluster():
        pass
    assert configuration.read_text() == "ClusterName=hospital\n"


def test_one_of_a_running_test_is_in_use_and_one_of_a_dead_test_is_not(configuration):
    assert slurm.why_not() == ""
    configuration.write_text(f"{slurm.MARK} {os.getpid()}\n")
    assert "in use by another test" in slurm.why_not()
    configuration.write_text(f"{slurm.MARK} {2**22 + 1}\n")  # more than Linux counts to
    assert slurm.why_not() == ""


def test_only_root_and_only_with_the_programs(configuration, monkeypatch):
    monkeypatch.setattr(slurm.shutil, "which", lambda name, path=None: None)
    assert "slurmctld" in slurm.why_not()
    monkeypatch.setattr(slurm.os, "geteuid", lambda: 1000)
    assert "root" in slurm.why_not()
