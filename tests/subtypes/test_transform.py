"""From recorded values to the columns of the model, and back from its file, for features of every kind."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from endotype.subtypes.adjustment import fit_scale, offsets
from endotype.subtypes.kernels import BINARY, CATEGORY, COUNT, GAUSSIAN
from endotype.subtypes.mixture import fit
from endotype.subtypes.projection import fit_projection
from endotype.subtypes.transform import FeatureTransform, fit_transform

N = 400


def cohort(seed: int = 0):
    rng = np.random.default_rng(seed)
    patients = pd.Index([f"P{i}" for i in range(N)])
    pc = rng.normal(size=N)
    features = pd.DataFrame(
        {
            "x": rng.normal(size=N) + 2 * pc,
            "b": (rng.random(N) < 1 / (1 + np.exp(1 - 2 * pc))).astype(float),
            "b_free": (rng.random(N) < 0.3).astype(float),
            "n": rng.poisson(np.exp(1 + 0.8 * pc)).astype(float),
            "stage": pd.Series(rng.choice(["I", "II", "III"], N), dtype="str"),
        }
    )
    latent = rng.normal(size=(N, 2))
    for j in range(60):
        features[f"e:{j}"] = latent @ rng.normal(size=2) + rng.normal(size=N)
    features.index = patients
    features.iloc[::7, 0] = np.nan
    features.iloc[::9, 4] = None
    info = [{"name": n, "view": "clinical", "kind": k} for n, k in [("x", "gaussian"), ("b", "binary")]]
    info += [{"name": "b_free", "view": "clinical", "kind": "binary"}]
    info += [{"name": "n", "view": "clinical", "kind": "count"}]
    info += [{"name": "stage", "view": "clinical", "kind": "category", "levels": ["I", "II", "III", "IV"]}]
    info += [{"name": f"e:{j}", "view": "e", "kind": "gaussian"} for j in range(60)]
    ancestry = pd.DataFrame({"pc1": pc}, index=patients)
    views = [{"name": "clinical", "components": 0}, {"name": "e", "components": -1}]
    return features, pd.DataFrame(index=patients), ancestry, {"features": info, "views": views}


def test_every_kind_becomes_its_columns_and_survives_the_file():
    features, clinical, ancestry, info = cohort()
    transform, left_out = fit_transform(features, clinical, ancestry, info, {"columns": {}})
    assert not left_out
    names = ["x", "b", "b_free", "n", "stage=I", "stage=II", "stage=III", "e:component 1", "e:component 2"]
    assert transform.columns == names
    kinds = [GAUSSIAN, BINARY, BINARY, COUNT, CATEGORY, CATEGORY, CATEGORY, GAUSSIAN, GAUSSIAN]
    assert transform.kind.tolist() == kinds and transform.block.tolist() == [0, 1, 2, 3, 4, 4, 4, 5, 6]
    data = transform.data(features, clinical, ancestry)
    assert not data.seen[::9, 4:7].any() and data.seen[1, 4:7].all()
    assert abs(np.corrcoef(data.x[data.seen[:, 0], 0], ancestry["pc1"][data.seen[:, 0]])[0, 1]) < 1e-6
    again = FeatureTransform.from_content(json.loads(json.dumps(transform.content())))
    alone = slice(3, 4)
    one = again.data(features.iloc[alone], clinical.iloc[alone], ancestry.iloc[alone])
    assert (one.x == data.x[alone]).all() and (one.shift == data.shift[alone]).all()


def test_confounders_shift_what_they_explain_and_nothing_else():
    features, clinical, ancestry, info = cohort()
    transform, _ = fit_transform(features, clinical, ancestry, info, {"columns": {}})
    slopes = {f.name: f.slopes[0] for f in transform.features if f.kind in ("binary", "count")}
    assert slopes["b_free"] == 0 and 1.5 < slopes["b"] < 2.5 and 0.7 < slopes["n"] < 0.9
    nobody = pd.DataFrame({"pc1": [np.nan]})
    assert transform.data(features.iloc[[1]], clinical.iloc[[1]], nobody).shift.tolist() == [[0.0] * 9]


def test_slopes_equal_statsmodels_but_for_the_penalty():
    api = pytest.importorskip("statsmodels.api", reason="statsmodels is not installed")
    features, _, ancestry, _ = cohort()
    design = ancestry.to_numpy()
    for name, kind, family in (("b", "binary", "Binomial"), ("n", "count", "Poisson")):
        scale = fit_scale(name, "clinical", kind, features[name].to_numpy(), design)
        model = api.GLM(features[name], api.add_constant(design), family=getattr(api.families, family)())
        assert scale.slopes[0] == pytest.approx(model.fit().params.iloc[1], rel=0.05)
    assert offsets(scale, design)[0] == pytest.approx(scale.slopes[0] * design[0, 0])


def test_ancestry_makes_no_groups_once_it_is_a_confounder():
    """Two populations differ in binary features; of one mind without them, the cohort has no groups."""
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    rng = np.random.default_rng(1)
    population = rng.integers(0, 2, N)
    rates = rng.uniform(0.2, 0.8, (2, 40))
    table = pd.DataFrame((rng.random((N, 40)) < rates[population]).astype(float))
    table.columns = [f"b{j}" for j in range(40)]
    info = {"features": [{"name": n, "view": "c", "kind": "binary"} for n in table.columns]}
    ancestry = pd.DataFrame({"pc1": population + rng.normal(0, 0.05, N)})
    found = []
    for known in (ancestry.assign(pc1=0.0), ancestry):
        transform, _ = fit_transform(table, pd.DataFrame(index=table.index), known, info, {"columns": {}})
        data = transform.data(table, pd.DataFrame(index=table.index), known)
        labels = fit(data, 2, np.random.default_rng(0), 10).labels(data)
        found.append(metrics.adjusted_rand_score(population, labels))
    assert found[0] > 0.7 and abs(found[1]) < 0.02


def test_features_that_say_nothing_are_named():
    features, clinical, ancestry, info = cohort()
    features["x"], features["b"] = np.nan, 0.0
    features.iloc[:3, 1] = 1.0
    features["n"] = 2.0
    features["stage"] = pd.Series(["I"] * N, index=features.index, dtype="str")
    _, left_out = fit_transform(features, clinical, ancestry, info, {"columns": {}})
    assert left_out == {
        "x": "not recorded in any patient of the training set",
        "b": "3 patients of the training set have it, fewer than 5",
        "n": "the same in every patient of the training set",
        "stage": "the same in every patient of the training set",
    }


class TestProjection:
    def planted(self, holes: float):
        rng = np.random.default_rng(3)
        scores = rng.normal(size=(300, 3)) * [3, 2, 1.5]
        x = scores @ rng.normal(size=(3, 40)) + rng.normal(size=(300, 40))
        x = (x - x.mean(axis=0)) / x.std(axis=0)
        return scores, np.where(rng.random(x.shape) < holes, np.nan, x)

    @pytest.mark.parametrize("holes", [0.0, 0.2])
    def test_as_many_components_as_there_are(self, holes):
        scores, x = self.planted(holes)
        projection = fit_projection("v", tuple("abc"), x, -1)
        assert projection.loadings.shape == (40, 3)
        found = projection.values(x)
        fitted = found @ np.linalg.lstsq(found, scores, rcond=None)[0]
        assert 1 - ((scores - fitted) ** 2).sum() / (scores**2).sum() > 0.95
        np.testing.assert_allclose(found.std(axis=0), 1, atol=1e-9)

    def test_complete_data_give_principal_components(self):
        decomposition = pytest.importorskip("sklearn.decomposition", reason="scikit-learn is not installed")
        _, x = self.planted(0.0)
        theirs = decomposition.PCA(3).fit(x)
        projection = fit_projection("v", tuple("abc"), x, 3)
        np.testing.assert_allclose(projection.explained, theirs.explained_variance_ratio_, rtol=1e-9)
        ours = projection.values(x)
        for j in range(3):
            assert abs(np.corrcoef(ours[:, j], theirs.transform(x)[:, j])[0, 1]) > 0.9999

    def test_more_features_than_patients(self):
        _, x = self.planted(0.0)
        projection = fit_projection("v", tuple("abc"), x.T[:30, :25].T[:, :30], -1)
        assert 2 <= projection.loadings.shape[1] <= 20

    def test_nothing_seen_is_missing(self):
        _, x = self.planted(0.0)
        projection = fit_projection("v", tuple("abc"), x, 2)
        assert np.isnan(projection.values(np.full((1, 40), np.nan))).all()
