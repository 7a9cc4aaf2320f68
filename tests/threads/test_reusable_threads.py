"""Short work in threads that are kept."""

from __future__ import annotations

import os
import threading

import pytest

from scoring.threads import start_work
from scoring.threads.reusable_threads import _Threads


def test_work_begins_before_its_result_is_wanted() -> None:
    begun = threading.Event()
    get_result = start_work(lambda: begun.set() or threading.get_ident())
    assert begun.wait(60)
    assert get_result() != threading.get_ident()


def test_error_of_the_work_is_raised_by_its_result() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        start_work(fail)()


def test_work_that_starts_work_does_not_wait_forever() -> None:
    """More tasks than threads, each of which waits for another task."""

    def count(depth: int) -> int:
        return 1 if depth == 0 else 1 + start_work(lambda: count(depth - 1))()

    tasks = [start_work(lambda: count(20)) for _ in range(20)]
    assert [get_result() for get_result in tasks] == [21] * 20


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="this system has no fork")
def test_forked_process_starts_threads_of_its_own() -> None:
    start_work(int)()
    pool, lock = _Threads.pool, _Threads.lock
    try:
        _Threads.forget()  # as after a fork
        assert start_work(lambda: 7)() == 7
        assert _Threads.pool is not pool
    finally:
        _Threads.lock, _Threads.pool = lock, pool
