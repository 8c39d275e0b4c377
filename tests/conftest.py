"""Settings that hold for all tests."""

from __future__ import annotations

from hypothesis import settings

# The first call of a numba kernel compiles it, which has nothing to do with what a test checks.
settings.register_profile("endotype", deadline=None, derandomize=True, max_examples=150)
settings.load_profile("endotype")
