"""Where blocks of work run: in this process, or on the workers of a Dask scheduler. The bytes are the same.

A block is a pure function of its first and its last item: ``block(start, end)``. :func:`run_blocks` gives the
results in the order of the spans, whatever engine computes them and in whatever order it does, so a file that
is written from them does not depend on the engine, the number of workers, or the death of one of them.

A block goes to workers of another machine as it is pickled: it holds the paths of large files, not their
contents, and reads them where it runs.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from endotype.errors import InputError, Problem, input_error, nearest, visible

KINDS = ("local", "dask")

VARIABLE = "ENDOTYPE_ENGINE"
"""Environment variable with the settings, as JSON. The workflow hands them on in this way because what is a
parameter of a rule or stands in its command makes the rule run again when it changes."""

IN_FLIGHT = 2
"""Blocks that wait or run for each thread: the next one is at hand, and few results lie about."""

_T = TypeVar("_T")
_Out = TypeVar("_Out", covariant=True)

Span = tuple[int, int]
"""First item of a block, and the one after its last."""


class Block(Protocol[_Out]):
    """A pure function of a span that can be pickled."""

    def __call__(self, start: int, end: int) -> _Out:
        """The result of the items from ``start`` to before ``end``."""
        ...

    def name(self, start: int, end: int) -> str:
        """What errors call the items: ``variants 1 to 2048 of g.bim``."""
        ...


class Engine(Protocol):
    """Runs blocks; made by :func:`open_engine`."""

    def run(self, block: Block[_T], spans: Iterable[Span]) -> Iterator[_T]:
        """See :func:`run_blocks`."""
        ...


class BlockError(Exception):
    """A block that has no result after all tries; the message names it."""


@dataclass(frozen=True)
class SlurmSettings:
    """The section ``engine.slurm`` of the configuration, which explains each key."""

    workers: int = 2
    cores: int = 1
    memory_mb: int = 4000
    walltime: str = "04:00:00"
    partition: str | None = None
    account: str | None = None
    local_directory: str | None = None
    directives: Sequence[str] = ()


@dataclass(frozen=True)
class EngineSettings:
    """The section ``engine`` of the configuration, which explains each key."""

    kind: str = "local"
    scheduler: str | None = None
    slurm: SlurmSettings | None = None
    tries: int = 3
    timeout: float = 60.0
    patience: float = 1800.0


def engine_settings(section: Mapping[str, Any], source: str = "--engine") -> EngineSettings:
    """Settings from the section ``engine`` of a configuration, or from a part of it.

    Raises:
        InputError: keys that there are not, values that can't be, or that don't go together.
    """
    problems = _unknown(section, EngineSettings, source, "")
    slurm = section.get("slurm")
    if isinstance(slurm, Mapping):
        problems += _unknown(slurm, SlurmSettings, source, "slurm.")
    elif slurm is not None:
        problems.append(Problem(source, None, "slurm", visible(str(slurm)), "keys and values, or null"))
    if not problems:
        made = engine_of(section)
        problems = [Problem(source, None, key, *rest) for key, *rest in contradictions(made)]
        if not problems:
            return made
    raise InputError(problems)


def engine_of(section: Mapping[str, Any]) -> EngineSettings:
    """Settings from a section that is known to have no other keys."""
    slurm = section.get("slurm")
    return EngineSettings(**{**section, "slurm": None if slurm is None else SlurmSettings(**slurm)})


def contradictions(settings: EngineSettings) -> list[tuple[str, str, str]]:
    """What can't be: key, what was found, what is expected."""
    problems = []
    if settings.kind not in KINDS:
        problems.append(("kind", visible(str(settings.kind)), f"one of {', '.join(KINDS)}"))
    ways = (settings.scheduler is not None) + (settings.slurm is not None)
    if settings.kind == "dask" and ways != 1:
        found = "scheduler and slurm" if ways else "neither scheduler nor slurm"
        problems.append(("kind", f"dask with {found}", "one of them: a scheduler that runs, or one on Slurm"))
    for key in ("tries", "timeout", "patience"):
        value = getattr(settings, key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            problems.append((key, visible(str(value)), "a number above 0"))
    return problems


def _unknown(section: Mapping[str, Any], kind: type, source: str, prefix: str) -> list[Problem]:
    known = [f.name for f in fields(kind)]
    expected = f"one of {', '.join(known)}"
    return [
        Problem(source, None, f"{prefix}{key}", "an unknown key", expected, nearest(key, known))
        for key in section
        if key not in known
    ]


def read_settings(text: str) -> EngineSettings:
    """:func:`engine_settings` of JSON; empty text is local.

    Raises:
        InputError: no JSON, or what :func:`engine_settings` refuses.
    """
    try:
        section = json.loads(text or "{}")
    except ValueError:
        section = None
    if not isinstance(section, dict):
        raise input_error("--engine", visible(text), "JSON, as the section 'engine' of a configuration")
    return engine_settings(section)


def add_engine_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--engine``, whose default is the environment variable :data:`VARIABLE`."""
    parser.add_argument(
        "--engine",
        type=read_settings,
        default=os.environ.get(VARIABLE, ""),
        metavar="JSON",
        help="where blocks run, as the section 'engine' of the configuration, for example "
        '\'{"kind": "dask", "scheduler": "tcp://host:8786"}\'; the result does not depend on it '
        f"(default: ${VARIABLE}, or in this process)",
    )


def hand_on(section: Mapping[str, Any]) -> None:
    """Let the commands that this process starts know the engine."""
    os.environ[VARIABLE] = json.dumps(section, sort_keys=True)


def engine_readers(section: Mapping[str, Any]) -> list[Callable[[], object]]:
    """Calls that check, before any job, that the engine's packages are there; each raises InputError."""
    if section["kind"] != "dask":
        return []
    packages = ["distributed"] + ["dask_jobqueue"] * (section["slurm"] is not None)
    return [partial(require, package) for package in packages]


def require(package: str) -> None:
    """Refuse to go on without a package.

    Raises:
        InputError: it is not installed.
    """
    if importlib.util.find_spec(package) is None:
        name = package.replace("_", "-")
        found = f"dask, and the package {name} is not installed"
        raise input_error("engine.kind", found, "that package, or local", f"pip install {name}")


@contextlib.contextmanager
def open_engine(settings: EngineSettings | None, threads: int, scratch: str | Path) -> Iterator[Engine]:
    """The engine that was asked for, for as long as it is needed.

    Args:
        settings: None is local.
        threads: of a local engine.
        scratch: a folder that workers see too, for the block on its way to them; that of the result.

    Raises:
        InputError: a package is missing, nobody answers at the scheduler's address, or no worker comes.
    """
    if settings is None or settings.kind == "local":
        yield LocalEngine(threads)
        return
    require("distributed")
    from endotype.dask_engine import DaskEngine, connect  # an optional extra, wanted now

    with connect(settings) as client:
        yield DaskEngine(client, settings, Path(scratch))


def run_blocks(block: Block[_T], spans: Iterable[Span], engine: Engine) -> Iterator[_T]:
    """Results of a block at spans, in the order of the spans; few are computed before they are taken.

    Raises:
        BlockError: the engine could not compute a block; the message names it.
        Exception: of the block itself, in this process; its note names the block.
    """
    return engine.run(block, spans)


def spans_of(first: int, last: int, size: int) -> Iterator[Span]:
    """Spans of at most ``size`` items that cover ``first`` to before ``last``."""
    for start in range(first, last, size):
        yield start, min(start + size, last)


class LocalEngine:
    """Runs blocks in threads of this process; with one thread, in the caller's own."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = max(1, threads)

    def run(self, block: Block[_T], spans: Iterable[Span]) -> Iterator[_T]:
        """See :func:`run_blocks`."""
        if self._threads == 1:
            for span in spans:
                yield _noted(block, span)
            return
        with ThreadPoolExecutor(self._threads) as pool:
            waiting: deque[Future[_T]] = deque()
            try:
                for span in spans:
                    waiting.append(pool.submit(_noted, block, span))
                    if len(waiting) > IN_FLIGHT * self._threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


def _noted(block: Block[_T], span: Span) -> _T:
    """The result of a block; an error says of which."""
    try:
        return block(*span)
    except Exception as error:
        error.add_note(f"in {block.name(*span)}")
        raise
