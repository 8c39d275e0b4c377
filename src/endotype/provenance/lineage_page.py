"""A chain of :mod:`endotype.provenance.lineage` as text for a terminal; all of it is made harmless."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from endotype.visible import clean

_WIDTH = 160
_COMMAND = 480
"""Characters of a command that are shown; ``--json`` has all of it."""
_CELLS = 14


def claims_page(patient: str, claims: Iterable[Mapping[str, Any]]) -> str:
    """One line a claim: its id and its text."""
    rows = [f"{c['id']:<32}  {_text(c['text'])}" for c in claims]
    return "\n".join([f"Claims about {_text(patient)}:", *(rows or ["  none"])]) + "\n"


def chain_page(chain: Mapping[str, Any]) -> str:
    """The chain from the sentence to the user's files, nearest first."""
    claim = chain["claim"]
    confidence = claim["confidence"]
    number = "" if confidence["value"] is None else f", {confidence['kind']} {confidence['value']:.6g}"
    lines = [
        _text(claim["text"], None),
        f"  {claim['id']}, about {_text(chain['patient'])}; confidence: {confidence['word']}{number}",
        *(f"  but: {_text(limit, None)}" for limit in claim["limits"]),
    ]
    if chain["evidence"]:
        lines += ["", "Sources"]
        for item in chain["evidence"]:
            lines += _evidence(item)
    lines += ["", "Made from these rows of results"]
    for row in chain["rows"]:
        lines.append(f"  {_text(row['file'])}  [{_text(row['key'])}]  sha256 {row['sha256']}")
        lines += [f"    {_cells(found)}" for found in row["found"][:5]]
        if not row["found"]:
            lines.append("    (the row was not found)")
        elif len(row["found"]) > 5:
            lines.append(f"    ... and {len(row['found']) - 5:,} more rows")
    lines += ["", "Which these commands made, the nearest first"]
    for step in chain["steps"]:
        lines += _step(step)
    lines += ["", "From these files of yours"]
    for entry in chain["inputs"]:
        lines += _input(entry)
    parameters = chain["parameters"]
    lines += ["", "With these parameters"]
    lines += [f"  {_text(key)} = {_text(parameters['values'][key])}" for key in parameters["named"]]
    others = len(parameters["values"]) - len(parameters["named"])
    lines.append(f"  ... and {others:,} more keys of these stages (--json)")
    software = chain["software"]
    packages = ", ".join(f"{name} {version}" for name, version in sorted(software["packages"].items()))
    lines += ["", f"By Endotype {software['endotype']}, Python {software['python']}, {packages}"]
    return "\n".join(lines) + "\n"


def _evidence(item: Mapping[str, Any]) -> list[str]:
    version = f" {_text(item['version'])}" if item["version"] else ""
    record = f", record {_text(item['record'])}" if item["record"] else ""
    rule = f" ({_text(item['rule'])})" if item.get("rule") else ""
    lines = [f"  {_text(item['source'])}{version}{record}{rule}"]
    lines += [f"    sha256 {_text(item['sha256'])}"] if item["sha256"] else []
    lines += [f"    file {_text(item['path'])}"] if item["path"] else []
    if item["found"] and item["found"]["record"]:
        lines.append(f"    record {item['found']['row']:,}: {_text(item['found']['record'])}")
    return lines


def _step(step: Mapping[str, Any]) -> list[str]:
    jobs = step["jobs"]
    lines = [f"  {_text(step['rule'])}" + (f" ({len(jobs):,} jobs; the first:)" if len(jobs) > 1 else "")]
    lines.append(f"    {_text(jobs[0]['command'], _COMMAND)}")
    codes = sorted({job["code"] for job in jobs if job["code"]})
    if codes:
        changed = any(job["code_now"] not in (None, job["code"]) for job in jobs)
        note = "; the code has been changed since" if changed else ""
        lines.append(f"    code {', '.join(codes)}{note}")
    return lines


def _input(entry: Mapping[str, Any]) -> list[str]:
    missing = "  (not found where it was)" if entry["status"] == "not found" else ""
    lines = [f"  {_text(entry['path'])}{missing}", f"    sha256 {entry['sha256']}"]
    for record in entry["records"]:
        if "cells" in record:
            lines.append(f"    line {record['line']:,}: {_cells(record['cells'])}")
            continue
        lines += [f"    {_text(line.replace(chr(9), '  '))}" for line in record["records"]]
        if record["note"]:
            lines.append(f"    ({_text(record['note'])})")
    return lines


def _cells(row: Mapping[str, Any]) -> str:
    shown = [f"{_text(str(k))}={_text(str(v))}" for k, v in list(row.items())[:_CELLS]]
    return ", ".join(shown) + (f", ... {len(row) - _CELLS:,} more" if len(row) > _CELLS else "")


def _text(value: Any, limit: int | None = _WIDTH) -> str:
    text = clean(str(value))
    return text if limit is None or len(text) <= limit else f"{text[: limit - 1]}…"
