"""Which command made which file, from which files: Snakemake's own records, as ``provenance/jobs.json``.

Snakemake keeps a record of every file that a rule made, under ``.snakemake/metadata``. They are the only
account of what was really run, whatever was changed, killed and run again since; the records of files that
are not there any more are left out. Paths of the installation are written as ``$ENDOTYPE``, so that a command
can be copied and run: ``export ENDOTYPE=/where/it/is``.
"""

from __future__ import annotations

import json
import re
import shlex
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from endotype.files import write_json

REPOSITORY = Path(__file__).parents[3]
HOME = "$ENDOTYPE"

Job = dict[str, Any]

_SCRIPT = re.compile(r"(?P<home>/.*)/scripts/(?P<name>\w+\.py)")
_DIGEST = re.compile(r"'([0-9a-f]{16})'")


def write_jobs(workdir: str | Path, out: str | Path) -> list[Job]:
    """Write :func:`read_jobs` as JSON and return it.

    The job that writes it is left out: it has no record yet, or one of an earlier time.
    """
    jobs = [job for job in read_jobs(workdir) if job["script"] != "write_record.py"]
    write_json(out, jobs)
    return jobs


def read_jobs(workdir: str | Path) -> list[Job]:
    """Every job that made a file which is still there, sorted by its first output.

    Args:
        workdir: the working directory of the run.

    Returns:
        One object a job: ``rule``, ``script`` (under ``scripts/``, or null), ``code`` (the digest of script
        and library that it ran with, or null), ``command``, ``inputs``, ``outputs``, ``log``. An empty list
        where Snakemake left no records.
    """
    root = Path(workdir)
    jobs: dict[tuple[str, str], Job] = {}
    for output, record in sorted(_records(root / ".snakemake" / "metadata")):
        command = record.get("shellcmd")
        if not command or record.get("incomplete") or not (root / output).exists():
            continue
        key = (record["rule"], command)
        if key not in jobs:
            params = [str(value) for value in record.get("params") or []]
            script, home = _script(params)
            jobs[key] = {
                "rule": record["rule"],
                "script": script,
                "code": next((m[1] for p in params if (m := _DIGEST.fullmatch(p))), None),
                "command": _portable(command, home),
                "inputs": sorted({_portable(path, home) for path in record.get("input") or []}),
                "outputs": [],
                "log": [_portable(path, home) for path in record.get("log") or []],
            }
        jobs[key]["outputs"].append(output)
    return sorted(jobs.values(), key=lambda job: job["outputs"])


def _records(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The file that each record is about, and the record. What can't be read is none of Snakemake's."""
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        # A long name is cut into folders, each of which begins with "@".
        name = "".join(part.removeprefix("@") for part in path.relative_to(folder).parts)
        try:
            output = urlsafe_b64decode(name.encode()).decode("utf-8")
            record = json.loads(path.read_bytes())
        except (Base64Error, ValueError):
            continue
        if isinstance(record, dict) and record.get("rule"):
            yield output, record


def _script(params: list[str]) -> tuple[str | None, str]:
    """The command of ``scripts/`` among the parameters, and the folder of the installation that it is in.

    Snakemake keeps parameters as Python would write them.
    """
    for value in params:
        if match := _SCRIPT.fullmatch(value.strip("\"'")):
            return match["name"], match["home"]
    return None, str(REPOSITORY)


def _portable(text: str, home: str) -> str:
    """``text`` with the folder of the installation as a variable of the shell."""
    if shlex.quote(home) != home:
        text = re.sub(rf"'{re.escape(home)}/scripts/(\w+\.py)'", rf"{HOME}/scripts/\1", text)
    return text.replace(f"{home}/", f"{HOME}/")
