"""Targets of patients, from links and from files."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.files import read_json, sha256_file
from endotype.tables import read_parquet, write_parquet
from endotype.targets.diseases import Diseases
from endotype.targets.evidence import table_evidence
from endotype.targets.links import Subtypes, link_table
from endotype.targets.rank import TARGET_TYPES, rank
from endotype.targets.run import Results, Settings, rank_targets
from endotype.targets.table import COLUMNS, OPTIONAL_COLUMNS, read_targets
from endotype.variants import plink
from tests.reference.targets import slow_ranks

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "rank_targets.py"


def targets_of(*rows: dict[str, object]) -> pd.DataFrame:
    base = dict(zip(COLUMNS, ["G", "A", "indicated", "2", "B", "any", "any", 0.8, "s", "1", ""], strict=True))
    base |= dict.fromkeys(OPTIONAL_COLUMNS, "")
    return pd.DataFrame([base | {"source_record": f"r{i}"} | row for i, row in enumerate(rows)])


def link(patient="P1", gene="G", kind="carried_variant", weight=1.0, effect="loss", **more):
    return {
        "patient": patient,
        "gene": gene,
        "link": kind,
        "weight": weight,
        "effect": effect,
        "detail": "why.",
    } | more


SUBTYPE = {"kind": "subtype", "weight": 1.0, "effect": "unknown"}


def subtypes_of(*patients):
    """Patients called to S1, in which G is enriched, with posterior 0.9."""
    posterior = pd.DataFrame({"S1": 0.9, "S2": 0.1}, index=list(patients))
    return Subtypes(posterior, {"G": (("S1", float(np.log(10)), 0.3),)})


def everything(targets, *links, draws=200, seed=1, stated=None, weights=None):
    table = link_table(list(links))
    found = table_evidence(targets, table, Diseases(), stated or {}, "abc")
    return rank(found, subtypes_of(*sorted(set(table["patient"]))), draws, seed, weights)


def ranked(targets, *links, **more):
    return everything(targets, *links, **more).targets


def test_resistance_comes_first_then_tiers_then_scores():
    table = ranked(
        targets_of(
            {"intervention": "weak", "reliability": 0.2},
            {"intervention": "strong", "reliability": 0.9},
            {"intervention": "late", "tier": "4", "reliability": 1.0},
            {"intervention": "early", "tier": "1", "reliability": 0.1},
            {"intervention": "never", "tier": "R1", "action": "contraindicated", "reliability": 0.1},
        ),
        link(),
    )
    assert table["intervention"].tolist() == ["never", "early", "strong", "weak", "late"]
    assert table["rank"].tolist() == [1, 2, 3, 4, 5]
    assert table.columns.tolist() == list(TARGET_TYPES)


def test_sources_of_one_tier_add_up_and_weaker_tiers_add_nothing():
    one = ranked(targets_of({}), link())["score"].iloc[0]
    two = ranked(targets_of({}, {"reliability": 0.5}), link())
    weaker = ranked(targets_of({}, {"tier": "4", "reliability": 1.0}), link())
    assert len(two) == len(weaker) == 1
    assert two["score"].iloc[0] == pytest.approx((0.8 + 0.5 / 4) / (0.8) * one)
    assert "2 records" in two["detail"].iloc[0]
    assert weaker["score"].iloc[0] == one
    assert weaker["tier"].iloc[0] == "2"


def test_requires_and_direction_filter_links():
    table = ranked(
        targets_of(
            {"intervention": "variant", "requires": "carried_variant"},
            {"intervention": "subtype", "requires": "subtype"},
            {"intervention": "locus", "requires": "association"},
            {"intervention": "gain", "direction": "gain", "requires": "carried_variant"},
            {"intervention": "loss", "direction": "loss", "requires": "subtype"},
            {"intervention": "other", "gene": "H"},
        ),
        link(),
        link(**SUBTYPE),
    )
    found = table.set_index("intervention")
    assert sorted(found.index) == ["loss", "subtype", "variant"]
    assert found.loc["loss", "score"] == pytest.approx(found.loc["subtype", "score"] / 2)
    assert "halves" in found.loc["loss", "detail"]


def test_the_strongest_link_stands_for_a_source():
    table = ranked(targets_of({}), link(weight=0.5), link(**SUBTYPE), link(kind="association", weight=0.1))
    assert table[["link", "rank"]].to_numpy().tolist() == [["subtype", 1]]


def test_a_patients_rows_do_not_depend_on_other_patients_or_their_order():
    targets = targets_of(*({"intervention": f"D{i}", "reliability": 0.5 + i / 50} for i in range(8)))
    links = [link(patient=f"P{i}", weight=0.5 + i / 20) for i in range(9)]
    links += [link(patient=f"P{i}", **SUBTYPE) for i in range(9)]
    together = ranked(targets, *links)
    shuffled = ranked(targets, *reversed(links))
    alone = ranked(targets, *[entry for entry in links if entry["patient"] == "P4"])
    pd.testing.assert_frame_equal(together, shuffled, check_exact=True)
    pd.testing.assert_frame_equal(
        alone, together[together["patient"] == "P4"].reset_index(drop=True), check_exact=True
    )
    assert not ranked(targets, *links, seed=2)["probability_top3"].equals(together["probability_top3"])


def test_no_links_and_no_targets_give_an_empty_table_with_all_columns():
    for table in (ranked(targets_of({})), ranked(read_targets(None), link())):
        assert table.columns.tolist() == list(TARGET_TYPES)
        assert len(table) == 0


def test_a_row_about_another_disease_is_lowered_and_one_about_none_is_not():
    rows = targets_of(
        {"intervention": "mine", "tier": "1", "disease": "Melanoma"},
        {"intervention": "other", "tier": "1", "disease": "Glioma"},
        {"intervention": "any", "tier": "1"},
        {"intervention": "warn", "tier": "R1", "action": "contraindicated", "disease": "Glioma"},
    )
    found = ranked(rows, link(), stated={"P1": frozenset({"melanoma"})}).set_index("intervention")
    assert found["tier"].to_dict() == {"mine": "1", "any": "1", "other": "3B", "warn": "R2"}
    assert found["disease_match"].to_dict() == {
        "mine": "same",
        "any": "not_stated",
        "other": "other",
        "warn": "other",
    }
    assert found["rank"].to_dict() == {"any": 1, "mine": 2, "other": 3, "warn": 4}


def test_a_flag_goes_last_among_equals_and_a_warning_is_named_beside_the_indication():
    rows = targets_of(
        {"intervention": "A", "safety": "Heart failure."},
        {"intervention": "B"},
        {"intervention": "C"},
        {"intervention": "c", "tier": "R1", "action": "contraindicated"},
    )
    found = ranked(rows, link()).set_index("intervention")
    assert found["rank"].to_dict() == {"c": 1, "B": 2, "A": 3, "C": 4}
    assert found.loc["A", "safety"] == "Heart failure."
    assert found.loc["C", "safety"] == "Also listed as contraindicated for G (tier R1)."
    assert pd.isna(found.loc["B", "safety"])


def test_a_change_that_a_row_asks_for():
    rows = targets_of(
        {"intervention": "exact", "alteration": "p.Val600Glu"},
        {"intervention": "residue", "alteration": "V600"},
        {"intervention": "another", "alteration": "V600K"},
    )
    found = ranked(rows, link(kind="tumour_variant", alteration="V600E"))
    assert sorted(found["intervention"]) == ["exact", "residue"]
    assert set(found["alteration_match"]) == {"protein_change"}


def test_without_a_source_others_take_its_place():
    rows = targets_of(
        {"intervention": "both", "source": "a", "reliability": 0.9},
        {"intervention": "both", "source": "b", "reliability": 0.1},
        *({"intervention": f"D{i}", "source": "b", "reliability": 0.5 + i / 100} for i in range(4)),
    )
    found = ranked(rows, link()).set_index("intervention")
    assert found.loc["both", ["rank", "sources", "n_evidence"]].tolist() == [1, "a;b", 2]
    assert found.loc["both", "rank_without_source"] == "a=5;b=1"
    assert found.loc["both", "stable_without_source"] == 0.5
    assert found.loc["D3", "rank_without_source"] == "a=1;b=none"
    assert found.loc["D3", "stable_without_source"] == 0.5


def test_a_source_counts_as_much_as_its_weight_and_never_changes_a_tier():
    rows = targets_of(
        {"intervention": "A", "source": "a", "reliability": 0.9},
        {"intervention": "B", "source": "b", "reliability": 0.8},
        {"intervention": "C", "source": "a", "tier": "1", "reliability": 0.1},
    )
    found = ranked(rows, link(), weights={"a": 0.5}).set_index("intervention")
    assert found["rank"].to_dict() == {"C": 1, "B": 2, "A": 3}


def test_all_rows_are_kept_and_say_whether_and_why_not_they_count():
    found = everything(targets_of({}, {"tier": "4", "reliability": 1.0}), link()).evidence
    assert found["used"].tolist() == [True, False]
    assert found["reason"].iloc[1] == "a stronger tier stands for the target"
    assert found["source_sha256"].tolist() == ["abc", "abc"]
    assert found["strength"].tolist() == [0.8, 1.0]


def test_ranks_equal_the_slow_twin():
    rng = np.random.default_rng(2)
    rows = targets_of(
        *(
            {
                "intervention": f"D{rng.integers(9)}",
                "tier": str(rng.choice(["1", "2", "3", "3B", "4"])),
                "reliability": float(rng.uniform(0.1, 1)),
                "source": str(rng.choice(["a", "b", "c"])),
                "requires": str(rng.choice(["any", "carried_variant", "subtype"])),
            }
            for _ in range(60)
        )
    )
    links = [link(patient=f"P{i}", weight=0.5 + i / 20) for i in range(6)]
    links += [link(patient=f"P{i}", **SUBTYPE) for i in range(3)]
    found = everything(rows, *links)
    expected = slow_ranks(found.evidence)
    got = {
        (r.patient, r.intervention): (r.tier, pytest.approx(r.score, rel=1e-12), r.rank)
        for r in found.targets.itertuples()
    }
    assert expected == got
    for source in "abc":
        without = slow_ranks(found.evidence[found.evidence["source"] != source])
        for row in found.targets.itertuples():
            place = without.get((row.patient, row.intervention), ("", 0, "none"))[2]
            assert f"{source}={place}" in row.rank_without_source.split(";")


@pytest.fixture
def files(tmp_path):
    """Ten patients in two subtypes; P0 carries a stop in G, P1 too but failed quality control."""
    patients = [f"P{i}" for i in range(10)]
    dosages = np.zeros((2, 10), np.int8)
    dosages[0, :2] = 1
    dosages[1] = 1
    ids = ["1:5:A:G", "1:9:A:G"]
    bim = pd.DataFrame({"chrom": "1", "id": ids, "cm": "0", "pos": [5, 9], "alt": "G", "ref": "A"})
    fam = pd.DataFrame(
        {"fid": "0", "iid": patients, "father": "0", "mother": "0", "sex": "0", "phenotype": "-9"}
    )
    plink.write_store(tmp_path / "genotypes", plink.pack(dosages), bim, fam)
    assignments = pd.DataFrame(
        {"patient": patients, "subtype": ["S1", "S2"] * 5, "call": "called", "posterior": 0.9}
    )
    write_parquet(assignments, tmp_path / "assignments.parquet")
    annotation = pd.DataFrame(
        {"variant_id": ids, "gene": "G", "consequence": "stop_gained", "impact": "HIGH"}
    )
    annotation["consequence_status"], annotation["population_status"] = "assessed", "not_assessed"
    annotation["clinical_significance"] = pd.Series([None, None], dtype="str")
    annotation["population_af"], annotation["cohort_af"] = np.nan, [0.1, 0.5]
    annotation["damaging"] = pd.array([True, True], "boolean")
    annotation["hgvs_p"] = pd.Series([None, None], dtype="str")
    write_parquet(annotation, tmp_path / "variants.parquet")
    names = ["trait", "kind", "id", "gene", "effect_allele", "neg_log10_p"]
    write_parquet(pd.DataFrame({n: pd.Series(dtype="str") for n in names}), tmp_path / "loci.parquet")
    genes = {"gene": ["G"], "inheritance": ["AD"], "validity": "definitive", "validity_disease": "D"}
    genes |= {"validity_source": "clingen", "validity_row": [3], "loeuf": [0.2]}
    genes |= {"constraint_source": "constraint", "constraint_row": [4]}
    write_parquet(pd.DataFrame(genes), tmp_path / "genes.parquet")
    write_parquet(pd.DataFrame({"patient": patients}), tmp_path / "people.parquet")
    failed = np.arange(10) == 1
    qc = pd.DataFrame(
        {"patient": patients, "verdict": np.where(failed, "fail", "pass"), "in_statistics": ~failed}
    )
    write_parquet(qc, tmp_path / "sample_qc.parquet")
    targets_of({"requires": "carried_variant"}).to_csv(tmp_path / "targets.tsv", sep="\t", index=False)
    return tmp_path


NAMES = {
    "assignments": "assignments.parquet",
    "annotation": "variants.parquet",
    "bfile": "genotypes",
    "loci": "loci.parquet",
    "genes": "genes.parquet",
    "people": "people.parquet",
    "sample_qc": "sample_qc.parquet",
    "targets": "targets.tsv",
}


def results(folder: Path, **more) -> Results:
    return Results(**{name: folder / file for name, file in (NAMES | more).items()})


def test_only_sound_carriers_of_rare_variants_get_the_target(files):
    rank_targets(results(files), Settings(draws=50), 1, files)
    table = read_parquet(files / "targets.parquet")
    assert table[["patient", "variant_id", "tier", "rank"]].to_numpy().tolist() == [["P0", "1:5:A:G", "2", 1]]
    assert table["detail"].iloc[0] == "Carries 1:5:A:G (stop_gained), heterozygous; inheritance AD."
    evidence = read_parquet(files / "evidence.parquet")
    assert evidence["direction"].tolist() == ["sensitivity", "gene_disease", "constraint"]
    assert evidence["level"].tolist()[1:] == ["definitive", "LOEUF 0.20"]


def test_every_patient_has_a_row_that_says_what_was_looked_at(files):
    rank_targets(results(files), Settings(draws=50), 1, files)
    rows = read_parquet(files / "patients.parquet").set_index("patient")
    assert rows.index.tolist() == [f"P{i}" for i in range(10)]
    assert rows.loc["P0", ["status", "n_targets", "best_tier"]].tolist() == ["targets", 1, "2"]
    assert rows.loc["P1", "status"] == "not_assessed"
    assert "carried variants: no usable genotypes" in rows.loc["P1", "not_assessed"]
    assert rows.loc["P2", "status"] == "none_found"
    assert rows.loc["P2", "statement"].startswith("No actionable target")
    assert rows.loc["P2", "looked_at"] == "carried variants; subtype; associations"
    assert "tumour variants: no tumour file" in rows.loc["P2", "not_assessed"]
    assert "disease: not stated" in rows.loc["P2", "not_assessed"]
    summary = read_json(files / "summary.json")
    assert summary["patients"] == {"targets": 1, "none_found": 8, "not_assessed": 1}
    assert summary["target_table"] == {"rows": 1, "sha256": sha256_file(files / "targets.tsv")}


def test_without_any_source_nothing_is_assessed(files):
    rank_targets(replace(results(files), targets=None), Settings(), 1, files)
    rows = read_parquet(files / "patients.parquet")
    assert set(rows["status"]) == {"not_assessed"}
    assert len(read_parquet(files / "targets.parquet")) == 0


def test_unassessed_consequences_and_no_variants_give_no_rows(files):
    annotation = read_parquet(files / "variants.parquet")
    unknown = annotation.assign(gene=None, consequence=None, impact=None, consequence_status="not_assessed")
    for table in (unknown, annotation.iloc[:0]):
        write_parquet(table, files / "variants.parquet")
        rank_targets(results(files), Settings(draws=50), 1, files)
        assert len(read_parquet(files / "targets.parquet")) == 0


def arguments(folder: Path) -> list[str]:
    return [part for n, f in NAMES.items() for part in ("--" + n.replace("_", "-"), str(folder / f))]


def test_the_command_writes_the_bytes_of_the_library(files):
    rank_targets(results(files), Settings(draws=50), 7, files)
    options = ["--draws", "50", "--seed", "7", "--out", str(files / "again")]
    subprocess.run([sys.executable, SCRIPT, *arguments(files), *options], check=True)
    for name in ("targets.parquet", "evidence.parquet", "patients.parquet", "summary.json"):
        assert sha256_file(files / "again" / name) == sha256_file(files / name)


def test_a_faulty_table_ends_the_command_with_code_2(files):
    text = (files / "targets.tsv").read_text().replace("carried_variant", "carried")
    (files / "targets.tsv").write_text(text)
    done = subprocess.run(
        [sys.executable, SCRIPT, *arguments(files), "--out", str(files / "x")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "row 2, column requires" in done.stderr
    assert not (files / "x").exists()
