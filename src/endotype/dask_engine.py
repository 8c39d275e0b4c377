"""Blocks on the workers of a Dask scheduler: in order, again where a worker died, and never for ever.

Three things bound what a bad block can cost. An exception is tried :attr:`EngineSettings.tries` times. A
block during which workers died is tried once more with nothing beside it, so that no block is blamed for its
neighbour. And where no block ends for :attr:`EngineSettings.patience` seconds (a worker that swaps, or whose
blocks are larger than its memory, may neither end nor die), or no worker is left for
:attr:`EngineSettings.timeout` seconds, the run stops.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import pickle
import platform
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Generic, TypeVar

import dask
import distributed
import llvmlite.binding
import numba
from distributed.scheduler import KilledWorker
from threadpoolctl import threadpool_limits

from endotype.engine import IN_FLIGHT, Block, BlockError, EngineSettings, SlurmSettings, Span, require
from endotype.errors import InputError, Problem, input_error
from endotype.files import read_json

PACKAGES = ("numba", "numpy", "pandas", "pyarrow", "scipy")
"""Packages that must be of one version on both sides: another may give other last digits."""

ALLOWED_FAILURES = 2
"""Workers that one block may cost, but for one, before the scheduler of a cluster of ours gives it up."""

RESTART = "60s"
"""How long a lost worker process may take to come back before its Slurm job is given up; Dask's 15 seconds
are too few on a busy node."""

_GLANCE = 2.0
"""Seconds between two looks at whether there are workers."""

_PACKAGE = Path(__file__).parent
_T = TypeVar("_T")


@dataclass(frozen=True)
class Parcel:
    """A pickled block in a file that workers see, and the software that they must have."""

    path: str
    sha256: str
    software: Mapping[str, str]


@dataclass(frozen=True)
class Done(Generic[_T]):
    """The result of a block."""

    value: _T


@dataclass(frozen=True)
class Failed:
    """Why a block has no result.

    Attributes:
        text: a traceback, or a sentence.
        final: an error of the user's, for which no other try is made.
        killed: workers died.
    """

    text: str
    final: InputError | None = None
    killed: bool = False


class DaskEngine:
    """Runs blocks on the workers of a client's scheduler."""

    def __init__(self, client: distributed.Client, settings: EngineSettings, scratch: Path) -> None:
        self._client, self._settings, self._scratch = client, settings, scratch
        self._where = str(getattr(client.scheduler, "address", settings.scheduler))
        self._threads, self._looked = 0, -_GLANCE

    def run(self, block: Block[_T], spans: Iterable[Span]) -> Iterator[_T]:
        """See :func:`endotype.engine.run_blocks`."""
        with sent(block, self._scratch) as parcel:
            waiting: deque[tuple[Span, distributed.Future]] = deque()
            try:
                for span in spans:
                    waiting.append((span, self._submit(parcel, span)))
                    if len(waiting) > IN_FLIGHT * max(1, self._n_threads()):
                        yield self._first(block, parcel, waiting)
                while waiting:
                    yield self._first(block, parcel, waiting)
            finally:
                with contextlib.suppress(Exception):  # the scheduler may be gone, and the reason is known
                    self._client.cancel([future for _, future in waiting], force=True)

    def _submit(self, parcel: Parcel, span: Span) -> distributed.Future:
        return self._client.submit(run_parcel, parcel, *span, pure=False, retries=0)

    def _first(self, block: Block[_T], parcel: Parcel, waiting: deque[tuple[Span, distributed.Future]]) -> _T:
        """The result of the first block that waits, after as many tries as it may have."""
        span, future = waiting.popleft()
        name = block.name(*span)
        for tried in itertools.count(1):
            others = [other for _, other in waiting]
            self._wait([future], others, name)
            outcome = self._outcome(future, name)
            if isinstance(outcome, Done):
                return outcome.value
            if outcome.final is not None:
                raise outcome.final
            if tried >= (2 if outcome.killed else self._settings.tries):
                raise BlockError(
                    f"{name}: no result, and none is to be expected ({tried} tries"
                    f"{', the last with nothing beside it' if outcome.killed else ''}). {outcome.text}"
                )
            if outcome.killed:
                print(f"workers died during {name}; it is tried alone", file=sys.stderr, flush=True)
                self._wait(others, [], name)
            future = self._submit(parcel, span)
        raise AssertionError  # the loop has no end

    def _wait(
        self, wanted: Sequence[distributed.Future], running: Sequence[distributed.Future], name: str
    ) -> None:
        """Wait until all that are wanted are done; others that end count as signs of life."""
        last_end, none_since = time.monotonic(), None
        while any(not future.done() for future in wanted):
            busy = [future for future in (*wanted, *running) if not future.done()]
            # Futures that were cancelled are done; _outcome says so.
            with self._client.as_current(), contextlib.suppress(TimeoutError, CancelledError):
                distributed.wait(busy, timeout=_GLANCE, return_when="FIRST_COMPLETED")
            now = time.monotonic()
            if any(future.done() for future in busy):
                last_end = now
            none_since = None if self._n_threads() else none_since or now
            for limit, since, what in (
                (self._settings.patience, last_end, "no block has ended (engine.patience)"),
                (self._settings.timeout, none_since or now, "there has been no worker (engine.timeout)"),
            ):
                if now - since > limit:
                    raise BlockError(f"{name}: no result; for {limit:g} s {what}")

    def _outcome(self, future: distributed.Future, name: str) -> Done | Failed:
        """What became of a future that is done."""
        try:
            return future.result(timeout=self._settings.patience)
        except KilledWorker as error:
            text = (
                f"Workers died during it, the last of them {_name_of(error.last_worker)}: out of memory, "
                "or a crash; their logs say which. Give workers more memory, or fewer threads."
            )
            return Failed(text, killed=True)
        except CancelledError:
            raise BlockError(f"{name}: no result; the scheduler at {self._where} was lost") from None
        except ModuleNotFoundError as error:
            return Failed(f"Workers lack a module: {error}. They need the environment of this job.")
        except Exception as error:  # while the task or its result went from one process to another
            return Failed("".join(traceback.format_exception(error)))

    def _n_threads(self) -> int:
        """Threads of all workers, asked now and then; without an answer, the last that was known."""
        now = time.monotonic()
        if now - self._looked >= _GLANCE:
            self._looked = now
            with contextlib.suppress(Exception):  # a busy machine; _outcome says so if the scheduler is lost
                self._threads = sum(self._client.nthreads().values())
        return self._threads


@contextlib.contextmanager
def sent(block: Block[Any], folder: Path) -> Iterator[Parcel]:
    """A block in a file for workers; it is there until the context ends."""
    content = pickle.dumps(block, protocol=pickle.HIGHEST_PROTOCOL)
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    handle, path = tempfile.mkstemp(dir=folder, prefix=".tmp-block-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        yield Parcel(path, hashlib.sha256(content).hexdigest(), software())
    finally:
        Path(path).unlink(missing_ok=True)


# -- on the worker -----------------------------------------------------------------------------------


def run_parcel(parcel: Parcel, start: int, end: int) -> Done | Failed:
    """The result of a block; what goes wrong is told rather than raised, for not all errors can travel."""
    try:
        _require_same(parcel.software)
        block = _unpacked(parcel.path, parcel.sha256)
        threadpool_limits(limits=1, user_api="blas")  # and no way back: others may run beside this
        numba.set_num_threads(1)
        return Done(block(start, end))
    except InputError as error:
        return Failed(str(error), error)
    except Exception as error:
        return Failed("".join(traceback.format_exception(error)))


@functools.lru_cache(maxsize=2)
def _unpacked(path: str, sha256: str) -> Block[Any]:
    """The block of a parcel, read once for all its spans.

    Raises:
        InputError: the file isn't there, or another one is.
    """
    try:
        content = Path(path).read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != sha256:
        found = f"not seen from {platform.node()}" if not content else f"other content on {platform.node()}"
        raise input_error(path, found, "one file system for this job and its workers")
    return pickle.loads(content)  # written by :func:`sent` and known by its digest


@functools.cache
def software() -> dict[str, str]:
    """What must be the same here and there: versions, the processor's architecture, and our sources."""
    sources = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        sources.update(str(path.relative_to(_PACKAGE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return {
        "endotype (sources)": sources.hexdigest()[:16],
        "python": ".".join(platform.python_version_tuple()[:2]),
        "machine": platform.machine(),
        **{name: metadata.version(name) for name in PACKAGES},
    }


def _require_same(expected: Mapping[str, str]) -> None:
    """Refuse work that this worker may do otherwise.

    Raises:
        InputError: other versions.
    """
    here = software()
    if here != expected:
        where = f"worker on {platform.node()}"
        raise InputError(
            [
                Problem(
                    where, None, name, here.get(name, "nothing"), value, "start workers from one environment"
                )
                for name, value in expected.items()
                if here.get(name) != value
            ]
        )


# -- the scheduler -----------------------------------------------------------------------------------


@contextlib.contextmanager
def connect(settings: EngineSettings) -> Iterator[distributed.Client]:
    """A client of the scheduler that runs, or of one with workers that Slurm starts; a worker is there.

    Raises:
        InputError: nobody answers in time, or no worker comes.
    """
    with contextlib.ExitStack() as stack:
        if settings.slurm is not None:
            stack.enter_context(dask.config.set({"distributed.deploy.lost-worker-timeout": RESTART}))
            cluster = stack.enter_context(contextlib.closing(slurm_cluster(settings.slurm)))
            n_jobs = settings.slurm.workers
            cluster.adapt(minimum_jobs=n_jobs, maximum_jobs=n_jobs)  # unlike scale, it replaces lost ones
            target, where = cluster, "Slurm's workers"
        else:
            target = where = scheduler_address(str(settings.scheduler))
        try:
            client = distributed.Client(target, timeout=settings.timeout, set_as_default=False)
        except Exception as error:  # of many kinds: no route, another protocol, a name that nobody knows
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            found = f"no scheduler that answers within {settings.timeout:g} s ({why})"
            raise input_error("engine.scheduler", f"{where}: {found}", "a Dask scheduler that runs") from None
        stack.enter_context(contextlib.closing(client))
        try:
            client.wait_for_workers(1, timeout=settings.timeout)
        except TimeoutError:
            found = f"{where}: no worker within {settings.timeout:g} s"
            hint = "raise engine.timeout where jobs wait long" if settings.slurm else "start one: dask worker"
            raise input_error("engine.timeout", found, "at least one worker", hint) from None
        _tell_other_processors(client)
        yield client


def scheduler_address(scheduler: str) -> str:
    """An address as it is, or the one that a scheduler file holds.

    Raises:
        InputError: there is no such file, or it is none of a scheduler.
    """
    if "://" in scheduler:
        return scheduler
    if not Path(scheduler).is_file():
        expected = "an address (tcp://host:8786), or the file that 'dask scheduler --scheduler-file' writes"
        raise input_error("engine.scheduler", f"no file '{scheduler}'", expected)
    try:
        return str(read_json(scheduler)["address"])
    except (ValueError, KeyError, TypeError):
        raise input_error(scheduler, "no address", "the file of 'dask scheduler --scheduler-file'") from None


def slurm_cluster(slurm: SlurmSettings) -> Any:
    """A scheduler in this process whose workers are Slurm jobs; none is asked for yet.

    Raises:
        InputError: dask-jobqueue is not installed.
    """
    require("dask_jobqueue")
    import dask_jobqueue  # an extra of the extra, wanted now

    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    with dask.config.set({"distributed.scheduler.allowed-failures": ALLOWED_FAILURES}):
        return dask_jobqueue.SLURMCluster(
            queue=slurm.partition,
            account=slurm.account,
            cores=slurm.cores,
            processes=slurm.cores,
            memory=f"{slurm.memory_mb}MB",
            walltime=slurm.walltime,
            local_directory=slurm.local_directory,
            log_directory="logs/dask",
            job_extra_directives=list(slurm.directives),
            job_script_prologue=[
                f"export PYTHONPATH='{_PACKAGE.parent}'",
                *(f"export {name}=1" for name in threads),
            ],
            scheduler_options={"dashboard": False, "dashboard_address": ":0"},
        )


def _name_of(worker: Any) -> str:
    return getattr(worker, "address", None) or str(worker)


def _tell_other_processors(client: distributed.Client) -> None:
    """Say on stderr when workers have other processors: libraries choose their instructions by them."""
    here = llvmlite.binding.get_host_cpu_name()
    there = set(client.run(llvmlite.binding.get_host_cpu_name).values()) - {here}
    if there:
        print(
            f"workers have other processors ({', '.join(sorted(there))}) than this job ({here}); "
            "last digits of results may differ from those of another run",
            file=sys.stderr,
            flush=True,
        )
