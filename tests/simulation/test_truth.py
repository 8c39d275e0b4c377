"""The comparison with the truth: what is found, missed and false, on made-up results."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from endotype.errors import InputError
from endotype.files import write_json
from endotype.simulation.truth import Outcome, check_truth, format_outcomes, rand_index
from endotype.tables import read_parquet, write_parquet, write_tsv
from endotype.variants.plink import pack, write_store

PATIENTS = [f"P{i:03d}" for i in range(60)]
PATHOGENIC, COMMON, NEW = "2:500:C:T", "2:900:A:G", "1:700:G:A"
PAIR = ["2:1500:C:T", "2:1600:G:A"]

TRUTH = {
    "format": "endotype-truth-1",
    "only_genotyped": ["P059"],
    "only_clinical": ["P777"],
    "causal_variants": [
        {"trait": "lipid", "variant_id": "1:1000000:A:G", "chrom": "1", "pos": 1000000},
        {"trait": "lipid", "variant_id": "2:3000000:A:G", "chrom": "2", "pos": 3000000},
        {"trait": "survival", "variant_id": "3:1000000:A:G", "chrom": "3", "pos": 1000000},
    ],
    "null_traits": ["nothing"],
    "gene_burden": [{"gene": "EG1", "trait": "lipid", "chrom": "4", "start": 5000, "end": 9000}],
    "indirect_genes": [{"gene": "EG2", "trait": "survival", "chrom": "3", "start": 8000000, "end": 8009000}],
    "endotypes": [
        {"endotype": "E1", "members": PATIENTS[:30]},
        {"endotype": "E2", "members": PATIENTS[30:58]},
    ],
    "atypical": ["P058"],
    "pathogenic_carriers": [{"patient": "P003", "variant_id": PATHOGENIC}],
    "protein_changes": [{"variant_id": PATHOGENIC, "gene": "EG3", "hgvs_p": "p.(Trp24Ter)"}],
    "de_novo": [{"patient": "P010", "gene": "EG4", "variant_id": NEW}],
    "compound_heterozygous": [{"patient": "P010", "gene": "EG5", "variants": PAIR}],
    "targets": [
        {"patient": "P003", "gene": "EG3", "intervention": "A", "action": "indicated",
         "link": "carried_variant", "required": True},
        *(
            {"patient": p, "gene": "EG2", "intervention": "B", "action": "indicated",
             "link": "subtype", "required": p != "P001"}
            for p in PATIENTS[:30]
        ),
    ],
    "duplicates": [["P001", "P002"]],
    "trios": [{"child": "P010", "father": "P011", "mother": "P012"}],
    "sex_mismatches": ["P020"],
    "contaminated": [{"patient": "P021", "fraction": 0.15}],
    "dirty_cells": [{"row": 5, "patient": "P003", "column": "age", "found": "?"}],
    "troubled_records": {"ref_mismatch": ["1:77:A:C"], "duplicate": ["1:88:A:C"]},
}  # fmt: skip


def locus(trait: str, chrom: str, pos: int, kind: str = "variant", gene: str = "") -> dict:
    name = gene or f"{chrom}:{pos}:A:G"
    return {
        "trait": trait,
        "kind": kind,
        "id": name,
        "chrom": chrom,
        "pos": pos,
        "start": pos,
        "end": pos,
        "gene": gene,
    }


def write_perfect_results(folder: Path) -> None:
    """Tables that a faultless run would leave behind, with the columns that the check reads."""
    loci = [
        locus("lipid", "1", 1_000_000), locus("lipid", "2", 3_050_000), locus("survival", "3", 1_000_000),
        locus("lipid", "4", 5000, "gene", "EG1"), locus("survival", "3", 8_000_000, "gene", "EG2"),
    ]  # fmt: skip
    write_parquet(pd.DataFrame(loci), folder / "association/loci.parquet")
    assignments = pd.DataFrame({"patient": PATIENTS, "subtype": "S1", "call": "called"})
    assignments.loc[30:57, "subtype"] = "S2"
    assignments.loc[58:, ["subtype", "call"]] = [None, "no_call"]
    write_parquet(assignments, folder / "subtypes/assignments.parquet")
    annotation = pd.DataFrame(
        {
            "variant_id": [PATHOGENIC, COMMON],
            "clinical_significance": ["Pathogenic", "Conflicting_classifications_of_pathogenicity"],
            "hgvs_p": ["T1:p.(Trp24Ter)", None],
        }
    )
    write_parquet(annotation, folder / "annotation/variants.parquet")
    classes = {
        "variant_id": [NEW, *PAIR, COMMON],
        "class": ["pathogenic", *["likely_pathogenic"] * 2, "benign"],
    }
    write_parquet(pd.DataFrame(classes), folder / "annotation/classification.parquet")
    origins = {"patient": "P010", "variant_id": [NEW, *PAIR], "origin": ["de_novo", "paternal", "maternal"]}
    write_parquet(pd.DataFrame(origins), folder / "annotation/inheritance.parquet")
    pairs = {"patient": ["P010", "P011"], "variant_1": [PAIR[1], NEW], "variant_2": [PAIR[0], COMMON]}
    write_parquet(
        pd.DataFrame(pairs | {"phase": ["trans", "unknown"]}), folder / "annotation/compound.parquet"
    )
    write_genotypes(folder, {PATHOGENIC: ["P003"], COMMON: PATIENTS[:9]})
    write_json(folder / "reports/P003/report.json", {"variants": [{"variant_id": PATHOGENIC}]})
    targets = pd.DataFrame(TRUTH["targets"]).drop(columns="required")
    write_parquet(targets, folder / "targets/targets.parquet")
    pairs = [
        ("P001", "P002", "duplicate"),
        ("P010", "P011", "parent_child"),
        ("P010", "P012", "parent_child"),
    ]
    pairs += [("P030", "P031", "third_degree")]
    relatedness = pd.DataFrame(pairs, columns=["patient_a", "patient_b", "relationship"])
    write_parquet(relatedness, folder / "variants/relatedness.parquet")
    quality = pd.DataFrame({"patient": PATIENTS, "declared_sex": "male", "inferred_sex": "male"})
    quality["contamination"], quality["verdict"] = 0.001, "pass"
    quality.loc[20, ["inferred_sex", "verdict"]] = ["female", "fail"]
    quality.loc[21, "contamination"], quality.loc[21, "verdict"] = 0.14, "fail"
    write_parquet(quality, folder / "variants/sample_qc.parquet")
    people = pd.DataFrame({"patient": [*PATIENTS, "P777"], "status": "included"})
    people.loc[59:, "status"] = ["only_genotyped", "only_clinical"]
    write_parquet(people, folder / "cohort/people.parquet")
    cells = pd.DataFrame([{"file": "clinical.tsv", "row": 5, "column": "age", "found": "'?'"}])
    write_tsv(cells, folder / "cohort/quarantine.tsv")
    rejected = {"chrom": ["1", "1"], "pos": [77, 99], "ref": "A", "alt": ["C", "*"]}
    rejected["reason"] = ["ref_mismatch", "spanning_deletion"]
    write_tsv(pd.DataFrame(rejected), folder / "variants/rejects.tsv")
    rows = pd.DataFrame({"variant_id": ["1:88:A:C", PATHOGENIC, COMMON]})
    write_parquet(rows, folder / "variants/variant_qc.parquet")


def write_genotypes(folder: Path, carriers: dict[str, list[str]]) -> None:
    dosages = np.array([[int(p in people) for p in PATIENTS] for people in carriers.values()], np.int8)
    parts = [v.split(":") for v in carriers]
    variants = pd.DataFrame(
        {"chrom": [p[0] for p in parts], "id": list(carriers), "cm": "0", "pos": [p[1] for p in parts],
         "alt": [p[3] for p in parts], "ref": [p[2] for p in parts]}
    )  # fmt: skip
    people = pd.DataFrame({"fid": "0", "iid": PATIENTS})
    people[["father", "mother", "sex", "phenotype"]] = "0"
    (folder / "variants").mkdir(exist_ok=True)
    write_store(folder / "variants/genotypes", pack(dosages), variants, people)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write_perfect_results(tmp_path / "results")
    return tmp_path / "results"


def outcomes_of(results: Path, truth: dict = TRUTH) -> dict[str, Outcome]:
    return {o.category: o for o in check_truth(truth, results)}


def edit(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    write_parquet(change(read_parquet(path)), path)


def added(*rows: dict) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda table: pd.concat([table, pd.DataFrame(rows)], ignore_index=True)


def without_row(number: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda table: table.drop(index=number).reset_index(drop=True)


def changed(row: int, **values: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        for column, value in values.items():
            table.loc[row, column] = value
        return table

    return change


def test_a_faultless_run_passes_every_category(results):
    outcomes = outcomes_of(results)
    for outcome in outcomes.values():
        assert outcome.passes, outcome
        assert outcome.found == outcome.planted
        assert not outcome.missed
        assert not outcome.false
    assert format_outcomes(outcomes.values()).endswith("all limits met")


def test_an_empty_folder_misses_everything_and_finds_nothing(tmp_path):
    for outcome in check_truth(TRUTH, tmp_path):
        assert outcome.found == 0
        assert len(outcome.missed) == outcome.planted
        assert not outcome.passes
        assert outcome.faults[0].startswith("no file")


RESULT_FILES = [
    "association/loci.parquet", "subtypes/assignments.parquet", "annotation/variants.parquet",
    "variants/genotypes.bed", "targets/targets.parquet", "variants/relatedness.parquet",
    "variants/sample_qc.parquet", "cohort/people.parquet", "cohort/quarantine.tsv",
    "variants/rejects.tsv", "variants/variant_qc.parquet", "reports/P003/report.json",
    "annotation/classification.parquet", "annotation/inheritance.parquet", "annotation/compound.parquet",
]  # fmt: skip


@pytest.mark.parametrize("name", RESULT_FILES)
def test_a_missing_file_fails_its_categories_and_no_other(results, name):
    (results / name).unlink()
    failed = {c for c, o in outcomes_of(results).items() if not o.passes}
    assert failed
    assert len(failed) <= 5


LOCI, ASSIGNMENTS = "association/loci.parquet", "subtypes/assignments.parquet"
QUALITY, RELATED = "variants/sample_qc.parquet", "variants/relatedness.parquet"
TARGETS, ANNOTATION = "targets/targets.parquet", "annotation/variants.parquet"
PEOPLE = "cohort/people.parquet"
CAUSAL, BY_VARIANT = "causal variants of lipid", "targets by variant or gene"
ONE_SOURCE, ATYPICAL = "people in one source only", "atypical patients without a call"


def target(patient: str, gene: str, intervention: str, link: str) -> dict:
    names = {"patient": patient, "gene": gene, "intervention": intervention}
    return {**names, "action": "indicated", "link": link}


def interval(pos: int, start: int, end: int) -> dict:
    return {"pos": pos, "start": start, "end": end}


@pytest.mark.parametrize(
    ("path", "change", "category", "missed"),
    [
        (LOCI, without_row(0), CAUSAL, ["1:1000000:A:G"]),
        (LOCI, changed(2, trait="lipid"), "causal variants of survival", ["3:1000000:A:G"]),
        (LOCI, changed(1, **interval(3_400_000, 3_400_000, 3_400_000)), CAUSAL, ["2:3000000:A:G"]),
        (LOCI, without_row(3), "genes with a burden", ["EG1"]),
        (ASSIGNMENTS, changed(58, subtype="S1", call="called"), ATYPICAL, ["P058"]),
        (TARGETS, without_row(0), BY_VARIANT, ["P003 EG3 A (indicated)"]),
        (TARGETS, changed(0, action="contraindicated"), BY_VARIANT, ["P003 EG3 A (indicated)"]),
        (RELATED, changed(0, relationship="full_sibling"), "duplicates", ["P001 = P002"]),
        (RELATED, without_row(2), "parents and children", ["P010 = P012"]),
        (QUALITY, changed(20, inferred_sex="unknown"), "sex mismatches", ["P020"]),
        (QUALITY, changed(21, contamination=None), "contaminated samples", ["P021"]),
        (QUALITY, changed(21, verdict="pass"), "contaminated samples", ["P021"]),
        (PEOPLE, changed(59, status="included"), ONE_SOURCE, ["P059 only_genotyped"]),
        (
            ANNOTATION,
            changed(0, clinical_significance="Benign"),
            "pathogenic carriers",
            ["P003 " + PATHOGENIC],
        ),
        ("variants/variant_qc.parquet", without_row(0), "duplicate records merged", ["1:88:A:C"]),
    ],
)
def test_what_is_not_found_is_named_as_missed(results, path, change, category, missed):
    edit(results / path, change)
    outcome = outcomes_of(results)[category]
    assert outcome.missed == missed
    assert outcome.found == outcome.planted - 1
    assert not outcome.passes


@pytest.mark.parametrize(
    ("path", "change", "category", "false"),
    [
        (LOCI, added(locus("nothing", "1", 1_000_000)), "loci of null traits", ["nothing 1:1000000:A:G"]),
        (LOCI, added(locus("nothing", "4", 5000, "gene", "EG1")), "loci of null traits", ["nothing EG1"]),
        (RELATED, changed(3, relationship="duplicate"), "duplicates", ["P030 = P031"]),
        (RELATED, changed(3, relationship="full_sibling"), "parents and children", ["P030 = P031"]),
        (QUALITY, changed(5, inferred_sex="female"), "sex mismatches", ["P005"]),
        (QUALITY, changed(5, contamination=0.3, verdict="fail"), "contaminated samples", ["P005"]),
        (
            TARGETS,
            added(target("P009", "EG3", "A", "carried_variant")),
            BY_VARIANT,
            ["P009 EG3 A (indicated)"],
        ),
        (PEOPLE, changed(7, status="only_clinical"), ONE_SOURCE, ["P007 only_clinical"]),
        (
            ANNOTATION,
            changed(1, clinical_significance="Likely_pathogenic"),
            "pathogenic carriers",
            [f"{p} {COMMON}" for p in PATIENTS[:9]],
        ),
    ],
)
def test_what_was_not_planted_is_named_as_false(results, path, change, category, false):
    edit(results / path, change)
    outcome = outcomes_of(results)[category]
    assert outcome.false == false
    assert outcome.found == outcome.planted
    assert not outcome.passes


@pytest.mark.parametrize(
    ("category", "kind", "gene", "name"),
    [(CAUSAL, "variant", "", "3:8000000:A:G"), ("genes with a burden", "gene", "EG2", "EG2")],
)
def test_one_unexplained_locus_is_named_and_is_too_many(results, category, kind, gene, name):
    edit(results / LOCI, added(locus("lipid", "3", 8_000_000, kind, gene)))
    outcome = outcomes_of(results)[category]
    assert outcome.false == [f"lipid {name}"]
    assert outcome.found == outcome.planted
    assert outcome.faults == ["1 false"]


def test_a_variant_locus_over_the_burden_gene_is_explained_by_it(results):
    edit(results / LOCI, added(locus("lipid", "4", 7000)))
    assert outcomes_of(results)[CAUSAL].false == []


def test_a_locus_may_span_the_causal_variant_without_leading_with_it(results):
    edit(results / LOCI, changed(0, pos=1_400_000, start=950_000, end=1_400_000))
    assert outcomes_of(results)[CAUSAL].passes


def test_a_report_that_keeps_silent_about_a_pathogenic_variant_is_missed(results):
    write_json(results / "reports/P003/report.json", {"note": f"not {PATHOGENIC}"})
    outcome = outcomes_of(results)["pathogenic findings in reports"]
    assert outcome.missed == [f"P003 {PATHOGENIC}"]


def test_a_carrier_without_the_genotype_is_missed(results):
    write_genotypes(results, {PATHOGENIC: [], COMMON: []})
    assert outcomes_of(results)["pathogenic carriers"].missed == [f"P003 {PATHOGENIC}"]


def test_endotypes_need_the_right_number_of_subtypes(results):
    edit(results / ASSIGNMENTS, lambda t: t.assign(subtype=t["subtype"].where(t.index > 3, "S3")))
    outcome = outcomes_of(results)["endotypes"]
    assert "3 subtypes instead of 2" in outcome.faults
    assert outcome.false == ["S3"]


def test_endotypes_need_most_members_called(results):
    edit(results / ASSIGNMENTS, lambda t: t.assign(call=t["call"].where(t.index > 9, "no_call")))
    outcome = outcomes_of(results)["endotypes"]
    assert outcome.missed == ["E1"]
    assert not outcome.passes


def test_endotypes_need_members_together(results):
    scrambled = np.random.default_rng(0).permutation(["S1", "S2"] * 29)
    edit(results / ASSIGNMENTS, lambda t: t.assign(subtype=[*scrambled, None, None]))
    outcome = outcomes_of(results)["endotypes"]
    assert any("Rand index" in fault for fault in outcome.faults)


def test_a_few_members_without_a_call_or_target_are_within_limits(results):
    edit(results / ASSIGNMENTS, changed(5, call="no_call"))
    edit(results / TARGETS, lambda t: t[t["patient"] != "P005"])
    outcomes = outcomes_of(results)
    assert outcomes["endotypes"].passes
    assert outcomes["targets by subtype"].passes
    assert outcomes["targets by subtype"].missed == ["P005 EG2 B (indicated)"]


def test_many_members_without_a_target_are_not(results):
    edit(results / TARGETS, lambda t: t[~t["patient"].isin(PATIENTS[4:12])])
    assert not outcomes_of(results)["targets by subtype"].passes


def test_a_target_that_quality_control_may_hold_back_is_not_required(results):
    edit(results / TARGETS, lambda t: t[t["patient"] != "P001"])
    assert outcomes_of(results)["targets by subtype"].missed == []


def test_targets_of_the_wrong_subtype_are_false(results):
    rows = [target(p, "EG2", "B", "subtype") for p in PATIENTS[30:33]]
    edit(results / TARGETS, added(*rows))
    outcome = outcomes_of(results)["targets by subtype"]
    assert len(outcome.false) == 3
    assert not outcome.passes


def test_rejects_for_other_reasons_do_not_count_and_wrong_ones_do(results):
    table = pd.DataFrame(
        {"chrom": ["1"], "pos": [78], "ref": ["A"], "alt": ["C"], "reason": ["ref_mismatch"]}
    )
    write_tsv(table, results / "variants/rejects.tsv")
    outcome = outcomes_of(results)["REF mismatches rejected"]
    assert (outcome.missed, outcome.false) == (["1:77:A:C"], ["1:78:A:C"])


def test_empty_tables_of_findings_are_read_as_nothing_found(results):
    for name in ("association/loci.parquet", RELATED, TARGETS):
        edit(results / name, lambda t: t.iloc[:0])
    write_tsv(pd.DataFrame(columns=["file", "row", "column"]), results / "cohort/quarantine.tsv")
    write_tsv(
        pd.DataFrame(columns=["chrom", "pos", "ref", "alt", "reason"]), results / "variants/rejects.tsv"
    )
    outcomes = outcomes_of(results)
    for name in (
        CAUSAL,
        "duplicates",
        "dirty cells set aside",
        "REF mismatches rejected",
    ):
        assert outcomes[name].found == 0
    assert outcomes["loci of null traits"].passes


def test_a_clean_cell_in_quarantine_is_false(results):
    cells = pd.DataFrame([{"file": "c", "row": 5, "column": "age"}, {"file": "c", "row": 6, "column": "age"}])
    write_tsv(cells, results / "cohort/quarantine.tsv")
    assert outcomes_of(results)["dirty cells set aside"].false == ["row 6 age"]


def test_a_record_that_is_still_there_twice_is_missed_and_false(results):
    edit(results / "variants/variant_qc.parquet", added({"variant_id": "1:88:A:C"}))
    outcome = outcomes_of(results)["duplicate records merged"]
    assert (outcome.missed, outcome.false) == (["1:88:A:C"], ["1:88:A:C"])


@pytest.mark.parametrize("seed", range(5))
def test_rand_index_is_that_of_scikit_learn(seed):
    random = np.random.default_rng(seed)
    first, second = random.choice(list("abc"), 50), random.choice(list("xyz"), 50)
    assert rand_index(first, second) == pytest.approx(adjusted_rand_score(first, second))
    assert rand_index(first, first) == 1


def test_a_file_of_another_format_is_refused():
    with pytest.raises(InputError, match="endotype-truth-1"):
        check_truth({**TRUTH, "format": "other"}, Path())


def run_command(truth: Path, results: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "scripts/check_truth.py",
        "--truth",
        str(truth),
        "--results",
        str(results),
        *more,
    ]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_command_ends_with_0_1_or_2(results, tmp_path):
    write_json(tmp_path / "truth.json", copy.deepcopy(TRUTH))
    good = run_command(tmp_path / "truth.json", results, "--out", str(tmp_path / "outcomes.json"))
    assert good.returncode == 0
    assert "planted" in good.stdout
    assert all(o["passes"] for o in json.loads((tmp_path / "outcomes.json").read_text()))
    shutil.rmtree(results / "association")
    bad = run_command(tmp_path / "truth.json", results)
    assert bad.returncode == 1
    assert "1:1000000:A:G" in bad.stdout
    assert run_command(tmp_path / "none.json", results).returncode == 2
