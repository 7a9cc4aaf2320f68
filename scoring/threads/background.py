"""Work in another thread while this one continues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["run_meanwhile"]

T = TypeVar("T")


@contextmanager
def run_meanwhile(work: Callable[[], T], stop: Callable[[], None] = lambda: None) -> Iterator[Callable[[], T]]:
    """Run `work` in another thread during the block, and yield a function that waits for its result.

    The thread has ended at the end of the block. If the block raises an exception, `stop` is called to end it early.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="scoring") as pool:
        future = pool.submit(work)
        try:
            yield future.result
        except BaseException:
            if not future.done():
                stop()
            raise
