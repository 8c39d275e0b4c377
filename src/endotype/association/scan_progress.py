"""How far a long scan is, on stderr: a line at first when it has taken a while, then every ten seconds."""

from __future__ import annotations

import sys
import time

INTERVAL = 10.0
"""Seconds between two lines."""


class Progress:
    """Counts variants and says so now and then. Nothing of it reaches a result."""

    def __init__(self, total: int, noun: str = "variants", interval: float = INTERVAL) -> None:
        self._total, self._noun, self._interval = total, noun, interval
        self._done = 0
        self._began = self._last = time.monotonic()

    def __call__(self, n: int) -> None:
        """``n`` more are done."""
        self._done += n
        now = time.monotonic()
        if now - self._last < self._interval or self._done >= self._total:
            return
        self._last = now
        left = (now - self._began) * (self._total - self._done) / self._done
        print(
            f"{self._done:,} of {self._total:,} {self._noun} ({self._done / self._total:.0%}), "
            f"about {left / 60:.1f} minutes left",
            file=sys.stderr,
            flush=True,
        )
