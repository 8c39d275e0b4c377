"""A small simulated cohort, and the workflow run on it once for all tests that only look."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.once import once

ROOT = Path(__file__).parents[2]


class Run:
    """The workflow in a working directory of its own."""

    def __init__(self, workdir: Path, cohort: Path, **sections: dict) -> None:
        self.workdir = workdir
        if not workdir.exists():
            workdir.mkdir(parents=True)
            shutil.copytree(cohort, workdir / "cohort")
        config = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text())
        for section, values in ({"reports": {"batches": 2}} | sections).items():
            config[section] = config.get(section, {}) | values
        self.config = config
        self.write_config(workdir / "config.yaml")

    def write_config(self, path: Path, **sections: dict) -> Path:
        """Write the configuration, or one with other sections."""
        path.write_text(yaml.safe_dump(self.config | sections))
        return path

    def command(self, *arguments: str, cores: int = 1, configfile: Path | None = None) -> list[str]:
        """The command line of Snakemake."""
        return [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
            *("--directory", str(self.workdir)),
            *("--configfile", str(configfile or self.workdir / "config.yaml")),
            *("--cores", str(cores), *arguments),
        ]

    def __call__(
        self, *arguments: str, cores: int = 1, configfile: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        return subprocess.run(
            self.command(*arguments, cores=cores, configfile=configfile),
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    def complete(self, *arguments: str, cores: int = 1) -> Run:
        """Run to the end, which must be reached."""
        done = self(*arguments, cores=cores)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
        return self

    @property
    def results(self) -> Path:
        """The results folder."""
        return self.workdir / "results"

    @property
    def manifest(self) -> str:
        """The sha256 of every result."""
        return (self.results / "provenance" / "manifest.sha256").read_text()

    def planned(self, configfile: Path | None = None) -> set[str]:
        """Names of the rules that a dry run would run."""
        done = self("--dry-run", "--quiet", "host", configfile=configfile)
        assert done.returncode == 0, done.stderr[-3000:]
        lines = (done.stdout + done.stderr).splitlines()
        return {
            line.split()[1].rstrip(":").rsplit("_", 1)[0]
            if line.split()[1].startswith(("write_reports_", "render_reports_"))
            else line.split()[1].rstrip(":")
            for line in lines
            if line.startswith(("rule ", "localrule "))
        }


@pytest.fixture(scope="session")
def small_cohort(tmp_path_factory) -> Path:
    """150 patients, about 4,000 variants."""

    def simulate(folder: Path) -> None:
        simulator = [sys.executable, ROOT / "scripts" / "simulate_cohort.py", "--out", folder]
        size = ["--seed", "7", "--patients", "150", "--variants", "4000", "--quiet"]
        subprocess.run([*simulator, *size], check=True)

    return once(tmp_path_factory, "small_cohort", simulate)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, small_cohort) -> Run:
    """A complete run on one core; tests only look at it."""
    folder = once(tmp_path_factory, "finished", lambda folder: Run(folder, small_cohort).complete())
    return Run(folder, small_cohort)


@pytest.fixture(scope="session")
def finished_run(finished) -> Path:
    """The working directory of a complete run."""
    return finished.workdir
