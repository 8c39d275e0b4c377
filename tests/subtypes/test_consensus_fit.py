"""The mixture that resamples agree on."""

from __future__ import annotations

import numpy as np
import pytest

from endotype.subtypes.consensus import pac
from endotype.subtypes.consensus_fit import adjusted_rand, consensus_fit, consensus_groups
from endotype.subtypes.resampling import consensus_matrix, resampled_labels
from tests.subtypes.cohorts import noise, planted


def stream(seed: int):
    return lambda b: np.random.default_rng([seed, b])


def test_consensus_counts_pairs_that_were_drawn_together():
    labels = np.array([[0, 0, 1, -1], [1, 1, 1, 0], [0, -1, 1, 1]])
    matrix = consensus_matrix(labels)
    n = labels.shape[1]
    for i in range(n):
        for j in range(n):
            both = [(row[i], row[j]) for row in labels if row[i] >= 0 and row[j] >= 0]
            together = sum(a == b for a, b in both)
            expected = 1.0 if i == j else together / len(both) if both else 0.0
            assert matrix[i, j] == np.float32(expected)
    ambiguous = [m for m in matrix[np.triu_indices(n, 1)] if 0.1 < m <= 0.9]
    assert pac(matrix) == pytest.approx(len(ambiguous) / 6)


def test_adjusted_rand_equals_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    rng = np.random.default_rng(1)
    for k in (1, 2, 5):
        labels, others = rng.integers(0, k, 60), rng.integers(0, 4, 60)
        theirs = metrics.adjusted_rand_score(labels, others)
        assert adjusted_rand(labels, others) == pytest.approx(theirs, abs=1e-12)
        assert adjusted_rand(labels, labels) == 1


def test_odd_patients_are_no_group_of_the_consensus():
    truth = np.array([0] * 20 + [1] * 15 + [2] * 3)
    matrix = (truth[:, None] == truth).astype(np.float32)
    matrix[:20, 20:35] = matrix[20:35, :20] = 0.3
    matrix[35:, :20] = matrix[:20, 35:] = 0.05  # the first cut would divide these three from all others
    groups = consensus_groups(matrix, 2, 10)
    assert adjusted_rand(groups, np.array([0] * 20 + [1] * 15 + [0] * 3)) == 1
    assert (
        len(set(consensus_groups(matrix, 3, 10))) == 3
    )  # no cut gives three groups of ten: the cut at three


def test_another_seed_finds_the_same_groups_and_noise_is_not_reproducible():
    data, truth = planted(np.random.default_rng(2), n=240)
    everybody = np.arange(data.n)
    found = [consensus_fit(data, everybody, 3, 16, 2, 10, stream(seed)) for seed in range(2)]
    labels = [mixture.labels(data) for mixture, _ in found]
    assert adjusted_rand(*labels) > 0.97
    assert adjusted_rand(labels[0], truth) > 0.8
    assert found[0][1].reproducibility > 0.95
    assert found[0][1].pac < 0.05
    _, unclear = consensus_fit(noise(np.random.default_rng(3), 240), everybody, 3, 16, 2, 10, stream(1))
    assert unclear.reproducibility < 0.7
    assert unclear.pac > 0.3


def test_threads_change_no_bit_and_a_part_of_the_patients_is_enough():
    data, truth = planted(np.random.default_rng(4), n=240)
    one, many = (resampled_labels(data, 3, 6, 2, stream(1), threads) for threads in (1, 4))
    assert (one == many).all()
    assert ((one >= 0).sum(axis=1) == 192).all()
    mixture, consensus = consensus_fit(data, np.arange(0, 240, 2), 3, 12, 2, 10, stream(1))
    assert consensus.matrix.shape == (120, 120)
    assert adjusted_rand(mixture.labels(data), truth) > 0.8
