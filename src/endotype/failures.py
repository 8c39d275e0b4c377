"""What failed in a run and why, read from Snakemake's own log: the same on one machine and on a cluster.

Snakemake's log names each job that failed; what the job and the cluster said stands in files that it names.
Both are read here and nothing else, so a digest can be made of any log, also long after the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from endotype.visible import clean

HINTS = {
    "disk": "no space is left, or a quota is used up. Free some, where the run is and in the temporary folder.",
    "memory": "the job needed more memory than it had. Give the rule more in the profile"
    " (set-resources: RULE: mem_mb), or run fewer jobs at once.",
    "time": "the job needed more time than it had. Give the rule more in the profile"
    " (set-resources: RULE: runtime, in minutes).",
    "node": "the machine that it ran on failed. Nothing is wrong with the step: run again.",
    "rejected": "the cluster doesn't take a job of this size. Compare the profile's mem_mb, runtime and threads"
    " with what the partition allows.",
    "cancelled": "somebody, or the cluster, cancelled the job. Run again.",
    "missing output": "the step ended well, but its files aren't there. On a slow network file system raise"
    " --latency-wait; else something removes files of the run.",
    "input": "a problem of the input, explained above.",
    "killed": "the process was killed. Most often the machine ran out of memory (`dmesg` says so):"
    " run fewer jobs at once (--cores, --resources mem_mb=...).",
    "program": "a fault of the program. Please report it with this log.",
    "exit": "the step ended with an error; its log says more.",
}
"""What to do about each kind of failure, in the order in which kinds are looked for."""

# Signs of a kind in what the cluster, the step or Snakemake said. The first kind that fits is taken, since a full
# disk or a lack of memory also ends in a traceback or a cancelled job.
_SIGNS = {
    "disk": r"No space left on device|Disk quota exceeded|\[Errno (?:28|122)\]",
    "memory": r"OUT_OF_MEMORY|[Ee]xceeded (?:job )?memory limit|oom[-_ ]kill|\bMemoryError\b|std::bad_alloc"
    r"|Cannot allocate memory|\[Errno 12\]|Unable to allocate [\d.]+ [KMGT]iB|KilledWorker",
    "time": r"status is: '(?:TIMEOUT|DEADLINE)'|DUE TO TIME LIMIT",
    "node": r"status is: '(?:NODE_FAIL|BOOT_FAIL)'|DUE TO NODE FAILURE",
    "rejected": r"sbatch failed|submission failed",
    "cancelled": r"status is: '(?:CANCELLED|PREEMPTED)'|DUE TO PREEMPTION",
    "missing output": r"MissingOutputException|some output files are missing",
    "input": r"^endotype: ",
    "killed": r"died with <Signals\.SIGKILL|exit status 137\b|task \d+: Killed",
    "program": r"^Traceback \(most recent call last\)",
}

_LINES = 6
_MEMBERS = 5
_START = re.compile(
    r"^( *)(?:Error in rule (?P<rule>\w+):|(?P<missing>MissingOutputException) in rule (?P<of>\w+) in file )"
)
_FIELD = re.compile(r"^ *(?P<name>message|jobid|output|log): (?P<value>.*)$")
_END = re.compile(
    r"^ *(?:\[\w{3} \w{3} +\d+ [\d:]+ \d{4}\]|Logfile |Error in |Trying to restart job|Select jobs to execute"
    r"|Execute \d+ jobs|Finished jobid|Removing output files|Shutting down|Exiting because|Job \d+ has been"
    r"|RuleException:|MissingOutputException|Complete log|Elapsed time|WorkflowError)"
)
_FINISHED = re.compile(r"^Finished jobid: (\d+) ")
_LOG_NOTE = " (check log file(s) for error details)"


@dataclass(frozen=True)
class Failure:
    """One try of a job that failed."""

    rule: str
    """The rule as a reader knows it: ``write_reports``, not ``write_reports_3``."""
    what: str
    """Which job of the rule: ``shard 1_1_100000``, ``batch 3 (P0001, P0002 ...)``; empty where there is one."""
    kind: str
    """A key of :data:`HINTS`."""
    said: tuple[str, ...]
    """The last lines of the step's log; where that is empty, what the cluster reported."""
    log: str
    """The file they stand in, or an empty text."""
    recovered: bool
    """Whether a later try of the same job succeeded."""


def failures(text: str, folder: str | Path) -> list[Failure]:
    """All tries of jobs that failed, in the order of Snakemake's log.

    Args:
        text: one log of Snakemake (``.snakemake/log/*.log``) or what it printed.
        folder: the working directory, where the logs of the steps are.

    Returns:
        One entry for each try. A file that is gone says nothing; that is no error. Of a group of jobs only
        those that failed are named, all of them where the cluster ended the whole group.
    """
    lines = text.splitlines()
    finished = {m[1]: i for i, line in enumerate(lines) if (m := _FINISHED.match(line))}
    found: list[Failure] = []
    for at, line in enumerate(lines):
        if not (start := _START.match(line)):
            continue
        block = _block(lines, at)
        fields = {m["name"]: m["value"] for part in block if (m := _FIELD.match(part))}
        rule = start["rule"] or start["of"]
        jobid = fields.get("jobid") or next(iter(re.findall(r"^Job (\d+) ", "\n".join(block), re.M)), "")
        files = fields.get("log", "").removesuffix(_LOG_NOTE)
        own, cluster = _split_logs([path for path in files.split(", ") if path], Path(folder))
        if own is None and not cluster:
            own = _log_of_job(lines, at, jobid, Path(folder))
        inner = _read(cluster[-1]) if cluster else ""
        if _others_failed(inner, rule):
            continue
        said = _read(own) if own else ""
        notes = "\n".join([*_before(lines, at), *block])
        if said.strip():
            source, tail = own, said.strip().splitlines()
        else:
            source = cluster[-1] if inner else None
            tail = re.findall(r"^.*\berror: .*$", inner, re.MULTILINE) or [fields.get("message", "")]
        found.append(
            Failure(
                rule=re.sub(r"^((?:write|render)_reports)_\d+$", r"\1", rule),
                what=_which(rule, own, fields.get("output", "")),
                kind=_kind([notes, _without_commands(inner), said]),
                said=tuple(clean(part) for part in tail[-_LINES:] if part not in ("", "None")),
                log=str(source) if source else "",
                recovered=finished.get(jobid, -1) > at,
            )
        )
    return found


def digest(text: str, folder: str | Path) -> str:
    """What failed for good, as a page for the end of a run.

    Args:
        text: one log of Snakemake.
        folder: the working directory.

    Returns:
        For each step and part of the cohort: the kind, the last lines of the log, a hint; then what was tried
        again with success, and how to go on.
    """
    tries = failures(text, folder)
    lost: dict[tuple[str, str], list[Failure]] = {}
    for failure in tries:
        if not failure.recovered:
            lost.setdefault((failure.rule, failure.what), []).append(failure)
    lines = ["", "Endotype stopped. What failed:" if lost else "Endotype stopped; no step is named in the log."]
    for (rule, what), attempts in lost.items():
        last = attempts[-1]
        times = f", {len(attempts)} tries" if len(attempts) > 1 else ""
        lines.append(f"  {rule}{f', {what}' if what else ''}: {last.kind}{times}")
        lines += [f"    | {line}" for line in last.said]
        lines += [f"    log:  {last.log}"] if last.log else []
        lines.append(f"    hint: {HINTS[last.kind]}")
    recovered = [failure.kind for failure in tries if failure.recovered]
    if recovered:
        counts = ", ".join(f"{recovered.count(kind)} {kind}" for kind in dict.fromkeys(recovered))
        lines.append(f"  Tried again with success: {counts}")
    lines.append("Mend the cause and run the same command again: finished steps are kept.")
    return "\n".join(lines)


def read_logs(paths: str | Path | Iterable[str | Path]) -> str:
    """The text of Snakemake's log, which comes as a path or as a list of them."""
    if isinstance(paths, str | Path):
        paths = [paths]
    return "\n".join(_read(Path(path)) for path in paths)


def _block(lines: Sequence[str], at: int) -> list[str]:
    """The lines that belong to an error: a message may itself have several."""
    for end in range(at + 1, len(lines)):
        if _END.match(lines[end]) or not lines[end].strip():
            return list(lines[at:end])
    return list(lines[at:])


def _before(lines: Sequence[str], at: int) -> list[str]:
    """What Snakemake said of the command just before it names the rule: its signal or exit code."""
    for begin in range(at - 1, max(at - 60, -1), -1):
        if lines[begin].startswith("RuleException:"):
            return [line for line in lines[begin:at] if re.search(r"' (?:died with|returned non-zero)", line)]
        if _START.match(lines[begin]) or lines[begin].startswith(("Logfile ", "Finished ")):
            break
    return []


def _split_logs(paths: Sequence[str], folder: Path) -> tuple[Path | None, list[Path]]:
    """The log of the step, and those of the cluster around it."""
    cluster = [folder / path for path in paths if "slurm_logs" in path or Path(path).is_absolute()]
    own = next((folder / path for path in paths if folder / path not in cluster), None)
    return own, cluster


def _log_of_job(lines: Sequence[str], at: int, jobid: str, folder: Path) -> Path | None:
    """The log of a job from where it was started, for errors that don't name it."""
    wanted = f"    jobid: {jobid}"
    for i in range(at - 1, -1, -1):
        if lines[i] == wanted:
            for j in range(i - 1, max(i - 8, -1), -1):
                if (m := _FIELD.match(lines[j])) and m["name"] == "log":
                    return folder / m["value"]
    return None


def _others_failed(inner: str, rule: str) -> bool:
    """Whether a group failed by another of its jobs than this one."""
    named = {start["rule"] or start["of"] for line in inner.splitlines() if (start := _START.match(line))}
    return bool(named) and rule not in named


def _which(rule: str, log: Path | None, output: str) -> str:
    """The part of the cohort that a job is about, by the name of its log: logs/{rule}/{part}.log."""
    if batch := re.fullmatch(r"(?:write|render)_reports_(\d+)", rule):
        patients = re.findall(r"results/reports/([^/,]+)/report\.", output)
        some = ", ".join(patients[:_MEMBERS]) + (" ..." if len(patients) > _MEMBERS else "")
        return clean(f"batch {batch[1]}" + (f" (patients {some})" if some else ""))
    if log is None or log.parent.name != rule:
        return ""
    return clean(f"{'file' if rule == 'prepare_input' else 'shard'} {log.stem}")


def _kind(texts: Iterable[str]) -> str:
    together = "\n".join(texts)
    return next((kind for kind, sign in _SIGNS.items() if re.search(sign, together, re.MULTILINE)), "exit")


def _without_commands(text: str) -> str:
    """A log of the cluster without the commands it repeats, which may hold any word of a configuration."""
    return "\n".join(line for line in text.splitlines() if "python " not in line and "--" not in line)


def _read(path: Path) -> str:
    """The end of a text file, or nothing when it can't be read."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(stream.seek(0, 2) - 2_000_000, 0))
            return stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
