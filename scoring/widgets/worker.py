"""Latest wins: a thread that computes what was asked for last, and gives up what was asked for before.

Whoever asks only hands a request over and goes on; so a kernel stays free whichever thread its events arrive on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from scoring.errors import RunCancelledError, ScoringError

__all__ = ["Status", "Worker"]

R = TypeVar("R")
S = TypeVar("S")

Kind = Literal["idle", "computing", "settled", "failed"]
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class Status:
    """What the worker is at; `why` it failed, as a sentence; how long the last computation took."""

    kind: Kind
    why: str = ""
    seconds: float = 0.0


class Worker(Generic[R, S]):
    """Computes requests one at a time on a thread of its own, and hands on what comes of the latest. The thread lives
    while there is anything to do: a worker that nobody asks any more, such as that of a cell that was run again,
    leaves none behind.

    `stages(request, cancelled)` yields results, each fuller than the one before; between them, and wherever it asks
    `cancelled`, a newer request ends it. `publish` and `told` are called on the worker's thread, never for what is
    stale. A request is begun `debounce` seconds after it was handed over, unless a newer one comes. `clock` and
    `wait` are for tests of time.
    """

    def __init__(
        self,
        stages: Callable[[R, Cancelled], Iterable[S]],
        publish: Callable[[S], None],
        told: Callable[[Status], None] = lambda status: None,
        *,
        debounce: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Condition, float], object] = threading.Condition.wait,
    ) -> None:
        self._stages, self._publish, self._told = stages, publish, told
        self._debounce, self._clock, self._wait = debounce, clock, wait
        self._changed = threading.Condition()
        self._request: R | None = None
        self._due = 0.0
        self._asked = self._done = 0
        self._closed = False
        self._error: Exception | None = None
        self.status = Status("idle")
        self._thread: threading.Thread | None = None

    def submit(self, request: R) -> None:
        """Asks for it; whatever was asked for before is given up. Nothing happens once closed."""
        with self._changed:
            if self._closed:
                return
            self._asked += 1
            self._request, self._due = request, self._clock() + self._debounce
            self._changed.notify_all()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="scoring-worker", daemon=True)
                self._thread.start()

    def wait_idle(self, timeout: float | None = None) -> None:
        """Until the latest request is computed. Raises what its computation raised; TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or self._done == self._asked, timeout):
                raise TimeoutError(f"the computation did not end within {timeout:g} seconds.")
            if self._error is not None:
                raise self._error

    def close(self, timeout: float | None = 5.0) -> None:
        """Gives up what is computed, and ends the thread. Nothing is handed on afterwards."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                asked = self._asked > self._done
                while asked and not self._closed and (left := self._due - self._clock()) > 0:
                    self._wait(self._changed, left)
                if self._closed or not asked:
                    self._thread = None  # under the lock: whoever asks next sees that a thread is needed
                    return
                number, request = self._asked, self._request
            self._compute(number, request)  # type: ignore[arg-type]  # there is one where something was asked

    def _compute(self, number: int, request: R) -> None:
        def stale() -> bool:
            return self._closed or self._asked != number

        begun, error = self._clock(), None
        try:
            self._tell(Status("computing"))
            for result in self._stages(request, stale):
                if stale():
                    return
                self._publish(result)
            if stale():
                return
            self._tell(Status("settled", seconds=self._clock() - begun))
        except Exception as problem:  # noqa: BLE001  # the thread must live on, and `wait_idle` raises it
            if isinstance(problem, RunCancelledError) and stale():
                return
            error = problem
            self._tell_failure(Status("failed", _sentence(problem), self._clock() - begun), stale)
        with self._changed:
            self._error = error
            if self._asked == number:
                self._done = number
                self._changed.notify_all()

    def _tell_failure(self, status: Status, stale: Cancelled) -> None:
        """A listener that fails as well must not end the thread: the first error is the one to be raised."""
        if not stale():
            with suppress(Exception):
                self._tell(status)

    def _tell(self, status: Status) -> None:
        self.status = status
        self._told(status)


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, ScoringError) else f"{type(error).__name__}: {error}"
