"""Groups from several views: planted ones, missing views, bad views, and the breast tumours of mixOmics."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from endotype.subtypes.multiview import CATEGORY, nemo_groups, snf_groups, view_distances
from tests.real.prepare import DEFAULT_DATA

BREAST = DEFAULT_DATA / "subtypes" / "mixomics_breast"
METHODS = pytest.mark.parametrize("groups", [snf_groups, nemo_groups])


def planted() -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Groups of 36, 30 and 24 in both views, which overlap in each of them."""
    rng = np.random.default_rng(2)
    truth = np.repeat([0, 1, 2], [36, 30, 24])
    centres = rng.normal(0, 1.4, (2, 3, 6))
    return [(centres[v][truth] + rng.normal(size=(90, 6)), np.zeros(6, np.int8)) for v in (0, 1)], truth


@METHODS
def test_planted_groups_are_found(groups) -> None:
    views, truth = planted()
    found = groups(views, 3)
    alone = [adjusted_rand_score(nemo_groups([view], 3).labels, truth) for view in views]
    assert adjusted_rand_score(found.labels, truth) > max(alone) + 0.1
    assert np.bincount(found.labels).tolist() == sorted(np.bincount(found.labels), reverse=True)
    assert set(found.numbers) >= {2, 3, 4, 5}
    np.testing.assert_array_equal(groups(views, 3).network, found.network)


@METHODS
def test_patients_without_a_view_are_placed_and_those_without_any_are_not(groups) -> None:
    views, truth = planted()
    for v, rows in ((0, slice(None, None, 9)), (1, slice(3, None, 9))):
        views[v][0][rows] = np.nan
    views[0][0][np.random.default_rng(3).random((90, 6)) < 0.1] = np.nan
    for values, _ in views:
        values[[7, 50]] = np.nan
    found = groups(views, 3)
    assert np.flatnonzero(found.labels < 0).tolist() == [7, 50]
    assert len(found.rows) == len(found.network) == 88
    both = np.isfinite(views[0][0]).any(axis=1) & np.isfinite(views[1][0]).any(axis=1)
    assert adjusted_rand_score(found.labels[both], truth[both]) > 0.75


@METHODS
def test_hard_cases_give_an_answer(groups) -> None:
    views, truth = planted()
    rng = np.random.default_rng(4)
    wide = (rng.normal(size=(90, 400)) + 1.5 * truth[:, None], np.zeros(400, np.int8))  # more features
    constant = views[0][0].copy()
    constant[:, 0] = 1.0
    twins = np.concatenate([constant, constant])[:90]
    assert (groups([wide, (constant, views[0][1])], 3).labels >= 0).all()
    assert (groups([wide, (twins, views[0][1])], 3).labels >= 0).all()
    lone = views[1][0].copy()
    lone[0] = [np.nan] * 5 + [1.0]
    lone[1:, 5] = np.nan  # the only one with its only feature: the view can't compare it
    assert groups([wide, (lone, views[0][1])], 2).labels[0] >= 0


@METHODS
def test_views_that_can_not_be_used_are_named(groups) -> None:
    views, _ = planted()
    kind = np.zeros(6, np.int8)
    for second, says in (
        (np.full((90, 6), np.nan), "view 2 can compare 0 patients"),
        (np.ones((90, 6)), "alike in view 2"),
        (np.ones((89, 6)), "same patients"),
    ):
        with pytest.raises(ValueError, match=says):
            groups([views[0], (second, kind)], 2)


def test_a_category_that_differs_counts_one() -> None:
    one_hot, kind = np.eye(3)[[0, 1, 1]], np.full(3, CATEGORY, np.int8)
    np.testing.assert_allclose(view_distances(one_hot, kind), [[0, 1, 1], [1, 0, 0], [1, 0, 0]], atol=1e-15)


@pytest.mark.real
@pytest.mark.skipif(not BREAST.is_dir(), reason=f"the breast tumours of mixOmics are not in {BREAST}")
def test_breast_tumours_agree_with_pam50_as_far_as_is_known() -> None:
    views = []
    for name in ("mrna", "mirna", "protein"):
        table = pd.read_csv(BREAST / f"data.train.{name}.csv.gz", index_col=0)
        values = table.to_numpy(np.float64)
        views.append(
            ((values - values.mean(axis=0)) / values.std(axis=0), np.zeros(values.shape[1], np.int8))
        )
    truth = pd.read_csv(BREAST / "data.train.subtype.csv").iloc[:, -1].to_numpy()
    found = [adjusted_rand_score(method(views, 3).labels, truth) for method in (snf_groups, nemo_groups)]
    # with features of equal weight; an earlier fusion of these views, its views not recorded, had 0.401
    assert found == pytest.approx([0.384, 0.400], abs=0.001)
