"""Targets of patients, from links and from files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from endotype.files import sha256_file
from endotype.tables import read_parquet, write_parquet
from endotype.targets.links import link_table
from endotype.targets.rank import TARGET_COLUMNS, rank, rank_targets
from endotype.targets.table import COLUMNS, read_targets
from endotype.variants import plink

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "rank_targets.py"


def targets_of(*rows: dict[str, object]) -> pd.DataFrame:
    base = dict(zip(COLUMNS, ["G", "A", "indicated", "2", "B", "any", "any", 0.8, "s", "1", ""], strict=True))
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


SUBTYPE = {
    "kind": "subtype",
    "weight": 0.81,
    "effect": "unknown",
    "posterior": 0.9,
    "log_odds": np.log(10),
    "log_odds_se": 0.3,
}


def ranked(targets, *links, draws=200, seed=1):
    return rank(targets, link_table(list(links)), draws, seed)


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
    assert table.columns.tolist() == list(TARGET_COLUMNS)


def test_sources_of_one_tier_add_up_and_weaker_tiers_add_nothing():
    one = ranked(targets_of({}), link())["score"].iloc[0]
    two = ranked(targets_of({}, {"reliability": 0.5}), link())
    weaker = ranked(targets_of({}, {"tier": "4", "reliability": 1.0}), link())
    assert len(two) == len(weaker) == 1
    assert two["score"].iloc[0] == pytest.approx((0.8 + 0.5 / 4) / (0.8) * one)
    assert "2 sources" in two["detail"].iloc[0]
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
    for table in (ranked(targets_of({})), rank(read_targets(None), link_table([link()]), 10, 1)):
        assert table.columns.tolist() == list(TARGET_COLUMNS)
        assert len(table) == 0


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
    write_parquet(annotation, tmp_path / "variants.parquet")
    names = ["trait", "kind", "id", "gene", "effect_allele", "neg_log10_p"]
    write_parquet(pd.DataFrame({n: pd.Series(dtype="str") for n in names}), tmp_path / "loci.parquet")
    write_parquet(pd.DataFrame({"gene": ["G"], "inheritance": ["AD"]}), tmp_path / "genes.parquet")
    write_parquet(pd.DataFrame({"patient": patients}), tmp_path / "people.parquet")
    failed = np.arange(10) == 1
    qc = pd.DataFrame(
        {"patient": patients, "verdict": np.where(failed, "fail", "pass"), "in_statistics": ~failed}
    )
    write_parquet(qc, tmp_path / "sample_qc.parquet")
    targets_of({"requires": "carried_variant"}).to_csv(tmp_path / "targets.tsv", sep="\t", index=False)
    return tmp_path


def places(folder: Path) -> list[Path]:
    names = ["assignments.parquet", "variants.parquet", "genotypes", "loci.parquet", "genes.parquet"]
    return [folder / n for n in [*names, "targets.tsv", "people.parquet", "sample_qc.parquet"]]


def test_only_sound_carriers_of_rare_variants_get_the_target(files):
    rank_targets(*places(files), 50, 1, files / "targets.parquet")
    table = read_parquet(files / "targets.parquet")
    assert table[["patient", "variant_id", "tier", "rank"]].to_numpy().tolist() == [["P0", "1:5:A:G", "2", 1]]
    assert table["detail"].iloc[0] == "Carries 1:5:A:G (stop_gained), heterozygous; inheritance AD."


def test_unassessed_consequences_and_no_variants_give_no_rows(files):
    annotation = read_parquet(files / "variants.parquet")
    unknown = annotation.assign(gene=None, consequence=None, impact=None, consequence_status="not_assessed")
    for table in (unknown, annotation.iloc[:0]):
        write_parquet(table, files / "variants.parquet")
        rank_targets(*places(files), 50, 1, files / "targets.parquet")
        assert len(read_parquet(files / "targets.parquet")) == 0


def test_the_command_writes_the_bytes_of_the_library(files):
    rank_targets(*places(files), 50, 7, files / "targets.parquet")
    options = ["assignments", "annotation", "bfile", "loci", "genes", "targets", "people", "sample-qc"]
    arguments = [part for o, p in zip(options, places(files), strict=True) for part in (f"--{o}", str(p))]
    arguments += ["--draws", "50", "--seed", "7", "--out", str(files / "again.parquet")]
    subprocess.run([sys.executable, SCRIPT, *arguments], check=True)
    assert sha256_file(files / "again.parquet") == sha256_file(files / "targets.parquet")


def test_a_faulty_table_ends_the_command_with_code_2(files):
    text = (files / "targets.tsv").read_text().replace("carried_variant", "carried")
    (files / "targets.tsv").write_text(text)
    options = ["assignments", "annotation", "bfile", "loci", "genes", "targets", "people", "sample-qc"]
    arguments = [part for o, p in zip(options, places(files), strict=True) for part in (f"--{o}", str(p))]
    done = subprocess.run(
        [sys.executable, SCRIPT, *arguments, "--out", str(files / "x.parquet")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "row 2, column requires" in done.stderr
    assert not (files / "x.parquet").exists()
