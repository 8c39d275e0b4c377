"""Consensus clustering: R's ConsensusClusterPlus on the same resamples, slow twins, other programs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import pytest
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from endotype.subtypes import consensus_kernels as kernels
from endotype.subtypes.consensus import (
    by_size,
    cdf,
    cdf_area,
    cluster_consensus,
    consensus,
    consensus_labels,
    count,
    delta_area,
    item_consensus,
    pac,
    resampled_rows,
)
from endotype.subtypes.consensus_engines import (
    correlation_distances,
    hierarchical_consensus,
    hierarchical_on,
    kmeans_consensus,
    mixture_engine,
    spectral_engine,
)
from endotype.subtypes.mixture import Data
from endotype.subtypes.similarity import affinity, squared_distances
from tests.reference import consensus as slow

KS = (2, 3, 4, 5)


def three_groups(seed: int = 1, n: int = 60, p: int = 6, gap: float = 1.6) -> tuple[np.ndarray, np.ndarray]:
    """Groups that overlap, so that the consensus is not only 0 and 1."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 3
    return rng.normal(0, gap, (3, p))[truth] + rng.normal(size=(n, p)), truth


def some_labels(n: int = 14, groupings: int = 70) -> np.ndarray:
    """More than one word of 64, some patients not sampled, one pair never together."""
    labels = np.random.default_rng(3).integers(-1, 5, (n, groupings))
    labels[0, ::2] = -1
    labels[1, 1::2] = -1
    return labels


R = """
suppressMessages(library(ConsensusClusterPlus))
d <- t(as.matrix(read.table("values.tsv")))
colnames(d) <- seq_len(ncol(d))
# the only random numbers that it draws here are those of sampleCols, one call a resample
set.seed(7)
rows <- t(sapply(1:150, function(i) ConsensusClusterPlus:::sampleCols(d, 0.8)$subcols))
write.table(rows, "rows.tsv", row.names = FALSE, col.names = FALSE)
for (distance in c("euclidean", "pearson")) {
  found <- suppressMessages(ConsensusClusterPlus(d, maxK = 5, reps = 150, pItem = 0.8, clusterAlg = "hc",
    distance = distance, seed = 7))
  for (k in 2:5) {
    out <- cbind(found[[k]]$consensusMatrix, found[[k]]$consensusClass)
    write.table(format(out, digits = 17), sprintf("%s%d.tsv", distance, k), quote = FALSE,
      row.names = FALSE, col.names = FALSE)
  }
  more <- calcICL(found)
  write.table(more$clusterConsensus, paste0(distance, "_clusters.tsv"), row.names = FALSE, sep = "\t")
  write.table(more$itemConsensus, paste0(distance, "_items.tsv"), row.names = FALSE, sep = "\t")
}
"""


@pytest.fixture(scope="module")
def from_r(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of R, which drew the resamples; skips without the package."""
    probe = ["Rscript", "-e", "stopifnot(requireNamespace('ConsensusClusterPlus', quietly = TRUE))"]
    if shutil.which("Rscript") is None or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("R's ConsensusClusterPlus is not installed")
    folder = tmp_path_factory.mktemp("consensus")
    np.savetxt(folder / "values.tsv", three_groups()[0], fmt="%.17g")
    (folder / "run.R").write_text(R)
    subprocess.run(["Rscript", "run.R"], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("distance", ["euclidean", "pearson"])
def test_consensus_and_groups_are_those_of_consensusclusterplus(from_r: Path, distance: str) -> None:
    values, _ = three_groups()
    rows = np.loadtxt(from_r / "rows.tsv", dtype=np.int64) - 1
    apart = np.sqrt(squared_distances(values)) if distance == "euclidean" else correlation_distances(values)
    found = hierarchical_on(apart, KS, rows)
    clusters = pd.read_csv(from_r / f"{distance}_clusters.tsv", sep="\t")
    items = pd.read_csv(from_r / f"{distance}_items.tsv", sep="\t")
    for k in KS:
        table = np.loadtxt(from_r / f"{distance}{k}.tsv")
        matrix, theirs = table[:, :-1], table[:, -1].astype(np.int64) - 1
        np.testing.assert_allclose(found[k].matrix, matrix, rtol=0, atol=1e-14)
        assert 0.02 < pac(matrix) < 0.9  # neither trivial
        ours = consensus_labels(found[k].matrix, k)
        np.testing.assert_array_equal(ours, by_size(theirs))  # the same groups, not only as good
        of_k = clusters[clusters["k"] == k].sort_values("cluster")["clusterConsensus"].to_numpy()
        np.testing.assert_allclose(cluster_consensus(found[k].matrix, theirs), of_k, atol=1e-12)
        of_k = items[items["k"] == k].sort_values(["item", "cluster"])["itemConsensus"].to_numpy()
        np.testing.assert_allclose(item_consensus(found[k].matrix, theirs), of_k.reshape(-1, k), atol=1e-12)


class TestCounting:
    def test_matrix_is_that_of_the_twin(self) -> None:
        labels = some_labels()
        found = count(labels)
        np.testing.assert_array_equal(found.matrix, slow.consensus_matrix(labels))
        assert np.isnan(found.matrix[0, 1]) and found.n_unseen == 1
        np.testing.assert_array_equal(found.sampled, ((labels >= 0) * 1) @ ((labels >= 0) * 1).T)

    def test_one_group_and_many_groups(self) -> None:
        labels = np.zeros((3, 65), np.int64)
        assert (count(labels).matrix == 1).all()
        labels[:, 64] = [0, 300, 300]
        np.testing.assert_array_equal(count(labels).together[0], [65, 64, 64])

    def test_statistics(self) -> None:
        matrix = count(some_labels()).matrix
        assert pac(matrix, 0.15, 0.25) == pytest.approx(slow.pac(matrix, 0.15, 0.25), abs=1e-15)
        steps = np.linspace(0, 1, 100_001)
        assert cdf_area(matrix) == pytest.approx(np.mean(cdf(matrix, steps)), abs=1e-4)
        assert delta_area([0.4, 0.5]) == pytest.approx([0.4, 0.25])
        labels = np.array([0] * 9 + [1] * 4 + [-1])
        member = item_consensus(matrix, labels)
        assert member[13, 1] == pytest.approx(matrix[13, 9:13].mean())
        assert member[0, 0] == pytest.approx(matrix[0, 2:9].mean())  # not itself, not the unknown
        assert np.isnan(cluster_consensus(matrix, np.array([0] + [1] * 13))[0])

    def test_bits_do_not_depend_on_threads(self) -> None:
        values, _ = three_groups()
        results, before = [], numba.get_num_threads()
        for threads in (1, 2):
            numba.set_num_threads(min(threads, before))
            found = [
                hierarchical_consensus(squared_distances(values), KS, 70, seed=3),
                kmeans_consensus(values, KS, 70, seed=3, restarts=2),
            ]
            results.append(b"".join(one.matrix.tobytes() for each in found for one in each.values()))
        numba.set_num_threads(before)
        assert results[0] == results[1]


class TestTrees:
    def test_groups_are_those_of_the_definition_and_of_scipy(self) -> None:
        values, _ = three_groups(n=24)
        apart = np.sqrt(squared_distances(values))
        first, second, height = kernels.average_linkage(apart.copy())
        tree = linkage(pdist(values), "average")
        np.testing.assert_allclose(height, tree[:, 2], rtol=1e-12)
        for k in (1, 2, 5, 24):
            groups = kernels.cut(first, second, k)
            assert adjusted_rand_score(groups, cut_tree(tree, k).ravel()) == 1.0
            expected = {frozenset(g) for g in slow.average_linkage_groups(squareform(pdist(values)), k)}
            assert {frozenset(np.flatnonzero(groups == c).tolist()) for c in range(k)} == expected

    def test_of_equal_pairs_the_first_is_merged(self) -> None:
        apart = np.ones((4, 4)) - np.eye(4)
        first, second, height = kernels.average_linkage(apart)
        assert (first[0], second[0]) == (0, 1)
        assert (height == 1).all()


class TestKmeans:
    def test_from_the_same_centres_it_ends_where_scikit_learn_does(self) -> None:
        values, _ = three_groups(5, gap=0.6)
        columns = np.ascontiguousarray(values.T)
        for seed in range(5):
            uniforms = np.random.default_rng(seed).random(4)
            centres = kernels.spread_centres(columns, uniforms)
            theirs = KMeans(4, init=centres.copy(), n_init=1, tol=0, max_iter=100).fit(values)
            label, within = kernels.lloyd(columns, centres, 100)
            np.testing.assert_array_equal(label, theirs.labels_)
            assert within == pytest.approx(theirs.inertia_, rel=1e-12)

    def test_restarts_find_what_one_start_misses(self) -> None:
        values, _ = three_groups(5, n=90, gap=1.0)
        columns = np.ascontiguousarray(values.T)
        one = kernels.kmeans(columns, np.random.default_rng(2).random((1, 6)), 100)
        many = kernels.kmeans(columns, np.random.default_rng(2).random((40, 6)), 100)

        def within(label: np.ndarray) -> float:
            return sum(
                ((values[label == c] - values[label == c].mean(axis=0)) ** 2).sum() for c in set(label)
            )

        assert within(many) < within(one)
        best = KMeans(6, n_init=100, random_state=1).fit(values).inertia_
        assert within(many) == pytest.approx(best, rel=0.02)

    def test_duplicated_patients_do_not_stop_it(self) -> None:
        label = kernels.kmeans(np.zeros((2, 6)), np.full((2, 3), 0.9), 10)
        assert (label == 0).all()


class TestEngines:
    def test_every_engine_finds_clear_groups(self) -> None:
        values, truth = three_groups(gap=4)
        apart = np.sqrt(squared_distances(values))
        engines = (
            spectral_engine(affinity(apart, 10), 3),
            mixture_engine(Data.of(values, np.zeros(6, bool)), 3, 5),
        )
        found = [consensus(60, engine, 20, seed=1) for engine in engines]
        found += [hierarchical_consensus(apart, [3], 20, 1)[3], kmeans_consensus(values, [3], 20, 1)[3]]
        for one in found:
            assert adjusted_rand_score(consensus_labels(one.matrix, 3), truth) == 1.0
            assert pac(one.matrix) < 0.05

    def test_resamples_have_streams_of_their_own(self) -> None:
        rows = resampled_rows(50, 30, seed=4)
        np.testing.assert_array_equal(rows[:10], resampled_rows(50, 10, seed=4))
        assert rows.shape == (30, 40) and (np.diff(rows) > 0).all()
        assert (resampled_rows(50, 1, seed=5) != rows[0]).any()

    def test_patients_set_aside_count_as_not_sampled(self) -> None:
        found = consensus(10, lambda rows, rng: np.where(rows == 3, -1, 0), 40, seed=1)
        assert np.isnan(found.matrix[3]).all()
        assert (np.delete(np.delete(found.matrix, 3, 0), 3, 1) == 1).all()

    def test_noise_is_ambiguous(self) -> None:
        values = np.random.default_rng(8).normal(size=(100, 20))
        clear = kmeans_consensus(three_groups(gap=4)[0], [3], 50, 1)[3]
        assert pac(kmeans_consensus(values, [3], 50, 1)[3].matrix) > 0.5 > pac(clear.matrix) + 0.4


def test_names_go_by_size() -> None:
    np.testing.assert_array_equal(by_size(np.array([4, 2, 2, -1, 9, 9])), [2, 0, 0, -1, 1, 1])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: resampled_rows(10, 0, 1), "0 resamples"),
        (lambda: resampled_rows(2, 5, 1), "at least 1 of 2"),
        (lambda: consensus(10, lambda rows, rng: rows[:-1], 2, 1), "labels of 8 patients"),
        (lambda: count(np.zeros((3, 0), int)), "patients x groupings"),
        (lambda: count(np.full((3, 1), 40_000)), "too large"),
        (lambda: consensus_labels(count(some_labels()).matrix, 2), "1 pairs of patients were never"),
        (lambda: consensus_labels(np.eye(3), 4), "4 groups of 3"),
        (lambda: hierarchical_consensus(np.full((9, 9), np.nan), [2], 2, 1), "not finite"),
        (lambda: hierarchical_consensus(np.zeros((9, 9)), [8], 2, 1), "7 patients of a resample"),
        (lambda: kmeans_consensus(np.full((9, 2), np.nan), [2], 2, 1), "complete values"),
        (lambda: correlation_distances(np.ones((3, 2))), "3 patients have the same value"),
    ],
)
def test_what_can_not_be_done_is_said(call, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()
