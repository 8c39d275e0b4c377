"""Keeps what Snakemake tells of its jobs, as it tells it, so that a run which is killed has its account too.

Snakemake's own log is text for people and says as much as the user wants to read. What it tells its log
handlers is complete: each job that starts, ends or fails, with the error. :class:`JobRecord` is such a
handler. It appends one line of JSON an event to a file of the session; a session that was killed lacks the
last line, which is how it is known.
"""

from __future__ import annotations

import datetime
import json
import logging
import os
from pathlib import Path
from typing import Any

FOLDER = "logs/sessions"
LOGGER = "snakemake.logging"
_TEXT = 4000
_MISSING = "completed successfully, but some output files are missing"


def keep_job_records(folder: str | Path = FOLDER) -> JobRecord:
    """Begin the record of this session: called once by the main process, before its first job.

    Raises:
        OSError: the folder can't be written.
    """
    record = JobRecord(folder)
    logging.getLogger(LOGGER).addHandler(record)
    return record


def end_job_records() -> None:
    """End the record of this session in order."""
    for handler in list(logging.getLogger(LOGGER).handlers):
        if isinstance(handler, JobRecord):
            handler.close()


class JobRecord(logging.Handler):
    """Writes events ``session job start finish fail text end`` of one Snakemake, one line each.

    The file is named by the time and the process, so that sessions sort as they were run.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__(logging.INFO)
        Path(folder).mkdir(parents=True, exist_ok=True)
        now = datetime.datetime.now(datetime.UTC)
        self.path = Path(folder) / f"{now:%Y%m%dT%H%M%S.%f}-{os.getpid()}.jsonl"
        self._stream = self.path.open("a", encoding="utf-8")
        self._errors: dict[int | None, str] = {}
        self._write(now.timestamp(), "session", pid=os.getpid())

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one event. A fault here must not stop a run."""
        try:
            self._keep(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """End the session: Snakemake closes its handlers when it stops in order, failed or not."""
        if not self._stream.closed:
            self._write(datetime.datetime.now(datetime.UTC).timestamp(), "end")
            self._stream.close()
        super().close()

    def _keep(self, record: logging.LogRecord) -> None:
        told = record.__dict__
        event = getattr(told.get("event"), "value", told.get("event"))
        if event == "job_info":
            self._write(
                record.created,
                "job",
                id=told["jobid"],
                rule=told["rule_name"],
                wildcards={key: str(value) for key, value in dict(told.get("wildcards") or {}).items()},
                log=[str(path) for path in told.get("log") or []],
                benchmark=told.get("benchmark"),
                outputs=len(told.get("output") or []),
            )
        elif event == "job_started":
            for job in told["jobs"]:
                self._write(record.created, "start", id=job)
        elif event == "job_finished":
            self._write(record.created, "finish", id=told["job_id"])
        elif event == "job_error":
            # The executor's own words come first, from the same thread, as an event without a job.
            said = " ".join(
                str(part) for part in (self._errors.pop(record.thread, ""), told.get("rule_msg")) if part
            )
            self._write(record.created, "fail", id=told["jobid"], text=said[-_TEXT:], tails=_tails(told))
        elif record.levelno >= logging.ERROR:
            text = record.getMessage()
            if _MISSING in text:
                self._write(record.created, "missing", text=text[:_TEXT])
            else:
                self._errors[record.thread] = text

    def _write(self, time: float, event: str, **values: Any) -> None:
        if self._stream.closed:
            return
        line = {"time": round(time, 3), "event": event, **values}
        self._stream.write(json.dumps(line, ensure_ascii=False, sort_keys=True, default=str) + "\n")
        self._stream.flush()


def _tails(told: dict[str, Any]) -> list[str]:
    """The last words of the job's logs, before the next attempt writes over them."""
    tails = []
    for name in told.get("log") or []:
        try:
            with Path(name).open("rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(max(0, size - _TEXT))
                tails.append(stream.read().decode("utf-8", errors="replace"))
        except OSError:
            continue
    return tails
