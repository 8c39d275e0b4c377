"""Alleles against the reference: arrays in, arrays out."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True)
def agrees_with_reference(
    text: np.ndarray, offsets: np.ndarray, at: np.ndarray, window: np.ndarray
) -> np.ndarray:
    """Whether each of ``n`` alleles is what the reference has there, bool, shape (n,).

    Args:
        text: bytes of all alleles one after the other, uint8, upper case.
        offsets: allele ``i`` is ``text[offsets[i]:offsets[i + 1]]``; int64, shape (n + 1,).
        at: 0-based place of each allele's first base in ``window``, int64, shape (n,).
        window: bases of the reference, uint8, upper case. An allele that leaves it doesn't agree.
    """
    n = len(at)
    same = np.ones(n, np.bool_)
    for i in range(n):
        length = offsets[i + 1] - offsets[i]
        if at[i] < 0 or at[i] + length > len(window):
            same[i] = False
            continue
        for k in range(length):
            if text[offsets[i] + k] != window[at[i] + k]:
                same[i] = False
                break
    return same
