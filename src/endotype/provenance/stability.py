"""How steadily a run went, over all its sessions: attempts, failures by kind, recoveries, time, memory.

Read from what :mod:`endotype.provenance.events` kept of each session and from Snakemake's benchmark files. It
tells of the machine, not of the results, which are the same however often a job had to be tried.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from endotype.errors import input_error
from endotype.files import write_json
from endotype.provenance.events import FOLDER

KINDS = ("exit", "killed", "memory", "time", "missing_output", "truncated_output", "interrupted", "unknown")
"""Kinds of failure. ``interrupted``: the attempt was running when Snakemake itself was killed."""

_MEMORY = re.compile(
    r"OUT_OF_MEMORY|oom[-_ ]?kill|MemoryError|Cannot allocate memory|bad_alloc|out of memory|Killed process",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\bTIMEOUT\b|DUE TO TIME LIMIT|exit status 124\b|time limit|SIGXCPU|exit status 152\b|timed out"
)
_TRUNCATED = re.compile(
    r"truncated|cut off|unexpected end of|ended before|EOFError|no BGZF EOF|footer", re.IGNORECASE
)
_MISSING = re.compile(r"MissingOutputException|output files are missing")
_KILLED = re.compile(
    r"SIG(KILL|TERM|SEGV|ABRT|BUS)|exit status (129|13[0-9]|14[0-3])\b|CANCELLED|PREEMPTED|NODE_FAIL"
)
_EXIT = re.compile(r"non-zero exit (status|code)|FAILED|RuleException|error", re.IGNORECASE)
_MISSING_JOB = re.compile(r"Job (\d+)\s+completed successfully")

_LAST_LINES = 20
"""Lines at the end of a log that tell why a job failed; what stands above them may tell of anything."""

Z95 = 1.959963984540054


def wilson(failures: int, attempts: int, z: float = Z95) -> tuple[float, float] | None:
    """The score interval of a proportion (Wilson 1927): where it lies with a confidence of 95 %.

    With p = failures / n: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n). ``None`` without attempts.
    """
    if not attempts:
        return None
    p, scale = failures / attempts, 1 + z * z / attempts
    middle = (p + z * z / (2 * attempts)) / scale
    half = z * math.sqrt(p * (1 - p) / attempts + z * z / (4 * attempts * attempts)) / scale
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return (0.0 if failures == 0 else low), (1.0 if failures == attempts else high)


def kind_of(text: str, tails: Iterable[str] = ()) -> str:
    """Which of :data:`KINDS` an error is, by what the executor and then the ends of the job's logs say.

    A process that was killed for its memory looks like any other that was killed, unless the executor or a
    log says so.
    """
    ends = "\n".join("\n".join(tail.splitlines()[-_LAST_LINES:]) for tail in tails)
    if _MISSING.search(text):
        return "missing_output"
    if _MEMORY.search(f"{text}\n{ends}"):
        return "memory"
    # Where the executor knows no reason, a log of its own may have one.
    for said in (text, ends):
        if _TIME.search(said):
            return "time"
        if _KILLED.search(said):
            return "killed"
        if _EXIT.search(said):
            return "truncated_output" if _TRUNCATED.search(ends) else "exit"
    return "unknown"


@dataclass
class _Job:
    """One job over all sessions, known by its rule and wildcards."""

    rule: str
    attempts: int = 0
    succeeded: int = 0
    failures: list[str] = field(default_factory=list)
    last_ended_well: bool = False
    seconds: float = 0.0
    benchmark: str | None = None


@dataclass
class _Running:
    job: _Job
    since: float | None = None


def write_stability(directory: str | Path, out: str | Path | None = None) -> dict[str, Any]:
    """Summarise a working directory; written to ``results/provenance/stability.json``, or to ``out``."""
    root = Path(directory)
    summary = summarise(root)
    write_json(Path(out) if out else root / "results" / "provenance" / "stability.json", summary)
    return summary


def summarise(directory: str | Path) -> dict[str, Any]:
    """All sessions of a working directory, killed ones too, as one object.

    Returns:
        ``sessions`` (how many ended ``in_order``, how many were ``killed``), ``jobs attempts succeeded``,
        ``failures`` (``total``, ``by_kind`` with every kind, ``by_rule``), ``recovered`` (jobs that failed
        and succeeded later), ``not_recovered`` (names of the others), ``failure_rate`` (of the attempts:
        ``value``, ``wilson_95`` or null), ``wall_seconds`` (sum over sessions), ``job_seconds`` (sum over
        attempts that ended), ``cpu_seconds`` and ``peak_memory_mb`` of the last attempt of each measured
        job, ``measured_jobs``, ``rules`` (the same by rule).

    Raises:
        InputError: no record of a session.
    """
    root = Path(directory)
    paths = sorted((root / FOLDER).glob("*.jsonl"))
    if not paths:
        raise input_error(
            root / FOLDER, "no record of a session", "records that a run of the workflow leaves there"
        )
    jobs: dict[str, _Job] = {}
    killed = 0
    wall = 0.0
    for path in paths:
        ended, seconds = _session(path, jobs)
        killed += not ended
        wall += seconds
    return _summary(root, jobs, len(paths), killed, wall)


def _session(path: Path, jobs: dict[str, _Job]) -> tuple[bool, float]:
    """Add one session to ``jobs``; whether it ended in order, and how long it took."""
    running: dict[int, _Running] = {}
    first = last = None
    ended = False
    for event in _events(path):
        first = event["time"] if first is None else first
        last = event["time"]
        kind = event["event"]
        if kind == "end":
            ended = True
        elif kind == "job" and event["outputs"]:
            name = " ".join([event["rule"], *(f"{k}={v}" for k, v in sorted(event["wildcards"].items()))])
            job = jobs.setdefault(name, _Job(event["rule"]))
            job.benchmark = event.get("benchmark") or job.benchmark
            known = running.get(event["id"])
            running[event["id"]] = _Running(job, known.since if known else None)
            _begin(running[event["id"]], event["time"])
        elif kind == "start" and event["id"] in running:
            _begin(running[event["id"]], event["time"])
        elif kind == "finish" and event["id"] in running:
            _end(running[event["id"]], event["time"], None)
        elif kind == "fail" and event["id"] in running:
            _end(running[event["id"]], event["time"], kind_of(event["text"], event["tails"]))
        elif kind == "missing":
            found = _MISSING_JOB.search(event["text"])
            if found and int(found[1]) in running:
                _end(running[int(found[1])], event["time"], "missing_output")
    for left in running.values():
        # In a session that ended in order nothing runs any more: Snakemake took the job back.
        if left.since is not None:
            _end(left, last or left.since, "interrupted")
    return ended, (last or 0.0) - (first or 0.0)


def _begin(running: _Running, time: float) -> None:
    """A job that is told of again without an end in between is the same attempt."""
    if running.since is None:
        running.since = time
        running.job.attempts += 1


def _end(running: _Running, time: float, failure: str | None) -> None:
    if running.since is None:
        return
    job = running.job
    job.seconds += max(0.0, time - running.since)
    running.since = None
    job.last_ended_well = failure is None
    if failure is None:
        job.succeeded += 1
    else:
        job.failures.append(failure)


def _events(path: Path) -> Iterable[dict[str, Any]]:
    """The events of one session; a last line that was cut off when the process was killed is no event."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and "event" in event and "time" in event:
                yield event


def _summary(root: Path, jobs: Mapping[str, _Job], sessions: int, killed: int, wall: float) -> dict[str, Any]:
    by_rule: dict[str, list[_Job]] = defaultdict(list)
    for job in jobs.values():
        by_rule[job.rule].append(job)
    failed = {name: job for name, job in jobs.items() if job.failures}
    measured = {name: _measure(root, job) for name, job in jobs.items() if job.benchmark}
    found = {name: m for name, m in measured.items() if m}
    attempts = sum(job.attempts for job in jobs.values())
    kinds = Counter(kind for job in jobs.values() for kind in job.failures)
    total = sum(kinds.values())
    interval = wilson(total, attempts)
    return {
        "sessions": {"total": sessions, "in_order": sessions - killed, "killed": killed},
        "jobs": len(jobs),
        "attempts": attempts,
        "succeeded": sum(job.succeeded for job in jobs.values()),
        "failures": {
            "total": total,
            "by_kind": {kind: kinds[kind] for kind in KINDS},
            "by_rule": {
                rule: n
                for rule, group in sorted(by_rule.items())
                if (n := sum(len(job.failures) for job in group))
            },
        },
        "recovered": sum(job.last_ended_well for job in failed.values()),
        "not_recovered": sorted(name for name, job in failed.items() if not job.last_ended_well),
        "failure_rate": {
            "value": total / attempts if attempts else None,
            "wilson_95": list(interval) if interval else None,
        },
        "wall_seconds": round(wall, 3),
        "job_seconds": round(sum(job.seconds for job in jobs.values()), 3),
        "cpu_seconds": round(sum(m["cpu"] or 0.0 for m in found.values()), 3),
        "peak_memory_mb": max((m["memory"] for m in found.values() if m["memory"] is not None), default=None),
        "measured_jobs": len(found),
        "rules": {
            rule: {
                "jobs": len(group),
                "attempts": sum(job.attempts for job in group),
                "failures": sum(len(job.failures) for job in group),
                "seconds": round(sum(job.seconds for job in group), 3),
                "cpu_seconds": round(sum(m["cpu"] or 0.0 for m in _of(found, jobs, rule)), 3),
                "peak_memory_mb": max(
                    (m["memory"] for m in _of(found, jobs, rule) if m["memory"] is not None), default=None
                ),
            }
            for rule, group in sorted(by_rule.items())
        },
    }


def _of(found: Mapping[str, Any], jobs: Mapping[str, _Job], rule: str) -> list[dict[str, Any]]:
    return [m for name, m in found.items() if jobs[name].rule == rule]


def _measure(root: Path, job: _Job) -> dict[str, float | None] | None:
    """CPU seconds and peak memory by the job's benchmark file; ``None`` where it has none (yet)."""
    path = root / str(job.benchmark)
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    last = rows[-1] if rows else {}
    return {"cpu": _number(last.get("cpu_time")), "memory": _number(last.get("max_rss"))}


def _number(text: Any) -> float | None:
    """Snakemake writes ``-`` or ``NA`` where a process was over before it could be measured."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def page(summary: Mapping[str, Any]) -> str:
    """The summary as a few lines for a terminal."""
    failures, rate = summary["failures"], summary["failure_rate"]
    kinds = ", ".join(f"{n:,} {kind.replace('_', ' ')}" for kind, n in failures["by_kind"].items() if n)
    lines = [
        f"{summary['jobs']:,} jobs in {summary['attempts']:,} attempts, "
        f"{summary['sessions']['total']:,} sessions ({summary['sessions']['killed']:,} killed)",
        f"{failures['total']:,} failures" + (f": {kinds}" if kinds else ""),
        f"{summary['recovered']:,} jobs recovered, {len(summary['not_recovered']):,} did not",
    ]
    if rate["wilson_95"]:
        low, high = rate["wilson_95"]
        lines.append(
            f"failure rate of an attempt {rate['value']:.2%} (95 % interval {low:.2%} to {high:.2%})"
        )
    memory = summary["peak_memory_mb"]
    lines.append(
        f"wall {summary['wall_seconds']:,.0f} s, CPU {summary['cpu_seconds']:,.0f} s, "
        f"peak memory {'not measured' if memory is None else f'{memory:,.0f} MB'} "
        f"({summary['measured_jobs']:,} jobs measured)"
    )
    return "\n".join(lines) + "\n"
