"""Threads that are reused for short work. Starting a thread takes 0.1 ms and needs the interpreter lock."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, TypeVar

from scoring.threads.pool import available_cpus

__all__ = ["start_work"]

T = TypeVar("T")


class _Threads:
    """The threads of this process, which are started when they are needed."""

    lock = threading.Lock()
    pool: ClassVar[ThreadPoolExecutor | None] = None

    @classmethod
    def get_pool(cls) -> ThreadPoolExecutor:
        with cls.lock:
            if cls.pool is None:
                cls.pool = ThreadPoolExecutor(max(4, 2 * available_cpus()), thread_name_prefix="scoring-kept")
            return cls.pool

    @classmethod
    def forget(cls) -> None:
        """Forget the threads of the parent process after a fork."""
        cls.lock, cls.pool = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Threads.forget)


def start_work(work: Callable[[], T]) -> Callable[[], T]:
    """Start `work` in another thread, and return a function that returns its result or raises its error.

    Call the function once. If the work has not started, the function runs it in the calling thread. Nested calls
    therefore cannot deadlock.
    """
    try:
        future = _Threads.get_pool().submit(work)
    except RuntimeError:  # the interpreter is ending
        return work
    return lambda: work() if future.cancel() else future.result()
