"""NEMO: the stored results of the R original, a slow twin, its limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.subtypes.nemo import default_neighbours, nemo_group_numbers, nemo_network
from endotype.subtypes.similarity import affinity, spectral_groups, squared_distances
from tests.reference import similarity as slow
from tests.subtypes.test_similarity import partial_views, rand_index

ORIGINAL = Path(__file__).parent / "nemo_original"


@pytest.fixture(scope="module")
def original() -> tuple[list[np.ndarray], np.ndarray, pd.DataFrame]:
    """Values of two views, who is in them, and the labels the R program gave."""
    views = [pd.read_csv(ORIGINAL / f"view{v}.tsv", sep="\t", index_col=0) for v in (1, 2)]
    labels = pd.read_csv(ORIGINAL / "labels.tsv", sep="\t")
    present = np.stack([labels["patient"].isin(view.index) for view in views])
    return [view.to_numpy() for view in views], present, labels


def test_graph_and_groups_are_those_of_the_original(original) -> None:
    views, present, labels = original
    k = [default_neighbours(len(view)) for view in views]
    assert k == [7, 5]
    networks = [affinity(squared_distances(view), near) for view, near in zip(views, k, strict=True)]
    found = nemo_network(networks, k, present)
    expected = np.loadtxt(ORIGINAL / "graph.txt")
    columns, rows = np.triu_indices(len(found))  # R writes the lower triangle column after column
    np.testing.assert_allclose(found[rows, columns], expected, rtol=0, atol=1e-12)
    for groups in (2, 3, 4):
        theirs = labels[f"k{groups}"].to_numpy()
        assert rand_index(spectral_groups(found, groups), theirs) == 1.0
    assert nemo_group_numbers(found)[0] == 12


def test_graph_is_that_of_the_twin() -> None:
    views, present = partial_views(9)
    networks = [affinity(squared_distances(v), 3) for v in views]
    where = [np.flatnonzero(here).tolist() for here in present]
    found = nemo_network(networks, [3, 4, 2], present)
    np.testing.assert_allclose(found, slow.nemo(networks, [3, 4, 2], where, 18), rtol=1e-12)


def test_all_that_tie_with_the_last_neighbour_stay() -> None:
    network = np.full((5, 5), 0.2)
    found = nemo_network([network], [2], np.ones((1, 5), bool))
    np.testing.assert_allclose(found, 0.4)


def test_numbers_that_a_network_is_too_small_for_are_left_out() -> None:
    network = nemo_network([np.eye(4) + 0.1], [3], np.ones((1, 4), bool))
    assert sorted(nemo_group_numbers(network)) == [2, 3]


def test_what_can_not_be_done_is_said() -> None:
    for k, here, says in (
        (5, np.ones((1, 4), bool), "5 neighbours"),
        (2, np.ones((1, 5), bool), "5 there"),
        (2, np.arange(5)[None] > 0, "1 patients are in no view"),
    ):
        with pytest.raises(ValueError, match=says):
            nemo_network([np.eye(4)], [k], here)
