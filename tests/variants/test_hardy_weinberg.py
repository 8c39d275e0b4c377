"""The exact test's mid-p and its extremes, against whole numbers; the test itself is in test_kernels.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endotype.variants.kernels import hardy_weinberg, hardy_weinberg_mid_p, log_factorials
from tests.reference import sample_qc as reference
from tests.reference import variants


def columns(*counts: int) -> list[np.ndarray]:
    return [np.array([c]) for c in counts]


@given(st.integers(0, 90), st.integers(0, 90), st.integers(0, 90))
def test_mid_p_equals_counting_by_whole_numbers(hom_ref, het, hom_alt):
    n = hom_ref + het + hom_alt
    ours = 10 ** -hardy_weinberg_mid_p(*columns(hom_ref, het, hom_alt), log_factorials(2 * n))[0]
    # Ties are told within 1e-9, which limits the agreement.
    assert ours == pytest.approx(reference.hardy_weinberg_mid_p(hom_ref, het, hom_alt), rel=1e-8)


@pytest.mark.parametrize(
    "counts",
    [(3, 2, 1), (2, 4, 0), (7, 1, 0), (0, 2, 0), (1, 0, 1), (3, 3, 1), (0, 0, 0), (5, 0, 0), (9, 6, 1)],
)
def test_small_tables_with_ties_equal_counting(counts):
    lf = log_factorials(2 * sum(counts))
    two_sided, excess = hardy_weinberg(*columns(*counts), lf)
    assert (two_sided[0], excess[0]) == pytest.approx(variants.hardy_weinberg(*counts), abs=1e-8)
    assert 10 ** -hardy_weinberg_mid_p(*columns(*counts), lf)[0] == pytest.approx(
        reference.hardy_weinberg_mid_p(*counts), rel=1e-8
    )


@pytest.mark.parametrize("counts", [(800, 0, 800), (0, 1500, 0), (2400, 30, 9), (600, 150, 700)])
def test_large_tables_neither_underflow_nor_lose_digits(counts):
    lf = log_factorials(2 * sum(counts))
    assert hardy_weinberg(*columns(*counts), lf)[0][0] == pytest.approx(
        variants.hardy_weinberg(*counts)[0], rel=1e-10
    )
