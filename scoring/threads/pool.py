"""Slices of users over threads; kernels release the interpreter lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import numpy as np

from scoring.array_types import Longs
from scoring.threads.blas import limit_blas_threads

__all__ = [
    "available_cpus",
    "count_users_per_task",
    "limit_blas_threads",
    "limit_threads",
    "map_in_threads",
    "run_in_threads",
]

MAX_USERS_PER_TASK = 256
MIN_USERS_PER_TASK = 16
MIN_ROWS_IN_THREADS = 20_000
"""Shorter tables are processed in one thread."""
TASKS_PER_WORKER = 8
"""Enough tasks that threads finish at about the same time and a stop takes effect quickly."""


def available_cpus() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_MAX_THREADS: ContextVar[int | None] = ContextVar("max_threads", default=None)


@contextmanager
def limit_threads(workers: int | None) -> Iterator[None]:
    """Limit `map_in_threads` to this number of threads in the block, for the code that this thread runs.

    None: no other limit than that of an outer block. The caller of `map_in_threads` often does not know the limit.
    """
    token = _MAX_THREADS.set(_MAX_THREADS.get() if workers is None else workers)
    try:
        yield
    finally:
        _MAX_THREADS.reset(token)


T = TypeVar("T")
R = TypeVar("R")


def map_in_threads(work: Callable[[T], R], parts: Sequence[T], n_rows: int) -> list[R]:
    """Return `work` of each part of a table (a column, or some rows), in several threads if it has many rows.

    The number of threads is that of `limit_threads`, and one per core without a limit.
    """
    workers = min(_MAX_THREADS.get() or available_cpus(), len(parts))
    if workers <= 1 or n_rows < MIN_ROWS_IN_THREADS:
        return list(map(work, parts))
    with ThreadPoolExecutor(workers, thread_name_prefix="scoring") as pool:
        return list(pool.map(work, parts))


def count_users_per_task(n_users: int, workers: int, tile: int) -> int:
    """Return the length of the slices of `run_in_threads`."""
    size = int(np.clip(n_users // (workers * TASKS_PER_WORKER), MIN_USERS_PER_TASK, MAX_USERS_PER_TASK))
    rounds = max(-(-n_users // (workers * tile)), 1)  # one tile for each worker
    return max(size, -(-n_users // (workers * rounds)))


def run_in_threads(
    work: Callable[[slice], int],
    n_users: int,
    workers: int,
    stop: Longs | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda done: None,
    tile: int = 1,
) -> None:
    """Run `work` over slices of users. After a cancellation or an error, kernels stop between two users.

    Parameters
    ----------
    work: Processes a slice and returns the number of users it processed.
    stop: Its first element is set to 1 to stop the kernels, which check it.
    cancelled: Returns whether to stop.
    progress: Called with each result of `work`.
    tile: Number of users that are processed most efficiently together. Slices come close to this length if all
        workers still get an equal share.
    """
    size = count_users_per_task(n_users, workers, tile)
    parts = [slice(first, min(first + size, n_users)) for first in range(0, n_users, size)]
    if workers == 1 or len(parts) == 1:
        for part in parts:
            if cancelled():
                return
            progress(work(part))
        return
    if cancelled():
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="scoring") as pool:
        pending: set[Future[int]] = {pool.submit(work, part) for part in parts}
        try:
            while pending:
                done, pending = wait(pending, timeout=0.1, return_when=FIRST_COMPLETED)
                for future in done:
                    progress(future.result())
                if cancelled():
                    return
        finally:
            if pending:
                if stop is not None:
                    stop[0] = 1
                pool.shutdown(wait=True, cancel_futures=True)
