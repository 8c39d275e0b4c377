"""Similarity networks: R SNFtool's stored results, a slow twin, and what must hold of any network."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.subtypes.similarity import (
    affinity,
    eigengap,
    fuse,
    propagate_labels,
    spectral_groups,
    squared_distances,
)

SNF = Path(os.environ.get("ENDOTYPE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "oracles" / "snf"
needs_snf = pytest.mark.skipif(not SNF.is_dir(), reason=f"SNFtool's results are not in {SNF}")


def stored(name: str) -> np.ndarray:
    return np.loadtxt(SNF / name)


def rand_index(a: np.ndarray, b: np.ndarray) -> float:
    """1 where two groupings are the same but for names."""
    return float(((a[:, None] == a) == (b[:, None] == b)).mean())


@needs_snf
@pytest.mark.real
class TestSnftool:
    def test_affinities_and_fusion_are_those_of_r(self) -> None:
        networks = []
        for view in ("Data1", "Data2"):
            network = affinity(np.sqrt(squared_distances(stored(f"{view}.tsv.gz"))), 20, 0.5)
            expected = stored(f"affinity_{view}.tsv.gz")
            # the file has 17 digits; distances of near neighbours lose some to cancellation in both programs
            np.testing.assert_allclose(network, expected, rtol=0, atol=1e-9 * expected.max())
            networks.append(network)
        np.testing.assert_allclose(fuse(networks, 20, 20), stored("fused.tsv.gz"), rtol=0, atol=1e-10)

    def test_groups_and_their_number(self) -> None:
        network = stored("fused.tsv.gz")
        labels = pd.read_csv(SNF / "labels.tsv", sep="\t")
        spectral = labels["spectral_k2"].to_numpy()
        assert rand_index(spectral_groups(network, 2), spectral) == 1.0
        assert eigengap(network)[:2] == [2, 5]

    def test_digits_are_found_and_new_ones_placed(self) -> None:
        views = [stored("digits_view1.tsv.gz"), stored("digits_view2.tsv.gz")]
        labels = pd.read_csv(SNF / "digits_labels.tsv", sep="\t")
        truth = labels["label"].to_numpy()
        network = fuse([affinity(np.sqrt(squared_distances(v)), 10, 0.5) for v in views], 10, 20)
        assert network[0, 1] == pytest.approx(0.0040288110055308451, abs=1e-10)
        assert network.sum() == pytest.approx(300, abs=1e-9)
        assert rand_index(spectral_groups(network, 3), truth) > 0.99
        known = np.where(np.arange(300) % 3 > 0, pd.factorize(truth)[0], -1)
        placed = propagate_labels(network, known).argmax(axis=1)
        assert (placed == pd.factorize(truth)[0]).mean() > 0.99


def two_views(seed: int, n: int = 60) -> tuple[list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 3
    centres = rng.normal(0, 3, (2, 3, 4))
    return [centres[v][truth] + rng.normal(size=(n, 4)) for v in range(2)], truth


def slow_fusion(networks: list[np.ndarray], k: int, steps: int) -> np.ndarray:
    """Element by element, from the formulae of the paper's supplement."""
    n = len(networks[0])

    def normalise(w: np.ndarray) -> np.ndarray:
        out = np.zeros((n, n))
        for i in range(n):
            total = sum(w[i, j] for j in range(n) if j != i)
            for j in range(n):
                out[i, j] = 0.5 if i == j else w[i, j] / (2 * total)
        return (out + out.T) / 2

    whole = [normalise(w) for w in networks]
    local = []
    for w in whole:
        s = np.zeros((n, n))
        for i in range(n):
            near = sorted(range(n), key=lambda j: (w[i, j], j))[-k:]
            total = sum(w[i, j] for j in near)
            for j in near:
                s[i, j] = w[i, j] / total
        local.append(s)
    for _ in range(steps):
        whole = [normalise(local[a] @ whole[1 - a] @ local[a].T) for a in range(2)]
    return normalise((whole[0] + whole[1]) / 2)


def test_fusion_is_that_of_the_twin() -> None:
    views, _ = two_views(1, 30)
    networks = [affinity(squared_distances(v), 5) for v in views]
    np.testing.assert_allclose(fuse(networks, 5, 8), slow_fusion(networks, 5, 8), rtol=1e-10)


def test_affinity_is_the_kernel_of_the_formula() -> None:
    rng = np.random.default_rng(2)
    d = squared_distances(rng.normal(size=(12, 3)))
    found = affinity(d, 4, 0.7)
    for i, j in ((0, 5), (3, 3), (7, 2)):
        near = [np.sort(np.delete(d[r], r))[:4].mean() for r in (i, j)]
        width = 0.7 * (near[0] + near[1] + d[i, j] * (i != j)) / 3
        expected = np.exp(-((d[i, j] * (i != j)) ** 2) / (2 * width**2)) / (width * np.sqrt(2 * np.pi))
        assert found[i, j] == pytest.approx(expected, rel=1e-9)


def test_groups_are_found_and_the_order_of_patients_does_not_matter() -> None:
    views, truth = two_views(3)
    order = np.random.default_rng(0).permutation(len(truth))
    found = []
    for chosen in (np.arange(len(truth)), order):
        network = fuse([affinity(squared_distances(v[chosen]), 10) for v in views], 10)
        np.testing.assert_allclose(network, network.T)
        labels = np.empty(len(truth), np.int64)
        labels[chosen] = spectral_groups(network, 3)
        found.append(labels)
    assert rand_index(found[0], truth) == 1.0
    assert rand_index(*found) == 1.0


def test_labels_spread_to_those_near() -> None:
    views, truth = two_views(4)
    network = fuse([affinity(squared_distances(v), 10) for v in views], 10)
    known = np.where(np.arange(len(truth)) < 9, truth, -1)
    share = propagate_labels(network, known)
    np.testing.assert_allclose(share.sum(axis=1), 1)
    assert (share.argmax(axis=1) == truth).all()
    assert (share[:9] == np.eye(3)[truth[:9]]).all()


def test_what_can_not_be_done_is_said() -> None:
    network = affinity(squared_distances(np.random.default_rng(1).normal(size=(8, 2))), 3)
    for call in (
        lambda: affinity(squared_distances(np.zeros((5, 2))), 5),
        lambda: affinity(np.full((5, 5), np.nan), 2),
        lambda: fuse([network]),
        lambda: fuse([network, network[:5, :5]], 3),
        lambda: spectral_groups(network, 9),
        lambda: propagate_labels(network, np.full(8, -1)),
    ):
        with pytest.raises(ValueError):
            call()
