"""Many independent fits at once, each by one thread and with a stream of its own.

The EM kernels let go of the interpreter's lock, so that a pool of threads is enough. Each fit draws from its
own stream and is computed by one thread from beginning to end, and results come back in the order they were
asked for: the bytes are the same for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_all(work: Callable[[Task], Result], tasks: Sequence[Task], threads: int = 1) -> list[Result]:
    """``work`` of each task, in the order of the tasks; a task's error is raised here.

    Args:
        work: pure but for random numbers of a stream that the task names.
        tasks: arguments.
        threads: at most so many at a time; 1 runs them here.
    """
    if threads <= 1 or len(tasks) < 2:
        return [work(task) for task in tasks]
    with ThreadPoolExecutor(max_workers=threads) as pool:
        return list(pool.map(work, tasks))
