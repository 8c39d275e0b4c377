"""Secondary findings: told by consent, and nowhere in any output of the patient without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from endotype.cohort.secondary_genes import Rule, read_gene_list
from endotype.errors import InputError
from endotype.files import read_json, to_json, write_text
from endotype.reports.consent import consent_of
from endotype.reports.document import document
from endotype.reports.fhir.bundle import fhir_bundle
from endotype.reports.inputs import read_cohort, read_patients
from endotype.reports.patient import patient_report
from endotype.reports.patient_page import report_page
from endotype.reports.phenopacket import phenopacket
from endotype.reports.sheets import claims_tsv, sheets, variants_tsv
from endotype.tables import read_parquet, write_parquet
from tests.real.prepare import DEFAULT_DATA
from tests.reports.conftest import Run, build_run

HELD = "1:1000:G:T"
OWN = ["GENEB", "GENEC"]
TRACES = (HELD, "GENEA", "Drug A", "Arg12Ter", "12R>12L", "g.1000G>T")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """GENEA and GENEX are listed and not in the run's own table; everything could speak of P0001's GENEA."""
    monkeypatch.chdir(tmp_path)
    run = build_run(tmp_path, 16)
    write_text("list.tsv", "gene\treport\nGENEA\t\nGENEX\tany\nGENEB\t\n")

    def settings(config: dict[str, Any]) -> None:
        config["reports"]["secondary_genes"] = {"path": "list.tsv", "name": "A list", "version": "3"}
        config["reports"]["consent"] = {"secondary_findings": "agreed", "research": None}

    run.change_json(run.config, settings)
    run.change("annotation/genes.parquet", lambda t: t.assign(table_row=[None, 1, 2, None]))
    run.change("cohort/consent.parquet", lambda t: t.assign(agreed=None))
    lead = read_parquet(run.results / "association/loci.parquet").iloc[[0, 1]]
    lead = lead.assign(
        id=[HELD, "GENEA"], gene="GENEA", effect_allele=["G", None], mask=[None, "protein_changing"]
    )
    run.change("association/loci.parquet", lambda t: pd.concat([t, lead], ignore_index=True))
    both = f"{HELD}|1:2000:C:A"  # beside a variant that is listed
    run.change("annotation/haplotypes.parquet", lambda t: t.assign(variants=both))
    mutation = read_parquet(run.results / "variants/somatic.parquet").iloc[[0]]
    mutation = mutation.assign(patient="P0001", tumour="T9", variant_id=HELD, gene="GENEA")
    run.change("variants/somatic.parquet", lambda t: pd.concat([t, mutation], ignore_index=True))
    tumour = read_parquet(run.results / "variants/tumours.parquet").iloc[[0]]
    tumour = tumour.assign(patient="P0001", tumour="T9")
    run.change("variants/tumours.parquet", lambda t: pd.concat([t, tumour], ignore_index=True))
    summary = {"patient": ["P0001"], "status": ["targets"], "looked_at": [""], "not_assessed": [""]}
    rows = pd.DataFrame(summary | {"statement": ["3 targets rest on what was found in this patient."]})
    write_parquet(rows, run.results / "targets/patients.parquet")
    return run


def agree(run: Run, answer: Any, patient: str = "P0001") -> None:
    run.change(
        "cohort/consent.parquet",
        lambda t: t.assign(agreed=[answer if p == patient else None for p in t["patient"]]),
    )


def report_of(run: Run, patient: str) -> dict[str, Any]:
    run.write_records()
    cohort = read_cohort(run.results, read_json(run.config))
    return patient_report(read_patients(run.results, cohort, [patient])[0], cohort)


@pytest.mark.parametrize("answer", [None, "no", "Yes please"])
def test_without_consent_no_output_of_the_patient_speaks_of_it(run: Run, answer: Any) -> None:
    agree(run, answer)
    report = report_of(run, "P0001")
    everything = to_json(report) + report_page(report) + to_json(document(report))
    everything += to_json(fhir_bundle(report)) + to_json(phenopacket(report))
    everything += (claims_tsv(report) + variants_tsv(report)).decode() + to_json(sheets(report))
    found = {trace: everything[max(0, everything.find(trace) - 200) :][:300] for trace in TRACES}
    assert {trace: place for trace, place in found.items() if trace in everything} == {}
    section = report["secondary_findings"]
    assert (section["status"], section["items"]) == ("not_assessed", [])
    assert ("refused" if answer == "no" else "no consent is recorded") in section["statement"]
    assert "secondary findings" in {gap["topic"] for gap in report["not_assessed"]}
    # Neither a gap in the ranks nor a count gives it away.
    assert [item["rank"] for item in report["targets"]["items"]] == [1, 2]
    assert all(i["rank_low"] <= i["rank"] <= i["rank_high"] <= 2 for i in report["targets"]["items"])
    assert report["variants"]["counts"]["reportable"] == 1
    assert "3 targets" not in everything


def test_a_patient_whose_only_target_is_held_back_has_none(run: Run) -> None:
    run.change("targets/targets.parquet", lambda t: t[t["intervention"] == "Drug A"])
    targets = report_of(run, "P0001")["targets"]
    assert (targets["status"], targets["items"]) == ("absent", [])
    assert targets["statement"].startswith("No actionable target")


def test_with_consent_it_stands_in_its_chapter_and_not_among_the_variants(run: Run) -> None:
    agree(run, "yes")
    report = report_of(run, "P0001")
    (item,) = report["secondary_findings"]["items"]
    assert item["variant_id"] == HELD
    assert HELD not in {i["variant_id"] for i in report["variants"]["items"]}
    claim = next(c for c in report["claims"] if c["id"] == item["claim"])
    assert claim["limits"][0].startswith("A secondary finding")
    assert {"claim": claim["id"], "section": "secondary_findings"} in report["key_findings"]["items"]
    assert "Drug A" in {t["intervention"] for t in report["targets"]["items"]}
    assert report["patient"]["consent_secondary_findings"] == "given"


def test_genes_of_the_runs_own_table_are_never_held_back(run: Run) -> None:
    agree(run, "no")
    assert "GENEB" in {i["gene"] for i in report_of(run, "P0001")["variants"]["items"]}


def test_a_site_without_a_genotype_is_held_back_too(run: Run) -> None:
    report = report_of(run, "P0004")
    assert report["variants"]["no_call"] == []
    agree(run, "yes", "P0004")
    report = report_of(run, "P0004")
    assert [row["variant_id"] for row in report["secondary_findings"]["no_call"]] == [HELD]
    assert "doesn't exclude" in report["secondary_findings"]["statement"]


def test_a_predicted_one_is_held_back_and_isnt_a_secondary_finding(run: Run) -> None:
    write_text("list.tsv", "gene\nGENEC\n")
    run.change("annotation/genes.parquet", lambda t: t.assign(table_row=[1, 2, None, 3]))
    run.change("annotation/classification.parquet", lambda t: t[t["gene"] != "GENEC"])
    run.change("annotation/variants.parquet", lambda t: t.assign(cohort_af=0.001))
    assert "GENEC" not in to_json(report_of(run, "P0003")["variants"])
    agree(run, "yes", "P0003")
    report = report_of(run, "P0003")
    assert report["secondary_findings"]["items"] == []
    assert "GENEC" in {i["gene"] for i in report["variants"]["items"]}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("any", True),
        ("two_alleles", False),
        ("homozygous", False),
        ("truncating", True),
        ("p.R12Q homozygotes only", False),
    ],
)
def test_the_rule_of_the_list_decides_what_is_told(run: Run, rule: str, told: bool) -> None:
    write_text("list.tsv", f"gene\treport\nGENEA\t{rule}\n")
    agree(run, "yes")
    report = report_of(run, "P0001")
    assert bool(report["secondary_findings"]["items"]) == told
    assert HELD not in to_json(report["variants"]["items"])


def test_a_renamed_gene_is_found_by_its_ids_and_aliases(run: Run) -> None:
    for listed, column in (("OLDNAME", "aliases"), ("HGNC:1", "hgnc_id"), ("genea", None)):
        write_text("list.tsv", f"gene\n{listed}\n")
        run.change(
            "annotation/genes.parquet",
            lambda t, c=column, n=listed: t.assign(
                **({c: [f"X|{n}" if c == "aliases" else n, None, None, None]} if c else {})
            ),
        )
        assert "GENEA" not in to_json(report_of(run, "P0001")), listed


def test_without_gene_models_any_variant_may_be_one(run: Run) -> None:
    run.change_json(run.config, lambda c: c["reference"].update(fasta=None, genes=None))
    run.change("annotation/variants.parquet", lambda t: t.assign(gene=None, gene_id=None))
    assert HELD not in to_json(report_of(run, "P0001"))


def test_without_a_list_nothing_is_held_back_and_it_is_said(run: Run) -> None:
    run.change_json(run.config, lambda c: c["reports"].update(secondary_genes=None))
    report = report_of(run, "P0001")
    assert HELD in {i["variant_id"] for i in report["variants"]["items"]}
    assert "no list of genes" in report["secondary_findings"]["statement"]


def test_only_a_clear_yes_is_consent() -> None:
    words = {True: "given", "YES": "given", False: "refused", "no": "refused", None: "not recorded"}
    for value, word in words.items():
        assert consent_of({"research": "c"}, {"c": value})["research"] == word
    assert consent_of({"research": "c"}, {})["research"] == "not recorded"
    assert consent_of({"research": None}, {"": "yes"})["research"] == "not recorded"


def test_a_faulty_list_is_refused_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "l.tsv"
    setting = {"path": str(path), "name": "L", "version": "1"}
    write_text(path, "gene\treport\nA\tany\nA\ttruncating\n\tany\nB\tsome\n")
    with pytest.raises(InputError) as caught:
        read_gene_list(setting)
    assert [p.row for p in caught.value.problems] == [3, 4, 5]
    for text, found in (("name\nA\n", "column"), ("gene\n", "gene")):
        write_text(path, text)
        with pytest.raises(InputError, match=found):
            read_gene_list(setting)


def test_the_published_list_is_understood() -> None:
    path = DEFAULT_DATA / "acmg/acmg_sf_v3.1/acmg_sf.tsv"
    if not path.is_file():
        pytest.skip("the shared data are not here")
    known = read_gene_list({"path": str(path), "name": "ACMG SF", "version": "3.1"})
    assert len(known.genes) == 78
    assert known.rule_of(["HFE"]) == Rule("homozygous", "C282Y")
    assert known.rule_of(["TTN"]) == Rule("truncating")
    assert known.rule_of(["HGNC:130"]) == Rule("any")
    assert known.rule_of(["MUTYH"]) == Rule("two_alleles")
