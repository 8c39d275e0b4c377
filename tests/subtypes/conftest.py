"""One cohort on disk with the results of all three commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.subtypes.cohorts import CohortFiles, run_all, write_cohort


@pytest.fixture(scope="session")
def divided(tmp_path_factory: pytest.TempPathFactory) -> tuple[CohortFiles, Path]:
    """A cohort of three groups, and its results."""
    cohort = write_cohort(tmp_path_factory.mktemp("divided"))
    return cohort, run_all(cohort, cohort.folder / "out")
