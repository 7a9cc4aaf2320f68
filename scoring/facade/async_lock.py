"""A lock for threads and for tasks of several event loops."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager

__all__ = ["AsyncLock"]


class AsyncLock:
    """A fair lock that tasks wait for without blocking their event loop. Not reentrant.

    A lock of `threading` would block an event loop, and a lock of `asyncio` belongs to one event loop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # around the two values below
        self._is_held = False
        self._waiting: deque[Future[None]] = deque()

    @asynccontextmanager
    async def for_task(self) -> AsyncIterator[None]:
        """Hold the lock in a task."""
        request = self._request()
        try:
            await asyncio.wrap_future(request)
        except BaseException:
            self._withdraw(request)
            raise
        try:
            yield
        finally:
            self._release()

    @contextmanager
    def for_thread(self) -> Iterator[None]:
        """Hold the lock in a thread.

        A thread that runs an event loop does not wait, and continues without the lock: its holder may need that loop.
        """
        request = self._request()
        if _runs_event_loop() and request.cancel():
            yield
            return
        try:
            request.result()
        except BaseException:
            self._withdraw(request)
            raise
        try:
            yield
        finally:
            self._release()

    def _request(self) -> Future[None]:
        """Return a future that is done when the caller holds the lock."""
        request: Future[None] = Future()
        with self._lock:
            if self._is_held:
                self._waiting.append(request)
                return request
            self._is_held = True
        request.set_result(None)
        return request

    def _withdraw(self, request: Future[None]) -> None:
        if not request.cancel():  # the caller holds the lock already
            self._release()

    def _release(self) -> None:
        with self._lock:
            while self._waiting:
                request = self._waiting.popleft()
                if request.set_running_or_notify_cancel():
                    break
            else:
                self._is_held = False
                return
        request.set_result(None)


def _runs_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
