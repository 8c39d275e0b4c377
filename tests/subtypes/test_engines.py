"""Networks as the engine of discovery, and published classes learnt in a run, from files to calls."""

from __future__ import annotations

import numpy as np
import pytest

from endotype.errors import InputError
from endotype.files import read_json, write_json
from endotype.subtypes.agreement import adjusted_rand_index
from endotype.subtypes.assign import assign_subtypes
from endotype.subtypes.discover import Sources, discover_subtypes
from endotype.subtypes.mixture import Data
from endotype.subtypes.network_selection import select_networks
from endotype.subtypes.selection import Settings
from endotype.tables import read_parquet, write_parquet
from tests.subtypes.cohorts import entry, run_all, write_cohort

QUICK = Settings(max_k=3, resamples=8, null_cohorts=5, outcome_permutations=50)


def two_views(apart: float, n: int = 120) -> tuple[Data, list[str], np.ndarray]:
    """Two groups that both views show, ``apart`` standard deviations in each of four columns."""
    rng = np.random.default_rng(3)
    groups = (np.arange(n) < n // 3).astype(int)
    values = rng.standard_normal((n, 12))
    values[:, [0, 1, 6, 7]] += apart * groups[:, None]
    values[rng.random(values.shape) < 0.03] = np.nan
    return Data.of(values, np.zeros(12, bool)), ["a"] * 6 + ["b"] * 6, groups


@pytest.mark.parametrize("engine", ["snf", "nemo"])
def test_networks_find_planted_groups_and_carry_them_over(engine):
    data, views, groups = two_views(4.0)
    found = select_networks(data, views, engine, QUICK)
    assert (found.mixture.k, found.chosen) == (2, f"{engine} k=2")
    assert adjusted_rand_index(groups, found.mixture.labels(data)) > 0.9
    assert found.candidates[1].carried_over > 0.9 and set(found.solutions) == {
        f"{engine} k=2",
        f"{engine} k=3",
    }
    again = select_networks(data, views, engine, QUICK)
    assert (again.mixture.location == found.mixture.location).all()


@pytest.mark.parametrize("engine", ["snf", "nemo"])
def test_networks_of_noise_are_one_group(engine):
    data, views, _ = two_views(0.0)
    found = select_networks(data, views, engine, QUICK)
    assert found.mixture.k == 1 and found.chosen is None
    assert all(c.verdict for c in found.candidates)


def test_fusion_of_one_view_is_an_input_error(tmp_path):
    cohort = write_cohort(tmp_path, n=120)
    write_parquet(read_parquet(cohort.genes).iloc[:0], cohort.genes)
    with pytest.raises(InputError, match="snf"):
        run_all(cohort, tmp_path / "out", Settings(engine="snf", max_k=2))


def test_published_classes_are_compared_with_and_learnt(tmp_path, divided):
    cohort, out = divided
    names = np.array(["alpha", "beta", "gamma"])
    classes = cohort.groups.map(lambda group: names[group])
    clinical = read_parquet(cohort.clinical)
    clinical["class"] = clinical["patient"].map(classes).astype("str")
    write_parquet(clinical, tmp_path / "clinical.parquet")
    dictionary = read_json(cohort.dictionary)
    dictionary["columns"]["class"] = entry("category", "label")
    write_json(tmp_path / "dictionary.json", dictionary)
    sources = Sources(
        *(out / "features.parquet", out / "features.json"),
        *(tmp_path / "clinical.parquet", tmp_path / "dictionary.json"),
        *(cohort.people, cohort.sample_qc, cohort.ancestry),
    )
    discover_subtypes(sources, Settings(outcome_permutations=50), tmp_path, "class")
    published = read_json(tmp_path / "selection.json")["published"]
    assert published["adjusted_rand_index"] > 0.85
    assert sum(sum(row.values()) for row in published["counts"].values()) == published["n"]

    discover_subtypes(sources, Settings(outcome_permutations=50), tmp_path, "class", learn_labels=True)
    record, model = read_json(tmp_path / "selection.json"), read_json(tmp_path / "model.json")
    assert (record["mode"], model["names"]) == ("learnt", ["alpha", "beta", "gamma"])
    assert model["evaluation"]["posterior"]["accuracy"] > 0.9
    assign_subtypes(
        *(tmp_path / "model.json", out / "features.parquet", cohort.people, cohort.sample_qc),
        *(tmp_path / "clinical.parquet", cohort.ancestry, tmp_path / "calls.parquet"),
    )
    calls = read_parquet(tmp_path / "calls.parquet").set_index("patient")
    called = calls[calls["call"] == "called"].index.intersection(classes.index)
    assert len(called) > 0.8 * len(classes)
    assert (calls.loc[called, "subtype"] == classes[called]).mean() > 0.95
    with pytest.raises(InputError, match="no column nowhere"):
        discover_subtypes(sources, Settings(), tmp_path, "nowhere")
