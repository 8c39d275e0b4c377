"""The canonical report: claims for machines, status, scores, gaps, changes, accuracy, and its words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from endotype.errors import InputError
from endotype.files import read_json, to_json, write_json, write_text
from endotype.reports.inputs import read_cohort, read_patients
from endotype.reports.patient import patient_report
from endotype.reports.patient_page import report_page
from endotype.tables import write_parquet
from tests.reports.conftest import Run, build_run
from tests.reports.test_html import HOSTILE, check_safe

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return build_run(tmp_path, 24)


def report_of(run: Run, patient: str = "P0001") -> dict[str, Any]:
    run.write_records()
    cohort = read_cohort(run.results, read_json(run.config))
    return patient_report(read_patients(run.results, cohort, [patient])[0], cohort)


def claim_of(report: dict[str, Any], kind: str, word: str = "") -> dict[str, Any]:
    return next(c for c in report["claims"] if c["type"] == kind and word in c["text"])


# -- claims ------------------------------------------------------------------------------------------


def test_a_claim_says_for_machines_what_it_says_for_people(run: Run) -> None:
    rows = pd.DataFrame({"patient": ["P0001"], "sample": ["S-1"], "path": ["in/calls.vcf.gz"]})
    write_parquet(rows, run.results / "cohort/samples.parquet")
    inputs = [{"path": "data/in/calls.vcf.gz", "sha256": "b" * 64, "size": 9}]
    write_json(run.results / "provenance/inputs.json", inputs)
    report = report_of(run)
    assert {claim["subject"] for claim in report["claims"]} == {"P0001"}
    assert all(claim["value"] and claim["value"]["value"] is not None for claim in report["claims"])
    variant = claim_of(report, "variant", "GENEA")
    assert variant["value"] == {"value": "Pathogenic", "unit": None}
    called = variant["input"][-1]
    place = {"chrom": "1", "pos": 1000, "ref": "G", "alt": "T", "genotype": "G/T"}
    assert called == {"file": "calls.vcf.gz", "key": "S-1", "sha256": "b" * 64, **place}
    assert report["patient"]["sample"] == "S-1"
    subtype = claim_of(report, "subtype")
    assert subtype["value"]["value"] == "S1"
    assert subtype["alternatives"][0].startswith("S2, posterior probability 0.01")


def test_a_file_name_that_two_inputs_share_has_no_hash(run: Run) -> None:
    rows = pd.DataFrame({"patient": ["P0001"], "sample": ["S-1"], "path": ["a/calls.vcf.gz"]})
    write_parquet(rows, run.results / "cohort/samples.parquet")
    both = [{"path": f"{f}/calls.vcf.gz", "sha256": f * 64, "size": 9} for f in "ab"]
    write_json(run.results / "provenance/inputs.json", both)
    assert claim_of(report_of(run), "variant")["input"][-1]["sha256"] is None


# -- polygenic scores --------------------------------------------------------------------------------


def with_scores(run: Run) -> None:
    features = pd.read_parquet(run.results / "subtypes/features.parquet")
    features["prs:height"] = np.linspace(-1, 1, len(features))
    features.loc[2, "prs:height"] = np.nan
    write_parquet(features, run.results / "subtypes/features.parquet")
    match = "polygenic score height: 90 rows in the cohort, 98% of its file and 97% of its weight matched"
    view = {"name": "prs", "source": "scores", "left_out": {"prs:lipids": "match rate 61 % under 75 %"}}

    def describe(value: dict[str, Any]) -> None:
        value["features"].append({"name": "prs:height", "view": "prs", "kind": "gaussian", "source": match})
        value["views"].append(view)

    run.change_json(run.results / "subtypes/features.json", describe)


def test_a_score_has_its_place_with_the_number_of_people_and_the_caveat(run: Run) -> None:
    with_scores(run)
    report = report_of(run)
    height, lipids = report["polygenic_scores"]["items"]
    assert (height["status"], height["n"]) == ("present", 23)
    assert height["percentile"] == pytest.approx(100 * 0.5 / 23)
    claim = claim_of(report, "polygenic_score")
    assert claim["id"] == height["claim"]
    assert "among 23 people of this cohort" in claim["text"]
    assert any("ancestries" in limit for limit in claim["limits"])
    assert any("98% of its file" in limit for limit in claim["limits"])
    assert claim["confidence"]["word"] == "uncertain"
    assert (lipids["status"], lipids["value"], lipids["claim"]) == ("not_assessed", None, None)
    assert "match rate 61 % under 75 %" in report_page(report)


def test_a_score_that_a_person_lacks_is_missing_and_not_average(run: Run) -> None:
    with_scores(run)
    section = report_of(run, "P0003")["polygenic_scores"]
    assert (section["items"][0]["status"], section["items"][0]["percentile"]) == ("missing", None)
    assert section["status"] == "not_assessed"


def test_few_people_have_no_percentile(run: Run) -> None:
    with_scores(run)
    keep = [i < 10 for i in range(24)]
    run.change("subtypes/features.parquet", lambda t: t.assign(**{"prs:height": t["prs:height"].where(keep)}))
    item = report_of(run)["polygenic_scores"]["items"][0]
    assert item["percentile"] is None and "fewer than 20" in item["reason"]


# -- not assessed ------------------------------------------------------------------------------------


def test_genes_that_were_not_seen_are_named_with_their_bases(run: Run) -> None:
    assert "coverage of genes" in {gap["topic"] for gap in report_of(run)["not_assessed"]}
    rows = [("P0001", "GENEA", 100, 40, "assessed"), ("P0001", "GENEB", 100, 99, "assessed")]
    rows.append(("P0004", "GENEC", 100, 0, "assessed"))
    table = pd.DataFrame(rows, columns=["patient", "gene", "n_coding", "n_callable", "status"])
    write_parquet(table.assign(gene_id="g"), run.results / "variants/callability.parquet")
    # "Not found" is told with how much could be seen.
    assert report_of(run, "P0007")["variants"]["statement"].endswith("could be seen isn't known.")
    assert report_of(run, "P0004")["variants"]["statement"].endswith("could be seen in 0 of 1 gene measured.")
    gaps = {gap["topic"]: gap["reason"] for gap in report_of(run)["not_assessed"]}
    assert "1 of 2 genes: GENEA (40 of 100 coding bases seen)." in gaps["genes that were not seen whole"]
    assert "coverage of genes" not in gaps


def test_knowledge_that_is_absent_or_old_is_said(run: Run) -> None:
    run.change_json(run.config, lambda c: c["knowledge"].update(max_age_days=100))
    run.change_json(
        run.results / "annotation/knowledge.json",
        lambda k: k["sources"]["clinical_significance"].update(age_days=400),
    )
    gaps = {gap["topic"]: gap["reason"] for gap in report_of(run)["not_assessed"]}
    assert "400 days old" in gaps["knowledge: clinical_significance"]
    assert "isn't known" in gaps["knowledge: population_frequency"]
    assert "no such source" in gaps["knowledge: genes"]


def test_features_without_a_value_are_named(run: Run) -> None:
    gaps = {gap["topic"]: gap["reason"] for gap in report_of(run, "P0003")["not_assessed"]}
    assert gaps["features of the subtypes"] == "1 of 7 have no value: marker 2."


# -- status and changes ------------------------------------------------------------------------------


def earlier(run: Run, patient: str = "P0001", status: str = "final") -> dict[str, Any]:
    """Make the report of today the earlier one, with a status."""
    report = report_of(run, patient) | {"status": status}
    write_json(f"before/{patient}/report.json", report)
    run.change_json(run.config, lambda c: c["reports"].update(previous="before"))
    return report


def test_without_an_earlier_report_that_is_said(run: Run) -> None:
    report = report_of(run)
    assert report["changes"]["statement"] == "Not assessed: no earlier report of this patient was given."
    assert report["status"] == "preliminary"


def test_the_same_findings_are_no_change(run: Run) -> None:
    earlier(run)
    report = report_of(run)
    assert (report["changes"]["status"], report["changes"]["items"]) == ("absent", [])
    assert report["status"] == "preliminary"


def test_changes_are_found_by_meaning(run: Run) -> None:
    earlier(run)

    def other_class(t: pd.DataFrame) -> pd.DataFrame:
        return t.assign(**{"class": t["class"].where(t["gene"] != "GENEB", "likely_pathogenic")})

    run.change("annotation/classification.parquet", other_class)
    run.change(
        "targets/targets.parquet",
        lambda t: t.assign(tier=t["tier"].where(t["intervention"] != "Drug S", "3"))[
            t["intervention"] != "Drug A"
        ],
    )
    run.change(
        "subtypes/assignments.parquet",
        lambda t: t.assign(subtype=t["subtype"].where(t["patient"] != "P0001", "S2")),
    )
    run.change_json(
        run.results / "annotation/knowledge.json",
        lambda k: k["sources"]["clinical_significance"].update(version="2027-01-01"),
    )
    report = report_of(run)
    found = {(i["kind"], i["type"], i["what"], i["before"], i["after"]) for i in report["changes"]["items"]}
    criteria = "class by the ACMG/AMP criteria"
    assert found >= {
        ("changed", "variant", criteria, "uncertain significance", "likely pathogenic"),
        ("changed", "target", "tier", "2", "3"),
        ("changed", "subtype", "subtype", "S1", "S2"),
        ("disappeared", "target", None, None, None),
    }
    assert {i["type"] for i in report["changes"]["items"] if i["kind"] == "appeared"} == set()
    (source,) = report["changes"]["sources"]
    assert source["before"].startswith("2026-01-01") and source["after"].startswith("2027-01-01")
    assert report["status"] == "amended"
    assert "changed" in report["changes"]["statement"]


def test_a_finding_that_is_new_appears(run: Run) -> None:
    run.change("targets/targets.parquet", lambda t: t.iloc[1:])
    earlier(run, status="preliminary")
    run.change("targets/targets.parquet", lambda t: pd.concat([t, t.iloc[[0]].assign(gene="GENEN")]))
    report = report_of(run)
    (item,) = report["changes"]["items"]
    assert (item["kind"], item["type"]) == ("appeared", "target")
    # A preliminary report that follows a preliminary one amends nothing.
    assert report["status"] == "preliminary"


def test_the_report_of_another_patient_is_refused(run: Run) -> None:
    report = earlier(run)
    report["patient"]["id"] = "P0002"
    write_json("before/P0001/report.json", report)
    with pytest.raises(InputError, match="P0002"):
        report_of(run)


def test_what_consent_no_longer_covers_is_not_said_to_be_gone(run: Run) -> None:
    write_text("list.tsv", "gene\nGENEA\n")
    listed = {"path": "list.tsv", "name": "A list", "version": "1"}
    run.change("annotation/genes.parquet", lambda t: t.assign(table_row=[None, 1, 2, 3]))
    for with_list in (False, True):
        settings = {"previous": None, "secondary_genes": listed if with_list else None}
        settings["consent"] = {"secondary_findings": "agreed", "research": None}
        run.change_json(run.config, lambda c, s=settings: c["reports"].update(s))
        run.change("cohort/consent.parquet", lambda t: t.assign(agreed="yes"))
        assert "GENEA" in to_json(earlier(run))
        run.change_json(run.config, lambda c: c["reports"].update(secondary_genes=listed))
        run.change("cohort/consent.parquet", lambda t: t.assign(agreed="no"))
        report = report_of(run)
        assert "GENEA" not in to_json(report) + report_page(report)


# -- accuracy ----------------------------------------------------------------------------------------


def test_every_measured_figure_stands_in_the_methods_page() -> None:
    page = " ".join((ROOT / "docs/methods.md").read_text(encoding="utf-8").split())
    known = read_json(ROOT / "resources/accuracy.json")
    assert f"With version {known['version']}" in page
    for item in known["items"]:
        assert item["documented_as"] in page, item["what"]
        number = f"{item['value']:,}"
        assert number in item["documented_as"] or item["what"].startswith(("causal", "sex", "pairs")), item


def test_a_report_prints_the_measured_accuracy(run: Run) -> None:
    page = report_page(report_of(run))
    assert "Measured accuracy" in page and "1,081 of 1,126" in page


# -- words -------------------------------------------------------------------------------------------

DIRECTIVE = re.compile(
    r"\b(must|should|shall|ought|recommend\w*|advis\w*|start|stop|avoid|consider|consult|prescribe|refer"
    r"|treat|switch|discontinue|administer|need to|needs)\b|(?:^|[.;:] )(?:give|take)\b",
    re.IGNORECASE,
)
BARE_PERCENT = re.compile(r"\d\s?%")
SEQUENCE_ONTOLOGY = re.compile(r"\b(stop|start)[ _](gained|lost|retained)")
"""Names of consequences, which tell nobody to stop."""
DENOMINATOR = re.compile(
    r"\bof\b|\bunder\b|\blimit\b|\binterval\b|\bcall rate\b|\bfamily-wise\b|\bhold", re.IGNORECASE
)


def statements(report: dict[str, Any]) -> Iterator[str]:
    """Every sentence of a report that is the program's own: not quoted from a source or a table."""
    for claim in report["claims"]:
        yield claim["text"]
        yield from claim["limits"]
        yield from claim["alternatives"]
    for name, section in report.items():
        if isinstance(section, dict) and isinstance(section.get("statement"), str):
            yield section["statement"]
        if name == "methods":
            yield from section["statements"]
            yield from (setting["meaning"] for setting in section["settings"])
            yield from (item["what"] for item in section["accuracy"]["items"])
    for gap in report["not_assessed"]:
        yield f"{gap['topic']}: {gap['reason']}"
    yield from (metric["explanation"] for metric in report["quality"]["metrics"])


def test_no_statement_tells_anybody_what_to_do_and_no_percentage_stands_alone(run: Run) -> None:
    with_scores(run)
    kinds = ["P0001", "P0002", "P0003", "P0004", "P0006", "P0009", "P0010", "P0023", "P0024"]
    cohort = read_cohort(run.results, read_json(run.config))
    for record in read_patients(run.results, cohort, kinds):
        report = patient_report(record, cohort)
        for text in statements(report):
            assert not DIRECTIVE.search(SEQUENCE_ONTOLOGY.sub("", text)), text
            assert not BARE_PERCENT.search(text) or DENOMINATOR.search(text), text
        assert len(report["key_findings"]["items"]) <= 10
        assert report["key_findings"]["items"] or report["key_findings"]["statement"]


def test_hostile_words_of_the_new_chapters_stay_words(run: Run) -> None:
    with_scores(run)
    hostile = HOSTILE.replace('"', "").replace("\x1b", "")
    features = pd.read_parquet(run.results / "subtypes/features.parquet")
    name = f"prs:{hostile}"
    write_parquet(features.rename(columns={"prs:height": name}), run.results / "subtypes/features.parquet")

    def rename(value: dict[str, Any]) -> None:
        value["features"][-1].update(name=name, source=hostile)
        value["views"][-1]["left_out"] = {f"prs:2{hostile}": hostile}

    run.change_json(run.results / "subtypes/features.json", rename)
    write_text("list.tsv", "gene\nGENEA\n")
    listed = {"path": "list.tsv", "name": hostile, "version": hostile}
    run.change("annotation/genes.parquet", lambda t: t.assign(table_row=[None, 1, 2, 3]))
    run.change("cohort/consent.parquet", lambda t: t.assign(agreed="yes"))
    consent = {"secondary_findings": "agreed", "research": None}
    run.change_json(run.config, lambda c: c["reports"].update(secondary_genes=listed, consent=consent))
    rows = pd.DataFrame({"patient": ["P0001"], "sample": [hostile], "path": [hostile]})
    write_parquet(rows, run.results / "cohort/samples.parquet")
    report = earlier(run)
    for claim in report["claims"]:
        claim["text"] = hostile
    report["claims"].append(report["claims"][0] | {"id": "variant-0123456789ab"})
    report["run"]["knowledge"][0].update(source=hostile, version=hostile)
    write_json("before/P0001/report.json", report)
    page = check_safe(report_page(report_of(run)))
    assert "onerror" in page.text and "A secondary finding" in page.text
