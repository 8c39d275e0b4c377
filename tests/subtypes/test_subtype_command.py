"""``subtype.py fit|apply``: from a table to a frozen model to calls, and what bad input gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from endotype.errors import InputError
from endotype.files import read_json, sha256_file, to_json
from endotype.subtypes import classifier
from endotype.subtypes.apply_model import apply_model
from endotype.subtypes.assign import assign
from endotype.subtypes.fit_model import fit_model
from endotype.subtypes.flip import flips, recorded_value
from endotype.subtypes.model import SubtypeModel, load_model
from endotype.subtypes.reference_range import AncestryRange
from endotype.subtypes.selection import Settings
from endotype.tables import read_tsv

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "subtype.py"
FINDINGS = ["NPM1", "TP53", "FLT3", "IDH2", "RUNX1", "KIT"]
CENTRES = {"alpha": (0, 120.0), "beta": (2, 90.0), "gamma": (4, 150.0)}


def cohort(rng: np.random.Generator, n: int = 180) -> pd.DataFrame:
    """Three labels told by two findings each, by haemoglobin, and a little by a second measurement."""
    labels = rng.choice(list(CENTRES), n)
    table = pd.DataFrame({"patient": [f"P{i:03d}" for i in range(n)], "label": labels})
    first = np.array([CENTRES[label][0] for label in labels])
    for j, name in enumerate(FINDINGS):
        table[name] = (rng.random(n) < np.where((j == first) | (j == first + 1), 0.85, 0.04)).astype(int)
    table["hb"] = np.array([CENTRES[label][1] for label in labels]) + rng.normal(0, 8, n)
    table["wbc"] = np.exp(rng.normal(2, 0.5, n) + 0.3 * (labels == "beta"))
    table["never"] = 0
    table["flat"] = 7.0
    return table


def description() -> dict:
    features = [{"name": name, "kind": "binary", "view": "genes"} for name in [*FINDINGS, "never"]]
    features += [{"name": "hb", "kind": "gaussian", "unit": "g/L"}, {"name": "wbc", "unit": "10^9/L"}]
    return {"features": [*features, {"name": "flat", "kind": "gaussian"}]}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SubtypeModel, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("fit")
    table = cohort(np.random.default_rng(1))
    table.to_csv(folder / "cohort.tsv", sep="\t", index=False)
    (folder / "features.yaml").write_text(yaml.safe_dump(description()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifier, "PENALTIES", (1.0,))
        _, messages = fit_model(
            folder / "cohort.tsv", folder / "features.yaml", folder / "model.json", Settings(), labels="label"
        )
    assert messages == [
        f"{folder / 'cohort.tsv'}: flat isn't used: the same in every patient of the training set"
    ]
    return folder, load_model(folder / "model.json"), table


def called(
    fitted: tuple, tmp_path: Path, table: pd.DataFrame, **options: object
) -> tuple[pd.DataFrame, list[str]]:
    table.to_csv(tmp_path / "new.tsv", sep="\t", index=False)
    calls, messages = apply_model(
        fitted[0] / "model.json", tmp_path / "new.tsv", tmp_path / "calls.tsv", **options
    )
    return calls.set_index("patient"), messages


def typical(**changes: object) -> pd.DataFrame:
    """One ordinary patient of alpha."""
    row = {"patient": "new", "NPM1": 1, "TP53": 1, "FLT3": 0, "IDH2": 0, "RUNX1": 0, "KIT": 0}
    return pd.DataFrame([row | {"hb": 121.0, "wbc": 7.5, "never": 0} | changes])


def outcome(model: SubtypeModel, values: pd.DataFrame) -> str:
    """The subtype of one patient, or the reason why there is none."""
    nothing = pd.DataFrame(index=values.index)
    row = assign(model, values, nothing, nothing, np.zeros(1, bool)).iloc[0]
    return row["subtype"] if row["call"] == "called" else row["reason"]


def test_evaluation_is_in_the_model_and_good(fitted):
    _, model, table = fitted
    block = model.evaluation["posterior"]
    assert block["accuracy"] > 0.93 and block["macro_f1"] > 0.93
    assert block["ece"] < 0.08
    assert np.array(block["confusion"]).sum() == len(table)
    assert model.evaluation["shares"].keys() == set(CENTRES)
    assert 0.85 < model.evaluation["calls"]["called"] <= 1
    assert model.provenance["inputs"]["patients"] == sha256_file(fitted[0] / "cohort.tsv")
    assert "P000" not in (fitted[0] / "model.json").read_text()


def test_new_patients_are_called_from_the_model_alone(fitted, tmp_path):
    fresh = cohort(np.random.default_rng(2), 100)
    calls, messages = called(fitted, tmp_path, fresh.drop(columns=["label", "flat"]), with_flips=False)
    yes = calls["call"] == "called"
    assert yes.mean() > 0.85
    assert (calls["subtype"][yes] == fresh.set_index("patient")["label"][yes]).mean() > 0.95
    assert messages == []
    assert read_tsv(tmp_path / "calls.tsv")["patient"].tolist() == fresh["patient"].tolist()


def test_a_finding_that_no_patient_had_is_atypical(fitted, tmp_path):
    calls, _ = called(fitted, tmp_path, typical(never=1))
    assert calls.loc["new", "reason"] == "atypical"
    assert called(fitted, tmp_path, typical())[0].loc["new", "subtype"] == "alpha"


def test_other_units_are_named_and_not_used(fitted, tmp_path):
    calls, messages = called(fitted, tmp_path, typical(hb=12.1))
    assert "hb = 12.1 is far from" in calls.loc["new", "unusable"] and "g/L" in calls.loc["new", "unusable"]
    assert any("another unit" in m for m in messages)
    assert calls.loc["new", "information"] < 1
    other = description()
    other["features"][7]["unit"] = "g/dL"
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(other))
    with pytest.raises(InputError, match="g/dL") as caught:
        called(fitted, tmp_path, typical(), features_info=tmp_path / "other.yaml")
    assert "unit g/L" in str(caught.value)


def test_nothing_known_is_too_little_and_has_no_posterior(fitted, tmp_path):
    empty = typical().assign(**dict.fromkeys([*FINDINGS, "hb", "wbc", "never"], ""))
    calls, _ = called(fitted, tmp_path, empty)
    assert calls.loc["new", "reason"] == "insufficient_data"
    assert np.isnan(calls.loc["new", "posterior"]) and calls.loc["new", "information"] == 0
    calls, messages = called(fitted, tmp_path, pd.DataFrame({"patient": ["new"], "NMP1": [1]}))
    assert calls.loc["new", "reason"] == "insufficient_data"
    assert any("'NMP1' is no feature" in m and "NPM1" in m for m in messages)
    assert any("9 features of the model have no column" in m for m in messages)


def test_failed_quality_control_is_the_first_reason(fitted, tmp_path):
    calls, _ = called(fitted, tmp_path, typical(), failed=frozenset({"new"}))
    assert calls.loc["new", "reason"] == "failed_qc"
    with pytest.raises(InputError, match="stranger"):
        called(fitted, tmp_path, typical(), failed=frozenset({"stranger"}))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (typical(hb="high"), ["row 2", "column hb", "'high'"]),
        (typical(hb="1_2"), ["row 2", "column hb"]),
        (pd.concat([typical(), typical()]), ["row 3", "'new' again"]),
        (typical(patient="a b"), ["row 2", "letters"]),
        (typical().rename(columns={"patient": "id"}), ["a column 'patient'"]),
    ],
)
def test_faults_of_a_table_are_told_by_row_and_column(fitted, tmp_path, rows, words):
    with pytest.raises(InputError) as caught:
        called(fitted, tmp_path, rows)
    assert all(word in str(caught.value) for word in words)


def test_faults_of_what_is_to_be_learnt(fitted, tmp_path):
    folder, _, table = fitted
    for labels, unclassified, words in [
        ("lable", (), ["no column 'lable'", "label"]),
        ("label", ("delta",), ["no label 'delta'"]),
        ("patient", (), ["no column 'patient'"]),
    ]:
        with pytest.raises(InputError) as caught:
            fit_model(
                folder / "cohort.tsv",
                folder / "features.yaml",
                tmp_path / "m.json",
                Settings(),
                labels,
                unclassified,
            )
        assert all(word in str(caught.value) for word in words)
    table.assign(label=["rare"] * 3 + ["alpha"] * (len(table) - 3)).to_csv(
        tmp_path / "r.tsv", sep="\t", index=False
    )
    with pytest.raises(InputError, match="3 patients labelled 'rare'"):
        fit_model(tmp_path / "r.tsv", folder / "features.yaml", tmp_path / "m.json", Settings(), "label")
    (tmp_path / "bad.yaml").write_text("features: [{name: hb, kind: gausian}, {name: hb}]")
    with pytest.raises(InputError) as caught:
        fit_model(folder / "cohort.tsv", tmp_path / "bad.yaml", tmp_path / "m.json", Settings(), "label")
    assert "gaussian" in str(caught.value) and "the name again" in str(caught.value)


def test_a_tampered_model_is_refused(fitted, tmp_path):
    content = read_json(fitted[0] / "model.json")
    content["call_probability"] = 0.1
    (tmp_path / "model.json").write_text(to_json(content))
    typical().to_csv(tmp_path / "new.tsv", sep="\t", index=False)
    with pytest.raises(InputError, match="changed after it was made"):
        apply_model(tmp_path / "model.json", tmp_path / "new.tsv", tmp_path / "calls.tsv")


def test_like_the_unclassified_is_no_call(fitted):
    _, model, _ = fitted
    rest = replace(model, unclassified=("alpha",))
    row = typical().set_index("patient").astype(float)
    nothing = pd.DataFrame(index=row.index)
    assert assign(rest, row, nothing, nothing, np.zeros(1, bool))["reason"].tolist() == ["unclassified"]


def test_flips_are_the_smallest_that_exist(fitted):
    _, model, _ = fitted
    row = typical(TP53=0).set_index("patient").astype(float)
    nothing = pd.DataFrame(index=row.index)
    start = outcome(model, row)
    data = model.data(model.usable(row)[0], nothing, nothing)
    found = flips(model, data, False, "not_in_model")
    assert found
    singles = [n for n in [*FINDINGS, "never"] if outcome(model, row.assign(**{n: 1 - row[n]})) != start]
    if start in model.names and singles:
        assert all(len(f.moves) == 1 for f in found)
        toggled = {model.transform.direct[f.moves[0].block].name for f in found}
        assert toggled & (set(singles) | {"hb", "wbc"})
    for flip in found:
        moved = data.x.copy()
        for move in flip.moves:
            moved[0, list(move.columns)] = move.values
        assert flip.outcome != start


def test_a_call_takes_less_than_fifty_milliseconds(fitted):
    _, model, _ = fitted
    row = typical().set_index("patient").astype(float)
    nothing = pd.DataFrame(index=row.index)
    times = []
    for _ in range(7):
        start = time.process_time()
        assign(model, row, nothing, nothing, np.zeros(1, bool))
        times.append(time.process_time() - start)
    assert min(times) < 0.05


FIT_QUICKLY = """
import sys
from endotype.subtypes import classifier
from endotype.subtypes.fit_model import fit_model
from endotype.subtypes.reference_range import AncestryRange
from endotype.subtypes.selection import Settings
classifier.PENALTIES = (1.0,)
fit_model(sys.argv[1], sys.argv[2], sys.argv[3], Settings(), "label")
"""


def test_the_same_bytes_for_any_number_of_threads(fitted, tmp_path):
    folder = fitted[0]
    for threads in ("1", "8"):
        names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        paths = [folder / "cohort.tsv", folder / "features.yaml", tmp_path / f"{threads}.json"]
        subprocess.run(
            [sys.executable, "-c", FIT_QUICKLY, *map(str, paths)],
            check=True,
            env=os.environ | dict.fromkeys(names, threads),
        )
        assert sha256_file(tmp_path / f"{threads}.json") == sha256_file(folder / "model.json")


def test_the_command_applies_a_model(fitted, tmp_path):
    typical().to_csv(tmp_path / "new.tsv", sep="\t", index=False)
    arguments = ["apply", "--model", fitted[0] / "model.json", "--patients", tmp_path / "new.tsv"]
    arguments += ["--out", tmp_path / "calls.json"]
    done = subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], check=True, capture_output=True, text=True
    )
    assert done.stdout == "new\talpha\n"
    (row,) = json.loads((tmp_path / "calls.json").read_text())["calls"]
    assert row["patient"] == "new" and row["reason"] is None and "->" in row["flips"]


def test_a_measurement_that_flips_is_told_in_recorded_units(fitted, tmp_path):
    """Bisection: at the value that is told the outcome changes, and a little before it doesn't."""
    _, model, _ = fitted
    row = typical(NPM1=1, TP53=0).set_index("patient").astype(float)
    nothing = pd.DataFrame(index=row.index)
    data = model.data(model.usable(row)[0], nothing, nothing)
    start = outcome(model, row)
    found = [f for f in flips(model, data, False, "not_in_model") if len(f.moves) == 1]
    measured = [f for f in found if model.transform.direct[f.moves[0].block].kind == "gaussian"]
    assert measured
    for flip in measured:
        name = model.transform.direct[flip.moves[0].block].name
        value = recorded_value(model, data, float(row[name].iloc[0]), flip.moves[0])
        assert outcome(model, row.assign(**{name: value})) == flip.outcome != start
        before = value + (row[name].iloc[0] - value) * 1e-3
        assert outcome(model, row.assign(**{name: before})) == start


def test_groups_of_another_engine_become_a_model_with_its_agreement(tmp_path, monkeypatch):
    """Labels that a clustering made of the measurements are learnt, and how well is in the model."""
    monkeypatch.setattr(classifier, "PENALTIES", (1.0,))
    rng = np.random.default_rng(4)
    groups = rng.integers(0, 2, 120)
    table = pd.DataFrame(
        rng.normal(0, 1, (120, 6)) + 3 * groups[:, None], columns=[f"g{j}" for j in range(6)]
    )
    table.insert(0, "patient", [f"P{i}" for i in range(120)])
    table["cluster"] = np.where(groups == 0, "S1", "S2")
    table.loc[:4, "cluster"] = ""
    table.to_csv(tmp_path / "t.tsv", sep="\t", index=False)
    (tmp_path / "f.yaml").write_text(yaml.safe_dump([{"name": f"g{j}"} for j in range(6)]))
    model, _ = fit_model(tmp_path / "t.tsv", tmp_path / "f.yaml", tmp_path / "m.json", Settings(), "cluster")
    assert model.evaluation["posterior"]["adjusted_rand"] > 0.95
    assert model.evaluation["without_label"] == 5 and model.n_training == 115


def test_discovery_by_command_may_find_nothing(tmp_path):
    """One group is a legal answer: everyone gets no call, with that reason."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame(rng.normal(0, 1, (60, 5)), columns=[f"g{j}" for j in range(5)])
    table.insert(0, "patient", [f"P{i}" for i in range(60)])
    table["gone"] = ""
    table.to_csv(tmp_path / "t.tsv", sep="\t", index=False)
    (tmp_path / "f.yaml").write_text(yaml.safe_dump([{"name": n} for n in table.columns[1:]]))
    settings = Settings(max_k=2, restarts=2, resamples=2)
    model, messages = fit_model(tmp_path / "t.tsv", tmp_path / "f.yaml", tmp_path / "m.json", settings)
    assert model.subtypes == []
    assert any("gone isn't used: not recorded in any patient" in m for m in messages)
    calls, _ = apply_model(tmp_path / "m.json", tmp_path / "t.tsv", tmp_path / "calls.tsv")
    assert set(calls["reason"]) == {"no_subtypes"}


def test_more_features_than_patients_is_learnt_and_says_how_well(tmp_path, monkeypatch):
    monkeypatch.setattr(classifier, "PENALTIES", (0.1,))
    rng = np.random.default_rng(6)
    groups = rng.integers(0, 2, 50)
    table = pd.DataFrame(rng.normal(0, 1, (50, 120)), columns=[f"g{j}" for j in range(120)])
    table.iloc[:, :20] += 2.0 * groups[:, None]
    table.insert(0, "patient", [f"P{i}" for i in range(50)])
    table["kind"] = np.where(groups == 0, "a", "b")
    table.to_parquet(tmp_path / "t.parquet", index=False)
    (tmp_path / "f.yaml").write_text(yaml.safe_dump([{"name": f"g{j}"} for j in range(120)]))
    model, _ = fit_model(tmp_path / "t.parquet", tmp_path / "f.yaml", tmp_path / "m.json", Settings(), "kind")
    assert model.evaluation["posterior"]["accuracy"] > 0.9


def test_ancestry_outside_the_reference_is_no_call_and_unknown_ancestry_is_said(fitted):
    _, model, _ = fitted
    span = AncestryRange(("pc1",), np.array([[0.0]]), np.array([[1.0]]), 3.0)
    model = replace(model, ancestry=span)
    rows = (
        pd.concat([typical(patient=p) for p in ("in", "out", "unknown")]).set_index("patient").astype(float)
    )
    axes = pd.DataFrame({"pc1": [0.5, 9.0, np.nan]}, index=rows.index)
    calls = assign(model, rows, pd.DataFrame(index=rows.index), axes, np.zeros(3, bool))
    assert calls["ancestry"].tolist() == ["inside", "outside", "not_assessed"]
    assert calls["reason"].fillna("").tolist() == ["", "out_of_reference", ""]


def test_counts_and_categories_are_learnt_and_an_unknown_level_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(classifier, "PENALTIES", (1.0,))
    rng = np.random.default_rng(7)
    groups = rng.integers(0, 2, 120)
    table = pd.DataFrame({"patient": [f"P{i}" for i in range(120)], "kind": np.where(groups, "a", "b")})
    table["burden"] = rng.poisson(np.where(groups, 40, 4))
    table["site"] = np.where(rng.random(120) < 0.85, np.where(groups, "lung", "skin"), "liver")
    table.to_csv(tmp_path / "t.tsv", sep="\t", index=False)
    described = [{"name": "burden", "kind": "count"}, {"name": "site", "kind": "category"}]
    (tmp_path / "f.yaml").write_text(yaml.safe_dump(described))
    model, _ = fit_model(tmp_path / "t.tsv", tmp_path / "f.yaml", tmp_path / "m.json", Settings(), "kind")
    assert model.evaluation["posterior"]["accuracy"] > 0.95
    new = pd.DataFrame({"patient": ["x", "y", "z"], "burden": [40, "", 5], "site": ["lung", "lung", "moon"]})
    new.to_csv(tmp_path / "n.tsv", sep="\t", index=False)
    calls, messages = apply_model(tmp_path / "m.json", tmp_path / "n.tsv", tmp_path / "c.tsv")
    assert calls["subtype"].iloc[0] == "a"
    assert calls["information"].iloc[1] < 1
    assert any("site = 'moon' is no level" in m for m in messages)
    table.assign(burden=table["burden"] + 0.5).to_csv(tmp_path / "h.tsv", sep="\t", index=False)
    with pytest.raises(InputError, match="no whole numbers"):
        fit_model(tmp_path / "h.tsv", tmp_path / "f.yaml", tmp_path / "m.json", Settings(), "kind")
