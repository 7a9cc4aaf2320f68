"""Tests of `scoring.live.read_priority_lock`."""

from __future__ import annotations

import threading
import time

from scoring.live.read_priority_lock import ReadPriorityLock


def test_reads_are_served_between_writes() -> None:
    """A writer that takes the lock again at once does not keep readers out."""
    lock, stopped = ReadPriorityLock(), threading.Event()

    def write() -> None:
        while not stopped.is_set():
            with lock.writing():
                time.sleep(0.001)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        start = time.monotonic()
        for _ in range(50):
            with lock.reading():
                pass
        assert time.monotonic() - start < 5
    finally:
        stopped.set()
        thread.join()


def test_lock_is_exclusive() -> None:
    lock, value = ReadPriorityLock(), [0]

    def count(name: str) -> None:
        for _ in range(500):
            with getattr(lock, name)():
                before = value[0]
                time.sleep(0)
                value[0] = before + 1

    threads = [threading.Thread(target=count, args=(name,)) for name in ("reading", "writing", "reading")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value == [1500]
