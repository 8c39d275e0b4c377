"""Blocks of tests of the engine, in a module of their own that a worker imports quickly."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from endotype.errors import input_error


@dataclass(frozen=True)
class Counting:
    """Leaves a file in ``folder`` for each try of each span, so that a test can count them."""

    folder: Path

    def __call__(self, start: int, end: int) -> list[int]:
        (self.folder / f"{start}.{time.monotonic_ns()}").touch()
        self.act(start)
        return list(range(start, end))

    def name(self, start: int, end: int) -> str:
        return f"items {start} to {end - 1}"

    def act(self, start: int) -> None:
        """What some do before they answer."""

    def tries(self, start: int) -> int:
        return len(list(self.folder.glob(f"{start}.*")))

    @property
    def started(self) -> int:
        return len(list(self.folder.iterdir()))


class Uneven(Counting):
    """Early spans take longer."""

    def act(self, start: int) -> None:
        time.sleep(0.02 if start % 3 == 0 else 0)


class Deadly(Counting):
    """Ends the process that computes item 6, as a crash does, or the kernel for want of memory."""

    def act(self, start: int) -> None:
        if start == 6:
            os.kill(os.getpid(), signal.SIGKILL)


class Hungry(Counting):
    """Wants a gigabyte for item 6."""

    def act(self, start: int) -> None:
        if start == 6:
            full = np.ones(125_000_000)
            time.sleep(60)
            del full


class Faulty(Counting):
    """Fails for item 6 with an error that can't be pickled."""

    def act(self, start: int) -> None:
        if start == 6:
            error = ZeroDivisionError("the sixth is wrong")
            error.reason = lambda: None  # type: ignore[attr-defined]
            raise error


class FaultyOnce(Counting):
    """Fails for item 6 the first time."""

    def act(self, start: int) -> None:
        if start == 6 and self.tries(6) == 1:
            raise OSError("stale file handle")


class Refused(Counting):
    """Finds a fault of the user's in item 6."""

    def act(self, start: int) -> None:
        if start == 6:
            raise input_error("g.bim", "nothing", "a variant")


class Held(Counting):
    """Doesn't end for item 6 while there is a file ``hold`` beside the folder."""

    def act(self, start: int) -> None:
        while start == 6 and self.folder.with_name("hold").exists():
            time.sleep(0.02)
