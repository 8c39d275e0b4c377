"""The assessment as a whole, from files to files, and its checklist."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.errors import InputError
from endotype.files import read_json, to_json, write_json
from endotype.subtypes.assess import AssessmentSettings
from endotype.subtypes.assess_files import _burden, assess_subtypes
from endotype.subtypes.checklist import checklist_markdown, fill_checklist
from endotype.subtypes.checklist_items import AUTHORS, ITEMS, Run
from endotype.tables import read_parquet, write_parquet
from tests.subtypes.cohorts import CohortFiles

REPOSITORY = Path(__file__).parents[2]
QUICK = AssessmentSettings(standard_of_care=("age",), treatment="drug", bootstrap=25, permutations=49)
WRITTEN = ["assessment.json", "characterisation.parquet", "checklist.json", "checklist.md"]


@pytest.fixture(scope="module")
def cohort(divided: tuple[CohortFiles, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The divided cohort with an age, a treatment and numbers of mutations, and its results."""
    files, results = divided
    folder = tmp_path_factory.mktemp("assess")
    clinical, dictionary = read_parquet(files.clinical), read_json(files.dictionary)
    rng = np.random.default_rng(1)
    clinical["age"] = rng.normal(60, 10, len(clinical))
    clinical["drug"] = pd.Series(rng.choice(["new", "old"], len(clinical)), dtype="str")
    plain = {"role": "covariate", "unit": None, "range": None, "values": None, "description": None}
    dictionary["columns"] |= {"age": plain | {"type": "number"}, "drug": plain | {"type": "category"}}
    write_parquet(clinical, folder / "clinical.parquet")
    write_json(folder / "dictionary.json", dictionary)
    qc, calls = read_parquet(files.sample_qc), read_parquet(results / "assignments.parquet")
    apart = calls.loc[calls["call"] == "called", "patient"].iloc[0]
    qc["in_statistics"] &= (qc["patient"] != apart).to_numpy()  # such as the relative of another patient
    write_parquet(qc, folder / "sample_qc.parquet")
    burden = pd.DataFrame({"patient": clinical["patient"], "n_mutations": rng.poisson(50, len(clinical))})
    write_parquet(burden, folder / "burden.parquet")
    return {
        "features": results / "features.parquet",
        "features_info": results / "features.json",
        "assignments": results / "assignments.parquet",
        "model": results / "model.json",
        "selection": results / "selection.json",
        "clinical": folder / "clinical.parquet",
        "dictionary": folder / "dictionary.json",
        "ancestry": files.ancestry,
        "people": files.people,
        "sample_qc": folder / "sample_qc.parquet",
        "bfile": files.bfile,
        "annotation": files.annotation,
        "genes": files.genes,
        "burden": folder / "burden.parquet",
    }


@pytest.fixture(scope="module")
def assessed(cohort: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    out = tmp_path_factory.mktemp("assessed")
    return assess_subtypes(**cohort, settings=QUICK, out_dir=out), out


def test_every_part_is_there(assessed):
    record, out = assessed
    assert read_json(out / "assessment.json") == json.loads(to_json(record))
    assert sorted(p.name for p in out.iterdir()) == WRITTEN
    assert record["audit"]["status"] == "assessed"
    audited = {c["confounder"] for c in record["audit"]["confounders"]}
    assert {"site", "pc1", "log(n_mutations + 1)"} <= audited
    survival = record["outcomes"]["survival"]
    assert all(survival[part]["status"] == "assessed" for part in ("survival", "added_value", "treatment"))
    assert survival["added_value"]["standard_of_care"] == ["age"]
    assert all(n["features"] for n in record["names"])


def test_every_patient_is_accounted_for(assessed, cohort):
    patients = assessed[0]["patients"]
    assert patients["n"] == len(read_parquet(cohort["assignments"]))
    assert patients["n"] == patients["assessed"] + sum(patients["left_out"].values())
    assert patients["assessed"] == sum(s["n"] for s in patients["subtypes"])
    assert patients["no_call"]["failed_qc"] == 1
    # The one set apart above; who has no germline sample takes part.
    assert patients["left_out"]["called, but not in the statistics of the cohort"] == 1


def test_planted_carriers_characterise_their_subtypes(assessed):
    table = read_parquet(assessed[1] / "characterisation.parquet")
    genes = table[table["group"] == "gene"]
    assert set(genes["name"]) == {"G1", "G2", "G3"}
    assert genes["used"].all()  # each is part of a carrier feature of the model
    best = genes.sort_values("p").groupby("subtype")["name"].first()
    assert sorted(best) == ["G1", "G2", "G3"]
    assert not table.loc[table["name"] == "age", "used"].any()
    assert (table["group"] == "pathway").sum() == 9


@pytest.mark.slow
def test_same_bytes_on_any_number_of_threads(cohort, assessed, tmp_path):
    options = []
    for name, path in cohort.items():
        options += [f"--{name.replace('_', '-')}", str(path)]
    options += [
        "--standard-of-care",
        "age",
        "--treatment",
        "drug",
        "--bootstrap",
        "25",
        "--permutations",
        "49",
    ]
    command = [
        sys.executable,
        str(REPOSITORY / "scripts" / "assess_subtypes.py"),
        *options,
        "--out",
        str(tmp_path),
    ]
    environment = {"NUMBA_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4", "OMP_NUM_THREADS": "4"}
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    assert run.returncode == 0, run.stderr
    for name in WRITTEN:
        assert (tmp_path / name).read_bytes() == (assessed[1] / name).read_bytes()


def test_one_group_is_a_legal_answer(cohort, tmp_path):
    """Nothing to compare: said in every part, and the checklist is written all the same."""
    from endotype.subtypes.discover import Cohort, discover
    from endotype.subtypes.model import save_model
    from endotype.subtypes.selection import Settings

    table = read_parquet(cohort["features"]).set_index("patient")[["marker_1", "marker_2"]]
    rng = np.random.default_rng(2)
    noise = pd.DataFrame(rng.standard_normal(table.shape), index=table.index, columns=table.columns)
    info = [f for f in read_json(cohort["features_info"])["features"] if f["name"] in noise.columns]
    clinical = read_parquet(cohort["clinical"]).set_index("patient").reindex(noise.index)
    ancestry = read_parquet(cohort["ancestry"]).set_index("patient").reindex(noise.index)
    dictionary = read_json(cohort["dictionary"])
    found = discover(Cohort(noise, clinical, ancestry), {"features": info}, dictionary, Settings(max_k=1))
    save_model(found.model, tmp_path / "model.json")
    write_parquet(noise.reset_index(), tmp_path / "features.parquet")
    write_json(tmp_path / "features.json", {"features": info})
    calls = pd.DataFrame({"patient": noise.index, "call": "no_call", "reason": "no_subtypes"})
    calls.insert(1, "subtype", pd.Series([None] * len(calls), dtype="str"))
    write_parquet(calls, tmp_path / "assignments.parquet")
    files = cohort | {
        "model": tmp_path / "model.json",
        "features": tmp_path / "features.parquet",
        "features_info": tmp_path / "features.json",
        "assignments": tmp_path / "assignments.parquet",
    }
    record = assess_subtypes(**files, settings=QUICK, out_dir=tmp_path / "out")
    assert record["audit"]["reason"] == "there are no subtypes to compare"
    assert {p["reason"] for p in record["outcomes"]["survival"].values()} == {
        "there are no subtypes to compare"
    }
    assert record["names"] == []
    assert record["patients"]["left_out"] == {"no call: no_subtypes": len(calls)}
    assert read_parquet(tmp_path / "out" / "characterisation.parquet").empty


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (AssessmentSettings(standard_of_care=("aeg",)), "-> age"),
        (AssessmentSettings(standard_of_care=("years",)), "a column of an outcome"),
        (AssessmentSettings(standard_of_care=("age", "age")), "named twice"),
        (AssessmentSettings(treatment="patient_id"), "no such column"),
        (AssessmentSettings(standard_of_care=("died", "nothing")), "2 problems"),
    ],
)
def test_columns_that_cant_be_used_are_all_told(cohort, tmp_path, settings, said):
    with pytest.raises(InputError, match=said):
        assess_subtypes(**cohort, settings=settings, out_dir=tmp_path)


@pytest.mark.parametrize(
    "table", [{"patient": ["a"], "n_mutations": ["many"]}, {"n_mutations": [1]}, {"patient": ["a"]}]
)
def test_a_burden_table_that_cant_be_used(cohort, tmp_path, table):
    write_parquet(pd.DataFrame(table), tmp_path / "burden.parquet")
    with pytest.raises(InputError, match="'patient' and a number 'n_mutations'"):
        assess_subtypes(**cohort | {"burden": tmp_path / "burden.parquet"}, settings=QUICK, out_dir=tmp_path)


def test_burden_is_of_the_largest_tumour_and_absent_without_tumours(tmp_path):
    table = pd.DataFrame({"patient": ["b", "a", "b"], "n_mutations": [3, 1, 9]})
    write_parquet(table, tmp_path / "burden.parquet")
    found = _burden(tmp_path / "burden.parquet", pd.Index(["a", "b", "c"]))
    assert np.array_equal(found["n_mutations"].to_numpy(), [1, 9, np.nan], equal_nan=True)
    write_parquet(table.iloc[:0], tmp_path / "none.parquet")
    assert _burden(tmp_path / "none.parquet", pd.Index(["a"])) is None


class TestChecklist:
    def test_every_item_of_tripod_ai_is_there_once(self, assessed):
        items = read_json(assessed[1] / "checklist.json")["items"]
        numbers = [i["item"] for i in items]
        assert len(numbers) == len(set(numbers)) == len(ITEMS)
        tripod = {int(n.rstrip("abcdefg")) for n in numbers if not n.startswith("R")}
        assert tripod == set(range(1, 28))

    def test_statements_stand_where_they_say(self, assessed, cohort):
        places = {
            "subtypes/selection.json": cohort["selection"],
            "subtypes/model.json": cohort["model"],
            "subtypes/features.json": cohort["features_info"],
            "cohort/dictionary.json": cohort["dictionary"],
            "subtypes/assessment.json": assessed[1] / "assessment.json",
        }
        for item in read_json(assessed[1] / "checklist.json")["items"]:
            for where in item["where"]:
                if where["key"]:
                    value = read_json(places[where["file"]])
                    for part in where["key"].split("."):
                        value = value[part]
            if item["status"] == "authors":
                assert not item["where"]
            if item["status"] == "stated" and item["item"] not in ("12f", "24"):
                assert item["where"], item

    def test_values_are_those_of_the_run(self, assessed, cohort):
        states = {i["item"]: i["states"] for i in read_json(assessed[1] / "checklist.json")["items"]}
        selection, model = read_json(cohort["selection"]), read_json(cohort["model"])
        assert f"{selection['n_patients']} patients" in states["10"]
        assert model["sha256"][:12] in states["12g"]
        difference = assessed[0]["outcomes"]["survival"]["added_value"]["differences"]["subtype"]
        assert f"{difference['corrected']:+.3f}" in states["23a"]
        assert "failed_qc: 1" in states["27a"]

    def test_without_files_nothing_is_stated_of_them(self):
        found = fill_checklist(Run({}))
        told = {i["item"] for i in found["items"] if i["status"] == "stated"}
        assert told == {"12f", "24"}
        assert all(i["states"] == AUTHORS for i in found["items"] if i["item"] in ("5a", "12g", "22", "11"))

    def test_hostile_words_stay_in_their_cell(self):
        name = "a|b\n# <script>\u202e"
        run = Run({"provenance/config.json": {"run": {"name": name}, "inputs": {}}})
        page = checklist_markdown(fill_checklist(run))
        assert "<script>" not in page
        assert "\u202e" not in page
        line = next(ln for ln in page.splitlines() if ln.startswith("| 5a |"))
        assert line.count("|") == 6
