"""Snakemake's lock on a working directory, and whether anybody still holds it.

Snakemake locks the files that it is about to write and takes the lock away when it ends; killed, it
leaves it, and a later run is refused. The lock doesn't say who holds it. :func:`release` looks for the
owner before it takes the lock away: a Snakemake in that directory, a job of one that outlived it, or a run
on another host.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from endotype.errors import input_error

_HOST = re.compile(r"^\s*host: (\S+)\s*$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Process:
    """A process that works in the directory."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command})"


def is_locked(directory: str | Path) -> bool:
    """Whether a run holds the directory, or left its lock there."""
    locks = Path(directory) / ".snakemake/locks"
    return locks.is_dir() and any(locks.iterdir())


def workers(directory: str | Path) -> list[Process]:
    """Processes of this machine whose working directory it is and that run a Snakemake or a step of it.

    A process of another user, whose directory can't be seen, isn't among them.
    """
    home = Path(directory).resolve()
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or Path(process.cwd()) != home:
                continue
            words = process.cmdline()
        except (psutil.Error, OSError):
            continue
        if any("snakemake" in word or "/scripts/" in word for word in words):
            found.append(Process(process.pid, " ".join(words)[:100]))
    return found


def last_host(directory: str | Path) -> str | None:
    """The host of the latest run in the directory, as its log has it; ``None`` where it doesn't say."""
    logs = sorted((Path(directory) / ".snakemake/log").glob("*.log"), key=lambda p: p.stat().st_mtime)
    found = _HOST.search(logs[-1].read_text(errors="replace")) if logs else None
    return found[1] if found else None


def release(directory: str | Path, wait: float = 0, force: bool = False) -> str:
    """Take a lock away that nobody holds any more.

    Args:
        directory: the working directory.
        wait: seconds to wait for jobs that outlived their Snakemake.
        force: do not ask on which host the last run was.

    Returns:
        A sentence on what was found and done.

    Raises:
        InputError: somebody works there, or the run was on another host.
    """
    if not is_locked(directory):
        return f"{directory}: not locked."
    host = last_host(directory)
    if host not in (None, socket.gethostname()) and not force:
        raise input_error(
            directory,
            f"a lock of a run on the host {host}",
            "one of this host, whose processes can be seen",
            f"run this on {host}; or use --force once you know that it is dead there",
        )
    end = time.monotonic() + wait
    while (busy := workers(directory)) and time.monotonic() < end:
        time.sleep(0.5)
    if busy:
        raise input_error(
            directory,
            "a lock that is held: " + "; ".join(map(str, busy[:5])),
            "a run that is dead",
            "wait for them (--wait SECONDS), or end them; steps of a killed run go on by themselves",
        )
    left = leftovers(directory)
    for path in left:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(Path(directory) / ".snakemake/locks")
    said = f"{directory}: nobody works there; the lock of a run that was killed was taken away"
    return f"{said}, and {len(left):,} of its half files." if left else f"{said}."


def leftovers(directory: str | Path) -> list[Path]:
    """Files and folders below ``results/`` that a killed step was about to write: temporary names."""
    begun = sorted((Path(directory) / "results").rglob(".tmp-*"))
    return [path for path in begun if not any(above.name.startswith(".tmp-") for above in path.parents)]
