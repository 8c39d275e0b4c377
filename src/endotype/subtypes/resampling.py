"""Which patients are put together again and again when the cohort is resampled.

A share of the patients is drawn without replacement, the mixture is fitted to them anew, and two patients
that were drawn together are counted as together or apart (consensus clustering; Monti et al. 2003, Mach
Learn 52:91).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from endotype.subtypes import kernels
from endotype.subtypes.consensus import count
from endotype.subtypes.em_runs import run_all
from endotype.subtypes.mixture import Data, Mixture, fit_from

SHARE = 0.8
"""Share of the patients in a resample."""

QUICK_SHORT_ITERATIONS = 4
QUICK_ITERATIONS = 100
"""EM of a resample may stop a little earlier than that of the cohort."""


def quick_fit(data: Data, k: int, rng: np.random.Generator, restarts: int) -> Mixture:
    """A fit for one of many resamples: the best of a few short runs goes on."""
    starts = [kernels.seed_posteriors(data.points, data.seen, k, rng.random(k)) for _ in range(restarts)]
    short = [fit_from(data, start, QUICK_SHORT_ITERATIONS) for start in starts]
    best = max(short, key=lambda result: result[0])[1]
    return fit_from(data, best.posterior(data), QUICK_ITERATIONS)[1]


def resampled_labels(
    data: Data,
    k: int,
    resamples: int,
    restarts: int,
    stream: Callable[[int], np.random.Generator],
    threads: int = 1,
) -> np.ndarray:
    """Groups that refits find, int64 of shape (resamples, n); -1 where a patient was not drawn.

    Args:
        data: patients.
        k: number of groups.
        resamples: how many.
        restarts: of each fit.
        stream: random numbers of each resample.
        threads: fits at a time; the result doesn't depend on it.
    """

    def once(b: int) -> np.ndarray:
        rng = stream(b)
        drawn = np.sort(rng.permutation(data.n)[: int(np.ceil(SHARE * data.n))])
        part = data.rows(drawn)
        labels = np.full(data.n, -1)
        labels[drawn] = quick_fit(part, k, rng, restarts).labels(part)
        return labels

    return np.array(run_all(once, range(resamples), threads))


def consensus_matrix(labels: np.ndarray) -> np.ndarray:
    """Share of the resamples with both patients in which they are together; float32, shape (n, n).

    Pairs that were never drawn together have 0.

    Args:
        labels: of :func:`resampled_labels`.
    """
    matrix = np.nan_to_num(count(labels.T).matrix).astype(np.float32)
    np.fill_diagonal(matrix, 1)
    return matrix
