"""Inner loop of the permutation test of outcomes: arrays in, arrays out, one thread."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def permuted_statistics(
    scores: np.ndarray, labels: np.ndarray, k: int, orders: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log-rank statistic and degrees of freedom of each division after each permutation of its patients.

    The statistic is sum_g (S_g - n_g m)² / n_g divided by sum_i (s_i - m)² / (N - 1), over the N patients
    that have a score and a group; m is the mean of their scores.

    Args:
        scores: float64, shape (n,); NaN where there is no outcome.
        labels: int64, shape (n, J), groups from 0 of J divisions; -1 where there is none.
        k: number above every label.
        orders: int64, shape (B, n); patient i gets the labels of patient ``orders[b, i]``.

    Returns:
        Statistics and degrees of freedom, each float64 of shape (B, J); 0 and 0 with fewer than two groups.
    """
    n_orders = orders.shape[0]
    n, n_divisions = labels.shape
    statistic = np.zeros((n_orders, n_divisions))
    freedom = np.zeros((n_orders, n_divisions))
    for b in range(n_orders):
        total = np.zeros((n_divisions, k))
        count = np.zeros((n_divisions, k))
        square = np.zeros(n_divisions)
        for i in range(n):
            s = scores[i]
            if np.isnan(s):
                continue
            row = labels[orders[b, i]]
            for d in range(n_divisions):
                group = row[d]
                if group >= 0:
                    total[d, group] += s
                    count[d, group] += 1
                    square[d] += s * s
        for d in range(n_divisions):
            everyone = 0.0
            summed = 0.0
            for group in range(k):
                everyone += count[d, group]
                summed += total[d, group]
            if everyone < 2:
                continue
            mean = summed / everyone
            spread = square[d] - everyone * mean * mean
            between = 0.0
            groups = 0
            for group in range(k):
                if count[d, group] > 0:
                    groups += 1
                    excess = total[d, group] - count[d, group] * mean
                    between += excess * excess / count[d, group]
            if groups > 1 and spread > 1e-12 * square[d]:
                statistic[b, d] = between * (everyone - 1) / spread
                freedom[b, d] = groups - 1
    return statistic, freedom
