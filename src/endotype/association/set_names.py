"""Names of the tests of variant sets, apart from the tests, whose start-up a command line can spare."""

TESTS = ("burden", "burden_unweighted", "skat", "skato", "acatv", "acato")

COX_TESTS = ("burden", "burden_unweighted")
"""Tests that a time to event has."""
