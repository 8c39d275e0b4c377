"""Generated VCFs against the slow twin, damaged ones, and the cases that once failed.

This is the quick profile; ``make fuzz`` generates at least 10,000.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.variants.fuzz import CORPUS, check_broken, check_case, read_case
from tests.variants.vcf_strategies import broken_text, cases

CALM = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
# Making a damaged file smaller takes minutes, and says little more than the file as it was found.
NOT_SHRUNK = [phase for phase in Phase if phase != Phase.shrink]


@settings(max_examples=120, suppress_health_check=CALM)
@given(cases())
def test_generated_files(case):
    with tempfile.TemporaryDirectory() as folder:
        check_case(case, Path(folder))


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.vcf")), ids=lambda path: path.stem)
def test_kept_cases(path, tmp_path):
    check_case(read_case(path), tmp_path)


def test_every_kept_case_is_explained():
    text = (CORPUS / "README.md").read_text()
    assert {path.name for path in CORPUS.glob("*.vcf")} == {
        line.split("`")[1] for line in text.splitlines() if line.startswith("| `")
    }


@settings(max_examples=4, suppress_health_check=CALM, phases=NOT_SHRUNK)
@given(broken_text())
def test_damaged_files(item):
    with tempfile.TemporaryDirectory() as folder:
        check_broken(*item, Path(folder))


@pytest.mark.slow
@settings(max_examples=20, suppress_health_check=CALM, phases=NOT_SHRUNK)
@given(broken_text())
def test_more_damaged_files(item):
    with tempfile.TemporaryDirectory() as folder:
        check_broken(*item, Path(folder))
