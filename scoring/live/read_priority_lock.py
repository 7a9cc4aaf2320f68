"""A lock that one writer gives to waiting readers between two short steps."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["ReadPriorityLock"]

_PAUSE_SECONDS: Final = 0.00005
_MAX_PAUSES: Final = 40


class ReadPriorityLock:
    """A mutual exclusion lock. A thread that takes it often for writing waits first until readers had it.

    Without this, a thread that releases and takes a lock in a loop can keep all others from it: Python's locks are not
    fair.
    """

    def __init__(self) -> None:
        self._lock, self._count_lock = threading.Lock(), threading.Lock()
        self._n_waiting = 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the lock for a read."""
        if not self._lock.acquire(blocking=False):
            with self._count_lock:
                self._n_waiting += 1
            try:
                self._lock.acquire()
            finally:
                with self._count_lock:
                    self._n_waiting -= 1
        try:
            yield
        finally:
            self._lock.release()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock for a write, after the reads that wait for it."""
        for _ in range(_MAX_PAUSES):
            if not self._n_waiting:
                break
            time.sleep(_PAUSE_SECONDS)
        with self._lock:
            yield
