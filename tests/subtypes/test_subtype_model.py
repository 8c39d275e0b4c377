"""The frozen model and the calls it makes, from files to files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.errors import InputError
from endotype.files import read_json, sha256_file, to_json, write_json
from endotype.subtypes.assign import COLUMNS, assign, assign_subtypes
from endotype.subtypes.model import load_model, save_model
from endotype.subtypes.selection import Settings
from endotype.tables import read_parquet, write_parquet
from tests.subtypes.cohorts import CohortFiles, entry, run_all, write_cohort

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
Divided = tuple[CohortFiles, Path]


def tables(cohort: CohortFiles, out: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    features = read_parquet(out / "features.parquet").set_index("patient")
    clinical = read_parquet(cohort.clinical).set_index("patient").reindex(features.index)
    ancestry = read_parquet(cohort.ancestry).set_index("patient").reindex(features.index)
    return features, clinical, ancestry


def test_planted_groups_are_called(divided: Divided):
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    cohort, out = divided
    table = read_parquet(out / "assignments.parquet").set_index("patient")
    called = table.loc[cohort.groups.index].query("call == 'called'")
    assert len(called) > 0.9 * len(cohort.groups)
    assert metrics.adjusted_rand_score(cohort.groups[called.index], called["subtype"]) >= 0.9
    assert read_json(out / "selection.json")["k"] == 3


def test_every_patient_has_a_row_and_every_refusal_a_reason(divided: Divided):
    cohort, out = divided
    table = read_parquet(out / "assignments.parquet")
    assert table["patient"].tolist() == read_parquet(cohort.people)["patient"].tolist()
    assert table.columns.tolist() == [*COLUMNS, "p_S1", "p_S2", "p_S3"]
    called = table["call"] == "called"
    assert (table["reason"].isna() == called).all()
    assert (table["subtype"].notna() == called).all()
    assert (table.loc[called, "posterior"] >= 0.8).all()
    np.testing.assert_allclose(table[["p_S1", "p_S2", "p_S3"]].sum(axis=1), 1, atol=1e-12)


def test_atypical_and_failed_patients_are_not_called_and_clinical_ones_are(divided: Divided):
    table = read_parquet(divided[1] / "assignments.parquet")
    assert table["reason"].iloc[:3].tolist() == ["atypical"] * 3
    assert table["reason"].iloc[-2] == "failed_qc"
    # Only in the clinical table: eight of eleven features are there, and nothing is wrong with them.
    assert table["reason"].iloc[-1] in ("ambiguous",) or table["call"].iloc[-1] == "called"


def test_subtypes_are_ordered_by_size_and_free_of_the_site(divided: Divided):
    selection = read_json(divided[1] / "selection.json")
    sizes = [s["n"] for s in selection["subtypes"]]
    assert sizes == sorted(sizes, reverse=True)
    assert [s["subtype"] for s in selection["subtypes"]] == ["S1", "S2", "S3"]
    assert max(selection["confounding"].values()) < 0.05
    assert selection["n_set_aside"] == 3
    assert selection["outcomes"]["survival"]["p"] == pytest.approx(1 / 201)


def test_profile_gives_recorded_means(divided: Divided):
    profile = read_parquet(divided[1] / "profile.parquet")
    features = read_parquet(divided[1] / "features.parquet")
    assert len(profile) == 3 * (features.shape[1] - 1)
    assert profile["standardised_difference"].abs().max() > 0.8
    weighted = profile.assign(total=profile["n"] * profile["mean_or_rate"]).groupby("feature")
    mean = weighted["total"].sum() / weighted["n"].sum()
    np.testing.assert_allclose(mean, weighted["cohort_mean_or_rate"].first(), atol=1e-12)


def test_one_patient_alone_gets_the_bits_of_the_batch(divided: Divided):
    cohort, out = divided
    model = load_model(out / "model.json")
    features, clinical, ancestry = tables(cohort, out)
    failed = np.zeros(len(features), bool)
    together = assign(model, features, clinical, ancestry, failed)
    for i in (0, 50, len(features) - 1):
        one = slice(i, i + 1)
        alone = assign(model, features.iloc[one], clinical.iloc[one], ancestry.iloc[one], failed[one])
        pd.testing.assert_frame_equal(alone, together.iloc[one].reset_index(drop=True), check_exact=True)


def test_a_model_survives_writing_and_reading(divided: Divided, tmp_path):
    path = divided[1] / "model.json"
    save_model(load_model(path), tmp_path / "again.json")
    assert sha256_file(tmp_path / "again.json") == sha256_file(path)


def test_a_model_that_was_changed_is_refused(divided: Divided, tmp_path):
    content = json.loads((divided[1] / "model.json").read_text())
    content["weights"][0] += 1e-6
    (tmp_path / "model.json").write_text(to_json(content))
    with pytest.raises(InputError, match="changed after it was made"):
        load_model(tmp_path / "model.json")
    (tmp_path / "model.json").write_text("not json")
    with pytest.raises(InputError):
        load_model(tmp_path / "model.json")


def test_patients_without_data_are_not_called_and_have_no_posterior(divided: Divided):
    cohort, out = divided
    features, clinical, ancestry = tables(cohort, out)
    empty = features.iloc[:2].copy()
    empty[:] = np.nan
    empty.iloc[1, 0] = 0.3
    table = assign(
        load_model(out / "model.json"), empty, clinical.iloc[:2], ancestry.iloc[:2], np.zeros(2, bool)
    )
    assert table["reason"].tolist() == ["insufficient_data"] * 2
    assert table["posterior"].isna().tolist() == [True, False]
    assert table["p_S1"].isna().tolist() == [True, False]


def test_between_two_groups_the_call_is_ambiguous(divided: Divided):
    cohort, out = divided
    model = load_model(out / "model.json")
    features, clinical, ancestry = tables(cohort, out)
    row = features.iloc[[10]].copy()
    for j, feature in enumerate(model.transform.features):
        a, b = model.mixture.location[:2, j]
        row[feature.name] = 0.0 if feature.kind == "binary" else feature.centre + feature.scale * (a + b) / 2
    nobody = ancestry.iloc[[10]].copy()
    nobody[:] = np.nan
    table = assign(
        model, row, clinical.iloc[[10]].assign(site=pd.NA).astype({"site": "str"}), nobody, np.zeros(1, bool)
    )
    assert table["reason"].tolist() == ["ambiguous"]


def test_noise_gives_no_subtypes_and_says_so(tmp_path):
    cohort = write_cohort(tmp_path, n=200, divided=False, atypical=0)
    out = run_all(cohort, tmp_path / "out")
    table = read_parquet(out / "assignments.parquet")
    assert set(table["reason"]) == {"no_subtypes"}
    assert table["subtype"].isna().all() and table["posterior"].isna().all()
    assert len(read_parquet(out / "profile.parquet")) == 0
    selection = read_json(out / "selection.json")
    assert selection["k"] == 1
    assert selection["outcomes"]["survival"]["status"] == "not_assessed"


def test_a_shift_between_sites_makes_no_subtypes(tmp_path):
    cohort = write_cohort(tmp_path, n=300, divided=False, atypical=0, site_shift=8.0)
    assert read_json(run_all(cohort, tmp_path / "out") / "selection.json")["k"] == 1
    dictionary = read_json(cohort.dictionary)
    dictionary["columns"]["site"]["role"] = "ignore"
    write_json(cohort.dictionary, dictionary)
    assert read_json(run_all(cohort, tmp_path / "unadjusted") / "selection.json")["k"] == 2


@pytest.mark.parametrize("empty", ["patients", "features", "genotypes", "values"])
def test_empty_inputs_give_empty_or_uncalled_tables(tmp_path, empty):
    cohort = write_cohort(tmp_path, n=60)
    if empty == "patients":
        for path in (cohort.people, cohort.clinical, cohort.sample_qc, cohort.ancestry):
            write_parquet(read_parquet(path).iloc[:0], path)
    if empty == "features":
        write_json(cohort.dictionary, {"columns": {"site": entry("category", "confounder")}, "outcomes": {}})
        write_parquet(read_parquet(cohort.genes).iloc[:0], cohort.genes)
    if empty == "genotypes":
        for path in (cohort.annotation, cohort.sample_qc, cohort.ancestry):
            write_parquet(read_parquet(path).iloc[:0], path)
    if empty == "values":
        clinical = read_parquet(cohort.clinical)
        for name in [c for c in clinical.columns if c.startswith("marker")]:
            clinical[name] = np.nan
        write_parquet(clinical, cohort.clinical)
    table = read_parquet(run_all(cohort, tmp_path / "out") / "assignments.parquet")
    assert len(table) == (0 if empty == "patients" else 60)
    assert (table["call"] == "no_call").all()


def test_a_feature_table_without_a_feature_of_the_model_is_an_input_error(divided: Divided, tmp_path):
    cohort, out = divided
    write_parquet(read_parquet(out / "features.parquet").drop(columns="marker_3"), tmp_path / "f.parquet")
    with pytest.raises(InputError, match="marker_3"):
        assign_subtypes(
            out / "model.json",
            tmp_path / "f.parquet",
            cohort.people,
            cohort.sample_qc,
            cohort.clinical,
            cohort.ancestry,
            tmp_path / "a.parquet",
        )


def test_the_commands_write_the_bytes_of_the_library(divided: Divided, tmp_path):
    cohort, out = divided
    tables_in = ["--clinical", cohort.clinical, "--people", cohort.people, "--sample-qc", cohort.sample_qc]
    dictionary = ["--dictionary", cohort.dictionary]
    genomic = ["--bfile", cohort.bfile, "--annotation", cohort.annotation, "--genes", cohort.genes]
    features = ["--features", tmp_path / "features.parquet"]
    run("build_features.py", *tables_in, *dictionary, *genomic, "--out", tmp_path)
    run(
        "discover_subtypes.py",
        *tables_in,
        *dictionary,
        *features,
        *["--features-info", tmp_path / "features.json", "--ancestry", cohort.ancestry, "--out", tmp_path],
        *["--outcome-permutations", 200, "--seed", Settings().seed, "--no-curves"],
    )
    model = ["--model", tmp_path / "model.json", "--ancestry", cohort.ancestry]
    run("assign_subtypes.py", *tables_in, *features, *model, "--out", tmp_path / "assignments.parquet")
    for name in ("features.json", "model.json", "selection.json"):
        assert sha256_file(tmp_path / name) == sha256_file(out / name)
    for name in ("features.parquet", "profile.parquet", "assignments.parquet"):
        assert sha256_file(tmp_path / name) == sha256_file(out / name)


def run(script: str, *arguments: object) -> None:
    subprocess.run([sys.executable, SCRIPTS / script, *map(str, arguments)], check=True)


def test_patients_out_of_the_statistics_or_with_few_features_do_not_train(tmp_path):
    cohort = write_cohort(tmp_path, n=150, atypical=0)
    clinical = read_parquet(cohort.clinical)
    clinical.loc[:9, [f"marker_{j}" for j in range(1, 9)]] = np.nan
    write_parquet(clinical, cohort.clinical)
    selection = read_json(run_all(cohort, tmp_path / "out") / "selection.json")
    # Ten have three features of eleven; one failed quality control. Who has no genotypes trains all the same.
    assert selection["n_patients"] + selection["n_set_aside"] == 150 - 10 - 1
