"""Who is at risk at each time of an event: late entry, and the two rules for tied events.

Someone is at risk at a time when she entered before it and is still followed at it. So the times of events at
which she is at risk are a run of all of them, and every sum over risk sets is a running sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TIES = ("efron", "breslow")


@dataclass(frozen=True)
class RiskSets:
    """The times of events at which each of n people is at risk; D distinct times, ascending.

    Attributes:
        event: uint8 (n,), 1 where follow-up ended with the event.
        first: int64 (n,), number of the first time at which a person is at risk.
        last: int64 (n,), number after the last one; 0, like ``first``, for somebody who never is. A person
            with an event has it at time ``last - 1``.
        times: float64 (D,), the times of events.
        efron: whether a share of the tied events is taken off the risk set (Efron 1977), or none (Breslow
            1974).
    """

    event: np.ndarray
    first: np.ndarray
    last: np.ndarray
    times: np.ndarray
    efron: bool

    @classmethod
    def of(
        cls, time: np.ndarray, event: np.ndarray, entry: np.ndarray | None = None, ties: str = "efron"
    ) -> RiskSets:
        """Find them.

        Args:
            time: float64 (n,), end of follow-up.
            event: bool (n,), whether it ended with the event.
            entry: float64 (n,), start of follow-up, before ``time``; None: all from the start.
            ties: ``efron`` or ``breslow``.

        Raises:
            ValueError: another rule for ties, or a follow-up that ends when it begins or before.
        """
        if ties not in TIES:
            raise ValueError(f"ties '{ties}', expected {' or '.join(TIES)}")
        start = np.full(len(time), -np.inf) if entry is None else np.asarray(entry, float)
        if not np.all(start < time):
            row = int(np.argmin(start < time))
            raise ValueError(f"row {row}: entry {start[row]} is not before the end of follow-up {time[row]}")
        seen = np.asarray(event, bool)
        times = np.unique(np.asarray(time, float)[seen])
        first, last = np.searchsorted(times, start, "right"), np.searchsorted(times, time, "right")
        never = first == last
        return cls(
            seen.astype(np.uint8),
            np.where(never, 0, first).astype(np.int64),
            np.where(never, 0, last).astype(np.int64),
            times,
            ties == "efron",
        )

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, bool]:
        """What the kernels take."""
        return self.event, self.first, self.last, len(self.times), self.efron
