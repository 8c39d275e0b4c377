"""The crate is read by rocrate, and has what the profiles of Workflow Run RO-Crate ask for."""

from __future__ import annotations

import shutil
from urllib.parse import unquote

import pytest
from rocrate.rocrate import ROCrate

from endotype.files import read_json, sha256_file
from endotype.provenance.crate import COMPLETED, PROFILES, crate
from endotype.provenance.manifest import read_manifest
from tests.provenance.tiny import ROOT, make_run


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def graph(results):
    return {e["@id"]: e for e in read_json(results / "ro-crate-metadata.json")["@graph"]}


def types(entity) -> set[str]:
    kinds = entity["@type"]
    return {kinds} if isinstance(kinds, str) else set(kinds)


def refs(value) -> list[str]:
    return [v["@id"] for v in (value if isinstance(value, list) else [value] if value else [])]


def of_type(graph, kind) -> list[dict]:
    return [e for e in graph.values() if kind in types(e)]


class TestReader:
    def test_rocrate_reads_it_and_every_file_is_there(self, results, tmp_path):
        crate = ROCrate(str(results))
        files = [e for e in crate.data_entities if "File" in types({"@type": e.type})]
        paths = {unquote(e.id): e for e in files}
        assert set(read_manifest(results / "provenance" / "manifest.sha256")) <= paths.keys()
        for name, entity in paths.items():
            assert sha256_file(results / name) == entity["sha256"]
            assert int(entity["contentSize"]) == (results / name).stat().st_size
        crate.write(str(tmp_path / "copy"))
        assert (tmp_path / "copy" / "subtypes" / "pictures" / "a b.svg").read_text() == "<svg/>"

    def test_objects_and_results_of_all_actions_are_described(self, results):
        crate = ROCrate(str(results))
        actions = [e for e in crate.get_entities() if str(e.type).endswith("Action")]
        assert len(actions) == 2 + 2 * 7
        for action in actions:
            for name in ("object", "result", "instrument"):
                for entity in (
                    action.get(name, []) if isinstance(action.get(name), list) else [action.get(name)]
                ):
                    assert entity is None or not isinstance(entity, str), (action.id, name, entity)


class TestProfiles:
    """The MUSTs of RO-Crate 1.1 and of the three run crates."""

    def test_descriptor_and_root(self, graph):
        descriptor, root = graph["ro-crate-metadata.json"], graph["./"]
        assert types(descriptor) == {"CreativeWork"} and refs(descriptor["about"]) == ["./"]
        assert "https://w3id.org/ro/crate/1.1" in refs(descriptor["conformsTo"])
        assert types(root) == {"Dataset"}
        assert all(root[name] for name in ("name", "description", "datePublished", "license"))
        assert refs(root["conformsTo"]) == list(PROFILES)
        for id_ in PROFILES:
            assert types(graph[id_]) == {"CreativeWork"} and graph[id_]["name"] and graph[id_]["version"]

    def test_every_data_entity_is_part_of_the_root_and_every_reference_is_described(self, graph):
        data = {e["@id"] for e in graph.values() if types(e) & {"File", "Dataset"}} - {"./"}
        assert set(refs(graph["./"]["hasPart"])) == data
        outside = ("https://w3id.org/ro/crate/", "https://w3id.org/workflowhub/", "https://bioschemas.org/")
        outside = (*outside, "https://doi.org/", "https://snakemake.", "http://schema.org/")
        for entity in graph.values():
            for value in entity.values():
                several = value if isinstance(value, list) else [value]
                for id_ in refs([v for v in several if isinstance(v, dict)]):
                    assert id_ in graph or id_.startswith(outside), (entity["@id"], id_)

    def test_the_workflow(self, graph):
        workflow = graph[refs(graph["./"]["mainEntity"])[0]]
        assert {"File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"} <= types(workflow)
        language = graph[refs(workflow["programmingLanguage"])[0]]
        assert types(language) == {"ComputerLanguage"} and language["version"]
        for name in ("input", "output"):
            for id_ in refs(workflow[name]):
                parameter = graph[id_]
                assert types(parameter) == {"FormalParameter"} and parameter["additionalType"]
                assert refs(parameter["conformsTo"]) and parameter["name"]
        for id_ in refs(workflow["step"]):
            step = graph[id_]
            assert types(step) == {"HowToStep"}
            assert set(refs(step["workExample"])) <= set(refs(workflow["hasPart"]))

    def test_the_run_is_an_action_of_the_workflow_with_inputs_parameters_and_results(self, graph, results):
        run = graph["#run"]
        assert types(run) == {"CreateAction"}
        assert refs(run["instrument"]) == refs(graph["./"]["mainEntity"])
        assert run["@id"] in refs(graph["./"]["mentions"])
        values = [graph[id_] for id_ in refs(run["object"]) if "PropertyValue" in types(graph[id_])]
        assert {v["name"]: v["value"] for v in values}["variants.min_depth"] == "10"
        assert {v["name"]: v["value"] for v in values}["run.seed"] == "20260101"
        for value in values:
            assert types(graph[refs(value["exampleOfWork"])[0]]) == {"FormalParameter"}
        inputs = [graph[id_] for id_ in refs(run["object"]) if id_.startswith("#input/")]
        recorded = read_json(results / "provenance" / "inputs.json")
        assert {e["name"]: e["sha256"] for e in inputs} == {r["path"]: r["sha256"] for r in recorded}
        assert len(refs(run["result"])) == len(read_manifest(results / "provenance" / "manifest.sha256"))

    def test_every_job_is_an_action_of_a_tool_that_a_step_controls(self, graph):
        organise = of_type(graph, "OrganizeAction")
        assert len(organise) == 1 and refs(organise[0]["result"]) == ["#run"]
        controls = [graph[id_] for id_ in refs(organise[0]["object"])]
        assert {c["@id"] for c in controls} == {c["@id"] for c in of_type(graph, "ControlAction")}
        for control in controls:
            step, action = graph[refs(control["instrument"])[0]], graph[refs(control["object"])[0]]
            assert types(step) == {"HowToStep"} and types(action) == {"CreateAction"}
            assert refs(step["workExample"]) == refs(action["instrument"])
            assert refs(action["actionStatus"]) == [COMPLETED] and action["result"]
        jobs = {e["@id"] for e in of_type(graph, "CreateAction")} - {"#run"}
        assert {refs(c["object"])[0] for c in controls} == jobs and len(jobs) == 7


def test_the_same_run_gives_the_same_bytes_and_holds_no_path_of_the_machine(results, tmp_path):
    copy = shutil.copytree(results, tmp_path / "results")
    assert crate(copy) == crate(results) == read_json(results / "ro-crate-metadata.json")
    text = (results / "ro-crate-metadata.json").read_text()
    assert str(ROOT) not in text and str(results.parent) not in text
    assert '"datePublished":"1970-01-01"' in text


def test_patients_are_named_by_the_names_of_files_only(results):
    for entity in read_json(results / "ro-crate-metadata.json")["@graph"]:
        if entity["@id"].startswith("reports/"):
            continue
        words = {k: v for k, v in entity.items() if k not in ("hasPart", "result", "object")}
        assert "P1" not in str(words), entity["@id"]
