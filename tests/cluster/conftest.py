"""The tests of this folder run when they are asked for: ``-m cluster``, as ``make test-cluster`` does."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "cluster" not in config.getoption("-m"):
        skip = pytest.mark.skip(reason="a real Slurm is started by make test-cluster only")
        for item in items:
            if item.get_closest_marker("cluster"):
                item.add_marker(skip)
