"""One at a time, whether threads or tasks of several event loops."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager

__all__ = ["Turn"]


class Turn:
    """First come, first served; tasks wait without holding up their event loop.

    A lock of threads would hold up a loop, and a lock of asyncio belongs to one loop. Not to be taken again by who
    has it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[Future[None]] = deque()

    @asynccontextmanager
    async def of_task(self) -> AsyncIterator[None]:
        """For a task."""
        place = self._ask()
        try:
            await asyncio.wrap_future(place)
        except BaseException:
            self._give_up(place)
            raise
        try:
            yield
        finally:
            self._pass_on()

    @contextmanager
    def of_thread(self) -> Iterator[None]:
        """For a thread. One that runs an event loop does not wait: whoever has the turn may need that loop."""
        place = self._ask()
        if _runs_a_loop() and place.cancel():
            yield
            return
        try:
            place.result()
        except BaseException:
            self._give_up(place)
            raise
        try:
            yield
        finally:
            self._pass_on()

    def _ask(self) -> Future[None]:
        """A place in the queue: done when it is ours."""
        place: Future[None] = Future()
        with self._lock:
            if self._taken:
                self._waiting.append(place)
                return place
            self._taken = True
        place.set_result(None)
        return place

    def _give_up(self, place: Future[None]) -> None:
        if not place.cancel():  # it came meanwhile
            self._pass_on()

    def _pass_on(self) -> None:
        with self._lock:
            while self._waiting:
                place = self._waiting.popleft()
                if place.set_running_or_notify_cancel():
                    break
            else:
                self._taken = False
                return
        place.set_result(None)


def _runs_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
