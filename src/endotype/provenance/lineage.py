"""From one sentence of a report back to the user's files: rows, rules, commands, code, parameters.

The chain is read from the report itself (which rows a claim was made from), from ``provenance/jobs.json``
(which command made which file from which) and from ``provenance/inputs.json`` (the sha256 of the user's
files). Nothing is computed again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from endotype.digest import code_digest
from endotype.errors import input_error, nearest, visible
from endotype.files import read_json
from endotype.ids import is_id
from endotype.provenance.jobs import REPOSITORY, Job
from endotype.provenance.manifest import APART, NAME, read_manifest
from endotype.provenance.rows import file_record, knowledge_record, result_rows, table_rows
from endotype.provenance.settings import flat

Chain = dict[str, Any]

SECTIONS = {
    "cohort": ("inputs", "reference"),
    "variants": ("variants", "sample_qc", "tumours", "reference"),
    "annotation": ("annotation", "inheritance", "acmg", "knowledge", "reference"),
    "association": ("association", "run"),
    "subtypes": ("subtypes", "run"),
    "targets": ("targets", "knowledge", "run"),
    "reports": ("reports",),
}
"""Stage, which is also the folder of its files -> sections of the configuration that it is given."""


def list_claims(results: str | Path, patient: str) -> list[Chain]:
    """Rows ``id type text`` of the claims of a patient's report, in its order.

    Raises:
        InputError: no such report.
    """
    return [
        {key: c[key] for key in ("id", "type", "text")} for c in _report(Path(results), patient)["claims"]
    ]


def trace_claim(results: str | Path, patient: str, claim: str, directory: str | Path | None = None) -> Chain:
    """The chain behind one claim.

    Args:
        results: the results folder of a finished run.
        patient: the patient's id.
        claim: the claim's id, or the beginning of it that no other claim of the report has.
        directory: where paths of inputs start from; the folder that holds ``results``, if not given.

    Returns:
        ``patient``, ``claim`` (as the report has it), ``evidence`` (each with the user's ``path`` and the
        ``record`` there), ``rows`` (``file key sha256 found``: rows of result files that the claim was made
        from), ``steps`` (from the report back: ``distance rule jobs``, each job with ``command code
        code_now inputs outputs``), ``inputs`` (the user's files: ``path size sha256 status records``),
        ``parameters`` (dotted key -> value of the stages on the way; ``named`` lists those that the commands
        name), ``software``.

    Raises:
        InputError: no such patient or claim, an ambiguous beginning, or no records of jobs.
    """
    root = Path(results)
    base = Path(directory) if directory else root.parent
    found = _claim(root, patient, claim)
    hashes = read_manifest(root / NAME)
    jobs, inputs = _record(root, "jobs.json"), _record(root, "inputs.json")
    place = next((i for i in found["input"] if i.get("chrom")), None)
    files = [i["file"] for i in found["input"] if i["file"] in hashes]
    steps, reached = _steps(root.name, jobs, files, f"reports/{patient}/report.json", place)
    config = _record(root, "config.json")
    return {
        "patient": patient,
        "claim": found,
        "evidence": [_evidence(root, base, e, found, inputs) for e in found["evidence"]],
        "rows": [
            {
                "file": i["file"],
                "key": i["key"],
                "sha256": hashes.get(i["file"]),
                "found": result_rows(root, i["file"], i["key"]),
            }
            for i in found["input"]
            if i["file"] in hashes
        ],
        "steps": steps,
        "inputs": _inputs(root, base, patient, found, inputs, reached),
        "parameters": _parameters(config, steps),
        "software": _record(root, "software.json"),
    }


def _report(root: Path, patient: str) -> Chain:
    path = root / "reports" / patient / "report.json"
    if not is_id(patient) or not path.is_file():
        folders = [p.parent.name for p in (root / "reports").glob("*/report.json")]
        close = nearest(patient, folders)
        hint = f"did you mean {close}?" if close else ""
        raise input_error(root / "reports", f"no report of {visible(patient)}", "a patient of the run", hint)
    return dict(read_json(path))


def _claim(root: Path, patient: str, claim: str) -> Chain:
    claims = _report(root, patient)["claims"]
    fitting = [c for c in claims if c["id"] == claim] or [c for c in claims if c["id"].startswith(claim)]
    if len(fitting) == 1:
        return dict(fitting[0])
    path = root / "reports" / patient / "report.json"
    if fitting:
        listed = ", ".join(c["id"] for c in fitting[:5])
        raise input_error(path, f"{len(fitting)} claims that begin with {visible(claim)}", f"one of {listed}")
    ids = [c["id"] for c in claims]
    close = nearest(claim, ids)
    raise input_error(
        path,
        f"no claim {visible(claim)}",
        "the id of a claim, or its beginning",
        f"did you mean {close}?" if close else "without a claim all are listed",
    )


def _record(root: Path, name: str) -> Any:
    path = root / APART / name
    if not path.is_file():
        raise input_error(path, "no such file", "a record of a finished run", "run the workflow to its end")
    return read_json(path)


def _steps(
    results: str, jobs: Iterable[Job], files: list[str], report: str, place: Mapping[str, Any] | None
) -> tuple[list[Chain], set[str]]:
    """The jobs behind files and report, nearest first, by rule; and all files that they read.

    Where the claim is about a place, shards of other places are left out: nothing of them is in it.
    """
    maker = {path: job for job in jobs for path in job["outputs"]}
    folders = [path for path in maker if not Path(path).suffix]
    todo = [(f"{results}/{name}", 0) for name in (report, *files)]
    seen: dict[int, tuple[int, Job]] = {}
    reached: set[str] = set()
    while todo:
        path, distance = todo.pop(0)
        if path in reached:
            continue
        reached.add(path)
        job = maker.get(path) or next((maker[f] for f in folders if path.startswith(f"{f}/")), None)
        if job is None or id(job) in seen:
            continue
        seen[id(job)] = (distance, job)
        # The report is made from everything; what this claim needs of it are its own files.
        below = job["inputs"] if distance or not path.endswith(report) else []
        todo += [(p, distance + 1) for p in below if _is_here(p, place)]
    by_rule: dict[str, Chain] = {}
    for distance, job in seen.values():
        step = by_rule.setdefault(job["rule"], {"rule": job["rule"], "distance": distance, "jobs": []})
        step["jobs"].append(
            {key: job[key] for key in ("script", "command", "code", "inputs", "outputs")}
            | {"code_now": _code_now(job["script"])}
        )
    return sorted(by_rule.values(), key=lambda s: (s["distance"], s["rule"])), reached


_SHARD = re.compile(r"/(?P<chrom>[^/]+)_(?P<start>\d+)_(?P<end>\d+)\.[\w.]+$")


def _is_here(path: str, place: Mapping[str, Any] | None) -> bool:
    """Whether a file can hold the place: shards are named by their window."""
    window = _SHARD.search(path)
    if not window or place is None:
        return True
    return window["chrom"] == place["chrom"] and int(window["start"]) <= place["pos"] <= int(window["end"])


def _code_now(script: str | None) -> str | None:
    path = REPOSITORY / "scripts" / (script or "")
    return code_digest(path) if script and path.is_file() else None


def _evidence(root: Path, base: Path, evidence: Chain, claim: Chain, inputs: Iterable[Chain]) -> Chain:
    """A source with the user's file that it was read from, and the record in it."""
    path = next((i["path"] for i in inputs if evidence["sha256"] and i["sha256"] == evidence["sha256"]), None)
    return {**evidence, "path": path, "found": knowledge_record(root, base, evidence, claim, path)}


def _inputs(
    root: Path, base: Path, patient: str, claim: Chain, inputs: Iterable[Chain], reached: set[str]
) -> list[Chain]:
    """The user's files on the way, with the patient's records in those that have any."""
    rows = []
    for entry in inputs:
        own = [i for i in claim["input"] if i.get("sha256") and i["sha256"] == entry["sha256"]]
        if entry["path"] not in reached and not own:
            continue
        path = base / entry["path"]
        there = path.is_file()
        rows.append(
            {
                **entry,
                "status": "there" if there else "not found",
                "records": [file_record(root, path, entry["path"], i) for i in own if there]
                + (table_rows(path, patient) if there else []),
            }
        )
    return rows


def _parameters(config: Chain, steps: list[Chain]) -> Chain:
    jobs = [job for step in steps for job in step["jobs"]]
    stages = {path.split("/")[1] for job in jobs for path in job["outputs"] if path.count("/") > 1}
    sections = sorted({section for stage in stages for section in SECTIONS.get(stage, ())})
    values = flat({section: config[section] for section in sections if section in config})
    commands = "\n".join(job["command"] for job in jobs)
    named = [key for key in values if f"--{key.rpartition('.')[2].replace('_', '-')} " in commands]
    return {"values": values, "named": sorted(named)}
