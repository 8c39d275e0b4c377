"""Which features there are, and how they become model values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from endotype.errors import InputError
from endotype.files import read_json, write_json
from endotype.subtypes.adjustment import design_matrix, find_confounders, fit_scale, model_values
from endotype.subtypes.views.build import ViewFiles, build_features
from endotype.subtypes.views.carriers import carrier_view
from endotype.subtypes.views.clinical import clinical_view
from endotype.tables import read_parquet, write_parquet
from endotype.variants import plink
from tests.subtypes.cohorts import entry, run_all, write_cohort

PATIENTS = ["A", "B", "C", "D"]


def store_of(dosages: list[list[int]]) -> plink.GenotypeStore:
    d = np.array(dosages, np.int8).reshape(len(dosages), 4)
    bim = pd.DataFrame({"id": [f"v{i}" for i in range(len(d))]})
    return plink.GenotypeStore(plink.pack(d), bim, pd.DataFrame({"iid": PATIENTS}))


def annotation_of(*rows: tuple[str, str | None, str | None, float, bool | None, str]) -> pd.DataFrame:
    table = pd.DataFrame(
        rows, columns=["variant_id", "gene", "impact", "cohort_af", "damaging", "consequence_status"]
    )
    return table.astype({"gene": "str", "impact": "str", "damaging": "boolean"})


GENES = pd.DataFrame({"gene": ["G", "H"], "mechanism": ["lipid", "ion"]})


def carriers(store, annotation, failed=frozenset(), patients=("A", "B", "C", "D", "E"), kind="binary"):
    view = carrier_view("carriers", store, annotation, GENES, pd.Index(patients), set(failed), kind)
    return dict(zip([f.name for f in view.features], view.columns, strict=True))


def test_carrier_is_one_zero_or_missing():
    store = store_of([[0, 1, -1, 0], [0, 0, -1, -1], [2, 2, 2, 2]])
    annotation = annotation_of(
        ("v0", "G", "MODERATE", 0.005, False, "assessed"),
        ("v1", "G", None, 0.005, True, "assessed"),
        ("v2", "G", "HIGH", 0.9, True, "assessed"),  # common
    )
    found = carriers(store, annotation)
    np.testing.assert_array_equal(found["carrier:lipid"], [0, 1, np.nan, 0, np.nan])
    np.testing.assert_array_equal(found["carrier:ion"], [0, 0, 0, 0, np.nan])


def test_failed_genotypes_and_unassessed_consequences_are_missing_not_zero():
    store = store_of([[1, 1, 0, 0]])
    annotation = annotation_of(("v0", "G", "HIGH", 0.005, True, "assessed"))
    np.testing.assert_array_equal(
        carriers(store, annotation, {"A"})["carrier:lipid"], [np.nan, 1, 0, 0, np.nan]
    )
    unknown = annotation_of(("v0", None, None, 0.005, None, "not_assessed"))
    assert np.isnan(carriers(store, unknown)["carrier:lipid"]).all()


def test_low_impact_and_other_genes_make_no_carrier():
    store = store_of([[1, 0, 0, 0], [1, 0, 0, 0]])
    annotation = annotation_of(
        ("v0", "G", "LOW", 0.005, False, "assessed"), ("v1", "other", "HIGH", 0.005, True, "assessed")
    )
    assert carriers(store, annotation)["carrier:lipid"][0] == 0


def test_clinical_features_by_type():
    clinical = pd.DataFrame(
        {
            "x": [1.5, np.nan],
            "b": pd.array([True, None], "boolean"),
            "c": pd.Series(["u", None], dtype="str"),
            "d": pd.Series(["p", "q"], dtype="str"),
            "t": [1.0, 2.0],
        }
    )
    columns = {"x": entry("number", "feature"), "b": entry("binary", "feature")}
    columns["c"] = entry("category", "feature") | {"values": ["u", "v", "w"]}
    columns["d"] = entry("category", "feature")
    columns["t"] = entry("number", "trait")
    columns["n"] = entry("count", "feature") | {"unit": "attacks", "range": [0, 99]}
    view = clinical_view("clinical", clinical.assign(n=[3.0, np.nan]), {"columns": columns})
    values = [v if v.dtype == object else np.nan_to_num(v, nan=-9) for v in view.columns]
    found = {f.name: (f.kind, v.tolist()) for f, v in zip(view.features, values, strict=True)}
    assert found == {
        "x": ("gaussian", [1.5, -9]),
        "b": ("binary", [1, -9]),
        "c": ("category", ["u", None]),
        "d=q": ("binary", [0, 1]),
        "n": ("count", [3, -9]),
    }
    features = {f.name: f for f in view.features}
    assert features["c"].levels == ("u", "v", "w")
    assert (features["n"].unit, features["n"].range) == ("attacks", (0.0, 99.0))


def test_two_features_of_one_name_are_an_input_error(tmp_path):
    cohort = write_cohort(tmp_path, n=20)
    dictionary = read_json(cohort.dictionary)
    dictionary["columns"] |= {"site": entry("category", "feature"), "site=east": entry("number", "feature")}
    write_json(cohort.dictionary, dictionary)
    write_parquet(read_parquet(cohort.clinical).assign(**{"site=east": 1.0}), cohort.clinical)
    with pytest.raises(InputError, match="site=east"):
        names = ("clinical", "dictionary", "people", "sample_qc", "bfile", "annotation", "genes")
        build_features(ViewFiles(*(getattr(cohort, name) for name in names)), tmp_path / "out")


def test_confounders_are_removed_and_frozen():
    rng = np.random.default_rng(1)
    n = 500
    site = pd.Series(rng.choice(["a", "b", "c"], n), dtype="str")
    clinical = pd.DataFrame({"site": site})
    ancestry = pd.DataFrame({"pc1": rng.normal(0, 0.05, n), "used_for_fit": True})
    own = rng.normal(size=n)
    values = own + 4 * (site == "b") + 30 * ancestry["pc1"]
    values[::50] = np.nan
    dictionary = {"columns": {"site": entry("category", "confounder")}}
    confounders = find_confounders(dictionary, clinical, ancestry)
    assert [c.name for c in confounders] == ["site=b", "site=c", "pc1"]
    design = design_matrix(confounders, clinical, ancestry)
    scale = fit_scale("x", "clinical", "gaussian", values.to_numpy(float), design)
    adjusted = model_values(scale, values.to_numpy(float), design)[:, 0]
    seen = np.isfinite(adjusted)
    assert np.corrcoef(adjusted[seen], own[seen])[0, 1] > 0.99
    assert abs(adjusted[seen & (site == "b")].mean() - adjusted[seen & (site == "a")].mean()) < 1e-6
    assert np.nanstd(adjusted) == pytest.approx(1)

    unknown = pd.DataFrame({"site": pd.Series(["elsewhere", None], dtype="str")})
    nowhere = pd.DataFrame({"pc1": [np.nan, np.nan]})
    row = design_matrix(confounders, unknown, nowhere)
    assert np.isnan(row).all()
    expected = (1.0 - scale.centre) / scale.scale
    np.testing.assert_allclose(model_values(scale, np.array([1.0, 1.0]), row)[:, 0], expected)


def test_a_skewed_positive_feature_is_modelled_on_the_log_scale():
    values = np.random.default_rng(2).lognormal(size=300)
    scale = fit_scale("crp", "clinical", "gaussian", values, np.empty((300, 0)))
    assert scale.transform == "log"
    assert np.isnan(model_values(scale, np.array([0.0]), np.empty((1, 0)))).all()


@pytest.mark.parametrize(
    ("values", "reason"), [([np.nan, np.nan], "not recorded"), ([2.0, 2.0], "the same in every")]
)
def test_features_that_say_nothing_are_left_out_with_a_reason(values, reason):
    assert reason in fit_scale("x", "clinical", "gaussian", np.array(values), np.empty((2, 0)))


def test_a_carrier_feature_with_few_carriers_stays_in_the_table_and_out_of_the_model(tmp_path):
    cohort = write_cohort(tmp_path, n=120)
    store = plink.open_store(cohort.bfile)
    dosages = store.dosages(slice(None)).copy()
    dosages[:20] = 0
    dosages[0, :4] = 1
    plink.write_store(cohort.bfile, plink.pack(dosages), store.variants, store.people)
    out = run_all(cohort, tmp_path / "out")
    selection = read_json(out / "selection.json")
    assert "carrier:lipid" in read_parquet(out / "features.parquet").columns
    assert "carrier:lipid" not in selection["features"]["used"]
    assert "fewer than 5" in selection["features"]["left_out"]["carrier:lipid"]


def test_without_consequences_carriers_are_null_and_subtypes_rest_on_the_clinic(tmp_path):
    cohort = write_cohort(tmp_path, n=200, assessed=False)
    out = run_all(cohort, tmp_path / "out")
    features = read_parquet(out / "features.parquet")
    assert features[[c for c in features.columns if c.startswith("carrier:")]].isna().all().all()
    left_out = read_json(out / "selection.json")["features"]["left_out"]
    assert set(left_out.values()) == {"not recorded in any patient of the training set"}
