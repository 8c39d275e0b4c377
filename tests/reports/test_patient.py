"""Whole reports: what each kind of patient is told, and that the report fits its schema."""

from __future__ import annotations

import copy
import re

import pandas as pd
import pytest

from endotype.errors import InputError
from endotype.files import read_json, to_json
from endotype.reports.batches import batch_of
from endotype.reports.patient import validate_report
from endotype.reports.write import write_reports
from endotype.tables import write_parquet
from endotype.variants.plink import open_store, write_store
from tests.reports.conftest import CONFIG, Run, as_text

SECTIONS = ("variants", "targets", "subtype", "associations", "clinical", "quality")


def test_every_patient_gets_a_report_that_fits_the_schema(run: Run) -> None:
    patients = run.write()
    assert len(patients) == 60
    for patient in patients:
        validate_report(run.report(patient))
        assert f"<h1>{patient}</h1>" in run.page(patient)


def test_key_findings_start_with_the_strongest_and_are_at_most_ten(written: Run) -> None:
    report = written.report("P0001")
    claims = {c["id"]: c for c in report["claims"]}
    shown = [claims[item["claim"]] for item in report["key_findings"]["items"]]
    assert [c["type"] for c in shown] == ["variant", "variant", "target", "target", "target", "subtype"]
    assert "contraindicated" in shown[2]["text"]
    assert report["key_findings"]["statement"] is None


def test_nothing_found_does_not_exclude_a_genetic_cause(written: Run) -> None:
    report = written.report("P0007")
    assert report["variants"]["counts"]["reportable"] == 0
    assert "doesn't exclude a genetic cause" in report["key_findings"]["statement"].replace("’", "'")
    assert report["targets"]["status"] == "absent"


def test_targets_without_a_variant_do_not_contradict_the_first_sentence(run: Run) -> None:
    only_by_subtype = {"patient": "P0007", "link": "subtype", "variant_id": None}
    run.change(
        "targets/targets.parquet",
        lambda t: pd.concat([t, t[t["link"] == "subtype"].assign(**only_by_subtype)]).sort_values("patient"),
    )
    run.write()
    statement = run.report("P0007")["key_findings"]["statement"]
    assert statement.startswith("No reportable variant was found.")
    assert statement.endswith("rest on other evidence.")


def test_a_failed_sample_without_a_variant_is_not_negative(run: Run) -> None:
    run.change("variants/sample_qc.parquet", lambda t: t.assign(verdict="fail", reasons="call rate 0.5"))
    run.write()
    assert "not a negative result" in run.report("P0007")["key_findings"]["statement"]
    assert "nothing in this chapter is more than uncertain" in run.page("P0007")


def test_a_cohort_that_is_not_divided_is_the_last_key_finding(run: Run) -> None:
    run.change(
        "subtypes/assignments.parquet",
        lambda t: t.assign(subtype=None, call="no_call", reason="no_subtypes", posterior=None),
    )
    run.write()
    report = run.report("P0003")
    claims = {c["id"]: c for c in report["claims"]}
    types = [claims[item["claim"]]["type"] for item in report["key_findings"]["items"]]
    assert types == ["variant", "subtype"]


def test_a_warning_against_an_intervention_stands_out(written: Run) -> None:
    (warned,) = re.findall(r'<li class="alarm">.*?</li>', written.page("P0001"), re.DOTALL)
    assert "Drug R is listed as contraindicated" in warned


def test_the_printed_page_carries_the_patient_on_every_sheet(written: Run) -> None:
    assert '@bottom-left { content: "Patient P0001"; }' in written.page("P0001")


def test_without_genotypes_nothing_genetic_is_negative(written: Run) -> None:
    report = written.report("P0060")
    for name in ("variants", "associations", "quality", "targets"):
        assert report[name]["status"] == "not_assessed", name
        assert report[name]["statement"].startswith("Not assessed"), name
    assert "not a negative result" in report["key_findings"]["statement"]
    topics = [gap["topic"] for gap in report["not_assessed"]]
    assert topics[:2] == ["genotype quality", "carried variants"]


def test_without_a_clinical_record_the_rest_is_still_there(written: Run) -> None:
    report = written.report("P0059")
    assert report["clinical"]["status"] == "not_assessed"
    assert report["subtype"]["status"] == "not_assessed"
    assert report["variants"]["status"] == "absent"


def test_a_failed_sample_lowers_all_that_was_read_from_it(written: Run) -> None:
    report = written.report("P0006")
    assert report["quality"]["verdict"] == "fail"
    assert report["subtype"]["posteriors"] == []
    genetic = [c for c in report["claims"] if c["type"] in ("variant", "target", "association")]
    assert genetic and all(c["confidence"]["word"] == "uncertain" for c in genetic)
    first = [c for c in report["claims"] if c["id"] == report["key_findings"]["items"][0]["claim"]]
    assert first[0]["type"] == "quality"
    assert {c["type"] for c in report["claims"]} >= {"identity"}
    assert report["quality"]["sex"] == {"declared": "male", "inferred": "female", "verdict": "fail"}
    assert report["quality"]["relatives"][0]["relationship"] == "duplicate"


def test_a_measure_that_was_not_taken_is_not_assessed(written: Run) -> None:
    metrics = {m["name"]: m for m in written.report("P0010")["quality"]["metrics"]}
    assert metrics["contamination"]["verdict"] == "not assessed"
    assert metrics["contamination"]["value"] is None
    assert "contamination" in [gap["topic"] for gap in written.report("P0010")["not_assessed"]]


@pytest.mark.parametrize(
    ("patient", "reason", "word"),
    [("P0002", "ambiguous", "uncertain"), ("P0003", "atypical", "not supported")],
)
def test_no_call_is_an_answer_with_its_reason(written: Run, patient: str, reason: str, word: str) -> None:
    report = written.report(patient)
    subtype = report["subtype"]
    assert (subtype["call"], subtype["reason"], subtype["subtype"]) == ("no_call", reason, None)
    (claim,) = [c for c in report["claims"] if c["id"] == subtype["claim"]]
    assert claim["confidence"]["word"] == word
    assert claim["text"].startswith("No call")


def test_a_cohort_without_subtypes_says_so(run: Run) -> None:
    def no_subtypes(table: pd.DataFrame) -> pd.DataFrame:
        table = table[[c for c in table.columns if not c.startswith("p_")]].assign(
            call="no_call", reason="no_subtypes"
        )
        return table.assign(
            subtype=None, posterior=None, second_subtype=None, second_posterior=None, typicality=None
        )

    run.change("subtypes/assignments.parquet", no_subtypes)
    run.change("subtypes/profile.parquet", lambda t: t.iloc[:0])
    run.write()
    subtype = run.report("P0001")["subtype"]
    assert (subtype["status"], subtype["reason"], subtype["posteriors"]) == ("absent", "no_subtypes", [])


def test_survival_of_the_subtype_stands_beside_that_of_the_cohort(written: Run) -> None:
    (row,) = written.report("P0001")["subtype"]["survival"]
    assert row["outcome"] == "survival"
    assert row["low"] < row["estimate"] < row["high"]
    assert (row["n"], row["cohort_n"]) == (20, 59)


def test_a_target_is_no_surer_than_the_variant_behind_it(written: Run) -> None:
    report = written.report("P0001")
    words = {c["id"]: c["confidence"]["word"] for c in report["claims"]}
    by_drug = {item["intervention"]: words[item["claim"]] for item in report["targets"]["items"]}
    # R1 would be established, but its variant has one star; tier 2 through a subtype is at most likely.
    assert by_drug == {"Drug R": "likely", "Drug A": "established", "Drug S": "likely"}


def test_an_established_finding_of_a_failed_sample_is_uncertain(run: Run) -> None:
    run.change(
        "variants/sample_qc.parquet", lambda t: t.assign(verdict="fail", reasons="call rate 0.5 is below 0.9")
    )
    run.write()
    words = {
        c["confidence"]["word"] for c in run.report("P0001")["claims"] if c["type"] in ("variant", "target")
    }
    assert words == {"uncertain"}


def test_a_failed_sample_without_targets_has_none_assessed(run: Run) -> None:
    run.change("targets/targets.parquet", lambda t: t[t["patient"] != "P0006"])
    run.write()
    assert run.report("P0006")["targets"]["status"] == "not_assessed"
    assert run.report("P0007")["targets"]["status"] == "absent"


def test_entries_of_one_gene_and_drug_from_two_sources_are_two_claims(run: Run) -> None:
    run.change(
        "targets/targets.parquet", lambda t: pd.concat([t, t], ignore_index=True).sort_values("patient")
    )
    run.write()
    assert len({item["claim"] for item in run.report("P0001")["targets"]["items"]}) == 6


def test_associations_count_effect_alleles_and_keep_tiny_p_values(written: Run) -> None:
    dosage = open_store(written.results / "variants/genotypes").dosages(slice(3, 4))[0]
    for i, patient in enumerate(["P0001", "P0002", "P0003"]):
        items = {a["trait"]: a for a in written.report(patient)["associations"]["items"]}
        carried = items.get("survival", {"alleles": 0})["alleles"]
        assert carried == dosage[i]
        assert "odds ratio" in items["airway_disease"]["effect"] if carried else "survival" not in items
    carrier = next(f"P{i + 1:04d}" for i in range(len(dosage)) if dosage[i] > 0)
    assert "10⁻⁴⁰³" in written.page(carrier)
    (gene,) = [a for a in written.report("P0001")["associations"]["items"] if a["kind"] == "gene"]
    assert (gene["gene"], gene["alleles"], gene["effect_allele"]) == ("GENEE", 1, None)
    section = written.report("P0001")["associations"]
    # A set of the user's is a result of the cohort; nobody is said to lack a genotype of it.
    assert section["n_loci"] == 3
    assert "pathway" not in {a["id"] for a in [*section["items"], *section["no_call"]]}


def test_effect_alleles_that_are_the_reference_are_counted_as_such(run: Run) -> None:
    run.change(
        "association/loci.parquet",
        lambda t: t.assign(effect_allele=t["effect_allele"].where(t["kind"] == "gene", "C")),
    )
    run.write()
    dosage = open_store(run.results / "variants/genotypes").dosages(slice(3, 4))[0]
    items = {a["trait"]: a for a in run.report("P0001")["associations"]["items"]}
    assert items.get("survival", {"alleles": 0})["alleles"] == 2 - dosage[0]


def test_a_cell_that_was_set_aside_is_not_missing(written: Run) -> None:
    cells = {i["name"]: i for i in written.report("P0002")["clinical"]["items"]}
    assert cells["lipid_level"]["status"] == "set aside"
    assert cells["lipid_level"]["set_aside"] == {"found": "4,1x", "expected": "a number"}
    missing = {i["name"]: i for i in written.report("P0003")["clinical"]["items"]}
    assert missing["age"]["status"] == "missing"
    assert "not recorded" in written.page("P0003")


def test_identifiers_and_ignored_columns_never_appear(written: Run) -> None:
    assert "private words" not in as_text(written.report("P0001")) + written.page("P0001")


def test_percentiles_are_mid_ranks_of_recorded_values(written: Run) -> None:
    ages = {
        p: next(i for i in written.report(p)["clinical"]["items"] if i["name"] == "age")
        for p in ("P0001", "P0004")
    }
    clinical = (
        pd.read_parquet(written.results / "cohort/clinical.parquet").set_index("patient")["age"].dropna()
    )
    for patient, item in ages.items():
        below, equal = (clinical < clinical[patient]).sum(), (clinical == clinical[patient]).sum()
        assert item["percentile"] == pytest.approx(100 * (below + equal / 2) / len(clinical))
        assert item["n"] == 58


def test_zero_variants_still_gives_every_patient_a_report(run: Run) -> None:
    empty_run(run)
    assert len(run.write()) == 60
    report = run.report("P0001")
    assert report["variants"]["status"] == "not_assessed"
    assert "no variant of the cohort passed" in report["variants"]["statement"]
    assert "not a negative result" in report["key_findings"]["statement"]


def empty_run(run: Run) -> None:
    """Take all variants, loci and targets away."""
    prefix = run.results / "variants/genotypes"
    store = open_store(prefix)
    write_store(prefix, store.packed[:0], store.variants.iloc[:0], store.people)
    for table in ("annotation/variants", "association/loci", "targets/targets"):
        run.change(f"{table}.parquet", lambda t: t.iloc[:0])


def test_zero_variants_with_untyped_columns(run: Run) -> None:
    empty_run(run)
    run.change(
        "annotation/variants.parquet", lambda t: pd.DataFrame({name: [] for name in t.columns}, dtype=object)
    )
    assert len(run.write()) == 60


def test_no_people_at_all(run: Run) -> None:
    for table in (
        "cohort/people",
        "cohort/clinical",
        "subtypes/assignments",
        "subtypes/features",
        "variants/sample_qc",
    ):
        run.change(f"{table}.parquet", lambda t: t.iloc[:0])
    assert run.write() == []


def test_a_run_without_knowledge_and_consequences_calls_nothing_negative(run: Run) -> None:
    def nothing_known(config: dict) -> None:
        config["knowledge"] = dict.fromkeys(config["knowledge"])
        config["reference"] |= {"fasta": None, "genes": None}

    def unassessed(table: pd.DataFrame) -> pd.DataFrame:
        gone = ["gene", "consequence", "impact", "clinical_significance", "population_af", "review_status"]
        table = table.drop_duplicates("variant_id").assign(
            **dict.fromkeys(gone), damaging=pd.NA, most_severe=True
        )
        return table.assign(
            consequence_status="not_assessed",
            clinical_status="not_assessed",
            population_status="not_assessed",
        )

    run.change_json(run.config, nothing_known)
    run.change_json(
        run.results / "annotation/knowledge.json",
        lambda v: v.update(sources={key: {"status": "not_assessed"} for key in v["sources"]}),
    )
    run.change("annotation/variants.parquet", unassessed)
    for name in ("classification", "criteria", "inheritance", "compound", "haplotypes"):
        run.change(f"annotation/{name}.parquet", lambda t: t.iloc[:0])
    run.change("targets/targets.parquet", lambda t: t.iloc[:0])
    run.write()
    report = run.report("P0001")
    assert report["variants"]["status"] == report["targets"]["status"] == "not_assessed"
    assert report["associations"]["status"] in ("present", "absent")


def test_batches_cover_every_patient_once_and_do_not_change_a_byte(run: Run) -> None:
    run.write()
    whole = {p: (run.report(p), run.page(p)) for p in ("P0001", "P0033")}
    written: list[str] = []
    for batch in range(5):
        patients = write_reports(run.results, run.config, batch, 5)
        assert all(batch_of(p, 5) == batch for p in patients)
        written += patients
    assert sorted(written) == sorted(set(written)) and len(written) == 60
    assert whole == {p: (run.report(p), run.page(p)) for p in whole}


def test_two_runs_are_identical_byte_for_byte(run: Run) -> None:
    run.write()
    files = sorted((run.results / "reports").rglob("report.*"))
    first = [f.read_bytes() for f in files]
    run.write()
    assert first == [f.read_bytes() for f in files]


def test_no_path_of_the_machine_is_in_a_report(written: Run) -> None:
    assert str(written.results.parent) not in as_text(written.report("P0001")) + written.page("P0001")


def test_an_id_that_can_not_be_a_file_name_is_refused(run: Run) -> None:
    run.change("cohort/people.parquet", lambda t: t.assign(patient=t["patient"].replace("P0001", "../x")))
    with pytest.raises(InputError, match="patient id"):
        run.write()
    assert not (run.results / "x").exists()


def test_a_missing_result_is_named(run: Run) -> None:
    (run.results / "targets/targets.parquet").unlink()
    with pytest.raises(InputError, match=r"targets\.parquet"):
        run.write()


def test_annotation_of_a_variant_that_has_no_genotypes_is_refused(run: Run) -> None:
    run.change(
        "annotation/variants.parquet",
        lambda t: t.assign(variant_id=t["variant_id"].replace("1:1000:G:T", "1:1:G:T")),
    )
    with pytest.raises(InputError, match="1:1:G:T"):
        run.write()


def test_the_schema_refuses_an_unknown_word_a_lost_field_and_a_dangling_claim(written: Run) -> None:
    good = written.report("P0001")
    for break_it in (
        lambda r: r["claims"][0]["confidence"].update(word="certain"),
        lambda r: r["variants"]["items"][0].pop("zygosity"),
        lambda r: r.update(extra=1),
        lambda r: r["key_findings"]["items"][0].update(claim="variant-000000000000"),
        lambda r: r["claims"].append(r["claims"][0]),
    ):
        bad = copy.deepcopy(good)
        break_it(bad)
        with pytest.raises(ValueError, match="report of P0001"):
            validate_report(bad)


def test_every_claim_rests_on_an_input_and_says_what_its_number_is(written: Run) -> None:
    for path in (written.results / "reports").glob("*/report.json"):
        for claim in read_json(path)["claims"]:
            assert claim["input"], claim
            assert claim["confidence"]["kind"], claim


def test_every_claim_id_of_the_data_is_on_the_page(written: Run) -> None:
    for patient in ("P0001", "P0006"):
        page = written.page(patient)
        assert all(f'id="{c["id"]}"' in page for c in written.report(patient)["claims"])


def test_evidence_carries_the_version_and_hash_of_its_source(written: Run) -> None:
    claim = next(c for c in written.report("P0001")["claims"] if c["type"] == "variant")
    assert claim["evidence"][0] == {
        **{"source": "clinvar.vcf.gz", "version": "2026-01-01", "sha256": "a" * 64, "record": "42"},
        "rule": "exact allele",
    }


def test_a_simulated_cohort_is_labelled_and_a_real_one_is_not(run: Run) -> None:
    run.write()
    assert "Simulated data" in run.page("P0001")
    run.change_json(run.config, lambda c: c["run"].update(name="A cohort"))
    run.write()
    assert "Simulated data" not in run.page("P0001")
    assert "For research use" in run.page("P0001")


def test_a_report_is_canonical_json(written: Run) -> None:
    path = written.results / "reports/P0001/report.json"
    assert path.read_text(encoding="utf-8") == to_json(read_json(path))
    assert CONFIG["run"]["name"] in path.read_text(encoding="utf-8")


def test_duplicate_assignment_rows_do_not_hide_a_patient(run: Run) -> None:
    write_parquet(
        pd.DataFrame({"patient": pd.Series(dtype="str"), "subtype": pd.Series(dtype="str")}),
        run.results / "subtypes/assignments.parquet",
    )
    run.write()
    assert run.report("P0001")["subtype"]["status"] == "not_assessed"


def test_a_target_says_when_its_evidence_is_about_another_disease_and_what_speaks_for_caution(
    run: Run,
) -> None:
    def change(targets: pd.DataFrame) -> pd.DataFrame:
        drug_a = targets["intervention"] == "Drug A"
        return targets.assign(
            disease=None,
            disease_match="not_stated",
            safety=None,
            link=targets["link"].mask(drug_a, "tumour_variant"),
            action=targets["action"].mask(targets["intervention"] == "Drug S", "druggable"),
        ).assign(
            disease=lambda t: t["disease"].mask(drug_a, "Glioma"),
            disease_match=lambda t: t["disease_match"].mask(drug_a, "other"),
            safety=lambda t: t["safety"].mask(drug_a, "Also listed as contraindicated."),
        )

    run.change("targets/targets.parquet", change)
    run.write()
    report = run.report("P0001")
    claim = next(c for c in report["claims"] if c["text"].startswith("Drug A"))
    assert "through a finding of the tumour" in claim["text"]
    assert "The evidence is about another disease: Glioma." in claim["limits"]
    assert "Also listed as contraindicated." in claim["limits"]
    druggable = next(c for c in report["claims"] if c["text"].startswith("GENES: Drug S"))
    assert druggable["id"] not in {item["claim"] for item in report["key_findings"]["items"]}
    item = next(i for i in report["targets"]["items"] if i["intervention"] == "Drug A")
    assert (item["disease_match"], item["safety"]) == ("other", "Also listed as contraindicated.")


def test_what_was_looked_at_for_targets_is_said(run: Run) -> None:
    rows = [
        (
            "P0007",
            "none_found",
            "carried variants",
            "disease: not stated",
            "No actionable target: nothing fits.",
        ),
        ("P0001", "targets", "carried variants; subtype", "hotspots: none", "3 targets."),
    ]
    names = ["patient", "status", "looked_at", "not_assessed", "statement"]
    write_parquet(pd.DataFrame(rows, columns=names), run.results / "targets/patients.parquet")
    run.write()
    none = run.report("P0007")["targets"]
    assert (none["status"], none["statement"]) == ("absent", "No actionable target: nothing fits.")
    assert none["not_assessed"] == "disease: not stated"
    assert run.report("P0001")["targets"]["looked_at"] == "carried variants; subtype"
    assert "Not assessed here: hotspots: none." in run.page("P0001")
