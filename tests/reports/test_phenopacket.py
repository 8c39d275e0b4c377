"""Phenopackets: read by the library of their authors, and nothing in them claims more than the report."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from endotype.files import to_json
from endotype.reports.phenopacket import phenopacket
from endotype.reports.render import RENDERERS
from tests.reports.conftest import N_PEOPLE, Run

PATIENTS = [f"P{i + 1:04d}" for i in range(N_PEOPLE)]


@pytest.fixture(scope="module")
def reports(written: Run) -> dict[str, dict[str, Any]]:
    return {patient: written.report(patient) for patient in PATIENTS}


def parsed(packet: dict[str, Any]) -> Any:
    """The packet as a protobuf message; an unknown field or a word of no list is an error."""
    v2 = pytest.importorskip("phenopackets.schema.v2", reason="phenopackets isn't installed")
    from google.protobuf.json_format import Parse

    return Parse(to_json(packet), v2.Phenopacket())


def test_the_library_reads_every_packet(reports):
    for patient, report in reports.items():
        message = parsed(phenopacket(report))
        assert message.subject.id == patient
        assert message.meta_data.phenopacket_schema_version == "2.0"
        assert len(message.interpretations) == len(report["variants"]["items"])
        assert not message.meta_data.HasField("created")


def test_the_library_refuses_what_is_no_packet(reports):
    packet = phenopacket(reports["P0001"]) | {"diseaseName": "x"}
    with pytest.raises(Exception, match="diseaseName"):
        parsed(packet)


def test_a_variant_is_a_candidate_with_its_class_place_and_names(reports):
    report = copy.deepcopy(reports["P0001"])
    report["run"]["assembly"] = "hg38"
    item = report["variants"]["items"][0]
    part = parsed(phenopacket(report)).interpretations[0]
    (genomic,) = part.diagnosis.genomic_interpretations
    assert genomic.InterpretationStatus.Name(genomic.interpretation_status) == "CANDIDATE"
    variant = genomic.variant_interpretation
    assert variant.acmg_pathogenicity_classification == 5  # PATHOGENIC
    assert variant.therapeutic_actionability == 2  # ACTIONABLE
    descriptor = variant.variation_descriptor
    assert descriptor.id == item["claim"] and descriptor.gene_context.symbol == item["gene"]
    record = descriptor.vcf_record
    assert (record.genome_assembly, record.chrom, record.pos) == ("GRCh38", item["chrom"], item["pos"])
    names = {expression.syntax: expression.value for expression in descriptor.expressions}
    assert names == {
        "hgvs.g": "NC_000001.11:g.1000G>T",
        "hgvs.c": item["hgvs_c"],
        "hgvs.p": item["hgvs_p"],
    }
    assert descriptor.allelic_state.id == "GENO:0000135"


def test_no_packet_says_causative_rejected_solved_or_not_actionable(reports):
    for report in reports.values():
        text = to_json(phenopacket(report))
        for word in ("CAUSATIVE", "REJECTED", "SOLVED", '"NOT_ACTIONABLE"'):
            assert word not in text


def test_a_variant_listed_for_its_record_only_is_no_candidate(reports):
    report = copy.deepcopy(reports["P0001"])
    report["variants"]["items"] = [report["variants"]["items"][0] | {"group": "other_clinical"}]
    report["targets"]["items"] = []
    (part,) = phenopacket(report)["interpretations"]
    (genomic,) = part["diagnosis"]["genomicInterpretations"]
    assert genomic["interpretationStatus"] == "UNKNOWN_STATUS"
    assert genomic["variantInterpretation"]["therapeuticActionability"] == "UNKNOWN_ACTIONABILITY"


def test_every_claim_is_among_the_references(reports):
    for report in reports.values():
        references = {r["id"]: r for r in phenopacket(report)["metaData"]["externalReferences"]}
        for claim in report["claims"]:
            assert references[claim["id"]]["description"] == claim["text"]


def test_values_that_are_missing_give_no_measurement(reports):
    for report in reports.values():
        there = [item for item in report["clinical"]["items"] if item["value"] is not None]
        called = report["subtype"]["call"] == "called"
        measurements = phenopacket(report).get("measurements", [])
        assert len(measurements) == len(there) + called
        for item, part in zip(there, measurements, strict=False):
            assert part["assay"]["label"] == (item["description"] or item["name"])
            if isinstance(item["value"], float):
                assert part["value"]["quantity"]["value"] == item["value"]


def test_there_is_no_age_and_the_sex_is_the_declared_one(reports):
    subject = phenopacket(reports["P0001"])["subject"]
    declared = reports["P0001"]["patient"]["sex_declared"]
    assert subject == {
        "id": "P0001",
        "sex": {"male": "MALE", "female": "FEMALE"}.get(declared, "UNKNOWN_SEX"),
    }


def test_tumours_are_biosamples(reports):
    report = next(report for report in reports.values() if report["tumours"]["items"])
    samples = parsed(phenopacket(report)).biosamples
    assert [sample.id for sample in samples] == [t["tumour"] for t in report["tumours"]["items"]]
    assert {sample.individual_id for sample in samples} == {report["patient"]["id"]}


def test_a_time_is_there_only_when_it_is_given(reports):
    message = parsed(phenopacket(reports["P0001"], created="2026-01-31T00:00:00Z"))
    assert message.meta_data.created.ToJsonString() == "2026-01-31T00:00:00Z"


def test_the_same_report_gives_the_same_bytes_and_the_file(reports):
    packet = to_json(phenopacket(reports["P0001"]), indent=None)
    turned = json.loads(json.dumps(dict(reversed(reports["P0001"].items()))))
    assert packet == to_json(phenopacket(turned), indent=None)
    assert packet.encode("utf-8") == RENDERERS["phenopacket.json"](reports["P0001"])


def test_hostile_text_is_text(reports):
    report = copy.deepcopy(reports["P0001"])
    hostile = "<script>alert(1)</script>\u202e\x00" + "名前Имя" * 60
    report["clinical"]["items"][0] |= {"name": hostile, "description": hostile, "value": hostile}
    report["variants"]["items"][0] |= {"condition": hostile, "gene": hostile, "hgvs_p": hostile}
    packet = phenopacket(report)
    message = parsed(packet)
    assert "<script>alert(1)</script>" in message.interpretations[0].diagnosis.disease.label
    assert "\u202e" not in to_json(packet) and "\x00" not in to_json(packet)
    assert "<" not in message.interpretations[0].diagnosis.disease.id


def test_a_report_without_chapters_is_a_packet(reports):
    report = {name: reports["P0001"][name] for name in ("patient", "claims")}
    assert parsed(phenopacket(report)).subject.id == "P0001"
