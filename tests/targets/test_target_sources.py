"""Sources of the knowledge store, from files as they are downloaded to a patient's targets."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from endotype.annotation.knowledge.build import build_knowledge
from endotype.cohort.knowledge_sources import describe_sources
from endotype.files import read_json
from endotype.targets.assertions import read_assertions
from endotype.targets.diseases import Diseases
from endotype.targets.evidence import assertion_evidence, druggable_evidence
from endotype.targets.findings import finding_table
from endotype.targets.match import match_evidence
from endotype.targets.patients import Seen, patient_table
from endotype.targets.rank import rank

CIVIC_COLUMNS = [
    *("evidence_id", "molecular_profile", "disease", "therapies", "therapy_interaction_type"),
    *("evidence_type", "evidence_direction", "evidence_level", "significance", "rating"),
    *("evidence_status", "variant_origin"),
]
RESISTANCE, SENSITIVITY = "Resistance", "Sensitivity/Response"


def civic(number, therapies, significance, level="B", **changes):
    row = {
        "evidence_id": str(number),
        "molecular_profile": "BRAF V600E",
        "disease": "Melanoma",
        "therapies": therapies,
        "evidence_type": "Predictive",
        "evidence_direction": "Supports",
        "evidence_level": level,
        "significance": significance,
        "rating": "3",
        "evidence_status": "accepted",
        "variant_origin": "Somatic",
    }
    return [(row | changes).get(name, "") for name in CIVIC_COLUMNS]


CIVIC = "".join(
    "\t".join(cells) + "\n"
    for cells in (
        CIVIC_COLUMNS,
        civic(1, "Vemurafenib", SENSITIVITY, "A", rating="5"),
        civic(2, "Trametinib,Dabrafenib", SENSITIVITY, rating="", therapy_interaction_type="Combination"),
        civic(
            3, "Cetuximab,Panitumumab", RESISTANCE, "A",
            therapy_interaction_type="Substitutes", disease="Colorectal Cancer",
        ),
        civic(4, "Drug N", RESISTANCE, evidence_direction="Does Not Support"),
        civic(5, "Drug S", RESISTANCE, evidence_status="submitted"),
        civic(6, "", "Poor Outcome", evidence_type="Prognostic"),
        civic(7, "Drug C", RESISTANCE, molecular_profile="BRAF V600E AND BRAF Amplification"),
        civic(8, "Drug G", SENSITIVITY, molecular_profile="BRAF Mutation", variant_origin="Rare Germline"),
    )
)  # fmt: skip
ALMANAC = [
    {"feature_type": "Somatic Variant", "gene": "BRAF", "protein_change": "p.V600E", "exon": 15,
     "variant_annotation": "Missense", "disease": "Melanoma", "oncotree_term": "Melanoma",
     "oncotree_code": "MEL", "therapy_name": "vemurafenib", "therapy_sensitivity": 1,
     "therapy_resistance": "", "predictive_implication": "FDA-Approved", "assertion_id": 11, "pmid": 5,
     "_deprecated": False},
    {"feature_type": "Microsatellite Stability", "status": "MSI-High", "disease": "Any solid tumor",
     "oncotree_term": "Any solid tumor", "therapy_name": "X", "therapy_sensitivity": 1,
     "predictive_implication": "FDA-Approved", "assertion_id": 12, "_deprecated": False},
    {"feature_type": "Somatic Variant", "gene": "BRAF", "disease": "Melanoma", "therapy_name": "Old",
     "therapy_sensitivity": 1, "predictive_implication": "Guideline", "assertion_id": 13,
     "_deprecated": True},
]  # fmt: skip
DGIDB = (
    "gene_name\tinteraction_source_db_name\tinteraction_type\tinteraction_score\tdrug_name\tapproved\n"
    "BRAF\tTTD\tinhibitor\t2.0\tDRUG B\tTRUE\nBRAF\tTTD\tinhibitor\t9.0\tDRUG A\tFALSE\n"
    "KRAS\tTTD\t\t1.0\tK\tTRUE\n"
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    files = {
        "civic": ("c.tsv", CIVIC),
        "moalmanac": ("m.json", json.dumps(ALMANAC)),
        "dgidb": ("d.tsv", DGIDB),
    }
    described = []
    for kind, (name, text) in files.items():
        (folder / name).write_text(text)
        described.append({"kind": kind, "path": str(folder / name), "version": "7", "date": "2026-01-02"})
    build_knowledge(folder / "out", "GRCh38", sources=describe_sources(described, "s"))
    entries = read_json(folder / "out" / "knowledge.json")["sources"]
    return folder / "out", {name: entries[name] for name in files}


FINDING = {
    "patient": "P", "feature": "Somatic Variant", "gene": "BRAF", "alteration_type": "Missense",
    "alteration": "V600E", "matters": True, "fraction": 0.5, "fraction_count": 50.0, "detail": "found.",
    "variant_id": "v", "input_file": "t.maf", "input_line": 9,
}  # fmt: skip


@pytest.fixture(scope="module")
def ranked(store):
    folder, sources = store
    findings = finding_table([FINDING])
    matched = match_evidence(
        findings, read_assertions(folder, sources), Diseases(), {"P": frozenset({"melanoma"})}
    )
    evidence = [assertion_evidence(matched, sources), druggable_evidence(findings, folder, sources)]
    return rank(pd.concat(evidence, ignore_index=True), None, 100, 1)


def test_records_become_targets_with_where_they_are_from(ranked, store):
    targets = ranked.targets.set_index("intervention")
    assert targets["tier"].to_dict() == {
        "Vemurafenib": "1",
        "Dabrafenib + Trametinib": "3",
        "Cetuximab": "R2",
        "Panitumumab": "R2",
        "2 drugs with a recorded interaction": "D",
    }
    assert targets["sources"]["Vemurafenib"] == "civic;moalmanac"
    row = ranked.evidence[ranked.evidence["source"] == "moalmanac"].iloc[0]
    assert (row["source_version"], row["source_date"]) == ("7", "2026-01-02")
    assert row["source_sha256"] == store[1]["moalmanac"]["sha256"]
    assert (row["source_record"], row["reference"]) == ("11", "PMID:5")
    assert (row["input_file"], row["input_line"]) == ("t.maf", 9)


def test_records_that_say_nothing_for_an_intervention_are_kept_with_the_reason(ranked):
    why = ranked.evidence.dropna(subset="reason").set_index("source_record")["reason"].to_dict()
    assert why["4"] == "it doesn't support its statement"
    assert why["5"] == "its source hasn't accepted it"
    assert why["6"] == "it is prognostic, not predictive"
    assert why["13"] == "its source has withdrawn it"
    # Of another feature, or of none that can be compared: no row of this patient.
    assert not {"7", "8", "12"} & set(why)


def test_what_is_not_understood_is_counted(store):
    found = read_assertions(*store)
    complex_profile = found.loc[found["record"] == "7", "unused"]
    assert set(complex_profile) == {"its molecular profile isn't understood"}
    assert found.loc[found["record"] == "12", "unused"].tolist() == ["its kind of feature isn't looked at"]
    assert found.loc[found["record"] == "8", "feature"].tolist() == ["Germline Variant"]


def test_stars_scale_the_reliability(store):
    found = read_assertions(*store)
    civic = found[found["source"] == "civic"].drop_duplicates("record").set_index("record")["reliability"]
    assert civic["1"] == pytest.approx(0.95)
    assert civic["2"] == pytest.approx(0.7 * 0.84)


def test_druggable_rows_come_last_and_lift_nothing(ranked):
    last = ranked.targets.iloc[-1]
    assert (last["action"], last["tier"], last["rank"]) == ("druggable", "D", 5)
    assert "DRUG B, DRUG A" in last["detail"]
    assert "no evidence of benefit" in last["detail"]
    used = ranked.evidence[ranked.evidence["used"] & (ranked.evidence["action"] == "indicated")]
    assert "dgidb" not in set(used["source"])


def test_a_patient_who_is_druggable_alone_has_nothing_to_act_on(store):
    folder, sources = store
    findings = finding_table([FINDING])
    found = rank(druggable_evidence(findings, folder, sources), None, 10, 1)
    calls = pd.DataFrame({"patient": [], "call": [], "reason": []}, dtype="str")
    seen = Seen(
        sources=True,
        table=False,
        genotyped=frozenset(),
        with_tumour=frozenset({"P"}),
        without_gene={"P": 2},
        with_burden=frozenset(),
        alterations=False,
        hotspots=False,
        stated=frozenset(),
        calls=calls,
    )
    row = patient_table(pd.Series(["P"]), found, findings, seen).iloc[0]
    assert (row["status"], row["n_targets"]) == ("none_found", 0)
    assert row["statement"].startswith("No actionable target")
    assert "2 tumour variants: no gene is known" in row["not_assessed"]


def test_a_finding_that_does_not_matter_is_not_druggable(store):
    folder, sources = store
    assert len(druggable_evidence(finding_table([FINDING | {"matters": False}]), folder, sources)) == 0
