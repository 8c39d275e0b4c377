"""What failed in a run and why, read from Snakemake's own log: the same on one machine and on a cluster.

Snakemake's log names each job that failed; what the job and the cluster said stands in files that it names.
Both are read here and nothing else, so a digest can be made of any log, also long after the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from endotype.visible import clean

HINTS = {
    "disk": "no space is left, or a quota is used up. Free some in the run's and the temporary folder.",
    "memory": "the job needed more memory than it had. Give the rule more in the profile"
    " (set-resources: RULE: mem_mb), or run fewer jobs at once.",
    "time": "the job needed more time than it had. Give the rule more in the profile"
    " (set-resources: RULE: runtime, in minutes).",
    "node": "the machine that it ran on failed, or the job ended without a word. Run again.",
    "rejected": "the cluster doesn't take a job of this size. Compare mem_mb, runtime and threads of the"
    " profile with what the partition allows.",
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

# Signs of a kind in what the cluster, the step or Snakemake said. The first kind that fits is taken: a full
# disk or a lack of memory also ends in a traceback or a cancelled job.
_SIGNS = {
    "disk": r"No space left on device|Disk quota exceeded|\[Errno (?:28|122)\]",
    "memory": r"OUT_OF_MEMORY|[Ee]xceeded (?:job )?memory limit|oom[-_ ]kill|\bMemoryError\b|std::bad_alloc"
    r"|Cannot allocate memory|\[Errno 12\]|Unable to allocate [\d.]+ [KMGT]iB|KilledWorker",
    "time": r"status is: '(?:TIMEOUT|DEADLINE)'|DUE TO TIME LIMIT",
    "node": r"status is: '(?:NODE_FAIL|BOOT_FAIL)'|DUE TO NODE FAILURE",
    "rejected": r"sbatch failed|submission failed",
    "cancelled": r"status is: '(?:CANCELLED|PREEMPTED)'|DUE TO PREEMPTION"
    r"|\*\*\* (?:JOB|STEP) \S+ ON \S+ CANCELLED AT \S+ \*\*\*",
    "missing output": r"MissingOutputException|some output files are missing",
    "input": r"^endotype: ",
    "killed": r"died with <Signals\.SIGKILL|exit status 137\b|task \d+: Killed",
    "program": r"^Traceback \(most recent call last\)",
}

_LINES = 6
_MEMBERS = 5
_START = re.compile(
    r"^( *)(?:Error in rule (?P<rule>\w+):|MissingOutputException in rule (?P<of>\w+) in file )"
)
_FIELD = re.compile(r"^ *(?P<name>message|jobid|output|log): (?P<value>.*)$")
_END = re.compile(
    r"^ *(?:\[\w{3} \w{3} +\d+ [\d:]+ \d{4}\]|Logfile |Error in |Trying to restart job|Select jobs to execute"
    r"|Execute \d+ jobs|Finished jobid|Removing output files|Shutting down|Exiting because|Job \d+ has been"
    r"|RuleException:|MissingOutputException|Complete log|Elapsed time|WorkflowError)"
)
_GROUP = re.compile(r"^ *message: Error in group ")
_SHOWN = re.compile(r"^ *Logfile .*:$")
_FINISHED = re.compile(r"^Finished jobid: (\d+) ")
_LOG_NOTE = " (check log file(s) for error details)"


@dataclass(frozen=True)
class Failure:
    """One try of a job that failed."""

    rule: str
    """The rule as a reader knows it: ``write_reports``, not ``write_reports_3``."""
    what: str
    """Which job of the rule: ``shard 1_1_100000``, ``batch 3 (patients P0001 ...)``; empty if it has one."""
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
    lines = _without_shown_logs(text.splitlines())
    finished = {m[1]: i for i, line in enumerate(lines) if (m := _FINISHED.match(line))}
    found: list[Failure] = []
    for error in _errors(lines, Path(folder)):
        around = _read(error.cluster) if error.cluster else ""
        if error.in_group and error.own and error.own not in _culprits(around, Path(folder)):
            continue
        own = _read(error.own) if error.own else ""
        reported = re.findall(r"^.*\berror: .*$", around, re.MULTILINE)
        kind = _kind([error.notes, _without_commands(around), own])
        if kind == "exit" and error.cluster and not reported and "Error in rule" not in around:
            kind = "node"
        tail = own.strip().splitlines() or reported or error.message.splitlines()
        source = error.own if own.strip() else error.cluster
        found.append(
            Failure(
                rule=re.sub(r"^((?:write|render)_reports)_\d+$", r"\1", error.rule),
                what=_which(error.rule, error.own, error.output),
                kind=kind,
                said=tuple(clean(part) for part in tail[-_LINES:]),
                log=str(source) if source else "",
                recovered=finished.get(error.jobid, -1) > error.at,
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
    lines = [
        "",
        "Endotype stopped. What failed:" if lost else "Endotype stopped; no step is named in the log.",
    ]
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


@dataclass(frozen=True)
class _Error:
    """An error as Snakemake's log states it."""

    at: int
    rule: str
    jobid: str
    own: Path | None
    cluster: Path | None
    output: str
    message: str
    notes: str
    in_group: bool


def _errors(lines: Sequence[str], folder: Path) -> Iterator[_Error]:
    """The errors of a log in their order; each job of a group that failed is one."""
    group: Path | None = None
    for at, line in enumerate(lines):
        if _GROUP.match(line):
            logs = [
                m["value"]
                for part in lines[at + 1 : at + 3]
                if (m := _FIELD.match(part)) and m["name"] == "log"
            ]
            group = next((_split_logs(value, folder)[1] for value in logs), None)
        elif line.startswith(("Error in ", "Finished ", "Select jobs ", "Execute ", "Job ")):
            group = None
        if not (start := _START.match(line)):
            continue
        block = _block(lines, at)
        fields = {m["name"]: m["value"] for part in block if (m := _FIELD.match(part))}
        numbers = [m[1] for part in block if (m := re.match(r"Job (\d+) ", part))]
        jobid = fields.get("jobid") or next(iter(numbers), "")
        own, cluster = _split_logs(fields.get("log", ""), folder)
        message = fields.get("message", "")
        yield _Error(
            at=at,
            rule=start["rule"] or start["of"],
            jobid=jobid,
            own=own or _log_of_job(lines, at, jobid, folder),
            cluster=cluster or group,
            output=fields.get("output", ""),
            message="" if message == "None" else message,
            notes="\n".join([*_before(lines, at), *_without_shell(block)]),
            in_group=group is not None,
        )


def _without_shown_logs(lines: Sequence[str]) -> list[str]:
    """Snakemake's log without the logs of failed jobs that it repeats: they may hold errors of their own."""
    kept: list[str] = []
    frame = ""
    for line in lines:
        if frame:
            frame = "" if line == frame else frame
        elif kept and _SHOWN.match(kept[-1]) and re.fullmatch(r" *=+", line):
            frame = line
        else:
            kept.append(line)
    return kept


def _culprits(around: str, folder: Path) -> set[Path]:
    """Logs of those jobs of a group that failed; if none says so, of those that had begun."""
    lines = _without_shown_logs(around.splitlines())
    failed = {error.own for error in _errors(lines, folder) if error.own}
    if failed:
        return failed
    begun: dict[str, Path] = {}
    log = None
    for line in lines:
        if (field := _FIELD.match(line)) and field["name"] == "log":
            log = folder / field["value"]
        elif field and field["name"] == "jobid" and log:
            begun[field["value"]] = log
        elif ended := _FINISHED.match(line):
            begun.pop(ended[1], None)
    return set(begun.values())


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


def _split_logs(value: str, folder: Path) -> tuple[Path | None, Path | None]:
    """The log of the step, and that of the cluster around it, from a field of an error."""
    paths = [folder / path for path in value.removesuffix(_LOG_NOTE).split(", ") if path]
    own = [path for path in paths if ".snakemake" not in path.parts]
    cluster = [path for path in paths if ".snakemake" in path.parts]
    return next(iter(own), None), next(reversed(cluster), None)


def _log_of_job(lines: Sequence[str], at: int, jobid: str, folder: Path) -> Path | None:
    """The log of a job from where it was started, for errors that don't name it."""
    wanted = f"    jobid: {jobid}"
    for i in range(at - 1, -1, -1):
        if lines[i] == wanted:
            for j in range(i - 1, max(i - 8, -1), -1):
                if (m := _FIELD.match(lines[j])) and m["name"] == "log":
                    return folder / m["value"]
    return None


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


def _without_shell(block: Sequence[str]) -> list[str]:
    """An error without its command, which may hold any word of a configuration."""
    shell = next((i for i, line in enumerate(block) if line.strip() == "shell:"), len(block))
    return [
        line for line in block[:shell] if not line.lstrip().startswith(("input:", "output:", "sbatch --"))
    ]


def _without_commands(text: str) -> str:
    """A log of the cluster without the commands it repeats."""
    return "\n".join(line for line in text.splitlines() if "python " not in line and "--" not in line)


def _read(path: Path) -> str:
    """The end of a text file, or nothing when it can't be read."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(stream.seek(0, 2) - 2_000_000, 0))
            return stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
