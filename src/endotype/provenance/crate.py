"""A run as a Workflow Run RO-Crate: ``results/ro-crate-metadata.json``.

The folder of results becomes a crate in the form of RO-Crate 1.1 that follows Process Run Crate, Workflow
Run Crate and Provenance Run Crate 0.5 (https://www.researchobject.org/workflow-run-crate/): the workflow, its
steps, one action for the run and one for every job, files with sha256, parameters, software. Everything is
taken from records of the run; there is no clock in it, so that the same run gives the same bytes.
``datePublished``, which a crate must have, is the date to which the ages of knowledge sources are counted, or
1970-01-01 without one.

Inputs stay where the user keeps them; they are described by name, size and sha256 only.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from endotype.files import read_json, sha256_file, write_json
from endotype.provenance.inputs import PACKAGES
from endotype.provenance.jobs import HOME, Job
from endotype.provenance.manifest import APART, CRATE, NAME, read_manifest
from endotype.provenance.settings import flat

Entity = dict[str, Any]

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
    {"sha256": "https://schema.org/sha256"},
]
FORMAL_PARAMETER = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
LANGUAGE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
COMPLETED = "http://schema.org/CompletedActionStatus"
NO_DATE = "1970-01-01"
WORKFLOW = f"{APART}/workflow/Snakefile"

_FORMATS = {
    ".json": "application/json", ".tsv": "text/tab-separated-values", ".html": "text/html",
    ".pdf": "application/pdf", ".svg": "image/svg+xml", ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip


def write_crate(results: str | Path) -> None:
    """Describe a finished run, whose manifest and other records are written, as an RO-Crate.

    Raises:
        InputError: there is no manifest.
    """
    root = Path(results)
    write_json(root / CRATE, crate(root), None)


def crate(results: str | Path) -> dict[str, Any]:
    """The crate as JSON-LD: ``@context`` and ``@graph``, the descriptor and the root first, then by id."""
    root = Path(results)
    records = root / APART
    config, software = read_json(records / "config.json"), read_json(records / "software.json")
    inputs, jobs = read_json(records / "inputs.json"), read_json(records / "jobs.json")
    graph: dict[str, Entity] = {}
    files = _files(root, graph)
    _parameters(config, graph)
    _inputs(inputs, graph)
    _software(software, graph)
    folders = _folders(jobs, files, root.name, graph)
    actions = _jobs(jobs, files, folders, root.name, graph)
    _workflow(jobs, config, graph)
    _run(actions, inputs, files, graph)
    for id_, (name, version) in PROFILES.items():
        _add(graph, id_, "CreativeWork", name=name, version=version)
    data = [e["@id"] for e in graph.values() if "File" in e["@type"] or "Dataset" in e["@type"]]
    return {"@context": CONTEXT, "@graph": [_descriptor(), _root(root, config, data), *_sorted(graph)]}


def _sorted(graph: Mapping[str, Entity]) -> list[Entity]:
    return [graph[key] for key in sorted(graph)]


def _add(graph: dict[str, Entity], id_: str, kind: str | list[str], **values: Any) -> Entity:
    """An entity; what has no value is left out."""
    graph[id_] = {
        "@id": id_, "@type": kind, **{k: v for k, v in values.items() if v is not None and v != []}
    }  # fmt: skip
    return graph[id_]


def _ref(id_: str) -> dict[str, str]:
    return {"@id": id_}


def _refs(ids: Iterable[str]) -> list[dict[str, str]]:
    return [_ref(id_) for id_ in dict.fromkeys(ids)]


def _descriptor() -> Entity:
    return {
        "@id": CRATE,
        "@type": "CreativeWork",
        "about": _ref("./"),
        "conformsTo": _refs(
            ["https://w3id.org/ro/crate/1.1", "https://w3id.org/workflowhub/workflow-ro-crate/1.0"]
        ),
    }


def _root(root: Path, config: Mapping[str, Any], data: list[str]) -> Entity:
    knowledge = root / "annotation" / "knowledge.json"
    as_of = read_json(knowledge).get("as_of") if knowledge.is_file() else None
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": config["run"]["name"],
        "description": "Results of one run of Endotype, with what it was made from and how. Research use. "
        "Names of folders under reports/ are the pseudonymous ids of the cohort.",
        "datePublished": as_of or NO_DATE,
        "license": "No licence is given: whoever holds the data decides who may use the results.",
        "conformsTo": _refs(PROFILES),
        "mainEntity": _ref(WORKFLOW),
        "mentions": _refs(["#run", "#organise"]),
        "hasPart": _refs(sorted(data)),
    }


def _files(root: Path, graph: dict[str, Entity]) -> dict[str, str]:
    """Every result and every record as a File; name below the folder of results -> id."""
    hashes = read_manifest(root / NAME)
    records = {
        path.relative_to(root).as_posix(): sha256_file(path)
        for path in sorted((root / APART).rglob("*"))
        if path.is_file() and not path.name.startswith(".") and path.name != "stability.json"
    }
    ids = {}
    for name, digest in {**hashes, **records}.items():
        path, stage = root / name, name.partition("/")[0]
        source = name.startswith(f"{APART}/workflow/")
        ids[name] = quote(name)
        _add(
            graph,
            ids[name],
            ["File", "SoftwareSourceCode"] if source else "File",
            name=name,
            sha256=digest,
            contentSize=str(path.stat().st_size),
            encodingFormat=_FORMATS.get(path.suffix),
            exampleOfWork=_ref(f"#output/{quote(stage)}") if name in hashes else None,
            programmingLanguage=_ref(LANGUAGE) if source else None,
        )
    for stage in sorted({name.partition("/")[0] for name in hashes}):
        _formal(graph, f"#output/{quote(stage)}", stage, "File", multipleValues="True")
    return ids


def _formal(graph: dict[str, Entity], id_: str, name: str, kind: str, **values: Any) -> None:
    _add(
        graph,
        id_,
        "FormalParameter",
        name=name,
        additionalType=kind,
        conformsTo=_ref(FORMAL_PARAMETER),
        **values,
    )


def _parameters(config: Mapping[str, Any], graph: dict[str, Entity]) -> None:
    """Every key of the configuration and its value; lists and null as JSON."""
    for key, value in sorted(flat(config).items()):
        kind = {bool: "Boolean", int: "Integer", float: "Float"}.get(type(value), "Text")
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
        _formal(graph, f"#parameter/{quote(key)}", key, kind)
        _add(
            graph,
            f"#value/{quote(key)}",
            "PropertyValue",
            name=key,
            value=text,
            exampleOfWork=_ref(f"#parameter/{quote(key)}"),
        )


def _inputs(inputs: Iterable[Mapping[str, Any]], graph: dict[str, Entity]) -> None:
    """The user's files, which aren't in the crate: works that are described, not data that is there."""
    _formal(graph, "#parameter/files", "files of the user", "File", multipleValues="True")
    for entry in inputs:
        _add(
            graph,
            _input_id(entry["path"]),
            "CreativeWork",
            name=entry["path"],
            sha256=entry["sha256"],
            contentSize=str(entry["size"]),
            description="An input; kept by the user, not part of this crate.",
            exampleOfWork=_ref("#parameter/files"),
        )


def _input_id(path: str) -> str:
    return f"#input/{quote(path)}"


def _software(software: Mapping[str, Any], graph: dict[str, Entity]) -> None:
    versions = {"python": software["python"], **software["packages"]}
    for name, version in versions.items():
        _add(graph, f"#software/{name}", "SoftwareApplication", name=name, softwareVersion=version)
    _add(
        graph,
        "#software/endotype",
        "SoftwareApplication",
        name="Endotype",
        softwareVersion=software["endotype"],
        license=_ref("https://spdx.org/licenses/MIT"),
        identifier=f"lock file sha256 {software['lock_sha256']}" if software["lock_sha256"] else None,
        softwareRequirements=_refs(f"#software/{name}" for name in ("python", *PACKAGES) if name in versions),
    )
    _add(
        graph,
        "https://spdx.org/licenses/MIT",
        "CreativeWork",
        name="MIT License",
        identifier="MIT",
    )
    _add(
        graph,
        LANGUAGE,
        "ComputerLanguage",
        name="Snakemake",
        version=software["packages"].get("snakemake"),
        identifier=_ref("https://doi.org/10.1093/bioinformatics/bts480"),
        url=_ref("https://snakemake.readthedocs.io"),
    )


def _folders(
    jobs: Iterable[Job], files: Mapping[str, str], results: str, graph: dict[str, Entity]
) -> dict[str, str]:
    """Folders that a job made as a whole, with the files in them: name -> id."""
    folders = {}
    for job in jobs:
        for path in job["outputs"]:
            name = path.removeprefix(f"{results}/")
            if name in files:
                continue
            parts = [id_ for file, id_ in files.items() if file.startswith(f"{name}/")]
            folders[name] = f"{quote(name)}/"
            _add(graph, folders[name], "Dataset", name=name, hasPart=_refs(parts))
    return folders


def _jobs(
    jobs: Iterable[Job],
    files: Mapping[str, str],
    folders: Mapping[str, str],
    results: str,
    graph: dict[str, Entity],
) -> list[str]:
    """One action a job, with the control action that ties it to its step; ids of the control actions."""
    digests: dict[str, set[str]] = defaultdict(set)
    numbers: dict[str, int] = defaultdict(int)
    controls = []

    def id_of(path: str) -> str:
        name = path.removeprefix(f"{results}/")
        known = files.get(name) or folders.get(name)
        if known:
            return known
        if _input_id(path) not in graph:
            what = "A table of the program." if path.startswith(HOME) else "Not kept by the run."
            _add(graph, _input_id(path), "CreativeWork", name=path, description=what)
        return _input_id(path)

    for job in jobs:
        rule = job["rule"]
        numbers[rule] += 1
        action = f"#job/{quote(rule)}/{numbers[rule]}"
        tool = f"#script/{quote(job['script'] or rule)}"
        digests[tool].add(job["code"] or "not recorded")
        _add(
            graph,
            action,
            "CreateAction",
            name=f"{rule} {numbers[rule]}",
            description=job["command"],
            instrument=_ref(tool),
            object=_refs(id_of(path) for path in job["inputs"]),
            result=_refs(id_of(path) for path in job["outputs"]),
            actionStatus=_ref(COMPLETED),
        )
        controls.append(f"#control/{quote(rule)}/{numbers[rule]}")
        _add(
            graph,
            controls[-1],
            "ControlAction",
            name=f"{rule} {numbers[rule]}",
            instrument=_ref(_step_id(rule)),
            object=_ref(action),
            actionStatus=_ref(COMPLETED),
        )
    for tool, codes in digests.items():
        _add(
            graph,
            tool,
            "SoftwareApplication",
            name=tool.partition("/")[2],
            identifier=f"code digest {', '.join(sorted(codes))}",
            isPartOf=_ref("#software/endotype"),
        )
    return controls


def _step(rule: str) -> str:
    """The step of a rule: the rules of single batches of reports are one step."""
    head, _, tail = rule.rpartition("_")
    return head if tail.isdigit() else rule


def _step_id(rule: str) -> str:
    return f"#step/{quote(_step(rule))}"


def _workflow(jobs: Iterable[Job], config: Mapping[str, Any], graph: dict[str, Entity]) -> None:
    tools: dict[str, str] = {}
    for job in jobs:
        tools.setdefault(_step(job["rule"]), f"#script/{quote(job['script'] or job['rule'])}")
    for position, (rule, tool) in enumerate(sorted(tools.items()), start=1):
        _add(
            graph,
            _step_id(rule),
            "HowToStep",
            name=rule,
            position=str(position),
            workExample=_ref(tool),
        )
    rules = [id_ for id_ in graph if id_.startswith(f"{APART}/workflow/") and id_ != WORKFLOW]
    given = [id_ for id_ in graph if id_.startswith("#parameter/")]
    made = [id_ for id_ in graph if id_.startswith("#output/")]
    workflow = graph.get(WORKFLOW) or _add(graph, WORKFLOW, "File")
    workflow |= {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "name": "Endotype",
        "license": _ref("https://spdx.org/licenses/MIT"),
        "programmingLanguage": _ref(LANGUAGE),
        "input": _refs(sorted(given)),
        "output": _refs(sorted(made)),
        "step": _refs(_step_id(rule) for rule in sorted(tools)),
        "hasPart": _refs([*sorted(rules), *sorted(set(tools.values()))]),
        "softwareRequirements": _ref("#software/endotype"),
    }


def _run(
    controls: list[str],
    inputs: Iterable[Mapping[str, Any]],
    files: Mapping[str, str],
    graph: dict[str, Entity],
) -> None:
    values = sorted(id_ for id_ in graph if id_.startswith("#value/"))
    results = [id_ for name, id_ in sorted(files.items()) if not name.startswith(f"{APART}/")]
    _add(
        graph,
        "#run",
        "CreateAction",
        name="One run of Endotype",
        instrument=_ref(WORKFLOW),
        object=_refs([*(_input_id(entry["path"]) for entry in inputs), *values]),
        result=_refs(results),
        actionStatus=_ref(COMPLETED),
    )
    _add(
        graph,
        "#organise",
        "OrganizeAction",
        name="Snakemake ran the jobs",
        instrument=_ref("#software/snakemake"),
        object=_refs(controls),
        result=_ref("#run"),
        actionStatus=_ref(COMPLETED),
    )
