"""Settings that hold for all tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

# The first call of a numba kernel compiles it, which has nothing to do with what a test checks.
settings.register_profile("endotype", deadline=None, derandomize=True, max_examples=150)
settings.load_profile("endotype")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long tests where each of two processes begins, so that neither ends with one of them.

    Each process gets one half of the list first (xdist's work stealing). The runs of the simulated cohort
    share a finished one, so they stay together; other long tests begin the second half.
    """
    slow = [item for item in items if item.get_closest_marker("slow")]
    runs = [item for item in slow if "workflow" in item.path.parts]
    others = [item for item in slow if "workflow" not in item.path.parts]
    quick = [item for item in items if not item.get_closest_marker("slow")]
    first = max(0, len(items) // 2 - len(runs))
    items[:] = [*runs, *quick[:first], *others, *quick[first:]]
