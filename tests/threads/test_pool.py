"""Number of users in one task of a thread; columns over threads."""

from __future__ import annotations

import threading

import pytest

from scoring.threads import pool
from scoring.threads.pool import count_users_per_task, limit_threads, map_in_threads


@pytest.mark.parametrize(
    ("n_users", "workers", "tile", "size"),
    [
        (0, 2, 1, 16),
        (500, 2, 1, 31),
        (500, 2, 128, 125),
        (300, 2, 128, 75),
        (100, 2, 128, 50),
        (10, 2, 128, 16),
        (100_000, 2, 128, 256),
    ],
)
def test_users_per_task(n_users: int, workers: int, tile: int, size: int) -> None:
    """Task sizes are close to whole tiles, and small enough for a quick cancellation."""
    assert count_users_per_task(n_users, workers, tile) == size


@pytest.mark.parametrize(("n_rows", "in_main_thread"), [(10, True), (pool.MIN_ROWS_IN_THREADS, False)])
def test_long_columns_run_in_threads(n_rows: int, in_main_thread: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "available_cpus", lambda: 2)
    found = map_in_threads(lambda n: (n, threading.current_thread() is threading.main_thread()), range(5), n_rows)
    assert found == [(n, in_main_thread) for n in range(5)]


@pytest.mark.parametrize(("workers", "outer", "n_threads"), [(1, 3, 1), (2, None, 2), (3, 1, 3), (None, 2, 2)])
def test_threads_are_limited(workers: int | None, outer: int | None, n_threads: int) -> None:
    """A part waits until all threads have a part. With one thread, the caller does the work."""
    together, names = threading.Barrier(n_threads), set()

    def work(part: int) -> None:
        together.wait(60)
        names.add(threading.current_thread().name)

    with limit_threads(outer), limit_threads(workers):
        map_in_threads(work, range(2 * n_threads), pool.MIN_ROWS_IN_THREADS)
    assert len(names) == n_threads
    assert (threading.main_thread().name in names) == (n_threads == 1)


def test_errors_of_columns_reach_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "available_cpus", lambda: 2)
    with pytest.raises(ZeroDivisionError):
        map_in_threads(lambda n: 1 / n, [1, 0], pool.MIN_ROWS_IN_THREADS)
