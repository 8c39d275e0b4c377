"""Similarity networks: R SNFtool's stored results, a slow twin, and what must hold of any network."""

from __future__ import annotations

import os
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import pytest

from endotype.subtypes import similarity
from endotype.subtypes import similarity_kernels as kernels
from endotype.subtypes.similarity import (
    affinity,
    eigengap,
    fuse,
    propagate_labels,
    spectral_groups,
    squared_distances,
)
from tests.reference import similarity as slow

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


def partial_views(seed: int = 5, n: int = 18) -> tuple[list[np.ndarray], np.ndarray]:
    """Three views with missing values, patients who lack one or two, and a pair that shares none."""
    rng = np.random.default_rng(seed)
    values = [rng.normal(size=(n, p)) for p in (4, 5, 6)]
    present = np.ones((3, n), bool)
    present[0, 2:5] = present[1, 4:8] = present[2, [4, 9]] = False
    present[1:, 0] = present[0, 17] = False
    present[:, 4] = [False, False, True]
    for view in values:
        view[rng.random(view.shape) < 0.15] = np.nan
    return [view[here] for view, here in zip(values, present, strict=True)], present


def test_fusion_is_that_of_the_twin() -> None:
    views, _ = two_views(1, 30)
    networks = [affinity(squared_distances(v), 5) for v in views]
    everybody = [list(range(30))] * 2
    np.testing.assert_allclose(
        fuse(networks, 5, 8), slow.fuse(networks, 5, 8, everybody, 30), rtol=1e-10, atol=1e-15
    )


def test_missing_values_and_views_are_those_of_the_twin() -> None:
    views, present = partial_views()
    where = [np.flatnonzero(here).tolist() for here in present]
    assert not (present[:, 0] & present[:, 17]).any()
    networks = []
    for values in views:
        d = squared_distances(values)
        slowly = np.array([[slow.squared_distance(a, b) for b in values] for a in values])
        np.testing.assert_allclose(d, slowly, atol=1e-12)
        networks.append(affinity(d, 4))
        np.testing.assert_allclose(networks[-1], slow.affinity(slowly, 4, 0.5), rtol=1e-9)
    found = fuse(networks, 4, 6, present)
    np.testing.assert_allclose(found, slow.fuse(networks, 4, 6, where, 18), rtol=1e-9)
    assert (found == found.T).all()


def test_a_pair_without_a_common_feature_has_the_mean_affinity() -> None:
    values = np.random.default_rng(6).normal(size=(9, 4))
    values[0, :2] = values[1, 2:] = np.nan
    d = squared_distances(values)
    assert np.isnan(d[0, 1]) and np.isnan(d).sum() == 2
    network = affinity(d, 3)
    np.testing.assert_allclose(network, slow.affinity(d, 3, 0.5), rtol=1e-9)
    values[0] = [np.nan, np.nan, np.nan, 1.0]
    values[1:, 3] = np.nan
    with pytest.raises(ValueError, match="1 patients share no feature"):
        affinity(squared_distances(values), 3)


@pytest.mark.parametrize("parts", [1, 3])
def test_needed_eigenvectors_are_those_of_all(monkeypatch: pytest.MonkeyPatch, parts: int) -> None:
    views, truth = two_views(7, 240)
    network = fuse([affinity(squared_distances(v), 10) for v in views], 10)
    if parts == 3:  # nothing connects the groups: three eigenvalues are 0
        network = network * (truth[:, None] == truth)
    whole = similarity.laplacian_spectrum(network, 6)
    labels = spectral_groups(network, 5)
    monkeypatch.setattr(similarity, "MAX_DENSE", 20)
    few = similarity.laplacian_spectrum(network, 6)
    np.testing.assert_allclose(few[0], whole[0], atol=1e-12)
    assert (few[0][:parts] < 1e-12).all() and few[0][parts] > 1e-3
    # the same space: of vectors with equal eigenvalues any rotation is right
    np.testing.assert_allclose(few[1] @ few[1].T, whole[1] @ whole[1].T, atol=1e-7)
    assert rand_index(spectral_groups(network, 5), labels) == 1.0


def test_bits_do_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "_MANY", 0)
    views, present = partial_views(8, 40)
    networks = [affinity(squared_distances(v), 4) for v in views]
    results, before = [], numba.get_num_threads()
    for threads in (1, 2):
        numba.set_num_threads(min(threads, before))
        results.append(fuse(networks, 4, 5, present).tobytes())
    numba.set_num_threads(before)
    assert results[0] == results[1]


def test_of_equal_neighbours_the_later_columns_stay() -> None:
    index, weight = np.empty((1, 3), np.int32), np.empty((1, 3))
    kernels.nearest(np.array([[0.5, 0.2, 0.2, 0.2]])[:, :4], 3, index, weight)
    np.testing.assert_array_equal(index, [[0, 2, 3]])
    np.testing.assert_allclose(weight, [[5 / 9, 2 / 9, 2 / 9]])


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


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda w: affinity(squared_distances(np.zeros((5, 2))), 5), "5 neighbours among 5"),
        (lambda w: affinity(np.full((5, 5), np.inf), 2), "infinite"),
        (lambda w: affinity(np.full((5, 5), np.nan), 2), "5 patients share no feature"),
        (lambda w: fuse([w]), "1 networks"),
        (lambda w: fuse([w, w[:5, :5]], 3), "do not fit"),
        (lambda w: fuse([w, w[:5, :5]], 3, present=np.ones((2, 8), bool)), "do not fit"),
        (lambda w: fuse([w, w], 8), "8 neighbours among 8 patients of view 1"),
        (lambda w: fuse([w, np.triu(w)], 3), "view 2 is not symmetric"),
        (lambda w: fuse([w, w], 3, present=np.tile(np.arange(9) > 0, (2, 1))), "1 patients are in no view"),
        (lambda w: spectral_groups(w, 9), "9 groups of 8"),
        (lambda w: propagate_labels(w, np.full(8, -1)), "nobody"),
    ],
)
def test_what_can_not_be_done_is_said(call, says: str) -> None:
    network = affinity(squared_distances(np.random.default_rng(1).normal(size=(8, 2))), 3)
    with pytest.raises(ValueError, match=says):
        call(network)
