"""Whether the results of a run are still what it wrote, and what has changed since of all that made them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from endotype.config import complete, read_yaml
from endotype.digest import code_digest
from endotype.errors import input_error
from endotype.files import read_json, sha256_file
from endotype.provenance.inputs import software
from endotype.provenance.jobs import REPOSITORY
from endotype.provenance.manifest import (
    APART,
    CRATE,
    NAME,
    hash_files,
    progress_line,
    read_manifest,
    result_files,
)
from endotype.provenance.settings import differing
from endotype.visible import clean

Report = dict[str, Any]

SHOWN = 20
"""Files of one kind that the page lists; the JSON has all."""


def verify_run(
    results: str | Path,
    against: str | Path | None = None,
    config: str | Path | None = None,
    directory: str | Path | None = None,
) -> Report:
    """Compare results with the run's manifest, and what made them with what there is now.

    Args:
        results: the results folder of a finished run.
        against: the results folder of another run. Then outputs, inputs, parameters, versions and code are
            compared between the two runs, each as recorded, and only ``results`` is read whole.
        config: a configuration file as it is now; without it the parameters are not compared with anything.
        directory: where the paths of inputs start from; the folder that holds ``results``, if not given.

    Returns:
        ``equal`` (of the outputs), ``outputs`` (``listed``, and names under ``changed missing extra``),
        ``records`` (files of ``provenance/`` that are not what the crate says), ``inputs`` (rows
        ``path status old new``, status ``equal``, ``changed`` or ``not found``), ``parameters`` (rows
        ``key old new``, or null when not compared), ``software`` (rows ``key old new``), ``code`` (rows
        ``script old new``, or null where the run has no record of its jobs).

    Raises:
        InputError: no finished run, or a record of it that can't be read.
    """
    root = Path(results)
    listed = read_manifest(root / NAME)
    if against is None:
        inputs = _inputs_now(_record(root, "inputs.json"), Path(directory) if directory else root.parent)
        parameters = _parameters_now(root, config)
        versions = differing(_record(root, "software.json"), software())
        code = _code_now(root)
    else:
        other = Path(against)
        inputs = _inputs_of(_record(root, "inputs.json"), _record(other, "inputs.json"))
        parameters = differing(_record(root, "config.json"), _record(other, "config.json"))
        versions = differing(_record(root, "software.json"), _record(other, "software.json"))
        code = _code_of(root, other)
    outputs = _outputs(root, listed)
    report: Report = {
        "outputs": outputs,
        "records": _records(root),
        "inputs": inputs,
        "parameters": parameters,
        "software": versions,
        "code": code,
    }
    if against is not None:
        report["against"] = _manifests(listed, read_manifest(Path(against) / NAME))
    parts = [outputs, report.get("against", {})]
    report["equal"] = not report["records"] and not any(
        part.get(kind) for part in parts for kind in ("changed", "missing", "extra")
    )
    return report


def _outputs(root: Path, listed: Mapping[str, str]) -> Report:
    there = set(result_files(root))
    both = sorted(there & listed.keys())
    found = dict(hash_files(root, both, progress_line(len(both))))
    return {
        "listed": len(listed),
        "changed": [name for name in both if found[name] != listed[name]],
        "missing": sorted(listed.keys() - there),
        "extra": sorted(there - listed.keys()),
    }


def _manifests(here: Mapping[str, str], there: Mapping[str, str]) -> Report:
    """The files of this run beside those of the other, by their manifests."""
    return {
        "changed": sorted(name for name in here.keys() & there.keys() if here[name] != there[name]),
        "missing": sorted(there.keys() - here.keys()),
        "extra": sorted(here.keys() - there.keys()),
    }


def _records(root: Path) -> list[str]:
    """Files of the provenance folder that aren't what the crate, which was written last, says they are."""
    path = root / CRATE
    if not path.is_file():
        return []
    try:
        entities = [e for e in read_json(path)["@graph"] if "sha256" in e]
    except (ValueError, KeyError, TypeError):
        return [CRATE]
    expected = {unquote(e["@id"]): e["sha256"] for e in entities if e["@id"].startswith(f"{APART}/")}
    return [
        name
        for name, digest in sorted(expected.items())
        if not (root / name).is_file() or sha256_file(root / name) != digest
    ]


def _inputs_now(recorded: list[Report], directory: Path) -> list[Report]:
    """A file that isn't where it was has not changed: it may have been moved."""
    rows = []
    for entry in recorded:
        path = directory / entry["path"]
        try:
            new = sha256_file(path)
        except OSError:
            new = None
        status = "not found" if new is None else "equal" if new == entry["sha256"] else "changed"
        rows.append({"path": entry["path"], "status": status, "old": entry["sha256"], "new": new})
    return rows


def _inputs_of(here: list[Report], there: list[Report]) -> list[Report]:
    other = {entry["path"]: entry["sha256"] for entry in there}
    rows = []
    for entry in here:
        new = other.pop(entry["path"], None)
        status = "not found" if new is None else "equal" if new == entry["sha256"] else "changed"
        rows.append({"path": entry["path"], "status": status, "old": entry["sha256"], "new": new})
    rows += [
        {"path": p, "status": "added", "old": None, "new": digest} for p, digest in sorted(other.items())
    ]
    return rows


def _parameters_now(root: Path, config: str | Path | None) -> list[Report] | None:
    if config is None:
        return None
    now = complete(read_yaml(config).value, str(config))
    now.pop("engine")  # where blocks are computed is no parameter of the results, and not recorded
    return differing(_record(root, "config.json"), now)


def _code_now(root: Path) -> list[Report] | None:
    recorded = _digests(root)
    if recorded is None:
        return None
    rows = []
    for script, old in sorted(recorded.items()):
        path = REPOSITORY / "scripts" / script
        new = [code_digest(path)] if path.is_file() else []
        if old != new:
            rows.append({"script": script, "old": ", ".join(old), "new": ", ".join(new) or "not found"})
    return rows


def _code_of(root: Path, other: Path) -> list[Report] | None:
    here, there = _digests(root), _digests(other)
    if here is None or there is None:
        return None
    return [
        {"script": name, "old": ", ".join(here.get(name, [])), "new": ", ".join(there.get(name, []))}
        for name in sorted(here.keys() | there.keys())
        if here.get(name) != there.get(name)
    ]


def _digests(root: Path) -> dict[str, list[str]] | None:
    """Script -> digests of the code that its jobs ran with; several where it was edited between them."""
    path = root / APART / "jobs.json"
    if not path.is_file():
        return None
    found: dict[str, set[str]] = {}
    for job in _record(root, "jobs.json"):
        if job["script"] and job["code"]:
            found.setdefault(job["script"], set()).add(job["code"])
    return {script: sorted(digests) for script, digests in found.items()} or None


def _record(root: Path, name: str) -> Any:
    path = root / APART / name
    try:
        return read_json(path)
    except OSError:
        raise input_error(path, "no file that can be read", "a record of a finished run") from None
    except ValueError:
        raise input_error(path, "text that is no JSON", "a record as the run wrote it") from None


def changed_since(report: Report) -> bool:
    """Whether an input, a parameter, a version or code is another than when the run was made."""
    return bool(report["parameters"] or report["software"] or report["code"]) or any(
        row["status"] != "equal" for row in report["inputs"]
    )


def page(report: Report) -> str:
    """The report as text for a terminal."""
    outputs, inputs = report["outputs"], report["inputs"]
    wrong = {kind: outputs[kind] for kind in ("changed", "missing", "extra")}
    lines = [
        f"{outputs['listed']:,} files in the manifest: "
        + (
            "all are there, byte for byte, and no others"
            if not any(wrong.values())
            else ", ".join(f"{len(names):,} {kind}" for kind, names in wrong.items())
        )
    ]
    for kind, names in wrong.items():
        lines += _listed(kind, names)
    lines += _listed("not as it was written", report["records"])
    if "against" in report:
        other = report["against"]
        lines.append(
            "The other run has the same files, byte for byte"
            if not any(other.values())
            else "Beside the other run: " + ", ".join(f"{len(v):,} {k}" for k, v in other.items())
        )
        for kind, names in other.items():
            lines += _listed(kind, names)
    counts = {s: sum(row["status"] == s for row in inputs) for s in ("changed", "not found", "added")}
    lines.append(
        f"{len(inputs):,} inputs: "
        + (", ".join(f"{n:,} {status}" for status, n in counts.items() if n) or "unchanged")
    )
    for status in counts:
        lines += _listed(status, [row["path"] for row in inputs if row["status"] == status])
    lines += _changes("Parameters", report["parameters"], "key", "give --config to compare them")
    lines += _changes("Versions", report["software"], "key", "")
    lines += _changes("Code", report["code"], "script", "the run has no record of its jobs")
    return "\n".join(lines) + "\n"


def _listed(kind: str, names: list[str]) -> list[str]:
    more = [f"  ... and {len(names) - SHOWN:,} more {kind}"] if len(names) > SHOWN else []
    return [f"  {kind}: {clean(name)}" for name in names[:SHOWN]] + more


def _changes(title: str, rows: list[Report] | None, key: str, why: str) -> list[str]:
    if rows is None:
        return [f"{title}: not compared ({why})"]
    if not rows:
        return [f"{title}: unchanged"]
    changed = [f"  {clean(str(row[key]))}: {_short(row['old'])} -> {_short(row['new'])}" for row in rows]
    return [f"{title}: {len(rows):,} changed", *changed]


def _short(value: Any) -> str:
    text = clean(str(value))
    return text if len(text) <= 80 else f"{text[:79]}…"
