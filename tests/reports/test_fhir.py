"""FHIR bundles: every claim once, held to the guide's rules and to an independent model of FHIR R4."""

from __future__ import annotations

import copy
import gzip
import hashlib
import importlib.util
import json
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from endotype.files import to_json
from endotype.reports.fhir import codes, fhir_bundle
from endotype.reports.fhir.ids import NAMESPACE, resource_id
from endotype.reports.render import RENDERERS
from tests.real.prepare import DEFAULT_DATA
from tests.reference.fhir_guide import GUIDE, TABLE, examples, rules_of_guide, shipped_rules, violations
from tests.reports.conftest import N_PEOPLE, Run

Resource = dict[str, Any]

FSH = DEFAULT_DATA / "clinical_formats/fhir_genomics_reporting_ig/fsh"
OPERATIONS = DEFAULT_DATA / "clinical_formats/fhir_genomics_operations"
PATIENTS = [f"P{i + 1:04d}" for i in range(N_PEOPLE)]

needs_guide = pytest.mark.skipif(not FSH.is_dir(), reason=f"the guide isn't in {FSH}")


@pytest.fixture(scope="module")
def reports(written: Run) -> dict[str, Resource]:
    return {patient: written.report(patient) for patient in PATIENTS}


@pytest.fixture(scope="module")
def bundles(reports: dict[str, Resource]) -> dict[str, Resource]:
    return {patient: bundle_of(report) for patient, report in reports.items()}


def bundle_of(report: Resource) -> Resource:
    """The bundle as a reader gets it, which nothing shares with another."""
    return json.loads(to_json(fhir_bundle(report), indent=None))


def resources(bundle: Resource, kind: str = "") -> list[Resource]:
    return [e["resource"] for e in bundle["entry"] if kind in ("", e["resource"]["resourceType"])]


def profile_of(resource: Resource) -> str | None:
    return next(
        (p.rpartition("/")[2] for p in resource.get("meta", {}).get("profile", []) if p.startswith(GUIDE)),
        None,
    )


def of_profile(bundle: Resource, profile: str) -> list[Resource]:
    return [resource for resource in resources(bundle) if profile_of(resource) == profile]


def component(resource: Resource, code: str) -> list[Resource]:
    """Components of a resource that have a code."""
    return [c for c in resource["component"] if c["code"]["coding"][0]["code"] == code]


def claims_of(bundle: Resource) -> list[str]:
    return [
        identifier["value"]
        for resource in resources(bundle)
        for identifier in resource.get("identifier", [])
        if identifier["system"] == codes.CLAIM_IDS
    ]


def stating(bundle: Resource, claim: str) -> Resource:
    """The resource that states a claim."""
    (found,) = [r for r in resources(bundle) if claim in [i["value"] for i in r.get("identifier", [])]]
    return found


def walk(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, value
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from walk(part, (*path, str(name)))


class TestClaims:
    def test_every_claim_is_stated_by_exactly_one_resource(self, reports, bundles):
        kinds: Counter[str] = Counter()
        for patient, report in reports.items():
            claims = [claim["id"] for claim in report["claims"]]
            assert sorted(claims_of(bundles[patient])) == sorted(claims)
            kinds.update(claim["type"] for claim in report["claims"])
        assert set(kinds) == {"quality", "identity", "variant", "target", "subtype", "association"}

    def test_a_claim_keeps_its_words_confidence_evidence_and_limits(self, reports, bundles):
        for patient in PATIENTS[:8]:
            for claim in reports[patient]["claims"]:
                resource = stating(bundles[patient], claim["id"])
                (text,) = component(resource, "conclusion-string")
                (word,) = component(resource, "confidence")
                numbers = [c["valueQuantity"]["value"] for c in component(resource, "confidence-number")]
                assert text["valueString"] == claim["text"]
                assert word["valueCodeableConcept"]["text"] == claim["confidence"]["word"]
                value = claim["confidence"]["value"]
                assert numbers == ([] if value is None else [value])
                assert set(claim["limits"]) <= {note["text"] for note in resource.get("note", [])}
                shown = [e["valueRelatedArtifact"]["display"] for e in resource["extension"]]
                assert [f"{row['file']}: {row['key']}" for row in claim["input"]] == shown[
                    -len(claim["input"]) :
                ]
                assert len(shown) == len(claim["input"]) + len(claim["evidence"])

    def test_a_claim_of_an_unknown_kind_is_a_statement(self, reports):
        report = copy.deepcopy(reports["P0001"])
        claim = report["claims"][0] | {"id": "pharmacogene-000000000000", "type": "pharmacogene"}
        report["claims"].append(claim)
        resource = stating(bundle_of(report), claim["id"])
        assert resource["valueString"] == claim["text"]

    def test_a_lost_or_doubled_claim_stops_the_bundle(self, reports, monkeypatch):
        monkeypatch.setattr("endotype.reports.fhir.bundle.add_other_claim", lambda draft, claim: None)
        report = copy.deepcopy(reports["P0001"])
        report["quality"]["claims"] = []
        with pytest.raises(ValueError, match="claims aren't those of the report"):
            fhir_bundle(report)
        with pytest.raises(ValueError, match="claims aren't those of the report"):
            fhir_bundle(
                reports["P0001"]
                | {"secondary_findings": {"items": [dict(_variant(report), variant_id="1:5:A:T")]}}
            )

    def test_a_claim_about_another_patient_stops_the_bundle(self, reports):
        report = copy.deepcopy(reports["P0001"])
        report["claims"][0]["subject"] = "P0002"
        with pytest.raises(ValueError, match="about another patient"):
            fhir_bundle(report)


class TestStructure:
    def test_ids_are_unique_references_resolve_and_the_subject_is_the_patient(self, bundles):
        for patient, bundle in bundles.items():
            urls = [entry["fullUrl"] for entry in bundle["entry"]]
            assert len(set(urls)) == len(urls)
            assert urls == [f"urn:uuid:{resource['id']}" for resource in resources(bundle)]
            used = {value for path, value in walk(bundle) if path[-1:] == ("reference",)}
            assert used <= set(urls)
            (person,) = resources(bundle, "Patient")
            assert [i["value"] for i in person["identifier"]] == [patient]
            assert set(person) == {"resourceType", "id", "language", "identifier", "gender"}
            for resource in resources(bundle):
                if resource["resourceType"] not in ("Patient", "Device"):
                    assert resource["subject"] == {"reference": f"urn:uuid:{person['id']}"}

    def test_the_report_refers_to_every_observation_and_risk(self, bundles):
        for bundle in bundles.values():
            (head,) = resources(bundle, "DiagnosticReport")
            observations = {f"urn:uuid:{r['id']}" for r in resources(bundle, "Observation")}
            assert {r["reference"] for r in head["result"]} == observations
            risks = {f"urn:uuid:{r['id']}" for r in resources(bundle, "RiskAssessment")}
            linked = {
                e["valueReference"]["reference"] for e in head["extension"] if "genomic-risk" in e["url"]
            }
            assert linked == risks

    def test_the_conclusion_is_the_key_findings_or_the_sentence_in_their_place(self, reports, bundles):
        for patient, report in reports.items():
            (head,) = resources(bundles[patient], "DiagnosticReport")
            claims = {claim["id"]: claim for claim in report["claims"]}
            section = report["key_findings"]
            for item in section["items"]:
                claim = claims[item["claim"]]
                assert f"{claim['confidence']['word'].capitalize()}: {claim['text']}" in head["conclusion"]
            assert head["conclusion"].startswith(section["statement"] or "")
            notes = [e["valueAnnotation"]["text"] for e in head["extension"] if "valueAnnotation" in e]
            assert notes[0].startswith("For research use.")
            assert f"variants: {report['variants']['statement']}" in notes

    def test_bundles_follow_the_rules_of_the_guide(self, bundles):
        rules = shipped_rules()
        seen: Counter[str] = Counter()
        for bundle in bundles.values():
            for resource in resources(bundle):
                if profile := profile_of(resource):
                    seen[profile] += 1
                    assert violations(resource, rules, profile) == []
        assert set(seen) == {
            *("genomic-report", "variant", "genotype", "molecular-consequence", "diagnostic-implication"),
            *("therapeutic-implication", "sequence-phase-relationship"),
        }

    @pytest.mark.parametrize(
        ("profile", "change", "expected"),
        [
            ("variant", lambda r: r["category"].pop(), "category"),
            ("variant", lambda r: r.update(code={"text": "variant"}), "code"),
            (
                "variant",
                lambda r: r["component"].append(r["component"][1]),
                "component[genomic-ref-seq]: 2 of",
            ),
            ("variant", lambda r: r["component"][0].update(valueString="x"), "value[x]: 2 of"),
            ("variant", lambda r: r.update(valueCodeableConcept={"text": "there"}), "valueCodeableConcept"),
            ("genotype", lambda r: r.pop("valueCodeableConcept"), "value[x]: 0 of 1..1"),
            ("diagnostic-implication", lambda r: r.update(valueString="x"), "value[x]: 1 of 0..0"),
            ("diagnostic-implication", lambda r: r.pop("derivedFrom"), "derivedFrom: 0 of 1..*"),
            ("genomic-report", lambda r: r.pop("category"), "category[Genetics]"),
        ],
    )
    def test_a_broken_rule_is_seen(self, bundles, profile, change: Callable, expected):
        resource = copy.deepcopy(of_profile(bundles["P0001"], profile)[0])
        change(resource)
        found = violations(resource, shipped_rules(), profile)
        assert any(text.startswith(expected) or expected in text for text in found), found

    def test_an_independent_model_of_fhir_accepts_the_bundles(self, bundles):
        model = fhir_model("Bundle")
        for bundle in bundles.values():
            model.model_validate(bundle)
        broken = copy.deepcopy(bundles["P0001"])
        resources(broken, "Observation")[0]["valueString"] = "a second value"
        resources(broken, "Observation")[0]["valueInteger"] = 3
        with pytest.raises(ValueError, match="value"):
            model.model_validate(broken)


def accepted(resource: Resource) -> None:
    """The independent model accepts it. Where it isn't installed, the tests named after it say so."""
    if importlib.util.find_spec("fhir") is not None:
        fhir_model(resource["resourceType"]).model_validate(resource)


def fhir_model(name: str) -> Any:
    """A resource of ``fhir.resources``; R4B is the release nearest to R4 that it has."""
    module = pytest.importorskip("fhir.resources.R4B", reason="fhir.resources isn't installed")
    return module.get_fhir_model_class(name)


class TestGuide:
    @needs_guide
    def test_the_table_is_what_the_guide_says(self):
        assert shipped_rules() == rules_of_guide(FSH)

    def test_the_page_of_the_resources_has_the_hash_of_the_table(self):
        page = (TABLE.parents[1] / "README.md").read_text(encoding="utf-8")
        (stated,) = re.findall(r"\| `fhir/genomics_reporting\.tsv` \|.*`([0-9a-f]{64})` \|", page)
        assert stated == hashlib.sha256(TABLE.read_bytes()).hexdigest()

    @needs_guide
    def test_the_examples_of_the_guide_pass_the_same_checks(self):
        rules = shipped_rules()
        found = examples(FSH)
        assert len(found) == 272
        assert not [name for name, (profile, r) in found.items() if violations(r, rules, profile)]

    @needs_guide
    def test_the_independent_model_accepts_the_examples_as_it_does_ours(self):
        for _, resource in examples(FSH).values():
            fhir_model(resource["resourceType"]).model_validate(resource)

    def test_codes_of_the_guide_stand_only_in_profiles_that_have_them(self, bundles):
        known = {(row[0], row[5]) for row in shipped_rules() if row[5]}
        of_guide = {code for _, code in known}
        for bundle in bundles.values():
            for resource in resources(bundle, "Observation"):
                profile = profile_of(resource)
                for part in resource.get("component", []) if profile else []:
                    coding = part["code"]["coding"][0]
                    code = f"{coding['system']}|{coding['code']}"
                    if code in of_guide:
                        assert (profile, code) in known, (profile, code)

    @pytest.mark.skipif(not OPERATIONS.is_dir(), reason=f"no answers of genomics operations in {OPERATIONS}")
    def test_answers_of_a_server_differ_only_where_their_release_of_the_guide_did(self):
        """They are older: one category was enough, and phases had another code system."""
        rules = shipped_rules()
        seen: Counter[str] = Counter()
        for path in sorted(OPERATIONS.iterdir()):
            text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            for _, value in walk(json.loads(text)):
                profile = profile_of(value) if isinstance(value, dict) and "resourceType" in value else None
                if profile:
                    seen[profile] += 1
                    assert not [
                        text
                        for text in violations(value, rules, profile)
                        if not text.startswith("category") and "SequencePhaseRelationshipVS" not in text
                    ]
        assert seen["variant"] > 100 and seen["diagnostic-implication"] > 200


def _variant(report: Resource) -> Resource:
    return report["variants"]["items"][0]


class TestVariants:
    def test_a_variant_of_a_human_assembly_is_coded_and_keeps_the_names_as_written(self, reports):
        report = copy.deepcopy(reports["P0001"])
        report["run"]["assembly"] = "hg38"
        report["run"]["simulated"] = False
        item = _variant(report)
        item |= {"hgvs_c": "NM_000044.6:c.7G>A", "hgvs_p": "NP_000035.2:p.(Val3Met)", "hgvs_g": "1:g.1000G>T"}
        item |= {"gene_id": "HGNC:644", "chrom": "chr1", "transcript": "NM_000044.6", "clinical_id": "42"}
        variant = stating(bundle_of(report), item["claim"])
        assert _coding(variant, "62374-4") == (codes.LOINC, "LA26806-2")
        assert _coding(variant, "48013-7") == (codes.REFSEQ, "NC_000001.11")
        assert _coding(variant, "81290-9") == (codes.HGVS, "NC_000001.11:g.1000G>T")
        assert component(variant, "81290-9")[0]["valueCodeableConcept"]["text"] == "1:g.1000G>T"
        assert _coding(variant, "48004-6") == (codes.HGVS, "NM_000044.6:c.7G>A")
        assert _coding(variant, "48005-3") == (codes.HGVS, "NP_000035.2:p.(Val3Met)")
        assert _coding(variant, "48018-6") == (codes.HGNC, "HGNC:644")
        assert _coding(variant, "92822-6") == (codes.LOINC, "LA30102-0")
        assert _coding(variant, "53034-5") == (codes.LOINC, "LA6706-1")
        assert _coding(variant, "48002-0") == (codes.LOINC, "LA6683-2")
        assert _coding(variant, "81252-9") == (codes.CLINVAR, "42")
        (place,) = component(variant, "81254-5")
        assert place["valueRange"] == {"low": {"value": 1000}, "high": {"value": 1000}}
        assert component(variant, "69547-8")[0]["valueString"] == "G"
        assert component(variant, "69551-0")[0]["valueString"] == "T"

    def test_names_on_another_genome_are_text_without_codes(self, reports, bundles):
        item = _variant(reports["P0001"])
        variant = stating(bundles["P0001"], item["claim"])
        assert not component(variant, "48004-6") and not component(variant, "81290-9")
        assert component(variant, "hgvs-c")[0]["valueString"] == item["hgvs_c"]
        assert "coding" not in component(variant, "48013-7")[0]["valueCodeableConcept"]
        assert "coding" not in component(variant, "48018-6")[0]["valueCodeableConcept"]

    @pytest.mark.parametrize(
        ("assembly", "chrom", "expected"),
        [
            ("GRCh37", "X", "NC_000023.10"),
            ("GRCh38.p14", "chrM", "NC_012920.1"),
            ("hg19", "chrM", None),
            ("GRCh38", "GL000009.2", None),
            ("T2T-CHM13v2.0", "1", None),
        ],
    )
    def test_accessions(self, assembly, chrom, expected):
        from endotype.reports.fhir.variants import accession_of

        assert accession_of(assembly, chrom) == expected

    def test_simulated_records_are_not_those_of_a_public_database(self, reports):
        report = copy.deepcopy(reports["P0001"])
        report["run"]["simulated"] = True
        bundle = bundle_of(report)
        variant = stating(bundle, _variant(report)["claim"])
        assert "coding" not in component(variant, "81252-9")[0]["valueCodeableConcept"]
        assert "HTEST" in [label["code"] for label in bundle["meta"]["security"]]

    def test_source_and_criteria_are_two_implications_of_the_variant(self, reports, bundles):
        item = _variant(reports["P0001"])
        assert item["clinical_significance"] and item["classification"]
        identity = f"urn:uuid:{stating(bundles['P0001'], item['claim'])['id']}"
        mine = [
            r
            for r in of_profile(bundles["P0001"], "diagnostic-implication")
            if r["derivedFrom"] == [{"reference": identity}]
        ]
        assert len(mine) == 2
        assert {_coding(r, "53037-8") for r in mine} == {(codes.LOINC, "LA6668-3")}
        (by_criteria,) = [r for r in mine if component(r, "acmg-points")]
        assert component(by_criteria, "acmg-points")[0]["valueInteger"] == item["classification"]["points"]
        met = [c["valueString"] for c in component(by_criteria, "acmg-criterion-met")]
        assert [text.split()[0] for text in met] == [
            c["criterion"] for c in item["classification"]["criteria"]
        ]

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            ("Pathogenic", "LA6668-3"),
            ("Likely_pathogenic", "LA26332-9"),
            ("Uncertain_significance", "LA26333-7"),
            ("Likely benign", "LA26334-5"),
            ("Conflicting_classifications_of_pathogenicity", None),
            ("Pathogenic/Likely_pathogenic", None),
            ("Pathogenic|drug_response", None),
        ],
    )
    def test_only_one_of_the_five_classes_has_a_code(self, reports, words, code):
        report = copy.deepcopy(reports["P0001"])
        report["variants"]["items"] = [
            _variant(report) | {"clinical_significance": words, "classification": None}
        ]
        (implication,) = of_profile(bundle_of(report), "diagnostic-implication")
        (part,) = component(implication, "53037-8")
        assert part["valueCodeableConcept"]["text"] == words.replace("_", " ")
        assert [c["code"] for c in part["valueCodeableConcept"].get("coding", [])] == ([code] if code else [])

    def test_a_secondary_finding_is_marked(self, reports):
        report = copy.deepcopy(reports["P0001"])
        report["secondary_findings"] = {"items": [report["variants"]["items"].pop(0)]}
        variant = stating(bundle_of(report), report["secondary_findings"]["items"][0]["claim"])
        assert codes.SECONDARY_FINDING in [extension["url"] for extension in variant["extension"]]


def _coding(resource: Resource, code: str) -> tuple[str, str]:
    (part,) = component(resource, code)
    (coding,) = part["valueCodeableConcept"]["coding"]
    return coding["system"], coding["code"]


class TestNotNegative:
    def test_no_bundle_says_absent_or_negative(self, bundles):
        for bundle in bundles.values():
            found = {
                value for path, value in walk(bundle) if path[-1:] == ("code",) and isinstance(value, str)
            }
            assert not found & {"LA9634-2", "LA6577-6", "NEG", "ND"}

    def test_what_was_not_assessed_has_a_reason_and_no_value(self, reports, bundles):
        for patient, report in reports.items():
            gaps = [r for r in resources(bundles[patient], "Observation") if _code(r) == "not-assessed"]
            assert [r["code"]["text"] for r in gaps] == [row["topic"] for row in report["not_assessed"]]
            assert [r["dataAbsentReason"]["text"] for r in gaps] == [
                row["reason"] for row in report["not_assessed"]
            ]

    def test_a_value_and_a_reason_for_none_never_stand_together(self, bundles):
        for bundle in bundles.values():
            for _, part in walk(bundle):
                if isinstance(part, dict) and "dataAbsentReason" in part:
                    assert not [name for name in part if name.startswith("value")]
                    assert part["dataAbsentReason"]["text"]

    def test_no_usable_genotype_is_neither_present_nor_absent(self, reports):
        report = copy.deepcopy(reports["P0001"])
        report["variants"]["no_call"] = [{"variant_id": "9:9:A:T", "gene": "GENEZ"}]
        (variant,) = [r for r in of_profile(bundle_of(report), "variant") if "dataAbsentReason" in r]
        assert "may be there or not" in variant["dataAbsentReason"]["text"]
        assert component(variant, "variant-id")[0]["valueString"] == "9:9:A:T"

    def test_a_frequency_that_is_unknown_is_not_zero(self, reports):
        report = copy.deepcopy(reports["P0001"])
        item = _variant(report)
        for status, kind in (("absent", "unknown"), ("not_assessed", "not-performed")):
            item |= {"population_af": None, "population_status": status}
            (part,) = component(stating(bundle_of(report), item["claim"]), "92821-8")
            assert "valueQuantity" not in part
            assert part["dataAbsentReason"]["coding"][0]["code"] == kind


def _code(resource: Resource) -> str:
    return resource["code"]["coding"][0]["code"]


class TestSubtype:
    def test_a_call_has_its_numbers(self, reports, bundles):
        section = reports["P0001"]["subtype"]
        subtype = stating(bundles["P0001"], section["claim"])
        assert subtype["valueCodeableConcept"]["text"] == f"subtype {section['subtype']} of this cohort"
        (posterior,) = component(subtype, "posterior-probability")
        (typicality,) = component(subtype, "typicality")
        assert posterior["valueQuantity"]["value"] == section["posterior"]
        assert typicality["valueQuantity"]["value"] == section["typicality"]

    @pytest.mark.parametrize("reason", ["ambiguous", "atypical", "insufficient_data", "failed_qc"])
    def test_no_call_has_its_reason_in_place_of_a_value(self, reports, bundles, reason):
        patient = next(p for p, r in reports.items() if r["subtype"]["reason"] == reason)
        (subtype,) = [r for r in resources(bundles[patient], "Observation") if _code(r) == "subtype"]
        assert "valueCodeableConcept" not in subtype
        assert subtype["dataAbsentReason"]["text"] == reports[patient]["subtype"]["statement"]
        kind = "unknown" if reason in ("ambiguous", "atypical") else "not-performed"
        assert subtype["dataAbsentReason"]["coding"][0]["code"] == kind

    def test_survival_is_of_the_subtype_and_in_per_cent(self, reports, bundles):
        patient = next(p for p, r in reports.items() if r["subtype"]["survival"])
        row = reports[patient]["subtype"]["survival"][0]
        risk = resources(bundles[patient], "RiskAssessment")[0]
        (prediction,) = risk["prediction"]
        assert prediction["probabilityDecimal"] == pytest.approx(100 * (1 - row["estimate"]), abs=1e-6)
        assert prediction["whenRange"]["high"]["value"] == row["time"]
        assert "not a prediction for this patient" in risk["note"][0]["text"]
        subtype = next(r for r in resources(bundles[patient], "Observation") if _code(r) == "subtype")
        assert risk["basis"] == [{"reference": f"urn:uuid:{subtype['id']}"}]

    def test_a_polygenic_score_is_a_risk_assessment(self, reports):
        report = copy.deepcopy(reports["P0001"])
        claim = report["claims"][0] | {"id": "polygenic_score-000000000000", "type": "polygenic_score"}
        report["claims"].append(claim)
        report["polygenic_scores"] = {"items": [{"claim": claim["id"], "trait": "height"}]}
        bundle = bundle_of(report)
        risk = stating(bundle, claim["id"])
        assert risk["resourceType"] == "RiskAssessment"
        assert risk["prediction"] == [{"outcome": {"text": "height"}, "rationale": claim["text"]}]
        assert any(claim["confidence"]["word"] in note["text"] for note in risk["note"])
        accepted(bundle)


class TestTargets:
    def test_an_entry_names_the_intervention_its_level_and_what_it_rests_on(self, reports, bundles):
        for item in reports["P0001"]["targets"]["items"]:
            target = stating(bundles["P0001"], item["claim"])
            assert component(target, "51963-7")[0]["valueCodeableConcept"] == {"text": item["intervention"]}
            assert component(target, "93044-6")[0]["valueCodeableConcept"]["text"] == f"tier {item['tier']}"
            (basis,) = target["derivedFrom"]
            based_on = next(r for r in resources(bundles["P0001"]) if basis["reference"].endswith(r["id"]))
            if item["link"] == "carried_variant":
                assert component(based_on, "variant-id")[0]["valueString"] == item["variant_id"]
            else:
                assert _code(based_on) == "subtype"

    @pytest.mark.parametrize(
        ("action", "direction", "code", "text"),
        [
            ("contraindicated", "resistance", "LA6676-6", "Resistant"),
            ("indicated", "sensitivity", "LA6677-4", "Responsive"),
            ("contraindicated", None, None, "contraindicated: resistance or harm"),
            ("indicated", None, None, "indicated"),
        ],
    )
    def test_a_response_is_coded_only_where_the_source_says_so(self, reports, action, direction, code, text):
        report = copy.deepcopy(reports["P0001"])
        item = report["targets"]["items"][0]
        item |= {"action": action, "direction": direction}
        (part,) = component(stating(bundle_of(report), item["claim"]), "therapeutic-implication")
        assert part["valueCodeableConcept"]["text"] == text
        assert [c["code"] for c in part["valueCodeableConcept"].get("coding", [])] == ([code] if code else [])

    def test_a_variant_that_the_report_does_not_list_is_there_for_its_target(self, reports):
        report = copy.deepcopy(reports["P0001"])
        item = next(i for i in report["targets"]["items"] if i["link"] == "carried_variant")
        item["variant_id"] = "7:77:A:AT"
        bundle = bundle_of(report)
        (basis,) = stating(bundle, item["claim"])["derivedFrom"]
        variant = next(r for r in resources(bundle) if basis["reference"].endswith(r["id"]))
        assert component(variant, "69551-0")[0]["valueString"] == "AT"
        assert "not among the variants" in variant["note"][0]["text"]

    def test_without_a_variant_or_subtype_words_say_what_it_rests_on(self, reports):
        report = copy.deepcopy(reports["P0001"])
        del report["subtype"]
        item = next(i for i in report["targets"]["items"] if i["link"] == "subtype")
        assert stating(bundle_of(report), item["claim"])["derivedFrom"] == [{"display": item["detail"]}]


class TestTumours:
    def test_mutations_are_somatic_and_of_their_specimen(self, reports, bundles):
        patient = next(p for p, r in reports.items() if r["tumours"]["items"])
        tumour = reports[patient]["tumours"]["items"][0]
        (specimen,) = resources(bundles[patient], "Specimen")
        mine = {"reference": f"urn:uuid:{specimen['id']}"}
        observed = [r for r in resources(bundles[patient], "Observation") if r.get("specimen") == mine]
        mutations = [r for r in observed if profile_of(r) == "variant"]
        assert len(mutations) == len(tumour["mutations"])
        assert {_coding(r, "48002-0")[1] for r in mutations if "coding" in _source_class(r)} == {"LA6684-0"}
        (burden,) = [r for r in observed if profile_of(r) is None]
        assert ("valueQuantity" in burden) == (tumour["mutations_per_megabase"] is not None)


def _source_class(resource: Resource) -> Resource:
    return component(resource, "48002-0")[0]["valueCodeableConcept"]


class TestBytes:
    def test_the_same_report_gives_the_same_bytes(self, reports):
        report = reports["P0001"]
        turned = json.loads(json.dumps(dict(reversed(report.items()))))
        assert to_json(fhir_bundle(report)) == to_json(fhir_bundle(turned))

    def test_the_file_is_that_of_the_function(self, reports):
        content = RENDERERS["report.fhir.json"](reports["P0001"])
        assert content.decode("utf-8") == to_json(fhir_bundle(reports["P0001"]), indent=None)

    def test_ids_are_uuids_of_version_5_of_patient_and_claim(self):
        assert resource_id("Variant", "P1", "1:5:A:T") == str(uuid.uuid5(NAMESPACE, "Variant\0P1\x001:5:A:T"))

    def test_patients_share_no_id(self, bundles):
        ids = [resource["id"] for bundle in bundles.values() for resource in resources(bundle)]
        assert len(set(ids)) == len(ids)

    def test_the_report_is_left_as_it_is(self, reports):
        before = to_json(reports["P0001"])
        fhir_bundle(reports["P0001"])
        assert to_json(reports["P0001"]) == before

    def test_a_report_without_chapters_is_a_bundle_of_its_claims(self, reports):
        report = {name: reports["P0001"][name] for name in ("patient", "claims")}
        bundle = bundle_of(report)
        assert sorted(claims_of(bundle)) == sorted(claim["id"] for claim in report["claims"])
        accepted(bundle)

    def test_status_is_that_of_the_report_and_preliminary_without_one(self, reports):
        for status, expected in (
            (None, "preliminary"),
            ("final", "final"),
            ({"status": "amended"}, "amended"),
        ):
            bundle = bundle_of(reports["P0001"] | ({"status": status} if status else {}))
            assert {r["status"] for r in resources(bundle) if "status" in r} == {expected}


HOSTILE = "<script>alert(1)</script> =cmd|' /C calc'!A0 \u202eevil\u2066 \x00\x07 {{7*7}} " + "名前Имя" * 40


class TestHostileText:
    def test_hostile_text_everywhere_is_text(self, reports):
        """In every text field of the report; what is no text (ids, words of fixed lists) stays."""
        for patient in ("P0001", "P0002", PATIENTS[-1]):
            report = _poisoned(reports[patient])
            bundle = bundle_of(report)
            accepted(bundle)
            rules = shipped_rules()
            for resource in resources(bundle):
                if profile := profile_of(resource):
                    assert violations(resource, rules, profile) == []
            strings = [value for _, value in walk(bundle) if isinstance(value, str)]
            assert any("<script>alert(1)</script>" in value for value in strings)
            assert not [value for value in strings if not value.isprintable()]
            coded = [
                value for path, value in walk(bundle) if path[-1:] == ("code",) and isinstance(value, str)
            ]
            assert not [value for value in coded if "<" in value]
            urls = [value for path, value in walk(bundle) if path[-1:] in (("url",), ("system",))]
            assert not [value for value in urls if not re.fullmatch(r"https?://[\w./-]+", value)]


_FIXED = {
    *(
        "id",
        "claim",
        "claims",
        "subject",
        "type",
        "word",
        "status",
        "group",
        "call",
        "reason",
        "link",
        "action",
        "phase",
    ),
    *("haplotype", "verdict", "kind", "class", "zygosity", "variant_id", "variants", "ref", "alt", "chrom"),
}


def _poisoned(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _poisoned(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return [_poisoned(part, name) for part in value]
    return HOSTILE if isinstance(value, str) and name not in _FIXED else value


def test_five_thousand_variants_take_less_than_two_seconds(reports):
    report = copy.deepcopy(reports["P0001"])
    item, claim = _variant(report), report["claims"][1]
    for i in range(5000):
        name = f"variant-{i:012x}"
        place = {"pos": 10_000 + i, "variant_id": f"1:{10_000 + i}:G:T"}
        report["variants"]["items"].append(item | place | {"claim": name})
        report["claims"].append(claim | {"id": name})
    took = []
    for _ in range(3):
        start = time.process_time()
        bundle = fhir_bundle(report)
        took.append(time.process_time() - start)
        if took[-1] < 2:
            break
    assert min(took) < 2
    assert len(of_profile(bundle, "variant")) > 5000


def test_the_notice_of_loinc_stands_where_its_codes_are_described():
    page = Path(__file__).parents[2] / "docs/results.md"
    for text in (codes.__doc__ or "", page.read_text(encoding="utf-8")):
        words = " ".join(text.split())
        assert "This material contains content from LOINC" in words and "Regenstrief Institute, Inc." in words
